//! Upstreams that restart under a client that only goes on.

use mcp_mux_driver::Worker;
use serde_json::json;

use crate::world::{
    Answer, Chance, Got, INITIALIZE, LOSSES, Request, Response, Restarting, Seen, World, config,
    raw_member,
};

const CANCELLED: &str = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;

/// A call that was served, and in which session of the upstream.
fn served_in(got: &Got, session: &str) {
    let by = format!(r#""by":"{session}""#);
    assert!(got.status == 200 && got.text().contains(&by), "not {by}: {}", got.text());
    assert!(!got.text().contains("\"error\""), "{}", got.text());
}

/// In every upstream, what comes after `initialize` is `notifications/initialized`.
fn check_handshakes(world: &World, names: &[&str]) {
    for name in names {
        let seen = world.seen.iter().filter(|seen| seen.cluster == *name);
        let methods: Vec<String> = seen.map(Seen::method).collect();
        for (at, _) in methods.iter().enumerate().filter(|(_, it)| *it == "initialize") {
            assert_eq!(methods[at + 1], "notifications/initialized", "{name}: {methods:?}");
        }
    }
}

#[test]
fn a_client_that_keeps_going_never_notices_a_restart() {
    for seed in 0..60 {
        let plan = config(&["a", "b"]);
        let mut world = World::new(&plan);
        // A worker has nothing of its own but the compiled configuration.
        let mut other_worker = Worker::new(world.worker.shared().beside());
        let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
        let session = world.begin();
        let mut chance = Chance::new(seed);
        world.chance = Chance::new(seed + 1000);
        let (mut opened, mut fresh) = ([1, 1], [true, true]);
        for _ in 0..40 {
            let at = chance.below(2);
            if chance.one_in(3) {
                servers[at].restart(chance.pick(&LOSSES));
                fresh[at] = false;
            }
            if chance.one_in(2) {
                std::mem::swap(&mut world.worker, &mut other_worker);
            }
            // Whom the next request needs; a notification opens nothing again.
            let needed = match chance.below(6) {
                0 => {
                    let got = world.send(&Request::post(CANCELLED).within(&session));
                    assert_eq!(got.status, 202);
                    &[][..]
                }
                1 | 2 => {
                    let got = world.list(&session);
                    assert_eq!(got.names(), ["a__t", "b__t"], "{}", got.text());
                    assert!(got.unavailable().is_empty());
                    &[0, 1][..]
                }
                _ => {
                    let got = world.call(&session, ["\"a__t\"", "\"b__t\""][at]);
                    let by = opened[at] + usize::from(!fresh[at]);
                    served_in(&got, &format!("{}-{by}", ["a", "b"][at]));
                    &[[0], [1]][at][..]
                }
            };
            for at in needed {
                opened[*at] += usize::from(!std::mem::replace(&mut fresh[*at], true));
            }
        }
        assert_eq!(servers.each_ref().map(Restarting::opened), opened, "one per loss");
        check_handshakes(&world, &["a", "b"]);
    }
}

#[test]
fn losing_the_shared_state_costs_one_more_initialize_and_nothing_else() {
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let session = world.begin();
    server.restart(LOSSES[0]);
    for opened in 2..5 {
        for _ in 0..2 {
            served_in(&world.call(&session, "\"a__t\""), &format!("a-{opened}"));
            assert_eq!(world.list(&session).names(), ["a__t"]);
        }
        assert_eq!(server.opened(), opened);
        world.ambient.shared.clear();
    }
    check_handshakes(&world, &["a"]);
}

#[test]
fn workers_that_find_the_same_loss_at_once_go_on_in_one_session() {
    let (mut met, mut raced) = (0, 0);
    for seed in 0..120 {
        let mut world = World::new(&config(&["a", "b"]));
        let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
        let session = world.begin();
        world.chance = Chance::new(seed);
        let mut chance = Chance::new(seed);
        for server in &servers {
            server.restart(chance.pick(&LOSSES));
        }
        let call = |name: &str| {
            let params = format!(r#"{{"name":"{name}__t"}}"#);
            Request::rpc("tools/call", &params).within(&session)
        };
        let list = || Request::rpc("tools/list", "{}").within(&session);
        world.meanwhile = (0..=chance.below(6))
            .map(|_| if chance.one_in(2) { list() } else { call(chance.pick(&["a", "b"])) })
            .collect();
        let got = world.call(&session, "\"a__t\"");
        assert!(got.text().contains(r#""by":"a-"#), "{}", got.text());
        for got in world.concurrent.drain(..) {
            met += 1;
            assert!(got.status == 200 && !got.text().contains("\"error\""), "{}", got.text());
        }
        world.meanwhile.clear();
        world.list(&session);
        let opened = servers.each_ref().map(Restarting::opened);
        for (name, server) in ["a", "b"].into_iter().zip(&servers) {
            let [alive] = &server.alive()[..] else { panic!("seed {seed}: {:?}", server.alive()) };
            // The first was lost; the others are ended, each once.
            assert_eq!(server.ended().len() + 2, server.opened(), "seed {seed}");
            raced += server.ended().len();
            for _ in 0..2 {
                served_in(&world.call(&session, &format!("\"{name}__t\"")), alive);
                assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
            }
        }
        assert_eq!(servers.each_ref().map(Restarting::opened), opened);
    }
    assert!(met > 120 && raced > 40, "{met}, {raced}");
}

#[test]
fn whoever_finds_the_loss_later_takes_the_session_that_another_has_opened() {
    for (seed, loss) in LOSSES.into_iter().cycle().take(60).enumerate() {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let session = world.begin();
        let call = Request::rpc("tools/call", r#"{"name":"a__t"}"#).within(&session);
        // Those that went on have one answer, that the session is lost.
        server.restart(loss);
        world.chance = Chance::new(seed as u64);
        world.between = vec![call.clone()];
        served_in(&world.send(&call), "a-2");
        served_in(&world.concurrent.pop().expect("another"), "a-2");
        assert_eq!(world.seen_by("a", "initialize").len(), 2);
        server.restart(loss);
        world.between = vec![call.clone()];
        assert_eq!(world.send(&Request::get().within(&session)).status, 503);
        served_in(&world.concurrent.pop().expect("another"), "a-3");
        assert_eq!(world.seen_by("a", "initialize").len(), 3);
        // One whose side call is under way when another is through opens nothing behind that.
        server.restart(loss);
        world.meanwhile = vec![call];
        world.seen.clear();
        assert_eq!(world.list(&session).names(), ["a__t"]);
        if world.concurrent.pop().is_some() {
            let methods: Vec<String> = world.seen.iter().map(Seen::method).collect();
            let last = |method| methods.iter().rposition(|it| it == method);
            assert!(last("initialize") < last("tools/call"), "{methods:?}");
        }
        assert_eq!(server.alive().len(), 1);
    }
}

#[test]
fn a_session_that_is_not_needed_is_ended_and_nobody_waits_for_that() {
    for (seed, answer) in [
        Answer::NotSent,
        Answer::Silent,
        Response::new(405, "", "").says(),
        Response::new(500, "text/html", "<p>").says(),
    ]
    .into_iter()
    .cycle()
    .take(60)
    .enumerate()
    {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let session = world.begin();
        server.restart(LOSSES[seed % LOSSES.len()]);
        world.chance = Chance::new(seed as u64);
        world.script_method("a", "", move |seen| {
            assert_eq!(seen.header(":method").as_deref(), Some("DELETE"));
            answer.clone()
        });
        let call = Request::rpc("tools/call", r#"{"name":"a__t"}"#).within(&session);
        world.meanwhile = vec![call.clone(), Request::rpc("tools/list", "{}").within(&session)];
        let mut all = vec![world.send(&call)];
        all.append(&mut world.concurrent);
        for got in all {
            assert!(got.status == 200 && !got.text().contains("\"error\""), "{}", got.text());
            assert_eq!(got.warnings, [""; 0]);
        }
    }
}

#[test]
fn a_session_that_is_deleted_while_an_upstream_is_opened_again_stays_deleted() {
    let mut met = 0;
    for seed in 0..60 {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let (session, other) = (world.begin(), world.begin());
        server.restart(LOSSES[0]);
        world.chance = Chance::new(seed);
        world.meanwhile = vec![Request::delete().within(&session)];
        // It was admitted before, so it is served.
        let got =
            if seed % 2 == 0 { world.list(&session) } else { world.call(&session, "\"a__t\"") };
        assert!(got.status == 200 && !got.text().contains("\"error\""), "{}", got.text());
        if let Some(deleted) = world.concurrent.pop() {
            met += 1;
            assert_eq!(deleted.status, 204);
            assert_eq!(world.list(&session).refusal(), (404, -32600, json!(1)));
            assert_eq!(world.call(&session, "\"a__t\"").status, 404);
        }
        assert_eq!(world.list(&other).names(), ["a__t"]);
    }
    assert!(met > 20, "{met}");
}

#[test]
fn notifications_and_the_end_reach_the_session_that_was_opened_last() {
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let (session, other) = (world.begin(), world.begin());
    server.restart(LOSSES[0]);
    served_in(&world.call(&session, "\"a__t\""), "a-3");
    served_in(&world.call(&other, "\"a__t\""), "a-4");
    assert_eq!(world.send(&Request::post(CANCELLED).within(&session)).warnings.len(), 0);
    assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
    assert_eq!(server.ended(), ["a-3"]);
    served_in(&world.call(&other, "\"a__t\""), "a-4");
}

/// Roots are asked for on the GET stream, which clients have of none of these two.
#[test]
fn an_upstream_that_is_opened_again_is_offered_what_it_was_offered_first() {
    let offer = r#""capabilities":{"roots":{"listChanged":true},"sampling":{"x":1.0}}"#;
    let initialize = INITIALIZE.replace(r#""capabilities":{}"#, offer);
    for loss in LOSSES {
        let mut world = World::new(&config(&["a", "b"]));
        let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
        let opened = world.send(&Request::rpc("initialize", &initialize));
        let session = opened.header("mcp-session-id").expect("a session");
        for server in &servers {
            server.restart(loss);
        }
        // One is opened again before a call is made once more, the other one within a list.
        served_in(&world.call(&session, "\"a__t\""), "a-2");
        assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
        for name in ["a", "b"] {
            let offers = world.seen_by(name, "initialize");
            assert_eq!(offers.len(), 2, "{loss:?}");
            for seen in offers {
                let params = raw_member(&seen.body, "params").expect("params");
                let offered = raw_member(params.as_bytes(), "capabilities");
                assert_eq!(offered.as_deref(), Some(r#"{"sampling":{"x":1.0}}"#), "{loss:?}");
            }
        }
    }
}
