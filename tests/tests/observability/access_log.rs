//! The access log of a shipped configuration.

use mcp_mux_tests::{Answer, Client, Request, Upstream};
use serde_json::json;

use super::world::Shipped;

#[tokio::test]
async fn each_request_is_a_line_with_what_it_was_and_how_it_ended() {
    let everything =
        Upstream::named("everything").on("tools/call", |seen| match seen.name().as_str() {
            "break" => Answer::result(seen, r#"{"content":[],"isError":true}"#),
            "refuse" => Answer::error(seen, r#"{"code":-32602,"message":"no"}"#),
            "hang" => Answer::Hang,
            _ => Answer::result(seen, r#"{"content":[]}"#),
        });
    let fetch = Upstream::named("fetch").start().await;
    let shipped = Shipped::start(everything.start().await, fetch).await;
    let envoy = &shipped.envoy;
    let client = Client::open(envoy).await;
    client.call("everything__echo").await.result();
    client.call("everything__break").await.result();
    client.call("everything__refuse").await.error(200, -32602);
    client.call("nobody__x").await.error(200, -32602);
    Request::post(envoy, "{").send().await.error(400, -32700);
    let hanging = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call",
        "params": {"name": "everything__hang"}});
    let reply = tokio::time::timeout(
        std::time::Duration::from_millis(500),
        client.post(hanging.to_string()).send(),
    );
    assert!(reply.await.is_err(), "it hangs, and its client leaves");
    let mut sessions = Vec::new();
    for (name, outcome, code) in [
        ("echo", "ok", None),
        ("break", "tool_error", None),
        ("refuse", "-32602", Some("-32602")),
        ("hang", "cancelled", None),
    ] {
        let line = envoy.access(name, |line| line["mcp_name"] == name).await;
        assert_eq!(line["mcp_method"], "tools_call", "{line}");
        assert_eq!(line["mcp_upstream"], "everything", "{line}");
        assert_eq!(line["mcp_outcome"], outcome, "{line}");
        assert_eq!(line["mcp_era"], "handshake", "{line}");
        let found = &line["mcp_code"];
        let found = found.as_str().map(str::to_owned).or_else(|| Some(found.as_i64()?.to_string()));
        assert_eq!(found.as_deref(), code, "{line}");
        assert!(line["duration_ms"].is_number(), "{line}");
        sessions.push(line["mcp_session"].clone());
    }
    sessions.dedup();
    assert!(
        sessions.len() == 1 && sessions[0].as_str().is_some_and(|it| it.len() == 12),
        "{sessions:?}"
    );
    let line = envoy.access("the list of nobody", |line| line["mcp_outcome"] == "-32700").await;
    assert_eq!(line["mcp_method"], "other", "{line}");
    assert!(line.get("mcp_upstream").is_none(), "{line}");
}
