//! Calls by names whose owner this worker has to look for first, while upstreams fail or come late.

use serde_json::{Value, json};

use crate::world::{
    Answer, Chance, EVERYTHING, KINDS, Kind, LOSSES, PROMPTS, Request, Response, Restarting, Seen,
    Server, TOOLS, Way, World, config, gateway,
};

pub(crate) fn plan(mode: &str, names: &[&str]) -> Value {
    let mut plan = config(names);
    plan["naming"] = json!({ "prefix": mode });
    plan
}

/// A world in which each of these has these names, of tools and of prompts.
fn world(mode: &str, lists: &[(&'static str, &[&str])]) -> World {
    let names: Vec<&str> = lists.iter().map(|(name, _)| *name).collect();
    let mut world = World::new(&plan(mode, &names));
    for (name, items) in lists {
        let items = || vec![items.iter().map(|it| format!(r#"{{"name":"{it}"}}"#)).collect()];
        let server = Server::new(name).capabilities(EVERYTHING);
        let server = server.list(TOOLS.method, items(), Vec::new());
        world.serve(name, server.list(PROMPTS.method, items(), Vec::new()));
    }
    world
}

/// What becomes of a request by this name: the cluster and the name that it reaches, or the code of
/// its error.
pub(crate) fn outcome(
    world: &mut World,
    session: &str,
    kind: Kind,
    name: &str,
) -> Result<(String, String), i64> {
    let got = world.ask_for(session, kind, &json!(name).to_string());
    let Some(went) = &got.went else {
        let (status, code, id) = got.refusal();
        assert_eq!((status, id), (200, json!(1)));
        return Err(code);
    };
    Ok((went.cluster.clone(), went.params()["name"].as_str().expect("a name").to_owned()))
}

pub(crate) fn to(cluster: &str, own: &str) -> (String, String) {
    (cluster.to_owned(), own.to_owned())
}

const LISTS: [(&str, &[&str]); 3] =
    [("a", &["x", "of-a"]), ("b", &["x", "of-b"]), ("c", &["of-c"])];

#[test]
fn with_an_upstream_away_a_name_goes_to_nobody_but_its_owner() {
    type Row = (&'static str, &'static str, [Result<&'static str, i64>; 3]);
    // By who is away: a, b, c.
    let rows: [Row; 9] = [
        ("never", "x", [Err(-32603), Ok("a"), Ok("a")]),
        ("never", "of-a", [Err(-32603), Ok("a"), Ok("a")]),
        // It might be one of a's.
        ("never", "of-b", [Err(-32603), Err(-32603), Ok("b")]),
        ("never", "of-c", [Err(-32603), Err(-32603), Err(-32603)]),
        ("on_conflict", "a__x", [Err(-32603), Ok("a"), Ok("a")]),
        ("on_conflict", "b__x", [Ok("b"), Err(-32603), Ok("b")]),
        ("on_conflict", "of-c", [Ok("c"), Ok("c"), Err(-32603)]),
        ("on_conflict", "a__of-a", [Err(-32603), Ok("a"), Ok("a")]),
        ("on_conflict", "nobody", [Err(-32603); 3]),
    ];
    let failures: [fn(&Seen) -> Answer; 3] =
        [|_| Answer::NotSent, |_| Answer::Silent, |_| Response::new(500, "", "").says()];
    for (seed, (mode, name, outcomes)) in rows.into_iter().enumerate() {
        for (away, expected) in outcomes.into_iter().enumerate() {
            for kind in [TOOLS, PROMPTS] {
                let mut world = world(mode, &LISTS);
                world.chance = Chance::new(seed as u64);
                let session = world.open();
                let cluster = ["a", "b", "c"][away];
                world.script_method(cluster, kind.method, failures[seed % 3]);
                let own = name.strip_prefix("a__").or(name.strip_prefix("b__")).unwrap_or(name);
                for _ in 0..2 {
                    world.seen.clear();
                    let got = outcome(&mut world, &session, kind, name);
                    let expected = expected.map(|owner| to(owner, own));
                    assert_eq!(got, expected, "{mode}: {name} without {cluster}");
                    // What was found without one of them is not remembered.
                    let lists = world.seen.iter().filter(|seen| seen.method() == kind.method);
                    assert_eq!(lists.count(), 3);
                }
                if expected.is_err() {
                    let got = world.ask_for(&session, kind, &json!(name).to_string());
                    assert_eq!(got.json()["error"]["data"]["upstream"], cluster);
                    assert!(
                        got.text().contains("it is not known which upstream has the name"),
                        "{}",
                        got.text()
                    );
                }
            }
        }
    }
}

#[test]
fn a_name_with_the_prefix_of_who_is_away_may_be_its_own() {
    // With all of them, `a__x` is what `a` has in conflict with `c`, and `b` has a prefix before that.
    let lists: [(&str, &[&str]); 3] = [("a", &["x"]), ("b", &["a__x", "y"]), ("c", &["x"])];
    let mut world = world("on_conflict", &lists);
    let session = world.open();
    assert_eq!(world.list(&session).names(), ["a__x", "b__a__x", "y", "c__x"]);
    world.change_worker();
    world.script_method("a", TOOLS.method, |_| Answer::Silent);
    assert_eq!(outcome(&mut world, &session, TOOLS, "a__x"), Err(-32603));
    assert_eq!(outcome(&mut world, &session, TOOLS, "c__x"), Ok(to("c", "x")));
    assert_eq!(outcome(&mut world, &session, TOOLS, "b__a__x"), Ok(to("b", "a__x")));
    assert_eq!(outcome(&mut world, &session, TOOLS, "y"), Ok(to("b", "y")));
}

#[test]
fn what_the_client_was_told_while_an_upstream_was_away_holds() {
    let mut world = world("never", &LISTS);
    let session = world.open();
    world.script_method("a", TOOLS.method, |_| Answer::Silent);
    let got = world.list(&session);
    assert_eq!(
        (got.names(), got.unavailable()),
        (vec!["x".into(), "of-b".into(), "of-c".into()], vec!["a".into()])
    );
    assert_eq!(outcome(&mut world, &session, TOOLS, "x"), Ok(to("b", "x")));
    assert_eq!(outcome(&mut world, &session, TOOLS, "of-c"), Ok(to("c", "of-c")));
}

#[test]
fn a_list_that_nobody_answers_tells_nothing_and_one_without_an_upstream_takes_its_names_away() {
    for all in [false, true] {
        let mut world = world("never", &LISTS);
        let session = world.open();
        world.list(&session);
        for cluster in ["a", "b", "c"].into_iter().filter(|it| all || *it == "a") {
            world.script_method(cluster, TOOLS.method, |_| Answer::Silent);
        }
        assert_eq!(world.list(&session).json().get("error").is_some(), all);
        let of_a = if all { Ok(to("a", "of-a")) } else { Err(-32603) };
        assert_eq!(outcome(&mut world, &session, TOOLS, "of-a"), of_a);
        // Another one has it now, as the client was told.
        let x = if all { "a" } else { "b" };
        assert_eq!(outcome(&mut world, &session, TOOLS, "x"), Ok(to(x, "x")));
    }
}

#[test]
fn a_list_is_read_to_its_end_before_a_name_is_unknown() {
    for mode in ["on_conflict", "never"] {
        let mut world = World::new(&plan(mode, &["a", "b"]));
        let page = |at: usize| vec![format!(r#"{{"name":"t{at}"}}"#)];
        let pages: Vec<_> = (0..5).map(page).collect();
        let cursors: Vec<String> = (1..5).map(|at| format!("\"\\u0041{at}\"")).collect();
        world.serve("a", Server::new("a").tools(&["x"]));
        world.serve("b", Server::new("b").pages(pages, cursors));
        let session = world.open();
        for seed in 0..10 {
            world.chance = Chance::new(seed);
            world.change_worker();
            world.seen.clear();
            assert_eq!(outcome(&mut world, &session, TOOLS, "t4"), Ok(to("b", "t4")));
            assert_eq!(
                (world.seen_by("a", TOOLS.method).len(), world.seen_by("b", TOOLS.method).len()),
                (1, 5)
            );
            assert_eq!(outcome(&mut world, &session, TOOLS, "t5"), Err(-32602));
        }
    }
}

#[test]
fn a_request_that_waits_for_its_owner_goes_on_with_every_byte() {
    let text = "x é \\u00e9 ".repeat(10_000);
    let mut world = world("never", &LISTS);
    let session = world.open();
    for seed in 0..20 {
        world.chance = Chance::new(seed);
        world.change_worker();
        let body = format!(
            r#" {{"params":{{ "arguments":{{"name":"x","t":"{text}","n":1e2}}, "name":"of-b" }},"method":"tools/call","id":"x","jsonrpc":"2.0"}} "#
        );
        let got = world.send(&Request::post(body.clone()).within(&session));
        assert_eq!(got.way, Way::Routed);
        assert_eq!(got.went.expect("a request").body, body.as_bytes());
    }
}

#[test]
fn an_upstream_that_was_lost_or_is_new_is_opened_on_the_way() {
    for (seed, loss) in LOSSES.into_iter().enumerate() {
        for lost in [true, false] {
            let mut world = World::new(&plan("never", &["a"]));
            let server = Restarting::put(&mut world, "a");
            let session = world.begin();
            world.chance = Chance::new(seed as u64);
            if lost {
                server.restart(loss);
                let got = world.call(&session, "\"t\"");
                assert!(got.text().contains(r#""by":"a-2""#), "{}", got.text());
            } else {
                let late = Restarting::put(&mut world, "late");
                world.configure(gateway(&plan("never", &["late", "a"])));
                let got = world.call(&session, "\"t\"");
                assert!(got.text().contains(r#""by":"late-1""#), "{}", got.text());
                assert_eq!(late.opened(), 1);
            }
            // The second time, the name is known, and so is the session.
            world.seen.clear();
            world.call(&session, "\"t\"");
            assert_eq!(world.seen.len(), 1);
        }
    }
}

#[test]
fn a_call_by_a_known_name_whose_upstream_was_lost_is_made_again() {
    let mut world = World::new(&plan("on_conflict", &["a", "b"]));
    let servers = ["a", "b"].map(|name| Restarting::put(&mut world, name));
    let session = world.begin();
    assert_eq!(world.list(&session).names(), ["a__t", "b__t"]);
    for opened in 2..5 {
        servers[1].restart(LOSSES[opened % LOSSES.len()]);
        let got = world.call(&session, "\"b__t\"");
        assert!(got.text().contains(&format!(r#""by":"b-{opened}""#)), "{}", got.text());
    }
    assert_eq!(world.seen_by("a", TOOLS.method).len(), 1);
}

#[test]
fn without_any_upstream_that_may_have_it_the_method_is_unknown() {
    for mode in ["on_conflict", "never"] {
        let mut world = World::new(&plan(mode, &["a"]));
        world.serve("a", Server::new("a").capabilities(r#"{"completions":{}}"#));
        let session = world.open();
        world.seen.clear();
        for kind in KINDS.into_iter().filter(|kind| kind.key == "name") {
            assert_eq!(outcome(&mut world, &session, kind, "x"), Err(-32601));
        }
        // There are completions, but no prompt that they could be of.
        let params = r#"{"ref":{"type":"ref/prompt","name":"p"}}"#;
        let got = world.send(&Request::rpc("completion/complete", params).within(&session));
        assert_eq!(got.refusal(), (200, -32602, json!(1)));
        assert!(world.seen.is_empty());
    }
}

#[test]
fn scarce_memory_costs_an_answer_and_never_the_way() {
    let mut world = world("never", &LISTS);
    let session = world.open();
    let (mut served, mut refused) = (0, 0);
    for seed in 0..300 {
        world.chance = Chance::new(seed);
        world.change_worker();
        world.scarcity = Some(60);
        let got = world.call(&session, "\"of-b\"");
        if let Some(went) = &got.went {
            served += 1;
            assert_eq!(went.cluster, "b");
        } else {
            refused += 1;
            assert_eq!(got.refusal().1, -32603, "{}", got.text());
        }
    }
    assert!(served > 50 && refused > 50, "{served}, {refused}");
}
