//! What a server with sessions asks of a client without one: results that ask for input, and calls that wait for it. Only
//! the module can carry that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{
    Answer, Envoy, Gate, Reply, Request, Seen, Setup, Step, Upstream, script, sse,
};
use serde_json::{Value, json};

mod ended;
mod servers;

/// Whether the host that is tested carries questions.
fn carries() -> bool {
    Host::tested() == Host::Module
}

const ASKS: &str = r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}}"#;
const DONE: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

/// An upstream with sessions that asks for a name before it does anything. The gates of its calls, each of which the
/// answer opens.
pub(crate) async fn asking() -> Upstream {
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
pub(crate) fn answers(upstream: &Upstream) -> Vec<Seen> {
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
