//! How calls end that wait for their clients, or would have to.

use std::time::Duration;

use mcp_mux_tests::{Answer, Gate, Setup, Step, Upstream, sse, within};
use serde_json::json;

use super::{ASKS, answer, answers, asked, asking, call, carries, reason, start};

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
async fn when_another_configuration_takes_over_servers_are_told_what_has_ended() {
    if !carries() {
        return;
    }
    let (a, b) = (asking().await, Upstream::named("b").start().await);
    let fields = json!({"call_timeout": "60s", "headers": {"forward": ["x-user"]}});
    let setup = Setup::new().upstream_with(&a, &fields).cluster("b", b.address).reloads();
    let envoy = setup.clone().start().await;
    let question = asked(&envoy).await;
    asked(&envoy).await;
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 2).await;
    envoy.reload(&setup.entry("b", &json!({}))).await;
    // Calls that wait are cancelled, and the sessions end that were kept for them.
    within("two cancellations and the end of two sessions", async {
        while a.seen_of("notifications/cancelled").len() < 2 || a.seen_of("DELETE").len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for cancelled in a.seen_of("notifications/cancelled") {
        assert_eq!(cancelled.params()["requestId"], 1);
    }
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    let reply = call(&envoy, 2, &answer(&question)).send().await;
    assert!(reason(&reply).contains("an earlier configuration"), "{reply:?}");
    assert_eq!(answers(&a).len(), 0);
}
