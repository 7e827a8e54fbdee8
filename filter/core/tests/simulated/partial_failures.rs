//! Partial failure: the rest is served, and what is missing is named.

use serde_json::{Value, json};

use crate::world::{
    Answer, Chance, Got, INITIALIZE, Request, Response, Seen, Server, Shape, World, config,
};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A way to fail, and words of the reason that the client is given.
type Failure = (&'static str, fn(&Seen) -> Answer);

fn json(body: String) -> Answer {
    Response::new(200, "application/json", body).says()
}

fn sse(body: String) -> Answer {
    Response::new(200, "text/event-stream", body).says()
}

fn result(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

const FAILURES: [Failure; 24] = [
    ("cluster", |_| Answer::NotSent),
    ("no answer within 10s", |_| Answer::Silent),
    ("longer than 2048 bytes", |_| Answer::TooLarge),
    ("longer than 2048 bytes", |_| json(" ".repeat(2049))),
    ("HTTP 500", |_| Response::new(500, "", "").says()),
    ("HTTP 503: no healthy upstream", |_| {
        Response::new(503, "text/plain", "no healthy upstream").says()
    }),
    ("HTTP 502", |_| Response::new(502, "text/html", "<h1>Bad gateway</h1>").says()),
    ("application/json", |_| Response::new(200, "text/html", "<h1>Hello</h1>").says()),
    ("HTTP 401", |_| {
        Response::new(401, "application/json", "{}").with("www-authenticate", "Bearer").says()
    }),
    ("session", |_| {
        let body =
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"no such session"}}"#;
        Response::new(404, "application/json", body).says()
    }),
    ("HTTP 302", |_| Response::new(302, "", "").with("location", "/login").says()),
    ("HTTP 0", |_| Response::new(0, "application/json", "{}").says()),
    ("not a JSON-RPC response", |_| Response::new(202, "application/json", "").says()),
    ("not a JSON-RPC response", |_| json("{\"jsonrpc\":".to_owned())),
    ("not a JSON-RPC response", |seen| json(format!("[{}]", result(&seen.id(), "{\"tools\":[]}")))),
    ("it answered id 1, asked was ", |_| json(result("1", "{\"tools\":[]}"))),
    ("it answered id \"", |seen| json(result(&format!("\"{}\"", seen.id()), "{}"))),
    ("not a JSON-RPC response", |_| json("\u{feff}{}".to_owned())),
    ("JSON-RPC error -32000: Not now.", |seen| {
        let error = r#"{"code":-32000,"message":"Not\nnow."}"#;
        json(format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id()))
    }),
    ("no object", |seen| json(result(&seen.id(), "[]"))),
    ("ended before the answer", |seen| {
        let whole = format!("data: {}\n\n", result(&seen.id(), "{\"tools\":[]}"));
        sse(whole[..whole.len() - 1].to_owned())
    }),
    ("ended before the answer", |_| sse(String::new())),
    ("ended before the answer", |seen| {
        sse(format!("event: answer\ndata: {}\n\n", result(&seen.id(), "{\"tools\":[]}")))
    }),
    ("ended before the answer", |_| sse("data: {}\n\ndata:\n\n".to_owned())),
];

/// A world in which the upstreams of `subset`, a bit each, fail like this at `method`.
fn failing(method: &'static str, subset: usize, failure: impl Fn(usize) -> Failure) -> World {
    let mut plan = config(&NAMES);
    plan["limits"] = json!({ "upstream_body": 2048 });
    let mut world = World::new(&plan);
    for (at, name) in NAMES.iter().enumerate() {
        // Noise around the answers would not fit into the limit.
        world.serve(name, Server::new(name).tools(&["t"]).shape(Shape::Json));
        if subset & (1 << at) != 0 {
            world.script_method(name, method, failure(at).1);
        }
    }
    world
}

fn named(subset: usize, fails: bool) -> Vec<&'static str> {
    let wanted = |at: &usize| (subset & (1 << *at) != 0) == fails;
    (0..NAMES.len()).filter(wanted).map(|at| NAMES[at]).collect()
}

fn check_reasons(listed: &Value, subset: usize, failure: &impl Fn(usize) -> Failure) {
    let listed = listed.as_array().expect("a list");
    let failed: Vec<&str> = listed.iter().filter_map(|it| it["upstream"].as_str()).collect();
    assert_eq!(failed, named(subset, true));
    for entry in listed {
        let at = NAMES.iter().position(|name| entry["upstream"] == *name).expect("a name");
        let (words, _) = failure(at);
        let reason = entry["reason"].as_str().expect("a reason");
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

fn check_list(subset: usize, failure: impl Fn(usize) -> Failure, seed: u64) {
    let mut world = failing("tools/list", subset, &failure);
    world.chance = Chance::new(seed);
    let session = world.open();
    let got = world.list(&session);
    assert_eq!(got.status, 200);
    if named(subset, false).is_empty() {
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        check_reasons(&got.json()["error"]["data"]["upstreams"], subset, &failure);
    } else {
        let tools: Vec<String> = named(subset, false).iter().map(|it| format!("{it}__t")).collect();
        assert_eq!(got.names(), tools, "{}", got.text());
        let meta = got.json()["result"].get("_meta").cloned();
        match (subset, meta) {
            (0, meta) => assert_eq!(meta, None),
            (_, meta) => {
                let meta = meta.expect("_meta");
                check_reasons(&meta["mcp-mux/unavailable"], subset, &failure);
            }
        }
    }
    assert_eq!(got.warnings.len(), named(subset, true).len());
}

#[test]
fn a_list_serves_the_rest_whoever_fails_and_however() {
    for (seed, failure) in FAILURES.into_iter().enumerate() {
        for subset in 0..8 {
            check_list(subset, |_| failure, seed as u64);
        }
    }
}

#[test]
fn a_list_serves_the_rest_when_everyone_fails_differently() {
    for seed in 0..150 {
        let mut chance = Chance::new(seed);
        let failures = [(); 3].map(|()| chance.pick(&FAILURES));
        check_list(chance.below(8), |at| failures[at], seed);
    }
}

#[test]
fn initialize_opens_the_session_with_the_rest() {
    let unknown: Failure = ("revision 2024-10-07", |seen| {
        let members = r#"{"protocolVersion":"2024-10-07","capabilities":{}}"#;
        json(result(&seen.id(), members))
    });
    let session: Failure = ("session id", |seen| {
        let members = r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#;
        let body = result(&seen.id(), members);
        Response::new(200, "application/json", body).with("mcp-session-id", b"\xff x").says()
    });
    for (seed, failure) in FAILURES.into_iter().chain([unknown, session]).enumerate() {
        for subset in 0..8 {
            let mut world = failing("initialize", subset, |_| failure);
            world.chance = Chance::new(seed as u64);
            let got = world.send(&Request::rpc("initialize", INITIALIZE));
            if subset == 7 {
                assert_eq!(got.refusal(), (200, -32603, json!(1)));
                assert_eq!(got.header("mcp-session-id"), None);
                check_reasons(&got.json()["error"]["data"]["upstreams"], subset, &|_| failure);
                continue;
            }
            if subset != 0 {
                let meta = got.json()["result"]["_meta"].clone();
                check_reasons(&meta["mcp-mux/unavailable"], subset, &|_| failure);
            }
            let session = got.header("mcp-session-id").expect("a session");
            let list = world.list(&session);
            let served = named(subset, false);
            let tools: Vec<String> = served.iter().map(|it| format!("{it}__t")).collect();
            assert_eq!((list.names(), list.unavailable()), {
                (tools, named(subset, true).iter().map(|it| (*it).to_owned()).collect())
            });
            for name in named(subset, true) {
                assert_eq!(world.seen_by(name, "tools/list").len(), 0);
                let call = world.call(&session, &format!("\"{name}__t\""));
                assert_eq!(call.refusal(), (200, -32603, json!(1)));
                assert_eq!(call.json()["error"]["data"]["upstream"], name);
            }
        }
    }
}

#[test]
fn what_is_missing_is_named_in_configured_order() {
    let mut world = failing("initialize", 0b010, |_| FAILURES[0]);
    let session = world.open();
    world.script("a", |_| Answer::Silent);
    let got = world.list(&session);
    assert_eq!((got.names(), got.unavailable()), {
        (vec!["c__t".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    });
}

#[test]
fn a_page_that_fails_does_not_end_the_walk_of_the_others() {
    for (words, failure) in FAILURES {
        let mut world = World::new(&config(&NAMES[..2]));
        for name in &NAMES[..2] {
            let pages = (0..3).map(|at| vec![format!(r#"{{"name":"{at}"}}"#)]).collect();
            let cursors = vec![r#""1""#.to_owned(), r#""2""#.to_owned()];
            world.serve(name, Server::new(name).pages(pages, cursors));
        }
        let session = world.open();
        if words.contains("longer than") {
            continue;
        }
        let mut world = after_first_page(world, failure);
        let pages = world.walk(&session);
        let names: Vec<_> = pages.iter().map(Got::names).collect();
        // What it said before it failed is there.
        assert_eq!(names, [["a__0", "b__0", "b__1", "b__2"]]);
        let missing: Vec<_> = pages.iter().map(Got::unavailable).collect();
        assert_eq!(missing, [["a"]]);
    }
}

fn after_first_page(mut world: World, failure: fn(&Seen) -> Answer) -> World {
    let mut server = Server::new("a").pages(
        (0..3).map(|at| vec![format!(r#"{{"name":"{at}"}}"#)]).collect(),
        vec![r#""1""#.to_owned(), r#""2""#.to_owned()],
    );
    world.script("a", move |seen| {
        if seen.params().get("cursor").is_some() { failure(seen) } else { server.answer(seen) }
    });
    world
}
