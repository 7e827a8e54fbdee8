//! Names without prefixes (`naming.prefix: on_conflict` and `never`), renamed and hidden tools, and
//! descriptions: what is listed, and whom each name reaches, for this worker and for any other.

use std::collections::{BTreeMap, BTreeSet};

use mcp_mux_core::effect::Counter;
use mcp_mux_core::memory::Memory;
use serde_json::{Value, json};

use crate::world::{
    Chance, EVERYTHING, Got, KINDS, Kind, PROMPTS, Request, Server, TOOLS, World, config,
};

/// One upstream as the configuration and its server have it.
struct Up {
    name: &'static str,
    prefix: &'static str,
    renamed: BTreeMap<String, String>,
    denied: Option<&'static str>,
    tools: Vec<String>,
    prompts: Vec<String>,
}

const WORDS: [&str; 9] = ["x", "y", "z", "u", "a__x", "b__y", "__", "", "é"];

fn any_up(chance: &mut Chance, name: &'static str, prefix: &'static str) -> Up {
    let mut renamed = BTreeMap::new();
    for _ in 0..chance.below(3) {
        let (old, new) = (chance.pick(&WORDS), chance.pick(&["x", "y", "new", "a__x"]));
        if !old.is_empty() && old != new && !renamed.values().any(|it| it == new) {
            renamed.insert(old.to_owned(), new.to_owned());
        }
    }
    let names = |chance: &mut Chance| {
        (0..chance.below(6)).map(|_| chance.pick(&WORDS).to_owned()).collect::<Vec<_>>()
    };
    let denied = chance.one_in(3).then(|| chance.pick(&["y", "[xz]", "*"]));
    Up { name, prefix, renamed, denied, tools: names(chance), prompts: names(chance) }
}

impl Up {
    fn hides(&self, own: &str) -> bool {
        match self.denied {
            Some("[xz]") => ["x", "z"].contains(&own),
            Some("*") => true,
            Some(one) => one == own,
            None => false,
        }
    }

    /// What is listed, by the names without prefixes, and how many items are dropped.
    fn shown(&self, kind: Kind) -> (Vec<(String, String)>, usize) {
        if kind == PROMPTS {
            return (self.prompts.iter().map(|it| (it.clone(), it.clone())).collect(), 0);
        }
        let admitted: Vec<&String> = self.tools.iter().filter(|own| !self.hides(own)).collect();
        let taken = |own: &String| {
            !self.renamed.contains_key(own) && self.renamed.values().any(|new| new == own)
        };
        let dropped = admitted.iter().filter(|own| taken(own)).count();
        let shown = admitted.into_iter().filter(|own| !taken(own));
        let shown = shown.map(|own| (self.renamed.get(own).unwrap_or(own).clone(), own.clone()));
        (shown.collect(), dropped)
    }
}

/// What a gateway in this mode lists, whose each name is, and how many lost theirs, by upstream.
struct Model {
    listed: Vec<String>,
    owners: BTreeMap<String, (usize, String)>,
    conflicts: Vec<usize>,
}

fn model(mode: &str, ups: &[Up], kind: Kind) -> Model {
    let lists: Vec<Vec<(String, String)>> = ups.iter().map(|up| up.shown(kind).0).collect();
    let holders =
        |name: &str| lists.iter().filter(|list| list.iter().any(|it| it.0 == name)).count();
    // What begins as another's prefixed names do.
    let imitates = |at: usize, name: &str| {
        let mut others = ups.iter().enumerate().filter(|(other, _)| *other != at);
        others.any(|(_, up)| !up.prefix.is_empty() && name.starts_with(&format!("{}__", up.prefix)))
    };
    let mut model =
        Model { listed: Vec::new(), owners: BTreeMap::new(), conflicts: vec![0; ups.len()] };
    let mut aliases = Vec::new();
    for (at, (up, list)) in ups.iter().zip(&lists).enumerate() {
        let joined = if up.prefix.is_empty() { String::new() } else { format!("{}__", up.prefix) };
        for (name, own) in list {
            let prefixed = mode == "on_conflict" && (holders(name) > 1 || imitates(at, name));
            let shown = if prefixed { format!("{joined}{name}") } else { name.clone() };
            if model.owners.get(&shown).is_some_and(|(owner, _)| *owner != at) {
                model.conflicts[at] += 1;
                continue;
            }
            model.listed.push(shown.clone());
            model.owners.insert(shown, (at, own.clone()));
            aliases.push((format!("{joined}{name}"), (at, own.clone())));
        }
    }
    if mode == "on_conflict" {
        for (alias, owner) in aliases {
            model.owners.entry(alias).or_insert(owner);
        }
    }
    model
}

fn plan(mode: &str, ups: &[Up]) -> Value {
    let ups: Vec<Value> = ups
        .iter()
        .map(|up| {
            let mut tools = json!({ "rename": up.renamed });
            if let Some(glob) = up.denied {
                tools["deny"] = json!([glob]);
            }
            json!({"name": up.name, "prefix": up.prefix, "tools": tools})
        })
        .collect();
    json!({"upstreams": ups, "naming": {"prefix": mode}})
}

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
    for seed in 0..100 {
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
            for (upstream, up) in ups.iter().enumerate() {
                let count = |it: Counter| got.counts.iter().filter(|found| **found == it).count();
                let conflicts = count(Counter::NameConflict { upstream });
                assert_eq!(conflicts, model.conflicts[upstream], "seed {seed}");
                assert_eq!(count(Counter::ItemDropped { upstream }), up.shown(kind).1);
            }
            let mut names: BTreeSet<String> = model.owners.keys().cloned().collect();
            names.extend(WORDS.iter().flat_map(|it| [(*it).to_owned(), format!("b__{it}")]));
            for name in names {
                let expected = model.owners.get(&name);
                let expected = expected.map(|(at, own)| (ups[*at].name.to_owned(), own.clone()));
                if chance.one_in(3) {
                    world.memory = Memory::default();
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
                    world.memory = Memory::default();
                }
                for name in ["of-a", "of-b", "of-a"] {
                    assert!(reached(&mut world, &session, kind, name).is_some());
                }
                assert_eq!(lists(&world), if known { 2 } else { 4 });
            }
            // What one session was told says nothing of another.
            assert!(reached(&mut world, &other, kind, "of-b").is_some());
            assert_eq!(lists(&world), 6);
            // A name that is not there may be there now.
            assert_eq!(reached(&mut world, &session, kind, "nobody"), None);
            assert_eq!(lists(&world), 8);
        }
        // Completion of a prompt's arguments needs the prompts.
        world.memory = Memory::default();
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
        let methods: Vec<String> = world.seen.iter().map(crate::world::Seen::method).collect();
        let complete = "completion/complete";
        assert_eq!(methods, ["prompts/list", "prompts/list", complete, complete]);
    }
}

#[test]
fn uris_and_tasks_carry_their_owner_in_every_mode_and_are_paged() {
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
            let page = |at| vec![format!("a{mark}x:{at}"), format!("b{mark}x:{at}")];
            match (kind, mode) {
                (TOOLS | PROMPTS, "never") => assert_eq!(keys, [["x:1", "x:2"]]),
                (TOOLS | PROMPTS, _) => {
                    assert_eq!(keys, [["a__x:1", "a__x:2", "b__x:1", "b__x:2"]]);
                }
                _ => assert_eq!(keys, [page(1), page(2)]),
            }
        }
    }
}

#[test]
fn a_conflict_is_counted_each_time_and_warned_of_once() {
    let mut plan = config(&["a", "b"]);
    plan["naming"] = json!({ "prefix": "never" });
    let mut world = World::of(&["a", "b"]);
    world.gateway = crate::world::gateway(&plan);
    let (session, other) = (world.open(), world.open());
    let conflict = Counter::NameConflict { upstream: 1 };
    let told = |got: &Got| (got.counts.contains(&conflict), got.warnings.len());
    assert_eq!(told(&world.list(&session)), (true, 1));
    assert_eq!(told(&world.list(&session)), (true, 0));
    assert_eq!(told(&world.list(&other)), (true, 0));
}

#[test]
fn a_description_of_the_configuration_takes_the_place_of_the_servers() {
    for (mode, prefix) in [("always", "a__"), ("on_conflict", ""), ("never", "")] {
        let tools = json!({"rename": {"old": "new"}, "describe": {"old": "\"D\"\n", "x": "X"}});
        let mut world = World::new(
            &json!({"upstreams": [{"name": "a", "tools": tools}], "naming": {"prefix": mode}}),
        );
        let items = [
            r#"{"description":"server's","name":"old","x":1e2}"#,
            r#"{ "name" : "x" , "description" : {"odd":1} }"#,
            r#"{"name":"x"}"#,
            r#"{"description":"stays","name":"y"}"#,
        ];
        let items = items.map(str::to_owned).to_vec();
        world.serve("a", Server::new("a").pages(vec![items], Vec::new()));
        let session = world.open();
        let expected = [
            r#"{"description":"\"D\"\n","name":"P-new","x":1e2}"#,
            r#"{ "name" : "P-x" , "description" : "X" }"#,
            r#"{"name":"P-x","description":"X"}"#,
            r#"{"description":"stays","name":"P-y"}"#,
        ];
        assert_eq!(
            world.list(&session).tools(),
            expected.map(|it| it.replace("P-", prefix)),
            "{mode}"
        );
        let found = reached(&mut world, &session, TOOLS, &format!("{prefix}new"));
        assert_eq!(found, Some(("a".to_owned(), "old".to_owned())));
        assert_eq!(reached(&mut world, &session, TOOLS, &format!("{prefix}old")), None);
    }
}
