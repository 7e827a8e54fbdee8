//! What the client and the operator read of an upstream's refusal, and what a GET without a stream is.

use serde_json::json;

use crate::world::{Answer, Chance, INITIALIZE, Request, Response, Seen, Server, World, config};

/// The reason for which `a` is missing in what `method` is answered with.
fn reason(method: &'static str, answer: impl Fn(&Seen) -> Response + 'static) -> String {
    let mut world = World::new(&config(&["a", "b"]));
    world.serve("a", Server::new("a").tools(&["t"]));
    world.serve("b", Server::new("b").tools(&["t"]));
    let session = world.open();
    world.script_method("a", method, move |seen| answer(seen).says());
    let got = match method {
        "initialize" => world.send(&Request::rpc(method, INITIALIZE)),
        "tools/list" => world.list(&session),
        _ => world.call(&session, "\"a__t\""),
    };
    let json = got.json();
    let missing = &json["result"]["_meta"]["mcp-mux/unavailable"][0];
    let failed = if method == "tools/call" { &json["error"]["data"] } else { missing };
    assert_eq!(failed["upstream"], "a", "{}", got.text());
    failed["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn a_compressed_answer_is_called_that() {
    for method in ["initialize", "tools/list"] {
        let said = reason(method, |_| {
            Response::new(200, "application/json", "\u{1f}\u{8b}\u{8}")
                .with("content-encoding", "gzip")
        });
        assert_eq!(said, "its answer is encoded (gzip), which was not asked for");
    }
}

#[test]
fn a_redirect_says_where_it_leads() {
    for method in ["initialize", "tools/list", "tools/call"] {
        let said = reason(method, |_| Response::new(307, "", "").with("location", "http://x/mcp/"));
        assert!(said.starts_with("answered HTTP 307, a redirect to http://x/mcp/"), "{said}");
    }
}

#[test]
fn a_short_text_is_quoted_whatever_its_type() {
    for method in ["initialize", "tools/list", "tools/call"] {
        for kind in ["", "text/plain", "application/problem+json", "application/json"] {
            let said = reason(method, move |_| {
                Response::new(500, kind, "out of\ntokens").with("content-length", "13")
            });
            assert_eq!(said, "answered HTTP 500: out of tokens", "{method} {kind}");
        }
        let said = reason(method, |_| Response::new(500, "", "<h1>no</h1>"));
        assert_eq!(said, "answered HTTP 500");
    }
}

#[test]
fn a_refused_host_leads_to_authority() {
    for (status, text) in
        [(421, ""), (421, "Invalid Host header"), (403, "Forbidden host: a"), (403, "")]
    {
        let said = reason("initialize", move |_| Response::new(status, "", text));
        assert!(said.contains(text) && said.contains("`authority`"), "{said}");
        assert!(said.contains("it was asked for host a;"), "{said}");
    }
    let said = reason("initialize", |_| Response::new(403, "text/plain", "no such user"));
    assert_eq!(said, "answered HTTP 403: no such user");
}

#[test]
fn an_initialize_that_nothing_answers_leads_to_path_and_transport() {
    for status in [404, 405] {
        let said = reason("initialize", move |_| Response::new(status, "text/plain", "nope"));
        let begin = format!("answered HTTP {status}: nope (nothing answers `initialize` at /mcp");
        assert!(said.starts_with(&begin) && said.contains("HTTP+SSE"), "{said}");
    }
}

/// A GET that its upstream answers like this; whether it knows the session.
fn get(answer: &Response, seed: u64) -> crate::world::Got {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("a");
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    let session = world.open();
    world.chance = Chance::new(seed);
    let answer = answer.clone();
    world.script_method("a", "", move |_| answer.clone().says());
    world.script_method("a", "ping", |seen: &Seen| -> Answer {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, seen.id());
        Response::new(200, "application/json", body).says()
    });
    world.send(&Request::get().within(&session))
}

#[test]
fn a_get_without_a_stream_is_405_however_its_upstream_says_so() {
    for (seed, (status, kind, body)) in [
        (200, "text/html", "<h1>MCP</h1>"),
        (200, "text/plain", "hello"),
        (200, "", ""),
        (202, "", ""),
        (204, "", ""),
        (400, "", ""),
        (400, "text/plain", "Bad Request"),
        (
            400,
            "application/json",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"POST only"}}"#,
        ),
        (404, "text/html", "<h1>no</h1>"),
        (405, "", ""),
        (406, "text/plain", "Not Acceptable"),
        (501, "", ""),
    ]
    .into_iter()
    .cycle()
    .take(48)
    .enumerate()
    {
        let got = get(&Response::new(status, kind, body), seed as u64);
        let allow = got.header("allow");
        assert_eq!((got.status, allow.as_deref()), (405, Some("POST, DELETE")), "{status} {kind}");
    }
    for (status, kind, expected) in [
        (401, "", 502),
        (409, "text/plain", 409),
        (429, "", 502),
        (500, "text/html", 502),
        (200, "application/json", 502),
    ] {
        let got = get(&Response::new(status, kind, "{}"), 1);
        assert_eq!((got.status, got.header("allow")), (expected, None), "{status}");
        assert_eq!(
            got.text().contains("answered the GET with JSON"),
            status == 200,
            "{}",
            got.text()
        );
    }
}
