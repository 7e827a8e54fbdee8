//! What is not for the endpoint passes untouched.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Answer, Client, Gate, Request, Setup, Step, Upstream};

#[tokio::test]
async fn requests_to_other_paths_arrive_as_they_were_sent() {
    let a = Upstream::named("a").start().await;
    let web = Upstream::named("web")
        .on("POST", |_| Answer::whole(201, "x/y", "made").header("x-answer", "1"))
        .on("PUT", |_| Answer::whole(500, "text/html", "<h1>mine</h1>"))
        .on("GET", |_| Answer::whole(404, "text/plain", "not here"))
        .start()
        .await;
    let envoy = Setup::new().upstream(&a).elsewhere(&web).start().await;
    for path in ["/", "/mcpx", "/mcp/", "/mcp/sub", "/MCP", "/other?path=/mcp", "/x/mcp"] {
        web.forget();
        let body = "{not json, \u{e9}";
        let reply = Request::new(&envoy, "POST", path)
            .header("authorization", "Bearer mine")
            .header("cookie", "a=b")
            .header("origin", "https://evil.example")
            .header("mcp-session-id", "whatever")
            .header("mcp-protocol-version", "1999")
            .header("content-type", "text/plain")
            .body(body)
            .send()
            .await;
        assert_eq!(
            (reply.status, reply.text(), reply.header("x-answer")),
            (201, "made", Some("1"))
        );
        let seen = web.only("POST");
        assert_eq!((seen.target.as_str(), seen.text()), (path, body));
        assert_eq!(seen.header("authorization"), Some("Bearer mine"));
        assert_eq!(seen.header("cookie"), Some("a=b"));
        assert_eq!(seen.header("origin"), Some("https://evil.example"));
        assert_eq!(seen.header("mcp-session-id"), Some("whatever"));
        assert_eq!(seen.header("host"), Some("gateway.test"));
    }
    let reply = Request::new(&envoy, "PUT", "/x").body("x").send().await;
    assert_eq!((reply.status, reply.text()), (500, "<h1>mine</h1>"));
    let reply = Request::new(&envoy, "GET", "/x").send().await;
    assert_eq!((reply.status, reply.text()), (404, "not here"));
    assert!(a.seen().is_empty());
}

#[tokio::test]
async fn a_query_does_not_make_another_path() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let body = mcp_mux_tests::mcp::initialize("2025-11-25");
    let reply = Request::new(&envoy, "POST", "/mcp?tenant=1")
        .header("content-type", "application/json")
        .header("accept", "*/*")
        .body(body)
        .send()
        .await;
    assert_eq!(reply.result()["protocolVersion"], client.revision);
}

#[tokio::test]
async fn the_endpoint_is_where_the_configuration_puts_it() {
    let a = Upstream::named("a").start().await;
    let setup = Setup::new().upstream(&a).set("path", serde_json::json!("/deep/tools"));
    let envoy = setup.start().await;
    let body = mcp_mux_tests::mcp::initialize("2025-11-25");
    let request = Request::new(&envoy, "POST", "/deep/tools")
        .header("content-type", "application/json")
        .header("accept", "*/*");
    request.body(body.clone()).send().await.result();
    assert_eq!(Request::post(&envoy, body).send().await.status, 404);
}

#[tokio::test]
async fn bodies_of_other_paths_stream_in_both_directions() {
    let web = Upstream::named("web").start().await;
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).elsewhere(&web).buffer(64 << 10).start().await;
    // Far more than Envoy holds.
    let long = "0123456789abcdef".repeat(1 << 16);
    let reply = Request::new(&envoy, "POST", "/echo").body(long.clone()).chunked(10_000);
    let reply = reply.send().await;
    assert!(reply.complete && reply.text() == long);

    let gate = Gate::closed();
    let held = gate.clone();
    let slow = move |_: &_| {
        let steps = vec![Step::send("first"), Step::Until(held.clone()), Step::send("second")];
        Answer::steps(200, "text/plain", steps)
    };
    let web = Upstream::named("web").on("GET", slow).start().await;
    let envoy = Setup::new().upstream(&a).elsewhere(&web).start().await;
    let mut answer = Request::new(&envoy, "GET", "/slow").open().await;
    answer.until("first").await;
    gate.open();
    assert_eq!(answer.rest().await.text(), "firstsecond");
}

#[tokio::test]
async fn a_client_cannot_choose_the_cluster() {
    let a = Upstream::named("a").start().await;
    // With a second one, no upstream's stream is passed on: a GET that reached one was smuggled.
    let b = Upstream::named("b").start().await;
    let web = Upstream::named("web").on("GET", |_| Answer::json("{}")).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).elsewhere(&web).start().await;
    let reply = Request::new(&envoy, "GET", "/other").header("x-mcp-cluster", "a").send().await;
    assert_eq!(reply.text(), "{}");
    assert_eq!(web.only("GET").header("x-mcp-cluster"), None);
    let client = Client::open(&envoy).await;
    a.forget();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo"}}"#;
    client.post(call).header("x-mcp-cluster", "web").send().await.result();
    a.only("tools/call");
    if !Host::tested().merges() {
        client.http("GET").header("x-mcp-cluster", "a").send().await.error(405, -32600);
        assert!(a.seen_of("GET").is_empty());
    }
}
