//! Completion goes to whoever owns the prompt or the template; and what no upstream can do is unknown.

use mcp_mux_tests::exchange::Exchange;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Client, Setup, Upstream};
use serde_json::json;

#[tokio::test]
async fn a_completion_is_asked_of_the_owner_of_its_reference() {
    let all = json!({"prompts": {}, "resources": {}, "completions": {}});
    let a = Upstream::named("a").with(can(all)).start().await;
    let b = Upstream::named("b").with(can(json!({"prompts": {}, "resources": {}}))).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let method = "completion/complete";
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"completion":{"values":["x:/1","p"],"hasMore":false},"content":[{"type":"resource_link","uri":"x:/1"}]}}"#;
    let prompt = Exchange {
        method,
        sent: r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"argument":{"name":"a__p","value":"a+x:"}, "ref":{"name":"a__p","type":"ref/prompt"}}}"#,
        seen: r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"argument":{"name":"a__p","value":"a+x:"}, "ref":{"name":"p","type":"ref/prompt"}}}"#,
        answer,
        got: answer,
    };
    prompt.check(&client, &a).await;
    let template = Exchange {
        sent: r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"a+x:/{y}{?z*}"},"argument":{"name":"y","value":""},"context":{"arguments":{"uri":"a+x:"}}}}"#,
        seen: r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"x:/{y}{?z*}"},"argument":{"name":"y","value":""},"context":{"arguments":{"uri":"a+x:"}}}}"#,
        ..prompt
    };
    template.check(&client, &a).await;
    a.forget();
    for (reference, code) in [
        (json!({"type": "ref/prompt", "name": "p"}), -32602),
        (json!({"type": "ref/resource", "uri": "x:/{y}"}), -32602),
        (json!({"type": "ref/prompt", "name": "b__p"}), -32601),
        (json!({"type": "ref/resource", "uri": "b+x:/{y}"}), -32601),
        (json!({"type": "ref/tool", "name": "a__p"}), -32602),
        (json!({"type": "ref/prompt"}), -32602),
        (json!("a__p"), -32602),
        (json!(null), -32602),
    ] {
        client.request(method, json!({"ref": reference})).await.error(200, code);
    }
    assert!(a.seen().is_empty() && b.seen_of(method).is_empty());
}

#[tokio::test]
async fn a_method_that_no_upstream_has_is_unknown_and_asked_of_nobody() {
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").with(can(json!({}))).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.initialized["capabilities"], json!({"tools": {}}));
    a.forget();
    b.forget();
    for (method, params) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "a__p"})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "a+x:/1"})),
        ("resources/subscribe", json!({"uri": "a+x:/1"})),
        ("resources/unsubscribe", json!({"uri": "a+x:/1"})),
        ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "a__p"}})),
        ("logging/setLevel", json!({"level": "info"})),
        ("tasks/list", json!({})),
        ("tasks/get", json!({"taskId": "a:1"})),
        ("tasks/result", json!({"taskId": "a:1"})),
        ("tasks/cancel", json!({"taskId": "a:1"})),
        ("notifications/cancelled", json!({"requestId": 1})),
    ] {
        let error = client.request(method, params).await.error(200, -32601);
        assert!(error["message"].as_str().is_some_and(|it| it.contains(method)), "{error}");
    }
    assert!(a.seen().is_empty() && b.seen().is_empty(), "{:?} {:?}", a.seen(), b.seen());
    client.call("b__echo").await.error(200, -32601);
    assert_eq!(client.call_text("a__echo").await, "a:echo");
}
