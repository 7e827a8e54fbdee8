//! `session.open: lazy`: what is known of servers is told without asking them, and a server is opened by the first
//! request that needs it.

use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::mcp::{initialize, names};
use mcp_mux_tests::server::can;
use mcp_mux_tests::setup::key;
use mcp_mux_tests::{Answer, Client, Envoy, Reply, Request, Setup, Talker, Upstream, within};
use serde_json::json;
use tokio::task::JoinSet;

const NAMES: [&str; 3] = ["a", "b", "c"];

async fn servers() -> [Upstream; 3] {
    let [a, b, c] = NAMES.map(|name| Upstream::named(name).start());
    tokio::join!(a, b, c).into()
}

fn setup(servers: &[Upstream]) -> Setup {
    let setup = servers.iter().fold(Setup::new(), Setup::upstream);
    setup.set("session", json!({"keys": [key(b'A')], "open": "lazy"}))
}

/// How many requests of a method each of these has got.
fn counts(servers: &[Upstream], method: &str) -> Vec<usize> {
    servers.iter().map(|server| server.seen_of(method).len()).collect()
}

/// Waits until a server has got so many requests of a method.
async fn reaches(server: &Upstream, method: &str, count: usize) {
    let arrived = async {
        while server.seen_of(method).len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(&format!("{count} of {method} at {}", server.name), arrived).await;
}

async fn end(client: &Client<'_>) {
    assert_eq!(client.http("DELETE").send().await.status, 204);
}

#[tokio::test]
async fn twenty_sessions_with_one_call_each_touch_the_server_that_is_called() {
    let servers = servers().await;
    let envoy = setup(&servers).alone().start().await;
    let first = Client::open(&envoy).await;
    assert_eq!(counts(&servers, "initialize"), [1, 1, 1]);
    for number in 1..=20 {
        let client = Client::open(&envoy).await;
        assert_eq!(client.initialized, first.initialized);
        client.call("b__echo").await.result();
        end(&client).await;
        assert_eq!(counts(&servers, "initialize"), [1, 1 + number, 1]);
        assert_eq!(counts(&servers, "notifications/initialized"), [1, 1 + number, 1]);
        assert_eq!(counts(&servers, "DELETE"), [0, number, 0]);
    }
    end(&first).await;
    assert_eq!(counts(&servers, "DELETE"), [1, 21, 1]);
    let line = |line: &str| line.contains("had not joined");
    assert!(!envoy.log().lines().any(line), "nothing that an operator has to know");
}

#[tokio::test]
async fn the_session_that_a_request_has_opened_is_that_of_all_workers() {
    let servers = servers().await;
    let envoy = setup(&servers).concurrency(2).alone().start().await;
    // Each memory learns for itself.
    envoy.on_all_workers(async || drop(Client::open(&envoy).await)).await;
    let client = Client::open(&envoy).await;
    servers.iter().for_each(Upstream::forget);
    envoy.on_all_workers(async || drop(client.call("a__echo").await.result())).await;
    assert_eq!(counts(&servers, "initialize"), [1, 0, 0]);
    assert_eq!(names(&client.list().await.result()).len(), 3);
    assert_eq!(counts(&servers, "initialize"), [1, 1, 1]);
    end(&client).await;
    assert_eq!(counts(&servers, "DELETE"), [1, 1, 1]);
}

#[tokio::test]
async fn requests_that_open_a_server_together_leave_one_session_there() {
    let servers = servers().await;
    // As many as have one memory.
    let workers = if Host::tested().memories(2) == 1 { 2 } else { 1 };
    let envoy = setup(&servers).concurrency(workers).start().await;
    Client::open(&envoy).await;
    let client = Client::open(&envoy).await;
    servers.iter().for_each(Upstream::forget);
    let calls = (1..=20).map(|id| {
        let params = json!({"name": "a__echo"});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        client.post(call.to_string()).send()
    });
    let all = calls.collect::<JoinSet<Reply>>().join_all().await;
    assert!(all.iter().all(|reply| reply.result()["content"].is_array()));
    let opened = servers[0].seen_of("initialize").len();
    assert!((1..=20).contains(&opened));
    // Those that were opened in vain are ended soon.
    reaches(&servers[0], "DELETE", opened - 1).await;
    end(&client).await;
    let ended = servers[0].seen_of("DELETE");
    let mut ids: Vec<_> = ended.iter().filter_map(|seen| seen.header("mcp-session-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ended.len(), ids.len()), (opened, opened));
}

#[tokio::test]
async fn other_credentials_are_told_nothing_and_a_restart_forgets_nothing_that_matters() {
    let servers = servers().await;
    let forward = json!({"headers": {"forward": ["x-key"]}});
    let setup = || {
        let with = |setup: Setup, server| setup.upstream_with(server, &forward);
        let setup = servers.iter().fold(Setup::new(), with);
        let keys = [key(b'A')];
        setup.set("session", json!({"keys": keys, "open": "lazy"}))
    };
    let envoy = setup().alone().start().await;
    let open = async |envoy: &Envoy, key: &str| {
        let body = initialize("2025-11-25");
        let reply = Request::post(envoy, body).header("x-key", key).send().await;
        reply.result();
        reply.header("mcp-session-id").expect("a session id").to_owned()
    };
    for (key, expected) in [("ann", 1), ("bob", 2), ("ann", 2), ("bob", 2)] {
        open(&envoy, key).await;
        assert_eq!(counts(&servers, "initialize"), [expected; 3], "{key}");
    }
    let session = open(&envoy, "ann").await;
    let call = async |envoy: &Envoy| {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo"}}"#;
        let request = Request::post(envoy, body).header("mcp-session-id", &session);
        request.header("x-key", "ann").send().await.result();
    };
    call(&envoy).await;
    let opened = servers[0].seen_of("initialize");
    assert_eq!((opened.len(), opened[2].header("x-key")), (3, Some("ann")));
    // The server comes back without its sessions.
    servers[0].restart(Answer::whole(404, "text/plain", "Session not found"));
    call(&envoy).await;
    assert_eq!(counts(&servers, "initialize"), [4, 2, 2]);
    // And so does Envoy: it knows the session, and opens what it needs.
    drop(envoy);
    let envoy = setup().alone().start().await;
    call(&envoy).await;
    assert_eq!(counts(&servers, "initialize"), [5, 2, 2]);
    open(&envoy, "ann").await;
    // What was opened for that is known again.
    assert_eq!(counts(&servers, "initialize"), [5, 3, 3]);
}

#[tokio::test]
async fn a_server_that_refuses_to_be_opened_is_named_and_costs_nobody_else() {
    let servers = servers().await;
    let envoy = setup(&servers).start().await;
    Client::open(&envoy).await;
    let client = Client::open(&envoy).await;
    servers[1].answer("initialize", |_| Answer::whole(403, "text/plain", "not you"));
    let error = client.call("b__echo").await.error(200, -32603);
    assert_eq!((&error["data"]["upstream"], &error["data"]["status"]), (&json!("b"), &json!(403)));
    client.call("a__echo").await.result();
    assert_eq!(names(&client.list().await.result()), ["a__echo", "c__echo"]);
    // A session that is opened now is told so.
    let next = Client::open(&envoy).await;
    assert_eq!(next.initialized["_meta"]["mcp-mux/unavailable"][0]["upstream"], "b");
    servers[1].unscript("initialize");
    client.call("b__echo").await.result();
}

#[tokio::test]
async fn lists_that_are_kept_for_all_are_served_without_opening_a_server() {
    let servers = servers().await;
    let catalog = json!({"ttl": "1h", "scope": "public"});
    let envoy = setup(&servers).set("catalog", catalog).start().await;
    Client::open(&envoy).await.list().await.result();
    servers.iter().for_each(Upstream::forget);
    for number in 1..=5 {
        let client = Client::open(&envoy).await;
        assert_eq!(client.tool_names().await, ["a__echo", "b__echo", "c__echo"]);
        client.call("c__echo").await.result();
        assert_eq!(counts(&servers, "initialize"), [0, 0, number]);
        assert_eq!(counts(&servers, "tools/list"), [0, 0, 0]);
    }
}

#[tokio::test]
async fn a_stream_opens_no_server_and_hears_one_that_is_opened_at_once() {
    if !Host::tested().merges() {
        return;
    }
    let talker = Talker::default();
    let mouth = talker.clone();
    let a = Upstream::named("a")
        .with(can(json!({"tools": {"listChanged": true}})))
        .on("GET", move |seen| mouth.stream(seen))
        .start()
        .await;
    let b = Upstream::named("b").start().await;
    let servers = [a, b];
    let envoy = setup(&servers).start().await;
    Client::open(&envoy).await;
    let client = Client::open(&envoy).await;
    servers.iter().for_each(Upstream::forget);
    let mut stream = client.http("GET").open().await;
    client.call("a__echo").await.result();
    // Long before the next keep-alive.
    tokio::time::timeout(Duration::from_secs(5), servers[0].wait_for("GET"))
        .await
        .expect("the stream of what was opened");
    talker.say(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"1"}}"#.to_owned());
    let events = stream.take_events(1).await;
    assert!(events[0].data.contains("notifications/message"), "{events:?}");
    assert_eq!((counts(&servers, "initialize"), counts(&servers, "GET")), (vec![1, 0], vec![1, 0]));
}

#[tokio::test]
async fn a_server_of_http_sse_is_opened_when_it_is_needed() {
    if Host::tested() != Host::Module {
        return;
    }
    let (a, old) = tokio::join!(Upstream::named("a").start(), SseServer::named("old"));
    let fields = json!({"transport": "sse"});
    let setup = Setup::new().upstream(&a).upstream_at("old", old.address, &fields);
    let envoy = setup.set("session", json!({"open": "lazy"})).start().await;
    let opened = || old.seen_of("initialize").len();
    Client::open(&envoy).await;
    let client = Client::open(&envoy).await;
    client.call("a__echo").await.result();
    assert_eq!(opened(), 1);
    client.call("old__echo").await.result();
    assert_eq!(opened(), 2);
    end(&client).await;
}
