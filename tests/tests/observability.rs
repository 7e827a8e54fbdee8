//! What an operator sees: a line at the start, counters, metrics with labels, the access log, the status page.

mod access_log;
mod metrics;
mod status;
mod traces;
mod world;

use mcp_mux_tests::{Answer, Client, Request, Setup, Upstream};

#[tokio::test]
async fn a_line_at_the_start_names_version_revision_and_upstreams() {
    let (a, b) = (Upstream::named("alpha").start().await, Upstream::named("beta").start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let line = envoy.log_line("both upstreams", |line| {
        line.contains("[info]") && line.contains("alpha") && line.contains("beta")
    });
    let line = line.await;
    assert!(line.contains("mcp-mux"), "{line}");
    assert!(line.contains(env!("CARGO_PKG_VERSION")), "{line}");
}

#[tokio::test]
async fn requests_and_side_calls_are_counted_by_what_became_of_them() {
    let a = Upstream::named("a").on("tools/call", |_| Answer::whole(500, "x/y", "")).start().await;
    let b = Upstream::named("b").on("tools/list", |_| Answer::whole(500, "x/y", "")).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    client.list().await.result();
    client.list().await.result();
    client.call("a__echo").await.error(200, -32603);
    client.call("b__echo").await.result();
    client.call("c__echo").await.error(200, -32602);
    client.request("ping", serde_json::Value::Null).await.result();
    client.request("no/such", serde_json::Value::Null).await.error(200, -32601);
    Request::post(&envoy, "{").send().await.error(400, -32700);
    let expected = [
        ("requests.initialize.ok", 1),
        ("requests.tools_list.ok", 2),
        ("requests.tools_call.ok", 1),
        ("requests.tools_call.upstream_error", 1),
        ("requests.tools_call.client_error", 1),
        ("requests.ping.ok", 1),
        ("side_calls.a.ok", 4),
        ("side_calls.b.ok", 2),
        ("side_calls.b.failed", 2),
        ("side_calls.a.failed", 0),
        ("faults.a.refused", 1),
        ("faults.b.refused", 2),
    ];
    for (name, value) in expected {
        assert_eq!(envoy.counter(name).await, value, "{name}: {:?}", ours(&envoy.stats().await));
    }
    let stats = envoy.stats().await;
    let refused: u64 = ours(&stats)
        .iter()
        .filter(|(name, _)| name.contains(".requests.other.") && name.ends_with(".client_error"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(refused, 2, "an unknown method and what is no message: {:?}", ours(&stats));
}

fn ours(stats: &[(String, u64)]) -> Vec<&(String, u64)> {
    stats.iter().filter(|(name, _)| name.contains("custom.mcp_mux.")).collect()
}
