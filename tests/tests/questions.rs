//! What a server without sessions asks of a client with one: only the module can carry that.

use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::initialize_with;
use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::real::node;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{
    Answer, Builder, Client, Envoy, Gate, Open, Request, Seen, Setup, Step, Upstream, repository,
    script, sse,
};
use serde_json::{Value, json};
use tokio::process::Command;

/// Whether the host that is tested carries questions.
fn carries() -> bool {
    Host::tested() == Host::Module
}

/// An upstream without sessions.
fn stateless(name: &str) -> Builder {
    let said = json!({
        "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
        "ttlMs": 0, "cacheScope": "private",
    });
    let said = said.to_string();
    let refused = r#"{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}"#;
    Upstream::named(name)
        .with(|server| server.sessions = false)
        .on("server/discover", move |seen| Answer::result(seen, &said))
        .on("initialize", |seen| Answer::error(seen, refused))
}

const ASKS: &str = r#"{"resultType":"input_required","requestState":"s","inputRequests":{"name":{"method":"elicitation/create","params":{"mode":"form","message":"Name?","requestedSchema":{"type":"object","properties":{}}}}}}"#;
const DONE: &str = r#"{"resultType":"complete","content":[{"type":"text","text":"done"}]}"#;

/// One that asks for a name before it does anything, in JSON or in an event stream.
fn asking(is_stream: bool) -> Builder {
    stateless("a").on("tools/call", move |seen: &Seen| {
        let has = seen.params().get("inputResponses").is_some();
        let result = if has { DONE } else { ASKS };
        if is_stream { Answer::sse_result(seen, result) } else { Answer::result(seen, result) }
    })
}

async fn start(upstream: &Upstream) -> Envoy {
    let settings = json!({"call_timeout": "3s"});
    Setup::new().upstream_with(upstream, &settings).concurrency(2).start().await
}

/// A client with these capabilities.
async fn able(envoy: &Envoy, capabilities: Value) -> Client<'_> {
    let body = initialize_with("2025-11-25", &capabilities);
    Client::of(envoy, &Request::post(envoy, body).send().await)
}

/// A client that can be asked for a name.
async fn client(envoy: &Envoy) -> Client<'_> {
    able(envoy, json!({"elicitation": {}})).await
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"a__echo","arguments":{}}}"#;

/// Makes a call and waits for its question.
async fn asked(client: &Client<'_>) -> (Open, Value) {
    let mut open = client.post(CALL).open().await;
    assert_eq!(open.headers["content-type"], "text/event-stream");
    open.until("elicitation/create").await;
    open.until("\n\n").await;
    let question = serde_json::from_str(&open.events()[0].data).expect("JSON");
    (open, question)
}

async fn answer(client: &Client<'_>, question: &Value) {
    let result = json!({"action": "accept", "content": {"name": "Ann"}});
    let message = json!({"jsonrpc": "2.0", "id": question["id"], "result": result});
    let reply = client.post(message.to_string()).send().await;
    assert_eq!((reply.status, reply.text()), (202, ""));
}

#[tokio::test]
async fn a_question_and_its_answer_find_their_way_over_any_worker() {
    if !carries() {
        return;
    }
    for is_stream in [false, true] {
        let a = asking(is_stream).start().await;
        let envoy = start(&a).await;
        let client = client(&envoy).await;
        // Connections are spread over the workers.
        for _ in 0..10 {
            a.forget();
            let (open, question) = asked(&client).await;
            assert_eq!(question["params"]["message"], "Name?");
            answer(&client, &question).await;
            let reply = open.rest().await;
            assert!(reply.complete, "{reply:?}");
            assert_eq!(reply.message()["id"], "c");
            assert_eq!(reply.result()["content"][0]["text"], "done");
            let calls = a.seen_of("tools/call");
            let given = json!({"name": {"action": "accept", "content": {"name": "Ann"}}});
            assert_eq!(calls.len(), 2);
            assert_eq!(calls[1].params()["inputResponses"], given);
            assert_eq!(calls[1].params()["requestState"], "s");
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_answer_gets_an_error_in_time() {
    if !carries() {
        return;
    }
    let a = asking(false).start().await;
    let envoy = start(&a).await;
    let client = client(&envoy).await;
    let (open, question) = asked(&client).await;
    let reply = open.rest().await;
    let error = reply.error(200, -32603);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("3s")), "{error}");
    answer(&client, &question).await;
    assert_eq!(a.seen_of("tools/call").len(), 1);
    // A client that leaves takes its question with it.
    let (open, question) = asked(&client).await;
    drop(open);
    tokio::time::sleep(Duration::from_millis(300)).await;
    answer(&client, &question).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(a.seen_of("tools/call").len(), 2);
}

/// Cancels the call, by a request that may come to the other worker.
async fn cancel(client: &Client<'_>) {
    let params = json!({"requestId": "c", "reason": "changed my mind"});
    let message = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    assert_eq!(client.post(message.to_string()).send().await.status, 202);
}

#[tokio::test]
async fn a_call_that_its_client_cancels_is_broken_off_over_any_worker() {
    if !carries() {
        return;
    }
    let a = asking(false).start().await;
    let envoy = start(&a).await;
    let client = client(&envoy).await;
    for _ in 0..5 {
        a.forget();
        let (open, question) = asked(&client).await;
        cancel(&client).await;
        let reply = open.rest().await;
        assert!(reply.complete, "{reply:?}");
        let withdrawn: Value = serde_json::from_str(&reply.events()[1].data).expect("JSON");
        assert_eq!(withdrawn["params"]["requestId"], question["id"]);
        assert_eq!((reply.events().len(), a.seen_of("tools/call").len()), (2, 1));
        assert!(a.seen_of("notifications/cancelled").is_empty());
    }
    let working =
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n";
    a.answer("tools/call", move |_| {
        Answer::sse_steps(vec![Step::send(working), Step::Until(Gate::closed())])
    });
    // One that can be asked nothing cancels in the same way.
    let mute = able(&envoy, json!({})).await;
    for client in [&client, &mute, &client, &mute] {
        let mut open = client.post(CALL).open().await;
        open.until("notifications/message").await;
        envoy.gauge_falls_to("cluster.a.upstream_rq_active", 1).await;
        cancel(client).await;
        let reply = open.rest().await;
        assert!(reply.complete && reply.events().len() == 1, "{reply:?}");
        // The end of its stream tells the server (2026-07-28, Cancellation).
        envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    }
}

#[tokio::test]
async fn what_asks_for_nothing_passes_and_its_client_may_leave() {
    if !carries() {
        return;
    }
    let gate = Gate::closed();
    let opened = gate.clone();
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
    let a = stateless("a").on("tools/call", move |seen| {
        Answer::sse_steps(vec![
            Step::send(sse::message(progress)),
            Step::Until(opened.clone()),
            Step::send(sse::message(&script::response(seen, DONE))),
        ])
    });
    let a = a.start().await;
    let envoy = Setup::new().upstream(&a).concurrency(2).start().await;
    let client = client(&envoy).await;
    let mut open = client.post(CALL).open().await;
    open.until("notifications/progress").await;
    assert!(!open.has("done"));
    // One that leaves meanwhile.
    let mut left = client.post(CALL).open().await;
    left.until("notifications/progress").await;
    drop(left);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 1).await;
    gate.open();
    let reply = open.rest().await;
    assert_eq!(reply.result()["content"][0]["text"], "done");
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    a.answer("tools/call", |seen| Answer::result(seen, DONE));
    let reply = client.post(CALL).send().await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.result()["content"][0]["text"], "done");
    a.answer("tools/call", |_| Answer::Reset);
    let reply = client.post(CALL).send().await;
    reply.error(200, -32603);
}

#[tokio::test]
async fn a_client_that_declared_nothing_is_asked_nothing() {
    let a = asking(false).start().await;
    let b = Upstream::named("b").with(can(json!({"tools": {}}))).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = able(&envoy, json!({})).await;
    client.post(CALL).send().await.error(200, -32603);
    let can = &a.only("tools/call").params()["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    assert_eq!(can, &json!({}));
}

#[tokio::test]
async fn real_clients_with_sessions_are_asked_by_a_real_server_without() {
    if !carries() {
        return;
    }
    let port = free_port().await;
    let mut server = Command::new("node");
    server.arg(repository("tests/servers/asking.mjs")).arg(node()).arg(port.to_string());
    let server = Service::start(&mut server, port).await;
    let envoy = Setup::new().upstream_at("a", server.address, &json!({})).concurrency(2);
    let envoy = envoy.start().await;
    let endpoint = format!("http://{}/mcp", envoy.address);
    for sdk in ["v1", "v2"] {
        let mut client = Command::new("node");
        client.arg(repository("tests/clients/greet.mjs")).arg(node());
        let printed = output(client.args([sdk, &endpoint, "a__greet"])).await;
        let seen: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(seen["said"], "Ann in file:///home: <Greet Ann>", "{sdk}");
        let asked = ["elicitation/create", "roots/list", "sampling/createMessage"];
        assert_eq!(seen["asked"], json!(asked), "{sdk}");
    }
}
