//! `resources/subscribe` of a session outlives its upstreams: one that has lost the session is asked again.

use serde_json::json;

use crate::get_streams::get;
use crate::merged_streams::data;
use crate::world::{Answer, Chance, LOSSES, Request, Restarting, Server, World, config};

/// A server with resources that restarts, and another one.
fn serve(world: &mut World) -> (Restarting, String) {
    let server = Restarting::put(world, "a");
    server.has_resources();
    world.serve("b", Server::new("b").tools(&["t"]));
    let session = world.begin();
    (server, session)
}

/// The gateway, which listens to the server that restarts.
fn world() -> World {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("a");
    World::new(&plan)
}

fn send(world: &mut World, session: &str, method: &str, uri: &str) {
    let got = world.send(&Request::rpc(method, &format!(r#"{{"uri":"{uri}"}}"#)).within(session));
    assert!(got.status == 200 && !got.text().contains("\"error\""), "{}", got.text());
}

fn subscribe(world: &mut World, session: &str, uri: &str) {
    send(world, session, "resources/subscribe", uri);
}

#[test]
fn a_server_that_lost_the_session_is_asked_again_by_whichever_worker() {
    for (seed, loss) in LOSSES.into_iter().enumerate() {
        let mut world = world();
        let (server, session) = serve(&mut world);
        let other = world.begin();
        world.chance = Chance::new(seed as u64);
        for uri in ["a+x:1", "a+x:2", "a+x:é", "a+x:1"] {
            subscribe(&mut world, &session, uri);
        }
        send(&mut world, &session, "resources/unsubscribe", "a+x:2");
        subscribe(&mut world, &other, "a+x:9");
        assert_eq!(server.subscribed("a-1"), ["x:é", "x:1"]);
        server.restart(loss);
        // It has nothing but what workers share.
        world.change_worker();
        assert!(world.call(&session, "\"a__t\"").text().contains("a-3"));
        assert_eq!(server.subscribed("a-3"), ["x:é", "x:1"]);
        // The one that is being asked for just then is asked for once more.
        server.restart(loss);
        subscribe(&mut world, &session, "a+x:3");
        assert_eq!(server.subscribed("a-4"), ["x:é", "x:1", "x:3"]);
        assert_eq!(world.list(&other).names(), ["a__t", "b__t"]);
        assert_eq!(server.subscribed("a-5"), ["x:9"]);
        assert_eq!(server.opened(), 5);
    }
}

#[test]
fn a_server_that_refuses_or_does_not_answer_is_used_all_the_same() {
    let refuses = |seen: &crate::world::Seen| {
        let error = r#"{"code":-32002,"message":"gone"}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
        crate::world::Response::new(200, "application/json", body).says()
    };
    for (asked, answer) in [(2, None), (1, Some(Answer::Silent)), (1, Some(Answer::NotSent))] {
        let mut world = world();
        let (server, session) = serve(&mut world);
        subscribe(&mut world, &session, "a+x:1");
        subscribe(&mut world, &session, "a+x:2");
        world.script_method("a", "resources/subscribe", move |seen| {
            answer.clone().unwrap_or_else(|| refuses(seen))
        });
        server.restart(LOSSES[0]);
        world.seen.clear();
        assert!(world.call(&session, "\"a__t\"").text().contains("a-2"));
        assert_eq!(world.seen_by("a", "resources/subscribe").len(), asked);
        // What was opened is what others use, too.
        assert!(world.call(&session, "\"a__t\"").text().contains("a-2"));
        assert_eq!(server.opened(), 2);
    }
}

#[test]
fn nothing_is_asked_for_in_a_session_that_was_deleted_or_of_a_server_that_cannot() {
    let mut world = world();
    let (server, session) = serve(&mut world);
    subscribe(&mut world, &session, "a+x:1");
    server.cannot_be_subscribed();
    server.restart(LOSSES[0]);
    assert!(world.call(&session, "\"a__t\"").text().contains("a-2"));
    assert_eq!(server.subscribed("a-2"), [] as [&str; 0]);
    world.send(&Request::delete().within(&session));
    assert_eq!(world.call(&session, "\"a__t\"").status, 404);
}

#[test]
fn a_client_that_listens_is_told_that_it_may_have_missed_something() {
    let mut world = World::streaming(&config(&["a", "b"]));
    let (server, session) = serve(&mut world);
    subscribe(&mut world, &session, "a+x:1");
    let mut live = world.listen(&get(&session));
    server.restart(LOSSES[0]);
    live.reset(&mut world, "a");
    live.pass(&mut world, 1);
    assert_eq!(server.subscribed("a-2"), ["x:1"]);
    let updated =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a+x:1"}}"#;
    assert_eq!(data(&live.take()), [updated]);
    assert_eq!(live.heard(), ["a", "b"]);
}
