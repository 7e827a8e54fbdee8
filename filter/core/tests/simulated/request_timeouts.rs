//! Requests that take too long while upstreams are asked: Envoy answers by itself, and nothing is sent,
//! or sent on, after that.

use serde_json::json;

use crate::world::{
    Chance, EVERYTHING, Got, INITIALIZE, LOSSES, Request, Restarting, Server, World, config,
    gateway,
};

/// Whether Envoy has answered this.
fn is_envoys(got: &Got) -> bool {
    let envoys = got.text() == "stream timeout";
    assert_eq!(envoys, got.status == 504, "{}", got.text());
    if envoys {
        assert_eq!(got.header("content-type").as_deref(), Some("text/plain"));
    }
    envoys
}

#[test]
fn what_envoy_answers_while_upstreams_are_asked_ends_the_exchange() {
    let mut plan = config(&["a", "b"]);
    plan["naming"] = json!({ "prefix": "never" });
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING).tools(&[name]));
    }
    let session = world.open();
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    let requests = [
        Request::rpc("initialize", INITIALIZE),
        Request::rpc("tools/list", "{}").within(&session),
        Request::rpc("logging/setLevel", r#"{"level":"info"}"#).within(&session),
        Request::post(notification).within(&session),
        // Whose name it is has to be found first.
        Request::rpc("prompts/get", r#"{"name":"b"}"#).within(&session),
        Request::rpc("tools/call", r#"{"name":"b"}"#).within(&session),
    ];
    for request in requests {
        let (mut envoys, mut own) = (0, 0);
        for seed in 0..60 {
            world.change_worker();
            world.chance = Chance::new(seed);
            world.overdue = true;
            let got = world.send(&request);
            let ended = is_envoys(&got);
            envoys += usize::from(ended);
            own += usize::from(!ended);
            world.overdue = false;
            if seed % 10 == 0 {
                assert_eq!(world.list(&session).names(), ["a", "b"]);
            }
        }
        assert!(envoys > 5 && own > 1, "{envoys}, {own}");
    }
    let mut met = 0;
    for seed in 0..20 {
        let session = world.open();
        (world.chance, world.overdue) = (Chance::new(seed), true);
        met += usize::from(is_envoys(&world.send(&Request::delete().within(&session))));
        world.overdue = false;
        // It was the client's wish.
        assert_eq!(world.list(&session).status, 404);
    }
    assert!(met > 5, "{met}");
}

#[test]
fn a_request_that_waits_for_its_upstream_to_join_goes_nowhere_after_envoys_answer() {
    let mut met = 0;
    for seed in 0..60 {
        let mut world = World::new(&config(&["a"]));
        Restarting::put(&mut world, "a");
        let session = world.begin();
        let late = Restarting::put(&mut world, "late");
        let mut plan = config(&["a", "late"]);
        plan["listen"] = json!("late");
        world.configure(gateway(&plan));
        (world.chance, world.overdue) = (Chance::new(seed), true);
        let request = if seed % 2 == 0 {
            Request::rpc("tools/call", r#"{"name":"late__t"}"#)
        } else {
            Request::get()
        };
        let got = world.send(&request.within(&session));
        if is_envoys(&got) {
            met += 1;
            assert!(got.went.is_none() && world.seen.iter().all(|seen| !seen.routed));
        }
        world.overdue = false;
        assert_eq!(world.list(&session).names(), ["a__t", "late__t"]);
        assert!(late.opened() <= 2);
    }
    assert!(met > 10, "{met}");
}

#[test]
fn a_call_that_is_made_again_is_answered_all_the_same() {
    // Envoy has an answer already, which is held: it gives no other.
    for seed in 0..20 {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let session = world.begin();
        server.restart(LOSSES[0]);
        (world.chance, world.overdue) = (Chance::new(seed), true);
        let got = world.call(&session, "\"a__t\"");
        assert!(got.text().contains(r#""by":"a-2""#), "{}", got.text());
    }
}
