//! Clients of both eras at servers of both eras behind one endpoint, all of them real: each client sees
//! the same of each server, whichever era the two speak, and goes on when servers or the gateway are
//! started again.

mod clients;
mod two_dozen;
mod world;

use std::collections::BTreeSet;

use clients::Clients;
use mcp_mux_tests::inspector::Inspector;
use serde_json::{Value, json};
use world::{NAMES, World, kind, names};

const HANDSHAKE: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";

/// What all servers have.
const TOOLS: [&str; 4] =
    ["echo", "get-resource-links", "get-resource-reference", "trigger-long-running-operation"];
const PROMPTS: [&str; 3] = ["args-prompt", "resource-prompt", "simple-prompt"];
const RESOURCES: [&str; 1] = ["demo://resource/static/document/features.md"];
const TEMPLATES: [&str; 2] =
    ["demo://resource/dynamic/blob/{resourceId}", "demo://resource/dynamic/text/{resourceId}"];

/// The list has these of every server, and of all but those of the first kind nothing else.
fn list(names: &[String], seen: &Value, joint: &str, expected: &[&str]) {
    let listed: Vec<&str> =
        seen.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for name in names {
        let prefix = format!("{name}{joint}");
        let found = listed.iter().filter_map(|item| item.strip_prefix(&prefix));
        let found: BTreeSet<&str> =
            found.filter(|item| kind(name) != NAMES[0] || expected.contains(item)).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{name}: {seen}");
    }
}

fn lists(names: &[String], client: &str, seen: &Value) {
    // Those of TypeScript count what they send, where it is not mcp-remote that sends.
    if client.starts_with('v') {
        let requests = &seen["requests"];
        assert_eq!(requests["opening"], 1, "{client}: {requests}");
        assert_eq!(requests["inSession"] == 0, clients::is_stateless(client), "{requests}");
    }
    list(names, &seen["tools"], "__", &TOOLS);
    list(names, &seen["prompts"], "__", &PROMPTS);
    list(names, &seen["resources"], "+", &RESOURCES);
    list(names, &seen["templates"], "+", &TEMPLATES);
}

/// Every step has the same result at every server; server-everything alone logs nothing.
fn steps(client: &str, seen: &Value) {
    // fastmcp wraps what it logs.
    let logged = seen["logged"].as_array().expect("messages").iter();
    let logged: Vec<&Value> = logged.map(|data| data.get("msg").unwrap_or(data)).collect();
    // In a session the Rust SDK logs on the stream of that, and the gateway passes on another server's.
    let logging = if seen["revision"] == HANDSHAKE { 4 } else { 5 };
    assert_eq!(logged, vec!["begun"; logging], "{seen:#}");
    let servers = seen["servers"].as_array().expect("servers");
    for (name, server) in NAMES.iter().zip(servers) {
        assert_eq!(server["echo"], "Echo: héllo", "{name}: {seen:#}");
        let progress = server["progress"]["steps"].as_array().expect("progress");
        // What the SDK reads from stdio together with the result it forgets.
        let least = if client.starts_with("remote") { 0 } else { 4 };
        let made = ["1/4", "2/4", "3/4", "4/4"].get(..progress.len()).unwrap_or_default();
        assert!(progress.len() >= least && progress == made, "{name}: {progress:?}");
        assert_eq!(server["progress"]["text"], servers[0]["progress"]["text"], "{name}");
        for step in ["prompts", "links"] {
            assert_eq!(server[step], servers[0][step], "{step} of {name}");
        }
        let read = [&server["links"], &server["prompts"]["embedded"]];
        let read = read.into_iter().flat_map(|read| read.as_array().expect("resources"));
        for resource in read {
            let own = resource["own"].as_str();
            assert!(own.is_some_and(|uri| uri.starts_with("demo://")), "{name}: {resource}");
            assert_eq!(resource["same"], true, "{name}: {resource}");
        }
    }
}

/// The client has ended up with the revision of its mode and sees all that there is.
fn satisfied(client: &str, seen: &Value) {
    let revision = if clients::is_stateless(client) { STATELESS } else { HANDSHAKE };
    assert_eq!(seen["revision"], revision, "{seen}");
    let instructions = seen["instructions"].as_str().unwrap_or_default();
    // This one goes ahead without asking who is there.
    let told = if client == "mcp:2026-07-28" { 0 } else { 5 };
    assert_eq!(instructions.matches("A part of the Everything Server").count(), told, "{seen}");
    lists(&names(1), client, seen);
    steps(client, seen);
}

/// The client still sees all that there is.
fn still_satisfied(names: &[String], client: &str, seen: &Value) {
    lists(names, client, seen);
    let prompt = "This is a simple prompt without arguments.";
    let server = json!({"echo": "Echo: héllo", "read": "# Everything Server", "prompt": prompt});
    for (name, found) in names.iter().zip(seen["servers"].as_array().expect("servers")) {
        assert_eq!(*found, server, "{name}");
    }
}

#[tokio::test]
async fn every_client_sees_the_same_of_every_server_and_goes_on_after_restarts() {
    let world = World::start(1).await;
    let inspector = async {
        // The Inspector is a process for each request: each server has one of each kind.
        for (turn, era) in ["legacy", "auto", "modern"].into_iter().enumerate() {
            inspect(&world, era, |server, kind| (server + kind) % 3 == turn).await;
        }
    };
    let (endpoint, all) = (world.endpoint(), names(1));
    let ((clients, seen), ()) = tokio::join!(Clients::start(&endpoint, &all), inspector);
    for (client, seen) in &seen {
        eprintln!("{client}");
        satisfied(client, seen);
    }
    restarts(world, clients, 1).await;
}

/// Starts all servers again and the gateway again, so often, under clients that stay connected.
async fn restarts(mut world: World, mut clients: Clients, times: usize) {
    for time in 1..=times {
        world.restart_servers().await;
        for (client, seen) in clients.look().await {
            eprintln!("{client}, after the servers were started again ({time})");
            still_satisfied(&names(1), &client, &seen);
        }
        world.restart_gateway().await;
        for (client, seen) in clients.look().await {
            eprintln!("{client}, after the gateway was started again ({time})");
            still_satisfied(&names(1), &client, &seen);
        }
    }
    clients.end().await;
}

#[tokio::test]
#[ignore = "minutes: make soak"]
async fn every_client_goes_on_after_many_restarts() {
    let world = World::start(1).await;
    let (clients, _) = Clients::start(&world.endpoint(), &names(1)).await;
    restarts(world, clients, 20).await;
}

#[tokio::test]
#[ignore = "minutes: make soak"]
async fn the_inspector_makes_every_request_to_every_server_in_every_era() {
    let world = World::start(1).await;
    for era in ["legacy", "auto", "modern"] {
        inspect(&world, era, |_, _| true).await;
    }
}

/// Lists with the Inspector in this era and makes the requests that are wanted, by server and kind.
async fn inspect(world: &World, era: &str, wanted: impl Fn(usize, usize) -> bool) {
    let inspector = Inspector::of(world.endpoint());
    let call = async |arguments: &[&str]| {
        inspector.call(&[arguments, &["--protocol-era", era]].concat()).await
    };
    let server = call(&["initialize"]).await;
    let revision = if era == "legacy" { HANDSHAKE } else { STATELESS };
    assert_eq!(server["protocolVersion"], revision, "{era}: {server}");
    list(&names(1), &members(&call(&["tools/list"]).await["tools"], "name"), "__", &TOOLS);
    for (at, name) in NAMES.iter().enumerate() {
        if wanted(at, 0) {
            let tool = format!("{name}__echo");
            let echo = ["tools/call", "--tool-name", &tool, "--tool-arg", "message=hello"];
            let echo = call(&echo).await;
            assert_eq!(echo["content"][0]["text"], "Echo: hello", "{era}, {name}: {echo}");
        }
        if wanted(at, 1) {
            let uri = format!("{name}+{}", RESOURCES[0]);
            let read = call(&["resources/read", "--uri", &uri]).await;
            let content = &read["contents"][0];
            assert_eq!(content["uri"], uri, "{era}: {read}");
            let text = content["text"].as_str().unwrap_or_default();
            assert!(text.contains("# Everything Server"), "{era}, {name}: {read}");
        }
        if wanted(at, 2) {
            let prompt = format!("{name}__simple-prompt");
            let prompt = call(&["prompts/get", "--prompt-name", &prompt]).await;
            let text = prompt["messages"][0]["content"]["text"].as_str().unwrap_or_default();
            assert!(text.contains("a simple prompt"), "{era}, {name}: {prompt}");
        }
    }
}

/// This member of every item of a list.
fn members(list: &Value, member: &str) -> Value {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item[member].clone()).collect()
}
