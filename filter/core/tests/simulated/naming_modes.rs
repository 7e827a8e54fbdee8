//! Names without prefixes (`naming.prefix: on_conflict` and `never`), renamed and hidden tools, and
//! descriptions: what is listed, and whom each name reaches, for this worker and for any other.

mod model;

use std::collections::BTreeSet;

use mcp_mux_core::effect::Counter;
use model::{WORDS, any_up, model, plan};
use serde_json::json;

use crate::world::{
    Chance, EVERYTHING, Got, KINDS, Kind, PROMPTS, Request, Server, TOOLS, World, config, usable,
};

/// Items with these names on pages of any length.
fn paged(chance: &mut Chance, names: &[String]) -> (Vec<Vec<String>>, Vec<String>) {
    let mut pages = vec![Vec::new()];
    for name in names {
        if chance.one_in(2) {
            pages.push(Vec::new());
        }
        let item = format!(r#"{{"x":1e2,"name":{}}}"#, json!(name));
        pages.last_mut().expect("a page").push(item);
    }
    let cursors = (1..pages.len()).map(|at| format!("\"{at}\"")).collect();
    (pages, cursors)
}

/// Whom a request about this name reached, and by what name; nobody, if it is unknown.
fn reached(world: &mut World, session: &str, kind: Kind, name: &str) -> Option<(String, String)> {
    let got = world.ask_for(session, kind, &json!(name).to_string());
    let Some(went) = got.went else {
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{name}");
        return None;
    };
    let own = went.params()["name"].as_str().expect("a name").to_owned();
    Some((went.cluster, own))
}

#[test]
fn names_are_listed_and_reached_as_a_naive_model_says_by_every_worker() {
    for seed in 0..40 {
        let mut chance = Chance::new(seed);
        let mode = chance.pick(&["on_conflict", "never"]);
        let mut ups = vec![any_up(&mut chance, "a", "a")];
        for (name, prefix) in [("b", "b"), ("c", "")] {
            if chance.one_in(4) {
                continue;
            }
            ups.insert(chance.below(ups.len() + 1), any_up(&mut chance, name, prefix));
        }
        let mut world = World::new(&plan(mode, &ups));
        world.chance = Chance::new(seed);
        for up in &ups {
            let (tools, prompts) = (paged(&mut chance, &up.tools), paged(&mut chance, &up.prompts));
            let server = Server::new(up.name).seed(seed).capabilities(EVERYTHING);
            let server = server.list(TOOLS.method, tools.0, tools.1);
            world.serve(up.name, server.list(PROMPTS.method, prompts.0, prompts.1));
        }
        let session = world.open();
        for kind in [TOOLS, PROMPTS] {
            let model = model(mode, &ups, kind);
            let got = world.list_of(&session, kind);
            assert_eq!(got.keys(kind), model.listed, "seed {seed}: {mode}");
            assert_eq!(got.json()["result"].get("nextCursor"), None);
            for (upstream, up) in world.worker.gateway().upstreams.ids().zip(&ups) {
                let count = |it: Counter| got.counts.iter().filter(|found| **found == it).count();
                let conflicts = count(Counter::NameConflict { upstream });
                assert_eq!(conflicts, model.conflicts[upstream.index()], "seed {seed}");
                assert_eq!(count(Counter::ItemDropped { upstream }), up.shown(kind).1);
            }
            let mut names: BTreeSet<String> = model.owners.keys().cloned().collect();
            names.extend(WORDS.iter().flat_map(|it| [(*it).to_owned(), format!("b__{it}")]));
            for name in names {
                let expected = model.owners.get(&name);
                let expected = expected.map(|(at, own)| (ups[*at].name.to_owned(), own.clone()));
                if chance.one_in(3) {
                    world.change_worker();
                }
                let found = reached(&mut world, &session, kind, &name);
                assert_eq!(found, expected, "seed {seed}: {mode}: {name}");
            }
        }
    }
}

#[test]
fn a_worker_that_was_told_asks_nobody_and_another_asks_once() {
    for mode in ["on_conflict", "never"] {
        let mut plan = config(&["a", "b"]);
        plan["naming"] = json!({ "prefix": mode });
        let mut world = World::new(&plan);
        for name in ["a", "b"] {
            let item =
                || vec![vec![r#"{"name":"x"}"#.to_owned(), format!(r#"{{"name":"of-{name}"}}"#)]];
            let server = Server::new(name).capabilities(EVERYTHING);
            let server = server.list(TOOLS.method, item(), Vec::new());
            world.serve(name, server.list(PROMPTS.method, item(), Vec::new()));
        }
        let (session, other) = (world.open(), world.open());
        for kind in [TOOLS, PROMPTS] {
            let lists = |world: &World| {
                world.seen.iter().filter(|seen| seen.method() == kind.method).count()
            };
            world.list_of(&session, kind);
            assert_eq!(lists(&world), 2);
            for known in [true, false] {
                if !known {
                    world.change_worker();
                }
                for name in ["of-a", "of-b", "of-a"] {
                    assert!(reached(&mut world, &session, kind, name).is_some());
                }
                assert_eq!(lists(&world), if known { 2 } else { 4 });
            }
            // What was found for an unknown name is remembered, too.
            world.change_worker();
            assert_eq!(reached(&mut world, &session, kind, "nobody"), None);
            assert!(reached(&mut world, &session, kind, "of-b").is_some());
            assert_eq!(lists(&world), 6);
            // What one session was told says nothing of another.
            assert!(reached(&mut world, &other, kind, "of-b").is_some());
            assert_eq!(lists(&world), 8);
            // A name that is not there may be there now.
            assert_eq!(reached(&mut world, &session, kind, "nobody"), None);
            assert_eq!(lists(&world), 10);
        }
        // Tools and prompts are told apart.
        for kind in [TOOLS, PROMPTS] {
            world.list_of(&session, kind);
        }
        world.seen.clear();
        for kind in [TOOLS, PROMPTS] {
            assert!(reached(&mut world, &session, kind, "of-a").is_some());
        }
        assert_eq!(world.seen.len(), 2);
        // Completion of a prompt's arguments needs the prompts.
        world.change_worker();
        world.seen.clear();
        let params =
            r#"{"ref":{"type":"ref/prompt","name":"of-b"},"argument":{"name":"n","value":""}}"#;
        for _ in 0..2 {
            let got = world.send(&Request::rpc("completion/complete", params).within(&session));
            let went = got.went.expect("a request");
            assert_eq!(
                (went.cluster.as_str(), &went.params()["ref"]["name"]),
                ("b", &json!("of-b"))
            );
        }
        let unknown = params.replace("of-b", "nobody");
        let got = world.send(&Request::rpc("completion/complete", &unknown).within(&session));
        assert_eq!(got.refusal(), (200, -32602, json!(1)));
        assert!(got.text().contains("Unknown prompt: nobody"), "{}", got.text());
        let methods: Vec<String> = world.seen.iter().map(crate::world::Seen::method).collect();
        let complete = "completion/complete";
        let lists = [PROMPTS.method; 2];
        assert_eq!(methods, [&lists[..], &[complete; 2], &lists].concat());
    }
}

#[test]
fn uris_and_tasks_carry_their_owner_in_every_mode() {
    for mode in ["on_conflict", "never"] {
        let mut plan = config(&["a", "b"]);
        plan["naming"] = json!({ "prefix": mode });
        let mut world = World::new(&plan);
        for name in ["a", "b"] {
            let mut server = Server::new(name).capabilities(EVERYTHING);
            for kind in KINDS {
                let item = |at| vec![format!(r#"{{"{}":"x:{at}"}}"#, kind.key)];
                server =
                    server.list(kind.method, vec![item(1), item(2)], vec![r#""2""#.to_owned()]);
            }
            world.serve(name, server);
        }
        let session = world.open();
        for kind in KINDS {
            let pages = world.walk_of(&session, kind);
            let keys: Vec<Vec<String>> = pages.iter().map(|page| page.keys(kind)).collect();
            let mark = if kind.key == "taskId" { ":" } else { "+" };
            let of = |name| [1, 2].map(|at| format!("{name}{mark}x:{at}"));
            match (kind, mode) {
                (TOOLS | PROMPTS, "never") => assert_eq!(keys, [["x:1", "x:2"]]),
                (TOOLS | PROMPTS, _) => {
                    assert_eq!(keys, [["a__x:1", "a__x:2", "b__x:1", "b__x:2"]]);
                }
                _ => assert_eq!(keys, [[of("a"), of("b")].concat()]),
            }
        }
    }
}

#[test]
fn a_conflict_is_counted_each_time_and_warned_of_once() {
    let mut plan = config(&["a", "b"]);
    plan["naming"] = json!({ "prefix": "never" });
    let mut world = World::of(&["a", "b"]);
    world.configure(crate::world::gateway(&plan));
    let (session, other) = (world.open(), world.open());
    let conflict = Counter::NameConflict { upstream: world.id("b") };
    let told = |got: &Got| (got.counts.contains(&conflict), got.warnings.len());
    assert_eq!(told(&world.list(&session)), (true, 1));
    assert_eq!(told(&world.list(&session)), (true, 0));
    assert_eq!(told(&world.list(&other)), (true, 0));
}

#[test]
fn a_description_of_the_configuration_takes_the_place_of_the_servers() {
    for (mode, prefix) in [("always", "a__"), ("on_conflict", ""), ("never", "")] {
        let tools =
            json!({"rename": {"old": "new"}, "describe": {"old": "\"D\"\n", "x": "X", "z": "Z"}});
        let mut world = World::new(
            &json!({"upstreams": [{"name": "a", "tools": tools}], "naming": {"prefix": mode}}),
        );
        let items = [
            r#"{"description":"server's","name":"old","x":1e2}"#,
            r#"{ "name" : "x" , "description" : {"odd":1} }"#,
            r#"{"name":"z"}"#,
            r#"{"description":"stays","name":"y"}"#,
        ];
        let items = items.map(str::to_owned).to_vec();
        world.serve("a", Server::new("a").pages(vec![items], Vec::new()));
        let session = world.open();
        let expected = [
            r#"{"description":"\"D\"\n","name":"P-new","x":1e2}"#,
            r#"{ "name" : "P-x" , "description" : "X" }"#,
            r#"{"name":"P-z","description":"Z"}"#,
            r#"{"description":"stays","name":"P-y"}"#,
        ];
        assert_eq!(
            world.list(&session).tools(),
            expected.map(|it| usable(TOOLS.method, &it.replace("P-", prefix))),
            "{mode}"
        );
        let found = reached(&mut world, &session, TOOLS, &format!("{prefix}new"));
        assert_eq!(found, Some(("a".to_owned(), "old".to_owned())));
        assert_eq!(reached(&mut world, &session, TOOLS, &format!("{prefix}old")), None);
    }
}
