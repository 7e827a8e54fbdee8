//! `initialize`: every upstream is asked at once and the client sees one server.

use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::{initialize, unavailable};
use mcp_mux_tests::{Answer, Client, Gate, Request, Setup, Upstream, script, within};
use serde_json::json;
use tokio::time::Instant;

#[tokio::test]
async fn every_upstream_is_asked_before_the_first_has_answered() {
    let gate = Gate::closed();
    let start = |name: &str| {
        let held = gate.clone();
        let late = move |seen: &_| {
            let result = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},
                "serverInfo":{"name":"late","version":"1"}}"#;
            let held = mcp_mux_tests::Step::Until(held.clone());
            let body = mcp_mux_tests::Step::send(script::response(seen, result));
            Answer::steps(200, "application/json", vec![held, body])
        };
        Upstream::named(name).on("initialize", late).start()
    };
    let (a, b, c) = (start("a").await, start("b").await, start("c").await);
    let envoy = Setup::new().upstream(&a).upstream(&b).upstream(&c).start().await;
    let client = tokio::join!(Client::open(&envoy), async {
        for upstream in [&a, &b, &c] {
            upstream.wait_for("initialize").await;
        }
        gate.open();
    });
    assert_eq!(unavailable(&client.0.initialized), []);
}

#[tokio::test]
async fn slow_upstreams_take_as_long_as_the_slowest_of_them() {
    let start = |name: &str, millis: u64| {
        let slow = move |seen: &_| {
            let result = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},
                "serverInfo":{"name":"slow","version":"1"}}"#;
            let pause = mcp_mux_tests::Step::Pause(Duration::from_millis(millis));
            let body = mcp_mux_tests::Step::send(script::response(seen, result));
            Answer::steps(200, "application/json", vec![pause, body])
        };
        Upstream::named(name).on("initialize", slow).start()
    };
    let (a, b, c) = (start("a", 700).await, start("b", 800).await, start("c", 600).await);
    let envoy = Setup::new().upstream(&a).upstream(&b).upstream(&c).start().await;
    let begin = Instant::now();
    let reply = Request::post(&envoy, initialize("2025-11-25")).send().await;
    let took = begin.elapsed();
    reply.result();
    assert!(took >= Duration::from_millis(800), "{took:?}");
    assert!(took < Duration::from_millis(1400), "one after the other, it seems: {took:?}");
}

#[tokio::test]
async fn the_answer_speaks_for_the_gateway_and_joins_the_instructions() {
    let with = |name: &str, text: &str| {
        let text = text.to_owned();
        Upstream::named(name).with(|server| server.instructions = Some(text)).start()
    };
    let a = with("alpha", "First list, then \"call\".").await;
    let b = Upstream::named("beta").start().await;
    let c = with("gamma", "Be kind.").await;
    let server = json!({"name": "my-mux", "title": "My Mux", "instructions": "Pick a tool."});
    let setup = Setup::new().upstream(&a).upstream(&b).upstream(&c).set("server", server);
    let envoy = setup.start().await;
    let result = Client::open(&envoy).await.initialized;
    assert_eq!(result["serverInfo"]["name"], "my-mux");
    assert_eq!(result["serverInfo"]["title"], "My Mux");
    assert!(result["serverInfo"]["version"].is_string(), "{result}");
    let instructions = result["instructions"].as_str().expect("instructions");
    let at = |text: &str| instructions.find(text).unwrap_or_else(|| panic!("{text}: {result}"));
    let order = [
        at("Pick a tool."),
        at("alpha"),
        at("First list, then \"call\"."),
        at("gamma"),
        at("Be kind."),
    ];
    assert!(order.is_sorted(), "{instructions}");
    assert!(!instructions.contains("beta"), "it has nothing to say: {instructions}");
}

#[tokio::test]
async fn without_a_word_of_configuration_the_server_is_mcp_mux() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let result = Client::open(&envoy).await.initialized;
    assert_eq!(result["serverInfo"]["name"], "mcp-mux");
    assert!(result.get("instructions").is_none(), "{result}");
    assert!(result.get("_meta").is_none(), "nothing is missing: {result}");
}

#[tokio::test]
async fn only_what_the_gateway_can_deliver_is_advertised() {
    let start = |name: &str, capabilities: serde_json::Value| {
        Upstream::named(name).with(|server| server.capabilities = capabilities).start()
    };
    let a = start(
        "a",
        json!({
            "tools": {"listChanged": true}, "prompts": {"listChanged": true}, "logging": {},
            "resources": {"subscribe": true, "listChanged": true}, "experimental": {"x": {}},
        }),
    );
    let a = a.await;
    // Where of two upstreams none is listened to, no change of a list could be told.
    let b = start("b", json!({"tools": {}, "completions": {}})).await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let mut joined =
        json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {}, "logging": {}});
    if Host::tested().merges() {
        for kind in ["tools", "prompts", "resources"] {
            joined[kind]["listChanged"] = json!(true);
        }
        joined["resources"]["subscribe"] = json!(true);
    }
    assert_eq!(client.initialized["capabilities"], joined);
}

#[tokio::test]
async fn changes_of_the_tool_list_are_advertised_only_for_the_upstream_that_is_listened_to() {
    let start = |name: &str, capabilities: serde_json::Value| {
        Upstream::named(name).with(|server| server.capabilities = capabilities).start()
    };
    let a = start("a", json!({"tools": {"listChanged": true}})).await;
    let b = start("b", json!({"tools": {}})).await;
    for (listen, expected) in
        [("a", json!({"tools": {"listChanged": true}})), ("b", json!({"tools": {}}))]
    {
        let setup = Setup::new().upstream(&a).upstream(&b).set("listen", json!(listen));
        let envoy = setup.start().await;
        let client = Client::open(&envoy).await;
        assert_eq!(client.initialized["capabilities"], expected, "listening to {listen}");
    }
}

#[tokio::test]
async fn an_upstream_that_fails_is_named_and_the_rest_is_served() {
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b")
        .on("initialize", |_| Answer::whole(500, "text/html", "<h1>no</h1>"))
        .start()
        .await;
    let c = Upstream::named("c").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).upstream(&c).start().await;
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.initialized);
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].0, "b");
    assert!(missing[0].1.contains("500"), "{missing:?}");
    assert_eq!(client.call_text("c__echo").await, "c:echo");
}

#[tokio::test]
async fn nonsense_of_an_upstream_counts_as_a_failure() {
    let good = Upstream::named("good").start().await;
    let mut setup = Setup::new().upstream(&good);
    let mut broken = Vec::new();
    for (name, body) in [
        ("empty", ""),
        ("text", "hello"),
        ("cut", r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025"#),
        ("array", "[]"),
        ("other-id", r#"{"jsonrpc":"2.0","id":"nobody","result":{}}"#),
        ("no-result", r#"{"jsonrpc":"2.0"}"#),
    ] {
        let upstream = Upstream::named(name).on("initialize", move |_| Answer::json(body));
        broken.push(upstream.start().await);
    }
    let error = Upstream::named("error").on("initialize", |seen| {
        let id = seen.id();
        let error = r#"{"code":-32000,"message":"I am ill"}"#;
        Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
    });
    broken.push(error.start().await);
    let unknown = Upstream::named("unknown").with(|s| s.revision = Some("2199-01-01".into()));
    broken.push(unknown.start().await);
    for upstream in &broken {
        setup = setup.upstream(upstream);
    }
    let envoy = setup.start().await;
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.initialized);
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<&str> = broken.iter().map(|upstream| upstream.name.as_str()).collect();
    assert_eq!(names, expected, "{missing:?}");
    let ill = missing.iter().find(|(name, _)| name == "error");
    assert!(ill.is_some_and(|(_, reason)| reason.contains("I am ill")), "{missing:?}");
}

#[tokio::test]
async fn when_every_upstream_fails_the_error_names_each_and_no_session_is_made() {
    let failing = |name: &str, status: u16| {
        Upstream::named(name)
            .on("initialize", move |_| Answer::whole(status, "text/plain", "no"))
            .start()
    };
    let (a, b) = (failing("a", 503).await, failing("b", 401).await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let reply = Request::post(&envoy, initialize("2025-11-25")).send().await;
    let error = reply.error(200, -32603);
    assert_eq!(error["data"]["upstreams"][0]["upstream"], "a");
    assert_eq!(error["data"]["upstreams"][1]["upstream"], "b");
    assert!(error["data"]["upstreams"][1]["reason"].is_string());
    assert_eq!(reply.message()["id"], 0);
    assert_eq!(reply.header("mcp-session-id"), None);
}

#[tokio::test]
async fn an_upstream_without_session_ids_is_served_too() {
    let a = Upstream::named("a").with(|server| server.sessions = false).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(a.only("tools/call").header("mcp-session-id"), None);
}

#[tokio::test]
async fn the_session_id_is_visible_ascii_and_hides_those_of_the_upstreams() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let first = Client::open(&envoy).await.session;
    let second = Client::open(&envoy).await.session;
    assert_ne!(first, second);
    assert!(first.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{first}");
    assert!(!first.contains("a-session"), "{first}");
}

#[tokio::test]
async fn initialized_reaches_every_upstream_before_the_client_is_answered() {
    let gate = Gate::closed();
    let held = gate.clone();
    let slow = move |_: &_| {
        Answer::steps(202, "text/plain", vec![mcp_mux_tests::Step::Until(held.clone())])
    };
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").on("notifications/initialized", slow).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let reply = Request::post(&envoy, initialize("2025-11-25")).send().await;
    let client = Client::of(&envoy, &reply);
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let mut answer = std::pin::pin!(client.post(ready).send());
    let asked = async {
        a.wait_for("notifications/initialized").await;
        b.wait_for("notifications/initialized").await;
    };
    tokio::select! {
        reply = &mut answer => panic!("answered before b had taken it: {reply:?}"),
        () = asked => gate.open(),
    }
    let reply = within("the answer", answer).await;
    assert_eq!((reply.status, reply.text()), (202, ""));
    for upstream in [&a, &b] {
        let session = format!("{}-session-1", upstream.name);
        let seen = upstream.only("notifications/initialized");
        assert_eq!(seen.header("mcp-session-id"), Some(session.as_str()));
        assert_eq!(seen.id(), "null", "a notification has no id");
    }
}
