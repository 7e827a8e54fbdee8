//! Upstreams that take part in a session later than the others, or never.

use serde_json::json;

use crate::world::{
    Answer, Chance, EVERYTHING, INITIALIZE, Request, Response, Restarting, Seen, Server, Shape,
    Way, World, config, gateway,
};

#[test]
fn an_upstream_that_was_away_joins_with_what_the_client_said_of_itself() {
    for first in ["tools/list", "tools/call"] {
        let mut world = World::of(&["a", "b"]);
        world.script("b", |_| Answer::NotSent);
        let session = world.open();
        assert_eq!(world.list(&session).unavailable(), ["b"]);
        let got = world.call(&session, "\"b__t\"");
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        assert_eq!(got.json()["error"]["data"]["upstream"], "b");
        world.serve("b", Server::new("b").tools(&["t"]).shape(Shape::Json));
        world.seen.clear();
        if first == "tools/list" {
            assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
        }
        for _ in 0..3 {
            let got = world.call(&session, "\"b__t\"");
            assert!(got.way == Way::Routed && got.json()["result"].is_object(), "{}", got.text());
        }
        let methods: Vec<String> = world.seen.iter().take(2).map(Seen::method).collect();
        assert!(first == "tools/list" || methods == ["initialize", "notifications/initialized"]);
        let opened = world.seen_by("b", "initialize");
        assert_eq!(opened.len(), 1, "{first}");
        assert_eq!(opened[0].params()["clientInfo"], json!({"name": "client", "version": "1"}));
        assert_eq!(opened[0].params()["capabilities"], json!({}));
        assert_eq!(opened[0].params()["protocolVersion"], "2025-11-25");
    }
}

#[test]
fn an_upstream_is_offered_the_revision_that_the_client_speaks() {
    let mut world = World::of(&["a"]);
    let older = INITIALIZE.replace("2025-11-25", "2025-03-26");
    let got = world.send(&Request::rpc("initialize", &older));
    let session = got.header("mcp-session-id").expect("a session");
    world.configure(gateway(&config(&["a", "b"])));
    world.serve("b", Server::new("b").tools(&["t"]).revision("2025-06-18"));
    // That it is then spoken to in its own revision, the server checks.
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    assert_eq!(world.seen_by("b", "initialize")[0].params()["protocolVersion"], "2025-03-26");
}

#[test]
fn an_upstream_that_is_configured_later_joins_a_call_that_is_held_whole() {
    let text = "x é ".repeat(30_000);
    for seed in 0..20 {
        let mut world = World::new(&config(&["a"]));
        Restarting::put(&mut world, "a");
        let session = world.begin();
        let late = Restarting::put(&mut world, "late");
        world.configure(gateway(&config(&["late", "a"])));
        world.chance = Chance::new(seed);
        let params = format!(r#"{{ "arguments":{{"x":"{text}"}}, "name":"late__t" }}"#);
        let got = world.send(&Request::rpc("tools/call", &params).within(&session));
        assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
        let went = got.went.expect("a request");
        assert_eq!(went.header("mcp-session-id").as_deref(), Some("late-1"));
        assert_eq!(went.params(), json!({"name": "t", "arguments": {"x": text}}));
        // The page of a session that had no such upstream before.
        assert_eq!(world.list(&session).names(), ["late__t", "a__t"]);
        assert_eq!(late.opened(), 1);
    }
}

#[test]
fn two_requests_that_need_the_same_upstream_go_on_in_one_session_of_it() {
    let mut met = 0;
    for seed in 0..40 {
        let mut world = World::new(&config(&["a"]));
        Restarting::put(&mut world, "a");
        let session = world.begin();
        let late = Restarting::put(&mut world, "late");
        world.configure(gateway(&config(&["a", "late"])));
        world.chance = Chance::new(seed);
        let call = Request::rpc("tools/call", r#"{"name":"late__t"}"#).within(&session);
        world.meanwhile = vec![call.clone(), Request::rpc("tools/list", "{}").within(&session)];
        let mut all = vec![world.send(&call)];
        all.append(&mut world.concurrent);
        met += all.len() - 1;
        for got in &all {
            assert!(got.status == 200 && !got.text().contains("\"error\""), "{}", got.text());
        }
        let opened = late.opened();
        assert!(opened <= all.len());
        assert_eq!((late.alive().len(), late.ended().len()), (1, opened - 1), "seed {seed}");
        world.meanwhile.clear();
        assert_eq!(world.list(&session).names(), ["a__t", "late__t"]);
        assert_eq!(world.call(&session, "\"late__t\"").status, 200);
        assert_eq!(late.opened(), opened);
    }
    assert!(met > 30, "{met}");
}

#[test]
fn an_upstream_that_joined_can_be_lost_and_comes_back() {
    let mut world = World::new(&config(&["a"]));
    Restarting::put(&mut world, "a");
    let session = world.begin();
    let late = Restarting::put(&mut world, "late");
    world.configure(gateway(&config(&["a", "late"])));
    for opened in 1..5 {
        let got = world.call(&session, "\"late__t\"");
        assert!(got.text().contains(&format!(r#""by":"late-{opened}""#)), "{}", got.text());
        late.restart((404, "", ""));
    }
    // Its cluster goes, and comes back with the same process.
    world.script("late", |_| Answer::NotSent);
    assert_eq!(world.list(&session).unavailable(), ["late"]);
    assert_eq!(world.call(&session, "\"late__t\"").refusal(), (200, -32603, json!(1)));
    late.come_back(&mut world);
    assert_eq!(world.list(&session).names(), ["a__t", "late__t"]);
    assert_eq!(late.opened(), 5);
    assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
    assert_eq!(late.ended(), ["late-5"]);
}

#[test]
fn an_upstream_that_stays_away_is_tried_once_by_each_request_that_needs_it() {
    for failure in [Answer::NotSent, Answer::Silent, Response::new(404, "", "").says()] {
        let mut world = World::of(&["a", "b"]);
        world.script("b", move |_| failure.clone());
        let session = world.open();
        for needed in [true, false] {
            world.seen.clear();
            let name = if needed { "\"b__t\"" } else { "\"a__t\"" };
            let got = world.call(&session, name);
            assert_eq!(got.text().contains("-32603"), needed);
            assert_eq!(world.seen_by("b", "initialize").len(), usize::from(needed));
        }
        world.seen.clear();
        assert_eq!(world.list(&session).unavailable(), ["b"]);
        assert_eq!(world.seen_by("b", "initialize").len(), 1);
        // A notification and the end do not reach one that has no part.
        world.seen.clear();
        let body = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
        assert_eq!(world.send(&Request::post(body).within(&session)).status, 202);
        assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
        assert!(world.seen.iter().all(|seen| seen.cluster == "a"));
    }
}

#[test]
fn envoy_may_give_up_on_whatever_waits() {
    let mut gave_up = 0;
    for mode in ["always", "never"] {
        let mut plan = config(&["a", "late"]);
        plan["listen"] = json!("late");
        plan["naming"] = json!({ "prefix": mode });
        let mut world = World::new(&plan);
        for name in ["a", "late"] {
            world.serve(name, Server::new(name).capabilities(EVERYTHING).tools(&["t"]));
        }
        world.configure(gateway(&config(&["a"])));
        let session = world.open();
        world.configure(gateway(&plan));
        world.overdue = true;
        let name = if mode == "always" { "late__t" } else { "t" };
        for seed in 0..20 {
            world.chance = Chance::new(seed);
            for request in [
                Request::rpc("initialize", INITIALIZE),
                Request::rpc("tools/list", "{}"),
                Request::rpc("tools/call", &format!(r#"{{"name":"{name}"}}"#)),
                Request::rpc("logging/setLevel", r#"{"level":"info"}"#),
                Request::post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
                Request::post(r#"{"jsonrpc":"2.0","id":"a:1","result":{}}"#),
                Request::get(),
            ] {
                world.change_worker();
                let got = world.send(&request.within(&session));
                world.ambient.shared.clear();
                if got.status == 504 {
                    gave_up += 1;
                    assert_eq!(got.text(), "stream timeout");
                }
            }
        }
    }
    assert!(gave_up > 100, "{gave_up}");
}

#[test]
fn an_upstream_that_joins_without_tools_adds_none() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.configure(gateway(&config(&["a", "b"])));
    world.serve("b", Server::new("b").capabilities("{}"));
    for _ in 0..3 {
        let got = world.list(&session);
        assert_eq!((got.names(), got.unavailable()), (vec!["a__t".into()], Vec::new()));
    }
    assert!(world.seen_by("b", "tools/list").is_empty());
    assert_eq!(world.seen_by("b", "initialize").len(), 1);
}

#[test]
fn an_upstream_that_joins_without_what_it_is_asked_for_does_not_know_the_method() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.configure(gateway(&config(&["a", "b"])));
    world.serve("b", Server::new("b").capabilities(r#"{"prompts":{}}"#));
    for _ in 0..2 {
        let got = world.call(&session, "\"b__t\"");
        assert_eq!(got.refusal(), (200, -32601, json!(1)), "{}", got.text());
        assert!(world.seen_by("b", "tools/call").is_empty());
    }
    assert_eq!(world.seen_by("b", "initialize").len(), 1);
}

#[test]
fn a_stream_is_opened_once_its_upstream_takes_part() {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("b");
    let mut world = World::of(&["a", "b"]);
    world.configure(gateway(&plan));
    world.script("b", |_| Answer::NotSent);
    let session = world.open();
    let got = world.send(&Request::get().within(&session));
    assert_eq!((got.way, got.status), (Way::Replied, 502));
    assert_eq!(got.json()["error"]["data"]["upstream"], "b");
    let server = Restarting::put(&mut world, "b");
    for _ in 0..2 {
        let got = world.send(&Request::get().within(&session));
        assert_eq!((got.way, got.text().as_str()), (Way::Routed, ": open\n\n"));
    }
    assert_eq!(server.opened(), 1);
    // Once it has lost that, the client has to ask again: a GET can be sent once only.
    for opened in 2..4 {
        server.restart((404, "", ""));
        let got = world.send(&Request::get().within(&session));
        assert_eq!((got.status, got.text()), (503, String::new()));
        assert_eq!(got.header("retry-after").as_deref(), Some("1"));
        let got = world.send(&Request::get().within(&session));
        assert_eq!((got.way, got.text().as_str()), (Way::Routed, ": open\n\n"));
        assert_eq!(server.opened(), opened);
    }
}

#[test]
fn without_any_upstream_a_client_is_asked_to_come_again_and_a_session_waits() {
    let mut world = World::of(&["a"]);
    let session = world.begin();
    world.configure(gateway(&config(&[])));
    world.seen.clear();
    let got = world.send(&Request::rpc("initialize", INITIALIZE));
    assert_eq!(got.refusal(), (503, -32603, json!(1)));
    assert_eq!(got.header("retry-after").as_deref(), Some("5"));
    assert!(got.text().contains("No MCP server has joined"), "{}", got.text());
    for (method, member) in [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
        ("tasks/list", "tasks"),
    ] {
        let got = world.send(&Request::rpc(method, "{}").within(&session));
        assert_eq!((got.status, &got.json()["result"]), (200, &json!({ member: [] })), "{method}");
    }
    assert_eq!(world.call(&session, "\"a__t\"").refusal(), (200, -32602, json!(1)));
    let body = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    assert_eq!(world.send(&Request::post(body).within(&session)).status, 202);
    assert!(world.seen.is_empty());
    // Another than those that the session began with joins it.
    world.serve("b", Server::new("b").tools(&["t"]));
    world.configure(gateway(&config(&["b"])));
    assert_eq!(world.list(&session).names(), ["b__t"]);
    assert_eq!(world.call(&session, "\"b__t\"").status, 200);
    world.configure(gateway(&config(&["a"])));
    assert_eq!(world.list(&session).names(), ["a__t"]);
    assert!(world.seen_by("a", "initialize").is_empty());
}
