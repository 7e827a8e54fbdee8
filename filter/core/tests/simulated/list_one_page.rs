//! One page: lists are read to their end as long as they stay within `catalog.page`, and a list that
//! does not advance ends.

use std::collections::BTreeSet;

use serde_json::json;

use crate::world::{
    Answer, Chance, EVERYTHING, Got, KINDS, Kind, Response, Seen, Server, TASKS, TOOLS, World,
    config, usable,
};

fn item(kind: Kind, name: &str) -> String {
    usable(kind.method, &format!(r#"{{"{}":"{name}"}}"#, kind.key))
}

/// Its lists of every kind have pages of these lengths.
fn server(name: &str, pages: &[usize]) -> Server {
    let mut server = Server::new(name).capabilities(EVERYTHING);
    for kind in KINDS {
        let page = |(page, count): (usize, &usize)| {
            (0..*count).map(|at| item(kind, &format!("{page}-{at}"))).collect::<Vec<_>>()
        };
        let pages: Vec<_> = pages.iter().enumerate().map(page).collect();
        let cursors = (1..pages.len()).map(|at| format!("\"{at}\"")).collect();
        server = server.list(kind.method, pages, cursors);
    }
    server
}

/// Upstreams whose lists of every kind have pages of these lengths.
fn world(bound: &serde_json::Value, lists: &[(&str, &[usize])]) -> World {
    let names: Vec<&str> = lists.iter().map(|(name, _)| *name).collect();
    let mut plan = config(&names);
    plan["catalog"] = json!({ "page": bound });
    let mut world = World::new(&plan);
    for (name, pages) in lists {
        world.serve(name, server(name, pages));
    }
    world
}

/// How many items each page of the gateway has, and how often each upstream was asked.
fn lengths(
    world: &mut World,
    names: &[&str],
    session: &str,
    kind: Kind,
) -> (Vec<usize>, Vec<usize>) {
    world.seen.clear();
    let pages = world.walk_of(session, kind);
    let all: Vec<String> = pages.iter().flat_map(|page| page.keys(kind)).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "each once: {all:?}");
    let asked = names.iter().map(|name| world.seen_by(name, kind.method).len()).collect();
    (pages.iter().map(|page| page.items(kind).len()).collect(), asked)
}

#[test]
fn lists_of_every_kind_are_one_page_while_they_are_within_the_bound() {
    for (bound, lists, pages, asked) in [
        // All there is, to the last item that fits.
        (json!({}), [&[100, 100, 50][..], &[1, 1]], vec![252], [3, 2]),
        (json!({"items": 12}), [&[4, 4, 2], &[2]], vec![12], [3, 1]),
        // What does not fit is asked for again, with the cursor of that page.
        (json!({"items": 11}), [&[4, 4, 2], &[2]], vec![10, 2], [4, 1]),
        (json!({"items": 11}), [&[4, 4], &[4, 4]], vec![8, 8], [3, 3]),
        // One upstream's page fits, the other's does not.
        (json!({"items": 9}), [&[4, 4], &[4, 1]], vec![9, 4], [3, 2]),
        // A full page asks for no more.
        (json!({"items": 8}), [&[4, 4], &[4, 4]], vec![8, 8], [2, 2]),
        // The first pages are there, whatever the bound.
        (json!({"items": 1}), [&[4, 4], &[4]], vec![8, 4], [2, 1]),
        (json!({"bytes": 1024}), [&[100, 100], &[1]], vec![101, 100], [2, 1]),
    ] {
        let mut world = world(&bound, &[("a", lists[0]), ("b", lists[1])]);
        let session = world.open();
        for kind in KINDS {
            let expected = (pages.clone(), asked.to_vec());
            assert_eq!(
                lengths(&mut world, &["a", "b"], &session, kind),
                expected,
                "{bound} {kind:?}"
            );
        }
    }
}

#[test]
fn how_fast_upstreams_answer_has_no_say_in_what_is_on_a_page() {
    let mut first = None;
    for seed in 0..60 {
        let mut world =
            world(&json!({"items": 7}), &[("a", &[2, 2, 2]), ("b", &[1, 1, 1, 1]), ("c", &[0, 3])]);
        world.chance = Chance::new(seed);
        let session = world.open();
        let pages: Vec<_> = world.walk(&session).iter().map(Got::names).collect();
        assert_eq!(*first.get_or_insert(pages.clone()), pages, "seed {seed}");
    }
    assert_eq!(first.map(|pages| pages.concat().len()), Some(13));
}

#[test]
fn a_list_of_many_small_pages_is_read_for_so_long() {
    let mut world = world(&json!({}), &[("a", &[1; 260])]);
    let session = world.open();
    assert_eq!(lengths(&mut world, &["a"], &session, TOOLS), (vec![250, 10], vec![260]));
}

/// An upstream that answers the list with the items and the cursor of `page`, given the cursor that it
/// is asked with and how often it was asked before.
fn scripted(
    world: &mut World,
    kind: Kind,
    mut page: impl FnMut(Option<&str>, usize) -> (String, Option<String>) + 'static,
) {
    let mut asked = 0;
    world.script_method("a", kind.method, move |seen: &Seen| {
        let params = seen.params();
        let (items, next) = page(params["cursor"].as_str(), asked);
        asked += 1;
        let next = next.map_or(String::new(), |next| format!(r#","nextCursor":{}"#, json!(next)));
        let result = format!(r#"{{"{}":[{items}]{next}}}"#, kind.member);
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        Response::new(200, "application/json", body).says()
    });
}

/// A way in which a list does not advance: the items and the next cursor, by the cursor it was asked
/// with and how often it was asked; and how often it is asked before it ends.
type Circle = (&'static str, fn(Option<&str>, usize) -> (Option<usize>, Option<String>), usize);

const CIRCLES: [Circle; 8] = [
    ("the last page has an empty cursor", |_, at| (Some(at), Some(String::new())), 2),
    (
        "and so has the last but one",
        |cursor, at| (Some(at), Some(if cursor.is_none() { "2" } else { "" }.to_owned())),
        3,
    ),
    (
        "the cursor that it was asked with",
        |cursor, at| (Some(at), Some(cursor.unwrap_or("x").to_owned())),
        2,
    ),
    ("the same page for ever", |_, _| (Some(0), Some("x".to_owned())), 2),
    ("the same page with another cursor each time", |_, at| (Some(0), Some(at.to_string())), 4),
    ("two cursors in turn", |_, at| (Some(at), Some((at % 2).to_string())), 3),
    ("back to the first of many", |_, at| (Some(at), Some((at % 40).to_string())), 41),
    ("nothing on any page", |_, at| (None, Some((at % 3).to_string())), 4),
];

#[test]
fn a_list_that_does_not_advance_ends_and_the_others_are_whole() {
    for mode in ["always", "on_conflict", "never"] {
        for ttl in ["0s", "1m"] {
            for (what, circle, asked) in CIRCLES {
                let mut plan = config(&["a", "b"]);
                plan["naming"] = json!({ "prefix": mode });
                plan["catalog"] = json!({ "ttl": ttl });
                let mut world = World::new(&plan);
                for name in ["a", "b"] {
                    let mut server = Server::new(name).capabilities(EVERYTHING);
                    for kind in KINDS {
                        let item = item(kind, "of-b");
                        server = server.list(kind.method, vec![vec![item]], Vec::new());
                    }
                    world.serve(name, server);
                }
                let session = world.open();
                for kind in KINDS {
                    scripted(&mut world, kind, move |cursor, at| {
                        let (name, next) = circle(cursor, at);
                        (name.map_or(String::new(), |name| item(kind, &format!("x:{name}"))), next)
                    });
                    world.seen.clear();
                    let got = world.list_of(&session, kind);
                    assert!(got.json()["result"].get("nextCursor").is_none(), "{what}: {mode}");
                    assert!(got.unavailable().is_empty(), "{what}: {mode} {kind:?}");
                    assert_eq!(world.seen_by("a", kind.method).len(), asked, "{what}: {mode}");
                    let keys = got.keys(kind);
                    assert!(keys.last().is_some_and(|it| it.ends_with("of-b")), "{what}: {keys:?}");
                    if ttl != "0s" && kind != TASKS {
                        assert_eq!(world.list_of(&session, kind).body, got.body);
                    }
                }
            }
        }
    }
}

#[test]
fn a_list_that_does_not_advance_ends_on_a_later_page_too() {
    for (what, circle, asked) in CIRCLES {
        // Which items come twice is not known from one page to the next.
        if what.contains("another cursor") {
            continue;
        }
        let mut world = world(&json!({"items": 1}), &[("a", &[1]), ("b", &[1])]);
        scripted(&mut world, TOOLS, move |cursor, at| {
            let (name, next) = circle(cursor, at);
            (name.map_or(String::new(), |name| item(TOOLS, &format!("x{name}"))), next)
        });
        let session = world.open();
        let pages = world.walk(&session);
        assert!(pages.last().is_some_and(|page| page.unavailable().is_empty()), "{what}");
        let seen = world.seen_by("a", TOOLS.method).len();
        assert!((asked..=2 * asked).contains(&seen), "{what}: {seen}");
    }
}

#[test]
fn the_operator_learns_once_of_a_list_that_goes_in_circles() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    scripted(&mut world, TOOLS, |_, at| (item(TOOLS, &at.to_string()), Some(String::new())));
    let told = |got: &Got| {
        let told = got.warnings.iter();
        told.filter(|it| it.contains("upstream a") && it.contains("cursor")).count()
    };
    assert_eq!(told(&world.list(&session)), 1);
    assert_eq!(told(&world.list(&session)), 0);
}

#[test]
fn an_upstream_that_fails_on_a_later_page_keeps_what_it_said() {
    let failures: [fn(&Seen) -> Answer; 4] = [
        |_| Answer::NotSent,
        |_| Answer::Silent,
        |_| Answer::TooLarge,
        |_| Response::new(500, "", "").says(),
    ];
    for kind in KINDS {
        for failure in failures {
            let mut world = world(&json!({}), &[("a", &[1, 1, 1]), ("b", &[1, 1, 1])]);
            let session = world.open();
            let mut server = server("a", &[1, 1, 1]);
            world.script("a", move |seen| {
                if seen.params()["cursor"] == "2" { failure(seen) } else { server.answer(seen) }
            });
            let got = world.list_of(&session, kind);
            assert_eq!((got.items(kind).len(), got.unavailable()), (5, vec!["a".to_owned()]));
            assert!(got.json()["result"].get("nextCursor").is_none());
        }
    }
}
