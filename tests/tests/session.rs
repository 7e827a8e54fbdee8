//! The composite session id: who can open it, and for how long.

use mcp_mux_tests::connection::KeptAlive;
use mcp_mux_tests::setup::key;
use mcp_mux_tests::{Client, Envoy, Request, Setup, Upstream};
use serde_json::json;

const PING: &str = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;

async fn ping_with(envoy: &Envoy, session: &str) -> mcp_mux_tests::Reply {
    Request::post(envoy, PING).header("mcp-session-id", session).send().await
}

#[tokio::test]
async fn ping_is_answered_without_asking_anybody() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    let reply = client.post(PING).send().await;
    assert_eq!(reply.result(), json!({}));
    assert_eq!(reply.message()["id"], "p");
    assert!(a.seen().is_empty(), "{:?}", a.seen());
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other_whoever_answers() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let mut connection = KeptAlive::open(&envoy).await;
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/other"}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nobody"}}"#;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo"}}"#;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    for (body, status) in
        [(PING, 200), (notification, 202), (unknown, 200), (list, 200), (call, 200), (PING, 200)]
    {
        let reply = connection.send(client.post(body)).await;
        assert_eq!(reply.status, status, "{body}: {reply:?}");
    }
    assert_eq!(connection.send(client.http("DELETE")).await.status, 204);
    assert_eq!(connection.send(client.post(PING)).await.status, 404);
}

#[tokio::test]
async fn a_new_key_can_be_rolled_out_while_sessions_of_the_old_one_live() {
    let a = Upstream::named("a").start().await;
    let old = Setup::new().upstream(&a).keys(b"A").start().await;
    let both = Setup::new().upstream(&a).keys(b"BA").start().await;
    let session_of_a = Client::open(&old).await;
    let session_of_b = Client::open(&both).await;
    assert_eq!(session_of_a.at(&both).tool_names().await, ["a__echo"]);
    assert_eq!(session_of_b.tool_names().await, ["a__echo"]);
    // The first key seals, so the Envoy that knows only A cannot open it.
    session_of_b.at(&old).list().await.gone();
}

#[tokio::test]
async fn keys_can_come_from_the_environment() {
    let a = Upstream::named("a").start().await;
    let from_environment = Setup::new()
        .upstream(&a)
        .set("session", json!({"keys_env": "MUX_KEYS"}))
        .environment("MUX_KEYS", &format!("{},{}", key(b'B'), key(b'A')))
        .start()
        .await;
    let plain = Setup::new().upstream(&a).keys(b"A").start().await;
    let client = Client::open(&plain).await;
    assert_eq!(client.at(&from_environment).tool_names().await, ["a__echo"]);
    let client = Client::open(&from_environment).await;
    client.at(&plain).list().await.gone();
}

#[tokio::test]
async fn without_keys_all_workers_share_a_random_one_and_a_warning_says_so() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).concurrency(3).start().await;
    let other = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    envoy
        .on_all_workers(async || {
            assert_eq!(client.post(PING).send().await.result(), json!({}));
        })
        .await;
    client.at(&other).list().await.gone();
    let warns = |line: &str| line.contains("[warning]") && line.contains("session");
    envoy.log_line("a warning about sessions", warns).await;
}

#[tokio::test]
async fn an_id_that_was_tampered_with_is_gone_wherever_the_change_is() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).keys(b"A").start().await;
    let session = Client::open(&envoy).await.session;
    a.forget();
    let length = session.len();
    for at in [0, 1, 2, 10, length / 2, length - 10, length - 2] {
        let mut changed = session.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        ping_with(&envoy, std::str::from_utf8(&changed).unwrap()).await.gone();
    }
    for not_ours in [&session[..length - 4], &session[4..], &session.repeat(2), "x", "a-session-1"]
    {
        ping_with(&envoy, not_ours).await.gone();
    }
    ping_with(&envoy, &"A".repeat(20_000)).await.gone();
    assert!(a.seen().is_empty(), "{:?}", a.seen());
    assert_eq!(ping_with(&envoy, &session).await.result(), json!({}));
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_over() {
    let a = Upstream::named("a").start().await;
    let session = json!({"keys": [key(b'A')], "ttl": "2s"});
    let envoy = Setup::new().upstream(&a).set("session", session).start().await;
    let client = Client::open(&envoy).await;
    let begin = tokio::time::Instant::now();
    assert_eq!(client.post(PING).send().await.status, 200);
    let expired = mcp_mux_tests::within("the session to expire", async {
        loop {
            let reply = client.post(PING).send().await;
            if reply.status != 200 {
                break reply;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    expired.await.gone();
    assert!(begin.elapsed().as_millis() > 900, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_request_that_needs_a_session_and_names_none_is_bad() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    for method in ["ping", "tools/list", "tools/call", "notifications/initialized"] {
        let id = if method.starts_with("notifications") { "" } else { r#""id":1,"# };
        let body = format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}"}}"#);
        let reply = Request::post(&envoy, body).send().await;
        reply.error(400, -32600);
    }
    // With nothing to say which era it is of, it may be of the one that has no sessions.
    let delete = || Request::new(&envoy, "DELETE", "/mcp");
    delete().send().await.error(405, -32600);
    delete().header("mcp-protocol-version", "2025-11-25").send().await.error(400, -32600);
    assert!(a.seen().is_empty(), "{:?}", a.seen());
}

#[tokio::test]
async fn delete_ends_the_session_at_every_upstream_and_on_every_worker() {
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").start().await;
    let sessionless = Upstream::named("none").with(|server| server.sessions = false).start().await;
    let setup = Setup::new().upstream(&a).upstream(&b).upstream(&sessionless).concurrency(2);
    let envoy = setup.start().await;
    let client = Client::open(&envoy).await;
    let other = Client::open(&envoy).await;
    let reply = client.http("DELETE").send().await;
    assert_eq!((reply.status, reply.text()), (204, ""));
    for (upstream, session) in [(&a, "a-session-1"), (&b, "b-session-1")] {
        assert_eq!(upstream.only("DELETE").header("mcp-session-id"), Some(session));
    }
    assert!(sessionless.seen_of("DELETE").is_empty(), "there is no session to end");
    a.forget();
    envoy
        .on_all_workers(async || {
            client.post(PING).send().await.gone();
            client.list().await.gone();
            client.call("a__echo").await.gone();
            let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
            client.post(ready).send().await.gone();
            client.http("DELETE").send().await.gone();
        })
        .await;
    assert!(a.seen().is_empty(), "{:?}", a.seen());
    assert_eq!(other.call_text("a__echo").await, "a:echo", "another session lives on");
}

#[tokio::test]
async fn delete_succeeds_though_an_upstream_does_not_know_how() {
    let refusing = |_: &_| mcp_mux_tests::Answer::whole(405, "text/plain", "");
    let a = Upstream::named("a").on("DELETE", refusing).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.http("DELETE").send().await.status, 204);
    client.post(PING).send().await.gone();
}

#[tokio::test]
async fn an_upstream_that_left_the_configuration_is_skipped() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let before = Setup::new().upstream(&a).upstream(&b).keys(b"A").start().await;
    let after = Setup::new().upstream(&b).keys(b"A").start().await;
    let client = Client::open(&before).await;
    let moved = client.at(&after);
    assert_eq!(moved.tool_names().await, ["b__echo"]);
    assert_eq!(moved.call_text("b__echo").await, "b:echo");
    moved.call("a__echo").await.error(200, -32602);
}

#[tokio::test]
async fn a_session_none_of_whose_upstreams_is_left_goes_on_with_those_that_are_there() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let before = Setup::new().upstream(&a).keys(b"A").start().await;
    let after = Setup::new().upstream(&b).keys(b"A").start().await;
    assert_eq!(Client::open(&before).await.at(&after).tool_names().await, ["b__echo"]);
}

#[tokio::test]
async fn an_upstream_that_joined_the_configuration_is_initialized_when_first_needed() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let before = Setup::new().upstream(&a).keys(b"A").start().await;
    let after = Setup::new().upstream(&a).upstream(&b).keys(b"A").start().await;
    let client = Client::open(&before).await;
    let moved = client.at(&after);
    assert_eq!(moved.tool_names().await, ["a__echo", "b__echo"]);
    assert_eq!(moved.call_text("b__echo").await, "b:echo");
    for seen in b.seen_of("tools/call") {
        assert!(seen.header("mcp-session-id").is_some_and(|id| id.starts_with("b-session-")));
    }
    let opened = b.seen_of("initialize").len();
    assert_eq!(b.seen_of("notifications/initialized").len(), opened, "each is made ready");
}
