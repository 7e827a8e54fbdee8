//! Waits until servers answer, and finds out what they offer.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::words::Words;
use crate::client::{Endpoint, Eras, LISTS, headers};
use crate::gateway::Upstream;
use crate::servers::Reached;

/// How long the first answer of a program may take: `npx` and `uvx` may have to load it first.
const PROGRAM: Duration = Duration::from_secs(90);

/// How long a server with a URL may take.
const REMOTE: Duration = Duration::from_secs(15);

/// How long Envoy and the filter may take to start.
const GATEWAY: Duration = Duration::from_secs(60);

/// How long a program that has failed may take to say why.
const SAID: Duration = Duration::from_secs(5);

/// How long it takes to ask again.
const AGAIN: Duration = Duration::from_millis(200);

/// What was found out of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// What it is called at the gateway.
    pub(super) name: String,
    /// What the file calls it.
    pub(super) written: String,
    /// Where it is: its program, or its URL without a query.
    pub(super) at: String,
    /// The revision that it speaks, and what that means.
    pub(super) era: Option<String>,
    /// What clients see of it.
    pub(super) counts: Counts,
    /// Why it is not there.
    pub(super) fault: Option<String>,
    /// How long it took to answer.
    pub(super) took: Duration,
}

/// How many of each it has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Tools.
    pub(super) tools: usize,
    /// Prompts.
    pub(super) prompts: usize,
    /// Resources and templates.
    pub(super) resources: usize,
}

/// Waits for these servers, each until it answers or says why it does not. `reason` adds what a
/// program has said, if it has said something.
pub(super) async fn servers(
    upstreams: &[Upstream],
    words: Words,
    reason: impl Fn(&str, &str) -> Option<String>,
) -> Vec<Server> {
    let started = Instant::now();
    let mut found: BTreeMap<String, Server> = BTreeMap::new();
    let mut asked = JoinSet::new();
    for upstream in upstreams {
        asked.spawn(ask(upstream.clone()));
    }
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    while !asked.is_empty() {
        let missing = upstreams.iter().map(|it| it.server.name.as_str());
        let missing: Vec<&str> = missing.filter(|name| !found.contains_key(*name)).collect();
        words.waiting(&missing, started.elapsed().as_secs());
        tokio::select! {
            Some(server) = asked.join_next() => {
                let Ok(mut server) = server else { continue };
                if let Some(fault) = server.fault.take() {
                    server.fault = Some(explained(&server.name, &fault, &reason).await);
                }
                words.waiting(&[], 0);
                words.server(&server);
                found.insert(server.name.clone(), server);
            }
            _ = seconds.tick() => {}
        }
    }
    words.waiting(&[], 0);
    upstreams.iter().filter_map(|it| found.remove(&it.server.name)).collect()
}

/// A fault, and what the program has said of it; that may come a moment later than its end.
async fn explained(
    name: &str,
    fault: &str,
    reason: impl Fn(&str, &str) -> Option<String>,
) -> String {
    let deadline = Instant::now() + SAID;
    loop {
        match reason(name, fault) {
            Some(reason) => return reason,
            None if Instant::now() > deadline => return fault.to_owned(),
            None => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// What is known of a server before it is asked.
#[must_use]
pub(super) fn unasked(upstream: &Upstream) -> Server {
    let at = match &upstream.server.reached {
        Reached::Url(remote) => remote.shown(),
        Reached::Command(command) => command.program.clone(),
    };
    Server {
        name: upstream.server.name.clone(),
        written: upstream.server.written.clone(),
        at,
        ..Server::default()
    }
}

async fn ask(upstream: Upstream) -> Server {
    let started = Instant::now();
    let mut server = unasked(&upstream);
    let (headers, patience, eras) = match &upstream.server.reached {
        Reached::Url(remote) => {
            let lines = remote.headers.iter();
            let lines = lines.map(|it| (it.name.as_str(), it.value.as_deref().unwrap_or_default()));
            (headers(lines).unwrap_or_default(), REMOTE, Eras::Both)
        }
        Reached::Command(_) => (HeaderMap::new(), PROGRAM, Eras::Handshake),
    };
    let deadline = started + patience;
    let answered = loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(AGAIN);
        let answered = match upstream.remote() {
            Some(remote) if remote.sse => {
                event_stream(&upstream.url(), headers.clone(), left).await
            }
            _ => streamable(&upstream.url(), headers.clone(), eras, left).await,
        };
        match answered {
            // It may be about to start.
            Err(fault)
                if fault.contains("refused")
                    && !fault.contains("refuses")
                    && Instant::now() < deadline =>
            {
                tokio::time::sleep(AGAIN).await;
            }
            answered => break answered,
        }
    };
    server.took = started.elapsed();
    match answered {
        Ok(era) => server.era = Some(era),
        Err(fault) => server.fault = Some(fault),
    }
    server
}

async fn streamable(
    url: &str,
    headers: HeaderMap,
    eras: Eras,
    timeout: Duration,
) -> Result<String, String> {
    let endpoint = Endpoint::open(url, headers, eras, timeout).await?;
    let era = if endpoint.stateless { "stateless" } else { "sessions" };
    let era = format!("{era} ({})", endpoint.revision);
    endpoint.close().await;
    Ok(era)
}

/// Of the older transport no more is asked here than whether there is a stream.
async fn event_stream(url: &str, headers: HeaderMap, timeout: Duration) -> Result<String, String> {
    let kind = crate::client::event_stream(url, headers, timeout).await?;
    Ok(format!("sessions ({kind})"))
}

/// Asks the gateway what clients see, as soon as it answers.
///
/// # Errors
///
/// Why it does not answer.
pub(super) async fn gateway(url: &str, servers: &mut [Server]) -> Result<(), String> {
    let deadline = Instant::now() + GATEWAY;
    let mut endpoint = loop {
        match Endpoint::open(url, HeaderMap::new(), Eras::Handshake, GATEWAY).await {
            Ok(endpoint) => break endpoint,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    };
    for server in servers.iter_mut() {
        server.counts = Counts::default();
    }
    for (method, field) in LISTS {
        let items = endpoint.list(method, field).await?;
        for item in &items {
            let Some(server) = owner(item, field, servers) else { continue };
            match field {
                "tools" => server.counts.tools += 1,
                "prompts" => server.counts.prompts += 1,
                _ => server.counts.resources += 1,
            }
        }
    }
    let missing = endpoint.said.pointer("/_meta/mcp-mux~1unavailable").and_then(Value::as_array);
    for one in missing.into_iter().flatten() {
        let text = |name| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let server = servers.iter_mut().find(|server| server.name == text("upstream"));
        if let Some(server) = server.filter(|server| server.fault.is_none()) {
            server.fault = Some(format!("the gateway says: {}", text("reason")));
        }
    }
    endpoint.close().await;
    Ok(())
}

/// Whose an item is: its name begins with `<server>__`, its URI with `<server>+` or `ui://<server>/`.
fn owner<'s>(item: &RawValue, field: &str, servers: &'s mut [Server]) -> Option<&'s mut Server> {
    let item: Value = serde_json::from_str(item.get()).ok()?;
    let key = match field {
        "resources" => "uri",
        "resourceTemplates" => "uriTemplate",
        _ => "name",
    };
    let text = item.get(key)?.as_str()?;
    let owner = match key {
        "name" => text.split("__").next()?,
        _ => match text.strip_prefix("ui://") {
            Some(rest) => rest.split('/').next()?,
            None => text.split('+').next()?,
        },
    };
    // A scheme that would begin with a digit has `x-` before it.
    let is_owner = |name: &str| owner == name || owner.strip_prefix("x-") == Some(name);
    servers.iter_mut().find(|server| is_owner(&server.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_of_the_server_that_its_name_or_uri_begins_with() {
        let named = |name: &str| Server { name: name.into(), ..Server::default() };
        let mut servers = [named("a"), named("a-b"), named("3d")];
        for (text, field, name) in [
            (r#"{"name": "a__x__y"}"#, "tools", Some("a")),
            (r#"{"name": "a-b__x"}"#, "prompts", Some("a-b")),
            (r#"{"uri": "a-b+file:///a+b"}"#, "resources", Some("a-b")),
            (r#"{"uriTemplate": "x-3d+x://{y}"}"#, "resourceTemplates", Some("3d")),
            (r#"{"uri": "ui://a/x"}"#, "resources", Some("a")),
            (r#"{"name": "c__x"}"#, "tools", None),
            ("{}", "tools", None),
        ] {
            let item = RawValue::from_string(text.to_owned()).expect("JSON");
            let found = owner(&item, field, &mut servers).map(|server| server.name.clone());
            assert_eq!(found.as_deref(), name, "{text}");
        }
    }
}
