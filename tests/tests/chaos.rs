//! Ten servers do what servers should not, clients leave at any byte, the configuration changes: whoever does
//! nothing wrong does not notice.
//!
//! For half a minute, or as long as `MCP_MUX_CHAOS_SECONDS` says: `make chaos` is ten minutes, in both hosts. What the
//! discovery writes meanwhile has a test of its own, `discovery/tests/e2e/chaos.rs`.

mod clients;
mod servers;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Client, Envoy, Setup, within};
use serde_json::json;
use tokio::time::{Instant, sleep};

use clients::{Session, leaving, listening, moody, steady, steady_stateless};
use servers::Servers;

/// Inputs that are the same on every run; what the clock does is not.
#[path = "../../filter/core/src/chance.rs"]
mod chance;
use chance::Chance;

/// How long it takes, in seconds, unless `MCP_MUX_CHAOS_SECONDS` says otherwise.
const SECONDS: u64 = 30;

/// How soon a session is whole again after all servers are.
const HEALED: Duration = Duration::from_secs(30);

/// How many Envoys are killed at least, and how many calls each of them answers before.
const KILLS: u64 = 3;
const CALLS_OF_A_LIFE: u64 = 10;

/// How much memory may grow between the first third and the end: heaps keep what they had once.
const GROWN: u64 = 32 << 20;

fn time() -> Duration {
    let seconds = std::env::var("MCP_MUX_CHAOS_SECONDS");
    Duration::from_secs(
        seconds.map_or(SECONDS, |it| it.parse().expect("MCP_MUX_CHAOS_SECONDS is a number")),
    )
}

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    is_over: Cell<bool>,
    calls: Cell<u64>,
    moody: Cell<u64>,
    left: Cell<u64>,
    reloads: Cell<u64>,
    harms: Cell<u64>,
    kills: Cell<u64>,
}

impl Done {
    /// Waits until as much was done as shows something: four calls and one request of the moody for each second.
    async fn is_enough(&self, total: Duration) {
        while self.calls.get() <= 4 * total.as_secs() || self.moody.get() <= total.as_secs() {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn add(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

/// The gateway's configuration, with or without one server more.
fn setup(servers: &Servers, extra: bool) -> Setup {
    let mut setup = servers.setup().keys(&[1]).call_timeout("5s").concurrency(2);
    if extra {
        setup = setup.entry("extra", &json!({"timeout": "2s"}));
    }
    let listen = if Host::tested().merges() { "all" } else { "steady" };
    setup.set("listen", json!(listen))
}

/// Harms a server every now and then, kills the real one, and has the configuration read again.
async fn harm(servers: &Servers, envoy: &Envoy, done: &Done) {
    let chance = RefCell::new(Chance::new(1));
    let servers_harmed = async {
        while !done.is_over.get() {
            servers.harm(&mut chance.borrow_mut());
            add(&done.harms);
            sleep(Duration::from_millis(200)).await;
        }
    };
    let killed = async {
        while !done.is_over.get() {
            sleep(Duration::from_secs(4)).await;
            servers.kill_and_start().await;
            add(&done.kills);
        }
    };
    let reloaded = async {
        while !done.is_over.get() {
            sleep(Duration::from_secs(5)).await;
            add(&done.reloads);
            envoy.reload(&setup(servers, done.reloads.get() % 2 == 1)).await;
        }
    };
    tokio::join!(servers_harmed, killed, reloaded);
}

#[tokio::test]
async fn whoever_does_nothing_wrong_notices_nothing() {
    let (servers, done) = (Servers::start().await, Done::default());
    let envoy = setup(&servers, false).reloads().start().await;
    let made = envoy.breakdowns().await;
    let began = Instant::now();
    let total = time();
    let sessions = RefCell::new(Vec::new());
    let mut early = 0;
    let clock = async {
        sleep(total / 3).await;
        early = envoy.memory();
        sleep(total.saturating_sub(began.elapsed())).await;
        within("enough to be done, on a slow machine, too", done.is_enough(total)).await;
        done.is_over.set(true);
    };
    let good = async {
        tokio::join!(
            steady(&envoy, "steady", &done),
            steady(&envoy, "streaming", &done),
            steady_stateless(&envoy, "modern", &done),
            steady_stateless(&envoy, "steady", &done),
        )
    };
    let bad = async {
        tokio::join!(
            moody(&envoy, 1, &done, &sessions),
            moody(&envoy, 2, &done, &sessions),
            moody(&envoy, 3, &done, &sessions),
            leaving(&envoy, 4, &done),
            leaving(&envoy, 5, &done),
            listening(&envoy, 6, &done),
        )
    };
    tokio::join!(clock, good, bad, harm(&servers, &envoy, &done));

    servers.heal();
    for session in &sessions.into_inner() {
        recovered(&envoy, session, &servers).await;
    }
    // In WebAssembly each configuration has a machine of its own, for each worker and the main thread.
    let reloads = if Host::tested() == Host::Wasm { done.reloads.get() * 3 } else { 0 };
    assert!(envoy.breakdowns().await <= made + reloads, "the filter broke down");
    let late = envoy.memory();
    let mebibytes = |bytes: u64| bytes >> 20;
    println!("{done:?}; {} to {} MiB", mebibytes(early), mebibytes(late));
    assert!(late < early + GROWN, "{} to {} MiB", mebibytes(early), mebibytes(late));
}

/// A session has all its servers again once they are well.
async fn recovered(envoy: &Envoy, session: &Session, servers: &Servers) {
    let client = session.client(envoy);
    for (name, tool) in servers.tools() {
        let what = format!("{name} in an old session");
        let answered = async {
            let arguments =
                json!({"name": format!("{name}__{tool}"), "arguments": {"message": "x"}});
            loop {
                let reply = client.request("tools/call", arguments.clone()).await;
                assert_ne!(reply.status, 404, "{what}: the session is gone: {reply:?}");
                if reply.status == 200
                    && reply.message()["result"]["isError"] != true
                    && reply.message()["result"].is_object()
                {
                    return;
                }
                sleep(Duration::from_millis(200)).await;
            }
        };
        let came = tokio::time::timeout(HEALED, answered).await;
        assert!(came.is_ok(), "{what}: nothing within {HEALED:?}");
    }
}

#[tokio::test]
async fn sessions_outlive_envoys_that_are_killed() {
    let servers = Servers::start().await;
    let port = mcp_mux_tests::process::free_port().await;
    let start = async || setup(&servers, false).port(port).start().await;
    let mut envoy = start().await;
    let session = Session::of(&Client::open(&envoy).await);
    let until = Instant::now() + time() / 2;
    let (mut chance, mut kills) = (Chance::new(3), 0);
    // How long Envoy takes to start is the machine's affair, and so is how often it can be killed in a time.
    while kills < KILLS || Instant::now() < until {
        let (answered, is_down) = (Cell::new(0), Cell::new(false));
        let address = envoy.address;
        let life = Duration::from_millis(500 + 20 * chance.below(100) as u64);
        let calls = async {
            loop {
                let was_down = is_down.get();
                let reply = session.request(address, "steady__echo").attempt().await;
                match reply.filter(|reply| reply.complete) {
                    Some(reply) => {
                        assert_eq!(reply.result()["content"][0]["text"], "steady:echo");
                        add(&answered);
                    }
                    None => assert!(is_down.get(), "a call is lost while Envoy is there"),
                }
                if was_down {
                    return;
                }
            }
        };
        let end = async {
            sleep(life).await;
            while answered.get() < CALLS_OF_A_LIFE {
                sleep(Duration::from_millis(10)).await;
            }
            servers.harm(&mut chance);
            is_down.set(true);
            drop(envoy);
        };
        within("Envoy to answer until it is killed", async { tokio::join!(calls, end) }).await;
        envoy = within("Envoy to be there again", start()).await;
        kills += 1;
    }
    println!(
        "{kills} Envoys were killed, each after {CALLS_OF_A_LIFE} calls or more in one session"
    );
}
