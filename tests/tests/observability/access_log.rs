//! The access log of a shipped configuration.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Answer, Client, Gate, Request, Step, Upstream, script, sse};
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

#[tokio::test]
async fn a_call_that_goes_on_with_an_answer_has_its_name() {
    if Host::tested() != Host::Module {
        return;
    }
    let gate = Gate::closed();
    let opened = gate.clone();
    let ask = r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"?"}}"#;
    let everything = Upstream::named("everything")
        .on("tools/call", move |seen| {
            let failed = script::response(seen, r#"{"content":[],"isError":true}"#);
            let wait = Step::Until(gate.clone());
            Answer::sse_steps(vec![
                Step::send(sse::message(ask)),
                wait,
                Step::send(sse::message(&failed)),
            ])
        })
        .on("POST", move |_| {
            opened.open();
            Answer::accepted()
        });
    let fetch = Upstream::named("fetch").start().await;
    let shipped = Shipped::start(everything.start().await, fetch).await;
    let envoy = &shipped.envoy;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    });
    let mut params = json!({"name": "everything__ask", "_meta": meta});
    for outcome in ["ok", "tool_error"] {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = Request::post(envoy, call.to_string()).header("mcp-method", "tools/call");
        let request = request.header("mcp-protocol-version", "2026-07-28");
        let asked = request.header("mcp-name", "everything__ask").send().await.result();
        let line = envoy.access(outcome, |line| line["mcp_outcome"] == outcome).await;
        assert_eq!(
            (&line["mcp_name"], &line["mcp_upstream"]),
            (&json!("ask"), &json!("everything"))
        );
        params["requestState"] = asked["requestState"].clone();
        params["inputResponses"] = json!({"7": {"action": "decline"}});
    }
}
