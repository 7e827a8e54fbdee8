//! `session.open: lazy`: what is known of a server is told without asking it, and it is opened by the first request that
//! needs it.

use serde_json::{Value, json};

use crate::world::{
    Answer, Chance, EVERYTHING, Got, INITIALIZE, Request, Response, Restarting, Seen, Server,
    Shape, World, config,
};

pub(crate) fn lazy(names: &[&str]) -> Value {
    let mut plan = config(names);
    plan["session"] = json!({"open": "lazy"});
    plan
}

fn initialize(world: &mut World) -> Got {
    let got = world.send(&Request::rpc("initialize", INITIALIZE));
    assert_eq!(got.status, 200, "{}", got.text());
    got
}

/// Opens a session; its id, and what was told.
fn begin(world: &mut World) -> (String, String) {
    let got = initialize(world);
    let session = got.header("mcp-session-id").expect("a session");
    let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(world.send(&Request::post(body).within(&session)).status, 202);
    (session, got.text())
}

/// How many `initialize`s each of these has got.
fn asked(world: &World, names: &[&str]) -> Vec<usize> {
    names.iter().map(|name| world.seen_by(name, "initialize").len()).collect()
}

#[test]
fn sessions_with_one_call_each_open_the_server_that_is_called_and_end_no_other() {
    for seed in 0..10 {
        let mut world = World::new(&lazy(&["a", "b", "c"]));
        world.chance = Chance::new(seed);
        let servers = ["a", "b", "c"].map(|name| Restarting::put(&mut world, name));
        let [a, b, c] = &servers;
        let (first, told) = begin(&mut world);
        for number in 1..=20 {
            let (session, text) = begin(&mut world);
            assert_eq!(text, told);
            for _ in 0..3 {
                let by = format!(r#""by":"a-{}""#, number + 1);
                assert!(world.call(&session, "\"a__t\"").text().contains(&by));
            }
            assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
            assert_eq!(a.ended().len(), number);
        }
        let opened = servers.each_ref().map(Restarting::opened);
        assert_eq!((opened, b.ended().len(), c.ended().len()), ([21, 1, 1], 0, 0));
        assert!(
            world.opened.is_empty(),
            "nothing that an operator has to know: {:?}",
            world.opened
        );
        // The first one, which has opened them all.
        assert_eq!(world.send(&Request::delete().within(&first)).status, 204);
        assert_eq!((b.ended(), c.ended()), (vec!["b-1".to_owned()], vec!["c-1".to_owned()]));
        assert!(world.pass_seconds(0).is_empty());
    }
}

#[test]
fn everything_else_is_opened_by_what_needs_it_and_goes_on_on_any_worker() {
    let mut world = World::new(&lazy(&["a", "b"]));
    let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
    world.begin();
    let session = world.begin();
    world.seen.clear();
    // Nothing is opened for what there is nobody to hear.
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#,
    ] {
        assert_eq!(world.send(&Request::post(body).within(&session)).status, 202);
    }
    assert_eq!(world.send(&Request::rpc("ping", "{}").within(&session)).status, 200);
    assert!(world.seen.is_empty());
    world.change_worker();
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    world.change_worker();
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    assert_eq!(servers.each_ref().map(Restarting::opened), [2, 2]);
    // A server that restarts is opened again, as ever.
    servers[0].restart((404, "", ""));
    assert!(world.call(&session, "\"a__t\"").text().contains(r#""by":"a-3""#));
    world.send(&Request::delete().within(&session));
    let ended = servers.each_ref().map(|server| server.ended().pop());
    assert_eq!(ended, [Some("a-3".to_owned()), Some("b-2".to_owned())]);
}

#[test]
fn what_was_said_is_told_for_an_hour_and_to_nobody_else() {
    let mut plan = lazy(&["a"]);
    plan["caller"] = json!({"header": "x-user"});
    plan["upstreams"][0]["headers"] = json!({"forward": ["x-key"]});
    let mut world = World::new(&plan);
    world.serve("a", Server::new("a").tools(&["t"]));
    let mut count = 0;
    let mut ask = |world: &mut World, request: Request, is_known: bool| {
        let got = world.send(&request);
        assert_eq!(got.status, 200, "{}", got.text());
        count += usize::from(!is_known);
        assert_eq!(world.seen_by("a", "initialize").len(), count);
    };
    let params = |from: &str, to: &str| INITIALIZE.replace(from, to);
    let by = |user: &str, key: &str, params: &str| {
        Request::rpc("initialize", params).with("x-user", user).with("x-key", key)
    };
    ask(&mut world, by("ann", "1", INITIALIZE), false);
    for is_known in [false, true] {
        // Another name, other credentials, or another client.
        ask(&mut world, by("bob", "1", INITIALIZE), is_known);
        ask(&mut world, by("ann", "2", INITIALIZE), is_known);
        ask(&mut world, by("ann", "1", &params("\"1\"", "\"2\"")), is_known);
        ask(&mut world, by("ann", "1", &params("2025-11-25", "2025-06-18")), is_known);
        let roots = params(r#""capabilities":{}"#, r#""capabilities":{"elicitation":{}}"#);
        ask(&mut world, by("ann", "1", &roots), is_known);
        ask(&mut world, by("ann", "1", INITIALIZE), true);
    }
    world.ambient.now += 3599;
    ask(&mut world, by("ann", "1", INITIALIZE), true);
    world.ambient.now += 1;
    ask(&mut world, by("ann", "1", INITIALIZE), false);
    world.ambient.now -= 1;
    ask(&mut world, by("ann", "1", INITIALIZE), false);
    // Another memory knows nothing.
    world.change_worker();
    ask(&mut world, by("ann", "1", INITIALIZE), false);
}

#[test]
fn without_it_every_session_opens_every_server() {
    for plan in [config(&["a", "b"]), {
        let mut plan = config(&["a", "b"]);
        plan["session"] = json!({"open": "eager"});
        plan
    }] {
        let mut world = World::new(&plan);
        let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
        for _ in 0..3 {
            world.begin();
        }
        assert_eq!(servers.each_ref().map(Restarting::opened), [3, 3]);
    }
}

#[test]
fn a_server_that_refuses_costs_its_own_requests_alone_and_is_asked_again() {
    for (refusal, is_forgotten) in [
        (Response::new(403, "text/plain", "not you").says(), true),
        (Response::new(200, "text/plain", "what?").says(), true),
        (Response::new(503, "text/plain", "soon").says(), false),
        (Answer::NotSent, false),
        (Answer::Silent, false),
    ] {
        let mut world = World::new(&lazy(&["a", "b"]));
        for name in ["a", "b"] {
            world.serve(name, Server::new(name).tools(&["t"]));
        }
        let told = initialize(&mut world).text();
        let session = world.begin();
        let answer = refusal.clone();
        world.script_method("b", "initialize", move |_| answer.clone());
        let got = world.call(&session, "\"b__t\"");
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        assert_eq!(got.json()["error"]["data"]["upstream"], "b");
        assert!(world.call(&session, "\"a__t\"").text().contains("\"result\""));
        assert_eq!(world.list(&session).unavailable(), ["b"]);
        world.seen.clear();
        let again = initialize(&mut world);
        assert_eq!(asked(&world, &["a", "b"]), [0, usize::from(is_forgotten)]);
        assert_eq!(
            (again.text() == told, again.unavailable() == ["b"]),
            (!is_forgotten, is_forgotten)
        );
        // It is back.
        world.serve("b", Server::new("b").tools(&["t"]));
        assert!(world.call(&session, "\"b__t\"").text().contains("\"result\""));
        assert_eq!(initialize(&mut world).text(), told);
    }
}

#[test]
fn what_a_server_says_when_it_is_opened_is_told_from_then_on() {
    let mut world = World::new(&lazy(&["a", "b"]));
    let says = |text: &str| format!(r#","instructions":"{text}""#);
    world.serve("a", Server::new("a").tools(&["t"]).more(&says("before")));
    world.serve("b", Server::new("b").more(&says(&"x".repeat(16 * 1024 + 1))));
    let first = initialize(&mut world).json();
    assert!(first["result"]["instructions"].as_str().is_some_and(|it| it.contains("before")));
    world.serve("a", Server::new("a").capabilities(EVERYTHING).more(&says("after")));
    world.seen.clear();
    // Instructions that are too long to be kept are asked for each time.
    let second = initialize(&mut world);
    assert_eq!(
        (second.json()["result"].clone(), asked(&world, &["a", "b"])),
        (first["result"].clone(), vec![0, 1])
    );
    let session = second.header("mcp-session-id").expect("a session");
    world.call(&session, "\"a__t\"");
    let third = initialize(&mut world).json();
    assert!(third["result"]["instructions"].as_str().is_some_and(|it| it.contains("after")));
    assert!(third["result"]["capabilities"]["prompts"].is_object(), "{third}");
}

#[test]
fn a_server_without_sessions_takes_part_and_has_nothing_to_be_opened() {
    let mut world = World::new(&lazy(&["old", "new"]));
    world.serve("old", Server::new("old").tools(&["t"]));
    world.serve("new", Server::new("new").tools(&["t"]).stateless().shape(Shape::Json));
    let told = initialize(&mut world).text();
    world.seen.clear();
    let got = initialize(&mut world);
    let session = got.header("mcp-session-id").expect("a session");
    assert_eq!((got.text(), world.seen.len()), (told, 0));
    assert!(world.call(&session, "\"new__t\"").text().contains("\"result\""));
    assert_eq!(world.seen.iter().map(Seen::method).collect::<Vec<_>>(), ["tools/call"]);
    assert_eq!(world.list(&session).names(), ["old__t", "new__t"]);
    assert_eq!(asked(&world, &["old", "new"]), [1, 0]);
}
