//! Lists and what upstreams can do: who is asked for which kind, and what a tool may claim.

use serde_json::json;

use crate::world::{
    Chance, EVERYTHING, KINDS, Response, Server, TOOLS, World, config, gateway, usable,
};

#[test]
fn upstreams_are_asked_for_what_they_have_and_late_ones_join() {
    for kind in KINDS {
        let mut world = World::new(&config(&["a", "b"]));
        let item = || vec![vec![format!(r#"{{"{}":"k"}}"#, kind.key)]];
        let full =
            |name| Server::new(name).capabilities(EVERYTHING).list(kind.method, item(), Vec::new());
        world.serve("a", full("a"));
        world.serve("b", Server::new("b").capabilities(r#"{"experimental":{}}"#));
        let session = world.open();
        assert_eq!(world.list_of(&session, kind).items(kind).len(), 1);
        assert_eq!(world.seen_by("b", kind.method).len(), 0);
        world.configure(gateway(&config(&["b", "c", "a"])));
        world.serve("c", full("c"));
        for _ in 0..2 {
            let keys = world.list_of(&session, kind).keys(kind);
            assert!(keys.len() == 2 && keys[0].starts_with('c') && keys[1].starts_with('a'));
        }
        assert_eq!(world.seen_by("c", "initialize").len(), 1);
        // Without one that may have it, the method does not exist.
        world.configure(gateway(&config(&["b"])));
        assert_eq!(world.list_of(&session, kind).refusal(), (200, -32601, json!(1)));
    }
}

#[test]
fn an_upstream_that_does_not_know_a_list_has_nothing_of_its_kind() {
    for kind in KINDS {
        for (seed, status) in [200, 400, 404].into_iter().enumerate() {
            let mut world = World::new(&config(&["a", "b"]));
            for name in ["a", "b"] {
                let item = format!(r#"{{"{}":"k"}}"#, kind.key);
                let server = Server::new(name).capabilities(EVERYTHING);
                world.serve(name, server.list(kind.method, vec![vec![item]], Vec::new()));
            }
            world.chance = Chance::new(seed as u64);
            let session = world.open();
            for (at, name) in ["a", "b"].into_iter().enumerate() {
                world.script_method(name, kind.method, move |seen| {
                    let error = r#"{"code":-32601,"message":"Method not found"}"#;
                    let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
                    Response::new(status, "application/json", body).says()
                });
                let got = world.list_of(&session, kind);
                assert_eq!((got.items(kind).len(), got.unavailable().len()), (1 - at, 0));
                assert!(got.warnings.is_empty(), "{:?}", got.warnings);
            }
        }
    }
}

#[test]
fn a_tool_of_an_upstream_that_cannot_run_tasks_says_so() {
    let tools = [
        r#"{"execution":{"taskSupport":"required","x":1e2},"name":"t"}"#,
        r#"{"name":"u","execution":{ "taskSupport" : "unknown" }}"#,
        r#"{"name":"v","execution":{}}"#,
    ];
    let tools: Vec<Vec<String>> = vec![tools.map(|it| usable(TOOLS.method, it)).to_vec()];
    let mut world = World::new(&config(&["a", "b"]));
    world.serve("a", Server::new("a").capabilities(EVERYTHING).pages(tools.clone(), Vec::new()));
    let capabilities = r#"{"tools":{},"tasks":{"list":{}}}"#;
    world.serve("b", Server::new("b").capabilities(capabilities).pages(tools.clone(), Vec::new()));
    let session = world.open();
    let named = |prefix: &str| -> Vec<String> {
        let name = format!("\"name\":\"{prefix}__");
        tools[0].iter().map(|it| it.replace("\"name\":\"", &name)).collect()
    };
    let forbidden = |tool: String| {
        tool.replace(r#""required""#, r#""forbidden""#).replace(r#""unknown""#, r#""forbidden""#)
    };
    let of_b = named("b").into_iter().map(forbidden);
    let expected: Vec<String> = named("a").into_iter().chain(of_b).collect();
    assert_eq!(world.list(&session).tools(), expected);
}
