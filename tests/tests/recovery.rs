//! Upstreams that come late, or lose their sessions: the client does not notice.

use mcp_mux_tests::exchange::whole;
use mcp_mux_tests::mcp::unavailable;
use mcp_mux_tests::process::ClosedPort;
use mcp_mux_tests::script::response;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Envoy, Gate, Seen, Setup, Step, Upstream, marks};
use serde_json::json;

/// The ways in which servers say that a session is gone.
fn losses() -> [Answer; 5] {
    let error =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let fresh = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: Server not initialized"}}"#;
    let bad = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}"#;
    [
        Answer::whole(404, "text/plain", "Not found"),
        Answer::whole(404, "text/plain", ""),
        Answer::whole(404, "application/json", error),
        Answer::whole(400, "application/json", bad),
        Answer::whole(400, "application/json", fresh),
    ]
}

/// Other ways: words about the session, in whatever form.
fn words() -> [Answer; 8] {
    let error = |code: i32, message: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"{message}"}}}}"#)
    };
    let json = "application/json";
    [
        Answer::whole(410, "text/html", "<h1>Gone</h1>"),
        Answer::whole(400, "text/plain", "invalid session id"),
        Answer::whole(400, json, error(-32600, "no active session")),
        Answer::whole(401, "text/plain", "Unauthorized: Session not found"),
        Answer::whole(403, json, r#"{"error":"session expired"}"#),
        Answer::whole(503, json, error(-32600, "unknown mcp-session-id header")),
        Answer::json(error(-32050, "Session expired")),
        Answer::sse(format!("data: {}\n\n", error(-32000, "Session not found"))),
    ]
}

fn methods(upstream: &Upstream) -> Vec<String> {
    upstream.seen().iter().filter_map(Seen::rpc_method).collect()
}

const REOPENED: [&str; 2] = ["initialize", "notifications/initialized"];

#[tokio::test]
async fn a_call_into_a_lost_session_is_made_again_and_later_ones_do_not_pay() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    for loss in losses() {
        a.restart(loss);
        a.forget();
        b.forget();
        assert_eq!(client.call_text("a__echo").await, "a:echo");
        let [first, second] = REOPENED;
        assert_eq!(methods(&a), ["tools/call", first, second, "tools/call"]);
        // Every request is a connection of its own, so both workers take part.
        for _ in 0..8 {
            assert_eq!(client.call_text("a__echo").await, "a:echo");
            assert_eq!(client.call_text("b__echo").await, "b:echo");
        }
        assert_eq!(a.seen_of("initialize").len(), 1);
        assert!(b.seen_of("initialize").is_empty());
        let mut ids = a.seen_of("tools/call").into_iter().skip(1).map(|seen| session(&seen));
        let reopened = ids.next().expect("the second call");
        assert!(ids.all(|id| id == reopened));
    }
}

#[tokio::test]
async fn whatever_words_a_server_has_for_it_the_client_does_not_notice() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for loss in words() {
        let shown = format!("{loss:?}");
        a.restart(loss.clone());
        a.forget();
        assert_eq!(client.call_text("a__echo").await, "a:echo", "{shown}");
        assert_eq!(
            (a.seen_of("tools/call").len(), a.seen_of("initialize").len()),
            (2, 1),
            "{shown}"
        );
        a.restart(loss);
        a.forget();
        assert_eq!(client.tool_names().await, ["a__echo"], "{shown}");
        assert_eq!(a.seen_of("initialize").len(), 1, "{shown}");
    }
    let lost = |line: &str| line.contains("upstream a had lost its session: initialized");
    envoy.log_line("that the session was lost", lost).await;
}

#[tokio::test]
async fn an_error_of_a_tool_that_speaks_of_a_session_is_the_answer() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.answer("tools/call", |seen| {
        Answer::error(seen, r#"{"code":-32603,"message":"Browser session not found"}"#)
    });
    a.forget();
    let error = client.call("a__echo").await.error(200, -32603);
    assert_eq!(error["message"], "Browser session not found");
    assert_eq!(methods(&a), ["tools/call", "ping"]);
}

fn session(seen: &Seen) -> String {
    seen.header("mcp-session-id").expect("a session id").to_owned()
}

#[tokio::test]
async fn a_call_that_is_made_again_is_the_same_call() {
    let a = Upstream::named("a").sse_answers().start().await;
    let fields = json!({"headers": {"set": {"x-key": "k"}}});
    let envoy = Setup::new().upstream_with(&a, &fields).start().await;
    let client = Client::open(&envoy).await;
    a.restart(Answer::whole(404, "text/plain", "gone"));
    let long = "ü".repeat(300_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"my\/id","method":"tools/call","params":{{"arguments":{{"x":"{long}"}},"name":"a__echo"}}}}"#
    );
    let reply = client.post(body.clone()).send().await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(reply.message()["id"], "my/id");
    let calls = a.seen_of("tools/call");
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!(call.text(), body.replace("a__echo", "echo"));
        assert_eq!(call.header("x-key"), Some("k"));
    }
}

#[tokio::test]
async fn what_a_call_that_is_made_again_brings_is_rewritten_as_any_other() {
    let a = Upstream::named("a").with(can(json!({"resources": {}}))).start().await;
    let envoy = Setup::new().upstream(&a).buffer(1 << 20).start().await;
    let client = Client::open(&envoy).await;
    let answer = |uri: &str| {
        let long = "ü".repeat(2_000_000);
        let contents = format!(r#"[{{"text":"{long}","x":1.0,"uri":"{uri}"}}]"#);
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"contents":{contents}}}}}"#)
    };
    let stream = |mark: &str, id: &str, prefix: &str| {
        let ask = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#);
        let answer = answer(&format!("{prefix}x:/1"));
        format!("id: {mark}7\ndata: {ask}\n\n: hi\n\ndata: {answer}\n\n")
    };
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a+x:/1"}}"#;
    // The session that the second loss leads to.
    let mark = marks::event("a", 'c', "a-session-3", "1");
    for (answer, got) in [
        (Answer::json(answer("x:/1")), answer("a+x:/1")),
        (Answer::sse(stream("", "1", "")), stream(&mark, r#""a:CODE:1""#, "a+")),
    ] {
        a.restart(Answer::whole(404, "text/plain", "gone"));
        let lost = a.seen_of("initialize").len();
        a.answer("resources/read", move |seen| {
            let number = |id: &str| id.rsplit('-').next().and_then(|it| it.parse::<usize>().ok());
            let session = seen.header("mcp-session-id").and_then(number);
            let gone = session.is_none_or(|session| session <= lost);
            if gone { Answer::whole(404, "text/plain", "gone") } else { answer.clone() }
        });
        let reply = client.post(read).send().await;
        whole(&reply);
        assert!(
            marks::hide_codes("a", reply.text()) == got,
            "{} bytes, not {}",
            reply.body.len(),
            got.len()
        );
        assert_eq!(a.seen_of("initialize").len(), lost + 1);
    }
}

#[tokio::test]
async fn a_list_opens_a_lost_session_again() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    for loss in losses() {
        a.restart(loss);
        a.forget();
        let result = client.list().await.result();
        assert_eq!(unavailable(&result), []);
        assert_eq!(client.tool_names().await, ["a__echo", "b__echo"]);
        assert_eq!(a.seen_of("initialize").len(), 1);
    }
}

#[tokio::test]
async fn an_upstream_that_was_down_at_initialize_joins_when_it_is_back() {
    for first_need in ["tools/call", "tools/list"] {
        let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
        let refuses = ClosedPort::reserve();
        let down = Setup::new()
            .upstream(&a)
            .upstream_at("b", refuses.address, &json!({}))
            .keys(b"A")
            .start()
            .await;
        let up = Setup::new().upstream(&a).upstream(&b).keys(b"A").start().await;
        let client = Client::open(&down).await;
        assert_eq!(client.tool_names().await, ["a__echo"]);
        client.call("b__echo").await.error(200, -32603);
        let client = client.at(&up);
        if first_need == "tools/list" {
            assert_eq!(client.tool_names().await, ["a__echo", "b__echo"]);
        }
        assert_eq!(client.call_text("b__echo").await, "b:echo");
        assert_eq!(client.call_text("b__echo").await, "b:echo");
        assert_eq!(methods(&b)[..2], REOPENED);
        assert_eq!(b.seen_of("initialize").len(), 1, "{first_need}");
        assert_eq!(
            b.only("initialize").params()["clientInfo"]["name"],
            a.only("initialize").params()["clientInfo"]["name"]
        );
    }
}

#[tokio::test]
async fn a_call_to_a_late_upstream_streams_as_any_other() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let gate = Gate::closed();
    let held = gate.clone();
    b.answer("tools/call", move |seen| {
        let end = format!("data: {}\n\n", response(seen, "{}"));
        let progress = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
        Answer::sse_steps(vec![Step::send(progress), Step::Until(held.clone()), Step::send(end)])
    });
    let before = Setup::new().upstream(&a).keys(b"A").start().await;
    let after = Setup::new().upstream(&a).upstream(&b).keys(b"A").start().await;
    let client = Client::open(&before).await.at(&after);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b__echo"}}"#;
    let mut open = client.post(call).open().await;
    open.until("notifications/progress").await;
    gate.open();
    assert!(open.rest().await.text().contains("\"id\":1"));
}

#[tokio::test]
async fn a_failure_of_the_second_try_names_the_upstream() {
    let a = Upstream::named("a").start().await;
    let envoy: Envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.restart(Answer::whole(404, "text/plain", "gone"));
    a.answer("initialize", |_| Answer::whole(500, "text/html", "<h1>no</h1>"));
    let error = client.call("a__echo").await.error(200, -32603);
    assert_eq!((&error["data"]["upstream"], &error["data"]["status"]), (&json!("a"), &json!(500)));
    client.list().await.error(200, -32603);
}

#[tokio::test]
async fn a_refusal_that_speaks_of_another_session_is_not_a_lost_one() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    let message = "Invalid arguments: session_name is required";
    // An error about what was asked for may come with 404, too.
    for (status, code) in [(400, -32602), (404, -32602), (404, -32002), (404, -32601)] {
        a.forget();
        a.answer("tools/call", move |seen| {
            let error = json!({"code": code, "message": message});
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            Answer::whole(status, "application/json", body)
        });
        let error = client.call("a__echo").await.error(200, code);
        assert_eq!(error["message"], message);
        assert_eq!(methods(&a), ["tools/call"], "{status} {code}");
    }
}

#[tokio::test]
async fn a_missing_route_is_named_and_costs_no_session() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).without_route().start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    let error = client.call("a__echo").await.error(200, -32603);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("x-mcp-cluster")), "{error}");
    assert!(a.seen().is_empty());
}
