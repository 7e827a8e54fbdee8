//! Names that depend on what all upstreams have, for workers that were told of them at different times:
//! what counts is what the client was told last.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mcp_mux_core::effect::Served;
use serde_json::json;

use crate::list_cache;
use crate::owner_lookup::{outcome, plan, to};
use crate::world::{Answer, EVERYTHING, PROMPTS, Response, Seen, Server, TOOLS, World};

/// What each upstream has now; one that is not here is away.
type Lists = Rc<RefCell<BTreeMap<&'static str, Vec<&'static str>>>>;

/// A world of upstreams whose tools change, and two sessions.
fn world(mode: &str, lists: &[(&'static str, &[&'static str])]) -> (World, Lists, String) {
    let names: Vec<&str> = lists.iter().map(|(name, _)| *name).collect();
    let mut world = World::new(&plan(mode, &names));
    let now: Lists = Rc::default();
    for (name, tools) in lists {
        now.borrow_mut().insert(name, tools.to_vec());
        world.serve(name, Server::new(name).capabilities(EVERYTHING));
        let (name, now) = (*name, now.clone());
        world.script_method(name, TOOLS.method, move |seen| {
            now.borrow().get(name).map_or(Answer::Silent, |tools| page(seen, tools))
        });
    }
    let session = world.open();
    (world, now, session)
}

fn page(seen: &Seen, tools: &[&str]) -> Answer {
    let tools: Vec<_> = tools
        .iter()
        .map(|name| json!({ "name": name, "inputSchema": {"type": "object"} }))
        .collect();
    let id = seen.id();
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{}}}}}"#, json!(tools));
    Response::new(200, "application/json", body).says()
}

/// Whom a call by this name reaches, and how many lists that takes.
fn call(world: &mut World, session: &str, name: &str) -> (Result<(String, String), i64>, usize) {
    world.seen.clear();
    let outcome = outcome(world, session, TOOLS, name);
    let asked = world.seen.iter().filter(|seen| seen.method() == TOOLS.method).count();
    (outcome, asked)
}

const LISTS: [(&str, &[&str]); 3] =
    [("a", &["x", "of-a"]), ("b", &["x", "of-b"]), ("c", &["of-c"])];

#[test]
fn a_worker_whose_names_are_not_those_that_the_client_was_told_last_asks_again() {
    for mode in ["on_conflict", "never"] {
        let (mut world, now, session) = world(mode, &[("a", &["x"]), ("b", &["y"])]);
        assert_eq!(world.list(&session).names(), ["x", "y"]);
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("a", "x")), 0));
        // The name goes from one to the other, and another worker tells the client.
        let stale = world.change_worker();
        *now.borrow_mut() = BTreeMap::from([("a", vec!["y"]), ("b", vec!["x"])]);
        assert_eq!(world.list(&session).names(), ["y", "x"]);
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("b", "x")), 0));
        world.worker = stale;
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("b", "x")), 2), "{mode}");
        assert_eq!(call(&mut world, &session, "y"), (Ok(to("a", "y")), 0));
        // Prompts are none of that.
        world.list_of(&session, PROMPTS);
        assert_eq!(call(&mut world, &session, "y"), (Ok(to("a", "y")), 0));
        // Nor is what another session was told.
        let other = world.open();
        *now.borrow_mut() = BTreeMap::from([("a", vec!["x"]), ("b", vec!["y"])]);
        assert_eq!(world.list(&other).names(), ["x", "y"]);
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("b", "x")), 0));
        // Whoever does not know what the client was told asks.
        world.ambient.shared.clear();
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("a", "x")), 2));
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("a", "x")), 0));
    }
}

#[test]
fn a_worker_that_finds_other_names_lets_the_others_know() {
    for mode in ["on_conflict", "never"] {
        let (mut world, now, session) = world(mode, &[("a", &["x"]), ("b", &["y"])]);
        world.list(&session);
        let told = world.change_worker();
        *now.borrow_mut() = BTreeMap::from([("a", vec!["y"]), ("b", vec!["x"])]);
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("b", "x")), 2));
        world.worker = told;
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("b", "x")), 2), "{mode}");
    }
}

#[test]
fn with_an_upstream_away_then_and_now_every_worker_has_the_view_that_the_client_was_told() {
    let (mut world, now, session) = world("never", &LISTS);
    let a = now.borrow_mut().remove("a").expect("a list");
    let got = world.list(&session);
    assert_eq!((got.names(), got.unavailable()), {
        (["x", "of-b", "of-c"].map(str::to_owned).to_vec(), vec!["a".to_owned()])
    });
    for (name, expected) in [
        ("x", Ok(to("b", "x"))),
        ("of-b", Ok(to("b", "of-b"))),
        ("of-c", Ok(to("c", "of-c"))),
        ("of-a", Err(-32603)),
        ("nobody", Err(-32603)),
    ] {
        world.change_worker();
        assert_eq!(call(&mut world, &session, name), (expected.clone(), 3), "{name}");
        // A call that is served leaves the worker with the names.
        let asks = if expected.is_ok() { 0 } else { 3 };
        assert_eq!(call(&mut world, &session, name), (expected, asks), "{name}");
    }
    // Another away is another view.
    let b = now.borrow_mut().remove("b").expect("a list");
    now.borrow_mut().insert("a", a.clone());
    for (name, expected) in [("x", Ok(to("a", "x"))), ("of-c", Err(-32603)), ("of-b", Err(-32603))]
    {
        world.change_worker();
        assert_eq!(call(&mut world, &session, name), (expected, 3), "{name}");
    }
    // All are back: the name is its first owner's, for a worker that knows and for others.
    now.borrow_mut().insert("b", b);
    for known in [false, true, false] {
        if !known {
            world.change_worker();
        }
        let asks = if known { 0 } else { 3 };
        assert_eq!(call(&mut world, &session, "x"), (Ok(to("a", "x")), asks));
    }
}

#[test]
fn with_an_upstream_away_that_was_there_never_gives_no_name_that_it_might_have_first() {
    // By who is away: a, b, c.
    let rows: [(&str, [Result<&str, i64>; 3]); 5] = [
        ("x", [Err(-32603), Ok("a"), Ok("a")]),
        ("of-a", [Err(-32603), Ok("a"), Ok("a")]),
        ("of-b", [Err(-32603), Err(-32603), Ok("b")]),
        ("of-c", [Err(-32603), Err(-32603), Err(-32603)]),
        ("nobody", [Err(-32603); 3]),
    ];
    for (name, outcomes) in rows {
        for (away, expected) in ["a", "b", "c"].into_iter().zip(outcomes) {
            let (mut world, now, session) = world("never", &LISTS);
            assert_eq!(world.list(&session).names(), ["x", "of-a", "of-b", "of-c"]);
            let told = world.change_worker();
            now.borrow_mut().remove(away);
            let expected = expected.map(|owner| to(owner, name));
            for _ in 0..2 {
                // What was found without one of them is not remembered.
                let found = call(&mut world, &session, name);
                assert_eq!(found, (expected.clone(), 3), "{name} without {away}");
            }
            // A worker that knows what the client was told needs nobody.
            world.worker = told;
            let owner = LISTS.iter().find(|(_, names)| names.contains(&name));
            if let Some((owner, _)) = owner {
                assert_eq!(call(&mut world, &session, name), (Ok(to(owner, name)), 0));
            }
        }
    }
}

#[test]
fn a_list_that_is_served_again_leaves_its_session_knowing_the_names() {
    for mode in ["on_conflict", "never"] {
        for scope in ["session", "public"] {
            let mut plan = list_cache::plan(&["a", "b"], scope);
            plan["naming"] = json!({ "prefix": mode });
            let mut world = World::new(&plan);
            for name in ["a", "b"] {
                let items = || vec![vec![format!(r#"{{"name":"of-{name}"}}"#)]];
                let server = Server::new(name).capabilities(EVERYTHING);
                let server = server.list(TOOLS.method, items(), Vec::new());
                world.serve(name, server.list(PROMPTS.method, items(), Vec::new()));
            }
            let (one, two) = (world.open(), world.open());
            for kind in [TOOLS, PROMPTS] {
                let first = world.list_of(&one, kind);
                let expected = if scope == "public" { Served::Hit } else { Served::Miss };
                let other = world.list_of(&two, kind);
                assert_eq!((other.served(), &other.body), (Some(expected), &first.body));
                assert_eq!(world.list_of(&two, kind).served(), Some(Served::Hit));
                world.seen.clear();
                for session in [&two, &one] {
                    let got = world.ask_for(session, kind, r#""of-b""#);
                    assert_eq!(got.went.expect("a request").cluster, "b", "{mode}, {scope}");
                }
                assert_eq!(world.seen.len(), 2, "nobody had to be asked");
            }
        }
    }
}
