//! `tools/list`: the items of all upstreams, moved byte by byte except for their names.

use mcp_mux_tests::mcp::names;
use mcp_mux_tests::server::usable;
use mcp_mux_tests::{Client, Setup, Upstream};
use serde_json::json;

const PLAIN: &str = r#"{"name":"echo"}"#;

/// Items that a rebuilt document would not give back: original, and as the client must see it.
const ODD: &[(&str, &str)] = &[
    (
        r#"{"name":"numbers","inputSchema":{"type":"object","a":1e2,"b":1.0,"c":12345678901234567890123,"d":-0,"e":1E-400}}"#,
        r#"{"name":"odd__numbers","inputSchema":{"type":"object","a":1e2,"b":1.0,"c":12345678901234567890123,"d":-0,"e":1E-400}}"#,
    ),
    (
        r#"{"name":"text","description":"caf\u00e9 \ud83d\ude00 \/ \b é 😀 \u0000"}"#,
        r#"{"name":"odd__text","description":"caf\u00e9 \ud83d\ude00 \/ \b é 😀 \u0000"}"#,
    ),
    (
        r#"{"zeta":1,"inputSchema":{"type":"object","properties":{"name":{"name":"inner"}}},"name":"order","alpha":[{}, []]}"#,
        r#"{"zeta":1,"inputSchema":{"type":"object","properties":{"name":{"name":"inner"}}},"name":"odd__order","alpha":[{}, []]}"#,
    ),
    (
        r#"{"title":"T","name":"members","outputSchema":{"type":"object"},"_meta":{"x/y":null},"icons":[{"src":"data:,"}],"execution":{"taskSupport":"forbidden"},"annotations":{"readOnlyHint":true},"x-unknown":[1,[2,[3]]]}"#,
        r#"{"title":"T","name":"odd__members","outputSchema":{"type":"object"},"_meta":{"x/y":null},"icons":[{"src":"data:,"}],"execution":{"taskSupport":"forbidden"},"annotations":{"readOnlyHint":true},"x-unknown":[1,[2,[3]]]}"#,
    ),
    (
        "{ \"description\" : \"spaces\" ,\n\t\"name\" :\r\n \"space\" , \"inputSchema\" : { \"type\" : \"object\" } }",
        "{ \"description\" : \"spaces\" ,\n\t\"name\" :\r\n \"odd__space\" , \"inputSchema\" : { \"type\" : \"object\" } }",
    ),
    (
        r#"{"inputSchema":{"x":1,"type":"object","x":2},"name":"twice"}"#,
        r#"{"inputSchema":{"x":1,"type":"object","x":2},"name":"odd__twice"}"#,
    ),
    (r#"{"name":"a.b-c_D/e"}"#, r#"{"name":"odd__a.b-c_D/e"}"#),
    (r#"{"name":"odd__nested"}"#, r#"{"name":"odd__odd__nested"}"#),
];

#[tokio::test]
async fn everything_of_an_item_but_its_name_comes_back_byte_by_byte() {
    let items: Vec<&str> = ODD.iter().map(|(item, _)| *item).collect();
    let odd = Upstream::named("odd").pages(&[&items]).start().await;
    let envoy = Setup::new().upstream(&odd).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.list().await;
    let text = reply.text();
    for (item, expected) in ODD {
        let expected = usable(expected);
        assert!(text.contains(&expected), "{item}\nis not in\n{text}");
    }
    assert_eq!(names(&reply.result()).len(), ODD.len());
}

#[tokio::test]
async fn an_escaped_name_is_prefixed_as_what_it_means() {
    let items = [
        (r#"{"name":"\u0065cho","description":"\u0065"}"#, "esc__echo"),
        (r#"{"name":"quo\"te","description":"\u0065"}"#, "esc__quo\"te"),
        (r#"{"name":"sl\/ash","description":"\u0065"}"#, "esc__sl/ash"),
        (r#"{"name":"caf\u00e9 😀","description":"\u0065"}"#, "esc__café 😀"),
        (r#"{"\u006eame":"key","description":"\u0065"}"#, "esc__key"),
    ];
    let texts: Vec<&str> = items.iter().map(|(item, _)| *item).collect();
    let esc = Upstream::named("esc").pages(&[&texts]).start().await;
    let envoy = Setup::new().upstream(&esc).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.list().await;
    let expected: Vec<&str> = items.iter().map(|(_, name)| *name).collect();
    assert_eq!(names(&reply.result()), expected);
    assert_eq!(reply.text().matches(r#","description":"\u0065","#).count(), items.len());
    for (name, original) in [("esc__quo\"te", "quo\"te"), ("esc__café 😀", "café 😀")] {
        assert_eq!(client.call_text(name).await, format!("esc:{original}"));
    }
}

#[tokio::test]
async fn the_order_is_that_of_the_configuration_and_then_of_the_upstream() {
    let z = Upstream::named("z").tools(&["beta", "alpha"]).sse_answers().start().await;
    let a = Upstream::named("a").tools(&["two", "one", "three"]).start().await;
    let m = Upstream::named("m").tools(&[]).start().await;
    let envoy = Setup::new().upstream(&z).upstream(&m).upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let expected = ["z__beta", "z__alpha", "a__two", "a__one", "a__three"];
    assert_eq!(client.tool_names().await, expected);
    let result = client.list().await.result();
    assert!(result.get("nextCursor").is_none(), "{result}");
    assert!(result.get("_meta").is_none(), "{result}");
}

#[tokio::test]
async fn identical_calls_get_identical_bytes() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let c = Upstream::named("c").tools(&["x", "y", "z"]).start().await;
    let envoy = Setup::new().upstream(&b).upstream(&a).upstream(&c).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let first = client.post(list).send().await;
    first.result();
    for _ in 0..20 {
        assert_eq!(client.post(list).send().await.body, first.body);
    }
}

#[tokio::test]
async fn items_that_cannot_be_read_are_dropped_and_counted() {
    let items = [
        PLAIN,
        "7",
        "null",
        r#""text""#,
        "[]",
        "{}",
        r#"{"title":"nameless"}"#,
        r#"{"name":7}"#,
        r#"{"name":null}"#,
        r#"{"name":"last"}"#,
    ];
    let a = Upstream::named("a").pages(&[&items]).start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["a__echo", "a__last", "b__echo"]);
    let stats = envoy.stats().await;
    let dropped = stats
        .iter()
        .find(|(name, value)| name.contains(".mcp_mux.") && name.contains("dropped") && *value > 0);
    assert_eq!(dropped.map(|(_, value)| *value), Some(8), "{stats:?}");
}

#[tokio::test]
async fn names_join_as_the_configuration_says() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let c = Upstream::named("c").tools(&["one.two"]).start().await;
    let envoy = Setup::new()
        .upstream_with(&a, &json!({"prefix": "first"}))
        .upstream_with(&b, &json!({"prefix": ""}))
        .upstream(&c)
        .set("naming", json!({"separator": "."}))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["first.echo", "echo", "c.one.two"]);
    assert_eq!(client.call_text("first.echo").await, "a:echo");
    assert_eq!(client.call_text("echo").await, "b:echo");
    assert_eq!(client.call_text("c.one.two").await, "c:one.two");
}

#[tokio::test]
async fn allow_and_deny_decide_what_exists() {
    let names = ["get_a", "get_b", "get_admin", "set_a", "other"];
    let both = Upstream::named("both").tools(&names).start().await;
    let deny = Upstream::named("deny").tools(&names).start().await;
    let exact = Upstream::named("exact").tools(&names).start().await;
    let envoy = Setup::new()
        .upstream_with(&both, &json!({"tools": {"allow": ["get_*"], "deny": ["*_admin"]}}))
        .upstream_with(&deny, &json!({"tools": {"deny": ["get_?", "other"]}}))
        .upstream_with(&exact, &json!({"tools": {"allow": ["set_a"]}}))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    let expected = ["both__get_a", "both__get_b", "deny__get_admin", "deny__set_a", "exact__set_a"];
    assert_eq!(client.tool_names().await, expected);
    for denied in ["both__get_admin", "both__set_a", "deny__get_a", "deny__other", "exact__get_a"] {
        client.call(denied).await.error(200, -32602);
    }
    for upstream in [&both, &deny, &exact] {
        assert!(upstream.seen_of("tools/call").is_empty(), "a denied call goes nowhere");
    }
    assert_eq!(client.call_text("deny__set_a").await, "deny:set_a");
}

#[tokio::test]
async fn a_list_of_some_megabytes_is_merged() {
    let item = |n: usize| {
        let description = "lorem ".repeat(200);
        format!(
            r#"{{"name":"t{n}","description":"{description}","n":{n}.0,"inputSchema":{{"type":"object"}}}}"#
        )
    };
    let items: Vec<String> = (0..2000).map(item).collect();
    let texts: Vec<&str> = items.iter().map(String::as_str).collect();
    let a = Upstream::named("a").pages(&[&texts]).start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.list().await;
    assert!(reply.body.len() > 2_000_000);
    let found = names(&reply.result());
    assert_eq!((found.len(), found[1999].as_str()), (2001, "a__t1999"));
    let last = items[1999].replace(r#""name":""#, r#""name":"a__"#);
    assert!(reply.text().contains(&last));
}

#[tokio::test]
async fn lists_that_run_at_once_do_not_mix() {
    let a = Upstream::named("a").tools(&["one", "two"]).start().await;
    let b = Upstream::named("b").tools(&["three"]).sse_answers().start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let (first, second) = (Client::open(&envoy).await, Client::open(&envoy).await);
    let list = async |client: &Client<'_>| {
        assert_eq!(client.tool_names().await, ["a__one", "a__two", "b__three"]);
        assert_eq!(client.call_text("b__three").await, "b:three");
    };
    for _ in 0..5 {
        tokio::join!(
            list(&first),
            list(&second),
            list(&first),
            list(&second),
            list(&first),
            list(&second),
        );
    }
    for seen in a.seen_of("tools/list") {
        assert!(seen.header("mcp-session-id").is_some_and(|id| id.starts_with("a-session-")));
    }
}
