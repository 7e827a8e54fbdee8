//! Upstreams of the HTTP+SSE transport (2024-11-05): clients do not notice. In the native host alone.

use std::collections::BTreeMap;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::mcp::initialize;
use mcp_mux_tests::script::response;
use mcp_mux_tests::{Client, Envoy, Request, Seen, Setup};
use serde_json::json;
use tokio::task::JoinSet;

mod calls;
mod losses;

/// Whether the host that is tested speaks to such servers.
fn is_served() -> bool {
    Host::tested() == Host::Module
}

/// A gateway to this server.
fn before(server: &SseServer) -> Setup {
    Setup::new().upstream_at(&server.name, server.address, &json!({"transport": "sse"}))
}

/// Such a server and a gateway of two workers to it; `None` in the other host.
async fn world() -> Option<(SseServer, Envoy)> {
    if !is_served() {
        return None;
    }
    let server = SseServer::named("old").await;
    let envoy = before(&server).concurrency(2).start().await;
    Some((server, envoy))
}

#[tokio::test]
async fn the_other_host_says_what_it_needs() {
    if is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let log = before(&server).refused().await;
    assert!(
        log.contains(r#"found "sse", which needs the native host, see docs/hosts.md"#),
        "{log}"
    );
}

#[tokio::test]
async fn lists_and_calls_are_as_of_any_server() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let fields = json!({"transport": "sse", "headers": {"set": {"x-key": "k"}}});
    let envoy = Setup::new().upstream_at("old", server.address, &fields).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["old__echo"]);
    for _ in 0..3 {
        assert_eq!(client.call_text("old__echo").await, "old:echo");
    }
    server.open(1).await;
    let [get] = &server.seen_of("GET")[..] else { panic!("one GET") };
    assert_eq!((get.target.as_str(), get.header("accept")), ("/sse", Some("text/event-stream")));
    assert_eq!(get.header("x-key"), Some("k"));
    let calls = server.seen_of("tools/call");
    assert_eq!(calls.len(), 3);
    for call in &calls {
        assert_eq!(call.target, "/messages?session=0");
        assert_eq!(call.header("content-type"), Some("application/json"));
        assert_eq!(call.header("x-key"), Some("k"));
        for name in ["mcp-session-id", "x-mcp-cluster", "mcp-protocol-version"] {
            assert_eq!(call.header(name), None, "{name}");
        }
    }
    assert_eq!(client.http("DELETE").send().await.status, 204);
    server.open(0).await;
}

#[tokio::test]
async fn two_clients_have_sessions_of_their_own_on_any_worker() {
    let Some((server, envoy)) = world().await else { return };
    let clients = [Client::open(&envoy).await, Client::open(&envoy).await];
    server.open(2).await;
    let check = async || {
        let [one, two] = &clients;
        let (one, two) = tokio::join!(one.call_text("old__echo"), two.call_text("old__echo"));
        assert_eq!([one, two], ["old:echo"; 2]);
    };
    Box::pin(envoy.on_all_workers(check)).await;
    assert_eq!(server.seen_of("GET").len(), 2);
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in server.seen_of("tools/call") {
        *calls.entry(call.target).or_default() += 1;
    }
    let counts: Vec<usize> = calls.into_values().collect();
    assert!(counts.len() == 2 && counts[0] > 2 && counts[0] == counts[1], "{counts:?}");
    // What one client ends is not the other's.
    assert_eq!(clients[0].http("DELETE").send().await.status, 204);
    server.open(1).await;
    assert_eq!(clients[1].call_text("old__echo").await, "old:echo");
}

#[tokio::test]
async fn clients_without_sessions_are_served() {
    let Some((server, envoy)) = world().await else { return };
    let slow: fn(&Seen) -> Vec<String> = |seen| {
        let text = json!({"content": [{"type": "text", "text": seen.params()["arguments"]["x"]}]});
        vec![response(seen, &text.to_string())]
    };
    server.on("tools/call", slow);
    let call = async |x: u64| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": "old__echo", "arguments": {"x": x}, "_meta": meta});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = Request::post(&envoy, call.to_string()).header("mcp-method", "tools/call");
        let request = request.header("mcp-name", "old__echo");
        request.header("mcp-protocol-version", "2026-07-28").send().await.result()
    };
    call(0).await;
    let (one, two, three) = tokio::join!(call(1), call(2), call(3));
    for (at, result) in [one, two, three].iter().enumerate() {
        assert_eq!(result["content"][0]["text"], at + 1, "{result}");
    }
}

#[tokio::test]
async fn a_client_is_told_a_revision_that_it_knows() {
    let Some((_server, envoy)) = world().await else { return };
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let reply = Request::post(&envoy, initialize(revision)).send().await;
        assert_eq!(reply.result()["protocolVersion"], revision);
    }
}

#[tokio::test]
async fn many_clients_at_once_get_what_is_theirs() {
    const CLIENTS: u64 = 12;
    const CALLS: u64 = 20;
    let Some((server, envoy)) = world().await else { return };
    server.on("tools/call", |seen| vec![response(seen, &seen.params().to_string())]);
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        sessions.push(Client::open(&envoy).await);
    }
    server.open(12).await;
    let mut calls = JoinSet::new();
    for (who, client) in (0..CLIENTS).zip(&sessions) {
        for at in 0..CALLS {
            // All clients use the same ids.
            let params = json!({"name": "old__echo", "arguments": {"x": [who, at]}});
            let call =
                json!({"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": params});
            let call = client.post(call.to_string());
            calls.spawn(async move { (who, at, call.send().await) });
        }
    }
    while let Some(done) = calls.join_next().await {
        let (who, at, reply) = done.expect("an answer");
        assert_eq!(reply.message()["id"], at, "{reply:?}");
        assert_eq!(reply.result()["arguments"]["x"], json!([who, at]));
    }
    for client in &sessions {
        assert_eq!(client.http("DELETE").send().await.status, 204);
    }
    server.open(0).await;
    assert_eq!(envoy.breakdowns().await, 0);
}
