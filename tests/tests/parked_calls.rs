//! What a server with sessions asks of a client without one: results that ask for input, and calls that wait for it. Only
//! the module can carry that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::real::node;
use mcp_mux_tests::{
    Answer, Envoy, Gate, Reply, Request, Seen, Setup, Step, Upstream, repository, script, sse,
    within,
};
use serde_json::{Value, json};
use tokio::process::Command;

/// Whether the host that is tested carries questions.
fn carries() -> bool {
    Host::tested() == Host::Module
}

const ASKS: &str = r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}}"#;
const DONE: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

/// An upstream with sessions that asks for a name before it does anything. The gates of its calls, each of which the
/// answer opens.
async fn asking() -> Upstream {
    let gates: Arc<[Gate]> = (0..64).map(|_| Gate::closed()).collect();
    let (waiting, answered) = (gates.clone(), gates);
    let (calls, answers) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Upstream::named("a")
        .on("tools/call", move |seen| {
            let gate = waiting[calls.fetch_add(1, Ordering::Relaxed)].clone();
            let progress = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{},"progress":1}}}}"#,
                seen.params()["_meta"]["progressToken"]
            );
            Answer::sse_steps(vec![
                Step::send(sse::message(ASKS)),
                Step::Until(gate),
                Step::send(sse::message(&progress)),
                Step::send(sse::message(&script::response(seen, DONE))),
            ])
        })
        .on("POST", move |_| {
            answered[answers.fetch_add(1, Ordering::Relaxed)].open();
            Answer::accepted()
        })
        .start()
        .await
}

async fn start(upstream: &Upstream) -> Envoy {
    let settings = json!({"call_timeout": "3s", "headers": {"forward": ["x-user"]}});
    Setup::new().upstream_with(upstream, &settings).concurrency(2).start().await
}

/// A call of a client that can be asked for a name, with more members of its params.
fn call(envoy: &Envoy, id: usize, more: &Value) -> Request {
    let mut params = json!({
        "name": "a__echo",
        "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
            "progressToken": id,
        },
    });
    let members = more.as_object().expect("members").clone();
    params.as_object_mut().expect("params").extend(members);
    let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    Request::post(envoy, body.to_string())
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "a__echo")
        .header("x-user", "ann")
}

/// Makes a call and waits for its question.
async fn asked(envoy: &Envoy) -> Value {
    let reply = call(envoy, 1, &json!({})).send().await;
    let result = reply.result().clone();
    assert_eq!(result["resultType"], "input_required", "{result}");
    let input = &result["inputRequests"]["7"];
    assert_eq!(
        (&input["method"], &input["params"]["message"]),
        (&json!("elicitation/create"), &json!("Name?"))
    );
    result
}

/// What comes back with the answer.
fn answer(asked: &Value) -> Value {
    let given = json!({"action": "accept", "content": {"name": "Ann"}});
    json!({"inputResponses": {"7": given}, "requestState": asked["requestState"]})
}

fn reason(reply: &Reply) -> String {
    let error = reply.error(200, -32602);
    error["data"]["reason"].as_str().expect("a reason").to_owned()
}

/// The answers that the upstream has got.
fn answers(upstream: &Upstream) -> Vec<Seen> {
    upstream
        .seen()
        .into_iter()
        .filter(|it| it.method == "POST" && it.rpc_method().is_none())
        .collect()
}

#[tokio::test]
async fn a_call_waits_for_the_answer_and_goes_on_over_any_worker() {
    if !carries() {
        return;
    }
    let a = asking().await;
    let envoy = start(&a).await;
    // Connections are spread over the workers.
    for round in 1..=10 {
        let asked = asked(&envoy).await;
        let reply = call(&envoy, 2, &answer(&asked)).send().await;
        assert!(reply.complete, "{reply:?}");
        let [progress, result] = &reply.events()[..] else { panic!("two events: {reply:?}") };
        let progress: Value = serde_json::from_str(&progress.data).expect("JSON");
        assert_eq!(progress["params"], json!({"progressToken": 2, "progress": 1}));
        let result: Value = serde_json::from_str(&result.data).expect("JSON");
        assert_eq!(
            (&result["id"], &result["result"]["content"][0]["text"]),
            (&json!(2), &json!("done"))
        );
        assert_eq!(result["result"]["resultType"], "complete");
        let answers = answers(&a);
        assert_eq!((answers.len(), a.seen_of("tools/call").len()), (round, round));
        let got: Value = serde_json::from_slice(&answers[round - 1].body).expect("JSON");
        let given = json!({"action": "accept", "content": {"name": "Ann"}});
        assert_eq!(got, json!({"jsonrpc": "2.0", "id": 7, "result": given}));
    }
    assert_eq!(a.seen_of("initialize").len(), 1);
    assert_eq!(a.only("initialize").params()["capabilities"], json!({"elicitation": {}}));
    assert_eq!(a.seen_of("notifications/cancelled").len(), 0);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
}

#[tokio::test]
async fn many_calls_wait_at_once_each_in_a_session_of_its_own() {
    if !carries() {
        return;
    }
    let a = asking().await;
    let envoy = start(&a).await;
    let mut questions = Vec::new();
    for _ in 0..20 {
        questions.push(asked(&envoy).await);
    }
    assert_eq!(a.seen_of("initialize").len(), 20);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 20).await;
    for question in &questions {
        let reply = call(&envoy, 3, &answer(question)).send().await;
        assert_eq!(reply.result()["content"][0]["text"], "done");
    }
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_come_back_in_time_is_told_so_and_its_server_too() {
    if !carries() {
        return;
    }
    let a = asking().await;
    let envoy = start(&a).await;
    let question = asked(&envoy).await;
    a.wait_for("notifications/cancelled").await;
    assert_eq!(a.only("notifications/cancelled").params()["requestId"], 1);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    let reply = call(&envoy, 2, &answer(&question)).send().await;
    assert!(reason(&reply).contains("call_timeout"), "{reply:?}");
    assert_eq!(answers(&a).len(), 0);
}

#[tokio::test]
async fn an_answer_is_good_for_its_caller_and_once() {
    if !carries() {
        return;
    }
    let a = asking().await;
    let envoy = start(&a).await;
    let question = asked(&envoy).await;
    let back = answer(&question);
    let foreign = call(&envoy, 2, &back).header("x-user", "bob").send().await;
    let reply = call(&envoy, 3, &back).send().await;
    assert_eq!(reply.result()["content"][0]["text"], "done");
    let again = call(&envoy, 4, &back).send().await;
    assert_eq!(reason(&foreign), reason(&again));
    // Another replica with the same keys, and the same after a restart.
    let other = start(&a).await;
    let elsewhere = call(&other, 5, &back).send().await;
    assert_eq!(reason(&elsewhere), reason(&again));
    assert_eq!(a.seen_of("tools/call").len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_call() {
    if !carries() {
        return;
    }
    let gate = Gate::closed();
    let opened = gate.clone();
    let a = Upstream::named("a").on("tools/call", move |_| {
        Answer::sse_steps(vec![
            Step::send(": nothing yet\n\n"),
            Step::Until(opened.clone()),
            Step::send(sse::message(ASKS)),
            Step::Until(Gate::closed()),
        ])
    });
    let a = a.start().await;
    let envoy = start(&a).await;
    let open = call(&envoy, 1, &json!({})).open().await;
    drop(open);
    a.wait_for("notifications/cancelled").await;
    assert_eq!(a.only("notifications/cancelled").params()["requestId"], 1);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    // One that has come back, and leaves then.
    gate.open();
    a.forget();
    let question = asked(&envoy).await;
    let open = tokio::spawn(call(&envoy, 2, &answer(&question)).send());
    within("the answer at the upstream", async {
        while answers(&a).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    open.abort();
    a.wait_for("notifications/cancelled").await;
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
}

#[tokio::test]
async fn a_server_that_says_too_much_while_nobody_is_there_is_broken_off() {
    if !carries() {
        return;
    }
    let noise = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{}"}}}}"#,
        "x".repeat(100_000)
    );
    let gate = Gate::closed();
    let opened = gate.clone();
    let a = Upstream::named("a").on("tools/call", move |_| {
        let mut steps = vec![Step::send(sse::message(ASKS)), Step::Until(opened.clone())];
        steps.extend((0..20).map(|_| Step::send(sse::message(&noise))));
        steps.push(Step::Until(Gate::closed()));
        Answer::sse_steps(steps)
    });
    let a = a.start().await;
    let envoy = start(&a).await;
    let question = asked(&envoy).await;
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 1).await;
    gate.open();
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    let reply = call(&envoy, 2, &answer(&question)).send().await;
    reply.error(200, -32603);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error() {
    if !carries() {
        return;
    }
    let a = asking().await;
    let envoy = start(&a).await;
    asked(&envoy).await;
    a.answer("tools/call", |_| Answer::Reset);
    call(&envoy, 2, &json!({})).send().await.error(200, -32603);
    // One that asks, and ends its stream then.
    a.answer("tools/call", |_| Answer::sse(sse::message(ASKS)));
    let reply = call(&envoy, 3, &json!({})).send().await;
    let message = reply.message();
    if message["error"].is_null() {
        let back = answer(&message["result"]);
        call(&envoy, 4, &back).send().await.error(200, -32603);
    } else {
        reply.error(200, -32603);
    }
    drop(a);
    call(&envoy, 5, &json!({})).send().await.error(200, -32603);
}

#[tokio::test]
async fn a_session_that_was_lost_is_opened_again_for_the_call() {
    if !carries() {
        return;
    }
    let a = Upstream::named("a").start().await;
    let envoy = start(&a).await;
    let reply = call(&envoy, 1, &json!({})).send().await;
    assert_eq!(reply.result()["content"][0]["text"], "a:echo");
    a.restart(Answer::whole(404, "text/plain", "Session not found"));
    let reply = call(&envoy, 2, &json!({})).send().await;
    assert_eq!(reply.result()["content"][0]["text"], "a:echo");
    assert_eq!(a.seen_of("initialize").len(), 2);
}

#[tokio::test]
async fn a_server_of_the_old_transport_asks_in_the_same_way() {
    if !carries() {
        return;
    }
    let a = SseServer::named("a").await;
    let call_id = Arc::new(std::sync::Mutex::new(Value::Null));
    let called = call_id.clone();
    a.on("tools/call", move |seen| {
        *called.lock().expect("the id") = serde_json::from_str(seen.id()).expect("JSON");
        vec![ASKS.to_owned()]
    });
    let settings = json!({"transport": "sse", "path": "/sse", "call_timeout": "3s"});
    let envoy = Setup::new().upstream_at("a", a.address, &settings).concurrency(2).start().await;
    let first = call(&envoy, 1, &json!({})).send().await;
    let question = first.result().clone();
    let [(key, input)] =
        &question["inputRequests"].as_object().expect("one").iter().collect::<Vec<_>>()[..]
    else {
        panic!("one question: {question}")
    };
    assert_eq!(input["method"], "elicitation/create");
    let given = json!({"action": "accept", "content": {"name": "Ann"}});
    let back = json!({"inputResponses": {(*key).clone(): given}, "requestState": question["requestState"]});
    let request = call(&envoy, 2, &back);
    let reply = tokio::spawn(request.send());
    within("the answer at the upstream", async {
        while !a.seen_of("POST").iter().any(|it| it.rpc_method().is_none()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let id = call_id.lock().expect("the id").clone();
    a.say_to_all(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{DONE}}}"#));
    let reply = reply.await.expect("an answer");
    assert_eq!(reply.result()["content"][0]["text"], "done");
}

#[tokio::test]
async fn real_clients_without_sessions_are_asked_by_a_real_server_with() {
    if !carries() {
        return;
    }
    let port = free_port().await;
    let mut server = Command::new("node");
    server.arg(repository("tests/servers/asking_in_session.mjs")).arg(node()).arg(port.to_string());
    let server = Service::start(&mut server, port).await;
    let offer = json!({"offer": ["elicitation", "roots", "sampling"]});
    let envoy = Setup::new().upstream_at("a", server.address, &offer).concurrency(2).start().await;
    let endpoint = format!("http://{}/mcp", envoy.address);
    for (sdk, mode) in [("v2", "2026-07-28"), ("v2", "legacy"), ("v1", "legacy")] {
        let mut client = Command::new("node");
        client.arg(repository("tests/clients/greet.mjs")).arg(node());
        let printed = output(client.args([sdk, &endpoint, "a__greet", mode])).await;
        let seen: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(seen["said"], "Ann in file:///home: <Greet Ann>", "{sdk} {mode}");
        let asked = ["elicitation/create", "roots/list", "sampling/createMessage"];
        assert_eq!(seen["asked"], json!(asked), "{sdk} {mode}");
    }
}
