//! A client cancels a call in which it is asked something, or may be: the call is broken off, on whichever worker the
//! cancellation comes.

use serde_json::Value;

use crate::questions::{
    ABLE, ANN, NAME, WAYS, answer, asks, call, json_of, messages, reply, world,
};
use crate::world::{Live, Request, Response, World};

/// A client cancels its request of this raw id, on another worker of the same memory.
fn cancel(world: &mut World, session: &str, id: &str) {
    let before = world.next_worker();
    let params = format!(r#"{{"requestId":{id},"reason":"changed my mind"}}"#);
    let method = "notifications/cancelled";
    let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
    let got = world.send(&Request::post(body).within(session));
    assert_eq!((got.status, got.text()), (202, String::new()));
    world.worker = before;
}

fn is_over(world: &World, live: &Live) {
    assert!(live.is_ended && live.reply.is_none() && live.warnings.is_empty());
    assert_eq!(world.worker.shared().questions_open(), 0);
    assert_eq!(live.heard(), [] as [&str; 0]);
}

#[test]
fn a_question_is_withdrawn_and_its_answer_goes_nowhere() {
    for (seed, write) in (0..10).flat_map(|seed| WAYS.map(|write| (seed, write))) {
        let (mut world, session) = world(seed, ABLE);
        asks(&mut world, "tools/call", NAME, write);
        let mut live = call(&mut world, &session);
        let question = messages(&mut live).remove(0);
        cancel(&mut world, &session, "1");
        live.settle(&mut world);
        let [withdrawn] = &messages(&mut live)[..] else { panic!("one message") };
        assert_eq!(withdrawn["method"], "notifications/cancelled");
        assert_eq!(withdrawn["params"]["requestId"], question["id"]);
        is_over(&world, &live);
        answer(&mut world, &session, &question, ANN);
        cancel(&mut world, &session, "1");
        live.settle(&mut world);
        assert_eq!(world.seen_by("new", "tools/call").len(), 1);
        // Servers without sessions know no such message, and the others work on nothing.
        assert_eq!(world.seen_by("new", "notifications/cancelled").len(), 0);
        live.leave(&mut world);
    }
}

#[test]
fn a_call_that_its_server_works_on_is_broken_off() {
    let (mut world, session) = world(1, ABLE);
    let working = |kind: &'static str, begin: &'static str| {
        move |_: &crate::world::Seen| Response::new(200, kind, begin).says()
    };
    world.script_method("new", "tools/call", working("text/event-stream", ": x\n\n"));
    let mut live = call(&mut world, &session);
    assert_eq!(live.heard(), ["new"]);
    cancel(&mut world, &session, "1");
    live.settle(&mut world);
    assert_eq!((live.cancelled, messages(&mut live)), (1, Vec::<Value>::new()));
    is_over(&world, &live);
    live.leave(&mut world);
    assert_eq!(live.cancelled, 1);
}

#[test]
fn another_request_and_another_session_are_other_matters() {
    let (mut world, session) = world(1, ABLE);
    let other = world.open();
    asks(&mut world, "tools/call", NAME, json_of);
    let mut live = call(&mut world, &session);
    let question = messages(&mut live).remove(0);
    cancel(&mut world, &session, "2");
    cancel(&mut world, &session, "\"1\"");
    cancel(&mut world, &other, "1");
    live.settle(&mut world);
    assert!(!live.is_ended && messages(&mut live).is_empty());
    answer(&mut world, &session, &question, ANN);
    live.settle(&mut world);
    assert_eq!(messages(&mut live)[0]["result"]["x"], 1.0);
    // The next of the same id is asked as ever.
    cancel(&mut world, &session, "1");
    let mut live = call(&mut world, &session);
    assert_eq!(messages(&mut live).len(), 1);
    world.script_method("new", "tools/call", |seen| json_of(seen, crate::questions::DONE));
    assert_eq!(reply(&call(&mut world, &session))["result"]["x"], 1.0);
}
