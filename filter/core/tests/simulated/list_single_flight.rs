//! Lists that several ask for at the same time (`catalog`): asked for once, answered to all, whoever
//! goes away meanwhile.

use mcp_mux_core::Kind;
use mcp_mux_core::effect::Served;
use serde_json::json;

use crate::list_cache::plan;
use crate::world::{Answer, Chance, Crowd, Got, Request, Response, Server, TOOLS, World};

use Served::{Hit, Miss, Shared};

mod any_crowd;

/// A request for tools with this raw id.
fn list(session: &str, id: &str) -> Request {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#);
    Request::post(body).within(session)
}

fn world(scope: &str) -> World {
    let mut world = World::new(&plan(&["a", "b"], scope));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    world
}

fn asked(world: &World) -> usize {
    world.seen_by("a", "tools/list").len()
}

#[test]
fn all_get_the_one_answer_under_their_own_ids() {
    for seed in 0..50 {
        let mut world = world("public");
        world.chance = Chance::new(seed);
        let sessions = [world.open(), world.open()];
        let mut crowd = Crowd::of(&mut world);
        let ids = ["1", "-7", r#""é""#, r#""\u0031""#, "12345678901234567890"];
        let at: Vec<usize> =
            (0..5).map(|it| crowd.ask(&list(&sessions[it % 2], ids[it]))).collect();
        assert_eq!(crowd.waiting(), 4);
        crowd.finish();
        let got: Vec<Got> = at.into_iter().map(|at| crowd.got(at)).collect();
        for (got, id) in got.iter().zip(ids) {
            let result = r#"{"tools":[{"name":"a__t","inputSchema":{"type":"object"}},{"name":"b__t","inputSchema":{"type":"object"}}]}"#;
            let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
            assert_eq!((got.status, got.text()), (200, expected));
            assert_eq!(got.header("content-type").as_deref(), Some("application/json"));
        }
        let served: Vec<_> = got.iter().map(Got::served).collect();
        assert_eq!(served, [Miss, Shared, Shared, Shared, Shared].map(Some));
        assert_eq!(asked(&world), 1);
    }
}

#[test]
fn an_error_and_a_list_that_lacks_something_are_shared_but_not_kept() {
    for fails in [&["a"][..], &["a", "b"]] {
        let mut world = world("session");
        let session = world.open();
        for name in fails {
            world.script_method(name, "tools/list", |_| Response::new(500, "", "").says());
        }
        let mut crowd = Crowd::of(&mut world);
        let at = ["1", "2", "3"].map(|id| crowd.ask(&list(&session, id)));
        crowd.finish();
        for (at, id) in at.into_iter().zip([1, 2, 3]) {
            let got = crowd.got(at);
            assert_eq!(got.json()["id"], id);
            match fails {
                ["a"] => assert_eq!(got.unavailable(), ["a"]),
                _ => assert_eq!(got.refusal(), (200, -32603, json!(id))),
            }
        }
        assert_eq!((asked(&world), world.worker.shared().lists_kept()), (1, 0));
    }
}

/// An upstream may be slow, or tired, of one session alone.
#[test]
fn what_fails_for_one_session_does_not_fail_for_those_of_others_who_wait() {
    for (seed, fails) in (0..50).zip([&["a"][..], &["a", "b"]].into_iter().cycle()) {
        let mut world = world("public");
        world.chance = Chance::new(seed);
        let sessions = ["tired", "well"].map(|session| {
            for name in fails {
                world.serve(name, Server::new(name).tools(&["t"]).session(Some(session)));
            }
            world.open()
        });
        for name in fails {
            world.script_method(name, "tools/list", move |seen| {
                if seen.header("mcp-session-id").as_deref() == Some("tired") {
                    return Answer::Silent;
                }
                let result = r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#;
                let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
                Response::new(200, "application/json", body).says()
            });
        }
        let mut crowd = Crowd::of(&mut world);
        let at: Vec<usize> = (0..6).map(|it| crowd.ask(&list(&sessions[it % 2], "1"))).collect();
        assert_eq!(crowd.waiting(), 5);
        crowd.finish();
        for (it, at) in at.into_iter().enumerate() {
            let got = crowd.got(at);
            match (it % 2, fails) {
                (1, _) => assert_eq!(got.names(), ["a__t", "b__t"]),
                (_, ["a"]) => assert_eq!(got.unavailable(), ["a"]),
                _ => assert_eq!(got.refusal(), (200, -32603, json!(1))),
            }
        }
        // Once for each session, and what all may have is kept.
        assert_eq!((asked(&world), world.list(&sessions[0]).served()), (2, Some(Hit)));
    }
}

#[test]
fn one_of_those_who_wait_takes_over_from_one_who_leaves() {
    for (seed, overdue) in (0..100).zip([true, false].into_iter().cycle()) {
        let mut world = world("session");
        world.chance = Chance::new(seed);
        let session = world.open();
        let mut crowd = Crowd::of(&mut world);
        let at = ["1", "2", "3", "4"].map(|id| crowd.ask(&list(&session, id)));
        for _ in 0..seed % 2 {
            crowd.step();
        }
        // One who only waits, then the one who asks.
        assert!(crowd.leave(at[2]));
        if overdue {
            crowd.overdue(at[0]);
        } else {
            assert!(crowd.leave(at[0]));
        }
        assert_eq!(crowd.waiting(), 0);
        crowd.finish();
        let got = [1, 3].map(|it| crowd.got(at[it]));
        assert_eq!(got.each_ref().map(|got| got.json()["id"].clone()), [json!(2), json!(4)]);
        // Whoever goes on first asks; the other one waits, or comes when all is done.
        assert_eq!(got.iter().filter(|got| got.served() == Some(Miss)).count(), 1);
        assert_eq!(asked(&world), 2);
    }
}

#[test]
fn who_asks_after_a_change_gets_what_was_asked_for_after_it() {
    let mut world = world("public");
    let sessions = [world.open(), world.open()];
    let mut crowd = Crowd::of(&mut world);
    let before = [crowd.ask(&list(&sessions[0], "1")), crowd.ask(&list(&sessions[1], "2"))];
    crowd.world.serve("a", Server::new("a").tools(&["new"]));
    crowd.world.ambient.changed(Kind::Tool);
    let after = [crowd.ask(&list(&sessions[1], "3")), crowd.ask(&list(&sessions[0], "4"))];
    crowd.finish();
    for (at, name, expected) in [
        (before[0], "a__t", Miss),
        (before[1], "a__t", Shared),
        (after[0], "a__new", Miss),
        (after[1], "a__new", Shared),
    ] {
        let got = crowd.got(at);
        assert_eq!((got.names()[0].as_str(), got.served()), (name, Some(expected)));
    }
    // What was begun before the change and ended after it is not kept.
    let got = world.list(&sessions[0]);
    assert_eq!((got.names()[0].as_str(), got.served()), ("a__new", Some(Hit)));
    assert_eq!(world.worker.shared().lists_kept(), 1);
    let mut crowd = Crowd::of(&mut world);
    crowd.world.ambient.changed(Kind::Tool);
    let at = crowd.ask(&list(&sessions[0], "1"));
    crowd.world.ambient.changed(Kind::Tool);
    crowd.finish();
    assert_eq!(crowd.got(at).served(), Some(Miss));
    assert_eq!(world.worker.shared().lists_kept(), 0);
}

#[test]
fn pages_are_shared_within_a_session_and_others_ask_for_their_own() {
    for seed in 0..50 {
        let mut plan = plan(&["a", "b"], "public");
        plan["catalog"]["page"] = json!({"items": 1});
        let mut world = World::new(&plan);
        world.serve("b", Server::new("b").tools(&["t"]));
        world.chance = Chance::new(seed);
        let pages = vec![vec![r#"{"name":"1"}"#.to_owned()], vec![r#"{"name":"2"}"#.to_owned()]];
        world.serve("a", Server::new("a").pages(pages, vec![r#""n""#.to_owned()]));
        let sessions = [world.open(), world.open()];
        let mut crowd = Crowd::of(&mut world);
        let at: Vec<usize> = (0..6).map(|it| crowd.ask(&list(&sessions[it % 2], "1"))).collect();
        crowd.finish();
        let got: Vec<Got> = at.into_iter().map(|at| crowd.got(at)).collect();
        assert_eq!(asked(crowd.world), 2);
        // Each can go on from the cursor that it was given.
        let next: Vec<usize> = (0..6)
            .map(|it| {
                let cursor = &got[it].json()["result"]["nextCursor"];
                let params = json!({ "cursor": cursor }).to_string();
                crowd.ask(&Request::rpc(TOOLS.method, &params).within(&sessions[it % 2]))
            })
            .collect();
        crowd.finish();
        for at in next {
            assert_eq!(crowd.got(at).names(), ["a__2"]);
        }
        assert_eq!(asked(&world), 4);
    }
}

#[test]
fn who_waits_counts_as_held_and_who_has_left_does_not() {
    let mut world = world("session");
    let session = world.open();
    let long = json!({"x": "x".repeat(100_000)}).to_string();
    let request = Request::rpc(TOOLS.method, &long).within(&session);
    let mut crowd = Crowd::of(&mut world);
    let at = [crowd.ask(&request), crowd.ask(&request)];
    assert!(crowd.held(at[1]) >= 100_000 && crowd.held(at[1]) < 110_000);
    assert!(crowd.leave(at[1]));
    assert_eq!(crowd.held(at[1]), 0);
    crowd.finish();
}
