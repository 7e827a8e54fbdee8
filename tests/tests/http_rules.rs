//! The rules of the transport: methods, origins, media types, revisions.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::initialize;
use mcp_mux_tests::{Answer, Client, Gate, Request, Setup, Step, Upstream, marks, sse};
use serde_json::json;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const CHANGE: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

#[tokio::test]
async fn a_get_without_an_upstream_to_listen_to_is_405() {
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    b.forget();
    let (refused, allowed): (&[_], _) = if Host::tested().merges() {
        (&["PUT", "PATCH"], "POST, GET, DELETE")
    } else {
        (&["GET", "PUT", "PATCH"], "POST, DELETE")
    };
    for method in refused {
        let reply = client.http(method).send().await;
        reply.error(405, -32600);
        assert_eq!(reply.header("allow"), Some(allowed), "{method}");
    }
    assert!(a.seen().is_empty(), "{:?}", a.seen());
    assert!(b.seen().is_empty(), "{:?}", b.seen());
}

#[tokio::test]
async fn a_get_is_the_stream_of_the_only_upstream_without_a_word_of_configuration() {
    let stream = |_: &_| Answer::sse_steps(vec![Step::send(sse::message(CHANGE))]);
    let changing = json!({"tools": {"listChanged": true}});
    let a = Upstream::named("a").with(|server| server.capabilities = changing.clone());
    let a = a.on("GET", stream).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.initialized["capabilities"], changing);
    let reply = client.http("GET").send().await;
    assert_eq!((reply.status, reply.text().contains(CHANGE)), (200, true), "{reply:?}");
    assert_eq!(a.only("GET").header("mcp-session-id"), Some("a-session-1"));
}

#[tokio::test]
async fn a_get_is_the_stream_of_the_upstream_that_is_listened_to() {
    let gate = Gate::closed();
    let held = gate.clone();
    let stream = move |_: &_| {
        Answer::sse_steps(vec![
            Step::send("id: 1\ndata:\n\n"),
            Step::Until(held.clone()),
            Step::send(sse::message(CHANGE)),
        ])
    };
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").on("GET", stream).start().await;
    let fields = json!({"path": "/b/mcp"});
    let setup = Setup::new().upstream(&a).upstream_with(&b, &fields).set("listen", json!("b"));
    let envoy = setup.start().await;
    let client = Client::open(&envoy).await;
    let request = client.http("GET").header("authorization", "Bearer mine");
    let mark = marks::event("b", 'o', "b-session-1", "");
    let mut answer = request.header("last-event-id", format!("{mark}5")).open().await;
    assert_eq!(answer.status, 200);
    answer.until(&format!("id: {mark}1\ndata:\n\n")).await;
    gate.open();
    let reply = answer.rest().await;
    assert!(reply.text().ends_with(&sse::message(CHANGE)), "{reply:?}");
    let seen = b.only("GET");
    assert_eq!(seen.target, "/b/mcp");
    assert_eq!(seen.header("mcp-session-id"), Some("b-session-1"));
    assert_eq!(seen.header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(seen.header("last-event-id"), Some("5"));
    assert_eq!(seen.header("authorization"), None);
    assert!(a.seen_of("GET").is_empty());
    // An id that no stream of the gateway had says nothing.
    b.forget();
    let reply = client.http("GET").header("last-event-id", "5").send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(b.only("GET").header("last-event-id"), None);
    let reply = client.http("PUT").send().await;
    reply.error(405, -32600);
    let allow = reply.header("allow").expect("allow");
    for method in ["GET", "POST", "DELETE"] {
        assert!(allow.contains(method), "{allow}");
    }
    let without = Request::new(&envoy, "GET", "/mcp").header("accept", "text/event-stream");
    without.send().await.error(405, -32600);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_before_anything_else_happens() {
    let a = Upstream::named("a").start().await;
    let origins = json!({"allow": ["https://app.example", "http://app.example:8080"]});
    let envoy = Setup::new().upstream(&a).set("origins", origins).start().await;
    for origin in [
        "https://evil.example",
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:80",
        "http://evil.example/http://localhost",
        "null",
        "",
    ] {
        let hello = Request::post(&envoy, initialize("2025-11-25")).header("origin", origin);
        hello.send().await.error(403, -32600);
    }
    assert!(a.seen().is_empty(), "{:?}", a.seen());
    for origin in [
        "https://app.example",
        "HTTPS://App.Example",
        "http://app.example:8080",
        "http://localhost:3000",
        "https://localhost",
        "http://127.0.0.1:6274",
        "http://[::1]:6274",
    ] {
        let hello = Request::post(&envoy, initialize("2025-11-25")).header("origin", origin);
        let reply = hello.send().await;
        assert_eq!(reply.status, 200, "{origin}: {reply:?}");
    }
}

#[tokio::test]
async fn a_star_allows_every_origin() {
    let a = Upstream::named("a").start().await;
    let origins = json!({"allow": ["*"]});
    let envoy = Setup::new().upstream(&a).set("origins", origins).start().await;
    let hello = Request::post(&envoy, initialize("2025-11-25"));
    hello.header("origin", "https://any.example").send().await.result();
}

#[tokio::test]
async fn accept_must_cover_both_types_of_answer() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for accept in [
        "application/json",
        "text/event-stream",
        "text/html",
        "application/jsonx, text/event-streams",
        "application/json, text/event-stream;q=0",
        "",
    ] {
        let reply = client.post(PING).header("accept", accept).send().await;
        assert_eq!(reply.status, 406, "{accept:?}: {reply:?}");
        reply.error(406, -32600);
    }
    for accept in [
        "*/*",
        "text/event-stream, application/json",
        "Application/JSON , Text/Event-Stream",
        "application/json;q=0.9,text/event-stream;q=0.1",
        "application/*, text/*",
        "text/html, */*;q=0.1",
    ] {
        let reply = client.post(PING).header("accept", accept).send().await;
        assert_eq!(reply.status, 200, "{accept:?}: {reply:?}");
    }
}

#[tokio::test]
async fn the_body_must_be_declared_as_json() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq", "json"]
    {
        client.post(PING).header("content-type", kind).send().await.error(415, -32600);
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"] {
        client.post(PING).header("content-type", kind).send().await.result();
    }
}

#[tokio::test]
async fn a_revision_that_no_session_has_is_refused() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    for revision in ["2024-11-05", "2026-07-27", "latest", ""] {
        let reply = client.post(PING).header("mcp-protocol-version", revision).send().await;
        let error = reply.error(400, -32000);
        let message = error["message"].as_str().expect("a message");
        let start = format!("Bad Request: Unsupported protocol version: {revision}");
        assert!(message.starts_with(&start), "{message}");
        assert!(message.contains("supported versions: 2025"), "{message}");
    }
    assert!(a.seen().is_empty());
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let request = client.post(PING).header("mcp-protocol-version", revision);
        assert_eq!(request.send().await.status, 200, "{revision}");
    }
    client.post(PING).without("mcp-protocol-version").send().await.result();
}

#[tokio::test]
async fn an_error_says_what_to_do_and_is_json() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let reply = Request::post(&envoy, PING).send().await;
    let error = reply.error(400, -32600);
    assert!(error["message"].as_str().is_some_and(|text| text.contains("initialize")), "{error}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let reply = Request::post(&envoy, PING).header("mcp-session-id", "x").send().await;
    let reason = reply.gone();
    assert!(reason.contains("initialize"), "{reason}");
}
