//! What an operator is told of each request: how it ended, where it went, and what an access log has of it.

use crate::world::{Answer, Request, Response, World};

fn call(name: &str) -> Request {
    Request::rpc("tools/call", &format!(r#"{{"name":"{name}"}}"#))
}

/// What an upstream answers to the request with id 1.
fn says(member: &str) -> Answer {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,{member}}}"#);
    Response::new(200, "application/json", body).says()
}

#[test]
fn a_call_ends_as_its_client_sees_it() {
    let error = |code: i64| says(&format!(r#""error":{{"code":{code},"message":"no"}}"#));
    let event =
        |data: &str| Response::new(200, "text/event-stream", format!("data: {data}\n\n")).says();
    let long = "x".repeat(100_000);
    for (answer, ending, code) in [
        (says(r#""result":{"content":[]}"#), "ok", None),
        (says(r#""result":{"content":[],"isError":false}"#), "ok", None),
        (says(r#""result":{"content":[],"isError":true}"#), "tool_error", None),
        (says(r#""result":{"content":[{"type":"text","text":"\"isError\":true"}]}"#), "ok", None),
        (
            says(&format!(
                r#""result":{{"content":[{{"type":"text","text":"{long}"}}],"isError":true}}"#
            )),
            "tool_error",
            None,
        ),
        (
            event(r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[]}}"#),
            "tool_error",
            None,
        ),
        (
            event(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"result":{{"x":"{long}","isError":true}}}}"#
            )),
            "tool_error",
            None,
        ),
        (error(-32602), "-32602", Some("-32602")),
        (error(12345), "error", Some("12345")),
        (Response::new(504, "text/plain", "late").says(), "timeout", Some("-32603")),
        (Response::new(500, "text/html", "<p>").says(), "transport", Some("-32603")),
        (Response::new(200, "text/event-stream", ": x\n\n").says(), "transport", Some("-32603")),
    ] {
        let mut world = World::of(&["a", "b"]);
        let session = world.open();
        let shown = format!("{answer:?}").chars().take(200).collect::<String>();
        world.script("a", move |_| answer.clone());
        let got = world.send(&call("a__t").within(&session));
        let told = |wanted: &str| got.told.iter().any(|it| it.starts_with(wanted));
        assert!(told(&format!("mcp_mux.operation_ms.tools_call.a.{ending} ")), "{shown} {got:?}");
        assert!(told(&format!("mcp_mux.upstream_ms.tools_call.a.{ending} ")), "{shown} {got:?}");
        for field in ["method tools_call", "upstream a", "name t", "era handshake", "session "] {
            assert!(told(&format!("mcp_mux.{field}")), "{field}: {:?}", got.told);
        }
        assert!(told(&format!("mcp_mux.outcome {ending}")), "{:?}", got.told);
        let codes = got.told.iter().filter_map(|it| it.strip_prefix("mcp_mux.code "));
        assert_eq!(codes.collect::<Vec<_>>(), code.into_iter().collect::<Vec<_>>(), "{shown}");
        assert!(!format!("{:?}", got.told).contains(&session), "a log has no session id");
    }
}

#[test]
fn what_goes_to_no_upstream_says_so() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    for (request, method, ending) in [
        (call("nobody__t").within(&session), "tools_call", "-32602"),
        (Request::rpc("tools/list", "{}").within(&session), "tools_list", "ok"),
        (Request::rpc("ping", "{}").within(&session), "ping", "ok"),
        (Request::rpc("ping", "{}").within("x"), "ping", "-32600"),
        (Request::post("x").within(&session), "other", "-32700"),
    ] {
        let got = world.send(&request);
        let wanted = format!("mcp_mux.operation_ms.{method}.-.{ending} ");
        assert!(got.told.iter().any(|it| it.starts_with(&wanted)), "{wanted}: {:?}", got.told);
        assert!(!got.told.iter().any(|it| it.starts_with("mcp_mux.upstream ")), "{:?}", got.told);
    }
    let other = world.send(&Request::post("x").with(":path", "/other"));
    assert_eq!(other.told, [""; 0]);
}

#[test]
fn a_name_cannot_break_a_line_of_the_log() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let got = world.send(&call(r"a__t\r\n\u0000x").within(&session));
    assert!(got.told.contains(&"mcp_mux.name t???x".to_owned()), "{:?}", got.told);
}

#[test]
fn each_upstream_of_a_list_is_told_of_by_its_own_ending() {
    let mut world = World::of(&["a", "b", "c"]);
    let session = world.open();
    world.script("b", |_| Answer::Silent);
    world.script("c", |_| says(r#""error":{"code":-32000,"message":"no"}"#));
    let got = world.list(&session);
    for wanted in ["a.ok", "b.timeout"] {
        let wanted = format!("mcp_mux.upstream_ms.tools_list.{wanted} ");
        assert!(got.told.iter().any(|it| it.starts_with(&wanted)), "{wanted}: {:?}", got.told);
    }
}
