//! What is made once more after an upstream has lost its session: what is sent, when, and what
//! becomes of a second failure.

use mcp_mux_core::effect::{Counter, Outcome};
use serde_json::json;

use crate::world::{
    Answer, LOSSES, Request, Response, Restarting, Seen, Server, Shape, World, config, event,
    raw_member,
};

const CANCELLED: &str = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;

fn lost(seed: usize) -> Response {
    let (status, kind, body) = LOSSES[seed % LOSSES.len()];
    Response::new(status, kind, body)
}

#[test]
fn an_upstream_that_always_loses_its_session_is_opened_once_a_request() {
    for seed in 0..LOSSES.len() {
        let mut world = World::of(&["a", "b"]);
        let session = world.open();
        for method in ["tools/list", "tools/call"] {
            world.script_method("a", method, move |_| lost(seed).says());
        }
        world.seen.clear();
        let got = world.call(&session, "\"a__t\"");
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        assert_eq!(got.json()["error"]["data"]["upstream"], "a");
        assert!(got.text().contains("lost its session right after `initialize`"), "{}", got.text());
        assert_eq!(world.seen_by("a", "initialize").len(), 1);
        assert_eq!(world.seen_by("a", "tools/call").len(), 2);
        world.seen.clear();
        let got = world.list(&session);
        assert_eq!((got.names(), got.unavailable()), (vec!["b__t".into()], vec!["a".into()]));
        assert_eq!(world.seen_by("a", "initialize").len(), 1);
        assert_eq!(world.seen_by("a", "tools/list").len(), 2);
        // Nobody opens anything for a notification or the end.
        world.script("a", move |_| lost(seed).says());
        world.seen.clear();
        world.send(&Request::post(CANCELLED).within(&session));
        world.send(&Request::delete().within(&session));
        assert_eq!(world.seen_by("a", "initialize").len(), 0);
        assert_eq!(world.seen.len(), 4);
    }
}

#[test]
fn a_call_is_made_once_more_with_all_that_it_had_and_answered_with_all_that_came() {
    let text = "x é \\u00e9 ".repeat(20_000);
    for (seed, id) in ["0", "-7", "12345678901234567890123", r#""\u0061\/""#].iter().enumerate() {
        for stream in [false, true] {
            let mut world =
                World::new(&json!({"upstreams": [{"name": "a", "path": "/v1", "headers": {
                "forward": ["authorization"], "set": {"x-key": "of a"}}}]}));
            world.serve("a", Server::new("a").tools(&["t"]));
            let session = world.open();
            let answer = format!(r#"{{ "jsonrpc":"2.0", "result":{{"x":1.0}},"id":{id} }}"#);
            let (kind, body) = if stream {
                ("text/event-stream", format!(": c\r\ndata: {answer}\n\nid: 1\ndata:\n\n"))
            } else {
                ("application/json", answer)
            };
            let (mut calls, answer) = (0, Response::new(200, kind, body.clone()));
            world.script("a", move |seen| match seen.method().as_str() {
                "tools/call" => {
                    calls += 1;
                    if calls == 1 { lost(seed).says() } else { answer.clone().says() }
                }
                "initialize" => {
                    let opened = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}"#;
                    let id = seen.id();
                    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{opened}}}"#);
                    Response::new(200, "application/json", body).with("mcp-session-id", "2").says()
                }
                _ => Response::new(202, "", "").says(),
            });
            world.seen.clear();
            let params = format!(r#"{{ "name":"a__t","arguments":{{"text":"{text}","y":1.0}} }}"#);
            let call =
                format!(r#"{{"id":{id},"method":"tools/call","jsonrpc":"2.0","params":{params}}}"#);
            let call = Request::post(call).within(&session).with("authorization", "Bearer x");
            let got = world.send(&call.with("cookie", "mine").with("traceparent", "00-1"));
            let shown = format!("id: {}\n", event("a", 't', "2", id, "1"));
            assert_eq!((got.status, got.text()), (200, body.replace("id: 1\n", &shown)));
            assert_eq!(got.header("content-type").as_deref(), Some(kind));
            assert_eq!(got.header("mcp-session-id"), None);
            let sent = world.seen_by("a", "tools/call");
            assert_eq!((sent.len(), &sent[0].body), (2, &sent[1].body));
            assert_eq!(raw_member(&sent[1].body, "id").as_deref(), Some(*id));
            assert_eq!(sent.iter().map(|it| it.routed).collect::<Vec<_>>(), [true, false]);
            assert_eq!(world.seen.len(), 4);
            for seen in &world.seen {
                assert_eq!(seen.header("authorization").as_deref(), Some("Bearer x"));
                assert_eq!(seen.header("x-key").as_deref(), Some("of a"));
                assert_eq!(seen.header("traceparent").as_deref(), Some("00-1"));
                assert_eq!(seen.header(":path").as_deref(), Some("/v1"));
                assert_eq!(seen.header("cookie"), None);
            }
            for seen in &world.seen[2..] {
                assert_eq!(seen.header("mcp-session-id").as_deref(), Some("2"));
                assert_eq!(seen.header("mcp-protocol-version").as_deref(), Some("2025-06-18"));
            }
        }
    }
}

/// Words of the reason, and a way to fail.
type Failure = (&'static str, fn() -> Answer);

/// Ways to fail the second time.
const FAILURES: [Failure; 7] = [
    ("cluster", || Answer::NotSent),
    ("no answer within", || Answer::Silent),
    ("longer than", || Answer::TooLarge),
    ("HTTP 500", || Response::new(500, "text/html", "<p>").says()),
    ("HTTP 401", || Response::new(401, "", "").says()),
    ("ended before the answer", || Response::new(200, "text/event-stream", ": x\n\n").says()),
    ("neither application/json", || Response::new(200, "text/html", "<p>").says()),
];

#[test]
fn a_second_try_that_fails_at_any_step_names_the_upstream() {
    for (reason, failure) in FAILURES {
        for step in ["initialize", "notifications/initialized", "tools/call"] {
            let unanswered = ["cluster", "no answer within", "longer than"].contains(&reason);
            if step == "notifications/initialized" && !unanswered {
                // Whatever is answered to a notification, what follows will show.
                continue;
            }
            let mut world = World::of(&["a"]);
            let session = world.open();
            let mut calls = 0;
            world.script_method("a", "tools/call", move |_| {
                calls += 1;
                if calls == 1 { lost(0).says() } else { failure() }
            });
            if step != "tools/call" {
                world.script_method("a", step, move |_| failure());
            }
            world.seen.clear();
            let got = world.call(&session, "\"a__t\"");
            assert_eq!(got.refusal(), (200, -32603, json!(1)));
            assert_eq!(got.json()["error"]["data"]["upstream"], "a");
            assert!(got.text().contains(reason), "{step}: {}", got.text());
            assert_eq!(got.warnings.len(), 1);
            let tried = world.seen.iter().position(|seen| !seen.routed && seen.method() == step);
            assert_eq!(tried, Some(world.seen.len() - 1), "nothing after {step}");
        }
    }
}

#[test]
fn an_answer_that_does_not_say_that_the_session_is_gone_opens_nothing_again() {
    let error = |code: i32, message: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":9,"error":{{"code":{code},"message":"{message}"}}}}"#)
    };
    let json = "application/json";
    for (id, status, kind, body) in [
        // Without a session id there is no session to lose.
        (None, 404, "", String::new()),
        (None, 400, json, error(-32000, "No valid session ID")),
        (Some("s"), 404, json, error(-32601, "Method not found")),
        (Some("s"), 404, json, error(-32602, "Unknown tool: session not found")),
        (Some("s"), 404, json, error(-32002, "Resource not found")),
        (Some("s"), 400, json, error(-32602, "Bad arguments")),
        (Some("s"), 400, json, error(-32602, "argument session id is missing")),
        (Some("s"), 400, json, error(-32000, "The class has no session today")),
        (Some("s"), 403, json, error(-32000, "The class has no session today")),
        (Some("s"), 500, json, error(-32000, "Out of tokens")),
        (Some("s"), 503, "text/plain", "no session".to_owned()),
    ] {
        let mut world = World::new(&config(&["a"]));
        world.serve("a", Server::new("a").tools(&["t"]).session(id).shape(Shape::Json));
        let session = world.open();
        let shown = format!("{id:?} {status} {body}");
        world.script("a", move |_| Response::new(status, kind, body.clone()).says());
        world.seen.clear();
        assert_eq!(world.call(&session, "\"a__t\"").refusal(), (200, -32603, json!(1)), "{shown}");
        assert_eq!(world.list(&session).refusal(), (200, -32603, json!(1)), "{shown}");
        let methods: Vec<String> = world.seen.iter().map(Seen::method).collect();
        assert_eq!(methods, ["tools/call", "tools/list"], "{shown}");
    }
}

#[test]
fn a_call_that_is_made_again_counts_once_and_its_side_calls_each() {
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let session = world.begin();
    let ok = Counter::SideCall { upstream: world.id("a"), ok: true };
    let count = |method| Counter::Request { method, outcome: Outcome::Ok };
    server.restart(LOSSES[0]);
    let got = world.call(&session, "\"a__t\"");
    let recovered = Counter::SessionRecovered { upstream: world.id("a") };
    let asked = [ok.clone(), ok.clone(), ok.clone(), recovered.clone(), count("tools_call")];
    assert_eq!(got.counts, asked);
    server.restart(LOSSES[0]);
    let failed = Counter::SideCall { upstream: world.id("a"), ok: false };
    let got = world.list(&session);
    assert_eq!(got.counts, [failed, ok.clone(), ok.clone(), ok, recovered, count("tools_list")]);
}

#[test]
fn a_404_of_envoys_own_is_a_missing_route_and_opens_nothing_again() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.routeless = true;
    world.seen.clear();
    let got = world.call(&session, "\"a__t\"");
    assert_eq!(got.refusal(), (200, -32603, json!(1)));
    assert!(
        got.text().contains("no route") && got.text().contains("x-mcp-cluster"),
        "{}",
        got.text()
    );
    assert!(world.seen.is_empty());
    // Side calls need no route.
    assert_eq!(world.list(&session).names(), ["a__t"]);
}
