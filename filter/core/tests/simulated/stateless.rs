//! Clients of the stateless era, before upstreams of either era.

use serde_json::{Value, json};

use crate::world::{Got, Request, Server, Shape, Way, World, config, raw_member};

/// An upstream of each kind, with one tool each: `old` has sessions, `new` has none.
pub(crate) fn both() -> World {
    let mut world = World::new(&config(&["old", "new"]));
    world.serve("old", Server::new("old").tools(&["t"]).more(r#","instructions":"be old""#));
    let new = Server::new("new").tools(&["t"]).more(r#","instructions":"be new""#);
    world.serve("new", new.stateless().shape(Shape::Json));
    world
}

/// The names of listed tools.
pub(crate) fn names(got: &Got) -> Vec<String> {
    let tools = got.json()["result"]["tools"].as_array().cloned().unwrap_or_default();
    tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_is_served_is_joined_from_upstreams_of_both_eras() {
    let mut world = both();
    for _ in 0..2 {
        let got = world.send(&Request::stateless("server/discover", "", None));
        assert_eq!(got.status, 200, "{}", got.text());
        let result = &got.json()["result"];
        assert_eq!(
            result["supportedVersions"],
            json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"])
        );
        assert_eq!(result["capabilities"], json!({"tools": {}}));
        assert_eq!(result["resultType"], "complete");
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
        let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(info["name"], "mcp-mux");
        assert!(result.get("serverInfo").is_none());
        assert!(got.header("mcp-session-id").is_none());
        let instructions = result["instructions"].as_str().unwrap();
        assert_eq!(instructions, "## old\n\nbe old\n\n## new\n\nbe new");
    }
    // The one with sessions was asked once what it speaks, and opened once.
    assert_eq!(world.seen_by("old", "server/discover").len(), 1);
    assert_eq!(world.seen_by("old", "initialize").len(), 1);
    assert_eq!(world.seen_by("old", "notifications/initialized").len(), 1);
    assert_eq!(world.seen_by("new", "server/discover").len(), 2);
    world.informed.sort();
    assert_eq!(
        world.informed,
        [
            "upstream new is spoken to without sessions (2026-07-28)",
            "upstream old is spoken to with `initialize`"
        ]
    );
}

#[test]
fn lists_and_calls_reach_upstreams_of_both_eras() {
    let mut world = both();
    let got = world.send(&Request::stateless("tools/list", "", None));
    assert_eq!(names(&got), ["old__t", "new__t"], "{}", got.text());
    assert_eq!(got.json()["result"]["resultType"], "complete");
    for name in ["old", "new"] {
        let got = world.call_stateless(&format!("{name}__t"));
        assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
        let call = world.seen_by(name, "tools/call");
        assert_eq!(call.len(), 1);
        assert!(call[0].routed && call[0].params()["name"] == "t");
    }
    // What each is was known by then.
    let asked = world.seen.iter().filter(|it| it.method() == "server/discover").count();
    assert_eq!((asked, world.seen_by("old", "initialize").len()), (2, 1));
}

#[test]
fn requests_that_do_not_say_what_they_have_to_are_refused_in_order() {
    let id = || json!(1);
    let call = || Request::stateless("tools/call", r#""name":"new__t""#, Some("new__t"));
    let envelope = crate::world::stateless::ENVELOPE;
    let without = |key: &str| {
        let at = envelope.find(key).expect("a key");
        let changed = format!("{}x{}", &envelope[..at], &envelope[at..]);
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"new__t","_meta":{{{changed}}}}}}}"#
        );
        let request = Request::post(body).with("mcp-protocol-version", "2026-07-28");
        request.with("mcp-method", "tools/call").with("mcp-name", "new__t")
    };
    let other = |revision: &str| {
        let mut request = call();
        let body = String::from_utf8(request.body.clone()).unwrap();
        request.body = body.replace("2026-07-28", revision).into_bytes();
        request
    };
    let rows: Vec<(&str, Request, (u16, i64))> = vec![
        ("no revision", without("io.modelcontextprotocol/protocolVersion"), (400, -32602)),
        ("no capabilities", without("io.modelcontextprotocol/clientCapabilities"), (400, -32602)),
        ("no header", call().without("mcp-protocol-version"), (400, -32020)),
        ("another header", call().with("mcp-protocol-version", "2025-11-25"), (400, -32020)),
        ("two headers", call().and("mcp-protocol-version", "2025-11-25"), (400, -32020)),
        ("another revision", other("2031-01-01"), (400, -32020)),
        (
            "an unknown revision",
            other("2031-01-01").with("mcp-protocol-version", "2031-01-01"),
            (400, -32022),
        ),
        ("no method", call().without("mcp-method"), (400, -32020)),
        ("another method", call().with("mcp-method", "TOOLS/CALL"), (400, -32020)),
        ("ping", Request::stateless("ping", "", None), (404, -32601)),
        ("initialize", Request::stateless("initialize", "", None), (404, -32601)),
        ("nothing", Request::stateless("no/such", "", None), (404, -32601)),
        ("level", Request::stateless("logging/setLevel", r#""level":"info""#, None), (404, -32601)),
        ("prompts", Request::stateless("prompts/list", "", None), (404, -32601)),
        ("no name", call().without("mcp-name"), (400, -32020)),
        ("another name", call().with("mcp-name", "t"), (400, -32020)),
        ("broken base64", call().with("mcp-name", "=?base64?*?="), (400, -32020)),
        (
            "a method that is encoded",
            call().with("mcp-method", "=?base64?dG9vbHMvY2FsbA==?="),
            (400, -32020),
        ),
        (
            "a name in the head alone",
            Request::stateless("tools/call", r#""arguments":{}"#, Some("new__t")),
            (400, -32020),
        ),
        ("no name at all", Request::stateless("tools/call", r#""x":{}"#, None), (200, -32602)),
        (
            "an unknown tool",
            Request::stateless("tools/call", r#""name":"x""#, Some("x")),
            (200, -32602),
        ),
        (
            "an unknown resource",
            Request::stateless("resources/read", r#""uri":"x:y""#, Some("x:y")),
            (404, -32601),
        ),
    ];
    let mut world = both();
    world.send(&Request::stateless("tools/list", "", None));
    let params = ["[]", "null", r#""x""#, "{}", r#"{"_meta":null}"#, r#"{"_meta":[]}"#];
    let odd = params.map(|params| {
        let request = Request::rpc("tools/list", params).with("mcp-protocol-version", "2026-07-28");
        (params, request.with("mcp-method", "tools/list"), (400, -32602))
    });
    for (what, request, (status, code)) in rows.into_iter().chain(odd) {
        let before = world.seen.len();
        let got = world.send(&request);
        assert_eq!(got.way, Way::Replied, "{what}: {}", got.text());
        assert_eq!(got.refusal(), (status, code, id()), "{what}: {}", got.text());
        assert_eq!(world.seen.len(), before, "{what} reached an upstream");
    }
    let got = world.send(&other("2031-01-01").with("mcp-protocol-version", "2031-01-01"));
    let data = &got.json()["error"]["data"];
    assert_eq!(
        (&data["requested"], &data["supported"][0]),
        (&json!("2031-01-01"), &json!("2026-07-28"))
    );
    let padded = world.send(&call().with("mcp-name", "  new__t "));
    assert_eq!(padded.status, 200, "{}", padded.text());
    let encoded = world.send(&call().with("mcp-name", "=?base64?bmV3X190?="));
    assert_eq!((encoded.status, &encoded.json()["error"]), (200, &Value::Null));
    let blank =
        Request::stateless("tools/call", r#""name":"new__ x""#, Some("=?base64?bmV3X18geA==?="));
    assert_eq!(world.send(&blank).status, 200);
    let within = world.send(&call().within("some-session"));
    assert_eq!((within.status, within.header("mcp-session-id")), (200, None));
}

/// Whatever its type is.
#[test]
fn a_refusal_has_the_id_of_its_request() {
    let mut world = both();
    for id in ["0", "-5", "12345678901234567890", r#""""#, r#""\u0000é""#] {
        let list = |method: &str| {
            let mut request = Request::stateless("tools/list", "", None).with("mcp-method", method);
            let body = String::from_utf8(request.body.clone()).unwrap();
            let body = body.replace(r#""id":1"#, &format!(r#""id":{id}"#)).into_bytes();
            request = request.with("content-length", body.len().to_string());
            request.body = body;
            request
        };
        for request in [list("x"), list("tools/list").with("accept", "text/html")] {
            let got = world.send(&request);
            assert!((400..=406).contains(&got.status), "{}", got.text());
            assert_eq!(raw_member(&got.body, "id").as_deref(), Some(id));
        }
    }
}

#[test]
fn what_no_upstream_has_is_no_method_however_little_is_known_of_them() {
    for method in ["prompts/list", "resources/list", "resources/templates/list"] {
        for catalog in [json!({}), json!({"ttl": "60s"})] {
            let mut plan = config(&["old", "new"]);
            plan["catalog"] = catalog;
            let mut world = World::new(&plan);
            world.serve("old", Server::new("old").tools(&["t"]));
            world.serve("new", Server::new("new").tools(&["t"]).stateless());
            for known in [false, true] {
                let got = world.send(&Request::stateless(method, "", None));
                assert_eq!(got.refusal(), (404, -32601, json!(1)), "{method} {known}");
            }
            // The one that is away may have it.
            let mut world = World::new(&plan);
            world.serve("old", Server::new("old").tools(&["t"]));
            let got = world.send(&Request::stateless(method, "", None));
            assert_eq!((got.status, got.unavailable()), (200, vec!["new".to_owned()]));
        }
    }
}

#[test]
fn notifications_are_taken_and_responses_are_not() {
    let mut world = both();
    let told = |body: &str| Request::post(body).with("mcp-protocol-version", "2026-07-28");
    let cancelled =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(world.send(&told(cancelled)).status, 202);
    // It need not say in its head what its `_meta` says.
    let meta = crate::world::stateless::ENVELOPE;
    let enveloped = cancelled.replace(r#""requestId":1"#, &format!(r#""_meta":{{{meta}}}"#));
    for (session, method) in [(None, "cancelled"), (Some("s"), "progress"), (None, "x")] {
        let request = Request::post(enveloped.replace("cancelled", method));
        let got = world.send(&session.into_iter().fold(request, Request::within));
        assert_eq!((got.status, got.body.len()), (202, 0), "{}", got.text());
    }
    for request in [Request::get(), Request::delete()] {
        let of_era = request.clone().with("mcp-protocol-version", "2026-07-28");
        for request in [of_era.clone().within("some-session"), of_era, request] {
            let got = world.send(&request);
            assert_eq!((got.status, got.header("allow").as_deref()), (405, Some("POST")));
        }
    }
    let response = world.send(&told(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    assert_eq!(response.refusal(), (400, -32600, Value::Null));
    assert!(world.seen.is_empty());
}

#[test]
fn the_strictest_hint_of_all_upstreams_holds_for_a_joined_list() {
    for (a, b, joined) in [
        (("5000", "public"), ("900", "public"), (900, "public")),
        (("5000", "public"), ("9000", "private"), (5000, "private")),
        (("5000", "public"), ("0", "public"), (0, "public")),
    ] {
        let mut world = World::new(&config(&["a", "b"]));
        for (name, (ttl, scope)) in [("a", a), ("b", b)] {
            world.serve(name, Server::new(name).tools(&["t"]).stateless().hints(ttl, scope));
        }
        for method in ["tools/list", "server/discover"] {
            let got = world.send(&Request::stateless(method, "", None));
            let result = &got.json()["result"];
            let hints = (result["ttlMs"].as_u64(), result["cacheScope"].as_str());
            assert_eq!(hints, (Some(joined.0), Some(joined.1)), "{method}: {}", got.text());
        }
    }
}

#[test]
fn a_list_is_served_again_for_as_long_as_its_upstreams_say() {
    let forward = json!({"forward": ["x-user"]});
    let list = |world: &mut World, user: &str| {
        let before = world.seen.len();
        let got = world.send(&Request::stateless("tools/list", "", None).with("x-user", user));
        assert_eq!(names(&got), ["a__t", "b__t"], "{}", got.text());
        let ttl_ms = got.json()["result"]["ttlMs"].as_u64().unwrap();
        (world.seen.len() - before, ttl_ms)
    };
    for (scope, other) in [("public", 0), ("private", 2)] {
        let mut world = World::new(&json!({"upstreams": [
            {"name": "a", "headers": forward}, {"name": "b", "headers": forward},
        ]}));
        for name in ["a", "b"] {
            world.serve(name, Server::new(name).tools(&["t"]).stateless().hints("5000", scope));
        }
        list(&mut world, "ann");
        assert_eq!(list(&mut world, "ann"), (2, 5000), "its upstreams are known now");
        world.ambient.now += 2;
        assert_eq!(list(&mut world, "ann"), (0, 3000), "{scope}");
        assert_eq!(list(&mut world, "bob").0, other, "{scope}");
        world.ambient.changed(mcp_mux_core::Kind::Tool);
        assert_eq!(list(&mut world, "ann"), (2, 5000), "{scope}: it has changed");
        world.ambient.now += 5;
        assert_eq!(list(&mut world, "ann"), (2, 5000), "{scope}: it is too old");
    }
    let mut world = World::new(&config(&["a", "b"]));
    for (name, ttl_ms) in [("a", "5000"), ("b", "999")] {
        world.serve(name, Server::new(name).tools(&["t"]).stateless().hints(ttl_ms, "public"));
    }
    list(&mut world, "ann");
    assert_eq!(
        [list(&mut world, "ann").0, list(&mut world, "ann").0],
        [2, 2],
        "less than a second"
    );
}
