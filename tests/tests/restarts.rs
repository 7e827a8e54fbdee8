//! Servers that are killed and restarted under a client that goes on as if nothing had happened.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_mux_tests::process::{ClosedPort, Service};
use mcp_mux_tests::real::{everything_at, node};
use mcp_mux_tests::script::response;
use mcp_mux_tests::talk::Talk;
use mcp_mux_tests::{Answer, Client, Envoy, Gate, Seen, Setup, Step, Upstream, repository, within};
use serde_json::{Value, json};
use tokio::process::Command;

const NAMES: [&str; 2] = ["one", "two"];
const TOOLS: [&str; 3] = ["echo", "get-sum", "trigger-long-running-operation"];
const ROUNDS: usize = 3;

/// A server that comes back on its port.
struct Restartable {
    port: ClosedPort,
    running: Service,
}

impl Restartable {
    async fn start() -> Self {
        let port = ClosedPort::reserve();
        let running = everything_at(port.address.port()).await;
        Self { port, running }
    }

    /// Kills it, lets the client see that it is down, starts it again.
    async fn restart(self, name: &str, client: &mut Talk) -> Self {
        let Self { port, running } = self;
        tell(client, "down", name).await;
        running.kill().await;
        let fails = |said: &Value| {
            said["call"] == *name && said["begun"] == "down" && !said["error"].is_null()
        };
        client.until("a call that fails", fails).await;
        let running = everything_at(port.address.port()).await;
        tell(client, "up", name).await;
        Self { port, running }
    }
}

async fn tell(client: &mut Talk, what: &str, name: &str) {
    client.say(&format!("{what} {name}")).await;
    client.until("the client to take note", |said| said[what] == *name).await;
}

/// Waits until every tool of both servers has answered calls that were made after what was told.
async fn succeed(client: &mut Talk, tools: &[&str]) {
    let pairs = NAMES.iter().flat_map(|name| tools.iter().map(move |tool| (*name, *tool)));
    let mut missing: Vec<(&str, &str)> = pairs.clone().chain(pairs).collect();
    let succeeds = |said: &Value| {
        let is = |(name, tool): &(&str, &str)| said["call"] == *name && said["tool"] == *tool;
        let succeeded = said["outside"] == true && said["error"].is_null();
        if let Some(at) = missing.iter().position(is).filter(|_| succeeded) {
            missing.swap_remove(at);
        }
        missing.is_empty()
    };
    client.until("calls of both servers to succeed", succeeds).await;
}

/// Only calls that met a server while it was down may fail, with an error that names it.
fn excusable(said: &Value) -> bool {
    let error = &said["error"];
    let named = error["code"] == -32603 && error["data"]["upstream"] == said["call"];
    error.is_null() || said["outside"] == false && named
}

/// Whether a call had begun before its server was killed, and was resumed when that was back.
fn resumed(said: &Value) -> bool {
    let reason = said["error"]["data"]["reason"].as_str().unwrap_or_default();
    said["begun"] == "up" && reason.contains("lost the session in which it worked")
}

/// The gateway, and a client that keeps calling these tools of both servers.
async fn client_of(envoy: &Envoy, tools: &[&str]) -> Talk {
    let endpoint = format!("http://{}/mcp", envoy.address);
    let mut command = Command::new("node");
    command.arg(repository("tests/clients/restarts.mjs")).arg(node());
    let mut client = Talk::start(command.args([&endpoint, &tools.join(",")]).args(NAMES));
    succeed(&mut client, tools).await;
    client
}

async fn gateway(one: &Restartable, two: &Restartable) -> Envoy {
    let setup = Setup::new().upstream_at("one", one.port.address, &json!({})).upstream_at(
        "two",
        two.port.address,
        &json!({}),
    );
    setup.set("listen", json!("one")).concurrency(2).start().await
}

/// Lets the client come to its end and looks at everything that it has said, which is returned.
async fn satisfied(mut client: Talk) -> Vec<Value> {
    client.say("end").await;
    let end = client.until("the end", |said| said["total"].is_object()).await;
    let total = &end["total"];
    assert_eq!((&total["initialize"], &total["sessions"]), (&json!(1), &json!(1)), "{total}");
    let inexcusable: Vec<&Value> = client.heard.iter().filter(|said| !excusable(said)).collect();
    assert!(inexcusable.is_empty(), "{inexcusable:#?}");
    client.heard
}

#[tokio::test]
async fn servers_may_be_restarted_under_a_client_that_goes_on() {
    let (mut one, mut two) = tokio::join!(Restartable::start(), Restartable::start());
    let envoy = gateway(&one, &two).await;
    let mut client = client_of(&envoy, &TOOLS).await;
    for _ in 0..ROUNDS {
        one = one.restart("one", &mut client).await;
        succeed(&mut client, &TOOLS).await;
        two = two.restart("two", &mut client).await;
        succeed(&mut client, &TOOLS).await;
    }
    let heard = satisfied(client).await;
    // Some tool is always in the middle of its work.
    let resumed = heard.iter().filter(|said| resumed(said)).count();
    assert!(resumed >= ROUNDS, "{resumed} calls were resumed");
}

/// Restarts a server so many times, each time until its stream has brought something.
async fn heard_after_restarts(times: usize) {
    let (mut one, two) = tokio::join!(Restartable::start(), Restartable::start());
    let envoy = gateway(&one, &two).await;
    let mut client = client_of(&envoy, &TOOLS).await;
    let opened = |said: &Value| {
        let of_call = said["resumed"].as_str().is_some_and(|event| event.starts_with("one:t"));
        said["get"] == 200 && !of_call
    };
    for _ in 0..times {
        one = one.restart("one", &mut client).await;
        client.until("the stream", opened).await;
        // The server sends it at once, before it answers the call, and again every five seconds.
        client.say("log one").await;
        client.until("a log message", |said| said["heard"].is_string()).await;
    }
    satisfied(client).await;
}

#[tokio::test]
async fn the_stream_of_a_restarted_server_is_open_again_once_a_call_has_succeeded() {
    heard_after_restarts(1).await;
}

#[tokio::test]
async fn a_stream_that_has_brought_something_is_open_again_too() {
    heard_after_restarts(2).await;
}

#[tokio::test]
async fn a_stream_alone_opens_a_lost_session_again() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).set("listen", json!("a")).start().await;
    let client = Client::open(&envoy).await;
    a.restart(Answer::whole(404, "text/plain", "Session not found"));
    a.answer("GET", |seen| match seen.header("mcp-session-id") {
        Some("a-session-1") => Answer::whole(404, "text/plain", "Session not found"),
        _ => Answer::sse_steps(vec![Step::Until(Gate::closed())]),
    });
    let mut seen = Vec::new();
    // A client of an SDK tries twice after its stream has broken off, and never again.
    for _ in 0..2 {
        seen.push(client.http("GET").open().await.status);
    }
    assert_eq!(seen.last(), Some(&200), "{seen:?}");
}

/// Answers each further `initialize` when its gate opens: the first has one of its own.
fn gated(a: &Upstream) -> [Gate; 2] {
    let (gates, opened) = ([Gate::closed(), Gate::closed()], AtomicUsize::new(2));
    let held = gates.clone();
    a.answer("initialize", move |seen| {
        let number = opened.fetch_add(1, Ordering::Relaxed);
        let [first, others] = held.clone();
        let result = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"a","version":"1"}}"#;
        let wait = Step::Until(if number == 2 { first } else { others });
        let steps = vec![wait, Step::send(response(seen, result))];
        Answer::steps(200, "application/json", steps)
            .header("mcp-session-id", &format!("a-session-{number}"))
    });
    gates
}

async fn reached(what: &str, reached: impl Fn() -> bool) {
    within(what, async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_sessions_that_are_opened_at_once_one_is_gone_on_with_and_the_others_are_ended() {
    let a = Upstream::named("a").start().await;
    let setup = Setup::new().upstream(&a).set("listen", json!("a"));
    let envoy = setup.concurrency(4).start().await;
    let client = Client::open(&envoy).await;
    a.restart(Answer::whole(404, "text/plain", "gone"));
    a.answer("GET", |seen| match seen.header("mcp-session-id") {
        Some("a-session-1") => Answer::whole(404, "text/plain", "gone"),
        _ => Answer::sse(": hi\n\n"),
    });
    let [first, others] = gated(&a);
    let opening = |count: usize| {
        let a = &a;
        move || a.seen_of("initialize").len() == 1 + count
    };
    let requests = async {
        tokio::join!(client.call_text("a__echo"), client.tool_names(), client.call_text("a__echo"))
    };
    let stream = async {
        reached("three to be opened", opening(3)).await;
        client.http("GET").send().await
    };
    let gates = async {
        reached("four to be opened", opening(4)).await;
        first.open();
        reached("work in the first", || in_session(&a, "a-session-2") > 0).await;
        others.open();
    };
    let ((called, names, too), stream, ()) = tokio::join!(requests, stream, gates);
    assert_eq!((called.as_str(), too.as_str()), ("a:echo", "a:echo"));
    assert_eq!(names, ["a__echo"]);
    assert_eq!(stream.status, 503, "a client asks again: {stream:?}");
    envoy
        .on_all_workers(async || {
            assert_eq!(client.http("GET").send().await.text(), ": hi\n\n");
            assert_eq!(client.call_text("a__echo").await, "a:echo");
        })
        .await;
    assert_eq!(a.seen_of("initialize").len(), 5);
    let ended = a.seen_of("DELETE").into_iter();
    let ended = ended.filter_map(|it| it.header("mcp-session-id").map(str::to_owned));
    let mut ended: Vec<String> = ended.collect();
    ended.sort();
    assert_eq!(ended, ["a-session-3", "a-session-4", "a-session-5"]);
    for lost in ended {
        assert_eq!(in_session(&a, &lost), 1, "{lost} had nothing but its end");
    }
}

/// How many requests a session had since it was opened.
fn in_session(a: &Upstream, session: &str) -> usize {
    let of_session = |seen: &&Seen| seen.header("mcp-session-id") == Some(session);
    let work = |seen: &&Seen| seen.rpc_method().as_deref() != Some("notifications/initialized");
    a.seen().iter().filter(of_session).filter(work).count()
}

#[tokio::test]
async fn calls_that_find_a_session_lost_end_up_in_one_new_session() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let gate = Gate::closed();
    let held = gate.clone();
    let lost = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}"#;
    a.answer("tools/call", move |seen| {
        let wait = [Step::Until(held.clone())].into_iter().filter(|_| seen.name() == "late");
        let steps = || wait.chain([Step::send(lost)]).collect();
        match seen.header("mcp-session-id") {
            Some("a-session-1") => Answer::steps(400, "application/json", steps()),
            _ => Answer::result(seen, r#"{"content":[{"type":"text","text":"here"}]}"#),
        }
    });
    let late = client.call_text("a__late");
    let early = async {
        a.wait_for("tools/call").await;
        assert_eq!(client.call_text("a__early").await, "here");
        gate.open();
    };
    assert_eq!(tokio::join!(late, early).0, "here");
    assert_eq!(a.seen_of("initialize").len(), 2);
    assert_eq!(client.call_text("a__echo").await, "here");
    assert_eq!(a.seen().last().and_then(|seen| seen.header("mcp-session-id")), Some("a-session-2"));
}
