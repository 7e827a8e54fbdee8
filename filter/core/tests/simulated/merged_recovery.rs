//! Merged streams outlive what their upstreams and clients do: a stream that ends, a session that is lost, a
//! client that comes back or is slow.

use std::collections::BTreeSet;

use crate::get_streams::{get, resume};
use crate::merged_streams::{ALL, data, note, talking, told};
use crate::world::{
    Answer, Chance, LOSSES, Live, Request, Response, Restarting, Server, World, config, gateway_in,
};

/// How often an upstream was asked for its stream.
fn gets(world: &World, cluster: &str) -> usize {
    let seen = world.seen.iter().filter(|seen| seen.cluster == cluster);
    seen.filter(|seen| seen.header(":method").as_deref() == Some("GET")).count()
}

#[test]
fn a_client_that_comes_back_gets_every_event_once() {
    for seed in 0..100 {
        let (mut world, session, talkers, mut live) = talking(seed);
        let mut chance = Chance::new(seed);
        let (mut got, mut said) = (Vec::new(), Vec::new());
        let mut last: Option<String> = None;
        // Each has said something that has an id.
        for (at, talker) in talkers.iter().enumerate() {
            said.push(note(at));
            talker.say(&mut live, &mut world, &note(at));
        }
        for number in 10..60 {
            if chance.one_in(4) {
                // What was under way is lost, and so is what nobody listens to.
                for (id, data) in told(&live.take()) {
                    last = id.or(last);
                    got.push(data);
                }
                live.leave(&mut world);
                for extra in 0..chance.below(3) {
                    let message = note(number * 100 + extra);
                    chance
                        .pick(&[&talkers[0], &talkers[1], &talkers[2]])
                        .begin_to_say(&mut live, &mut world, &message);
                    said.push(message);
                }
                live = world.listen(&resume(&session, last.as_deref().expect("an id")));
            }
            let talker = chance.pick(&[&talkers[0], &talkers[1], &talkers[2]]);
            talker.begin_to_say(&mut live, &mut world, &note(number));
            said.push(note(number));
            if chance.one_in(3) {
                live.settle(&mut world);
            }
        }
        live.settle(&mut world);
        got.extend(data(&live.take()));
        assert_eq!(got.len(), said.len(), "seed {seed}");
        let got: BTreeSet<_> = got.into_iter().collect();
        assert_eq!(got, said.into_iter().collect(), "seed {seed}");
    }
}

#[test]
fn an_upstream_that_was_silent_begins_anew_and_so_does_one_with_another_session() {
    let (mut world, session, talkers, mut live) = talking(1);
    talkers[0].say(&mut live, &mut world, &note(0));
    talkers[2].say(&mut live, &mut world, &note(1));
    let (id, _) = told(&live.take()).pop().expect("an event");
    let id = id.expect("an id");
    world.seen.clear();
    world.listen(&resume(&session, &id));
    let last: Vec<_> = world.seen.iter().map(|seen| seen.header("last-event-id")).collect();
    assert_eq!(last, [Some("1".to_owned()), None, Some("1".to_owned())]);
    world.seen.clear();
    let at = id.find("c:").expect("a place") + 2;
    let other = format!("{}00000000{}", &id[..at], &id[at + 8..]);
    world.listen(&resume(&session, other));
    let last: Vec<_> = world.seen.iter().map(|seen| seen.header("last-event-id")).collect();
    assert_eq!(last, [Some("1".to_owned()), None, None]);
}

#[test]
fn a_stream_that_ends_is_opened_again_from_where_it_was() {
    let (mut world, _, talkers, mut live) = talking(1);
    talkers[0].say(&mut live, &mut world, &note(0));
    live.take();
    for round in 0..3 {
        live.end(&mut world, "a");
        assert_eq!(live.heard(), ["b", "c"]);
        // Meanwhile the others go on, and it keeps what it has to say.
        talkers[1].say(&mut live, &mut world, &note(10 + round));
        talkers[0].say(&mut live, &mut world, &note(20 + round));
        assert_eq!(data(&live.take()), [note(10 + round)]);
        live.pass(&mut world, 1);
        assert_eq!(data(&live.take()), [note(20 + round)]);
        assert_eq!(live.heard(), ALL);
    }
    assert!(live.warnings.is_empty(), "{:?}", live.warnings);
}

#[test]
fn an_upstream_in_trouble_is_left_alone_for_longer_and_longer() {
    let (mut world, _, _, mut live) = talking(1);
    live.end(&mut world, "a");
    let failures =
        [Answer::NotSent, Answer::Silent, Response::new(503, "", "").says(), Answer::TooLarge];
    let mut at = 0;
    world.script("a", move |_| {
        at += 1;
        failures[at % failures.len()].clone()
    });
    world.seen.clear();
    let mut tries = Vec::new();
    for second in 1..=125 {
        let before = gets(&world, "a");
        live.pass(&mut world, 1);
        if gets(&world, "a") > before {
            tries.push(second);
        }
    }
    assert_eq!(tries, [1, 3, 7, 15, 31, 61, 91, 121]);
    assert_eq!((live.warnings.len(), live.heard()), (1, vec!["b", "c"]));
    assert!(live.warnings[0].contains("get: Upstream a failed"), "{:?}", live.warnings);
}

/// As the servers of the SDKs do that have not noticed yet that their last stream was given up.
#[test]
fn an_upstream_that_is_busy_is_asked_again_and_goes_on_where_it_was() {
    let (mut world, _, talkers, mut live) = talking(1);
    talkers[0].say(&mut live, &mut world, &note(0));
    live.take();
    let before = world.replace("a", |_| Response::new(409, "", "").says());
    live.end(&mut world, "a");
    talkers[0].say(&mut live, &mut world, &note(1));
    live.pass(&mut world, 1);
    assert_eq!(live.heard(), ["b", "c"]);
    world.script("a", before);
    live.pass(&mut world, 2);
    assert_eq!(data(&live.take()), [note(1)]);
}

#[test]
fn an_upstream_may_say_when_to_come_back() {
    let (mut world, _, _, mut live) = talking(1);
    live.push(&mut world, "a", b"id: 1\nretry: 4200\ndata:\n\n");
    live.end(&mut world, "a");
    live.pass(&mut world, 4);
    assert_eq!(live.heard(), ["b", "c"]);
    live.pass(&mut world, 1);
    assert_eq!(live.heard(), ALL);
}

#[test]
fn lists_count_as_changed_after_a_stream_broke_off() {
    let able = r#"{"tools":{"listChanged":true},"prompts":{},"resources":{"listChanged":true}}"#;
    let mut world = World::streaming(&config(&["a", "b"]));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(able));
    }
    let session = world.begin();
    let mut live = world.listen(&get(&session));
    live.reset(&mut world, "a");
    assert_eq!(live.take(), "");
    live.pass(&mut world, 1);
    let changed =
        |kind: &str| format!(r#"{{"jsonrpc":"2.0","method":"notifications/{kind}/list_changed"}}"#);
    assert_eq!(data(&live.take()), [changed("tools"), changed("resources")]);
    assert_eq!(live.heard(), ["a", "b"]);
}

/// Servers that restart, and a client that listens to them.
fn restarting(seed: u64) -> (World, String, [Restarting; 2], Live) {
    let mut world = World::streaming(&config(&["a", "b"]));
    let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
    let session = world.begin();
    world.chance = Chance::new(seed);
    let live = world.listen(&get(&session));
    (world, session, servers, live)
}

#[test]
fn an_upstream_that_restarts_is_initialized_again_and_the_stream_goes_on() {
    for (seed, loss) in LOSSES.into_iter().enumerate() {
        let (mut world, session, [a, b], mut live) = restarting(seed as u64);
        live.push(&mut world, "a", b"id: 7\ndata: {}\n\n");
        a.restart(loss);
        live.reset(&mut world, "a");
        live.pass(&mut world, 1);
        assert_eq!((live.heard(), a.opened(), b.opened()), (vec!["a", "b"], 2, 1));
        // Its events are others now.
        let last =
            world.seen.iter().rev().find(|seen| seen.header(":method").as_deref() == Some("GET"));
        assert_eq!(last.expect("a GET").header("last-event-id"), None);
        live.take();
        live.push(&mut world, "b", b"data: {}\n\n");
        assert_eq!(live.take(), "id: *\ndata: {}\n\n");
        // The other workers know, and whoever listens next.
        world.change_worker();
        world.listen(&get(&session));
        assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
        assert_eq!(a.opened(), 2);
    }
}

#[test]
fn a_session_that_another_request_has_opened_again_is_taken() {
    let (mut world, session, [a, _], mut live) = restarting(1);
    a.restart(LOSSES[0]);
    live.reset(&mut world, "a");
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    assert_eq!(a.opened(), 2);
    live.pass(&mut world, 1);
    assert_eq!((live.heard(), a.opened()), (vec!["a", "b"], 2));
}

#[test]
fn an_upstream_without_a_stream_is_not_asked_again() {
    for (status, kind) in [(405, ""), (404, "text/plain"), (400, ""), (200, "text/html"), (501, "")]
    {
        let mut world = World::streaming(&config(&["a", "b"]));
        world.serve("a", Server::new("a"));
        world.serve("b", Server::new("b"));
        let session = world.begin();
        world.script_method("a", "", move |_| Response::new(status, kind, "").says());
        world.seen.clear();
        let mut live = world.listen(&get(&session));
        live.pass(&mut world, 1000);
        assert_eq!((live.heard(), gets(&world, "a")), (vec!["b"], 1), "{status}");
        assert!(live.warnings.is_empty(), "{:?}", live.warnings);
    }
}

#[test]
fn an_upstream_that_comes_late_joins_the_stream() {
    let mut world = World::streaming(&config(&["a", "late"]));
    world.serve("a", Server::new("a"));
    let session = world.begin();
    let mut live = world.listen(&get(&session));
    live.pass(&mut world, 5);
    assert_eq!((live.heard(), live.warnings.len()), (vec!["a"], 1));
    world.serve("late", Server::new("late").capabilities(r#"{"tools":{"listChanged":true}}"#));
    live.pass(&mut world, 5);
    assert_eq!(live.heard(), ["a", "late"]);
    assert!(live.take().contains("notifications/tools/list_changed"));
    world.configure(gateway_in(&config(&["a", "late", "b"]), true));
    world.serve("b", Server::new("b"));
    assert_eq!(world.listen(&get(&session)).heard(), ["a", "b", "late"]);
}

/// There are servers that refuse an event that they do not know (any more).
#[test]
fn an_upstream_that_cannot_go_on_where_it_was_begins_anew() {
    for status in [400, 404] {
        let able = r#"{"tools":{"listChanged":true}}"#;
        let mut world = World::streaming(&config(&["a", "b"]));
        for name in ["a", "b"] {
            world.serve(name, Server::new(name).capabilities(able));
        }
        let session = world.begin();
        let mut live = world.listen(&get(&session));
        live.push(&mut world, "a", b"id: 7\ndata: {}\n\n");
        live.take();
        let mut server = Server::new("a").capabilities(able);
        world.script("a", move |seen| match seen.header("last-event-id") {
            Some(_) => Response::new(status, "text/plain", "unknown event").says(),
            None => server.answer(seen),
        });
        live.end(&mut world, "a");
        live.pass(&mut world, 1);
        assert_eq!(live.heard(), ["a", "b"]);
        assert_eq!(data(&live.take()).len(), 1, "its lists count as changed");
    }
}

#[test]
fn a_session_that_ends_takes_its_stream_along() {
    let (mut world, session, _, mut live) = talking(1);
    world.send(&Request::delete().within(&session));
    live.end(&mut world, "a");
    assert!(live.is_ended && live.heard().is_empty() && live.cancelled == 2);
    let (mut world, _, _, mut live) = talking(1);
    world.ambient.now += 86_400;
    live.pass(&mut world, 86_400 + 15);
    assert!(live.is_ended && live.heard().is_empty());
}

#[test]
fn a_stream_ends_when_another_configuration_serves() {
    let (mut world, session, talkers, mut live) = talking(1);
    talkers[0].say(&mut live, &mut world, &note(0));
    let (last, _) = told(&live.take()).pop().expect("an event");
    live.drain(&mut world);
    assert!(live.is_ended && live.cancelled == 3);
    assert_eq!(live.take(), "");
    talkers[0].begin_to_say(&mut live, &mut world, &note(1));
    let mut next = world.listen(&resume(&session, last.expect("an id")));
    assert_eq!(data(&next.take()), [note(1)]);
}

#[test]
fn an_upstream_without_a_stream_is_asked_again_in_another_session() {
    let (mut world, session, [a, _], mut live) = restarting(1);
    live.leave(&mut world);
    let before = world.replace("a", |_| Response::new(405, "", "").says());
    let mut live = world.listen(&get(&session));
    live.pass(&mut world, 60);
    assert_eq!(live.heard(), ["b"]);
    // Another request finds out that it was started anew.
    world.script("a", before);
    a.restart(LOSSES[0]);
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    live.pass(&mut world, 15);
    assert_eq!((live.heard(), a.opened()), (vec!["a", "b"], 2));
}
