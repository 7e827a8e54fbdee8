//! Sessions at upstreams that the gateway keeps for stateless clients: how long, how many, and their end.

use serde_json::json;

use crate::stateless::both;
use crate::world::{Request, Server, World, config};

/// The tool of the upstream that has sessions is called, by a client that shows this.
fn call(world: &mut World, credential: &str) {
    let request = Request::stateless("tools/call", r#""name":"old__t""#, Some("old__t"));
    let got = world.send(&request.with("x-user", credential));
    assert_eq!(got.status, 200, "{}", got.text());
}

#[test]
fn one_that_is_idle_is_ended_though_nobody_asks_for_anything() {
    let mut world = both();
    assert!(!world.worker.keeps_sessions());
    call(&mut world, "a");
    let used = world.seen_by("old", "tools/call")[0].header("mcp-session-id").expect("a session");
    assert!(world.worker.keeps_sessions());
    assert_eq!(world.pass_seconds(299), []);
    call(&mut world, "a");
    assert_eq!(world.pass_seconds(299), [], "it was used since");
    assert_eq!(world.pass_seconds(1), [("old".to_owned(), used)]);
    assert!(!world.worker.keeps_sessions());
    assert_eq!(world.seen_by("old", "initialize").len(), 1);
    call(&mut world, "a");
    assert_eq!(
        world.seen_by("old", "initialize").len(),
        2,
        "a new one is opened when it is needed"
    );
}

#[test]
fn of_more_than_are_kept_the_one_that_was_idle_for_longest_is_ended() {
    let mut plan = config(&["old"]);
    plan["session"]["pool"] = json!(2);
    plan["upstreams"][0]["headers"] = json!({"forward": ["x-user"]});
    let mut world = World::new(&plan);
    world.serve("old", Server::new("old").tools(&["t"]));
    let mut sessions = Vec::new();
    for user in ["a", "b", "c"] {
        assert_eq!(world.pass_seconds(1), []);
        call(&mut world, user);
        let calls = world.seen_by("old", "tools/call");
        sessions.push(calls.last().and_then(|seen| seen.header("mcp-session-id")).expect("one"));
    }
    assert_eq!(world.pass_seconds(0), [("old".to_owned(), sessions[0].clone())]);
    let ended = world.seen.iter().find(|seen| seen.header(":method").as_deref() == Some("DELETE"));
    let ended = ended.expect("an end");
    assert_eq!(ended.header("x-user").as_deref(), Some("a"), "with its own credentials");
    assert_eq!(world.pass_seconds(300).len(), 2);
}
