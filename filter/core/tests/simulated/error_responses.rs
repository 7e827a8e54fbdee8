//! Answers of an upstream that a client could not use: each becomes a JSON-RPC error of the call.

use serde_json::{Value, json};

use crate::world::{Answer, Chance, Got, Response, Server, World, config};

fn call(seed: u64, session: Option<&str>, answer: Answer) -> Got {
    let mut world = World::new(&config(&["a", "b"]));
    world.serve("a", Server::new("a").tools(&["t"]).session(session));
    world.serve("b", Server::new("b"));
    let id = world.open();
    world.chance = Chance::new(seed);
    world.script("a", move |_| answer.clone());
    world.call(&id, "\"a__t\"")
}

fn data(got: &Got) -> Value {
    assert_eq!(got.refusal(), (200, -32603, json!(1)), "{}", got.text());
    let data = got.json()["error"]["data"].clone();
    assert_eq!(data["upstream"], "a");
    let message = got.json()["error"]["message"].as_str().expect("a message").to_owned();
    let reason = data["reason"].as_str().expect("a reason");
    assert!(message.contains('a') && message.contains(reason), "{message}");
    data
}

#[test]
fn every_status_but_success_is_an_error_of_the_call() {
    let statuses = [100, 301, 400, 401, 403, 405, 406, 413, 415, 429, 500, 502, 503, 504, 599];
    for (seed, status) in statuses.into_iter().enumerate() {
        for (kind, body) in [
            ("", ""),
            ("text/plain", "upstream connect error"),
            ("text/html", "<h1>Oops</h1>"),
            ("application/json", "{\"error\":"),
            ("application/octet-stream", "\u{0}\u{1}"),
            ("text/event-stream", "data: {}\n\n"),
        ] {
            for trailers in [false, true] {
                let mut response = Response::new(status, kind, body);
                response.trailers = trailers;
                let got = call(seed as u64, Some("s"), response.says());
                let data = data(&got);
                assert_eq!(data["status"], status);
                let reason = data["reason"].as_str().expect("a reason").to_owned();
                assert!(reason.contains(&format!("HTTP {status}")), "{reason}");
                assert!(!reason.contains("Oops"), "{reason}");
                // A text is waited for where it says how long it is.
                let quotes = reason.contains("connect error");
                assert!(!quotes || kind == "text/plain", "{reason}");
            }
        }
    }
}

#[test]
fn a_successful_answer_that_is_neither_json_nor_a_stream_is_an_error() {
    for (seed, (status, kind, body)) in [
        (200, "text/html", "<h1>Sign in</h1>"),
        (200, "", "x"),
        (200, "text/plain", "hello"),
        (200, "application/json", ""),
        (200, "text/event-stream", ""),
        (202, "", ""),
        (204, "", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let got = call(seed as u64, Some("s"), Response::new(status, kind, body).says());
        if !body.is_empty() || kind.is_empty() {
            assert_eq!(data(&got)["status"], status);
        }
    }
}

#[test]
fn envoys_own_answers_name_the_upstream() {
    assert_eq!(data(&call(1, Some("s"), Answer::NotSent))["status"], 503);
    assert_eq!(data(&call(2, Some("s"), Answer::Silent))["status"], 504);
}

#[test]
fn a_challenge_is_reported_and_not_relayed_and_a_pause_is_passed_on() {
    for seed in 0..8 {
        for trailers in [false, true] {
            let mut response = Response::new(401, "text/plain", "no")
                .with("www-authenticate", "Bearer realm=\"a\"")
                .with("retry-after", "7")
                .with("content-encoding", "identity");
            response.trailers = trailers;
            let got = call(seed, Some("s"), response.says());
            assert_eq!(data(&got)["challenge"], "Bearer realm=\"a\"");
            assert_eq!(got.header("www-authenticate"), None);
            assert_eq!(got.header("content-encoding"), None);
            assert_eq!(got.header("retry-after").as_deref(), Some("7"));
        }
    }
}

#[test]
fn no_answer_of_an_upstream_becomes_a_404() {
    for body in ["", "Not found", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001}}"#] {
        for trailers in [false, true] {
            let mut response = Response::new(404, "application/json", body);
            response.trailers = trailers;
            let got = call(3, Some("s"), response.clone().says());
            let reason = data(&got)["reason"].as_str().expect("a reason").to_owned();
            assert!(reason.contains("404") || reason.contains("lost its session"), "{reason}");
            let got = call(3, None, response.says());
            assert_eq!(data(&got)["status"], 404);
        }
    }
}

#[test]
fn a_json_rpc_answer_with_an_error_status_is_passed_on_with_200() {
    let body = r#"{ "jsonrpc":"2.0","id":1,"error":{"code":-32050,"message":"full","data":1.0}}"#;
    for status in [400, 422, 401, 403, 429, 500] {
        let got = call(4, Some("s"), Response::new(status, "application/json", body).says());
        if matches!(status, 400 | 422) {
            assert_eq!((got.status, got.text().as_str()), (200, body));
        } else {
            // Not about the call but about the upstream, which the client is told.
            assert_eq!(data(&got)["status"], status);
        }
        let other = body.replace("\"id\":1", "\"id\":2");
        let got = call(5, Some("s"), Response::new(status, "application/json", other).says());
        let reason = data(&got)["reason"].as_str().expect("a reason").to_owned();
        assert!(reason.contains("-32050: full"), "{reason}");
    }
}

#[test]
fn a_page_of_any_length_is_cut_short() {
    for length in [0, 200, 201, 65_536, 65_537, 300_000] {
        let body = "é".repeat(length / 2);
        let got = call(6, Some("s"), Response::new(500, "text/plain", body).says());
        assert!(data(&got)["reason"].as_str().expect("a reason").len() < 300);
    }
}
