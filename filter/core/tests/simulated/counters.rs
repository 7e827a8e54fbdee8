//! What is counted: every request once, by its method and who is at fault, and every side call.

use mcp_mux_core::effect::{Counter, Outcome};

use crate::world::{Answer, INITIALIZE, Request, Response, Server, World, config};

fn requests(counts: &[Counter]) -> Vec<(&'static str, Outcome)> {
    let label = |counter: &Counter| match counter {
        Counter::Request { method, outcome } => Some((*method, *outcome)),
        _ => None,
    };
    counts.iter().filter_map(label).collect()
}

#[test]
fn every_request_is_counted_once_by_method_and_outcome() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    let call = |name: &str| Request::rpc("tools/call", &format!(r#"{{"name":"{name}"}}"#));
    for (request, method, outcome) in [
        (Request::rpc("initialize", INITIALIZE), "initialize", Outcome::Ok),
        (Request::rpc("initialize", "{}"), "initialize", Outcome::ClientError),
        (Request::rpc("ping", "{}"), "ping", Outcome::Ok),
        (Request::rpc("ping", "{}").within("x"), "ping", Outcome::ClientError),
        (Request::rpc("tools/list", "{}"), "tools_list", Outcome::Ok),
        (call("a__t"), "tools_call", Outcome::Ok),
        (call("t"), "tools_call", Outcome::ClientError),
        (Request::rpc("x", "{}"), "other", Outcome::ClientError),
        (Request::post("x"), "other", Outcome::ClientError),
        (Request::get(), "other", Outcome::ClientError),
        (Request::delete().within("x"), "delete", Outcome::ClientError),
    ] {
        let known = request.head.iter().any(|(name, _)| name == "mcp-session-id");
        let request = if known { request } else { request.within(&session) };
        let got = world.send(&request);
        assert_eq!(requests(&got.counts), [(method, outcome)], "{}", got.text());
    }
    for failure in [
        Answer::NotSent,
        Answer::Silent,
        Response::new(404, "", "").says(),
        Response::new(200, "text/html", "<p>").says(),
        Response::new(200, "text/event-stream", ": early\n\n").says(),
    ] {
        for name in ["a", "b"] {
            let failure = failure.clone();
            world.script(name, move |_| failure.clone());
        }
        let got = world.send(&call("a__t").within(&session));
        assert_eq!(requests(&got.counts), [("tools_call", Outcome::UpstreamError)], "{failure:?}");
        let got = world.list(&session);
        assert_eq!(requests(&got.counts), [("tools_list", Outcome::UpstreamError)], "{failure:?}");
    }
    let got = world.send(&Request::post("x").with(":path", "/other"));
    assert!(got.counts.is_empty());
}

#[test]
fn every_side_call_is_counted_once_by_upstream() {
    let mut world = World::of(&["a", "b", "c"]);
    let session = world.open();
    world.script("b", |_| Answer::Silent);
    world.script("c", |_| Answer::NotSent);
    let got = world.list(&session);
    for (name, ok) in [("a", true), ("b", false), ("c", false)] {
        let upstream = world.id(name);
        let counted = got.counts.iter().filter(|it| **it == Counter::SideCall { upstream, ok });
        assert_eq!(counted.count(), 1, "{:?}", got.counts);
    }
    assert_eq!(got.counts.len(), 4);
}

#[test]
fn progress_tokens_stay_with_calls_and_leave_lists() {
    let mut world = World::new(&config(&["a"]));
    world.serve("a", Server::new("a").tools(&["t"]));
    let session = world.open();
    let meta = r#""_meta":{"progressToken":7,"kept":1.0},"more":[1e2]"#;
    let params = format!(r#"{{"name":"a__t",{meta}}}"#);
    world.send(&Request::rpc("tools/call", &params).within(&session));
    world.send(&Request::rpc("tools/list", &format!("{{{meta}}}")).within(&session));
    let sent = |method| String::from_utf8_lossy(&world.seen_by("a", method)[0].body).into_owned();
    assert!(sent("tools/call").contains(meta));
    let list = sent("tools/list");
    assert!(!list.contains("progressToken"), "{list}");
    let initialize = INITIALIZE.replace("\"clientInfo\"", &format!("{meta},\"clientInfo\""));
    world.send(&Request::rpc("initialize", &initialize));
    let seen = world.seen.last().expect("a side call");
    let opening = String::from_utf8_lossy(&seen.body);
    assert!(!opening.contains("progressToken") && opening.contains(r#""more":[1e2]"#), "{opening}");
    assert!(list.contains(r#""kept":1.0"#) && list.contains(r#""more":[1e2]"#), "{list}");
}

#[test]
fn every_fault_is_counted_once_by_upstream_and_kind() {
    let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}"#;
    for (failure, in_list, in_call) in [
        (Answer::NotSent, "unreachable", "refused"),
        (Answer::Silent, "no_answer", "refused"),
        (Response::new(401, "", "").says(), "refused", "refused"),
        (Response::new(307, "", "").with("location", "/x").says(), "redirect", "redirect"),
        (Response::new(421, "", "").says(), "host_refused", "host_refused"),
        (Response::new(200, "text/html", "<p>").says(), "content_type", "content_type"),
        (
            Response::new(200, "application/json", "{}").says(),
            "not_the_response",
            "not_the_response",
        ),
        (Response::new(500, "application/json", error).says(), "refused", "refused"),
        (
            Response::new(200, "text/event-stream", ": early\n\n").says(),
            "stream_ended",
            "stream_ended",
        ),
    ] {
        let mut world = World::of(&["a", "b"]);
        let session = world.open();
        let b = world.id("b");
        let answer = failure.clone();
        world.script("b", move |_| answer.clone());
        let got = world.list(&session);
        assert_eq!(got.faults, [(b, in_list)], "{failure:?}");
        let call = Request::rpc("tools/call", r#"{"name":"b__t"}"#).within(&session);
        assert_eq!(world.send(&call).faults, [(b, in_call)], "{failure:?}");
        assert!(world.call(&session, "\"a__t\"").faults.is_empty());
    }
}
