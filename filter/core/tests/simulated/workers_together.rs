//! Workers that have one memory: what one of them knows, the others do.

use mcp_mux_core::effect::Served;
use serde_json::json;

use crate::list_cache::plan;
use crate::world::{Crowd, Got, Request, Restarting, Server, World, config};

use Served::{Hit, Miss, Shared};

fn list(session: &str) -> Request {
    Request::rpc("tools/list", "{}").within(session)
}

fn world() -> World {
    let mut world = World::new(&plan(&["a", "b"], "public"));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    world
}

#[test]
fn one_list_asked_for_on_many_is_one_fan_out() {
    let mut world = world();
    let sessions = [world.open(), world.open()];
    let mut crowd = Crowd::of(&mut world);
    let at: Vec<usize> = (0..6)
        .map(|number| {
            crowd.world.next_worker();
            crowd.ask(&list(&sessions[number % 2]))
        })
        .collect();
    assert_eq!(crowd.waiting(), 5);
    crowd.finish();
    let served: Vec<_> = at.iter().filter_map(|at| crowd.got(*at).served()).collect();
    assert_eq!(served, [Miss, Shared, Shared, Shared, Shared, Shared]);
    assert_eq!(world.seen_by("a", "tools/list").len(), 1);
    world.next_worker();
    assert_eq!(world.send(&list(&sessions[0])).served(), Some(Hit));
    world.change_worker();
    assert_eq!(world.send(&list(&sessions[0])).served(), Some(Miss), "another memory");
}

#[test]
fn who_waits_on_another_worker_asks_when_the_first_is_gone() {
    let mut world = world();
    let session = world.open();
    let mut crowd = Crowd::of(&mut world);
    let first = crowd.ask(&list(&session));
    crowd.world.next_worker();
    let rest = [(); 3].map(|()| crowd.ask(&list(&session)));
    assert!(crowd.leave(first));
    crowd.finish();
    let served = rest.map(|at| crowd.got(at)).map(|got: Got| got.served());
    assert_eq!(served.iter().filter(|it| **it == Some(Miss)).count(), 1, "{served:?}");
    assert_eq!(world.seen_by("a", "tools/list").len(), 2);
}

#[test]
fn a_session_kept_for_a_stateless_client_serves_it_on_any() {
    let mut plan = config(&["a"]);
    plan["upstreams"][0]["era"] = json!("handshake");
    let mut world = World::new(&plan);
    let server = Restarting::put(&mut world, "a");
    for _ in 0..4 {
        let got = world.call_stateless("a__t");
        assert_eq!(got.status, 200, "{}", got.text());
        world.next_worker();
    }
    assert_eq!(server.opened(), 1);
}
