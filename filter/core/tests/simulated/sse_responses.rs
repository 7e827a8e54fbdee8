//! Routed answers: they pass, with their marks, and a stream that breaks off early says so.

use serde_json::{Value, json};

use crate::world::{
    Answer, Chance, Got, Marking, Pieces, Request, Response, World, any_value, event_stream,
    marked_stream,
};

const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

/// What an `EventSource` hands to its page: the standard's own steps over the whole stream.
pub(crate) fn messages(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut seen, mut name, mut data) = (Vec::new(), String::new(), String::new());
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();
    for line in lines {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                if !data.is_empty() && (name.is_empty() || name == "message") {
                    data.pop();
                    seen.push(data);
                }
                (name, data) = (String::new(), String::new());
            }
            "event" => value.clone_into(&mut name),
            "data" => data = data + value + "\n",
            _ => {}
        }
    }
    seen
}

/// A call that is answered like this, and the marks of its stream.
fn call(seed: u64, response: Response) -> (Got, Marking) {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.chance = Chance::new(seed);
    world.script_method("a", "tools/call", move |_| Answer::Says(response.clone()));
    (world.call(&session, "\"a__t\""), world.marking(&session, "a", 't', "1"))
}

fn stream(body: &[u8]) -> Response {
    Response::new(200, "text/event-stream", body)
}

/// Whether one of these messages answers the request 1.
fn answered(messages: &[String]) -> bool {
    messages.iter().any(|message| {
        let message: Value = serde_json::from_str(message).unwrap_or_default();
        message["id"] == 1 && (message.get("result").is_some() || message.get("error").is_some())
    })
}

/// What is whole of a stream goes by with its marks. What breaks off behind that is the client's, too,
/// where the answer is there or may still be asked for; one error event, the last, is in its place
/// everywhere else.
fn check(seed: u64, body: &[u8]) {
    let (got, marking) = call(seed, stream(body));
    let shown = String::from_utf8_lossy(body);
    assert_eq!(got.status, 200, "{shown:?}");
    let pieces = Pieces::of(body);
    let marked = pieces.marked(&marking);
    if answered(&messages(body)) || pieces.resumable() {
        assert_eq!(got.body, [marked, pieces.rest].concat(), "{shown:?}");
        return;
    }
    assert_eq!(got.header("content-length"), None);
    let added = got.body.strip_prefix(&marked[..]).unwrap_or_else(|| panic!("{shown:?}"));
    let mut after = messages(&got.body);
    let last = after.pop().expect("an event");
    let error: Value =
        serde_json::from_str(&last).unwrap_or_else(|_| panic!("{shown:?} became {:?}", got.text()));
    assert_eq!(after, messages(&marked), "{shown:?} became {:?}", got.text());
    assert_eq!(messages(added).len(), 1);
    assert_eq!((&error["id"], &error["error"]["code"]), (&json!(1), &json!(-32603)));
    assert_eq!(error["error"]["data"]["upstream"], "a");
}

#[test]
fn an_event_stream_passes_with_its_marks_however_it_is_cut() {
    for seed in 0..200 {
        let body = event_stream(&mut Chance::new(seed), ANSWER);
        let (got, marking) = call(seed, stream(&body));
        assert_eq!(got.body, marked_stream(&body, &marking), "seed {seed}");
        assert_eq!(got.header("content-type").as_deref(), Some("text/event-stream"));
    }
}

#[test]
fn a_stream_that_ends_early_ends_with_one_error_event_unless_it_can_be_resumed() {
    for first in
        ["id: 1\nretry: 10\ndata:\n\n", "id: 1\n\n", "id:\n", "id\n: c\n\n", "", "\u{feff}"]
    {
        for end in ["\n", "\r\n", "\r"] {
            let parts = [
                first,
                "event: other\ndata: x\n\n",
                ": c\n\nevent: message\n",
                "data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":1,\"result\":{}}\nid: 2\n\n",
                "data: after\n\n",
            ];
            let body = parts.concat().replace('\n', end).into_bytes();
            for at in 1..=body.len() {
                check(at as u64, &body[..at]);
            }
        }
    }
}

#[test]
fn any_stream_cut_anywhere_has_its_answer_or_one_error_or_can_be_resumed() {
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let body = event_stream(&mut chance, ANSWER);
        let end = 1 + chance.below(body.len());
        check(seed, &body[..end]);
    }
}

#[test]
fn a_stream_without_a_single_byte_is_an_error_however_it_is_told() {
    for seed in 0..20 {
        let (got, _) = call(seed, stream(b""));
        assert!(got.text().contains(r#""id":1,"error":{"code":-32603"#), "{}", got.text());
        let json = got.header("content-type").as_deref() == Some("application/json");
        assert_eq!(messages(&got.body).len(), usize::from(!json));
    }
}

#[test]
fn an_answer_is_known_by_the_value_of_its_id() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    for (asked, answer, same) in [
        ("1", "1", true),
        ("1", "\"1\"", false),
        ("\"1\"", "1", false),
        ("\"a\"", r#""\u0061""#, true),
        (r#""\u0061\/""#, "\"a/\"", true),
        ("\"é\"", r#""\u00e9""#, true),
        ("12345678901234567890123", "12345678901234567890123", true),
        ("12345678901234567890123", "12345678901234567890124", false),
        ("0", "null", false),
    ] {
        let body = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{answer},\"result\":{{}}}}\n\n");
        let response = stream(body.as_bytes());
        world.script("a", move |_| Answer::Says(response.clone()));
        let request = format!(
            r#"{{"jsonrpc":"2.0","id":{asked},"method":"tools/call","params":{{"name":"a__t"}}}}"#
        );
        let got = world.send(&Request::post(request).within(&session));
        assert_eq!(got.body == body.as_bytes(), same, "{asked} {answer}: {}", got.text());
        let error = format!(r#""id":{asked},"error""#);
        assert_eq!(got.text().contains(&error), !same);
    }
}

#[test]
fn an_answer_over_the_limit_is_not_called_missing() {
    let mut plan = crate::world::config(&["a"]);
    plan["limits"] = json!({ "upstream_body": 1024 });
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.configure(crate::world::gateway(&plan));
    let text = "x".repeat(5000);
    for split in ["", "\ndata:"] {
        let body = format!(
            "data: {{\"jsonrpc\":\"2.0\",\"id\":1,{split}\"result\":{{\"x\":\"{text}\"}}}}\n\n"
        );
        let response = stream(body.as_bytes());
        world.script("a", move |_| Answer::Says(response.clone()));
        assert_eq!(world.call(&session, "\"a__t\"").text(), body);
    }
}

#[test]
fn json_answers_pass_untouched() {
    for seed in 0..100 {
        let mut chance = Chance::new(seed);
        let (x, outcome) = (any_value(&mut chance, 4), chance.pick(&["result", "error"]));
        let body = format!(" {{\"id\":1, \"x\":{x},\"{outcome}\": {x},\"jsonrpc\" :\"2.0\"}}\n");
        let status = chance.pick(&[200, 201]);
        let response = Response::new(status, "application/json; charset=utf-8", body.clone());
        let (got, _) = call(seed, response.with("x-other", "kept"));
        assert_eq!((got.status, got.text()), (200, body));
        assert_eq!(got.header("x-other").as_deref(), Some("kept"));
    }
}
