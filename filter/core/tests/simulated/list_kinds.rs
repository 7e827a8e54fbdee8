//! Lists of every kind: all items of all pages, in order, byte by byte.

use std::collections::BTreeSet;

use mcp_mux_core::effect::Counter;
use serde_json::json;

use crate::naive_model::{Plan, any_key, any_uri, text};
use crate::world::{
    Answer, Chance, EVERYTHING, KINDS, Kind, Request, Response, Server, Shape, TASKS, TOOLS, World,
    any_object, any_string, any_value, config, paged, raw_member, usable,
};

/// What is no item of any kind.
const BAD: [&str; 12] = [
    "null",
    "1",
    "[]",
    "\"x\"",
    "{}",
    r#"{"KEY":null}"#,
    r#"{"KEY":1}"#,
    r#"{"KEY":{"KEY":"x"}}"#,
    r#"{"KEY":"\ud800"}"#,
    r#"{"KEY":"x","KEY":"y"}"#,
    r#"{"Key":"x","kEY":"y"}"#,
    r#"["KEY"]"#,
];

/// An item as the upstream at this place writes it, and as clients see it.
fn any_item(chance: &mut Chance, plan: &Plan, at: usize, kind: Kind) -> (String, Option<String>) {
    if chance.one_in(8) {
        return (chance.pick(&BAD).replace("KEY", kind.key), None);
    }
    let keys = ["\"description\"", "\"icons\"", "\"\\u0074itle\"", "\"\"", "\"type\""];
    let mut members: Vec<(String, String)> = Vec::new();
    for key in &keys[chance.below(keys.len() + 1)..] {
        let value = match *key {
            "\"\"" | "\"type\"" => any_value(chance, 3),
            "\"icons\"" if kind != TASKS => {
                format!(r#"[ {{"x":{},"src":{}}}]"#, any_value(chance, 2), any_string(chance))
            }
            _ => any_string(chance),
        };
        members.push(((*key).to_owned(), value));
    }
    match kind.key {
        "uri" | "uriTemplate" => members.push(("\"name\"".to_owned(), any_string(chance))),
        "name" if kind == TOOLS => {
            let schema = format!(r#"{{"type":"object","x":{} }}"#, any_value(chance, 2));
            members.push(("\"inputSchema\"".to_owned(), schema));
        }
        _ => {}
    }
    let raw = any_key(chance, kind);
    let shown = plan.shown(at, kind, &raw);
    let place = chance.below(members.len() + 1);
    members.insert(place, (format!("\"{}\"", kind.key), raw));
    let meta = chance.one_in(3).then(|| (chance.below(members.len() + 1), any_uri(chance)));
    let view = |uri: &str| {
        format!(
            r#"{{ "ui":{{"a":1e2,"resourceUri":{uri} }},"x":{uri},"ui/resourceUri":{uri},"openai/outputTemplate":{uri}}}"#
        )
    };
    if let Some((place, uri)) = &meta {
        members.insert(*place, ("\"_meta\"".to_owned(), view(uri)));
    }
    let mut twin = chance.clone();
    let own = any_object(chance, &members);
    let Some(shown) = shown else { return (own, None) };
    let place = members.iter().position(|(key, _)| key.trim_matches('"') == kind.key);
    members[place.expect("the key")].1 = shown;
    if let Some((place, uri)) = &meta {
        let x = format!("\"x\":{uri},");
        let seen = view(&plan.shown_uri(at, uri));
        let changed = format!("\"x\":{},", plan.shown_uri(at, uri));
        members[*place].1 = seen.replace(&changed, &x);
    }
    (own, Some(any_object(&mut twin, &members)))
}

/// What names a raw item.
fn key_of(item: &str, kind: Kind) -> String {
    let raw = raw_member(item.as_bytes(), kind.key).expect("a key");
    text(&raw).expect("text")
}

/// The items of one list of the gateway, and how many were dropped for each upstream.
struct Expected {
    items: Vec<String>,
    dropped: Vec<usize>,
}

#[test]
fn every_usable_item_of_every_page_is_listed_once_in_order_with_its_bytes() {
    for seed in 0..80 {
        let mut chance = Chance::new(seed);
        let plan = Plan::any(&mut chance);
        let mut world = World::new(&plan.config());
        world.chance = Chance::new(seed);
        let mut servers: Vec<Server> = Vec::new();
        for (name, _) in &plan.0 {
            servers.push(Server::new(name).seed(seed).capabilities(EVERYTHING));
        }
        let mut all = Vec::new();
        for kind in KINDS {
            let mut expected = Expected { items: Vec::new(), dropped: vec![0; plan.0.len()] };
            let mut known = BTreeSet::new();
            let mut asked = Vec::new();
            servers = servers
                .into_iter()
                .enumerate()
                .map(|(at, server)| {
                    let (mut pages, mut cursors) = (Vec::new(), Vec::new());
                    for page in 0..=chance.below(3) {
                        let items: Vec<_> = (0..chance.below(4))
                            .map(|_| any_item(&mut chance, &plan, at, kind))
                            .collect();
                        for (own, shown) in &items {
                            match shown {
                                // What is listed twice is there once.
                                Some(shown) if known.insert((at, key_of(own, kind))) => {
                                    expected.items.push(shown.clone());
                                }
                                Some(_) => {}
                                None => expected.dropped[at] += 1,
                            }
                        }
                        pages.push(items.into_iter().map(|(own, _)| own).collect());
                        if page > 0 {
                            cursors.push(format!("\"{page}{}", &any_string(&mut chance)[1..]));
                        }
                    }
                    asked.push(pages.len());
                    server.list(kind.method, pages, cursors)
                })
                .collect();
            all.push((kind, expected, asked));
        }
        for ((name, _), server) in plan.0.iter().zip(servers) {
            world.serve(name, server);
        }
        let session = world.open();
        for (kind, expected, asked) in all {
            let pages = world.walk_of(&session, kind);
            let [page] = pages.as_slice() else { panic!("seed {seed}: {} pages", pages.len()) };
            assert_eq!(page.items(kind), expected.items, "seed {seed}: {kind:?}");
            for (upstream, dropped) in world.worker.gateway().upstreams.ids().zip(expected.dropped)
            {
                let dropping = Counter::ItemDropped { upstream };
                let counted = page.counts.iter().filter(|it| **it == dropping).count();
                assert_eq!(counted, dropped, "seed {seed}: {kind:?}");
            }
            for ((name, _), asked) in plan.0.iter().zip(asked) {
                assert_eq!(world.seen_by(name, kind.method).len(), asked, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_cursor_is_one_of_its_list_and_session_alone() {
    let mut world = World::new(&paged(&["a", "b"]));
    for name in ["a", "b"] {
        let mut server = Server::new(name).capabilities(EVERYTHING);
        for kind in KINDS {
            let item = |at| vec![format!(r#"{{"{}":"{name}:{at}"}}"#, kind.key)];
            server = server.list(kind.method, vec![item(1), item(2)], vec![r#""next""#.to_owned()]);
        }
        world.serve(name, server);
    }
    let (one, two) = (world.open(), world.open());
    for kind in KINDS {
        let cursor = world.list_of(&one, kind).json()["result"]["nextCursor"].to_string();
        let params = format!(r#"{{"cursor":{cursor}}}"#);
        let asked = world.seen.len();
        for other in KINDS {
            for session in [&one, &two] {
                if (other, session) != (kind, &one) {
                    let got = world.send(&Request::rpc(other.method, &params).within(session));
                    assert_eq!(got.refusal(), (200, -32602, json!(1)), "{kind:?} {other:?}");
                }
            }
        }
        assert_eq!(world.seen.len(), asked);
        let got = world.send(&Request::rpc(kind.method, &params).within(&one));
        assert_eq!(got.items(kind).len(), 2, "{}", got.text());
        assert_eq!(got.json()["result"].get("nextCursor"), None);
    }
}

#[test]
fn a_list_of_any_kind_serves_the_rest_and_names_who_is_missing() {
    for kind in KINDS {
        for missing in 0..8_usize {
            let mut world = World::new(&config(&["a", "b", "c"]));
            let (mut keys, mut failed) = (Vec::new(), Vec::new());
            for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
                let item = format!(r#"{{"{}":"k"}}"#, kind.key);
                let server = Server::new(name).capabilities(EVERYTHING);
                world.serve(name, server.list(kind.method, vec![vec![item]], Vec::new()));
                if missing & (1 << at) != 0 {
                    failed.push(name);
                    world.script_method(name, kind.method, |_| Answer::Silent);
                } else {
                    keys.push(Plan(vec![(name, name)]).shown(0, kind, "\"k\"").expect("a key"));
                }
            }
            world.chance = Chance::new(missing as u64);
            let session = world.open();
            let got = world.list_of(&session, kind);
            if keys.is_empty() {
                assert_eq!(got.refusal(), (200, -32603, json!(1)));
            } else {
                assert_eq!((got.raw_keys(kind), got.unavailable()), {
                    (keys, failed.iter().map(|it| (*it).to_owned()).collect())
                });
            }
        }
    }
}

#[test]
fn members_of_a_result_and_whitespace_survive_in_lists_of_every_kind() {
    for kind in KINDS {
        let mut world = World::new(&config(&["a"]));
        world.serve("a", Server::new("a").capabilities(EVERYTHING).shape(Shape::Json));
        let session = world.open();
        let item = format!("{{\r\n\t\"x\" : {{ }} ,\r \"{}\"\t: \"k\" \n}}", kind.key);
        let item = usable(kind.method, &item);
        let (member, sent) = (kind.member, item.clone());
        world.script_method("a", kind.method, move |seen| {
            let result = format!(r#"{{"x":1e2, "{member}" :[ {sent} ],"_meta":{{"m":1.0}}}}"#);
            let id = seen.id();
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
            Response::new(200, "application/json", body).says()
        });
        let got = world.list_of(&session, kind);
        let shown = Plan(vec![("a", "a")]).shown(0, kind, "\"k\"").expect("a key");
        assert!(text(&shown).is_some());
        assert_eq!(got.items(kind), [item.replace("\"k\"", &shown)]);
        assert!(got.text().contains(r#""x":1e2"#) && got.text().contains(r#""m":1.0"#));
    }
}
