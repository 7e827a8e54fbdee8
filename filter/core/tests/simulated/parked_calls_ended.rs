//! How calls end that wait for an answer of their clients, and that nothing is left of them.

use serde_json::{Value, json};

use crate::parked_calls::{
    ANN, NAME, REQUESTS, ROOTS, all, answered, asks, call, cancelled, come_back, done, event,
    question, request_of, responses, stream, world, world_of,
};
use crate::questions::{ABLE, json_of, reply};
use crate::world::{Answer, LOSSES, Live, Response, Seen, World};

/// A call that was parked, and what its client was asked.
fn asked(world: &mut World) -> Value {
    asks(world, "tools/call", NAME);
    let mut live = call(world);
    let asked = question(&mut live);
    live.leave(world);
    asked
}

fn reason(live: &mut Live) -> String {
    let message = all(live).pop().expect("a message");
    assert_eq!(message["error"]["code"], -32602, "{message}");
    message["error"]["data"]["reason"].as_str().expect("a reason").to_owned()
}

fn failure(live: &mut Live) -> String {
    let message = all(live).pop().expect("a message");
    assert_eq!(message["error"]["code"], -32603, "{message}");
    message["error"]["data"]["reason"].as_str().expect("a reason").to_owned()
}

/// A call that is not waited for any more.
fn is_over(world: &World) {
    assert_eq!((world.parked(), world.worker.shared().calls_parked()), (vec![], 0));
}

#[test]
fn a_client_that_does_not_come_back_is_waited_for_as_long_as_call_timeout() {
    let mut world = world(1);
    let asked = asked(&mut world);
    assert!(world.worker.shared().keeps_sessions());
    world.pass_seconds(299);
    assert_eq!(world.parked(), ["old"]);
    assert_eq!(cancelled(&mut world), [] as [Value; 0]);
    world.pass_seconds(1);
    is_over(&world);
    assert_eq!(cancelled(&mut world), [json!(1)]);
    let seen = world.seen_by("old", "notifications/cancelled")[0];
    assert_eq!(seen.header("mcp-session-id").as_deref(), Some("session-of-old"));
    let mut late = come_back(&mut world, 2, &asked, ANN);
    assert!(reason(&mut late).contains("call_timeout"));
    assert_eq!(responses(&world), [] as [Value; 0]);
}

#[test]
fn the_session_of_a_call_that_waits_is_kept() {
    let plan = json!({
        "upstreams": [{"name": "old", "call_timeout": "1000s"}, {"name": "other"}],
        "session": {"idle": "10s", "pool": 1},
    });
    let mut world = world_of(1, &plan);
    let asked = asked(&mut world);
    assert_eq!(world.pass_seconds(500), [], "it is in use");
    // Another request of the same client has another session.
    world.script_method("old", "tools/call", |seen| json_of(seen, r#""result":{}"#));
    call(&mut world).leave(&mut world);
    assert_eq!(world.seen_by("old", "initialize").len(), 2);
    let mut live = come_back(&mut world, 2, &asked, ANN);
    live.push(&mut world, "old", &event(&done(1)));
    assert_eq!(reply(&live)["result"]["x"], 1.0);
    live.leave(&mut world);
    drop(live);
    assert!(!world.pass_seconds(10).is_empty(), "it is free now");
}

#[test]
fn an_answer_is_good_once_and_for_its_own_question_alone() {
    let mut world = world(1);
    let first = asked(&mut world);
    let mut live = come_back(&mut world, 2, &first, ANN);
    // The call goes on, and nobody else can have it.
    let mut second = come_back(&mut world, 3, &first, ANN);
    assert!(reason(&mut second).contains("has got it"));
    live.push(&mut world, "old", &event(ROOTS));
    let next = question(&mut live);
    let mut late = come_back(&mut world, 4, &first, ANN);
    // The old state with the new key.
    reason(&mut late);
    let mut mixed = answered(&next, ANN);
    let state = |of: &Value| of["result"]["requestState"].to_string();
    mixed = mixed.replace(&state(&next), &state(&first));
    let mut live = world.listen(&request_of(ABLE, 5, REQUESTS[0], &mixed));
    assert!(reason(&mut live).contains("something else"));
    // The call still waits.
    let mut live = come_back(&mut world, 6, &next, ANN);
    live.push(&mut world, "old", &event(&done(1)));
    assert_eq!(reply(&live)["id"], 6);
}

#[test]
fn a_request_that_is_not_the_one_that_was_asked_about_gets_nothing() {
    let mut world = world(1);
    let asked = asked(&mut world);
    let back = answered(&asked, ANN);
    let other = ("tools/call", r#""name":"other__t","arguments":{}"#, "other__t");
    let name = ("tools/call", r#""name":"old__u","arguments":{}"#, "old__u");
    for request in [other, name, REQUESTS[1]] {
        let mut live = world.listen(&request_of(ABLE, 2, request, &back));
        reason(&mut live);
    }
    for responses in ["", r#","inputResponses":{}"#, r#","inputResponses":{"7":1}"#] {
        let state = &asked["result"]["requestState"];
        let more = format!(r#"{responses},"requestState":{state}"#);
        let mut live = world.listen(&request_of(ABLE, 2, REQUESTS[0], &more));
        assert!(reason(&mut live).contains("inputResponses"));
    }
    for state in [r#""""#, "1", r#""x""#] {
        let more = format!(r#","inputResponses":{{"7":{ANN}}},"requestState":{state}"#);
        let mut live = world.listen(&request_of(ABLE, 2, REQUESTS[0], &more));
        reason(&mut live);
    }
    assert_eq!(world.seen_by("old", "tools/call").len(), 1);
    // It still waits for the right one.
    let mut live = come_back(&mut world, 3, &asked, ANN);
    live.push(&mut world, "old", &event(&done(1)));
    assert_eq!(reply(&live)["result"]["x"], 1.0);
}

#[test]
fn another_caller_and_another_replica_get_the_same_answer() {
    let upstreams =
        ["old", "other"].map(|name| json!({"name": name, "headers": {"forward": ["x-user"]}}));
    let mut world = world_of(1, &json!({"upstreams": upstreams}));
    asks(&mut world, "tools/call", NAME);
    let ask = |world: &mut World, user: &str, more: &str| {
        world.listen(&request_of(ABLE, 1, REQUESTS[0], more).with("x-user", user))
    };
    let asked = question(&mut ask(&mut world, "ann", ""));
    let more = answered(&asked, ANN);
    let foreign = reason(&mut ask(&mut world, "bob", &more));
    let here = world.change_worker();
    let elsewhere = reason(&mut ask(&mut world, "ann", &more));
    assert_eq!(foreign, elsewhere);
    assert!(foreign.contains("another replica"));
    world.worker = here;
    let mut live = ask(&mut world, "ann", &more);
    live.push(&mut world, "old", &event(&done(1)));
    assert_eq!(reply(&live)["result"]["x"], 1.0);
}

#[test]
fn a_client_that_leaves_cancels_the_call() {
    // Before it has an answer, and after it has come back.
    let mut world = world(1);
    world.script_method("old", "tools/call", |_| stream(&[]));
    let mut live = call(&mut world);
    assert_eq!(cancelled(&mut world), [] as [Value; 0]);
    live.leave(&mut world);
    assert_eq!(cancelled(&mut world), [json!(1)]);
    let asked = asked(&mut world);
    let mut live = come_back(&mut world, 2, &asked, ANN);
    live.leave(&mut world);
    assert_eq!((live.cancelled, cancelled(&mut world).len()), (1, 2));
    is_over(&world);
    // One that has its answer does not.
    world.script_method("old", "tools/call", |_| stream(&[&done(1)]));
    call(&mut world).leave(&mut world);
    assert_eq!(cancelled(&mut world).len(), 2);
}

#[test]
fn a_server_that_says_nothing_more_is_not_waited_for() {
    let mut world = world(1);
    let asked = asked(&mut world);
    let mut live = come_back(&mut world, 2, &asked, ANN);
    live.pass(&mut world, 299);
    assert!(live.reply.is_none());
    live.pass(&mut world, 1);
    assert!(failure(&mut live).contains("300s"));
    assert_eq!(cancelled(&mut world), [json!(1)]);
    is_over(&world);
}

#[test]
fn a_stream_that_ends_without_an_answer_is_an_error() {
    for (seed, is_early) in (0..10).flat_map(|seed| [true, false].map(|it| (seed, it))) {
        let mut world = world(seed);
        let asked = asked(&mut world);
        if is_early {
            world.push_parked(b"");
        }
        let mut live = come_back(&mut world, 2, &asked, ANN);
        if !is_early {
            live.end(&mut world, "old");
        }
        assert!(failure(&mut live).contains("ended before the answer"));
        live.leave(&mut world);
        is_over(&world);
    }
    // With the question, or right behind it.
    for seed in 0..10 {
        let mut world = world(seed);
        world.script_method("old", "tools/call", |_| {
            let mut answer = stream(&[NAME]);
            if let Answer::Says(response) = &mut answer {
                // This one does not stay open.
                response.status = 201;
            }
            answer
        });
        let mut live = call(&mut world);
        let message = all(&mut live).remove(0);
        if message["error"].is_null() {
            live = come_back(&mut world, 2, &message, ANN);
            assert!(failure(&mut live).contains("ended before the answer"));
        } else {
            assert_eq!(cancelled(&mut world), [json!(1)]);
        }
    }
}

#[test]
fn a_server_that_does_not_take_the_answer_is_given_up() {
    for answer in [Response::new(404, "", "").says(), Answer::Silent, Answer::NotSent] {
        let mut world = world(1);
        let asked = asked(&mut world);
        world.script_method("old", "", move |_| answer.clone());
        let mut live = come_back(&mut world, 2, &asked, ANN);
        failure(&mut live);
        assert_eq!(live.heard(), [""; 0]);
        world.script_method("old", "", |_| Response::new(202, "", "").says());
        assert_eq!(cancelled(&mut world), [json!(1)]);
        is_over(&world);
    }
}

#[test]
fn there_are_never_too_many_calls_that_wait() {
    let mut world = world(1);
    asks(&mut world, "tools/call", NAME);
    for _ in 0..1000 {
        question(&mut call(&mut world));
    }
    assert_eq!(world.worker.shared().calls_parked(), 1000);
    let mut live = call(&mut world);
    assert!(failure(&mut live).contains("1000 calls wait"));
    assert_eq!((live.cancelled, cancelled(&mut world)), (1, vec![json!(1)]));
    world.pass_seconds(300);
    is_over(&world);
    assert_eq!(cancelled(&mut world).len(), 1001);
}

#[test]
fn a_session_that_is_lost_is_opened_again_and_asks_in_the_new_one() {
    for (seed, loss) in (0..).zip(LOSSES) {
        let mut world = world(seed);
        world.script_method("old", "tools/call", |seen| json_of(seen, r#""result":{}"#));
        call(&mut world).leave(&mut world);
        // The server restarts, and gives another session.
        world.script("old", move |seen: &Seen| {
            let result = |result: &str| {
                let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
                Response::new(200, "application/json", body)
            };
            let session = seen.header("mcp-session-id");
            if session.as_deref() == Some("session-of-old") {
                let (status, kind, body) = loss;
                return Response::new(status, kind, body).says();
            }
            match seen.method().as_str() {
                "initialize" => {
                    let capabilities = r#"{"tools":{}}"#;
                    result(&format!(
                        r#"{{"protocolVersion":"2025-11-25","capabilities":{capabilities},"serverInfo":{{}}}}"#
                    ))
                    .with("mcp-session-id", "new")
                    .says()
                }
                "tools/call" => stream(&[NAME]),
                _ => Response::new(202, "", "").says(),
            }
        });
        let mut live = call(&mut world);
        let asked = question(&mut live);
        let mut live = come_back(&mut world, 2, &asked, ANN);
        live.push(&mut world, "old", &event(&done(1)));
        assert_eq!(reply(&live)["result"]["x"], 1.0);
    }
}
