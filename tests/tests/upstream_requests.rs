//! What reaches an upstream: its own session, revision, path, authority and headers, and nothing of
//! the client's that the configuration does not name.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Client, Seen, Setup, Upstream};
use serde_json::{Value, json};

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a__echo"}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;

/// Every kind of request that an upstream gets in the life of a session.
async fn life(fields: &Value, headers: &[(&str, &str)]) -> Vec<Seen> {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream_with(&a, fields).start().await;
    let with_headers = |mut request: mcp_mux_tests::Request| {
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request
    };
    let hello = mcp_mux_tests::mcp::initialize("2025-11-25");
    let hello = with_headers(mcp_mux_tests::Request::post(&envoy, hello)).send().await;
    let client = Client::of(&envoy, &hello);
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        LIST,
        CALL,
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
    ] {
        let reply = with_headers(client.post(body)).send().await;
        assert!(matches!(reply.status, 200 | 202), "{reply:?}");
    }
    assert_eq!(with_headers(client.http("DELETE")).send().await.status, 204);
    let seen = a.seen();
    let kinds: Vec<String> =
        seen.iter().map(|seen| seen.rpc_method().unwrap_or(seen.method.clone())).collect();
    let expected = [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
        "notifications/roots/list_changed",
        "DELETE",
    ];
    assert_eq!(kinds, expected);
    seen
}

#[tokio::test]
async fn every_request_goes_to_the_configured_path_and_authority() {
    let fields = json!({"path": "/deep/endpoint", "authority": "tools.example:8443"});
    for seen in life(&fields, &[]).await {
        assert_eq!(seen.target, "/deep/endpoint", "{seen:?}");
        assert_eq!(seen.header("host"), Some("tools.example:8443"), "{seen:?}");
    }
}

#[tokio::test]
async fn envoys_own_headers_are_on_requests_of_the_gateway_alone() {
    for seen in life(&json!({}), &[]).await {
        let own = seen.headers.iter().map(|(name, _)| name.as_str());
        let own: Vec<&str> = own.filter(|name| name.starts_with("x-envoy-")).collect();
        // A routed call has none, by `suppress_envoy_headers`; for side calls Envoy has no such setting.
        let routed = seen.rpc_method().as_deref() == Some("tools/call");
        let expected = if routed {
            vec![]
        } else {
            vec!["x-envoy-internal", "x-envoy-expected-rq-timeout-ms"]
        };
        assert_eq!(own, expected, "{seen:?}");
    }
}

#[tokio::test]
async fn without_configuration_the_path_is_mcp_and_the_authority_the_cluster() {
    for seen in life(&json!({}), &[]).await {
        assert_eq!((seen.target.as_str(), seen.header("host")), ("/mcp", Some("a")), "{seen:?}");
    }
}

#[tokio::test]
async fn every_request_is_what_the_transport_asks_for() {
    for seen in life(&json!({}), &[("accept", "*/*"), ("accept-encoding", "gzip, br")]).await {
        let of_session = seen.rpc_method().as_deref() != Some("initialize");
        let session = of_session.then_some("a-session-1");
        assert_eq!(seen.header("mcp-session-id"), session, "{seen:?}");
        if of_session {
            assert_eq!(seen.header("mcp-protocol-version"), Some("2025-11-25"), "{seen:?}");
        }
        if seen.method == "POST" {
            assert_eq!(seen.header("content-type"), Some("application/json"), "{seen:?}");
            let length = seen.header("content-length").map(str::to_owned);
            assert_eq!(length, Some(seen.body.len().to_string()), "{seen:?}");
        }
        let routed = seen.rpc_method().as_deref() == Some("tools/call");
        assert_eq!(seen.header("accept-encoding"), Some("identity"), "{seen:?}");
        if !routed {
            let agent = seen.header("user-agent").unwrap_or_default();
            assert!(agent.starts_with("mcp-mux/"), "{seen:?}");
        }
        if seen.method == "POST" && !routed {
            let accept = seen.header("accept").unwrap_or_default();
            assert!(accept.contains("application/json"), "{seen:?}");
            assert!(accept.contains("text/event-stream"), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn credentials_of_the_client_reach_no_upstream() {
    let headers = [
        ("authorization", "Bearer client-secret"),
        ("cookie", "id=client-secret"),
        ("x-mcp-cluster", "client-secret"),
        ("proxy-authorization", "Basic client-secret"),
    ];
    for seen in life(&json!({}), &headers).await {
        for (name, value) in &seen.headers {
            let leaks = value.windows(13).any(|window| window == b"client-secret");
            assert!(!leaks, "{name} carries it in {seen:?}");
        }
        assert_eq!(seen.header("x-mcp-cluster"), None);
    }
}

#[tokio::test]
async fn what_the_configuration_forwards_and_sets_is_on_every_request() {
    let fields = json!({"headers": {
        "set": {"authorization": "Bearer of-the-gateway", "X-Tenant": "7"},
        "forward": ["cookie", "traceparent", "X-Request-Tag"],
    }});
    let headers = [
        ("authorization", "Bearer client-secret"),
        ("cookie", "id=1"),
        ("traceparent", "00-1234-5678-01"),
        ("x-request-tag", "blue"),
        ("x-other", "not named"),
    ];
    for seen in life(&fields, &headers).await {
        assert_eq!(seen.header("authorization"), Some("Bearer of-the-gateway"), "{seen:?}");
        assert_eq!(seen.header("x-tenant"), Some("7"), "{seen:?}");
        assert_eq!(seen.header("cookie"), Some("id=1"), "{seen:?}");
        assert_eq!(seen.header("traceparent"), Some("00-1234-5678-01"), "{seen:?}");
        assert_eq!(seen.header("x-request-tag"), Some("blue"), "{seen:?}");
    }
}

#[tokio::test]
async fn authorization_is_passed_on_where_the_configuration_says_so() {
    let fields = json!({"headers": {"forward": ["authorization"]}});
    for seen in life(&fields, &[("authorization", "Bearer mine")]).await {
        assert_eq!(seen.header("authorization"), Some("Bearer mine"), "{seen:?}");
    }
}

#[tokio::test]
async fn each_upstream_gets_its_own_headers_only() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let token = |text: &str| json!({"headers": {"set": {"authorization": text}}});
    let envoy = Setup::new()
        .upstream_with(&a, &token("Bearer for-a"))
        .upstream_with(&b, &token("Bearer for-b"))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    client.list().await.result();
    client.call("a__echo").await.result();
    client.call("b__echo").await.result();
    for (upstream, expected) in [(&a, "Bearer for-a"), (&b, "Bearer for-b")] {
        let mut methods = Vec::new();
        for seen in upstream.seen() {
            assert_eq!(seen.header("authorization"), Some(expected), "{seen:?}");
            methods.extend(seen.rpc_method());
        }
        assert_eq!(methods.last().map(String::as_str), Some("tools/call"));
        let session = format!("{}-session-1", upstream.name);
        let call = upstream.only("tools/call");
        assert_eq!(call.header("mcp-session-id"), Some(session.as_str()));
    }
}

#[tokio::test]
async fn each_upstream_is_spoken_to_in_the_revision_that_it_negotiated() {
    let start = |name: &str, revision: &str| {
        let revision = revision.to_owned();
        Upstream::named(name).with(|server| server.revision = Some(revision)).start()
    };
    let upstreams = [
        start("old", "2025-03-26").await,
        start("mid", "2025-06-18").await,
        start("new", "2025-11-25").await,
    ];
    let mut setup = Setup::new();
    for upstream in &upstreams {
        setup = setup.upstream(upstream);
    }
    let envoy = setup.start().await;
    let client = Client::open_as(&envoy, "2025-06-18").await;
    assert_eq!(client.revision, "2025-06-18");
    client.list().await.result();
    for (upstream, revision) in upstreams.iter().zip(["2025-03-26", "2025-06-18", "2025-11-25"]) {
        client.call(&format!("{}__echo", upstream.name)).await.result();
        for method in ["notifications/initialized", "tools/list", "tools/call"] {
            let seen = upstream.only(method);
            assert_eq!(seen.header("mcp-protocol-version"), Some(revision), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn a_request_of_the_gateways_own_has_an_id_of_its_own() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.post(LIST.replace('7', r#""my-id""#)).send().await;
    assert_eq!(reply.message()["id"], "my-id");
    client.post(LIST).send().await.result();
    let ids: Vec<u64> = ["initialize", "tools/list"]
        .iter()
        .flat_map(|method| a.seen_of(method))
        .map(|seen| seen.id().parse().expect("a positive integer"))
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|&id| id < 1 << 31), "{ids:?}");
    let mut distinct = ids.clone();
    distinct.dedup();
    assert_eq!(distinct, ids);
}

#[tokio::test]
async fn a_cancellation_reaches_every_upstream_with_the_exact_id() {
    if Host::tested() == Host::Module {
        // It knows who works on what.
        return;
    }
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    for id in [r#""1""#, "1", "9007199254740993", r#""x\/y""#] {
        a.forget();
        b.forget();
        let params = format!(r#"{{"requestId":{id},"reason":"user"}}"#);
        let body =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#);
        let reply = client.post(body).send().await;
        assert_eq!((reply.status, reply.text()), (202, ""));
        for upstream in [&a, &b] {
            let text = upstream.only("notifications/cancelled").text().to_owned();
            assert!(text.contains(&params), "{text}");
        }
    }
}

#[tokio::test]
async fn responses_to_nobody_and_unknown_notifications_are_accepted_and_go_nowhere() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    for body in [
        r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"no"}}"#,
        r#"{"jsonrpc":"2.0","id":"a:null","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"other:1","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"a:1","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"a:\"1\"","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"a:AAAAAAAA:1","result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/of/the/future","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"x"}}"#,
    ] {
        let reply = client.post(body).send().await;
        assert_eq!((reply.status, reply.text()), (202, ""), "{body}");
    }
    assert!(a.seen().is_empty(), "{:?}", a.seen());
}

#[tokio::test]
async fn a_change_of_roots_reaches_every_upstream_as_it_is() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let body = r#"{"jsonrpc":"2.0", "method":"notifications/roots/list_changed"}"#;
    assert_eq!(client.post(body).send().await.status, 202);
    for upstream in [&a, &b] {
        assert_eq!(upstream.only("notifications/roots/list_changed").text(), body);
    }
}
