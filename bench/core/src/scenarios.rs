//! What is counted.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::documents::{
    content, deep, long, many, resource, text, tools, unicode, unicode_content,
};
use crate::prepared::Prepared;
use crate::script::{Script, envelope};

/// A scenario's name, and what makes it.
type Scenario = (&'static str, fn() -> Script);
/// The same, of so many times the usual size.
type Document = (&'static str, fn(usize) -> Script);

/// The hot paths.
const HOT: [Scenario; 17] = [
    ("call_json", || call(200, content(200), None)),
    ("call_json_with_rules", || Script { rules: true, ..call(200, content(200), None) }),
    ("call_sse", || call(200, content(200), Some(0))),
    ("call_100_kb_of_arguments", || call(100_000, content(200), None)),
    ("call_1_mb_json", || call(200, content(1_000_000), None)),
    ("call_1_mb_sse", || call(200, content(1_000_000), Some(0))),
    ("call_1_mb_json_with_resources", || linked(call(200, content(1_000_000), None))),
    ("call_1_mb_sse_with_resources", || linked(call(200, content(1_000_000), Some(0)))),
    ("call_100_progress_events", || call(200, content(200), Some(100))),
    ("list_10_x_1_tools", || list(10, tools(1))),
    ("list_10_x_100_tools", || list(10, tools(100))),
    ("initialize_10", || Script::initialize(10)),
    ("initialize_10_lazy", || Script { lazy: true, ..Script::initialize(10) }),
    ("resources_read", read),
    ("call_stateless_json", stateless_call),
    ("discover_10", || Script::discover(10)),
    ("ping", || Script::new(2, "ping", "{}".into())),
];

/// Documents that are long in one way or another.
const LONG: [Document; 8] = [
    ("list_many_tools", |size| list(1, many(size * 1000))),
    ("list_long_descriptions", |size| list(1, long(size * 100_000))),
    ("list_deep_schemas", |size| list(1, deep(size * 500))),
    ("list_unicode", |size| list(1, unicode(size * 100_000))),
    ("call_unicode_json", |size| call(200, unicode_content(size * 100_000), None)),
    ("call_unicode_sse", |size| call(200, unicode_content(size * 100_000), Some(0))),
    ("call_unicode_json_with_resources", |size| {
        linked(call(200, unicode_content(size * 100_000), None))
    }),
    ("call_unicode_sse_with_resources", |size| {
        linked(call(200, unicode_content(size * 100_000), Some(0)))
    }),
];

/// The names of the hot paths.
pub const SCENARIOS: [&str; HOT.len()] = names(&HOT);
/// The names of the long documents: each is counted twice, as it is and ten times as long.
pub const DOCUMENTS: [&str; LONG.len()] = names(&LONG);
/// What is behind the name of a document that is ten times as long.
pub const TEN_TIMES: &str = "_x10";

const fn names<T: Copy, const N: usize>(table: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = table[at].0;
        at += 1;
    }
    names
}

/// A scenario, ready to run.
///
/// # Errors
///
/// There is none of that name, or it is not answered as it must be.
pub fn prepared(name: &str) -> Result<Prepared> {
    let hot = HOT.iter().find(|(hot, _)| *hot == name).map(|(_, make)| make());
    let (document, size) = name.strip_suffix(TEN_TIMES).map_or((name, 1), |name| (name, 10));
    let document = LONG.iter().find(|(it, _)| *it == document).map(|(_, make)| make(size));
    let script = hot.or(document).with_context(|| format!("no scenario {name}"))?;
    Prepared::of(&script).with_context(|| name.to_owned())
}

/// A call of a tool of one of two upstreams.
fn call(arguments: usize, result: String, stream: Option<usize>) -> Script {
    let params = json!({
        "name": "up0__tool_0000",
        "arguments": {"argument_0": text(arguments)},
        "_meta": {"progressToken": 7},
    });
    Script { result, stream, ..Script::new(2, "tools/call", params.to_string()) }
}

/// The same without a session (2026-07-28).
fn stateless_call() -> Script {
    let params = json!({
        "name": "up0__tool_0000",
        "arguments": {"argument_0": text(200)},
        "_meta": envelope(),
    });
    let script = Script::new(2, "tools/call", params.to_string());
    Script { result: content(200), stateless: Some("up0__tool_0000"), ..script }
}

/// The same, of an upstream whose answers may hold URIs.
fn linked(script: Script) -> Script {
    Script { capabilities: r#"{"tools":{},"resources":{}}"#, ..script }
}

fn list(upstreams: usize, result: String) -> Script {
    Script { result, ..Script::new(upstreams, "tools/list", "{}".into()) }
}

fn read() -> Script {
    let params = json!({"uri": "up0+file:///page.txt"}).to_string();
    let result = resource("file:///page.txt", 200);
    linked(Script { result, ..Script::new(2, "resources/read", params) })
}
