//! How servers say that they do not know a session, and what only sounds like it.

use mcp_mux_core::effect::Counter;
use serde_json::json;

use crate::world::{
    Chance, Got, INITIALIZE, Request, Response, Restarting, Seen, Server, World, config,
};

/// Status, media type, body.
type Words = (u16, &'static str, &'static str);

const UNKNOWN: &str = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"unknown mcp-session-id header"}}"#;
const INACTIVE: &str =
    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no active session"}}"#;
const CUSTOM: &str =
    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32050,"message":"Session expired"}}"#;
const EVENT: &str = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"Session not found\"}}\n\n";

/// Beyond those that the protocol knows.
const WORDS: [Words; 16] = [
    (410, "", ""),
    (410, "text/html", "<h1>Gone</h1>"),
    (400, "text/plain", "invalid session id"),
    (400, "", ""),
    (400, "application/json", r#"{"error":"Invalid session"}"#),
    (400, "application/json", INACTIVE),
    (400, "application/json", UNKNOWN),
    (400, "text/event-stream", EVENT),
    (401, "text/plain", "Unauthorized: Session not found"),
    (401, "application/json", UNKNOWN),
    (403, "", "session not found"),
    (403, "application/json", r#"{"message":"session is unknown"}"#),
    (422, "text/plain", "Unexpected message, expect initialize request"),
    (503, "application/json", INACTIVE),
    (200, "application/json", CUSTOM),
    (200, "text/event-stream", EVENT),
];

#[test]
fn whatever_the_words_the_client_does_not_notice() {
    for (seed, words) in WORDS.into_iter().cycle().take(WORDS.len() * 8).enumerate() {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let session = world.begin();
        world.chance = Chance::new(seed as u64);
        server.restart(words);
        let got = world.call(&session, "\"a__t\"");
        assert!(got.text().contains(r#""by":"a-2""#), "{words:?}: {}", got.text());
        assert_eq!((server.opened(), world.seen_by("a", "tools/call").len()), (2, 2), "{words:?}");
        assert!(world.seen_by("a", "ping").len() <= 1, "{words:?}");
        server.restart(words);
        world.seen.clear();
        let got = world.list(&session);
        assert_eq!(
            (got.names(), got.unavailable().len()),
            (vec!["a__t".to_owned()], 0),
            "{words:?}"
        );
        assert_eq!(server.opened(), 3, "{words:?}");
        assert!(world.seen_by("a", "ping").len() <= 1, "{words:?}");
    }
}

/// Answers one call like this, and whatever else is asked in a session as `Restarting` does.
fn call_answered(words: Words) -> (World, Got) {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let (status, kind, body) = words;
    world.seen.clear();
    let answer = Response::new(status, kind, body);
    world.script_method("a", "tools/call", move |_| answer.clone().says());
    world.script_method("a", "ping", |seen: &Seen| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, seen.id());
        Response::new(200, "application/json", body).says()
    });
    let got = world.call(&session, "\"a__t\"");
    (world, got)
}

#[test]
fn an_upstream_that_knows_the_session_is_not_opened_again_and_its_answer_is_passed_on() {
    let browser = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Browser session not found","data":1.0}}"#;
    let arguments =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown session id"}}"#;
    let tool = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"Session not found"}]}}"#;
    let event = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"Session closed\"}}\n\n";
    for (words, pings) in [
        ((200, "application/json", browser), 1),
        ((400, "application/json", browser), 1),
        ((200, "application/json", arguments), 0),
        ((400, "application/json", arguments), 0),
        ((404, "application/json", arguments), 0),
        ((200, "application/json", tool), 0),
        ((200, "text/event-stream", event), 1),
    ] {
        let (world, got) = call_answered(words);
        let text = got.text();
        let body = text.trim_start_matches("data: ").trim_end();
        let sent = words.2.trim_start_matches("data: ").trim_end();
        assert_eq!((got.status, body), (200, sent), "{words:?}");
        assert_eq!(world.seen_by("a", "ping").len(), pings, "{words:?}");
        assert_eq!(world.seen_by("a", "tools/call").len(), 1, "{words:?}");
        assert!(world.seen_by("a", "initialize").is_empty(), "{words:?}");
    }
    for words in [
        (403, "text/plain", "Forbidden: this session may not call this tool"),
        (403, "application/json", r#"{"error":"denied by policy"}"#),
        (429, "text/plain", "too many sessions"),
        (400, "text/plain", "no"),
    ] {
        let (world, got) = call_answered(words);
        assert_eq!(got.refusal(), (200, -32603, json!(1)), "{words:?}");
        assert_eq!(got.json()["error"]["data"]["status"], words.0, "{words:?}");
        assert_eq!(world.seen_by("a", "tools/call").len(), 1, "{words:?}");
        assert!(world.seen_by("a", "initialize").is_empty(), "{words:?}");
    }
}

/// A text without a length is read as far as its first bytes. Where these do not say it, a ping tells for
/// the statuses that servers use for lost sessions.
#[test]
fn words_without_a_length_are_read_as_far_as_they_arrive_at_once() {
    for (status, text) in [
        (400, "invalid session id"),
        (401, "session not found"),
        (403, "session not found"),
        (409, "session not found"),
        (422, "session not found"),
        (503, "session expired"),
    ] {
        for (seed, at_once) in (0..40).zip([true, false].into_iter().cycle()) {
            let mut world = World::new(&config(&["a"]));
            let server = Restarting::put(&mut world, "a");
            let session = world.begin();
            world.chance = Chance::new(seed);
            world.at_once = at_once;
            server.restart((status, "text/plain", text));
            world.seen.clear();
            let got = world.call(&session, "\"a__t\"");
            let is_served = got.text().contains(r#""by":"a-2""#);
            if at_once {
                let pings = usize::from([401, 403].contains(&status));
                assert_eq!(world.seen_by("a", "ping").len(), pings, "{status}");
            }
            let asks = [400, 401, 403, 422].contains(&status);
            assert!(is_served || !at_once && !asks, "{status}: {}", got.text());
        }
    }
}

#[test]
fn a_challenge_is_no_lost_session() {
    for status in [401, 403] {
        let mut world = World::of(&["a"]);
        let session = world.open();
        world.seen.clear();
        world.script_method("a", "tools/call", move |_| {
            Response::new(status, "text/plain", "session expired")
                .with("www-authenticate", "Bearer")
                .says()
        });
        let got = world.call(&session, "\"a__t\"");
        assert_eq!(got.json()["error"]["data"]["challenge"], "Bearer");
        assert_eq!(world.seen.len(), 1, "{status}");
    }
}

#[test]
fn a_call_is_not_made_again_if_its_server_may_have_acted() {
    // The tool says that a session is closed, and then so does the server of its own.
    let acted = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Session closed"}}"#;
    for kind in ["application/json", "text/event-stream"] {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let session = world.begin();
        let mut calls = 0;
        let restarted = server.clone();
        world.script_method("a", "tools/call", move |seen| {
            calls += 1;
            if calls > 1 {
                return restarted.answers(seen);
            }
            restarted.restart((404, "text/plain", "Not Found"));
            let body = if kind == "application/json" {
                acted.to_owned()
            } else {
                format!("data: {acted}\n\n")
            };
            Response::new(200, kind, body).says()
        });
        let got = world.call(&session, "\"a__t\"");
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        assert!(got.text().contains("may have acted"), "{}", got.text());
        assert_eq!(world.seen_by("a", "tools/call").len(), 1);
        // The session is there again.
        let got = world.call(&session, "\"a__t\"");
        assert!(got.text().contains(r#""by":"a-2""#), "{}", got.text());
        assert_eq!(server.opened(), 2);
    }
}

#[test]
fn the_operator_is_told_that_a_session_was_lost() {
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let session = world.begin();
    server.restart((404, "", ""));
    world.call(&session, "\"a__t\"");
    server.restart((410, "", ""));
    world.list(&session);
    assert_eq!(world.opened, ["upstream a had lost its session: initialized"; 2]);
}

#[test]
fn a_request_whose_connection_closed_is_made_once_more_but_a_call_is_not() {
    let closed = || {
        let text = "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
        Response::new(503, "text/plain", text).says()
    };
    for (times, served) in [(1, true), (2, false)] {
        let mut world = World::of(&["a"]);
        let session = world.open();
        for method in ["initialize", "tools/list"] {
            let mut server = Server::new("a").tools(&["t"]);
            let mut failed = 0;
            world.seen.clear();
            world.script("a", move |seen| {
                failed += usize::from(seen.method() == method);
                if failed <= times && seen.method() == method {
                    closed()
                } else {
                    server.answer(seen)
                }
            });
            let got = match method {
                "initialize" => world.send(&Request::rpc(method, INITIALIZE)),
                _ => world.list(&session),
            };
            assert_eq!(got.text().contains("result"), served, "{method}: {}", got.text());
            assert_eq!(world.seen_by("a", method).len(), 2);
            let failures =
                got.counts.iter().filter(|it| matches!(it, Counter::SideCall { ok: false, .. }));
            assert_eq!(failures.count(), usize::from(!served), "the last try is counted");
        }
    }
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.seen.clear();
    world.script_method("a", "tools/call", move |_| closed());
    assert_eq!(world.call(&session, "\"a__t\"").refusal().1, -32603);
    assert_eq!(world.seen_by("a", "tools/call").len(), 1);
}
