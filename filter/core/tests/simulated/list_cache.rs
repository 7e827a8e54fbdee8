//! Lists that are served again (`catalog`): what is kept, for whom, and until when.

use mcp_mux_core::effect::Served;
use serde_json::{Value, json};

use crate::world::{
    Answer, EVERYTHING, Got, INITIALIZE, KINDS, Kind, PROMPTS, RESOURCES, Request, Response,
    Server, TASKS, TEMPLATES, TOOLS, World, config, gateway,
};

use Served::{Hit, Miss};

/// A configuration of upstreams whose lists are kept for ten seconds.
pub(crate) fn plan(names: &[&str], scope: &str) -> Value {
    let mut plan = config(names);
    plan["catalog"] = json!({"ttl": "10s", "scope": scope});
    plan
}

/// A server with one item of each kind.
pub(crate) fn server(name: &str) -> Server {
    let mut server = Server::new(name).capabilities(EVERYTHING);
    for kind in KINDS {
        let item = format!(r#"{{"{}":"x:{name}"}}"#, kind.key);
        server = server.list(kind.method, vec![vec![item]], Vec::new());
    }
    server
}

pub(crate) fn world(names: &[&str], scope: &str) -> World {
    let mut world = World::new(&plan(names, scope));
    for name in names {
        world.serve(name, server(name));
    }
    world
}

/// How many lists of a kind reached upstreams.
fn asked(world: &World, kind: Kind) -> usize {
    world.seen.iter().filter(|seen| seen.method() == kind.method).count()
}

#[track_caller]
pub(crate) fn served(got: &Got, expected: Served) {
    assert_eq!(got.served(), Some(expected), "{}", got.text());
}

#[test]
fn every_kind_of_list_is_served_again_but_tasks() {
    let mut world = world(&["a", "b"], "session");
    let session = world.open();
    for kind in KINDS {
        let first = world.list_of(&session, kind);
        let again = world.list_of(&session, kind);
        assert_eq!(first.body, again.body);
        let (served, count) = if kind == TASKS { (None, 4) } else { (Some(Hit), 2) };
        assert_eq!((again.served(), asked(&world, kind)), (served, count), "{kind:?}");
    }
}

#[test]
fn off_it_leaves_no_trace() {
    let mut off = plan(&["a"], "public");
    off["catalog"]["ttl"] = json!("0s");
    for config in [config(&["a"]), off] {
        let mut world = World::new(&config);
        world.serve("a", server("a"));
        let session = world.open();
        world.ambient.read.borrow_mut().clear();
        for _ in 0..2 {
            assert_eq!(world.list(&session).served(), None);
        }
        assert_eq!(asked(&world, TOOLS), 2);
        let read = world.ambient.read.borrow().clone();
        assert!(!read.is_empty() && read.iter().all(|key| key.starts_with("mcp-mux/session/")));
    }
}

#[test]
fn a_list_is_kept_until_it_is_too_old() {
    let mut world = world(&["a"], "session");
    let session = world.open();
    served(&world.list(&session), Miss);
    for (later, expected) in [(9, Hit), (1, Miss), (9, Hit), (1, Miss)] {
        world.ambient.now += later;
        served(&world.list(&session), expected);
    }
}

#[test]
fn what_upstreams_were_shown_unseen_makes_no_list_public() {
    let mut world = world(&["a"], "public");
    world.configure(gateway(&config(&["a"])));
    let (one, two) = (world.open(), world.open());
    world.configure(gateway(&plan(&["a"], "public")));
    for session in [&one, &two] {
        served(&world.list(session), Miss);
        served(&world.list(session), Hit);
    }
    let seen = world.open();
    served(&world.list(&seen), Miss);
    let seen = world.open();
    served(&world.list(&seen), Hit);
}

#[test]
fn sessions_that_an_upstream_joined_later_share_lists_with_each_other() {
    let mut world = world(&["a", "b"], "public");
    world.script("b", |_| Answer::NotSent);
    let sessions = [world.open(), world.open(), world.open()];
    world.serve("b", server("b"));
    for session in &sessions {
        // It joins with the first list.
        served(&world.list(session), Miss);
        served(&world.list(session), Hit);
    }
    world.change_worker();
    for (session, expected) in sessions.iter().zip([Miss, Hit, Hit]) {
        served(&world.list(session), expected);
    }
}

#[test]
fn what_the_request_depends_on_makes_another_list() {
    for scope in ["session", "public"] {
        let mut plan = plan(&["a"], scope);
        plan["upstreams"][0]["headers"] = json!({"forward": ["x-user", "traceparent"]});
        let mut world = World::new(&plan);
        world.serve("a", server("a"));
        let session = world.open();
        let list = |params: &str| Request::rpc(TOOLS.method, params).within(&session);
        let requests = [
            list("{}"),
            list(r#"{"x":1}"#),
            list(r#"{"x":1.0}"#),
            list(r#"{"_meta":{"x":1}}"#),
            list("{}").with("x-user", "1"),
            list("{}").with("x-user", ""),
            list("{}").with("x-user", "1").and("x-user", "1"),
            list("{}").with("baggage", "user=1"),
        ];
        for expected in [Miss, Hit] {
            for request in &requests {
                served(&world.send(request), expected);
            }
        }
        // What upstreams do not get, or lists do not depend on.
        for same in [
            list("{}").with("authorization", "x").with("x-unknown", "1"),
            list("{}").with("traceparent", "1").with("x-request-id", "2"),
            list(r#"{"_meta":{"progressToken":7}}"#),
            list(r#"{"cursor":null}"#),
            Request::post(format!(r#"{{"jsonrpc":"2.0","id":"é","method":"{}"}}"#, TOOLS.method))
                .within(&session),
        ] {
            let got = world.send(&same);
            served(&got, Hit);
            assert_eq!(got.names(), ["a__x:a"]);
        }
    }
}

#[test]
fn who_offered_something_else_gets_another_list() {
    let mut world = world(&["a"], "public");
    let one = world.open();
    served(&world.list(&one), Miss);
    let open = |world: &mut World, initialize: &str| {
        let got = world.send(&Request::rpc("initialize", initialize));
        got.header("mcp-session-id").expect("a session")
    };
    for (from, to, expected) in [
        ("", "", Hit),
        ("2025-11-25", "2025-06-18", Miss),
        (r#""capabilities":{}"#, r#""capabilities":{"roots":{}}"#, Miss),
        // Of no interest to upstreams.
        (r#""capabilities":{}"#, r#""capabilities":{"x":{}}"#, Hit),
        (r#""version":"1""#, r#""version":"2""#, Miss),
    ] {
        let session = open(&mut world, &INITIALIZE.replacen(from, to, 1));
        served(&world.list(&session), expected);
    }
    // So does who has another part of it.
    for (number, other) in [
        server("a").revision("2025-06-18"),
        server("a").capabilities(r#"{"tools":{"listChanged":true}}"#),
    ]
    .into_iter()
    .enumerate()
    {
        world.serve("a", other);
        let session = world.open();
        served(&world.list(&session), Miss);
        assert_eq!(asked(&world, TOOLS), 5 + number);
    }
}

#[test]
fn lists_without_all_upstreams_and_errors_are_not_kept() {
    let mut world = world(&["a", "b"], "session");
    let session = world.open();
    let refuse = |_: &_| Response::new(500, "", "").says();
    world.script_method("b", "tools/list", refuse);
    for _ in 0..2 {
        let got = world.list(&session);
        served(&got, Miss);
        assert_eq!(got.unavailable(), ["b"]);
    }
    world.script_method("a", "tools/list", refuse);
    for _ in 0..2 {
        let got = world.list(&session);
        served(&got, Miss);
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
    }
    for name in ["a", "b"] {
        world.serve(name, server(name));
    }
    served(&world.list(&session), Miss);
    served(&world.list(&session), Hit);
}

#[test]
fn a_change_drops_the_lists_of_its_kind_and_no_others() {
    use mcp_mux_core::Kind::{Prompt, Resource, Tool};
    for (changed, kinds) in
        [(Tool, &[TOOLS][..]), (Prompt, &[PROMPTS]), (Resource, &[RESOURCES, TEMPLATES])]
    {
        for scope in ["session", "public"] {
            let mut world = world(&["a"], scope);
            let sessions = [world.open(), world.open()];
            let all = [TOOLS, PROMPTS, RESOURCES, TEMPLATES];
            for kind in all {
                for session in &sessions {
                    world.list_of(session, kind);
                }
            }
            world.ambient.changed(changed);
            for kind in all {
                let expected = if kinds.contains(&kind) { Miss } else { Hit };
                served(&world.list_of(&sessions[0], kind), expected);
                let dropped = kinds.contains(&kind) && scope == "session";
                served(&world.list_of(&sessions[1], kind), if dropped { Miss } else { Hit });
            }
        }
    }
}
