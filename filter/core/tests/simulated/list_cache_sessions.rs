//! Lists that are kept for one session (`catalog.scope: session`): its alone, and gone with it.

use mcp_mux_core::effect::Served::{Hit, Miss};
use serde_json::json;

use crate::list_cache::{plan, served, server, world};
use crate::world::{Got, Request, Server, World, gateway};

#[test]
fn a_list_is_its_sessions_alone_even_where_upstreams_have_no_sessions() {
    for (scope, expected) in [("session", Miss), ("public", Hit)] {
        let mut world = world(&["a"], scope);
        world.serve("a", server("a").session(None));
        let (one, two) = (world.open(), world.open());
        served(&world.list(&one), Miss);
        served(&world.list(&one), Hit);
        served(&world.list(&two), expected);
    }
}

#[test]
fn pages_are_kept_for_their_session() {
    for scope in ["session", "public"] {
        let mut plan = plan(&["a"], scope);
        plan["catalog"]["page"] = json!({"items": 1});
        let mut world = World::new(&plan);
        let page = |at: usize| vec![format!(r#"{{"name":"{at}"}}"#)];
        let pages = vec![page(1), page(2), page(3)];
        let cursors = [r#""2""#, r#""3""#].map(str::to_owned).to_vec();
        world.serve("a", Server::new("a").pages(pages, cursors));
        let (one, two) = (world.open(), world.open());
        for (session, expected) in
            [(&one, Miss), (&one, Hit), (&two, Miss), (&two, Hit), (&one, Hit)]
        {
            let pages = world.walk(session);
            let names: Vec<_> = pages.iter().map(Got::names).collect();
            assert_eq!(names, [["a__1"], ["a__2"], ["a__3"]]);
            for page in &pages {
                served(page, expected);
            }
        }
    }
}

#[test]
fn a_session_that_is_over_gets_nothing_and_leaves_nothing() {
    let mut world = world(&["a"], "session");
    let session = world.open();
    world.list(&session);
    assert_eq!(world.worker.shared().lists_kept(), 1);
    assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
    assert_eq!(world.worker.shared().lists_kept(), 0);
    assert_eq!(world.list(&session).status, 404);
    let mut plan = plan(&["a"], "session");
    plan["session"] = json!({"ttl": "5s"});
    world.configure(gateway(&plan));
    let session = world.open();
    world.list(&session);
    served(&world.list(&session), Hit);
    world.ambient.now += 6;
    assert_eq!(world.list(&session).status, 404);
}
