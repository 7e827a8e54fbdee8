//! The clients of the official SDKs on a full round through all that server-everything has, at two
//! of them at once through the gateway: they have to see there what they see when they speak to
//! one directly.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::process::Service;
use mcp_mux_tests::real::{Sdk, everything};
use mcp_mux_tests::talk::Talk;
use mcp_mux_tests::{Answer, Envoy, Gate, Setup, Step, Upstream, sse};
use serde_json::{Value, json};

const NAMES: [&str; 2] = ["one", "two"];

/// Two of server-everything and one upstream that can be told to stop, behind the gateway.
struct World {
    one: Service,
    _two: Service,
    slow: Upstream,
    envoy: Envoy,
}

impl World {
    async fn start() -> Self {
        let (one, two) = tokio::join!(everything(), everything());
        let slow = Upstream::named("slow").tools(&["hang"]).on("tools/call", |seen| {
            let token = &seen.params()["_meta"]["progressToken"];
            let params = json!({"progressToken": token, "progress": 1});
            let method = "notifications/progress";
            let progress = json!({"jsonrpc": "2.0", "method": method, "params": params});
            let progress = Step::send(sse::message(&progress.to_string()));
            Answer::sse_steps(vec![progress, Step::Until(Gate::closed())])
        });
        let slow = slow.start().await;
        let mut setup = Setup::new()
            .upstream_at("one", one.address, &json!({}))
            .upstream_at("two", two.address, &json!({}))
            .upstream(&slow);
        if !Host::tested().merges() {
            setup = setup.set("listen", json!("one"));
        }
        let envoy = setup.concurrency(2).start().await;
        Self { one, _two: two, slow, envoy }
    }
}

/// Runs a client to its end and returns what it saw.
async fn seen(sdk: Sdk, address: SocketAddr, slow: &str, servers: &[&str]) -> Value {
    let endpoint = format!("http://{address}/mcp");
    let mut talk = Talk::start(sdk.run("round").args([&endpoint, slow]).args(servers));
    loop {
        let last = talk.heard.last().map_or("the beginning".into(), ToString::to_string);
        // Each step has the whole deadline.
        let mut said = talk.until(&format!("the step after {last}"), |_| true).await;
        if said["seen"].is_object() {
            return said["seen"].take();
        }
    }
}

/// What a client sees of a list of one server, with the prefix.
fn prefixed(list: &Value, prefix: &str) -> BTreeSet<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let items = items.iter().map(|item| item.as_str().expect("a string"));
    items.map(|item| format!("{prefix}{item}")).collect()
}

/// The lists are those of both servers, in order, and what the third has.
fn lists(directly: &Value, through: &Value) {
    for (member, joint) in
        [("tools", "__"), ("prompts", "__"), ("resources", "+"), ("templates", "+")]
    {
        let mut expected = prefixed(&directly[member], &format!("one{joint}"));
        expected.extend(prefixed(&directly[member], &format!("two{joint}")));
        let mut found = prefixed(&through[member], "");
        found.remove("slow__hang");
        expected.retain(|item| !item.ends_with("trigger-sampling-request-async"));
        if !Host::tested().merges() {
            // The second server's stream reaches no client, so it is not offered `roots` and has no tool for them.
            expected.remove("two__get-roots-list");
        }
        assert_eq!(found, expected, "{member}");
    }
}

/// Whether the own stream of the server at this place does not come by GET.
fn is_silent(at: usize) -> bool {
    at > 0 && !Host::tested().merges()
}

/// Every step has the same result at both servers as at the one that was spoken to directly.
fn steps(directly: &Value, through: &Value) {
    let mut different = Vec::new();
    let mut turns = BTreeSet::new();
    for (at, server) in through["servers"].as_array().expect("servers").iter().enumerate() {
        for (name, expected) in directly["servers"][0].as_object().expect("steps") {
            assert!(expected["failed"].is_null(), "directly, {name}: {expected:#}");
            let expected = expected.to_string().replace("server-0", &format!("server-{at}"));
            let found = server[name].to_string();
            let same = match name.as_str() {
                // Who is asked first at both is open; everybody gets an answer of their own.
                "elicitation" => ["Nobody 1", "Nobody 2"]
                    .into_iter()
                    .any(|turn| found == expected.replace("Nobody 1", turn) && turns.insert(turn)),
                // What the server sends on its own stream arrives from the first alone.
                "roots" if is_silent(at) => found == "null",
                "subscription" if is_silent(at) => server[name]["code"] == -32601,
                // That a client has tasks of its own is not told to servers.
                "background" => found == "null",
                _ => found == expected,
            };
            if !same {
                different.push(format!("{name} of {}: {found}\n  not {expected}", NAMES[at]));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The ids of requests that were open at the same time, one of each server.
fn ids(through: &Value, method: &str, mode: Option<&str>) -> BTreeSet<String> {
    let asked = through["asked"].as_array().expect("asked").iter();
    let of = asked.filter(|it| it["method"] == method && it["mode"].as_str() == mode);
    of.map(|it| it["id"].to_string()).collect()
}

async fn full_round(sdk: Sdk) {
    let world = World::start().await;
    let slow = "trigger-long-running-operation";
    let directly = seen(sdk, world.one.address, slow, &[","]).await;
    let two = if is_silent(1) { "two__,two+,silent" } else { "two__,two+" };
    let servers = ["one__,one+", two];
    let through = seen(sdk, world.envoy.address, "slow__hang", &servers).await;
    for same in ["revision", "ping", "capabilities", "cancelled"] {
        assert_eq!(through[same], directly[same], "{same}");
    }
    lists(&directly, &through);
    steps(&directly, &through);
    // Both servers count from 0.
    assert_eq!(ids(&through, "sampling/createMessage", None).len(), 2, "{}", through["asked"]);
    assert!(ids(&through, "elicitation/create", Some("form")).len() >= 2, "{}", through["asked"]);
    // Who called it off is told to everybody, with the id that the one who works on it knows.
    world.slow.wait_for("notifications/cancelled").await;
    let call = world.slow.only("tools/call").id().to_owned();
    let cancelled = world.slow.seen_of("notifications/cancelled");
    let mut cancelled = cancelled.iter().map(|seen| seen.params()["requestId"].to_string());
    assert!(cancelled.any(|id| id == call), "{call}");
}

#[tokio::test]
async fn the_typescript_sdk_of_the_first_generation_sees_what_it_sees_directly() {
    full_round(Sdk::TypeScript1).await;
}

#[tokio::test]
async fn the_typescript_sdk_of_the_second_generation_sees_what_it_sees_directly() {
    full_round(Sdk::TypeScript2).await;
}

#[tokio::test]
async fn the_python_sdk_sees_what_it_sees_directly() {
    full_round(Sdk::Python).await;
}
