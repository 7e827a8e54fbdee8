//! Sessions: which ids are good, for how long, and what each upstream sees of them.

use serde_json::json;

use crate::world::{INITIALIZE, Request, Response, Server, World, config, gateway};

const DAY: u64 = 24 * 60 * 60;

const KEYS: [&str; 2] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
];

/// Every kind of message that needs a session.
fn every_kind() -> Vec<Request> {
    let mut requests: Vec<Request> = [
        ("ping", "{}"),
        ("tools/list", "{}"),
        ("tools/call", r#"{"name":"a__t"}"#),
        ("tools/call", r#"{"name":"unknown"}"#),
        ("no/such/method", "{}"),
    ]
    .map(|(method, params)| Request::rpc(method, params))
    .into();
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/unknown"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        requests.push(Request::post(body));
    }
    requests.push(Request::delete());
    requests
}

/// The session is gone, whatever is sent, and no upstream hears of it.
fn check_gone(world: &mut World, session: &str) {
    let asked = world.seen.len();
    for request in every_kind() {
        let got = world.send(&request.within(session));
        assert_eq!((got.status, got.refusal().1), (404, -32600), "{}", got.text());
        let error = &got.json()["error"];
        assert_eq!(error["message"], "Session terminated", "{error}");
        let reason = error["data"]["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("HTTP 404: "), "{error}");
    }
    assert_eq!(world.seen.len(), asked);
}

#[test]
fn a_session_lasts_as_long_as_configured() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.ambient.now += DAY;
    assert_eq!(world.list(&session).names(), ["a__t"]);
    world.ambient.now += 1;
    check_gone(&mut world, &session);
}

#[test]
fn a_tampered_session_is_gone() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let mut tampered = vec![String::new(), "x".to_owned(), "é".to_owned(), format!("{session}A")];
    tampered.push(format!("{session}="));
    tampered.push(format!("{session} "));
    tampered.extend((0..session.len()).step_by(7).map(|at| {
        let other = if session.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &session[..at], &session[at + 1..])
    }));
    tampered.extend((0..session.len()).step_by(11).map(|at| session[..at].to_owned()));
    for session in tampered {
        let got = world.list(&session);
        assert_eq!(got.refusal(), (404, -32600, json!(1)), "{session:?}");
    }
    check_gone(&mut world, "x");
    assert_eq!(world.list(&session).status, 200);
}

#[test]
fn a_session_of_another_key_is_gone_until_the_key_is_known() {
    let keyed = |keys: &[&str]| {
        let mut plan = config(&["a"]);
        plan["session"] = json!({ "keys": keys });
        gateway(&plan)
    };
    let mut world = World::of(&["a"]);
    world.configure(keyed(&KEYS[..1]));
    let session = world.open();
    world.configure(keyed(&KEYS[1..]));
    check_gone(&mut world, &session);
    world.configure(keyed(&[KEYS[1], KEYS[0]]));
    assert_eq!(world.list(&session).names(), ["a__t"]);
    let newer = world.open();
    world.configure(keyed(&KEYS[1..]));
    assert_eq!(world.list(&newer).names(), ["a__t"]);
}

#[test]
fn a_deleted_session_is_gone_and_every_upstream_is_told_once() {
    let mut world = World::new(&config(&["a", "b", "c", "d"]));
    world.serve("a", Server::new("a").tools(&["t"]));
    world.serve("b", Server::new("b").session(None));
    world.serve("c", Server::new("c"));
    world.serve("d", Server::new("d"));
    let (session, other) = (world.open(), world.open());
    world.script("c", |_| Response::new(405, "", "").says());
    world.script("d", |_| Response::new(500, "text/html", "<p>").says());
    world.seen.clear();
    // A body has no meaning and must not harm.
    let mut request = Request::delete().within(&session);
    request.body = vec![b'x'; 300];
    let got = world.send(&request);
    assert_eq!((got.status, got.text()), (204, String::new()));
    assert_eq!(got.warnings.len(), 1, "{:?}", got.warnings);
    let told: Vec<_> =
        world.seen.iter().map(|it| (it.cluster.as_str(), it.header(":method"))).collect();
    let delete = Some("DELETE".to_owned());
    assert_eq!(told, [("a", delete.clone()), ("c", delete.clone()), ("d", delete)]);
    check_gone(&mut world, &session);
    assert_eq!(world.list(&other).names(), ["a__t"]);
    // Even where nobody has anything to end.
    world.configure(gateway(&config(&["b"])));
    assert_eq!(world.send(&Request::delete().within(&other)).status, 204);
    check_gone(&mut world, &other);
}

#[test]
fn a_session_follows_the_configuration() {
    let mut world = World::of(&["a", "b"]);
    world.serve("c", Server::new("c").tools(&["t"]));
    let session = world.open();
    world.configure(gateway(&config(&["c", "b"])));
    let got = world.list(&session);
    assert_eq!(got.names(), ["c__t", "b__t"]);
    assert_eq!(world.call(&session, "\"b__t\"").status, 200);
    assert_eq!(world.call(&session, "\"a__t\"").refusal(), (200, -32602, json!(1)));
    assert_eq!(world.call(&session, "\"c__t\"").status, 200);
    assert_eq!(world.seen_by("c", "initialize").len(), 1);
    world.serve("d", Server::new("d").tools(&["t"]));
    world.configure(gateway(&config(&["d"])));
    assert_eq!(world.list(&session).names(), ["d__t"]);
    world.configure(gateway(&config(&["a", "b"])));
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
}

#[test]
fn each_upstream_is_spoken_to_in_its_own_session_and_revision() {
    let revisions =
        [("a", "2025-03-26"), ("b", "2025-06-18"), ("c", "2025-11-25"), ("d", "2025-06-18")];
    let mut plan = config(&["a", "b", "c", "d"]);
    plan["listen"] = json!("a");
    for asked in ["2025-03-26", "2025-06-18", "2025-11-25", "2024-11-05", "2026-07-28", ""] {
        let mut world = World::new(&plan);
        for (name, revision) in revisions {
            let server = Server::new(name).tools(&["t"]).revision(revision);
            world.serve(name, if name == "d" { server.session(None) } else { server });
        }
        let got = world.send(&Request::rpc("initialize", &INITIALIZE.replace("2025-11-25", asked)));
        let supported = ["2025-03-26", "2025-06-18"].contains(&asked);
        let agreed = if supported { asked } else { "2025-11-25" };
        assert_eq!(got.json()["result"]["protocolVersion"], agreed);
        for seen in &world.seen {
            assert_eq!(seen.params()["protocolVersion"], agreed);
            assert_eq!(seen.params()["capabilities"], json!({}));
            assert_eq!(seen.params()["clientInfo"]["name"], "client");
        }
        let session = got.header("mcp-session-id").expect("a session");
        assert!(session.bytes().all(|byte| byte.is_ascii_graphic()));
        world.seen.clear();
        for request in every_kind() {
            world.send(&request.within(&session).with("mcp-protocol-version", "2025-06-18"));
            world.ambient.shared.clear();
        }
        world.send(&Request::get().within(&session));
        for (name, _) in revisions {
            world.call(&session, &format!("\"{name}__t\""));
        }
        // That each has its own id and revision, the servers themselves have checked.
        assert_eq!(world.seen.len(), 4 + 1 + 4 + 3 + 1 + 4);
        for seen in &world.seen {
            let shown = format!("{}{:?}", String::from_utf8_lossy(&seen.body), seen.head);
            for (name, _) in revisions.iter().filter(|(name, _)| *name != seen.cluster) {
                assert!(
                    !seen.head.iter().any(|(_, it)| it == format!("session-of-{name}").as_bytes())
                );
            }
            assert!(!shown.contains(&session), "{shown}");
        }
    }
}

#[test]
fn notifications_go_to_every_upstream_as_they_are_or_nowhere() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    world.seen.clear();
    for (method, told) in [
        ("notifications/initialized", 2),
        ("notifications/cancelled", 2),
        ("notifications/progress", 0),
        ("notifications/roots/list_changed", 2),
        ("tools/list", 0),
        ("initialize", 0),
    ] {
        let body = format!(r#"{{ "jsonrpc":"2.0", "method":"{method}","params":{{"x":1.0}} }}"#);
        let got = world.send(&Request::post(body.clone()).within(&session));
        assert_eq!((got.status, got.text()), (202, String::new()), "{method}");
        assert_eq!(world.seen.len(), told, "{method}");
        assert!(world.seen.drain(..).all(|seen| seen.body == body.as_bytes()));
    }
    world.script("a", |_| Response::new(500, "", "").says());
    let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let got = world.send(&Request::post(body).within(&session));
    assert_eq!((got.status, got.warnings.len()), (202, 1));
}

/// Streamable HTTP came with 2025-03-26, but there are servers of it that answer so.
#[test]
fn an_upstream_may_negotiate_2024_11_05() {
    let mut world = World::of(&["b"]);
    world.configure(crate::world::gateway(&config(&["a", "b"])));
    world.serve("a", Server::new("a").tools(&["t"]).revision("2024-11-05"));
    let got = world.send(&Request::rpc("initialize", INITIALIZE));
    assert_eq!(got.json()["result"]["protocolVersion"], json!("2025-11-25"));
    let session = got.header("mcp-session-id").expect("a session");
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    assert_eq!(world.call(&session, "\"a__t\"").status, 200);
}
