//! How questions of a server without sessions end that do not end well, and that nothing is left of them.

use serde_json::{Value, json};

use crate::questions::{
    ABLE, ANN, DONE, NAME, WAYS, Write, answer, asks, call, json_of, messages, reply, said,
    wanting, world,
};
use crate::world::{Answer, Live, Request, Response, Server, Shape, World};

/// A call whose client is asked, and what it is asked.
fn asked(world: &mut World, session: &str, inputs: &'static str, write: Write) -> (Live, Value) {
    asks(world, "tools/call", inputs, write);
    let mut live = call(world, session);
    let question = messages(&mut live).remove(0);
    (live, question)
}

fn error(live: &mut Live) -> (i64, String) {
    let message = if live.reply.is_some() { reply(live) } else { messages(live).remove(0) };
    assert!(live.reply.is_some() || live.is_ended);
    assert_eq!(message["id"], 1);
    let error = &message["error"];
    (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
}

fn nothing_is_left(world: &World, live: &Live) {
    assert_eq!(world.worker.shared().questions_open(), 0);
    assert_eq!(live.heard(), [] as [&str; 0]);
}

#[test]
fn a_client_that_refuses_an_elicitation_has_cancelled_it() {
    let (mut world, session) = world(1, ABLE);
    let (mut live, question) = asked(&mut world, &session, NAME, json_of);
    answer(&mut world, &session, &question, r#""error":{"code":-1,"message":"no"}"#);
    live.settle(&mut world);
    let second = world.seen_by("new", "tools/call")[1].params();
    assert_eq!(second["inputResponses"], json!({"q": {"action": "cancel"}}));
    assert_eq!(messages(&mut live)[0]["result"]["x"], 1.0);
}

#[test]
fn a_client_that_refuses_anything_else_gets_an_error() {
    for inputs in [r#""r":{"method":"roots/list"}"#, r#""s":{"method":"sampling/createMessage"}"#] {
        let (mut world, session) = world(1, ABLE);
        let (mut live, question) = asked(&mut world, &session, inputs, json_of);
        let refusal = r#""error":{"code":-1,"message":"User said no"}"#;
        answer(&mut world, &session, &question, refusal);
        live.settle(&mut world);
        let (code, message) = error(&mut live);
        assert!(code == -32603 && message.contains("User said no"), "{message}");
        assert_eq!(world.seen_by("new", "tools/call").len(), 1);
        nothing_is_left(&world, &live);
    }
}

#[test]
fn a_client_that_does_not_answer_is_waited_for_as_long_as_call_timeout() {
    for write in WAYS {
        let (mut world, session) = world(1, ABLE);
        let (mut live, question) = asked(&mut world, &session, NAME, write);
        live.pass(&mut world, 299);
        assert_eq!(live.take_all(), ": keep-alive\n\n".repeat(19));
        live.pass(&mut world, 1);
        let (code, message) = error(&mut live);
        assert!(
            code == -32603 && message.contains("Name?") && message.contains("300s"),
            "{message}"
        );
        nothing_is_left(&world, &live);
        // It is too late now, and goes nowhere.
        answer(&mut world, &session, &question, ANN);
        live.settle(&mut world);
        assert_eq!(world.seen_by("new", "tools/call").len(), 1);
        live.leave(&mut world);
    }
}

#[test]
fn of_a_client_that_leaves_nothing_is_left() {
    let (mut world, session) = world(1, ABLE);
    let (mut live, _) = asked(&mut world, &session, NAME, json_of);
    assert_eq!(world.worker.shared().questions_open(), 1);
    live.leave(&mut world);
    nothing_is_left(&world, &live);
    // While the server works on it.
    world.script_method("new", "tools/call", |_| {
        Response::new(200, "text/event-stream", ": x\n\n").says()
    });
    let mut live = call(&mut world, &session);
    assert_eq!(live.heard(), ["new"]);
    live.leave(&mut world);
    assert_eq!(live.cancelled, 1);
}

#[test]
fn the_answer_of_another_session_and_of_nobody_reaches_nobody() {
    let (mut world, session) = world(1, ABLE);
    let (mut live, question) = asked(&mut world, &session, NAME, json_of);
    let other = world.open();
    answer(&mut world, &other, &question, ANN);
    for id in ["\"mcp-mux-00000000000000000000000000000000\"", "1", "null", "\"new:x:1\""] {
        let id: Value = serde_json::from_str(id).unwrap();
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{ANN}}}"#);
        world.send(&Request::post(body).within(&session));
    }
    live.settle(&mut world);
    assert_eq!(world.seen_by("new", "tools/call").len(), 1);
    // Twice is once.
    answer(&mut world, &session, &question, ANN);
    answer(&mut world, &session, &question, r#""result":{"action":"decline"}"#);
    live.settle(&mut world);
    let second = world.seen_by("new", "tools/call")[1].params();
    assert_eq!(second["inputResponses"]["q"]["action"], "accept");
    assert!(live.is_ended);
}

#[test]
fn what_the_client_has_not_declared_it_is_not_asked() {
    let url = r#""q":{"method":"elicitation/create","params":{"mode":"url","message":"Visit"}}"#;
    for (able, inputs) in [
        (r#"{"roots":{}}"#, NAME),
        (r#"{"elicitation":{}}"#, url),
        (r#"{"elicitation":{}}"#, r#""r":{"method":"roots/list"}"#),
        (ABLE, r#""p":{"method":"ping"}"#),
    ] {
        for write in WAYS {
            let (mut world, session) = world(1, able);
            asks(&mut world, "tools/call", inputs, write);
            let mut live = call(&mut world, &session);
            let (code, message) = error(&mut live);
            assert!(code == -32603 && message.contains("declared"), "{message}");
            nothing_is_left(&world, &live);
        }
    }
}

#[test]
fn what_goes_wrong_at_the_server_is_said() {
    let refused = r#""error":{"code":-32602,"message":"too late"}"#;
    for (answer, code, words) in [
        (Answer::Silent, -32603, "no answer within"),
        (Answer::NotSent, -32603, "cluster new"),
        (Answer::TooLarge, -32603, "longer than"),
        (Response::new(500, "text/plain", "oops").says(), -32603, "oops"),
        (Response::new(200, "application/json", "{}").says(), -32603, "response"),
        (Response::new(200, "", "").says(), -32603, "neither"),
    ] {
        let mut answer = Some(answer);
        let (mut world, session) = world(2, ABLE);
        world.script_method("new", "tools/call", move |_| answer.take().expect("one call"));
        let mut live = call(&mut world, &session);
        let (found, message) = error(&mut live);
        assert!(found == code && message.contains(words), "{message}");
        nothing_is_left(&world, &live);
    }
    // Behind a question, too.
    for status in [200, 400] {
        let (mut world, session) = world(2, ABLE);
        world.script_method("new", "tools/call", move |seen| {
            if seen.params().get("inputResponses").is_some() {
                return Response::new(status, "application/json", said(seen, refused)).says();
            }
            json_of(seen, &wanting(NAME, ""))
        });
        let mut live = call(&mut world, &session);
        let question = messages(&mut live).remove(0);
        answer(&mut world, &session, &question, ANN);
        live.settle(&mut world);
        assert_eq!(error(&mut live), (-32602, "too late".to_owned()));
    }
    // A stream that ends, or breaks off, before the answer.
    for is_reset in [false, true] {
        let (mut world, session) = world(2, ABLE);
        world.script_method("new", "tools/call", |_| {
            Response::new(200, "text/event-stream", ": x\n\n").says()
        });
        let mut live = call(&mut world, &session);
        if is_reset {
            live.reset(&mut world, "new");
        } else {
            live.end(&mut world, "new");
        }
        let (code, message) = error(&mut live);
        assert!(code == -32603 && message.contains("ended before"), "{message}");
    }
}

#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_call_timeout() {
    let (mut world, session) = world(1, ABLE);
    world.script_method("new", "tools/call", |_| {
        Response::new(200, "text/event-stream", ": x\n\n").says()
    });
    let mut live = call(&mut world, &session);
    live.pass(&mut world, 299);
    assert!(live.push(&mut world, "new", b": y\n\n"));
    live.pass(&mut world, 299);
    assert!(!live.is_ended);
    live.pass(&mut world, 1);
    live.take();
    assert!(live.is_ended && live.cancelled == 1);
}

#[test]
fn a_server_that_has_sessions_again_is_asked_in_one() {
    let (mut world, session) = world(1, ABLE);
    world.serve("new", Server::new("new").tools(&["t"]).shape(Shape::Json));
    let live = call(&mut world, &session);
    assert!(reply(&live)["result"].is_object(), "{}", reply(&live));
    let opened = world.seen_by("new", "initialize");
    assert_eq!(opened[0].params()["capabilities"], serde_json::from_str::<Value>(ABLE).unwrap());
}

#[test]
fn a_server_that_wants_other_headers_is_listed_again_and_may_ask_then() {
    let (mut world, session) = world(1, ABLE);
    let mut refuses = true;
    world.script_method("new", "tools/call", move |seen| {
        if std::mem::take(&mut refuses) {
            let error = r#""error":{"code":-32020,"message":"Mcp-Param-X"}"#;
            return Response::new(400, "application/json", said(seen, error)).says();
        }
        let has = seen.params().get("inputResponses").is_some();
        json_of(seen, &if has { DONE.to_owned() } else { wanting(NAME, "") })
    });
    let mut live = call(&mut world, &session);
    assert_eq!(world.seen_by("new", "tools/list").len(), 1);
    let question = messages(&mut live).remove(0);
    answer(&mut world, &session, &question, ANN);
    live.settle(&mut world);
    assert_eq!(messages(&mut live)[0]["result"]["x"], 1.0);
    assert_eq!(world.seen_by("new", "tools/call").len(), 3);
}

#[test]
fn for_a_slow_client_no_more_than_a_mebibyte_waits() {
    let (mut world, session) = world(1, ABLE);
    world.at_once = true;
    world.script_method("new", "tools/call", |_| {
        Response::new(200, "text/event-stream", ": x\n\n").says()
    });
    let mut live = call(&mut world, &session);
    live.backlog(&mut world, true);
    let text = "x".repeat(100_000);
    let params = format!(r#"{{"data":"{text}"}}"#);
    let event = format!(
        "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{params}}}\n\n"
    );
    for _ in 0..10 {
        assert!(live.push(&mut world, "new", event.as_bytes()));
    }
    assert!(live.take().is_empty() && live.heard() == ["new"]);
    live.push(&mut world, "new", event.as_bytes());
    assert_eq!((live.heard(), live.is_ended), (Vec::new(), false));
    live.backlog(&mut world, false);
    assert!(live.is_ended && live.held() < 3_000_000);
    let all = messages(&mut live);
    assert_eq!((all.len(), &all[11]["error"]["code"]), (12, &json!(-32603)));
    // A client that takes all gets all.
    let mut live = call(&mut world, &session);
    live.backlog(&mut world, true);
    live.push(
        &mut world,
        "new",
        format!("data: {{\"jsonrpc\":\"2.0\",\"id\":1,{DONE}}}\n\n").as_bytes(),
    );
    assert!(live.take().is_empty() && !live.is_ended);
    live.backlog(&mut world, false);
    assert_eq!(messages(&mut live)[0]["result"]["x"], 1.0);
    assert!(live.is_ended);
}
