//! The page as JSON.

use serde_json::{Map, Value, json};

use super::page::{Page, Server, Tool};
use crate::effect::Ending;

pub(super) fn write(page: &Page) -> String {
    let warnings = page.warnings.iter().map(
        |it| json!({"server": it.server, "tool": it.tool, "what": it.what, "advice": it.advice}),
    );
    let mut groups = Map::new();
    for (name, numbers) in &page.groups {
        let numbers: Map<String, Value> =
            numbers.iter().map(|(name, number)| (key(name), json!(number))).collect();
        groups.insert(key(name), numbers.into());
    }
    let all = json!({
        "path": page.path,
        "seen_by": if page.is_of_all { "all workers" } else { "one worker" },
        "warnings": warnings.collect::<Vec<_>>(),
        "servers": page.servers.iter().map(server).collect::<Vec<_>>(),
        "tools": page.tools.iter().map(tool).collect::<Vec<_>>(),
        "more_tools": page.more_tools,
        "counts": groups,
    });
    format!("{all:#}\n")
}

fn key(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "_")
}

fn server(it: &Server) -> Value {
    json!({
        "name": it.name,
        "cluster": it.cluster,
        "state": it.state.class(),
        "era": it.era,
        "revision": it.revision,
        "transport": it.transport,
        "median_us": it.median,
        "answers": it.answers,
        "failures": it.failures,
        "last_answer_seconds_ago": it.last_answer,
        "last_error": it.last_error.as_ref().map(|(_, what)| what),
        "last_error_seconds_ago": it.last_error.as_ref().map(|(ago, _)| ago),
        "tools": it.tools,
        "left_out": it.left_out,
    })
}

fn tool(it: &Tool) -> Value {
    json!({
        "server": it.server,
        "name": it.name,
        "state": it.state.class(),
        "calls": it.calls,
        "failures": it.failures,
        "median_us": it.median,
        "last_failure": it.last_failure.map(Ending::label),
    })
}
