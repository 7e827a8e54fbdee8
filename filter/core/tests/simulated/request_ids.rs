//! Ids of requests: the client's come back as they were, and the gateway's own differ.

use serde_json::Value;

use crate::world::{INITIALIZE, Request, Response, World};

#[test]
fn ids_come_back_with_their_exact_text() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    for id in [
        "0",
        "-0",
        "-5",
        "9007199254740993",
        "123456789012345678901234567890",
        "\"\"",
        r#""\u0061\/é""#,
        r#""\ud800""#,
    ] {
        let body = |method: &str| format!(r#"{{"jsonrpc":"2.0","id": {id} ,"method":"{method}"}}"#);
        for method in ["ping", "tools/list", "no/such", "tools/call"] {
            let got = world.send(&Request::post(body(method)).within(&session));
            assert!(got.text().contains(&format!(r#""id":{id},"#)), "{method}: {}", got.text());
        }
    }
}

#[test]
fn an_id_is_at_most_1024_bytes_of_json() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let digits = |length: usize| "7".repeat(length);
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let escaped =
        |length: usize| format!("\"{}{}\"", "\\u0041".repeat(100), "x".repeat(length - 602));
    for id in [digits, text, escaped] {
        let body = |length| format!(r#"{{"jsonrpc":"2.0","id":{},"method":"ping"}}"#, id(length));
        let got = world.send(&Request::post(body(1024)).within(&session));
        assert!(
            got.text().starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{},"result""#, id(1024)))
        );
        let got = world.send(&Request::post(body(1025)).within(&session));
        assert_eq!(got.refusal(), (400, -32600, Value::Null));
        assert!(got.text().contains("1024 bytes"));
    }
}

#[test]
fn request_ids_of_the_gateway_differ_from_request_to_request() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    for _ in 0..100 {
        world.list(&session);
    }
    let ids: std::collections::BTreeSet<String> =
        world.seen.iter().map(crate::world::Seen::id).collect();
    assert_eq!(ids.len(), world.seen.len());
    assert!(ids.iter().all(|id| id.parse::<u64>().is_ok_and(|id| id < 1 << 31)));
}

#[test]
fn an_answer_with_another_id_is_reported_as_that() {
    for content_type in ["application/json", "text/event-stream"] {
        let mut world = World::of(&["a", "b"]);
        world.script("b", move |_| {
            let message = r#"{"jsonrpc":"2.0","id":5,"result":{}}"#;
            let body = match content_type {
                "application/json" => message.to_owned(),
                _ => format!("data: {message}\n\n"),
            };
            Response::new(200, content_type, body).says()
        });
        let got = world.send(&Request::rpc("initialize", INITIALIZE));
        let asked = world.seen_by("b", "initialize")[0].id();
        let reason = format!("it answered id 5, asked was {asked}");
        assert!(got.text().contains(&reason), "{}", got.text());
    }
}
