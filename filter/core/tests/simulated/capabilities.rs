//! What a client is told that the gateway can do, what upstreams are told that the client can do, and
//! that both are kept.

use serde_json::{Value, json};

use crate::world::{
    Chance, EVERYTHING, INITIALIZE, KINDS, Request, Server, World, any_value, config, raw_member,
};

/// A set of capabilities as a careless server writes it, by the names that this test gives them.
fn any_capabilities(chance: &mut Chance) -> (String, Vec<&'static str>) {
    let mut has = Vec::new();
    let mut members = Vec::new();
    let mut flags =
        |chance: &mut Chance, key: &str, names: &[(&'static str, &'static str, &str)]| {
            let mut inner = vec![r#""x":1e2"#.to_owned()];
            for (name, flag, on) in names {
                match chance.below(4) {
                    0 | 1 => {
                        has.push(*name);
                        inner.push(format!("\"{flag}\":{on}"));
                    }
                    2 => inner.push(format!(
                        "\"{flag}\":{}",
                        chance.pick(&["false", "null", "1", "\"true\""])
                    )),
                    _ => {}
                }
            }
            members.push(format!("\"{key}\":{{{}}}", inner.join(",")));
            has.len()
        };
    let mut all = Vec::new();
    for (key, inner) in [
        ("tools", &[("tools.changed", "listChanged", "true")][..]),
        ("prompts", &[("prompts.changed", "listChanged", "true")]),
        (
            "resources",
            &[("subscribe", "subscribe", "true"), ("resources.changed", "listChanged", "true")],
        ),
        ("completions", &[]),
        ("logging", &[]),
        (
            "tasks",
            &[
                ("tasks.list", "list", "{}"),
                ("tasks.cancel", "cancel", "{}"),
                ("tasks.call", "requests", r#"{"tools":{"call":{}}}"#),
            ],
        ),
    ] {
        if chance.one_in(2) {
            flags(chance, key, inner);
            all.push(key);
        }
    }
    has.extend(all);
    (format!("{{{}}}", members.join(",")), has)
}

/// The joined set, by the names; `heard` is the upstream that is listened to.
fn joined(each: &[Vec<&str>], heard: Option<usize>) -> Value {
    let any = |name: &str| each.iter().any(|it| it.contains(&name));
    let of_heard = |name: &str| heard.is_some_and(|at| each[at].contains(&name));
    let mut all = json!({});
    for key in ["tools", "prompts", "resources"] {
        if any(key) {
            all[key] = json!({});
            if of_heard(&format!("{key}.changed")) {
                all[key]["listChanged"] = json!(true);
            }
        }
    }
    if any("resources") && of_heard("subscribe") {
        all["resources"]["subscribe"] = json!(true);
    }
    for key in ["completions", "logging", "tasks"] {
        if any(key) {
            all[key] = json!({});
        }
    }
    if any("tasks") {
        if each.iter().all(|it| !it.contains(&"tasks") || it.contains(&"tasks.list")) {
            all["tasks"]["list"] = json!({});
        }
        if any("tasks.cancel") {
            all["tasks"]["cancel"] = json!({});
        }
        if any("tasks.call") {
            all["tasks"]["requests"] = json!({"tools": {"call": {}}});
        }
    }
    all
}

/// Methods about a thing of one upstream, the capability that they need, and their params.
const OWNED: [(&str, &str, &str); 10] = [
    ("tools/call", "tools", r#"{"name":"UP__t"}"#),
    ("prompts/get", "prompts", r#"{"name":"UP__t"}"#),
    ("resources/read", "resources", r#"{"uri":"UP+x:y"}"#),
    ("resources/subscribe", "subscribe", r#"{"uri":"UP+x:y"}"#),
    ("resources/unsubscribe", "subscribe", r#"{"uri":"UP+x:y"}"#),
    ("completion/complete", "completions", r#"{"ref":{"type":"ref/resource","uri":"UP+x:y"}}"#),
    ("completion/complete", "completions", r#"{"ref":{"type":"ref/prompt","name":"UP__p"}}"#),
    ("tasks/get", "tasks", r#"{"taskId":"UP:1"}"#),
    ("tasks/result", "tasks", r#"{"taskId":"UP:1"}"#),
    ("tasks/cancel", "tasks.cancel", r#"{"taskId":"UP:1"}"#),
];

#[test]
fn what_is_advertised_works_and_what_is_not_is_an_unknown_method() {
    for seed in 0..150 {
        let mut chance = Chance::new(seed);
        let names = &["a", "b", "c"][..=chance.below(3)];
        let heard = if chance.one_in(3) { None } else { Some(chance.below(names.len())) };
        let mut plan = config(names);
        if let Some(at) = heard {
            plan["listen"] = json!(names[at]);
        }
        let heard = if names.len() == 1 { Some(0) } else { heard };
        let mut world = World::new(&plan);
        let mut each = Vec::new();
        for name in names {
            let (text, has) = any_capabilities(&mut chance);
            world.serve(name, Server::new(name).capabilities(&text));
            each.push(has);
        }
        world.chance = Chance::new(seed);
        let opened = world.send(&Request::rpc("initialize", INITIALIZE));
        let advertised = opened.json()["result"]["capabilities"].clone();
        assert_eq!(advertised, joined(&each, heard), "seed {seed}: {each:?}");
        let session = opened.header("mcp-session-id").expect("a session");
        let any = |name: &str| each.iter().any(|it| it.contains(&name));
        for kind in KINDS {
            let needed = match kind.member {
                "resourceTemplates" => "resources",
                "tasks" => "tasks.list",
                other => other,
            };
            // Only where there are tasks are there lists of them.
            let some = any(needed) && (needed != "tasks.list" || any("tasks"));
            let got = world.list_of(&session, kind);
            assert_eq!(got.json()["error"]["code"], if some { json!(null) } else { json!(-32601) });
        }
        for (method, needed, params) in OWNED {
            for (at, name) in names.iter().enumerate() {
                world.seen.clear();
                let params = params.replace("UP", name);
                let got = world.send(&Request::rpc(method, &params).within(&session));
                let has = each[at].contains(&needed);
                let heard = needed != "subscribe" || heard == Some(at);
                if has && heard {
                    assert_eq!((got.went.is_some(), world.seen.len()), (true, 1), "{method}");
                } else {
                    assert_eq!(got.refusal(), (200, -32601, json!(1)), "{method}: {}", got.text());
                    assert!(world.seen.is_empty());
                }
            }
        }
        let level = Request::rpc("logging/setLevel", r#"{"level":"info"}"#).within(&session);
        let got = world.send(&level).json();
        assert_eq!(got.get("result").is_some(), any("logging"));
    }
}

#[test]
fn an_upstream_without_a_part_may_have_any_method() {
    let mut world = World::new(&config(&["a", "b"]));
    world.serve("a", Server::new("a").capabilities("{}"));
    let session = world.open();
    world.seen.clear();
    world.serve("b", Server::new("b").capabilities(EVERYTHING));
    for (method, _, params) in OWNED {
        let params = params.replace("UP", "b");
        let got = world.send(&Request::rpc(method, &params).within(&session));
        let subscribes = method.ends_with("scribe");
        assert_eq!(got.went.is_some(), !subscribes, "{method}: {}", got.text());
    }
    assert_eq!(world.seen_by("b", "initialize").len(), 1);
}

#[test]
fn upstreams_are_offered_what_the_gateway_relays_as_the_client_wrote_it() {
    for seed in 0..60 {
        let mut chance = Chance::new(seed);
        let mut world = World::of(&["a", "b"]);
        let plan = |names: &[&str]| {
            let mut plan = config(names);
            plan["listen"] = json!("b");
            plan["upstreams"][0]["offer"] = json!(["elicitation", "roots"]);
            crate::world::gateway(&plan)
        };
        world.configure(plan(&["a", "b"]));
        world.chance = Chance::new(seed);
        let (mut members, mut kept) = (Vec::new(), Vec::new());
        for key in ["roots", "sampling", "elicitation", "tasks", "experimental", "x", "extensions"]
        {
            if chance.one_in(3) {
                continue;
            }
            let value = format!("{{\"x\":{}}}", any_value(&mut chance, 2));
            if key == "extensions" {
                let ui = format!(r#""io.modelcontextprotocol/ui":{value}"#);
                members.push(format!(r#""extensions":{{"example/other":{{}},{ui}}}"#));
                kept.push(format!(r#""extensions":{{{ui}}}"#));
            } else {
                members.push(format!("\"{key}\": {value}"));
                if ["roots", "sampling", "elicitation"].contains(&key) {
                    kept.push(format!("\"{key}\":{value}"));
                }
            }
        }
        // Roots are asked for on the GET stream, and there is that of `b` alone.
        let without = |names: &[&str]| {
            let withheld =
                |it: &str| names.iter().any(|name| it.starts_with(&format!("\"{name}\"")));
            let left: Vec<&str> =
                kept.iter().map(String::as_str).filter(|it| !withheld(it)).collect();
            format!("{{{}}}", left.join(","))
        };
        let expected = |cluster: &str| match cluster {
            "a" => without(&["roots", "sampling"]),
            "b" => without(&[]),
            _ => without(&["roots"]),
        };
        let offer = format!("\"capabilities\":{{{}}}", members.join(","));
        let initialize = INITIALIZE.replace("\"capabilities\":{}", &offer);
        let opened = world.send(&Request::rpc("initialize", &initialize));
        // Whoever comes late is offered the same.
        let session = opened.header("mcp-session-id").expect("a session");
        world.configure(plan(&["a", "b", "late"]));
        world.serve("late", Server::new("late").tools(&["t"]));
        world.list(&session);
        let offers: Vec<_> =
            world.seen.iter().filter(|seen| seen.method() == "initialize").collect();
        assert_eq!(offers.len(), 3);
        for seen in offers {
            let params = raw_member(&seen.body, "params").expect("params");
            let offered = raw_member(params.as_bytes(), "capabilities");
            assert_eq!(offered.as_deref(), Some(&*expected(&seen.cluster)), "{}", seen.cluster);
        }
    }
}

#[test]
fn apps_are_told_of_where_an_upstream_has_them() {
    let apps = r#"{"tools":{},"extensions":{"io.modelcontextprotocol/ui":{"x":1},"other":{}}}"#;
    let shown = json!({"tools": {}, "extensions": {"io.modelcontextprotocol/ui": {}}});
    for (old, new, expected) in [
        (r#"{"tools":{}}"#, apps, &shown),
        (apps, r#"{"tools":{}}"#, &shown),
        (r#"{"tools":{}}"#, r#"{"tools":{},"extensions":{"other":{}}}"#, &json!({"tools": {}})),
    ] {
        let mut world = World::new(&config(&["old", "new"]));
        world.serve("old", Server::new("old").capabilities(old));
        world.serve("new", Server::new("new").capabilities(new).stateless());
        let got = world.send(&Request::stateless("server/discover", "", None));
        assert_eq!(got.json()["result"]["capabilities"], *expected, "{}", got.text());
        // The other era has no extensions.
        let got = world.send(&Request::rpc("initialize", INITIALIZE));
        let capabilities = &got.json()["result"]["capabilities"];
        assert_eq!(*capabilities, json!({"tools": {}}), "{}", got.text());
    }
}
