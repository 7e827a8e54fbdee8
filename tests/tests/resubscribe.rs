//! `resources/subscribe` of a session at a server that is started again: its client hears of the resource as before.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Setup, Talker, Upstream};
use serde_json::json;

const UPDATED: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:/1"}}"#;

fn session(seen: &mcp_mux_tests::Seen) -> Option<&str> {
    seen.header("mcp-session-id")
}

#[tokio::test]
async fn a_server_that_starts_again_is_subscribed_to_again_and_its_updates_arrive() {
    let talker = Talker::default();
    let mouth = talker.clone();
    let a = Upstream::named("a")
        .with(can(json!({"tools": {}, "resources": {"subscribe": true}})))
        .on("resources/subscribe", |seen| Answer::result(seen, "{}"))
        .on("resources/unsubscribe", |seen| Answer::result(seen, "{}"))
        .start()
        .await;
    // Only the first session was alive before it started again, and only the second one is then.
    let listens = move |alive: &'static str| {
        let mouth = mouth.clone();
        move |seen: &mcp_mux_tests::Seen| match session(seen) {
            Some(it) if it == alive => mouth.stream(seen),
            _ => Answer::whole(404, "text/plain", "gone"),
        }
    };
    a.answer("GET", listens("a-session-1"));
    let b = Upstream::named("b").start().await;
    let listen = if Host::tested().merges() { json!("all") } else { json!("a") };
    let setup = Setup::new().upstream(&a).upstream(&b).set("listen", listen);
    let envoy = setup.concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    for (method, uri) in
        [("subscribe", "a+x:/1"), ("subscribe", "a+x:/2"), ("unsubscribe", "a+x:/2")]
    {
        let reply = client.request(&format!("resources/{method}"), json!({"uri": uri})).await;
        assert_eq!(reply.result(), json!({}));
    }
    let open = client.http("GET").open().await;
    assert_eq!(open.status, 200);
    a.wait_for("GET").await;
    drop(open);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;

    a.restart(Answer::whole(404, "text/plain", "gone"));
    a.answer("GET", listens("a-session-2"));
    a.forget();
    // Over either worker.
    for _ in 0..8 {
        assert_eq!(client.call_text("a__echo").await, "a:echo");
    }
    let again = a.only("resources/subscribe");
    assert_eq!((session(&again), &again.params()["uri"]), (Some("a-session-2"), &json!("x:/1")));
    assert!(b.seen_of("resources/subscribe").is_empty());
    a.forget();
    let mut open = client.http("GET").open().await;
    a.wait_for("GET").await;
    talker.say(UPDATED);
    open.until(&UPDATED.replace("x:/1", "a+x:/1")).await;
}

#[tokio::test]
async fn a_client_that_keeps_listening_to_all_hears_of_the_resource_again() {
    if !Host::tested().merges() {
        return;
    }
    let talker = Talker::default();
    let mouth = talker.clone();
    let a = Upstream::named("a")
        .with(can(json!({"tools": {}, "resources": {"subscribe": true}})))
        .on("resources/subscribe", |seen| Answer::result(seen, "{}"))
        .on("GET", move |seen| mouth.stream(seen))
        .start()
        .await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.request("resources/subscribe", json!({"uri": "a+x:/1"})).await;
    assert_eq!(reply.result(), json!({}));
    let mut open = client.http("GET").open().await;
    a.wait_for("GET").await;
    let mouth = talker.clone();
    a.restart(Answer::whole(404, "text/plain", "gone"));
    a.answer("GET", move |seen| match session(seen) {
        Some("a-session-2") => mouth.stream(seen),
        _ => Answer::whole(404, "text/plain", "gone"),
    });
    a.forget();
    talker.close(true);
    // What may have changed while nobody was told.
    let shown = UPDATED.replace("x:/1", "a+x:/1");
    open.until(&shown).await;
    let again = a.only("resources/subscribe");
    assert_eq!((session(&again), &again.params()["uri"]), (Some("a-session-2"), &json!("x:/1")));
    talker.say(UPDATED.replace("x:/1", "x:/1?again"));
    open.until("a+x:/1?again").await;
}
