//! Lists that several clients ask for at the same time (`catalog`): one of them asks, all get the answer,
//! and nobody is left behind when one goes away.

use mcp_mux_tests::mcp::names;
use mcp_mux_tests::{Answer, Client, Envoy, Gate, Reply, Request, Seen, Setup, Step, Upstream};
use mcp_mux_tests::{script, within};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::catalog::{counted, kept, kept_in_pages, listing};

/// Answers lists when the gate opens.
fn held_back(gate: &Gate) -> impl Fn(&Seen) -> Answer + Send + Sync + 'static {
    let gate = gate.clone();
    move |seen| {
        let text =
            script::response(seen, r#"{"tools":[{"name":"one","inputSchema":{"type":"object"}}]}"#);
        let steps = vec![Step::Until(gate.clone()), Step::send(text)];
        Answer::steps(200, "application/json", steps)
    }
}

/// Waits until so many requests are under way at the gateway.
async fn under_way(envoy: &Envoy, count: u64) {
    envoy.gauge_falls_to("http.main.downstream_rq_active", count).await;
}

/// Waits until an upstream has seen so many requests for lists.
async fn asked(upstream: &Upstream, count: usize) {
    within("lists to be asked for", async {
        while upstream.seen_of("tools/list").len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

fn send(request: Request) -> JoinHandle<Reply> {
    tokio::spawn(request.send())
}

#[tokio::test]
async fn who_asks_at_the_same_time_gets_the_same_answer_under_an_id_of_their_own() {
    let gate = Gate::closed();
    let a = Upstream::named("a").on("tools/list", held_back(&gate)).start().await;
    let envoy = kept(Setup::new().upstream(&a), "public").start().await;
    let made = envoy.breakdowns().await;
    let clients = [Client::open(&envoy).await, Client::open(&envoy).await];
    let replies: Vec<_> =
        (0..8).map(|at| send(listing(&clients[at % 2], &format!("\"{at}\"")))).collect();
    under_way(&envoy, 8).await;
    asked(&a, 1).await;
    gate.open();
    for (at, reply) in replies.into_iter().enumerate() {
        let reply = reply.await.expect("an answer");
        let expected = format!(
            r#"{{"jsonrpc":"2.0","id":"{at}","result":{{"tools":[{{"name":"a__one","inputSchema":{{"type":"object"}}}}]}}}}"#
        );
        assert_eq!((reply.status, reply.text()), (200, expected.as_str()));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    assert_eq!(a.seen_of("tools/list").len(), 1);
    assert_eq!(counted(&envoy).await, [0, 1, 7]);
    assert_eq!(envoy.breakdowns().await, made);
}

/// Envoy sends the answer to one from within the answer to another, if it may.
#[tokio::test]
async fn hundreds_who_wait_are_answered_and_take_over_without_harm_to_the_worker() {
    let a = Upstream::named("a").start().await;
    let setup = Setup::new().upstream(&a).entry("b", &json!({"cluster": "nowhere"}));
    let envoy = kept(setup, "session").start().await;
    let made = envoy.breakdowns().await;
    let client = Client::open(&envoy).await;
    for leaves in [false, true] {
        let gate = Gate::closed();
        a.answer("tools/list", held_back(&gate));
        let first = send(listing(&client, "0"));
        asked(&a, 1).await;
        let others: Vec<_> = (1..400).map(|id| send(listing(&client, &id.to_string()))).collect();
        under_way(&envoy, 400).await;
        if leaves {
            first.abort();
            asked(&a, 2).await;
        }
        gate.open();
        for (id, reply) in (1..).zip(others) {
            let reply = reply.await.expect("an answer");
            assert_eq!((reply.status, &reply.message()["id"]), (200, &json!(id)));
            assert_eq!(names(&reply.result()), ["a__one"]);
        }
        assert_eq!(envoy.breakdowns().await, made);
        a.forget();
    }
}

#[tokio::test]
async fn if_the_first_leaves_another_one_asks_and_if_any_leaves_the_others_do_not_notice() {
    let gate = Gate::closed();
    let a = Upstream::named("a").start().await;
    a.answer("tools/list", held_back(&gate));
    let envoy = kept(Setup::new().upstream(&a), "session").start().await;
    let made = envoy.breakdowns().await;
    let client = Client::open(&envoy).await;
    let mut waiting = Vec::new();
    for (count, id) in ["1", "2", "3", "4", "5"].into_iter().enumerate() {
        waiting.push(send(listing(&client, id)));
        under_way(&envoy, count as u64 + 1).await;
    }
    for (count, leaves) in [(2, 0), (2, 3), (3, 1)] {
        let before = a.seen_of("tools/list").len();
        waiting[leaves].abort();
        if leaves != 3 {
            asked(&a, before + 1).await;
        }
        assert_eq!(a.seen_of("tools/list").len(), count);
    }
    under_way(&envoy, 2).await;
    gate.open();
    for (at, id) in [(2, 3), (4, 5)] {
        let reply = (&mut waiting[at]).await.expect("an answer");
        assert_eq!(reply.message()["id"], id);
        assert_eq!(names(&reply.result()), ["a__one"]);
    }
    assert_eq!(a.seen_of("tools/list").len(), 3);
    client.list().await.result();
    assert_eq!(a.seen_of("tools/list").len(), 3, "kept");
    assert_eq!(envoy.breakdowns().await, made);
    assert_eq!(client.call_text("a__x").await, "a:x");
}

#[tokio::test]
async fn who_takes_over_goes_all_the_way_with_pages_and_sessions_that_are_lost() {
    let gate = Gate::closed();
    let until = gate.clone();
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").start().await;
    a.answer("tools/list", held_back(&gate));
    let page = move |seen: &Seen| {
        if seen.header("mcp-session-id") == Some("b-session-1") {
            return Answer::whole(404, "text/plain", "gone");
        }
        let result = if seen.params()["cursor"].is_null() {
            r#"{"tools":[{"name":"two","inputSchema":{"type":"object"}}],"nextCursor":"n"}"#
        } else {
            r#"{"tools":[{"name":"three","inputSchema":{"type":"object"}}]}"#
        };
        let steps = vec![Step::Until(until.clone()), Step::send(script::response(seen, result))];
        Answer::steps(200, "application/json", steps)
    };
    let setup = Setup::new().upstream(&a).upstream(&b).set("naming", json!({"prefix": "never"}));
    let envoy = kept(setup, "session").start().await;
    let client = Client::open(&envoy).await;
    let first = send(listing(&client, "1"));
    asked(&a, 1).await;
    let second = send(listing(&client, "2"));
    under_way(&envoy, 2).await;
    b.answer("tools/list", page);
    first.abort();
    asked(&a, 2).await;
    gate.open();
    let reply = second.await.expect("an answer");
    assert_eq!(names(&reply.result()), ["one", "two", "three"]);
    // The names are known, and so is the list.
    for name in ["two", "three"] {
        assert_eq!(client.call_text(name).await, format!("b:{name}"));
    }
    assert_eq!(client.tool_names().await, ["one", "two", "three"]);
    assert_eq!(a.seen_of("tools/list").len(), 2);
}

#[tokio::test]
async fn who_waited_for_pages_of_another_session_asks_for_its_own() {
    let gate = Gate::closed();
    let until = gate.clone();
    let a = Upstream::named("a").start().await;
    a.answer("tools/list", move |seen| {
        let (cursor, of) = (seen.params()["cursor"].clone(), seen.header("mcp-session-id"));
        let result = match (cursor.as_str(), of.expect("a session")) {
            (None, of) => format!(r#"{{"tools":[{{"name":"one","inputSchema":{{"type":"object"}}}}],"nextCursor":"{of}"}}"#),
            (Some(cursor), of) if cursor == of => r#"{"tools":[{"name":"two","inputSchema":{"type":"object"}}]}"#.to_owned(),
            other => panic!("another session's cursor: {other:?}"),
        };
        let steps = vec![Step::Until(until.clone()), Step::send(script::response(seen, &result))];
        Answer::steps(200, "application/json", steps)
    });
    let envoy = kept_in_pages(Setup::new().upstream(&a), "public").start().await;
    let clients = [Client::open(&envoy).await, Client::open(&envoy).await];
    let replies: Vec<_> =
        (0..6).map(|at| send(listing(&clients[at % 2], &at.to_string()))).collect();
    under_way(&envoy, 6).await;
    gate.open();
    for (at, reply) in replies.into_iter().enumerate() {
        let first = reply.await.expect("an answer").result();
        assert_eq!(names(&first), ["a__one"]);
        let cursor = first["nextCursor"].as_str().expect("a cursor");
        assert_eq!(names(&clients[at % 2].list_from(cursor).await.result()), ["a__two"]);
    }
    assert_eq!(a.seen_of("tools/list").len(), 4);
}
