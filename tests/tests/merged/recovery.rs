//! What servers and clients do to a merged stream, and it goes on.

use mcp_mux_tests::process::ClosedPort;
use mcp_mux_tests::{Answer, Client, Setup, Upstream, within};
use serde_json::json;

use crate::stateless::request;

use super::{Speaker, World, is_merging, note};

fn changed(kind: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/{kind}/list_changed"}}"#)
}

async fn data(open: &mut mcp_mux_tests::Open, count: usize) -> Vec<String> {
    open.take_events(count).await.into_iter().map(|event| event.data).collect()
}

#[tokio::test]
async fn a_stream_that_ends_goes_on_and_one_that_breaks_is_followed_by_changes() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let mut open = world.listen(&client, None).await;
    let [a, b, _] = &world.speakers;
    for (reset, number) in [(false, 0), (false, 2), (true, 4)] {
        a.note();
        assert_eq!(data(&mut open, 1).await, [note("a", number)]);
        a.upstream.forget();
        a.talker.close(reset);
        a.note();
        // The others are not touched.
        b.note();
        assert_eq!(data(&mut open, 1).await, [note("b", number / 2)]);
        a.upstream.wait_for("GET").await;
        let last = (number + 1).to_string();
        assert_eq!(a.upstream.only("GET").header("last-event-id"), Some(last.as_str()));
        let mut expected = vec![note("a", number + 1)];
        if reset {
            expected.splice(0..0, [changed("tools"), changed("resources")]);
        }
        assert_eq!(data(&mut open, expected.len()).await, expected);
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_opened_anew() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let mut open = world.listen(&client, None).await;
    let [a, ..] = &world.speakers;
    a.note();
    data(&mut open, 1).await;
    let mouth = a.talker.clone();
    a.upstream.restart(Answer::whole(404, "text/plain", "gone"));
    a.upstream.answer("GET", move |seen| match seen.header("mcp-session-id") {
        Some("a-session-2") => mouth.stream(seen),
        _ => Answer::whole(404, "text/plain", "gone"),
    });
    a.upstream.forget();
    a.talker.close(true);
    assert_eq!(data(&mut open, 2).await, [changed("tools"), changed("resources")]);
    let gets = a.upstream.seen_of("GET");
    let gets: Vec<_> = gets.iter().map(|seen| seen.header("last-event-id")).collect();
    assert_eq!(gets, [Some("1"), None]);
    assert_eq!(a.upstream.seen_of("initialize").len(), 1);
    // Calls of the session go there, too.
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(a.upstream.seen_of("initialize").len(), 1);
    a.note();
    let events = open.take_events(1).await;
    assert_eq!(events[0].data, note("a", 1));
    assert!(events[0].id.as_ref().is_some_and(|id| id.contains(":1:2")), "{events:?}");
}

#[tokio::test]
async fn servers_without_a_stream_or_that_are_down_leave_the_others_alone() {
    if !is_merging() {
        return;
    }
    let a = Speaker::start("a").await;
    let (silent, down) = (Upstream::named("silent").start().await, ClosedPort::reserve());
    let setup = Setup::new().upstream(&a.upstream).upstream(&silent);
    let envoy = setup.upstream_at("down", down.address, &json!({})).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let mut open = client.http("GET").open().await;
    a.upstream.wait_for("GET").await;
    silent.wait_for("GET").await;
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 1).await;
    a.note();
    assert_eq!(data(&mut open, 1).await, [note("a", 0)]);
    envoy.log_line("the trouble", |line| line.contains("get: Upstream down failed")).await;
    assert_eq!(silent.seen_of("GET").len(), 1);
}

#[tokio::test]
async fn a_server_that_is_configured_later_joins_when_the_client_comes_back() {
    if !is_merging() {
        return;
    }
    let (a, b, c) = tokio::join!(Speaker::start("a"), Speaker::start("b"), Speaker::start("c"));
    let setup = Setup::new().upstream(&a.upstream).upstream(&b.upstream).keys(&[1]).reloads();
    let setup = setup.cluster("c", c.upstream.address);
    let envoy = setup.clone().start().await;
    let client = Client::open(&envoy).await;
    let mut open = client.http("GET").open().await;
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let mut listening = request(&envoy, "subscriptions/listen", wanted).open().await;
    a.upstream.wait_for("GET").await;
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 2).await;
    a.note();
    let last = open.take_events(1).await[0].id.clone().expect("an id");
    envoy.reload(&setup.entry("c", &json!({}))).await;
    let reply = within("the end", open.rest()).await;
    assert!(reply.complete && reply.events().is_empty(), "{reply:?}");
    listening.until("resultType").await;
    let reply = within("the end", listening.rest()).await;
    assert!(reply.complete);
    assert_eq!(reply.result()["resultType"], "complete");
    a.note();
    let mut open = client.http("GET").header("last-event-id", last).open().await;
    c.upstream.wait_for("GET").await;
    let mut got = data(&mut open, 3).await;
    got.sort();
    let mut expected = [changed("tools"), changed("resources"), note("a", 1)];
    expected.sort();
    assert_eq!(got, expected);
}
