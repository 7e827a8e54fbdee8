//! The stateless era (2026-07-28) on the wire: clients, upstreams, and from one era to the other.

use mcp_mux_tests::{
    Answer, Builder, Client, Envoy, Gate, Reply, Request, Seen, Setup, Step, Upstream, sse,
};
use serde_json::{Value, json};

const REVISION: &str = "2026-07-28";

/// What a client says of itself.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "1"},
    })
}

/// A request with these params.
pub(crate) fn request(envoy: &Envoy, method: &str, mut params: Value) -> Request {
    params["_meta"] = meta();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let request = Request::post(envoy, body.to_string()).header("mcp-method", method);
    let request = request.header("mcp-protocol-version", REVISION);
    match params["name"].as_str() {
        Some(name) => request.header("mcp-name", name),
        None => request,
    }
}

async fn call(envoy: &Envoy, name: &str) -> Reply {
    request(envoy, "tools/call", json!({"name": name, "arguments": {}})).send().await
}

/// An upstream without sessions that has one tool and these capabilities.
pub(crate) fn stateless(name: &str, capabilities: &Value) -> Builder {
    let said = json!({
        "resultType": "complete", "supportedVersions": [REVISION], "capabilities": capabilities,
        "ttlMs": 0, "cacheScope": "private",
    });
    let said = said.to_string();
    let refused = r#"{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}"#;
    Upstream::named(name)
        .with(|server| server.sessions = false)
        .on("server/discover", move |seen| Answer::result(seen, &said))
        .on("initialize", |seen| Answer::error(seen, refused))
}

fn tools() -> Value {
    json!({"tools": {}})
}

#[tokio::test]
async fn a_client_is_served_without_a_session() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    for (method, params) in [
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("tools/call", json!({"name": "a__echo", "arguments": {}})),
    ] {
        let reply = request(&envoy, method, params.clone()).send().await;
        assert_eq!(reply.header("mcp-session-id"), None);
        assert_eq!(reply.result()["resultType"], "complete", "{reply:?}");
        let other = request(&envoy, method, params).header("mcp-method", "other").send().await;
        assert_eq!(other.error(400, -32020)["code"], -32020);
    }
    // Its upstream wants a session: one was opened for all of these requests.
    assert!(a.seen_of("initialize").len() <= 2, "one for each worker at most");
    assert_eq!(Client::open(&envoy).await.tool_names().await, ["a__echo"]);
}

#[tokio::test]
async fn a_session_that_is_kept_for_such_clients_is_ended_when_nobody_uses_it() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).set("session", json!({"idle": "1s"})).start().await;
    call(&envoy, "a__echo").await.result();
    a.wait_for("DELETE").await;
    let used = a.only("tools/call");
    assert_eq!(a.only("DELETE").header("mcp-session-id"), used.header("mcp-session-id"));
    call(&envoy, "a__echo").await.result();
    assert_eq!(a.seen_of("initialize").len(), 2);
}

#[tokio::test]
async fn a_client_that_leaves_has_its_call_cancelled_at_a_server_with_sessions() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    call(&envoy, "a__echo").await.result();
    let working = Step::send(": at work\n\n");
    let hanging = Answer::sse_steps(vec![working, Step::Until(Gate::closed())]);
    a.answer("tools/call", move |_| hanging.clone());
    a.forget();
    let params = json!({"name": "a__echo", "arguments": {}});
    let mut open = request(&envoy, "tools/call", params).open().await;
    open.until("at work").await;
    drop(open);
    a.wait_for("notifications/cancelled").await;
    let (called, cancelled) = (a.only("tools/call"), a.only("notifications/cancelled"));
    assert_eq!(cancelled.params()["requestId"], 1);
    assert_eq!(cancelled.header("mcp-session-id"), called.header("mcp-session-id"));
    // The next call may have the same id: it has another session.
    a.wait_for("DELETE").await;
    assert_eq!(a.only("DELETE").header("mcp-session-id"), called.header("mcp-session-id"));
    a.unscript("tools/call");
    a.forget();
    call(&envoy, "a__echo").await.result();
    assert_ne!(a.only("tools/call").header("mcp-session-id"), called.header("mcp-session-id"));
    assert!(a.seen_of("notifications/cancelled").is_empty());
}

#[tokio::test]
async fn between_two_of_the_era_nothing_changes_but_the_name() {
    let a = stateless("a", &tools()).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let reply = call(&envoy, "a__echo").await;
    assert_eq!(reply.result()["content"][0]["text"], "a:echo");
    let seen = a.only("tools/call");
    assert_eq!(seen.params(), json!({"name": "echo", "arguments": {}, "_meta": meta()}));
    assert_eq!(
        (seen.header("mcp-name"), seen.header("mcp-method")),
        (Some("echo"), Some("tools/call"))
    );
    assert_eq!((seen.header("mcp-session-id"), a.seen_of("initialize").len()), (None, 0));
}

#[tokio::test]
async fn a_large_request_streams_from_its_first_bytes() {
    let a = stateless("a", &tools()).start().await;
    let envoy = Setup::new().upstream(&a).buffer(128 * 1024).start().await;
    // Large requests are held until their upstream is known; small ones are asked for.
    call(&envoy, "a__echo").await.result();
    a.forget();
    let text = "0123456789abcdef".repeat(100_000);
    let large = json!({"arguments": {"text": text}, "name": "a__echo"});
    let reply = request(&envoy, "tools/call", large).send().await;
    assert_eq!(reply.result()["content"][0]["text"], "a:echo");
    let seen = a.only("tools/call");
    let params = seen.params();
    assert_eq!((&params["name"], &params["_meta"]), (&json!("echo"), &meta()));
    assert!(params["arguments"]["text"] == text, "{} bytes arrived", seen.body.len());
    let other = json!({"arguments": {"text": text}, "name": "a__other"});
    a.forget();
    let lies = request(&envoy, "tools/call", other).header("mcp-name", "a__echo");
    assert_eq!(lies.send().await.error(400, -32020)["code"], -32020);
}

#[tokio::test]
async fn changes_of_the_only_upstream_are_listened_to() {
    let capabilities = json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}});
    let said = |message: Value| Step::send(sse::message(&message.to_string()));
    let listening = move |_: &_| {
        let granted = json!({"toolsListChanged": true, "resourceSubscriptions": ["x://y"]});
        let notify = |method: &str, params: Value| {
            said(
                json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params}),
            )
        };
        Answer::sse_steps(vec![
            notify("subscriptions/acknowledged", json!({"notifications": granted})),
            notify("tools/list_changed", json!({})),
            notify("resources/updated", json!({"uri": "x://y"})),
        ])
    };
    let a = stateless("a", &capabilities).on("subscriptions/listen", listening).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let discovered = request(&envoy, "server/discover", json!({})).send().await.result();
    assert_eq!(discovered["capabilities"], capabilities);
    let wanted = json!({"notifications": {"resourceSubscriptions": ["a+x://y"]}});
    let mut stream = request(&envoy, "subscriptions/listen", wanted).open().await;
    stream.until("resources/updated").await;
    let text = stream.text().to_owned();
    assert!(text.contains(r#""resourceSubscriptions":["a+x://y"]"#), "{text}");
    assert!(text.contains(r#""uri":"a+x://y""#) && text.contains("tools/list_changed"), "{text}");
    let asked = &a.only("subscriptions/listen").params()["notifications"];
    assert_eq!(*asked, json!({"resourceSubscriptions": ["x://y"]}));
}

#[tokio::test]
async fn a_client_with_a_session_calls_a_server_without() {
    let schema = r#"{"name":"echo","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"}}}}"#;
    let a = stateless("a", &tools()).pages(&[&[&schema.replace('\n', "")]]);
    // Once it is not done.
    let answer = |seen: &Seen| match seen.params().get("requestState") {
        None => Answer::result(seen, r#"{"resultType":"input_required","requestState":"s1"}"#),
        Some(state) => {
            let text =
                json!({"content": [{"type": "text", "text": state}], "resultType": "complete"});
            Answer::result(seen, &text.to_string())
        }
    };
    let a = a.on("tools/call", answer).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["a__echo"]);
    let body = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"a__echo","arguments":{"region":"eu"}}}"#;
    let reply = client.post(body).send().await;
    assert_eq!(reply.result()["content"][0]["text"], "s1", "{reply:?}");
    assert_eq!(reply.message()["id"], 5);
    let calls = a.seen_of("tools/call");
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(call.header("mcp-param-region"), Some("eu"));
        assert_eq!(call.header("mcp-name"), Some("echo"));
        assert_eq!(call.header("mcp-protocol-version"), Some(REVISION));
    }
}
