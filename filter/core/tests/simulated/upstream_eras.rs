//! What an upstream speaks: how that is found out, remembered, and what becomes of it.

use serde_json::{Value, json};

use crate::stateless::{both, names};
use crate::world::{Request, Response, Seen, Server, Shape, Way, World, config};

#[test]
fn another_worker_is_told_what_an_upstream_speaks() {
    let mut world = both();
    world.send(&Request::stateless("tools/list", "", None));
    world.change_worker();
    world.call_stateless("new__t");
    world.call_stateless("old__t");
    for name in ["old", "new"] {
        assert_eq!(world.seen_by(name, "server/discover").len(), 1, "{name}");
        assert_eq!(world.seen_by(name, "tools/call").len(), 1, "{name}");
    }
    // Its sessions are its own.
    assert_eq!(world.seen_by("old", "initialize").len(), 2);
}

#[test]
fn a_client_with_a_session_reaches_an_upstream_without() {
    let mut world = both();
    let session = world.begin();
    assert_eq!(names(&world.list(&session)), ["old__t", "new__t"]);
    let got = world.call(&session, r#""new__t""#);
    assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
    assert_eq!(world.seen_by("new", "tools/call").len(), 1);
    // A session of the client's own was refused first; that is known from then on.
    world.begin();
    assert_eq!(world.seen_by("new", "initialize").len(), 1);
    assert_eq!(world.seen_by("new", "notifications/initialized").len(), 0);
}

#[test]
fn an_upstream_of_the_other_era_after_an_upgrade_is_asked_again() {
    let mut world = both();
    world.call_stateless("old__t");
    world.call_stateless("new__t");
    let session = world.begin();
    // Each becomes what the other was.
    world.serve("old", Server::new("old").tools(&["t"]).shape(Shape::Json).stateless());
    world.serve("new", Server::new("new").tools(&["t"]).shape(Shape::Json));
    for name in ["old__t", "new__t"] {
        let got = world.call_stateless(name);
        assert_eq!((got.status, &got.json()["error"]), (200, &Value::Null), "{}", got.text());
        let got = world.call(&session, &format!("\"{name}\""));
        assert_eq!((got.status, &got.json()["error"]), (200, &Value::Null), "{}", got.text());
        // A session that was opened in the midst of a call may not be kept.
        world.call_stateless(name);
        let asked = world.seen.len();
        let got = world.call_stateless(name);
        assert_eq!((got.way, world.seen.len()), (Way::Routed, asked + 1), "known from now on");
    }
}

#[test]
fn callers_with_other_credentials_never_share_a_session() {
    let mut world = World::new(&json!({"upstreams": [
        {"name": "old", "headers": {"forward": ["x-user"]}},
    ]}));
    let mut opened = 0;
    world.script("old", move |seen| {
        let body = |result: &str| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
            Response::new(200, "application/json", text)
        };
        match seen.method().as_str() {
            "server/discover" => Response::new(400, "text/plain", "no session").says(),
            "initialize" => {
                opened += 1;
                let result = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{}}"#;
                let user = seen.header("x-user").unwrap_or_default();
                body(result).with("mcp-session-id", format!("{opened}-{user}")).says()
            }
            "notifications/initialized" => Response::new(202, "", "").says(),
            _ => {
                let session = seen.header("mcp-session-id").unwrap_or_default();
                let user = seen.header("x-user").unwrap_or_default();
                assert!(session.ends_with(&format!("-{user}")), "{session} for {user}");
                body(&format!(r#"{{"content":[],"session":"{session}"}}"#)).says()
            }
        }
    });
    let mut call = |user: &str| {
        let params = r#""name":"old__t","arguments":{}"#;
        let request = Request::stateless("tools/call", params, Some("old__t"));
        let request = if user.is_empty() { request } else { request.with("x-user", user) };
        let got = world.send(&request);
        got.json()["result"]["session"].as_str().map(str::to_owned)
    };
    let [ann, bob, nobody] = ["ann", "bob", ""].map(&mut call);
    assert_eq!(["ann", "bob", ""].map(&mut call), [ann.clone(), bob.clone(), nobody.clone()]);
    assert!(ann != bob && bob != nobody && ann != nobody);
}

/// A server that takes both eras is spoken to by each client in its own.
#[test]
fn a_server_of_both_eras_is_spoken_to_as_its_client_speaks() {
    for stateless_first in [true, false] {
        let mut world = World::new(&config(&["a"]));
        let mut old = Server::new("a").tools(&["t"]).shape(Shape::Json);
        let mut new = Server::new("a").tools(&["t"]).shape(Shape::Json).stateless();
        world.script("a", move |seen| {
            let stateless = seen.header("mcp-protocol-version").as_deref() == Some("2026-07-28");
            if stateless { new.answer(seen) } else { old.answer(seen) }
        });
        let stateless = |world: &mut World| {
            assert_eq!(world.call_stateless("a__t").json()["error"], Value::Null);
        };
        if stateless_first {
            stateless(&mut world);
        }
        world.change_worker();
        let session = world.begin();
        assert_eq!(world.call(&session, r#""a__t""#).json()["error"], Value::Null);
        world.change_worker();
        stateless(&mut world);
        let with_session =
            world.seen.iter().filter(|seen| seen.header("mcp-session-id").is_some()).count();
        assert_eq!(with_session, 2, "the client's own `initialized` and call: {stateless_first}");
        assert_eq!(world.seen_by("a", "initialize").len(), 1);
    }
}

/// Servers that know no `initialize` say so in several ways.
#[test]
fn an_upstream_that_does_not_know_initialize_is_asked_what_it_speaks() {
    for (status, code) in
        [(404, -32601), (200, -32601), (400, -32602), (400, -32020), (200, -32022)]
    {
        let mut world = World::new(&config(&["a"]));
        let mut server = Server::new("a").tools(&["t"]).shape(Shape::Json).stateless();
        world.script("a", move |seen| {
            let error = format!(r#"{{"code":{code},"message":"no"}}"#);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            let refusal = || Response::new(status, "application/json", body).says();
            if seen.method() == "initialize" { refusal() } else { server.answer(seen) }
        });
        for _ in 0..2 {
            let session = world.begin();
            assert_eq!(names(&world.list(&session)), ["a__t"], "{status} {code}");
            world.change_worker();
        }
        assert_eq!(world.seen_by("a", "initialize").len(), 1);
        // One that speaks neither is away for the reason that it gave.
        world.script("a", move |seen| {
            let error = format!(r#"{{"code":{code},"message":"{}"}}"#, seen.method());
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            Response::new(status, "application/json", body).says()
        });
        world.configure(crate::world::gateway(
            &json!({"upstreams": [{"name": "a", "path": "/other"}]}),
        ));
        let got = world.send(&Request::rpc("initialize", crate::world::INITIALIZE));
        assert_eq!(got.refusal().1, -32603);
    }
}

/// Whatever its refusal is written in.
#[test]
fn an_upstream_that_wants_sessions_after_an_upgrade_is_given_one() {
    for (status, media_type, body) in [
        (
            400,
            "application/json",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}"#,
        ),
        (400, "text/plain", "Bad Request"),
        (404, "text/html", "<p>Cannot POST /mcp"),
        (405, "", ""),
    ] {
        for seed in 0..4 {
            let mut world = World::new(&config(&["a"]));
            world.serve("a", Server::new("a").tools(&["t"]).shape(Shape::Json).stateless());
            world.call_stateless("a__t");
            world.chance = crate::world::Chance::new(seed);
            let mut server = Server::new("a").tools(&["t"]).shape(Shape::Json);
            world.script("a", move |seen| {
                let stateless =
                    seen.header("mcp-protocol-version").as_deref() == Some("2026-07-28");
                let refusal = || Response::new(status, media_type, body).says();
                if stateless { refusal() } else { server.answer(seen) }
            });
            let got = world.call_stateless("a__t");
            assert_eq!((got.status, &got.json()["error"]), (200, &Value::Null), "{}", got.text());
        }
    }
}

/// A server without sessions may refuse with any status what names one.
#[test]
fn an_upstream_that_wants_none_after_an_upgrade_is_given_none() {
    for status in [200, 400] {
        let mut world = World::new(&config(&["a"]));
        world.serve("a", Server::new("a").tools(&["t"]).shape(Shape::Json));
        world.call_stateless("a__t");
        let mut server = Server::new("a").tools(&["t"]).shape(Shape::Json).stateless();
        world.script("a", move |seen| {
            let stateless = seen.header("mcp-protocol-version").as_deref() == Some("2026-07-28");
            let data = r#"{"supported":["2026-07-28"],"requested":"2025-11-25"}"#;
            let error = format!(r#"{{"code":-32022,"message":"m","data":{data}}}"#);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            let refusal = || Response::new(status, "application/json", body).says();
            if stateless { server.answer(seen) } else { refusal() }
        });
        let got = world.call_stateless("a__t");
        assert_eq!((got.status, &got.json()["error"]), (200, &Value::Null), "{}", got.text());
    }
}

/// A call that its upstream refuses as one without a session is sent again only if that wants one.
#[test]
fn a_call_that_was_refused_is_not_sent_again_for_nothing() {
    let mut world = both();
    world.call_stateless("new__t");
    world.script_method("new", "tools/call", |seen| {
        let error = r#"{"code":-32001,"message":"timed out"}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
        Response::new(400, "application/json", body).says()
    });
    let before = world.seen_by("new", "tools/call").len();
    let got = world.call_stateless("new__t");
    assert_eq!(got.json()["error"]["code"], -32603, "{}", got.text());
    assert_eq!(world.seen_by("new", "tools/call").len(), before + 1);
}

/// An error that only this era has shows the era, whatever it is that the upstream does not like.
#[test]
fn an_upstream_that_misses_something_in_discover_is_stateless() {
    for (code, status) in [(-32021, 400), (-32020, 400), (-32021, 200)] {
        let mut world = World::new(&config(&["a"]));
        let data = r#"{"requiredCapabilities":{"elicitation":{}}}"#;
        let refusal = move |seen: &Seen| {
            let error = format!(r#"{{"code":{code},"message":"missing","data":{data}}}"#);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            Response::new(status, "application/json", body).says()
        };
        let mut server = Server::new("a").tools(&["t"]).shape(Shape::Json).stateless();
        world.script("a", move |seen| {
            let able = seen.text().contains("elicitation");
            if able { server.answer(seen) } else { refusal(seen) }
        });
        // The owner itself says what the call lacks.
        let got = world.call_stateless("a__t");
        assert_eq!((got.way, got.refusal()), (Way::Routed, (status, code, json!(1))));
        assert_eq!(got.json()["error"]["data"]["requiredCapabilities"], json!({"elicitation": {}}));
        // It is known from now on, on all workers.
        world.change_worker();
        world.call_stateless("a__t");
        assert_eq!(world.seen_by("a", "server/discover").len(), 1);
        assert_eq!(world.informed, ["upstream a is spoken to without sessions (2026-07-28)"]);
        let got = world.send(&Request::stateless("server/discover", "", None));
        assert_eq!(got.json()["error"]["code"], -32603, "{}", got.text());
        // Others reach it.
        let mut able = Request::stateless("tools/list", "", None);
        let text = String::from_utf8(able.body.clone()).unwrap();
        let text =
            text.replace(r#"Capabilities":{}"#, r#"Capabilities":{"elicitation":{}}"#).into_bytes();
        able = able.with("content-length", text.len().to_string());
        able.body = text;
        assert_eq!(names(&world.send(&able)), ["a__t"]);
        assert_eq!(world.seen_by("a", "initialize").len(), 0);
    }
}
