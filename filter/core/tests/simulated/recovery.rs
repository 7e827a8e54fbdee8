//! Upstreams that restart, come late or stay away, under a client that only goes on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::json;

use crate::world::{
    Answer, Chance, Request, Response, Seen, Server, Shape, World, config, gateway,
};

/// A server whose sessions can be lost. It panics at a session id that it never gave, and at a
/// session that is used before it was told that it may begin.
#[derive(Default)]
struct Restarting {
    name: String,
    given: usize,
    /// By session id: whether it was told `notifications/initialized`.
    alive: BTreeMap<String, bool>,
    gone: Option<Response>,
}

type Shared = Rc<RefCell<Restarting>>;

impl Restarting {
    fn put(world: &mut World, name: &str) -> Shared {
        let server = Rc::new(RefCell::new(Self { name: name.to_owned(), ..Self::default() }));
        let shared = server.clone();
        world.script(name, move |seen| shared.borrow_mut().answer(seen));
        server
    }

    fn answer(&mut self, seen: &Seen) -> Answer {
        let result = |result: &str| {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
            Response::new(200, "application/json", body)
        };
        if seen.method() == "initialize" {
            self.given += 1;
            let session = format!("{}-{}", self.name, self.given);
            self.alive.insert(session.clone(), false);
            let opened = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;
            return result(opened).with("mcp-session-id", &session).says();
        }
        let session = seen.header("mcp-session-id").expect("a session id");
        assert!(session.starts_with(&format!("{}-", self.name)), "a foreign session: {session}");
        let Some(told) = self.alive.get_mut(&session) else {
            let gone = self.gone.clone();
            return gone.unwrap_or_else(|| Response::new(404, "text/plain", "gone")).says();
        };
        if seen.method() == "notifications/initialized" {
            *told = true;
            return Response::new(202, "", "").says();
        }
        assert!(*told, "used before it may begin");
        match seen.method().as_str() {
            "tools/list" => result(r#"{"tools":[{"name":"t"}]}"#),
            _ => result(&format!(r#"{{"by":"{session}"}}"#)),
        }
        .says()
    }
}

/// Opens a session and tells the servers that they may begin.
fn begin(world: &mut World) -> String {
    let session = world.open();
    let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(world.send(&Request::post(body).within(&session)).status, 202);
    session
}

#[test]
fn a_client_that_keeps_calling_never_notices_a_restart() {
    for seed in 0..60 {
        let mut world = World::new(&config(&["a", "b"]));
        let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
        let session = begin(&mut world);
        let mut chance = Chance::new(seed);
        world.chance = Chance::new(seed + 1000);
        let (mut losses, mut pending) = ([0, 0], [false, false]);
        for _ in 0..40 {
            let at = chance.below(2);
            if chance.one_in(3) {
                let mut server = servers[at].borrow_mut();
                server.alive.clear();
                pending[at] = true;
                let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"No valid session ID"}}"#;
                server.gone = chance
                    .pick(&[None, Some((404, "")), Some((400, error))])
                    .map(|(status, body)| Response::new(status, "application/json", body));
            }
            let listed = chance.one_in(3);
            let got = if listed {
                let got = world.list(&session);
                assert_eq!(got.names(), ["a__t", "b__t"], "{}", got.text());
                got
            } else {
                world.call(&session, if at == 0 { "\"a__t\"" } else { "\"b__t\"" })
            };
            assert_eq!(got.status, 200, "{}", got.text());
            assert!(got.json().get("error").is_none(), "{}", got.text());
            for needed in 0..2 {
                if (listed || needed == at) && std::mem::take(&mut pending[needed]) {
                    losses[needed] += 1;
                }
            }
        }
        let given = servers.map(|server| server.borrow().given);
        assert_eq!(given, losses.map(|lost| lost + 1), "each loss costs one `initialize`");
    }
}

#[test]
fn losing_the_shared_state_costs_one_more_initialize_and_nothing_else() {
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let session = begin(&mut world);
    server.borrow_mut().alive.clear();
    for given in 2..5 {
        assert_eq!(world.call(&session, "\"a__t\"").status, 200);
        assert_eq!(world.call(&session, "\"a__t\"").status, 200);
        assert_eq!(server.borrow().given, given);
        world.ambient.shared.clear();
    }
}

#[test]
fn an_upstream_that_always_loses_its_session_is_opened_once_a_request() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    for method in ["tools/list", "tools/call"] {
        world.script_method("a", method, |_| Response::new(404, "text/plain", "").says());
    }
    world.seen.clear();
    assert_eq!(world.call(&session, "\"a__t\"").refusal(), (200, -32603, json!(1)));
    assert_eq!(world.seen_by("a", "initialize").len(), 1);
    assert_eq!(world.seen_by("a", "tools/call").len(), 2);
    world.seen.clear();
    let got = world.list(&session);
    assert_eq!((got.names(), got.unavailable()), (vec!["b__t".into()], vec!["a".into()]));
    assert_eq!(world.seen_by("a", "initialize").len(), 1);
    assert_eq!(world.seen_by("a", "tools/list").len(), 2);
    // Nobody opens anything for a notification or the end.
    world.script("a", |_| Response::new(404, "", "").says());
    world.seen.clear();
    let body = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    world.send(&Request::post(body).within(&session));
    world.send(&Request::delete().within(&session));
    assert!(world.seen_by("a", "initialize").is_empty());
}

#[test]
fn an_upstream_that_was_away_joins_with_what_the_client_said_of_itself() {
    for first in ["tools/list", "tools/call"] {
        let mut world = World::of(&["a", "b"]);
        world.script("b", |_| Answer::NotSent);
        let session = world.open();
        assert_eq!(world.list(&session).unavailable(), ["b"]);
        let got = world.call(&session, "\"b__t\"");
        assert_eq!(got.json()["error"]["data"]["upstream"], "b");
        world.serve("b", Server::new("b").tools(&["t"]).shape(Shape::Json));
        world.seen.clear();
        if first == "tools/list" {
            assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
        }
        for _ in 0..3 {
            assert!(world.call(&session, "\"b__t\"").json()["result"].is_object());
        }
        let opened = world.seen_by("b", "initialize");
        assert_eq!(opened.len(), 1, "{first}");
        assert_eq!(opened[0].params()["clientInfo"]["name"], "client");
        assert_eq!(opened[0].params()["protocolVersion"], "2025-11-25");
    }
}

#[test]
fn an_upstream_that_joins_without_tools_adds_none() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.gateway = gateway(&config(&["a", "b"]));
    world.serve("b", Server::new("b").capabilities("{}"));
    let got = world.list(&session);
    assert_eq!((got.names(), got.unavailable()), (vec!["a__t".into()], Vec::new()));
    assert!(world.seen_by("b", "tools/list").is_empty());
}

#[test]
fn a_second_try_that_fails_names_the_upstream() {
    type Failure = fn() -> Answer;
    let failures: [(&str, Failure); 5] = [
        ("cluster", || Answer::NotSent),
        ("no answer within 300s", || Answer::Silent),
        ("longer than", || Answer::TooLarge),
        ("HTTP 500", || Response::new(500, "text/html", "<p>").says()),
        ("ended before the answer", || Response::new(200, "text/event-stream", ": x\n\n").says()),
    ];
    for (reason, failure) in failures {
        let mut world = World::of(&["a"]);
        let session = world.open();
        let mut calls = 0;
        world.script_method("a", "tools/call", move |_| {
            calls += 1;
            if calls == 1 { Response::new(404, "", "").says() } else { failure() }
        });
        let got = world.call(&session, "\"a__t\"");
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        assert!(got.text().contains(reason), "{}", got.text());
    }
}

#[test]
fn a_stream_of_an_upstream_that_has_no_part_is_not_opened() {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("b");
    let mut world = World::of(&["a", "b"]);
    world.gateway = gateway(&plan);
    world.script("b", |_| Answer::NotSent);
    let session = world.open();
    assert_eq!(world.send(&Request::get().within(&session)).status, 502);
}
