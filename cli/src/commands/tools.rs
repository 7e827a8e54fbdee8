//! `mcp-mux tools`: what an endpoint offers.

use std::fmt::Write as _;
use std::time::Duration;

use mcp_mux_envoy_files::resources::set;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Ending;
use crate::args::Asked;
use crate::client::{Endpoint, Eras, LISTS, headers};
use crate::table::{counted, shortened, table};

/// How much of a description is shown, in characters.
const SHOWN: usize = 72;

/// Prints it.
///
/// # Errors
///
/// The endpoint does not answer.
pub async fn run(arguments: &Asked) -> Result<(), Ending> {
    let mut endpoint = open(arguments).await?;
    let mut lists = Vec::new();
    for (method, field) in LISTS {
        let items = endpoint.list(method, field).await;
        lists.push((field, items.map_err(|error| failed(arguments, &error))?));
    }
    if arguments.json {
        anstream::println!("{}", as_json(&endpoint, &lists)?);
    } else {
        anstream::print!("{}", as_text(&endpoint, &lists));
    }
    endpoint.close().await;
    Ok(())
}

/// Opens an endpoint of the command line.
///
/// # Errors
///
/// A header that is none; the endpoint does not answer.
pub(super) async fn open(endpoint: &Asked) -> Result<Endpoint, Ending> {
    let lines = endpoint.header.iter().map(|line| line.split_once(':').unwrap_or((line, "")));
    let headers = headers(lines).map_err(anyhow::Error::msg)?;
    let timeout = Duration::from_secs(endpoint.timeout);
    let opened = Endpoint::open(&endpoint.url, headers, Eras::Both, timeout).await;
    opened.map_err(|error| failed(endpoint, &error))
}

pub(super) fn failed(endpoint: &Asked, error: &str) -> Ending {
    // Its query may have a secret.
    let url = endpoint.url.split('?').next().unwrap_or_default();
    anyhow::anyhow!("{url}: {error}").into()
}

type Lists = Vec<(&'static str, Vec<Box<RawValue>>)>;

fn as_json(endpoint: &Endpoint, lists: &Lists) -> Result<String, Ending> {
    let era = if endpoint.stateless { "stateless" } else { "handshake" };
    let mut document = json!({"era": era, "revision": endpoint.revision, "said": endpoint.said});
    for (field, items) in lists {
        let items: Result<Vec<Value>, _> =
            items.iter().map(|item| serde_json::from_str(item.get())).collect();
        let items = items.map_err(|error| anyhow::anyhow!("{field}: {error}"))?;
        set(&mut document, field, items);
    }
    Ok(format!("{document:#}"))
}

fn as_text(endpoint: &Endpoint, lists: &Lists) -> String {
    let info = |pointers: [&str; 2]| {
        let text = pointers.iter().find_map(|it| endpoint.said.pointer(it)?.as_str());
        text.unwrap_or("?").to_owned()
    };
    let name = info(["/serverInfo/name", "/_meta/io.modelcontextprotocol~1serverInfo/name"]);
    let version =
        info(["/serverInfo/version", "/_meta/io.modelcontextprotocol~1serverInfo/version"]);
    let era = if endpoint.stateless { "without sessions" } else { "with sessions" };
    let counts = |field: &str, one: &str| {
        let items = lists.iter().find(|(it, _)| *it == field).map_or(0, |(_, items)| items.len());
        counted(items, one)
    };
    let mut text = format!(
        "{name} {version}, {} ({era}): {}, {}, {}, {}\n",
        endpoint.revision,
        counts("tools", "tool"),
        counts("prompts", "prompt"),
        counts("resources", "resource"),
        counts("resourceTemplates", "template"),
    );
    let missing = endpoint.said.pointer("/_meta/mcp-mux~1unavailable").and_then(Value::as_array);
    for one in missing.into_iter().flatten() {
        let part = |name| one.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        let _ = writeln!(text, "without {}: {}", part("upstream"), part("reason"));
    }
    for (field, items) in lists {
        if items.is_empty() {
            continue;
        }
        let key = match *field {
            "resources" => "uri",
            "resourceTemplates" => "uriTemplate",
            _ => "name",
        };
        let rows: Vec<[String; 2]> = items.iter().map(|item| row(item, key)).collect();
        let title = if *field == "resourceTemplates" { "templates" } else { field };
        let _ = write!(text, "\n{}", table([title, "description"], &rows));
    }
    text
}

fn row(item: &RawValue, key: &str) -> [String; 2] {
    let item: Value = serde_json::from_str(item.get()).unwrap_or_default();
    let part = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let description = ["description", "title", "name"].map(part);
    let description = description.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
    [shortened(part(key), 100), shortened(description, SHOWN)]
}
