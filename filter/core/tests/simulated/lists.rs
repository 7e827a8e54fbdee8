//! Initialize and lists: what is joined, in which order, and where the pages end.

use serde_json::json;

use crate::world::{
    Chance, Got, INITIALIZE, Request, Server, World, any_string, config, event_stream, gateway,
    paged,
};

/// A session from its first request to its last; everything that the client gets.
fn conversation(seed: u64) -> Vec<(u16, Option<String>, Vec<u8>)> {
    let mut world = World::new(&paged(&["a", "b", "c"]));
    for name in ["a", "b", "c"] {
        let pages = (0..3).map(|page| vec![format!(r#"{{"name":"{name}{page}"}}"#)]).collect();
        let cursors = vec![r#""""#.to_owned(), r#""2""#.to_owned()];
        let more = format!(r#","instructions":"use {name}""#);
        world.serve(name, Server::new(name).pages(pages, cursors).more(&more));
    }
    world.chance = Chance::new(seed);
    let opened = world.send(&Request::rpc("initialize", INITIALIZE));
    let session = opened.header("mcp-session-id").expect("a session");
    let mut all = vec![opened];
    all.push(
        world.send(
            &Request::post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
                .within(&session),
        ),
    );
    all.extend(world.walk(&session));
    all.push(world.call(&session, r#""b__b1""#));
    all.push(world.send(&Request::rpc("ping", "{}").within(&session)));
    all.push(world.send(&Request::delete().within(&session)));
    let visible = all.into_iter();
    visible.map(|got| (got.status, got.header("mcp-session-id"), got.body)).collect()
}

#[test]
fn any_cut_and_any_order_of_answers_give_the_client_the_same_bytes() {
    let first = conversation(0);
    assert_eq!(first.iter().map(|(status, ..)| *status).collect::<Vec<_>>(), {
        [200, 202, 200, 200, 200, 200, 200, 204]
    });
    for seed in 1..150 {
        assert_eq!(conversation(seed), first, "seed {seed}");
    }
}

#[test]
fn every_item_of_every_page_is_listed_once_in_configured_order() {
    for seed in 0..150 {
        let mut chance = Chance::new(seed);
        let names: Vec<String> = (0..=chance.below(5)).map(|it| format!("up{it}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut world = World::new(&config(&names));
        world.chance = Chance::new(seed);
        // The model: the names of all items.
        let mut expected: Vec<String> = Vec::new();
        let mut asked = Vec::new();
        for name in &names {
            let mut pages = Vec::new();
            let mut cursors = Vec::new();
            for page in 0..=chance.below(5) {
                let items: Vec<String> =
                    (0..chance.below(4)).map(|item| format!("p{page}-{item}")).collect();
                expected.extend(items.iter().map(|item| format!("{name}__{item}")));
                pages.push(items.iter().map(|item| format!(r#"{{"name":"{item}"}}"#)).collect());
                if page > 0 {
                    let text = any_string(&mut chance);
                    let empty = page == 1 && chance.one_in(2);
                    cursors.push(if empty {
                        r#""""#.into()
                    } else {
                        format!("\"{page}{}", &text[1..])
                    });
                }
            }
            asked.push(pages.len());
            world.serve(name, Server::new(name).seed(seed).pages(pages, cursors));
        }
        let session = world.open();
        let walked: Vec<Vec<String>> = world.walk(&session).iter().map(Got::names).collect();
        assert_eq!(walked, [expected], "seed {seed}");
        for (name, pages) in names.iter().zip(asked) {
            assert_eq!(world.seen_by(name, "tools/list").len(), pages, "seed {seed}: {name}");
        }
    }
}

#[test]
fn a_cursor_comes_back_to_its_upstream_as_it_was_written() {
    for cursor in [r#""""#, r#""\u0041\/b""#, r#""é\ud83e\udd80\"""#, r#""\ud800""#, r#"" ""#] {
        let mut world = World::new(&config(&["a", "b"]));
        let pages = vec![vec![r#"{"name":"1"}"#.to_owned()], vec![r#"{"name":"2"}"#.to_owned()]];
        world.serve("a", Server::new("a").pages(pages, vec![cursor.to_owned()]));
        world.serve("b", Server::new("b").tools(&["x"]));
        let session = world.open();
        let names: Vec<_> = world.walk(&session).iter().map(Got::names).collect();
        assert_eq!(names, [["a__1", "a__2", "b__x"]], "{cursor}");
    }
}

#[test]
fn cursors_of_another_session_or_made_up_are_bad_params_and_ask_nobody() {
    let mut world = World::new(&paged(&["a"]));
    let pages = vec![vec![r#"{"name":"1"}"#.to_owned()], vec![r#"{"name":"2"}"#.to_owned()]];
    world.serve("a", Server::new("a").pages(pages, vec![r#""next""#.to_owned()]));
    let (one, two) = (world.open(), world.open());
    let cursor = world.list(&one).json()["result"]["nextCursor"].clone();
    let text = cursor.as_str().expect("a cursor").to_owned();
    let asked = world.seen.len();
    let forged = format!("{}{}", if text.starts_with('B') { 'A' } else { 'B' }, &text[1..]);
    for (session, cursor) in [
        (&two, json!(text)),
        (&one, json!(forged)),
        (&one, json!(text[..text.len() - 1])),
        (&one, json!(format!("{text}="))),
        (&one, json!("")),
        (&one, json!("next")),
        (&one, json!(one)),
        (&one, json!(1)),
        (&one, json!({})),
    ] {
        let params = json!({ "cursor": cursor }).to_string();
        let got = world.send(&Request::rpc("tools/list", &params).within(session));
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{cursor}");
    }
    assert_eq!(world.seen.len(), asked);
    let params = json!({ "cursor": text }).to_string();
    let got = world.send(&Request::rpc("tools/list", &params).within(&one));
    assert_eq!(got.names(), ["a__2"]);
}

#[test]
fn an_upstream_that_left_the_configuration_ends_its_part_of_a_list() {
    let mut world = World::new(&paged(&["a", "b"]));
    for name in ["a", "b"] {
        let page = |at| vec![format!(r#"{{"name":"{at}"}}"#)];
        let server = Server::new(name).pages(vec![page(1), page(2)], vec![r#""2""#.to_owned()]);
        world.serve(name, server);
    }
    let session = world.open();
    let cursor = world.list(&session).json()["result"]["nextCursor"].clone();
    world.configure(gateway(&config(&["b"])));
    let params = json!({ "cursor": cursor }).to_string();
    let got = world.send(&Request::rpc("tools/list", &params).within(&session));
    assert_eq!(got.names(), ["b__2"]);
}

#[test]
fn capabilities_are_joined_and_servers_without_tools_are_not_asked() {
    let mut world = World::new(&config(&["a", "b"]));
    let server = Server::new("a").capabilities(r#"{"prompts":{},"logging":{}}"#);
    world.serve("a", server.more(r#","instructions":"  ""#));
    let more = r#","instructions":"Say \"please\".""#;
    let server = Server::new("b").tools(&["t"]).more(more);
    world.serve("b", server.capabilities(r#"{"tools":{"listChanged":true},"tasks":{}}"#));
    let result = world.send(&Request::rpc("initialize", INITIALIZE)).json()["result"].clone();
    let joined = json!({"tools": {}, "prompts": {}, "logging": {}, "tasks": {}});
    assert_eq!(result["capabilities"], joined);
    assert_eq!(result["instructions"], "## b\n\nSay \"please\".");
    assert_eq!(result["protocolVersion"], "2025-11-25");
    let session = world.open();
    assert_eq!(world.list(&session).names(), ["b__t"]);
    assert!(world.seen_by("a", "tools/list").is_empty());

    let mut listening = config(&["a", "b"]);
    listening["listen"] = json!("b");
    world.configure(gateway(&listening));
    let result = world.send(&Request::rpc("initialize", INITIALIZE)).json()["result"].clone();
    let mut heard = joined;
    heard["tools"] = json!({"listChanged": true});
    assert_eq!(result["capabilities"], heard);

    world.configure(gateway(&config(&["b"])));
    let result = world.send(&Request::rpc("initialize", INITIALIZE)).json()["result"].clone();
    let only = json!({"tools": {"listChanged": true}, "tasks": {}});
    assert_eq!(result["capabilities"], only, "the only one");

    world.configure(gateway(&config(&["a"])));
    let session = world.open();
    assert_eq!(world.list(&session).refusal(), (200, -32601, json!(1)));
}

#[test]
fn an_answer_is_found_by_its_id_among_all_that_a_stream_carries() {
    for seed in 0..200 {
        let mut world = World::of(&["a"]);
        let session = world.open();
        world.chance = Chance::new(seed);
        let mut chance = Chance::new(seed);
        world.script_method("a", "tools/list", move |seen| {
            let answer = format!(
                "{{\"jsonrpc\":\"2.0\",\n \"result\":{{\"tools\":[\n{{\"name\":\"é\",\"inputSchema\":{{\"type\":\"object\"}}}} ] }},\"id\":{}}}",
                seen.id()
            );
            let stream = event_stream(&mut chance, &answer);
            crate::world::Response::new(200, "text/event-stream", stream).says()
        });
        assert_eq!(world.list(&session).names(), ["a__é"], "seed {seed}");
    }
}

#[test]
fn long_cursors_of_many_upstreams_do_not_end_the_list() {
    let names: Vec<String> = (0..24).map(|it| format!("up{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::new(&paged(&names));
    for name in &names {
        let item = |name: &str| vec![format!(r#"{{"name":"{name}"}}"#)];
        let pages = vec![item("s"), item("t")];
        let cursor = format!("\"{}\"", "c".repeat(4000));
        world.serve(name, Server::new(name).pages(pages, vec![cursor]));
    }
    let session = world.open();
    let pages = world.walk(&session);
    let last = pages.last().expect("a page");
    assert!(last.json().get("error").is_none(), "{}", last.text());
    assert_eq!(last.names().len(), 24);
}
