//! Items that clients would reject the whole list for: they are left out, and who can mend them learns of
//! it; the rest of the list is whole.

use mcp_mux_core::effect::Counter;
use serde_json::{Value, json};

use crate::world::{EVERYTHING, Got, KINDS, Server, TASKS, TOOLS, World, config};

/// What the list says of what is left out: upstream, name and reason.
fn dropped(got: &Got) -> Vec<(String, Value, String)> {
    let listed = got.json()["result"]["_meta"]["mcp-mux/dropped"].as_array().cloned();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let entry = |it: Value| (text(&it["upstream"]), it["name"].clone(), text(&it["reason"]));
    listed.unwrap_or_default().into_iter().map(entry).collect()
}

const BAD: &str = r#"{"name":"bad","title":7,"inputSchema":{"type":"object"},"uri":"x:bad","uriTemplate":"x:bad"}"#;

#[test]
fn one_bad_item_takes_nothing_else_along_in_any_mode() {
    for mode in ["always", "on_conflict", "never"] {
        let mut plan = config(&["a", "b"]);
        plan["naming"] = json!({ "prefix": mode });
        let mut world = World::new(&plan);
        for name in ["a", "b"] {
            let mut server = Server::new(name).capabilities(EVERYTHING);
            for kind in KINDS {
                let good = format!(r#"{{"{}":"x:{name}"}}"#, kind.key);
                let items = if name == "a" { vec![BAD.to_owned(), good] } else { vec![good] };
                server = server.list(kind.method, vec![items], Vec::new());
            }
            world.serve(name, server);
        }
        let session = world.open();
        for kind in KINDS {
            let got = world.list_of(&session, kind);
            assert_eq!(got.items(kind).len(), 2, "{mode} {kind:?}: {}", got.text());
            let name = if kind == TASKS { Value::Null } else { json!("bad") };
            let reason = if kind == TASKS { "taskId is missing" } else { "title is no text" };
            assert_eq!(dropped(&got), [("a".to_owned(), name, reason.to_owned())], "{mode}");
            let counted = |it: &&Counter| matches!(it, Counter::ItemDropped { .. });
            assert_eq!(got.counts.iter().filter(counted).count(), 1);
            let told = got.warnings.iter().filter(|it| it.contains(reason)).count();
            assert_eq!(told, 1, "{:?}", got.warnings);
            // The operator learns of it once, the client each time.
            let again = world.list_of(&session, kind);
            assert!(again.warnings.is_empty(), "{:?}", again.warnings);
            assert_eq!(dropped(&again), dropped(&got));
            assert_eq!(again.counts.iter().filter(counted).count(), 1);
        }
    }
}

#[test]
fn what_is_left_out_is_bounded_and_so_is_its_name() {
    let mut world = World::new(&config(&["a", "b"]));
    let long = "n".repeat(300);
    let bad = |at: usize| format!(r#"{{"name":"{long}{at}","inputSchema":{{}}}}"#);
    for name in ["a", "b"] {
        let items = (0..150).map(bad).chain([r#"{"name":"good"}"#.to_owned()]).collect();
        world.serve(name, Server::new(name).pages(vec![items], Vec::new()));
    }
    let session = world.open();
    let got = world.list(&session);
    assert_eq!(got.names(), ["a__good", "b__good"]);
    let all = dropped(&got);
    assert_eq!(all.len(), 100);
    assert!(all.iter().all(|(_, name, _)| name.as_str().is_some_and(|it| it.len() < 140)));
    let counted = got.counts.iter().filter(|it| matches!(it, Counter::ItemDropped { .. }));
    assert_eq!(counted.count(), 300);
}

#[test]
fn a_tool_that_is_listed_twice_is_there_once_as_it_was_listed_first() {
    for mode in ["always", "on_conflict", "never"] {
        let mut plan = config(&["a", "b"]);
        plan["naming"] = json!({ "prefix": mode });
        let mut world = World::new(&plan);
        let item = |x: u8| format!(r#"{{"name":"t","x":{x},"inputSchema":{{"type":"object"}}}}"#);
        world.serve("a", Server::new("a").pages(vec![vec![item(1), item(2)]], Vec::new()));
        world.serve("b", Server::new("b").tools(&["of-b"]));
        let session = world.open();
        let got = world.list(&session);
        let tools = got.items(TOOLS);
        assert_eq!(tools.len(), 2);
        assert!(tools[0].contains(r#""x":1"#), "{tools:?}");
        assert!(dropped(&got).is_empty());
        assert_eq!(got.warnings.iter().filter(|it| it.contains("more than once")).count(), 1);
    }
}

#[test]
fn a_value_of_task_support_that_nobody_knows_stays_where_tools_may_be_tasks() {
    let item = |support: &str| {
        format!(
            r#"{{"name":"t","execution":{{"taskSupport":{support}}},"inputSchema":{{"type":"object"}}}}"#
        )
    };
    for (capabilities, support, expected) in [
        (EVERYTHING, r#""later""#, Some(r#""later""#)),
        (EVERYTHING, "1", None),
        (r#"{"tools":{}}"#, r#""later""#, Some(r#""forbidden""#)),
    ] {
        let mut world = World::new(&config(&["a"]));
        let server = Server::new("a").capabilities(capabilities);
        world.serve("a", server.pages(vec![vec![item(support)]], Vec::new()));
        let session = world.open();
        let expected = expected.map(|support| item(support).replace("\"t\"", "\"a__t\""));
        assert_eq!(world.list(&session).tools().first(), expected.as_ref());
    }
}
