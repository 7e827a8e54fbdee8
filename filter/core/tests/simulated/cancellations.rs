//! A cancellation reaches the upstreams that work on the request, and no other, from any worker with the same
//! memory.

use serde_json::json;

use crate::world::{Chance, Crowd, LOSSES, Request, Restarting, Server, World, config};

/// A world whose workers have one memory, or each its own; and a session in it.
fn world(one_memory: bool) -> (World, String) {
    let mut world = World::of(&["a", "b"]);
    world.abilities.one_memory = one_memory;
    let session = world.open();
    (world, session)
}

fn call(session: &str, id: &str, upstream: &str) -> Request {
    let params = format!(r#"{{"name":"{upstream}__t","arguments":{{}}}}"#);
    let method = "tools/call";
    Request::post(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#))
        .within(session)
}

fn list(session: &str, id: &str) -> Request {
    Request::post(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#)).within(session)
}

fn cancel(session: &str, id: &str) -> Request {
    let params = format!(r#"{{ "requestId": {id}, "reason":"1.0" }}"#);
    let method = "notifications/cancelled";
    Request::post(format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#))
        .within(session)
}

/// Who is told of a cancellation on another worker: each upstream, and the raw id of the request.
fn told(crowd: &mut Crowd<'_>, request: &Request) -> Vec<(String, String)> {
    let before = crowd.world.seen.len();
    crowd.world.next_worker();
    let at = crowd.ask(request);
    crowd.hurry(at);
    assert_eq!((crowd.got(at).status, crowd.held(at)), (202, 0));
    crowd.world.seen[before..]
        .iter()
        .map(|seen| {
            assert_eq!(seen.method(), "notifications/cancelled");
            assert_eq!(seen.params()["reason"], "1.0");
            (seen.cluster.clone(), seen.params()["requestId"].to_string())
        })
        .collect()
}

fn to(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(upstream, id)| ((*upstream).to_owned(), (*id).to_owned())).collect()
}

#[test]
fn a_call_is_cancelled_where_it_is_and_nowhere_else() {
    for one_memory in [true, false] {
        let (mut world, session) = world(one_memory);
        let other = world.open();
        let mut crowd = Crowd::of(&mut world);
        crowd.ask(&call(&session, "5", "a"));
        crowd.ask(&call(&session, r#""\u0035""#, "b"));
        crowd.ask(&call(&other, "7", "b"));
        assert_eq!(told(&mut crowd, &cancel(&session, "5")), to(&[("a", "5")]));
        assert_eq!(told(&mut crowd, &cancel(&session, r#""5""#)), to(&[("b", r#""5""#)]));
        assert_eq!(told(&mut crowd, &cancel(&other, "7")), to(&[("b", "7")]));
        // Nobody works on these, as far as this memory goes.
        for (session, id) in [(&session, "7"), (&other, "5"), (&session, "55")] {
            let everybody = if one_memory { &[][..] } else { &[("a", id), ("b", id)] };
            assert_eq!(told(&mut crowd, &cancel(session, id)), to(everybody));
        }
        // What has no id that a request could have is nobody's to judge.
        for id in ["null", "1.0e1", "[]"] {
            assert_eq!(told(&mut crowd, &cancel(&session, id)).len(), 2, "{id}");
        }
    }
}

#[test]
fn another_process_with_the_same_keys_may_work_on_it() {
    let mut plan = config(&["a", "b"]);
    plan["session"] = json!({"keys": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]});
    let mut world = World::new(&plan);
    world.abilities.one_memory = true;
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    let session = world.open();
    let mut crowd = Crowd::of(&mut world);
    crowd.ask(&call(&session, "5", "a"));
    assert_eq!(told(&mut crowd, &cancel(&session, "5")), to(&[("a", "5")]));
    assert_eq!(told(&mut crowd, &cancel(&session, "6")), to(&[("a", "6"), ("b", "6")]));
}

#[test]
fn the_bytes_of_a_cancellation_reach_the_upstream_as_they_are() {
    let (mut world, session) = world(true);
    let mut crowd = Crowd::of(&mut world);
    crowd.ask(&call(&session, r#""a\/b""#, "a"));
    let request = cancel(&session, r#""a\u002fb""#);
    assert_eq!(told(&mut crowd, &request).len(), 1);
    assert_eq!(world.seen.last().map(|seen| &seen.body), Some(&request.body));
}

#[test]
fn of_a_list_each_upstream_is_told_that_has_not_answered_by_the_id_that_it_knows() {
    for seed in 0..10 {
        let (mut world, session) = world(true);
        world.chance = Chance::new(seed);
        let before = world.seen.len();
        let mut crowd = Crowd::of(&mut world);
        let at = crowd.ask(&list(&session, r#""x""#));
        let mut asked: Vec<(String, String)> = crowd.world.seen[before..]
            .iter()
            .map(|seen| (seen.cluster.clone(), seen.id()))
            .collect();
        assert_eq!(told(&mut crowd, &cancel(&session, r#""x""#)), asked);
        assert!(crowd.step(), "one of them answers");
        let rest = told(&mut crowd, &cancel(&session, r#""x""#));
        asked.retain(|one| rest.contains(one));
        assert_eq!((rest.len(), asked), (1, rest));
        crowd.hurry(at);
        assert_eq!(crowd.got(at).names(), ["a__t", "b__t"]);
        assert_eq!(told(&mut crowd, &cancel(&session, r#""x""#)), []);
    }
}

#[test]
fn what_was_answered_is_nobodys_and_what_was_left_is_still_its_upstreams() {
    for seed in 0..20 {
        let (mut world, session) = world(true);
        world.chance = Chance::new(seed);
        assert_eq!(world.send(&call(&session, "5", "a")).status, 200);
        let mut crowd = Crowd::of(&mut world);
        assert_eq!(told(&mut crowd, &cancel(&session, "5")), [], "seed {seed}");
        let at = crowd.ask(&call(&session, "6", "b"));
        assert!(crowd.leave(at));
        // A client may lose its connection and cancel then.
        assert_eq!(told(&mut crowd, &cancel(&session, "6")), to(&[("b", "6")]));
        // One that uses an id again means the request that is under way.
        crowd.ask(&call(&session, "6", "a"));
        assert_eq!(told(&mut crowd, &cancel(&session, "6")), to(&[("a", "6")]));
    }
}

#[test]
fn a_large_request_has_a_name_only_when_its_id_was_seen() {
    let (mut world, session) = world(true);
    let mut crowd = Crowd::of(&mut world);
    let long = "x".repeat(100_000);
    let params = format!(r#""params":{{"name":"a__t","arguments":{{"x":"{long}"#);
    let begin = |head: &str| Request::post(format!("{head}{params}")).within(&session);
    let known = begin(r#"{"jsonrpc":"2.0","method":"tools/call","id":1,"#);
    let unknown = begin(r#"{"jsonrpc":"2.0","method":"tools/call","#);
    let send = |crowd: &mut Crowd<'_>, mut request: Request| {
        request.head.retain(|(name, _)| name != "content-length");
        let at = crowd.begin(&request);
        crowd.body(at, &request.body, false);
        assert!(crowd.streams_request(at));
        at
    };
    send(&mut crowd, known);
    assert_eq!(told(&mut crowd, &cancel(&session, "1")), to(&[("a", "1")]));
    assert_eq!(told(&mut crowd, &cancel(&session, "2")), []);
    let at = send(&mut crowd, unknown);
    assert_eq!(told(&mut crowd, &cancel(&session, "2")).len(), 2, "it may be that one");
    crowd.leave(at);
    assert_eq!(told(&mut crowd, &cancel(&session, "2")), []);
}

#[test]
fn a_call_that_is_made_again_after_a_loss_is_cancelled_where_it_is() {
    let mut reached = 0;
    for seed in 0..60 {
        let mut world = World::new(&config(&["a", "b"]));
        world.abilities.one_memory = true;
        world.chance = Chance::new(seed);
        let lost = Restarting::put(&mut world, "a");
        world.serve("b", Server::new("b").tools(&["t"]));
        let session = world.begin();
        lost.restart(LOSSES[0]);
        world.seen.clear();
        world.meanwhile = vec![cancel(&session, "9")];
        let got = world.send(&call(&session, "9", "a"));
        assert_eq!(got.status, 200, "seed {seed}: {}", got.text());
        assert_eq!(world.seen_by("b", "notifications/cancelled").len(), 0, "seed {seed}");
        reached += world.seen_by("a", "notifications/cancelled").len();
        assert!(world.concurrent.drain(..).all(|got| got.status == 202));
        world.send(&cancel(&session, "9"));
        assert_eq!(world.seen_by("b", "notifications/cancelled").len(), 0, "seed {seed}");
    }
    assert!(reached > 20, "{reached}");
}
