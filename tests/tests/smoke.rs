//! The harness itself, on an Envoy without the filter.

use mcp_mux_tests::{Answer, Client, Gate, Request, Setup, Step, Upstream, sse};
use serde_json::json;

#[tokio::test]
async fn a_scripted_upstream_is_a_plain_mcp_server() {
    let a = Upstream::named("a").pages(&[&[r#"{"name":"x"}"#], &[r#"{"name":"y"}"#]]).start().await;
    let envoy = Setup::new().elsewhere(&a).without_filter().start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.session, "a-session-1");
    assert_eq!(
        client.list().await.result(),
        json!({"tools": [{"name":"x","inputSchema":{"type":"object"}}], "nextCursor": "a/1"})
    );
    assert_eq!(
        client.list_from("a/1").await.result(),
        json!({"tools": [{"name":"y","inputSchema":{"type":"object"}}]})
    );
    assert_eq!(client.call_text("x").await, "a:x");
    assert_eq!(a.seen_of("initialize").len(), 1);
    assert_eq!(a.only("tools/call").params()["name"], "x");
}

#[tokio::test]
async fn a_gate_holds_an_answer_back_until_the_test_has_read_its_beginning() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |_: &_| {
        let steps = vec![
            Step::send(sse::message("1")),
            Step::Until(held.clone()),
            Step::send(sse::message("2")),
        ];
        Answer::sse_steps(steps)
    };
    let a = Upstream::named("a").on("tools/call", script).start().await;
    let envoy = Setup::new().elsewhere(&a).without_filter().start().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
    let mut answer = Request::post(&envoy, call).open().await;
    answer.until("data: 1\n\n").await;
    assert!(!answer.has("data: 2"));
    gate.open();
    let answer = answer.rest().await;
    assert!(answer.complete);
    assert_eq!(answer.events().len(), 2);
}

#[tokio::test]
async fn a_reset_breaks_an_answer_off() {
    let script = |_: &_| Answer::sse_steps(vec![Step::send(sse::message("1")), Step::Reset]);
    let a = Upstream::named("a").on("tools/call", script).start().await;
    let envoy = Setup::new().elsewhere(&a).without_filter().start().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
    let answer = Request::post(&envoy, call).send().await;
    assert!(!answer.complete, "{answer:?}");
    let a = Upstream::named("a").on("tools/call", |_| Answer::Reset).start().await;
    let envoy = Setup::new().elsewhere(&a).without_filter().start().await;
    assert_eq!(Request::post(&envoy, call).send().await.status, 503);
}

#[tokio::test]
async fn memory_and_statistics_can_be_read() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().elsewhere(&a).without_filter().alone().start().await;
    Client::open(&envoy).await;
    assert!(envoy.memory() > 1 << 20);
    assert_eq!(envoy.stat("http.main.downstream_rq_total").await, 2);
}

#[tokio::test]
async fn a_bootstrap_that_envoy_refuses_is_noticed() {
    let a = Upstream::named("a").start().await;
    let twice = Setup::new().elsewhere(&a).cluster("a", a.address).without_filter().alone();
    assert!(twice.refused().await.contains("duplicate cluster"));
}
