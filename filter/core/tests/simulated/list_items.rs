//! Items of lists: the bytes of a name change, and no others.

use std::collections::BTreeSet;

use serde_json::json;

use crate::naive_model::text;
use crate::world::{
    Chance, Response, Server, Shape, World, any_object, any_string, any_value, config,
};
use mcp_mux_core::effect::Counter;

/// An item as its upstream writes it, and as the client must see it.
fn any_item(chance: &mut Chance, prefix: &str) -> (String, String, String) {
    let keys = ["\"description\"", "\"inputSchema\"", "\"\\u0074itle\"", "\"\"", "\"_meta\""];
    let mut members: Vec<(String, String)> = Vec::new();
    for key in &keys[chance.below(keys.len() + 1)..] {
        let value = match *key {
            "\"inputSchema\"" => continue,
            "\"\"" => any_value(chance, 4),
            "\"_meta\"" => format!(r#"{{"x":{}}}"#, any_value(chance, 4)),
            _ => any_string(chance),
        };
        members.push(((*key).to_owned(), value));
    }
    let schema = format!(r#"{{ "x":{},"type":"object"}}"#, any_value(chance, 4));
    members.push(("\"inputSchema\"".to_owned(), schema));
    let name = any_string(chance);
    let joined = format!("\"{prefix}{}", &name[1..]);
    let key = chance.pick(&[r#""name""#, r#""name""#, r#""n\u0061me""#]).to_owned();
    let at = chance.below(members.len() + 1);
    members.insert(at, (key.clone(), name.clone()));
    let mut twin = chance.clone();
    let own = any_object(chance, &members);
    members[at] = (key, joined);
    (name, own, any_object(&mut twin, &members))
}

#[test]
fn items_stay_byte_identical_but_for_their_names() {
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let mut world = World::new(&json!({"upstreams": [
            {"name": "a"}, {"name": "b", "prefix": "B.-_"}, {"name": "c", "prefix": ""},
        ]}));
        world.chance = Chance::new(seed);
        let mut expected = Vec::new();
        for (name, prefix) in [("a", "a__"), ("b", "B.-___"), ("c", "")] {
            let mut page = Vec::new();
            let mut known = BTreeSet::new();
            for _ in 0..chance.below(5) {
                let (name, own, joined) = any_item(&mut chance, prefix);
                page.push(own);
                // What is listed twice is there once.
                if known.insert(text(&name)) {
                    expected.push(joined);
                }
            }
            world.serve(name, Server::new(name).seed(seed).pages(vec![page], Vec::new()));
        }
        let session = world.open();
        assert_eq!(world.list(&session).tools(), expected, "seed {seed}");
    }
}

#[test]
fn items_without_a_usable_name_are_dropped_and_counted() {
    let mut world = World::new(&json!({"upstreams": [{"name": "a"}, {"name": "c", "prefix": ""}]}));
    let bad = [
        "null",
        "1",
        "[]",
        "[\"name\"]",
        "\"name\"",
        "{}",
        r#"{"name":null}"#,
        r#"{"name":1}"#,
        r#"{"name":{"name":"x"}}"#,
        r#"{"name":"\ud800"}"#,
        r#"{"name":"x","name":"y"}"#,
        r#"{"name":"x","n\u0061me":"y"}"#,
        r#"{"Name":"x"}"#,
    ];
    let items = |more: &str| {
        let mut items: Vec<String> = bad.iter().map(|item| (*item).to_owned()).collect();
        items.insert(3, r#"{"name":"first"}"#.to_owned());
        items.push(more.to_owned());
        vec![items]
    };
    world.serve("a", Server::new("a").pages(items(r#"{"name":"a__last"}"#), Vec::new()));
    // Called by this name, `a` would answer.
    world.serve("c", Server::new("c").pages(items(r#"{"name":"a__x"}"#), Vec::new()));
    let session = world.open();
    let got = world.list(&session);
    assert_eq!(got.names(), ["a__first", "a__a__last", "first"]);
    assert!(got.unavailable().is_empty());
    let dropped =
        |name: &str| got.counts.contains(&Counter::ItemDropped { upstream: world.id(name) });
    assert!(dropped("a") && dropped("c"), "{:?}", got.counts);
}

#[test]
fn denied_items_are_left_out_silently() {
    let mut world = World::new(&json!({"upstreams": [
        {"name": "a", "tools": {"allow": ["get_*", "list"], "deny": ["*_admin"]}},
        {"name": "b", "tools": {"allow": []}},
        {"name": "c", "tools": {"deny": ["g?t*"]}},
    ]}));
    let tools = ["get_x", "get_admin", "list", "list_x", r"g\u0065t_/y", ""];
    for name in ["a", "b", "c"] {
        world.serve(name, Server::new(name).tools(&tools));
    }
    let session = world.open();
    let got = world.list(&session);
    let expected = ["a__get_x", "a__list", "a__get_/y", "c__list", "c__list_x", "c__"];
    assert_eq!(got.names(), expected);
    assert!(!got.counts.iter().any(|it| matches!(it, Counter::ItemDropped { .. })));
}

#[test]
fn members_that_nobody_knows_stay_and_the_first_of_equal_ones_wins() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    for (name, members) in [
        ("a", r#""x":[1.0],"_meta":{"m":1.0,"n":{"a":[]}},"nextCursor":null"#),
        ("b", r#""y":"\u0079","x":2,"_meta":{"n":2,"o":3}"#),
    ] {
        let members = members.to_owned();
        world.script_method(name, "tools/list", move |seen| {
            let id = seen.id();
            let body =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{members},"tools":[]}}}}"#);
            Response::new(200, "application/json", body).says()
        });
    }
    let text = world.list(&session).text();
    for kept in [r#""x":[1.0]"#, r#""m":1.0"#, r#""n":{"a":[]}"#, r#""y":"\u0079""#] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(text.contains(r#""o":3"#) && !text.contains(r#""x":2"#), "{text}");
    assert!(!text.contains("nextCursor") && text.matches("_meta").count() == 1, "{text}");
}

#[test]
fn whitespace_of_every_kind_within_items_survives() {
    let mut world = World::new(&config(&["a"]));
    let item = "{\r\n\t\"inputSchema\" : { \"type\" :\"object\" } ,\r \"name\"\t: \"x\" \n}";
    let server = Server::new("a").shape(Shape::Json);
    world.serve("a", server.pages(vec![vec![format!(" {item}\t")]], Vec::new()));
    let session = world.open();
    assert_eq!(world.list(&session).tools(), [item.replace("\"x\"", "\"a__x\"")]);
}
