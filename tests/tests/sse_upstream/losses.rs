//! Servers that start again, and what is no such server.

use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::mcp::unavailable;
use mcp_mux_tests::script::response;
use mcp_mux_tests::{Answer, Client, Setup, Step, Talker, Upstream};
use serde_json::json;

use super::{before, is_served, world};

#[tokio::test]
async fn a_server_that_starts_again_gets_a_new_session() {
    let Some((server, envoy)) = world().await else { return };
    let client = Client::open(&envoy).await;
    for _ in 0..4 {
        server.restart();
        assert_eq!(client.call_text("old__echo").await, "old:echo");
        server.restart();
        assert_eq!(client.tool_names().await, ["old__echo"]);
    }
    server.open(1).await;
    assert_eq!(server.seen_of("initialize").len(), 9);
}

#[tokio::test]
async fn a_call_that_a_server_takes_to_its_grave_ends_with_an_error() {
    let Some((server, envoy)) = world().await else { return };
    server.on("tools/call", |_| Vec::new());
    let client = Client::open(&envoy).await;
    let called = async { client.call("old__echo").await };
    let (reply, ()) = tokio::join!(called, async {
        server.wait_for("tools/call", 1).await;
        server.restart();
    });
    let message = reply.message();
    assert!(message["error"]["message"].is_string(), "{reply:?}");
    assert_eq!(server.seen_of("tools/call").len(), 1);
    assert_eq!(client.tool_names().await, ["old__echo"]);
}

#[tokio::test]
async fn an_endpoint_of_another_origin_is_refused() {
    if !is_served() {
        return;
    }
    let (a, other) = (Upstream::named("a").start().await, Upstream::named("other").start().await);
    let server = SseServer::named("old").await;
    server.endpoint(&format!("http://{}/messages?session={{}}", other.address));
    let envoy = before(&server).upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.list().await.result());
    let [(name, reason)] = &missing[..] else { panic!("{missing:?}") };
    assert_eq!(name, "old");
    assert!(reason.contains("502"), "{reason}");
    let line = |line: &str| line.contains("upstream old: has its endpoint at another origin");
    envoy.log_line("the other origin", line).await;
    assert!(other.seen().is_empty());
    // Its own origin may be named, by the authority that the configuration has for it.
    server.endpoint("http://old/messages?session={}");
    assert_eq!(client.tool_names().await, ["old__echo", "a__echo"]);
}

#[tokio::test]
async fn what_is_no_such_server_is_said() {
    if !is_served() {
        return;
    }
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let silent = SseServer::named("silent").await;
    silent.on("initialize", |_| Vec::new());
    let envoy = Setup::new()
        .upstream(&a)
        .upstream_with(&b, &json!({"transport": "sse"}))
        .upstream_at("silent", silent.address, &json!({"transport": "sse", "timeout": "300ms"}))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.list().await.result());
    let [(b, refused), (silent_name, late)] = &missing[..] else { panic!("{missing:?}") };
    assert_eq!((b.as_str(), silent_name.as_str()), ("b", "silent"));
    assert!(refused.contains("405"), "{refused}");
    assert!(!late.is_empty());
    // Nothing is left of what did not open.
    silent.open(0).await;
}

#[tokio::test]
async fn a_message_that_is_refused_for_now_says_when_to_come_again() {
    if !is_served() {
        return;
    }
    let talker = Talker::default();
    let (mouth, hand) = (talker.clone(), talker);
    let introduced = r#"{"protocolVersion":"2024-11-05","capabilities":{"tools":{}},"serverInfo":{"name":"a","version":"1"}}"#;
    let a = Upstream::named("a")
        .with(|server| server.sessions = false)
        .on("GET", move |seen| {
            let Answer::Reply { status, headers, mut body } = mouth.stream(seen) else {
                return Answer::Hang;
            };
            body.insert(0, Step::send("event: endpoint\ndata: /messages\n\n"));
            Answer::Reply { status, headers, body }
        })
        .on("initialize", move |seen| {
            hand.say(response(seen, introduced));
            Answer::accepted()
        })
        .on("tools/call", |_| Answer::whole(429, "text/plain", "later").header("retry-after", "7"));
    let a = a.start().await;
    let envoy = Setup::new().upstream_with(&a, &json!({"transport": "sse"})).start().await;
    let reply = Client::open(&envoy).await.call("a__echo").await;
    assert_eq!(reply.error(200, -32603)["data"]["status"], 429);
    assert_eq!(reply.header("retry-after"), Some("7"));
}
