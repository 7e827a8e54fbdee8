//! Lists that are read to their end, for names without prefixes: where reading stops, and what an
//! upstream costs that does not let it end.

use serde_json::json;

use crate::world::{
    Answer, Chance, LOSSES, Request, Response, Seen, Server, TOOLS, World, config, gateway, paged,
};

fn plan(limit: usize) -> serde_json::Value {
    let mut plan = config(&["a", "b"]);
    plan["naming"] = json!({ "prefix": "never" });
    plan["limits"] = json!({ "upstream_body": limit });
    plan
}

fn page(seen: &Seen, items: &str, next: &str) -> Answer {
    let id = seen.id();
    let items = items.replace("\"}", r#"","inputSchema":{"type":"object"}}"#);
    let result = format!(r#"{{"tools":[{items}],"nextCursor":{next}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    Response::new(200, "application/json", body).says()
}

/// A world in which `a` answers every question for tools like this.
fn world(limit: usize, script: impl FnMut(&Seen) -> Answer + 'static) -> (World, String) {
    let mut world = World::new(&plan(limit));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&[&format!("of-{name}")]));
    }
    let session = world.open();
    world.script_method("a", TOOLS.method, script);
    (world, session)
}

/// The rest is served, and `a` is missing for this reason, for a list and for a call.
fn check_missing(world: &mut World, session: &str, reason: &str) {
    let got = world.call(session, "\"of-a\"");
    assert_eq!(got.refusal(), (200, -32603, json!(1)));
    assert!(got.text().contains(reason), "{}", got.text());
    let got = world.list(session);
    assert_eq!((got.names(), got.unavailable()), (vec!["of-b".to_owned()], vec!["a".to_owned()]));
    assert!(got.text().contains(reason), "{}", got.text());
    // Nor does a call say that there is no such name, as long as nobody can know.
    let got = world.call(session, "\"of-a\"");
    assert_eq!(got.refusal(), (200, -32603, json!(1)), "{}", got.text());
}

#[test]
fn a_list_without_an_end_ends_with_an_error() {
    let mut at = 0;
    let (mut world, session) = world(1 << 20, move |seen| {
        at += 1;
        page(seen, "", &format!("\"{at}\""))
    });
    check_missing(&mut world, &session, "more than 1000 pages");
    assert_eq!(world.seen_by("a", TOOLS.method).len(), 3 * 1001);
}

#[test]
fn a_list_of_a_thousand_pages_is_read() {
    let mut at = 0;
    let (mut world, session) = world(1 << 20, move |seen| {
        at += 1;
        let next = if at == 1000 { "null".to_owned() } else { format!("\"{at}\"") };
        page(seen, &format!(r#"{{"name":"t{at}"}}"#), &next)
    });
    let names = world.list(&session).names();
    assert_eq!((names.len(), names[999].as_str(), names[1000].as_str()), (1001, "t1000", "of-b"));
}

#[test]
fn a_list_is_no_longer_than_an_answer_may_be() {
    let mut at = 0;
    let (mut world, session) = world(4096, move |seen| {
        at += 1;
        let item = format!(r#"{{"name":"t{at}","x":"{}"}}"#, "x".repeat(300));
        page(seen, &item, &format!("\"{at}\""))
    });
    check_missing(&mut world, &session, "more than 4096 bytes");
    assert!(world.seen_by("a", TOOLS.method).len() < 60);
    // Small items take up more than their bytes.
    let mut at = 0;
    let (mut world, session) = self::world(100_000, move |seen| {
        at += 1;
        let items: Vec<_> = (0..500).map(|it| format!(r#"{{"name":"t{at}-{it}"}}"#)).collect();
        page(seen, &items.join(","), &format!("\"{at}\""))
    });
    check_missing(&mut world, &session, "more than 100000 bytes");
    let asked = world.seen_by("a", TOOLS.method).len();
    assert!(asked < 3 * 6, "{asked}");
}

#[test]
fn a_session_that_is_lost_between_pages_begins_the_list_anew() {
    for (seed, loss) in LOSSES.into_iter().enumerate() {
        for lost_at in 1..4 {
            let mut asked = 0;
            let (mut world, session) = world(1 << 20, move |seen| {
                asked += 1;
                if asked == lost_at + 1 {
                    return Response::new(loss.0, loss.1, loss.2).says();
                }
                let cursor = seen.params()["cursor"].as_str().map(str::to_owned);
                let at: usize = cursor.map_or(0, |it| it.parse().expect("ours"));
                let next = if at == 3 { "null".to_owned() } else { format!("\"{}\"", at + 1) };
                page(seen, &format!(r#"{{"name":"t{at}"}}"#), &next)
            });
            world.chance = Chance::new(seed as u64);
            let got = world.list(&session);
            assert_eq!(got.names(), ["t0", "t1", "t2", "t3", "of-b"], "{loss:?} at {lost_at}");
            assert!(got.unavailable().is_empty());
            assert_eq!(world.seen_by("a", "initialize").len(), 2);
            assert_eq!(world.seen_by("a", TOOLS.method).len(), lost_at + 1 + 4);
        }
    }
}

#[test]
fn a_page_that_fails_takes_the_list_of_its_upstream_along() {
    let failures: [fn(&Seen) -> Answer; 5] = [
        |_| Answer::NotSent,
        |_| Answer::Silent,
        |_| Answer::TooLarge,
        |_| Response::new(500, "", "").says(),
        |seen| page(seen, "", "1"),
    ];
    for failure in failures {
        let mut asked = 0;
        let (mut world, session) = world(1 << 20, move |seen| {
            asked += 1;
            let (item, next) = (format!(r#"{{"name":"t{asked}"}}"#), format!("\"{asked}\""));
            if asked % 3 == 0 { failure(seen) } else { page(seen, &item, &next) }
        });
        check_missing(&mut world, &session, "");
    }
}

#[test]
fn pages_of_every_upstream_are_read_side_by_side_and_joined_in_order() {
    for seed in 0..30 {
        let mut chance = Chance::new(seed);
        let names = ["a", "b", "c", "d"];
        let mut plan = config(&names);
        plan["naming"] = json!({ "prefix": "on_conflict" });
        let mut world = World::new(&plan);
        let mut expected = Vec::new();
        for name in names {
            let pages: Vec<Vec<String>> = (0..=chance.below(8))
                .map(|page| (0..chance.below(3)).map(|at| format!("{name}-{page}-{at}")).collect())
                .collect();
            expected.extend(pages.concat());
            let item = |name: &String| format!(r#"{{"name":"{name}"}}"#);
            let cursors = (1..pages.len()).map(|at| format!("\"{at}\"")).collect();
            let pages = pages.iter().map(|page| page.iter().map(item).collect()).collect();
            world.serve(name, Server::new(name).seed(seed).pages(pages, cursors));
        }
        world.chance = Chance::new(seed);
        let session = world.open();
        assert_eq!(world.list(&session).names(), expected, "seed {seed}");
    }
}

#[test]
fn a_cursor_from_before_the_names_lost_their_prefixes_is_none_of_this_list() {
    let mut always = World::new(&paged(&["a"]));
    let pages = vec![vec![r#"{"name":"1"}"#.to_owned()], vec![r#"{"name":"2"}"#.to_owned()]];
    always.serve("a", Server::new("a").pages(pages, vec![r#""2""#.to_owned()]));
    let session = always.open();
    let cursor = always.list(&session).json()["result"]["nextCursor"].clone();
    let mut never = config(&["a"]);
    never["naming"] = json!({ "prefix": "never" });
    always.configure(gateway(&never));
    let params = json!({ "cursor": cursor }).to_string();
    let got = always.send(&Request::rpc(TOOLS.method, &params).within(&session));
    assert_eq!(got.refusal(), (200, -32602, json!(1)), "{}", got.text());
    assert_eq!(always.list(&session).names(), ["1", "2"]);
}
