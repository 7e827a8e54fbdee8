//! Who is not told of tasks: clients that do not declare the extension, and parties of the other era.

use super::*;
use crate::world::Way;

/// What an upstream was told of the client's extensions, with the last request for this method.
fn told(world: &World, name: &str, method: &str) -> Value {
    let seen = world.seen_by(name, method);
    let params = seen.last().expect("a request").params();
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone()
}

#[test]
fn only_clients_that_declare_the_extension_are_told_of_it() {
    let mut world = world(&["a", "b"]);
    world.serve("b", Server::new("b").stateless().tools(&["t"]));
    for declares in [true, false, true, false] {
        let able = capabilities(&mut world, declares);
        let extended = json!({"tools": {}, "extensions": {TASKS: {}}});
        assert_eq!(able, if declares { extended } else { json!({"tools": {}}) });
        let asks = if declares { declaring } else { Request::stateless };
        world.send(&asks("tools/list", "", None));
        world.send(&asks("tools/call", r#""name":"b__t""#, Some("b__t")));
        let relayed = json!({"extensions": {TASKS: {"z": 1.0}}});
        for method in ["server/discover", "tools/list", "tools/call"] {
            let told = told(&world, "b", method);
            assert_eq!(told, if declares { relayed.clone() } else { json!({}) }, "{method}");
        }
    }
}

#[test]
fn what_a_client_that_declares_it_is_told_is_not_for_others() {
    let mut world = world(&["a"]);
    for (capabilities, scope) in [(ABLE, "private"), (r#"{"tools":{}}"#, "public")] {
        let server = Server::new("a").capabilities(capabilities).stateless();
        world.serve("a", server.hints("60000", "public"));
        for asks in [declaring, Request::stateless] {
            let result = world.send(&asks("server/discover", "", None)).json();
            assert_eq!(result["result"]["cacheScope"], scope, "{result}");
            assert_eq!(result["result"]["ttlMs"], 60000);
        }
    }
}

#[test]
fn its_methods_exist_for_these_alone() {
    let mut world = world(&["a"]);
    let marked = task_of(&call(&mut world, "a__t"));
    world.seen.clear();
    let head: String = serde_json::from_str(&marked).unwrap();
    let params = format!(r#""taskId":{marked}"#);
    for method in METHODS {
        let got = world.send(&Request::stateless(method, &params, Some(&head)));
        assert_eq!(got.refusal(), (404, -32601, json!(1)), "{method}");
    }
    // They are those of 2025-11-25.
    for method in ["tasks/list", "tasks/result"] {
        for asks in [declaring, Request::stateless] {
            let got = world.send(&asks(method, &params, Some(&head)));
            assert_eq!(got.refusal(), (404, -32601, json!(1)), "{method}");
        }
    }
    assert!(world.seen.is_empty());
    // What is no object declares nothing.
    for capabilities in ["1", "null", r#""x""#, "false"] {
        let extension = format!(r#"{{"extensions":{{"{TASKS}":{capabilities}}}}}"#);
        let request = about("tasks/get", &marked);
        let body = String::from_utf8(request.body.clone()).unwrap();
        let declared = DECLARED.split_once(':').unwrap().1;
        let body = body.replace(declared, &extension).into_bytes();
        let length = body.len().to_string();
        let got = world.send(&Request { body, ..request }.with("content-length", length));
        assert_eq!(got.refusal(), (404, -32601, json!(1)), "{capabilities}: {}", got.text());
    }
}

#[test]
fn a_tool_that_needs_it_says_so_to_the_others() {
    let mut world = world(&["a"]);
    let error = format!(
        r#"{{"code":-32021,"message":"m","data":{{"requiredCapabilities":{{"extensions":{{"{TASKS}":{{}}}}}}}}}}"#
    );
    let said = error.clone();
    world.script_method("a", "tools/call", move |seen| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{said}}}"#, seen.id());
        Response::new(400, "application/json", body).says()
    });
    let got = world.send(&Request::stateless("tools/call", r#""name":"a__t""#, Some("a__t")));
    assert_eq!((got.status, raw_member(&got.body, "error")), (400, Some(error)));
}

#[test]
fn a_server_with_sessions_is_not_told_and_has_none() {
    let mut world = World::new(&config(&["old"]));
    let able =
        r#"{"tools":{},"tasks":{"cancel":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    world.serve("old", Server::new("old").capabilities(able).tools(&["t"]));
    assert_eq!(capabilities(&mut world, true), json!({"tools": {}}));
    assert_eq!(call(&mut world, "old__t").status, 200);
    assert!(
        world.seen.iter().all(|it| it.method() == "server/discover" || !it.text().contains(TASKS))
    );
    for method in METHODS {
        let got = world.send(&about(method, r#""old:1""#));
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{method}");
    }
    // Nor has its client with a session.
    let params = format!(
        r#"{{"protocolVersion":"2025-11-25","capabilities":{{"extensions":{{"{TASKS}":{{}}}}}},"clientInfo":{{"name":"c","version":"1"}}}}"#
    );
    let got = world.send(&Request::rpc("initialize", &params));
    assert!(!got.text().contains(TASKS), "{}", got.text());
    assert!(!world.seen_by("old", "initialize").last().unwrap().text().contains(TASKS));
}

#[test]
fn a_client_with_a_session_has_none_at_a_server_without() {
    let mut world = world(&["a"]);
    let able =
        r#"{"tools":{},"tasks":{"cancel":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    world.serve("a", Server::new("a").capabilities(able).stateless().tools(&["t"]));
    world.script_method("a", "tools/call", |seen| answer(seen, r#""resultType":"complete""#));
    let session = world.open();
    let got = world.call(&session, r#""a__t""#);
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(told(&world, "a", "tools/call"), json!({}));
    let before = world.seen.len();
    for method in METHODS {
        let request = Request::rpc(method, r#"{"taskId":"a:1"}"#).within(&session);
        assert_eq!(world.send(&request).refusal(), (200, -32601, json!(1)), "{method}");
    }
    assert_eq!(world.seen.len(), before);
}

#[test]
fn the_task_of_a_server_that_has_sessions_by_now_is_gone() {
    let mut world = world(&["a"]);
    let marked = task_of(&call(&mut world, "a__t"));
    let mut plan = config(&["a"]);
    plan["upstreams"][0]["headers"] = json!({"forward": ["x-user"]});
    plan["upstreams"][0]["era"] = json!("handshake");
    world.configure(crate::world::gateway(&plan));
    let able = r#"{"tools":{},"tasks":{"cancel":{}}}"#;
    world.serve("a", Server::new("a").capabilities(able));
    world.seen.clear();
    for method in METHODS {
        let got = world.send(&about(method, &marked));
        assert_eq!((got.way, got.refusal()), (Way::Replied, (404, -32601, json!(1))), "{method}");
        assert!(world.seen_by("a", method).is_empty());
    }
}
