//! Upstreams of the HTTP+SSE transport (2024-11-05): clients do not notice. In the native host alone.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::mcp::unavailable;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Client, Envoy, Gate, Request, Seen, Setup, Upstream, marks};
use serde_json::{Value, json};

/// Whether the host that is tested speaks to such servers.
fn is_served() -> bool {
    Host::tested() == Host::Module
}

/// A gateway to this server.
fn before(server: &SseServer) -> Setup {
    Setup::new().upstream_at(&server.name, server.address, &json!({"transport": "sse"}))
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
    let envoy = before(&server).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["old__echo"]);
    for _ in 0..3 {
        assert_eq!(client.call_text("old__echo").await, "old:echo");
    }
    server.open(1).await;
    let [get] = &server.seen_of("GET")[..] else { panic!("one GET") };
    assert_eq!((get.target.as_str(), get.header("accept")), ("/sse", Some("text/event-stream")));
    let calls = server.seen_of("tools/call");
    assert_eq!(calls.len(), 3);
    for call in &calls {
        assert_eq!(call.target, "/messages?session=0");
        assert_eq!(call.header("content-type"), Some("application/json"));
        assert_eq!(call.header("mcp-session-id"), None);
        assert_eq!(call.header("x-mcp-cluster"), None);
    }
    assert_eq!(client.http("DELETE").send().await.status, 204);
    server.open(0).await;
}
