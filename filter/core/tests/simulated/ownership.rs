//! Whatever a client was shown, it can ask for; that reaches the owner by its own name, and nobody
//! else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::naive_model::{Plan, any_key, any_uri, text};
use crate::world::{
    Chance, EVERYTHING, Got, KINDS, Kind, PROMPTS, RESOURCES, Request, Server, TASKS, TEMPLATES,
    TOOLS, World, config,
};

/// A world of this plan, whose servers have random things of every kind.
fn any_world(seed: u64) -> (Chance, Plan, World, Vec<Vec<Vec<String>>>) {
    let mut chance = Chance::new(seed);
    let plan = Plan::any(&mut chance);
    let mut world = World::new(&plan.config());
    world.chance = Chance::new(seed);
    let mut keys = Vec::new();
    for (name, _) in &plan.0 {
        let mut server = Server::new(name).seed(seed).capabilities(EVERYTHING);
        let links: Vec<String> = (0..4).map(|_| any_uri(&mut chance)).collect();
        server = server.links(&links);
        let mut of_server = Vec::new();
        for kind in KINDS {
            let mut all: Vec<String> = (0..3).map(|_| any_key(&mut chance, kind)).collect();
            // What is listed twice is there once.
            let mut known = BTreeSet::new();
            all.retain(|raw| known.insert(text(raw)));
            let items = all.iter().map(|raw| format!(r#"{{"{}":{raw}}}"#, kind.key)).collect();
            server = server.list(kind.method, vec![items], Vec::new());
            of_server.push(all);
        }
        keys.push(of_server);
        world.serve(name, server);
    }
    (chance, plan, world, keys)
}

/// By whom a request was answered, and the name that it knew the thing by.
fn reached(world: &World, got: &Got, kind: Kind) -> (String, String) {
    let went = got.went.as_ref().unwrap_or_else(|| panic!("went nowhere: {}", got.text()));
    let params = went.params();
    let own = match kind.key {
        "uriTemplate" => params["ref"]["uri"].clone(),
        key => params[key].clone(),
    };
    let last = world.seen.last().expect("a request");
    assert_eq!((last, last.method().as_str()), (went, kind.about));
    (went.cluster.clone(), own.as_str().expect("a text").to_owned())
}

#[test]
fn what_is_listed_of_any_kind_reaches_its_owner_by_its_own_name() {
    for seed in 0..40 {
        let (_, plan, mut world, keys) = any_world(seed);
        let session = world.open();
        for (number, kind) in KINDS.into_iter().enumerate() {
            let mut shown = world.list_of(&session, kind).raw_keys(kind).into_iter();
            for (at, (name, _)) in plan.0.iter().enumerate() {
                for raw in &keys[at][number] {
                    let Some(expected) = plan.shown(at, kind, raw) else { continue };
                    let raw_shown = shown.next().expect("listed");
                    assert_eq!(raw_shown, expected, "seed {seed}: {kind:?}");
                    world.seen.clear();
                    let got = world.ask_for(&session, kind, &raw_shown);
                    let own = text(raw).expect("a text");
                    assert_eq!(reached(&world, &got, kind), ((*name).to_owned(), own), "{seed}");
                    assert_eq!(world.seen.len(), 1, "seed {seed}");
                    names_itself(&got, kind, &raw_shown);
                }
            }
            assert_eq!(shown.next(), None);
        }
    }
}

/// The answer calls the thing by the name that the client used.
fn names_itself(got: &Got, kind: Kind, raw: &str) {
    let result = &message(got)["result"];
    let named = match kind {
        RESOURCES => &result["contents"][0]["uri"],
        TASKS => &result["taskId"],
        _ => return,
    };
    assert_eq!(named.as_str().map(str::to_owned), text(raw), "{}", got.text());
}

/// The answer to the request 1, from JSON or a stream.
pub(crate) fn message(got: &Got) -> Value {
    if got.header("content-type").as_deref() == Some("application/json") {
        return got.json();
    }
    let all = crate::sse_responses::messages(&got.body);
    let all = all.iter().filter_map(|it| serde_json::from_str::<Value>(it).ok());
    let mut answers = all.filter(|it| it["id"] == 1 && it.get("result").is_some());
    answers.next().unwrap_or_else(|| panic!("an answer: {}", got.text()))
}

#[test]
fn any_text_reaches_whom_a_naive_reading_finds_or_nobody() {
    for seed in 0..50 {
        let (mut chance, plan, mut world, _) = any_world(seed);
        let session = world.open();
        for _ in 0..40 {
            let kind = chance.pick(&KINDS);
            let raw = any_key(&mut chance, kind);
            let owner = text(&raw).map(|text| plan.owner(kind, &text));
            world.seen.clear();
            let got = world.ask_for(&session, kind, &raw);
            match owner {
                Some(Some((at, own))) => {
                    let found = (plan.0[at].0.to_owned(), own);
                    assert_eq!(reached(&world, &got, kind), found, "seed {seed}: {raw}");
                    assert_eq!(world.seen.len(), 1);
                }
                Some(None) => {
                    assert_eq!(got.refusal(), (200, kind.unknown, json!(1)), "{seed}: {raw}");
                    assert!(world.seen.is_empty());
                }
                None => {
                    assert_eq!(got.refusal(), (200, -32602, json!(1)), "{seed}: {raw}");
                    assert!(world.seen.is_empty());
                }
            }
        }
    }
}

#[test]
fn uris_in_results_of_every_kind_can_be_read() {
    for seed in 0..80 {
        let (mut chance, plan, mut world, keys) = any_world(seed);
        let session = world.open();
        let at = chance.below(plan.0.len());
        let links: Vec<String> = (0..4).map(|_| any_uri(&mut chance)).collect();
        let server = Server::new(plan.0[at].0).capabilities(EVERYTHING).links(&links);
        world.serve(plan.0[at].0, server);
        for (number, kind) in [(0, TOOLS), (1, PROMPTS), (4, TASKS)] {
            let shown = keys[at][number].iter().find_map(|raw| plan.shown(at, kind, raw));
            let Some(shown) = shown else { continue };
            let method = if kind == TASKS { "tasks/result" } else { kind.about };
            let got = world.send(&Request::rpc(method, &kind.params(&shown)).within(&session));
            let result = message(&got)["result"].clone();
            let found = uris(&result);
            assert_eq!(found.len(), 4, "{result}");
            if kind == TASKS {
                let task = &result["_meta"][crate::world::RELATED_TASK]["taskId"];
                assert_eq!(task.as_str().map(str::to_owned), text(&shown));
            }
            for (uri, raw) in found.iter().zip(&links) {
                let expected = text(&plan.shown_uri(at, raw)).unwrap_or_default();
                // A lone surrogate cannot be asked for; without a prefix, others come first.
                if text(raw).is_none() || plan.shown(at, RESOURCES, raw).is_none() {
                    continue;
                }
                assert_eq!(uri, &expected, "seed {seed}: {raw}");
                let got = world.ask_for(&session, RESOURCES, &json!(uri).to_string());
                let owner = (plan.0[at].0.to_owned(), text(raw).expect("a text"));
                assert_eq!(reached(&world, &got, RESOURCES), owner, "seed {seed}");
            }
        }
    }
}

/// Every URI of a result's blocks, in order.
fn uris(result: &Value) -> Vec<String> {
    let blocks = result["content"].as_array().cloned().unwrap_or_else(|| {
        let messages = result["messages"].as_array().expect("messages");
        messages.iter().map(|message| message["content"].clone()).collect()
    });
    let uri = |block: &Value| match block["type"].as_str() {
        Some("resource") => block["resource"]["uri"].clone(),
        _ => block["uri"].clone(),
    };
    blocks.iter().map(|block| uri(block).as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_template_that_is_filled_in_names_a_resource_of_its_owner() {
    let mut plan = Plan(vec![("a", "a"), ("case", "My_B"), ("nine", "9z"), ("bare", "")]);
    for round in 0..2 {
        let mut world = World::new(&plan.config());
        let templates = [
            "demo://x/{id}/{+path}{?q*}",
            "ui://{id}/view",
            "ui://app{+path}",
            "{id}:{+path}",
            "file:///{+path}",
            "UI://{id}",
        ];
        for (name, _) in &plan.0 {
            let items =
                templates.map(|it| format!(r#"{{"name":"n","uriTemplate":"{it}"}}"#)).to_vec();
            let server = Server::new(name).capabilities(EVERYTHING);
            world.serve(name, server.list(TEMPLATES.method, vec![items], Vec::new()));
        }
        let session = world.open();
        let shown = world.list_of(&session, TEMPLATES).keys(TEMPLATES);
        assert_eq!(shown.len(), templates.len() * plan.0.len());
        for (number, shown) in shown.iter().enumerate() {
            let fill = |template: &str| {
                let filled = template.replace("{id}", "v-1").replace("{+path}", "p/q:r");
                filled.replace("{?q*}", "?q=1")
            };
            let (name, _) = plan.0[number / templates.len()];
            let uri = json!(fill(shown)).to_string();
            let got = world.ask_for(&session, RESOURCES, &uri);
            let own = fill(templates[number % templates.len()]);
            assert_eq!(reached(&world, &got, RESOURCES), (name.to_owned(), own), "{shown}");
            // Clients may compare schemes and hosts in whatever case they like.
            let (scheme, rest) = fill(shown)
                .split_once(':')
                .map(|(a, b)| (a.to_uppercase(), b.to_owned()))
                .expect("a scheme");
            if round == 0 && name != "bare" && !shown.contains("{id}:") {
                let got = world.ask_for(
                    &session,
                    RESOURCES,
                    &json!(format!("{scheme}:{rest}")).to_string(),
                );
                assert_eq!(reached(&world, &got, RESOURCES).0, name);
            }
        }
        plan.0.reverse();
    }
}

#[test]
fn a_subscription_reaches_the_owner_whose_updates_reach_the_client() {
    let mut plan = config(&["a", "b", "c"]);
    plan["listen"] = json!("b");
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING));
    }
    world.serve("c", Server::new("c").capabilities(r#"{"resources":{}}"#));
    let session = world.open();
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        let ask =
            |uri: &str| Request::rpc(method, &format!(r#"{{"uri":"{uri}"}}"#)).within(&session);
        let got = world.send(&ask("b+demo://x"));
        assert_eq!(message(&got)["result"], json!({}));
        assert_eq!(got.went.expect("a request").params(), json!({"uri": "demo://x"}));
        world.seen.clear();
        // Nobody would ever hear of what changes there.
        assert_eq!(world.send(&ask("a+demo://x")).refusal(), (200, -32601, json!(1)));
        assert_eq!(world.send(&ask("c+demo://x")).refusal(), (200, -32601, json!(1)));
        assert_eq!(world.send(&ask("demo://x")).refusal(), (200, -32002, json!(1)));
        assert!(world.seen.is_empty());
    }
    let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"demo://x/y"}}"#;
    world.serve("b", Server::new("b").capabilities(EVERYTHING).sends(&[updated]));
    let got = world.send(&Request::get().within(&session));
    assert!(got.text().contains(r#""params":{"uri":"b+demo://x/y"}"#), "{}", got.text());
}
