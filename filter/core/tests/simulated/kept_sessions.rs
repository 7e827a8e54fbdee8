//! Sessions that a worker keeps at upstreams of the handshake era for clients that have none.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::world::stateless::ENVELOPE;
use crate::world::{Got, Request, Response, Seen, World, config};

/// Sessions that the upstream does not know any more.
type Lost = Rc<RefCell<Vec<String>>>;

/// One upstream, `old`, that logs, gives sessions the ids `s1`, `s2` and so on, and says in which one it was
/// called.
fn world(plan: &Value) -> (World, Lost) {
    let mut world = World::new(plan);
    let (mut opened, lost) = (0, Lost::default());
    let gone = Rc::clone(&lost);
    world.script("old", move |seen| {
        let result = |result: &str| {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
            Response::new(200, "application/json", body)
        };
        let session = seen.header("mcp-session-id").unwrap_or_default();
        if gone.borrow().contains(&session) {
            return Response::new(404, "text/plain", "Session not found").says();
        }
        match seen.method().as_str() {
            "server/discover" => Response::new(404, "text/plain", "").says(),
            "initialize" => {
                opened += 1;
                let capabilities = r#"{"tools":{},"logging":{}}"#;
                result(&format!(
                    r#"{{"protocolVersion":"2025-06-18","capabilities":{capabilities},"serverInfo":{{}}}}"#
                ))
                .with("mcp-session-id", format!("s{opened}"))
                .says()
            }
            "tools/call" => {
                result(&format!(r#"{{"content":[],"session":"{session}"}}"#)).says()
            }
            "logging/setLevel" => result("{}").says(),
            _ => Response::new(202, "", "").says(),
        }
    });
    (world, lost)
}

/// A call of a client that says this of itself, too.
fn call(meta: &str) -> Request {
    let meta = format!(r#""_meta":{{{ENVELOPE}{meta}}}"#);
    let request = Request::rpc("tools/call", &format!(r#"{{"name":"old__t",{meta}}}"#));
    let request = request.with("mcp-protocol-version", "2026-07-28");
    request.with("mcp-method", "tools/call").with("mcp-name", "old__t")
}

fn session(got: &Got) -> String {
    let json = got.json();
    json["result"]["session"].as_str().unwrap_or_else(|| panic!("a session: {json}")).to_owned()
}

fn ended(world: &World) -> Vec<&Seen> {
    let is_delete = |seen: &&Seen| seen.header(":method").as_deref() == Some("DELETE");
    world.seen.iter().filter(is_delete).collect()
}

#[test]
fn one_is_used_again_until_its_upstream_has_lost_it() {
    let (mut world, lost) = world(&config(&["old"]));
    let mut next = || session(&world.send(&call("")));
    assert_eq!([next(), next()], ["s1", "s1"]);
    lost.borrow_mut().push("s1".to_owned());
    assert_eq!([next(), next()], ["s2", "s2"]);
    assert_eq!(world.seen_by("old", "server/discover").len(), 1);
}

#[test]
fn one_that_was_idle_for_too_long_is_ended_and_not_used_again() {
    let mut plan = config(&["old"]);
    plan["session"] = json!({"idle": "10s"});
    let (mut world, _) = world(&plan);
    let mut after = |seconds: u64| {
        world.ambient.now += seconds;
        session(&world.send(&call("")))
    };
    assert_eq!([after(0), after(9), after(9), after(10)], ["s1", "s1", "s1", "s2"]);
    let [delete] = ended(&world)[..] else { panic!("one is ended") };
    assert_eq!(delete.header("mcp-session-id").as_deref(), Some("s1"));
    assert_eq!(delete.header("mcp-protocol-version").as_deref(), Some("2025-06-18"));
}

#[test]
fn one_that_is_idle_is_ended_though_nobody_asks_for_anything() {
    let (mut world, _) = world(&config(&["old"]));
    assert!(!world.worker.shared().keeps_sessions());
    assert_eq!(session(&world.send(&call(""))), "s1");
    assert!(world.worker.shared().keeps_sessions());
    assert_eq!(world.pass_seconds(299), []);
    assert_eq!(session(&world.send(&call(""))), "s1");
    assert_eq!(world.pass_seconds(299), [], "it was used since");
    assert_eq!(world.pass_seconds(1), [("old".to_owned(), "s1".to_owned())]);
    assert!(!world.worker.shared().keeps_sessions());
    assert_eq!(session(&world.send(&call(""))), "s2");
}

#[test]
fn what_there_is_no_room_for_is_ended_with_the_credentials_of_its_caller() {
    let (mut world, _) = world(&json!({
        "upstreams": [{"name": "old", "headers": {"forward": ["authorization"]}}],
        "session": {"pool": 1},
    }));
    for user in ["ann", "bob", "ann"] {
        world.send(&call("").with("authorization", user));
    }
    let ended: Vec<_> = ended(&world)
        .iter()
        .map(|seen| (seen.header("mcp-session-id"), seen.header("authorization")))
        .collect();
    let expected = [("s1", "ann"), ("s2", "bob")];
    assert_eq!(ended, expected.map(|(id, user)| (Some(id.to_owned()), Some(user.to_owned()))));
}

/// A session has one level, which an upstream that logs is told before it is asked for anything.
#[test]
fn an_upstream_that_logs_is_told_the_level() {
    let (mut world, _) = world(&config(&["old"]));
    let level = |level: &str| call(&format!(r#","io.modelcontextprotocol/logLevel":"{level}""#));
    let requests = [call(""), level("debug"), level("error"), level("debug"), call("")];
    let sessions = requests.map(|request| session(&world.send(&request)));
    // Who wants none is given none of what one logs.
    assert_eq!(sessions, ["s1", "s2", "s3", "s2", "s1"]);
    let told: Vec<_> =
        world.seen_by("old", "logging/setLevel").iter().map(|it| it.params()).collect();
    assert_eq!(told, [json!({"level": "debug"}), json!({"level": "error"})]);
    let methods: Vec<String> = world.seen.iter().map(Seen::method).collect();
    let debug = ["initialize", "notifications/initialized", "logging/setLevel", "tools/call"];
    assert_eq!(methods[4..8], debug);
}

/// Whether it takes the level does not matter to the call.
#[test]
fn an_upstream_that_refuses_the_level_is_called() {
    let (mut world, _) = world(&config(&["old"]));
    world.script_method("old", "logging/setLevel", |_| Response::new(500, "", "").says());
    let got = world.send(&call(r#","io.modelcontextprotocol/logLevel":"info""#));
    assert_eq!(session(&got), "s1");
}

#[test]
fn the_level_is_no_matter_to_an_upstream_that_does_not_log() {
    let mut world = World::of(&["old"]);
    for meta in ["", r#","io.modelcontextprotocol/logLevel":"debug""#] {
        assert_eq!(world.send(&call(meta)).status, 200);
    }
    assert_eq!(world.seen_by("old", "initialize").len(), 1);
}
