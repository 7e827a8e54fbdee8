//! Streams that a GET opens, after their upstream has lost the session in which they were.

use mcp_mux_core::effect::{Counter, Outcome};
use serde_json::{Value, json};

use crate::get_streams::{get, resume};
use crate::sse_responses::messages;
use crate::world::{
    Chance, LOSSES, Request, Response, Restarting, Way, World, config, event, raw_member,
};

/// What becomes of a GET once its upstream has lost the session and has another.
enum Then {
    /// The stream of `listen`, from its beginning.
    Listens,
    /// An error of the request that the stream would have answered.
    Fails(&'static str),
}

#[test]
fn an_upstream_that_had_lost_the_session_has_it_again_when_the_client_asks_once_more() {
    for (seed, loss) in LOSSES.into_iter().enumerate() {
        let mut plan = config(&["a", "b"]);
        plan["listen"] = json!("a");
        let mut world = World::new(&plan);
        let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
        let session = world.begin();
        let id = |at: usize, letter, request| {
            let (name, opened) = (["a", "b"][at], servers[at].opened());
            Some(event(name, letter, &format!("{name}-{opened}"), request, "1"))
        };
        for case in 0..6 {
            let (at, id, then) = match case {
                0 => (0, None, Then::Listens),
                1 => (0, id(0, 'o', ""), Then::Listens),
                2 => (1, id(1, 'o', ""), Then::Listens),
                3 => (1, id(1, 't', "1"), Then::Fails("1")),
                4 => (0, id(0, 'o', "-7"), Then::Fails("-7")),
                _ => (0, id(0, 'c', r#""x:1""#), Then::Fails(r#""x:1""#)),
            };
            let request = id.map_or_else(|| get(&session), |id| resume(&session, id));
            let (server, opened) = (&servers[at], servers[at].opened());
            server.restart(loss);
            world.chance = Chance::new(seed as u64);
            world.seen.clear();
            let got = world.send(&request);
            assert_eq!((got.status, got.text()), (503, String::new()));
            assert_eq!(got.header("retry-after").as_deref(), Some("1"));
            let count = Counter::Request { method: "get", outcome: Outcome::UpstreamError };
            assert_eq!(got.counts.last(), Some(&count));
            assert_eq!(world.seen.len(), 4, "a GET, a ping, and the handshake");
            for _ in 0..2 {
                world.seen.clear();
                let got = world.send(&request);
                match then {
                    Then::Listens => {
                        assert_eq!((got.way, got.text().as_str()), (Way::Routed, ": open\n\n"));
                        let went = got.went.expect("a request");
                        assert_eq!((went.cluster.as_str(), went.header("last-event-id")), {
                            ("a", None)
                        });
                    }
                    Then::Fails(id) => {
                        assert_eq!((got.way, got.status, world.seen.len()), (Way::Replied, 200, 0));
                        let kind = got.header("content-type");
                        assert_eq!(kind.as_deref(), Some("text/event-stream"));
                        let [error] = &messages(&got.body)[..] else { panic!("{}", got.text()) };
                        assert_eq!(raw_member(error.as_bytes(), "id").as_deref(), Some(id));
                        let error: Value = serde_json::from_str(error).expect("JSON");
                        assert_eq!(error["error"]["code"], -32603);
                        assert_eq!(error["error"]["data"]["upstream"], ["a", "b"][at]);
                        assert_eq!(got.counts.as_slice(), std::slice::from_ref(&count));
                    }
                }
            }
            assert_eq!(server.opened(), opened + 1);
        }
    }
}

#[test]
fn a_call_whose_upstream_restarts_before_the_stream_goes_on_is_answered_with_an_error() {
    // As the client has it: the id of the stream's own event.
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let session = world.begin();
    world.script_method("a", "tools/call", |_| {
        Response::new(200, "text/event-stream", "id: 5\ndata:\n\n").says()
    });
    let call = r#"{"jsonrpc":"2.0","id":"call","method":"tools/call","params":{"name":"a__t"}}"#;
    let got = world.send(&Request::post(call).within(&session));
    let id = got.text().lines().find_map(|it| it.strip_prefix("id: ").map(str::to_owned));
    let again = resume(&session, id.expect("an id"));
    assert_eq!(world.send(&again).went.expect("a request").header("last-event-id").unwrap(), "5");
    server.restart(LOSSES[0]);
    // Another request finds the loss.
    assert_eq!(world.list(&session).names(), ["a__t"]);
    let got = world.send(&again);
    assert_eq!((got.way, got.status), (Way::Replied, 200));
    assert!(got.text().contains(r#""id":"call","error":{"code":-32603"#), "{}", got.text());
}
