//! Prompts: their lists are joined, a prompt is got from its owner, and what it shows is reachable.

use mcp_mux_tests::exchange::Exchange;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Setup, Upstream};
use serde_json::{Value, json};

#[tokio::test]
async fn the_lists_of_all_upstreams_are_joined_page_by_page_and_only_names_change() {
    let a = Upstream::named("a").with(can(json!({"prompts": {}}))).on("prompts/list", |seen| {
        match seen.params()["cursor"].as_str() {
            None => Answer::sse_result(
                seen,
                r#"{"prompts":[{"arguments":[{"name":"x"}], "name":"caf\u00e9","n":1.50}],"nextCursor":""}"#,
            ),
            Some("") => Answer::result(seen, r#"{"prompts":[{"name":"second"},{"title":"none"}]}"#),
            Some(other) => panic!("no cursor of mine: {other}"),
        }
    });
    let b = Upstream::named("b").with(can(json!({"prompts": {}}))).on("prompts/list", |seen| {
        Answer::result(seen, r#"{"prompts":[{"name":"p","icons":[{"src":"x:/i"}]}],"other":1}"#)
    });
    let (a, b, c) = (a.start().await, b.start().await, Upstream::named("c").start().await);
    let setup = Setup::new().set("catalog", json!({"page": {"items": 1}}));
    let envoy = setup.upstream(&a).upstream(&b).upstream(&c).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.request("prompts/list", Value::Null).await;
    let items = r#"[{"arguments":[{"name":"x"}], "name":"a__caf\u00e9","n":1.50},{"name":"b__p","icons":[{"src":"x:/i"}]}]"#;
    assert!(reply.text().contains(items), "{reply:?}");
    let result = reply.result();
    assert_eq!(result["other"], 1);
    let next = json!({"cursor": result["nextCursor"]});
    let reply = client.request("prompts/list", next.clone()).await;
    let items = r#"{"prompts":[{"name":"a__second"}]"#;
    assert!(reply.text().contains(items), "an item without a name is left out: {reply:?}");
    assert_eq!(reply.result()["_meta"]["mcp-mux/dropped"][0]["upstream"], "a");
    assert_eq!(envoy.counter("items_dropped.a").await, 1);
    let asked = [&a, &b, &c].map(|upstream| upstream.seen_of("prompts/list").len());
    assert_eq!(asked, [2, 1, 0]);
    client.request("tools/list", next).await.error(200, -32602);

    b.answer("prompts/list", |_| Answer::whole(500, "text/plain", "no"));
    let result = client.request("prompts/list", Value::Null).await.result();
    assert_eq!(mcp_mux_tests::mcp::texts(&result, "prompts", "name"), ["a__café"]);
    assert_eq!(result["_meta"]["mcp-mux/unavailable"][0]["upstream"], "b");
}

#[tokio::test]
async fn of_a_get_and_its_answer_only_the_name_and_uris_change() {
    let a = Upstream::named("a").with(can(json!({"prompts": {}}))).start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let exchange = Exchange {
        method: "prompts/get",
        sent: r#"{"method":"prompts/get","params":{"arguments":{"name":"a__p","uri":"a+x:"}, "name":"a__p"},"id":"\u0031","jsonrpc":"2.0"}"#,
        seen: r#"{"method":"prompts/get","params":{"arguments":{"name":"a__p","uri":"a+x:"}, "name":"p"},"id":"\u0031","jsonrpc":"2.0"}"#,
        answer: r#"{"jsonrpc":"2.0","id":"1","result":{"description":"x:/1","messages":[{"role":"user","content":{"type":"text","text":"x:/1","uri":"x:/1"}}, {"content":{"uri":"x:/1","type":"resource_link","name":"n"},"role":"user"},{"role":"assistant","content":{"type":"resource","resource":{"text":"\u00e9","uri":"x:/\u00e9"},"annotations":{"priority":0.50}}}],"_meta":{"x":[1,2]}}}"#,
        got: r#"{"jsonrpc":"2.0","id":"1","result":{"description":"x:/1","messages":[{"role":"user","content":{"type":"text","text":"x:/1","uri":"x:/1"}}, {"content":{"uri":"a+x:/1","type":"resource_link","name":"n"},"role":"user"},{"role":"assistant","content":{"type":"resource","resource":{"text":"\u00e9","uri":"a+x:/\u00e9"},"annotations":{"priority":0.50}}}],"_meta":{"x":[1,2]}}}"#,
    };
    exchange.check(&client, &a).await;
    let error = r#"{"jsonrpc":"2.0","id":"1","error":{"code":-32602,"message":"a p x:/1","data":{"uri":"x:/1"}}}"#;
    Exchange { answer: error, got: error, ..exchange }.check(&client, &a).await;

    a.forget();
    for (name, code) in [("p", -32602), ("c__p", -32602), ("", -32602), ("b__p", -32601)] {
        client.request("prompts/get", json!({"name": name})).await.error(200, code);
    }
    client.request("prompts/get", json!({})).await.error(200, -32602);
    assert!(a.seen().is_empty(), "{:?}", a.seen());
}
