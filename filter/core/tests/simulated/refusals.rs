//! What is refused, with which status and code and with the id where it can be read.

use serde_json::{Value, json};

use crate::world::{Chance, INITIALIZE, Request, Way, World, config, gateway};

const CALL: &str = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"a__t"}}"#;

/// A request and the status, the code and the id of its refusal.
type Row = (&'static str, Request, u16, i64, Value);

fn bodies() -> Vec<Row> {
    let row = |what, body: &str, code, id| (what, Request::post(body), 400, code, id);
    let null = Value::Null;
    let message = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let mut rows = vec![
        row("empty", "", -32700, null.clone()),
        row("broken", "{\"jsonrpc\":\"2.0\",\"id\":1", -32700, null.clone()),
        row("trailing", &format!("{} x", message("1")), -32700, null.clone()),
        row("byte order mark", &format!("\u{feff}{}", message("1")), -32700, null.clone()),
        row("two messages", &message("1").repeat(2), -32700, null.clone()),
        row("a batch", &format!("[{}]", message("1")), -32600, null.clone()),
        row("an empty batch", "[]", -32600, null.clone()),
        row("a number", "1", -32600, null.clone()),
        row("a string", "\"ping\"", -32600, null.clone()),
        row("null", "null", -32600, null.clone()),
        row("nothing in it", "{}", -32600, null.clone()),
        row("1.0", r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, json!(7)),
        row("no version", r#"{"id":"7","method":"ping"}"#, -32600, json!("7")),
        row(
            "a version that is a number",
            r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#,
            -32600,
            json!(7),
        ),
        row("no method", r#"{"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        row(
            "a method that is no string",
            r#"{"jsonrpc":"2.0","id":7,"method":1}"#,
            -32600,
            json!(7),
        ),
        row(
            "method and result",
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":1}"#,
            -32600,
            json!(7),
        ),
        row(
            "result and error",
            r#"{"jsonrpc":"2.0","id":7,"result":1,"error":{}}"#,
            -32600,
            json!(7),
        ),
        row(
            "method twice",
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"ping"}"#,
            -32600,
            json!(7),
        ),
        row(
            "method twice, escaped",
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","m\u0065thod":"ping"}"#,
            -32600,
            json!(7),
        ),
        row(
            "params twice",
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{},"params":{}}"#,
            -32600,
            json!(7),
        ),
        row("id twice", r#"{"jsonrpc":"2.0","id":7,"method":"ping","id":7}"#, -32600, null.clone()),
    ];
    for id in ["null", "1.5", "1.0", "1e2", "true", "[]", "{}"] {
        rows.push(row("a bad id", &message(id), -32600, null.clone()));
    }
    let mut not_text = row("not UTF-8", "", -32700, null);
    not_text.1 = Request::post(*b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}");
    rows.push(not_text);
    rows
}

fn heads() -> Vec<Row> {
    let x = || json!("x");
    let call = || Request::post(CALL);
    let mut trailers = call();
    trailers.trailers = true;
    vec![
        ("trailers", trailers, 400, -32600, x()),
        ("a page", call().with("origin", "https://evil.example"), 403, -32600, Value::Null),
        ("a file", call().with("origin", "null"), 403, -32600, Value::Null),
        ("no type", call().without("content-type"), 415, -32600, x()),
        ("text", call().with("content-type", "text/plain"), 415, -32600, x()),
        ("an odd type", call().with("content-type", b"\xff"), 415, -32600, x()),
        ("compressed", call().with("content-encoding", "gzip"), 415, -32600, x()),
        ("json only", call().with("accept", "application/json"), 406, -32600, x()),
        ("stream only", call().with("accept", "text/event-stream"), 406, -32600, x()),
        ("html", call().with("accept", "text/html, */*;q=0"), 406, -32600, x()),
        ("no session", call(), 400, -32600, x()),
        ("a session of nobody", call().within("nobody"), 404, -32600, x()),
        ("bytes for a session", call().with("mcp-session-id", b"\xff\xfe"), 404, -32600, x()),
        ("the next era", call().with("mcp-protocol-version", "2026-07-28"), 400, -32602, x()),
        ("no revision", call().with("mcp-protocol-version", b"\xff"), 400, -32000, x()),
        ("DELETE without a session", Request::delete(), 405, -32600, Value::Null),
        ("DELETE of nothing", Request::delete().within("x"), 404, -32600, Value::Null),
        ("GET", Request::get(), 405, -32600, Value::Null),
        ("PUT", Request::post(CALL).with(":method", "PUT"), 405, -32600, Value::Null),
        ("no method", Request::post(CALL).without(":method"), 405, -32600, Value::Null),
    ]
}

fn check(world: &mut World, row: &Row, session: Option<&str>) {
    let (what, request, status, code, id) = row;
    let request = match session {
        Some(session) => request.clone().within(session),
        None => request.clone(),
    };
    for seed in 0..4 {
        world.chance = Chance::new(seed);
        let asked = world.seen.len();
        let got = world.send(&request);
        assert_eq!(got.way, Way::Replied, "{what}");
        assert_eq!(got.refusal(), (*status, *code, id.clone()), "{what}: {}", got.text());
        assert_eq!(got.json()["jsonrpc"], "2.0");
        assert!(got.json()["error"]["message"].as_str().is_some_and(|it| it.len() > 10), "{what}");
        assert_eq!(world.seen.len(), asked, "{what} reached an upstream");
    }
}

#[test]
fn messages_that_are_none_are_refused_within_a_session_and_without() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    for row in bodies() {
        check(&mut world, &row, Some(&session));
        check(&mut world, &row, None);
    }
}

#[test]
fn requests_that_the_transport_does_not_allow_are_refused() {
    // Two, of which none is listened to.
    let mut world = World::of(&["a", "b"]);
    for row in heads() {
        check(&mut world, &row, None);
    }
}

#[test]
fn what_looks_odd_but_is_allowed_is_served() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let ping = || Request::rpc("ping", "{}").within(&session);
    for (what, request) in [
        ("no Accept", ping().without("accept")),
        ("anything", ping().with("accept", "*/*")),
        ("two lines", ping().with("accept", "text/event-stream").and("accept", "application/*")),
        ("parameters", ping().with("content-type", "Application/JSON; charset=utf-8")),
        ("this machine", ping().with("origin", "http://localhost:6274")),
        ("no length", ping().without("content-length")),
        ("an old revision", ping().with("mcp-protocol-version", "2025-03-26")),
        (
            "deep",
            Request::rpc(
                "ping",
                &"[".repeat(500)
                    .replace('[', "{\"a\":[")
                    .chars()
                    .chain("]}".repeat(500).chars())
                    .collect::<String>(),
            )
            .within(&session),
        ),
        (
            "space",
            Request::post("\n {\"method\":\"ping\",\"id\":1,\"jsonrpc\":\"2.0\"}\t ")
                .within(&session),
        ),
        (
            "escapes",
            Request::post(r#"{"\u006dethod":"p\u0069ng","id":1,"jsonrpc":"2\u002e0"}"#)
                .within(&session),
        ),
    ] {
        assert_eq!(
            world.send(&request).json(),
            json!({"jsonrpc":"2.0","id":1,"result":{}}),
            "{what}"
        );
    }
    let mut plan = config(&["a"]);
    plan["origins"] = json!({ "allow": ["https://app.example"] });
    world.configure(gateway(&plan));
    assert_eq!(world.send(&ping().with("origin", "https://APP.example")).status, 200);
    let both = ping().with("origin", "https://app.example").and("origin", "https://evil.example");
    assert_eq!(world.send(&both).status, 403);
}

#[test]
fn a_body_over_the_limit_is_refused_declared_or_not() {
    let mut plan = config(&["a"]);
    plan["limits"] = json!({ "request_body": 1024 });
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.configure(gateway(&plan));
    for length in [1023, 1024, 1025, 5000] {
        let mut body = CALL.to_owned();
        body.push_str(&" ".repeat(length - CALL.len()));
        for seed in 0..8 {
            world.chance = Chance::new(seed);
            let declared = Request::post(body.clone()).within(&session);
            for request in [declared.clone(), declared.without("content-length")] {
                let got = world.send(&request);
                if length > 1024 {
                    assert_eq!((got.status, got.refusal().1), (413, -32600), "{length}");
                } else {
                    assert_eq!((got.way, got.status), (Way::Routed, 200), "{length}");
                }
            }
        }
    }
}

#[test]
fn methods_that_are_not_served_are_unknown() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let asked = world.seen.len();
    for method in ["prompts/list", "resources/read", "TOOLS/LIST", "", "tools/call ", "é\\n\\u0000"]
    {
        let got = world.send(&Request::rpc(method, "{}").within(&session));
        assert_eq!(got.refusal(), (200, -32601, json!(1)), "{method}");
    }
    assert_eq!(world.seen.len(), asked);
}

#[test]
fn an_initialize_that_is_incomplete_is_bad_params() {
    let mut world = World::of(&["a"]);
    let long = format!(r#"{{"name":"{}","version":"1"}}"#, "x".repeat(9000));
    for params in [
        "{}".to_owned(),
        "[]".to_owned(),
        INITIALIZE.replace("\"2025-11-25\"", "1"),
        INITIALIZE.replace("\"capabilities\":{}", "\"capabilities\":[]"),
        INITIALIZE.replace("clientInfo", "client"),
        INITIALIZE.replace(r#"{"name":"client","version":"1"}"#, &long),
    ] {
        let got = world.send(&Request::rpc("initialize", &params));
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{params}");
    }
    assert!(world.seen.is_empty());
}

/// The revision is negotiated in the body.
#[test]
fn the_version_header_of_an_initialize_is_not_looked_at() {
    for header in ["2026-07-28", "2024-11-05", "2025", ""] {
        let mut world = World::of(&["a"]);
        let initialize = Request::rpc("initialize", INITIALIZE);
        let got = world.send(&initialize.with("mcp-protocol-version", header));
        assert_eq!(got.json()["result"]["protocolVersion"], json!("2025-11-25"), "{header}");
        assert_eq!(world.seen[0].header("mcp-protocol-version"), None, "{header}");
    }
}
