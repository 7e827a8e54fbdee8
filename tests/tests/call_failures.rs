//! A call whose owner is in trouble: HTTP 200 and a JSON-RPC error that names the upstream.

use mcp_mux_tests::process::ClosedPort;
use mcp_mux_tests::{Answer, Client, Gate, Gateway, Reply, Setup, Step, Upstream};
use serde_json::{Value, json};

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":"my\/id","method":"tools/call","params":{"name":"a__echo"}}"#;

/// A gateway whose calls may take a second.
async fn start() -> Gateway {
    Gateway::with(|setup| setup.call_timeout("1s")).await
}

/// Calls a tool whose owner answers in this way.
async fn call(gateway: &Gateway, answer: Answer) -> Reply {
    gateway.a.answer("tools/call", move |_| answer.clone());
    let counter = "requests.tools_call.upstream_error";
    let before = gateway.envoy.counter(counter).await;
    let client = Client::open(&gateway.envoy).await;
    let reply = client.post(CALL).send().await;
    assert_eq!(gateway.envoy.counter(counter).await, before + 1);
    assert_eq!(client.list().await.status, 200, "the session lives on");
    reply
}

/// `error.data` of a call that failed at the upstream.
fn failure(reply: &Reply) -> Value {
    let error = reply.error(200, -32603);
    assert_eq!(reply.message()["id"], "my/id");
    assert!(reply.text().contains(r#""id":"my\/id""#), "{reply:?}");
    assert_eq!(error["data"]["upstream"], "a", "{error}");
    let reason = error["data"]["reason"].as_str().expect("a reason");
    assert!(!reason.is_empty());
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains('a') && message.contains(reason), "{error}");
    error["data"].clone()
}

#[tokio::test]
async fn a_refused_connection_is_a_json_rpc_error() {
    let a = Upstream::named("a").start().await;
    let port = ClosedPort::reserve();
    let healthy = Setup::new().upstream(&a).keys(b"A").start().await;
    let dead = Setup::new().upstream_at("a", port.address, &json!({})).keys(b"A").start().await;
    let client = Client::open(&healthy).await;
    failure(&client.at(&dead).post(CALL).send().await);
}

#[tokio::test]
async fn a_reset_connection_is_a_json_rpc_error() {
    let gateway = start().await;
    failure(&call(&gateway, Answer::Reset).await);
}

#[tokio::test]
async fn a_call_past_the_timeout_of_its_route_is_a_json_rpc_error() {
    let gateway = start().await;
    failure(&call(&gateway, Answer::Hang).await);
}

#[tokio::test]
async fn a_server_error_is_a_json_rpc_error_with_its_status() {
    let gateway = start().await;
    for status in [500, 502, 503, 504] {
        let page = "<html><h1>Internal Server Error</h1></html>";
        let data = failure(&call(&gateway, Answer::whole(status, "text/html", page)).await);
        assert_eq!(data["status"], status, "{data}");
    }
    let chunked = vec![Step::send("<html>"), Step::send("</html>")];
    let data = failure(&call(&gateway, Answer::steps(500, "text/html", chunked)).await);
    assert_eq!(data["status"], 500, "{data}");
}

#[tokio::test]
async fn a_page_of_html_is_a_json_rpc_error() {
    let gateway = start().await;
    let page = Answer::whole(200, "text/html; charset=utf-8", "<h1>Welcome</h1>");
    failure(&call(&gateway, page).await);
    let untyped = Answer::Reply { status: 200, headers: vec![], body: vec![Step::send("?")] };
    failure(&call(&gateway, untyped).await);
}

#[tokio::test]
async fn a_redirect_is_a_json_rpc_error() {
    let gateway = start().await;
    let moved = Answer::whole(307, "text/html", "moved").header("location", "http://elsewhere/");
    let reply = call(&gateway, moved).await;
    assert_eq!(failure(&reply)["status"], 307);
    assert_eq!(reply.header("location"), None);
}

#[tokio::test]
async fn a_challenge_is_reported_and_not_relayed() {
    let gateway = start().await;
    let challenge = r#"Bearer resource_metadata="https://upstream.example/.well-known""#;
    for status in [401, 403] {
        let answer = Answer::whole(status, "application/json", r#"{"error":"invalid_token"}"#);
        let reply = call(&gateway, answer.header("www-authenticate", challenge)).await;
        let data = failure(&reply);
        assert_eq!((&data["status"], &data["challenge"]), (&json!(status), &json!(challenge)));
        assert_eq!(reply.header("www-authenticate"), None);
    }
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let gateway = start().await;
    let busy = Answer::whole(429, "text/plain", "slow down").header("retry-after", "17");
    let reply = call(&gateway, busy).await;
    assert_eq!(failure(&reply)["status"], 429);
    assert_eq!(reply.header("retry-after"), Some("17"));
    let busy = Answer::whole(503, "text/plain", "soon").header("retry-after", "5");
    assert_eq!(call(&gateway, busy).await.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn an_upstream_that_loses_every_session_counts_as_down_and_is_opened_once_a_call() {
    let lost = |_: &_| Answer::whole(404, "application/json", r#"{"error":"no session"}"#);
    let a = Upstream::named("a").on("tools/call", lost).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    let reply = client.post(CALL).send().await;
    let data = failure(&reply);
    assert!(data["reason"].as_str().is_some_and(|it| it.contains("lost its session")), "{data}");
    assert_eq!(reply.message()["id"], "my/id");
    assert_eq!((a.seen_of("initialize").len(), a.seen_of("tools/call").len()), (1, 2));
}

#[tokio::test]
async fn a_404_of_an_upstream_without_sessions_says_nothing_about_the_session() {
    let a = Upstream::named("a")
        .with(|server| server.sessions = false)
        .on("tools/call", |_| Answer::whole(404, "text/plain", "not here"))
        .start()
        .await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(failure(&client.post(CALL).send().await)["status"], 404);
}

#[tokio::test]
async fn a_failing_owner_does_not_fail_the_others() {
    let a = Upstream::named("a").on("tools/call", |_| Answer::Hang).start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    tokio::select! {
        reply = client.post(CALL).send() => panic!("a hangs: {reply:?}"),
        () = async {
            a.wait_for("tools/call").await;
            for _ in 0..3 {
                assert_eq!(client.call_text("b__echo").await, "b:echo");
            }
        } => {}
    }
}

#[tokio::test]
async fn an_answer_in_json_that_breaks_off_does_not_leave_the_client_waiting() {
    let cut = vec![Step::send(r#"{"jsonrpc":"2.0","id":"my\/id","result":{"#), Step::Reset];
    let a = Upstream::named("a")
        .on("tools/call", move |_| Answer::steps(200, "application/json", cut.clone()))
        .start()
        .await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.post(CALL).send().await;
    assert!(!reply.complete, "half an answer must not look whole: {reply:?}");
}

#[tokio::test]
async fn an_error_that_breaks_off_is_a_json_rpc_error_all_the_same() {
    let gateway = start().await;
    // In JSON it would be waited for, since it could be a JSON-RPC error.
    for (status, kind) in [(500, "text/plain"), (429, ""), (401, "text/html")] {
        let half = vec![Step::send("{\"half\":"), Step::Reset];
        let reply = call(&gateway, Answer::steps(status, kind, half)).await;
        let reason = failure(&reply)["reason"].to_string();
        assert!(reason.contains(&status.to_string()), "{status}: {reason}");
    }
}

#[tokio::test]
async fn a_page_that_never_ends_is_not_waited_for() {
    let gateway = start().await;
    let endless = vec![Step::send("<h1>wait"), Step::Until(Gate::closed())];
    let reply = call(&gateway, Answer::steps(500, "text/html", endless)).await;
    assert_eq!(failure(&reply)["status"], 500);
}

#[tokio::test]
async fn an_answer_with_another_success_status_has_200_for_the_client() {
    let gateway = start().await;
    let client = Client::open(&gateway.envoy).await;
    let json = r#"{"jsonrpc":"2.0","id":"my/id","result":{}}"#.to_owned();
    let sse = format!("data: {json}\n\n");
    for (kind, body) in [("application/json", json), ("text/event-stream", sse)] {
        gateway.a.answer("tools/call", move |_| Answer::whole(202, kind, body.clone()));
        let reply = client.post(CALL).send().await;
        assert_eq!((reply.status, &reply.message()["id"]), (200, &json!("my/id")));
    }
}
