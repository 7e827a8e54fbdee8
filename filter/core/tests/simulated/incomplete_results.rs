//! Results of the stateless era that are not complete, for clients that know nothing of such results.

use serde_json::{Value, json};

use crate::world::{
    Answer, Chance, Got, Request, Response, Seen, Server, Shape, Way, World, config, events,
};

const EVERYTHING: &str = r#"{"tools":{},"prompts":{},"resources":{},"completions":{}}"#;

/// One upstream without sessions that answers as asked.
fn world() -> World {
    let mut world = World::new(&config(&["new"]));
    let server = Server::new("new").tools(&["t"]).capabilities(EVERYTHING).shape(Shape::Json);
    world.serve("new", server.stateless());
    world
}

/// The requests that may be answered so, and their methods.
const REQUESTS: [(&str, &str); 3] = [
    ("tools/call", r#"{"name":"new__t","arguments":{ "x":1.0 }}"#),
    ("prompts/get", r#"{"name":"new__t","arguments":{ "x":1.0 }}"#),
    ("resources/read", r#"{"uri":"new+x:y","z":{ "x":1.0 }}"#),
];

fn said(seen: &Seen, says: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, seen.id())
}

fn json_of(seen: &Seen, says: &str) -> Answer {
    Response::new(200, "application/json", said(seen, says)).says()
}

fn sse_of(seen: &Seen, says: &str) -> Answer {
    Response::new(200, "text/event-stream", events(&[said(seen, says)])).says()
}

fn trailing(seen: &Seen, says: &str) -> Answer {
    let mut response = Response::new(200, "application/json", said(seen, says));
    response.trailers = true;
    response.says()
}

type Write = fn(&Seen, &str) -> Answer;

const WAYS: [Write; 3] = [json_of, sse_of, trailing];

/// Wants to be asked again so many times, each time with another state, and then gives a result.
fn patient(world: &mut World, method: &'static str, times: usize, write: Write) {
    let mut asked = 0;
    world.script_method("new", method, move |seen| {
        let state = seen.params().get("requestState").cloned();
        let expected = (asked > 0).then(|| Value::String(format!("state \n{asked}")));
        assert_eq!(state, expected, "{method}");
        asked += 1;
        if asked <= times {
            let state = format!(r#""requestState":"state \n{asked}""#);
            return write(seen, &format!(r#""result":{{"resultType":"input_required",{state}}}"#));
        }
        asked = 0;
        write(seen, r#""result":{"resultType":"complete","x":1.0}"#)
    });
}

fn send(world: &mut World, session: &str, method: &str, params: &str) -> Got {
    world.send(&Request::rpc(method, params).within(session))
}

/// The JSON of a whole answer, be it an event.
fn body(got: &Got) -> Value {
    let text = got.text();
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&text);
    serde_json::from_str(data).unwrap_or_else(|_| panic!("JSON: {text}"))
}

#[test]
fn who_wants_to_be_asked_again_is_asked_again() {
    for (seed, write) in WAYS.into_iter().enumerate() {
        for times in [0, 1, 8] {
            let mut world = world();
            world.chance = Chance::new(seed as u64 + 1);
            let session = world.begin();
            for (method, params) in REQUESTS {
                patient(&mut world, method, times, write);
                world.seen.clear();
                let got = send(&mut world, &session, method, params);
                assert_eq!(got.status, 200, "{}", got.text());
                let expected = json!({"resultType": "complete", "x": 1.0});
                assert_eq!(body(&got)["result"], expected, "{method} {times}: {}", got.text());
                assert_eq!(body(&got)["id"], 1);
                assert!(got.warnings.is_empty(), "{:?}", got.warnings);
                let seen = world.seen_by("new", method);
                assert_eq!(seen.len(), times + 1);
                let mut ids: Vec<String> = seen.iter().map(|seen| seen.id()).collect();
                ids.sort();
                ids.dedup();
                assert_eq!(ids.len(), times + 1, "each is a request of its own: {ids:?}");
                assert!(seen.iter().all(|seen| seen.text().contains(r#"{ "x":1.0 }"#)));
            }
        }
    }
}

#[test]
fn it_is_asked_again_eight_times_at_most() {
    for write in WAYS {
        let mut world = world();
        let session = world.begin();
        for (method, params) in REQUESTS {
            patient(&mut world, method, 9, write);
            world.seen.clear();
            let got = send(&mut world, &session, method, params);
            assert_eq!(got.refusal(), (200, -32603, json!(1)), "{}", got.text());
            assert!(got.text().contains("requestState"), "{}", got.text());
            assert_eq!(world.seen_by("new", method).len(), 9);
        }
    }
}

#[test]
fn a_state_that_is_too_long_to_be_held_is_not_sent_back() {
    for (write, length, is_asked) in [
        (json_of as Write, 60_000, true),
        (json_of, 70_000, false),
        (sse_of, 15_000, true),
        (sse_of, 17_000, false),
    ] {
        let mut world = world();
        let session = world.begin();
        world.script_method("new", "tools/call", move |seen| {
            if seen.params().get("requestState").is_some() {
                return json_of(seen, r#""result":{"resultType":"complete","content":[]}"#);
            }
            let state = "x".repeat(length);
            let result = format!(r#"{{"resultType":"input_required","requestState":"{state}"}}"#);
            write(seen, &format!(r#""result":{result}"#))
        });
        let got = send(&mut world, &session, REQUESTS[0].0, REQUESTS[0].1);
        let asked = world.seen_by("new", "tools/call").len() == 2;
        assert_eq!(asked, is_asked, "{length}");
        assert_eq!(got.text().contains(r#""content":[]"#), is_asked, "{length}");
    }
}

#[test]
fn a_refusal_of_a_later_try_is_the_answer() {
    let mut world = world();
    let session = world.begin();
    for (status, says, code) in [
        (200, r#""error":{"code":-32602,"message":"too late"}"#, -32602),
        (400, r#""error":{"code":-32602,"message":"too late"}"#, -32602),
        (400, r#""error":{"code":-32020,"message":"too late"}"#, -32603),
    ] {
        world.script_method("new", "tools/call", move |seen| {
            if seen.params().get("requestState").is_none() {
                let result = r#""result":{"resultType":"input_required","requestState":"s"}"#;
                return json_of(seen, result);
            }
            Response::new(status, "application/json", said(seen, says)).says()
        });
        let got = send(&mut world, &session, REQUESTS[0].0, REQUESTS[0].1);
        assert_eq!(got.refusal(), (200, code, json!(1)), "{}", got.text());
        assert!(got.text().contains("too late"), "{}", got.text());
    }
    world.script_method("new", "tools/call", |seen| {
        if seen.params().get("requestState").is_none() {
            let result = r#""result":{"resultType":"input_required","requestState":"s"}"#;
            return json_of(seen, result);
        }
        Answer::Silent
    });
    let got = send(&mut world, &session, REQUESTS[0].0, REQUESTS[0].1);
    assert_eq!(got.refusal(), (200, -32603, json!(1)), "{}", got.text());
}

#[test]
fn input_that_the_client_cannot_be_asked_for_is_named() {
    let input = concat!(
        r#""result":{"resultType":"input_required","requestState":"s","inputRequests":{"#,
        r#""q":{"method":"elicitation/create","params":{"message":"Your name?"}},"#,
        r#""r":{"method":"roots/list"}}}"#
    );
    let capability = concat!(
        r#""error":{"code":-32021,"message":"m","data":"#,
        r#"{"requiredCapabilities":{"elicitation":{"form":{}}}}}"#
    );
    for write in WAYS {
        for (says, words) in [
            (input, [r#"elicitation/create "Your name?""#, "roots/list"]),
            (capability, ["elicitation (form)", "capabilities"]),
        ] {
            let mut world = world();
            let session = world.begin();
            for (method, params) in REQUESTS {
                world.script_method("new", method, move |seen| write(seen, says));
                world.seen.clear();
                let got = send(&mut world, &session, method, params);
                let error = &body(&got)["error"];
                assert_eq!((got.status, &error["code"]), (200, &json!(-32603)), "{}", got.text());
                let message = error["message"].as_str().unwrap();
                assert!(words.iter().all(|word| message.contains(word)), "{message}");
                assert_eq!(error["data"]["upstream"], "new");
                assert_eq!(world.seen.len(), 1);
            }
        }
    }
    let mut world = world();
    let session = world.begin();
    world.script_method("new", "tools/call", move |seen| {
        Response::new(400, "application/json", said(seen, capability)).says()
    });
    let got = send(&mut world, &session, REQUESTS[0].0, REQUESTS[0].1);
    assert_eq!(got.refusal(), (200, -32603, json!(1)), "{}", got.text());
    assert!(got.text().contains("elicitation (form)"), "{}", got.text());
}

#[test]
fn behind_what_has_streamed_nothing_can_be_asked_again() {
    let mut world = world();
    let session = world.begin();
    world.script_method("new", "tools/call", |seen| {
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
        let asks = said(seen, r#""result":{"resultType":"input_required","requestState":"s"}"#);
        Response::new(200, "text/event-stream", events(&[progress.to_owned(), asks])).says()
    });
    let got = send(&mut world, &session, REQUESTS[0].0, REQUESTS[0].1);
    assert_eq!(got.way, Way::Routed);
    let text = got.text();
    assert!(text.contains("notifications/progress") && text.contains("-32603"), "{text}");
    assert_eq!(world.seen_by("new", "tools/call").len(), 1);
}

#[test]
fn a_client_of_the_same_era_does_that_itself() {
    for write in [json_of, sse_of] {
        let mut world = world();
        for says in [
            r#""result":{"resultType":"input_required","requestState":"s"}"#,
            r#""result":{"inputRequests":{"q":{"method":"roots/list"}},"resultType":"input_required"}"#,
        ] {
            world.script_method("new", "tools/call", move |seen| write(seen, says));
            let got = world.call_stateless("new__t");
            assert_eq!(got.way, Way::Routed);
            assert!(got.text().contains(says), "{}", got.text());
        }
        assert_eq!(world.seen_by("new", "tools/call").len(), 2);
    }
}

#[test]
fn whose_a_result_is_its_client_need_not_know() {
    let info = r#""io.modelcontextprotocol/serverInfo":{"name":"new","version":"1"}"#;
    for (meta, left) in [
        (format!("{{{info}}}"), "{}"),
        (format!(r#"{{ {info} , "x":1.0 }}"#), r#"{ "x":1.0 }"#),
        (format!(r#"{{"x":1.0,{info}}}"#), r#"{"x":1.0}"#),
        (
            format!(r#"{{"ui":{{"resourceUri":"ui://a"}},{info},"x":1}}"#),
            r#"{"ui":{"resourceUri":"ui://new/a"},"x":1}"#,
        ),
    ] {
        let mut world = world();
        let session = world.begin();
        let result = format!(r#""result":{{"resultType":"complete","_meta":{meta},"ttlMs":5}}"#);
        world.script_method("new", "tools/call", move |seen| json_of(seen, &result));
        let got = send(&mut world, &session, REQUESTS[0].0, REQUESTS[0].1);
        let result = format!(r#"{{"resultType":"complete","_meta":{left},"ttlMs":5}}"#);
        assert_eq!(got.text(), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#));
        assert!(world.call_stateless("new__t").text().contains("serverInfo"));
    }
}
