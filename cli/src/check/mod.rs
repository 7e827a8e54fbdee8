//! `mcp-mux check`: the filter's configuration in a file of Envoy, held against the filter's own reader.

mod find;
mod place;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeSet;

use mcp_mux_core::config::ConfigError;
use serde_json::json;

use crate::args::Check;
use crate::commands::Ending;
use crate::gateway::{Host, read};
use crate::servers::{Fault, Position};
use find::{Configuration, Filter};
use yaml::Node;

/// A configuration that is right.
#[derive(Debug, PartialEq, Eq)]
struct Right {
    position: Position,
    host: Host,
    upstreams: Vec<String>,
}

/// Checks a file, and says what was found.
///
/// # Errors
///
/// Its faults.
pub fn run(arguments: &Check) -> Result<(), Ending> {
    let file = arguments.file.display();
    let bytes = std::fs::read(&arguments.file)
        .map_err(|error| Ending::wrong(format!("{file}: it cannot be read: {error}")))?;
    if bytes.len() > yaml::LONGEST {
        let most = yaml::LONGEST;
        return Err(Ending::wrong(format!("{file}: expected at most {most} bytes")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Ending::wrong(format!("{file}: it is not UTF-8: save it as UTF-8")))?;
    let (right, faults) = check(&text);
    if arguments.json {
        let fault = |it: &Fault| json!({"line": it.position.line, "column": it.position.column, "message": it.message});
        let faults: Vec<_> = faults.iter().map(fault).collect();
        anstream::println!(
            "{:#}",
            json!({"file": arguments.file, "right": right.len(), "faults": faults})
        );
    } else {
        for Right { position, host, upstreams } in &right {
            let host = if *host == Host::Wasm { "WebAssembly" } else { "the native host" };
            let count = crate::table::counted(upstreams.len(), "upstream");
            anstream::println!(
                "{file}:{position}: right, for {host}: {count}: {}",
                upstreams.join(", ")
            );
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Ending::Wrong(faults.iter().map(|fault| format!("{file}:{fault}")).collect()))
}

/// What is right in a text, and what is wrong.
fn check(text: &str) -> (Vec<Right>, Vec<Fault>) {
    let documents = match yaml::read(text) {
        Ok(documents) => documents,
        Err(fault) => return (Vec::new(), vec![fault]),
    };
    let (mut right, mut faults) = (Vec::new(), Vec::new());
    for document in &documents {
        let mut found = Vec::new();
        find::filters(document, &mut found);
        let clusters = find::clusters(document);
        for filter in found {
            let checked = filter.and_then(|filter| one(text, &filter, clusters.as_deref()));
            match checked {
                Ok((one, others)) => {
                    faults.extend(others);
                    right.push(one);
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    if right.is_empty() && faults.is_empty() {
        let message = "no filter of mcp-mux: expected a WebAssembly filter or a dynamic module that is called mcp_mux, or has upstreams";
        faults
            .push(Fault { position: Position { line: 1, column: 1 }, message: message.to_owned() });
    }
    (right, faults)
}

/// Checks one filter: what the filter itself would refuse, or what is right, and what Envoy would do wrong.
fn one(
    text: &str,
    filter: &Filter<'_>,
    clusters: Option<&[&str]>,
) -> Result<(Right, Vec<Fault>), Fault> {
    let (node, bytes) = match &filter.configuration {
        Configuration::Object(node) => (*node, yaml::value(node)?.to_string()),
        Configuration::Text(node) => (*node, node.text().unwrap_or_default().to_owned()),
    };
    let place = |path: &str, unknown: bool| match &filter.configuration {
        Configuration::Object(node) => place::in_object(node, path, unknown),
        Configuration::Text(node) => {
            place::in_text(text, node, path, unknown).unwrap_or(node.position)
        }
    };
    let gateway = read(filter.host, bytes.as_bytes())
        .map_err(|error| refused(text, filter, &bytes, &error, &place))?;
    let mut faults = Vec::new();
    if filter.host == Host::Wasm {
        faults.extend(stops(filter.node));
        faults.extend(keys_env(filter.node, &gateway.key_source, place("session.keys_env", false)));
    }
    let mut missing = BTreeSet::new();
    for (number, (_, upstream)) in gateway.upstreams.iter().enumerate() {
        let Some(clusters) = clusters else { break };
        if !clusters.contains(&upstream.cluster.as_str()) && missing.insert(&upstream.cluster) {
            let path = format!("upstreams[{number}].cluster");
            let message = format!(
                "{path}: no cluster {:?} in this file: add it, or name one of {}",
                upstream.cluster,
                clusters.join(", ")
            );
            faults.push(Fault { position: place(&path, false), message });
        }
    }
    let upstreams = gateway.upstreams.iter().map(|(_, upstream)| upstream.name.clone()).collect();
    Ok((Right { position: node.position, host: filter.host, upstreams }, faults))
}

/// Where the filter's refusal is.
fn refused(
    text: &str,
    filter: &Filter<'_>,
    bytes: &str,
    error: &ConfigError,
    place: &dyn Fn(&str, bool) -> Position,
) -> Fault {
    let unknown = error.found.starts_with("the unknown field") || error.found == "the field twice";
    let mut position = place(&error.path, unknown);
    if let Configuration::Text(node) = &filter.configuration
        && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(bytes)
    {
        let inside = Position { line: error.line(), column: error.column().max(1) };
        position = place::of_text(text, node, inside).unwrap_or(position);
    }
    Fault { position, message: error.to_string() }
}

/// Without this, requests hang: the filter never sees their bodies.
fn stops(node: &Node) -> Option<Fault> {
    let config = node.get("config")?;
    let set = config.get("allow_on_headers_stop_iteration");
    if set.and_then(|it| yaml::value(it).ok()).is_some_and(|it| it == true) {
        return None;
    }
    let message = "config.allow_on_headers_stop_iteration: expected true, or requests hang";
    Some(Fault { position: set.unwrap_or(config).position, message: message.to_owned() })
}

/// A virtual machine sees no variable but those that it is handed.
fn keys_env(
    node: &Node,
    source: &mcp_mux_core::gateway::KeySource,
    position: Position,
) -> Option<Fault> {
    let mcp_mux_core::gateway::KeySource::Environment(name) = source else { return None };
    let handed = node.at(&["config", "vm_config", "environment_variables"]);
    let by_name = handed.and_then(|it| it.get("host_env_keys"));
    let is_named = by_name.is_some_and(|it| it.items().iter().any(|it| it.text() == Some(name)));
    let is_set = handed.and_then(|it| it.at(&["key_values", name])).is_some();
    if is_named || is_set {
        return None;
    }
    let message = format!(
        "session.keys_env: the filter does not see {name}: add environment_variables: {{host_env_keys: [{name}]}} to vm_config"
    );
    Some(Fault { position, message })
}
