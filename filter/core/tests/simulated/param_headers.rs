//! Arguments that calls repeat in their head for upstreams of the stateless era, on behalf of clients that
//! know nothing of it.

use std::cell::Cell;
use std::rc::Rc;

use mcp_mux_core::effect::Counter;
use serde_json::{Value, json};

use crate::world::{Answer, Got, Request, Response, Seen, Server, Shape, Way, World, config};

/// A tool whose argument `region` is repeated as `header`, and `limit` within `of`.
fn tool(name: &str, header: &str) -> String {
    format!(
        r#"{{"name":"{name}","inputSchema":{{"type":"object","properties":{{
        "region":{{"type":"string","x-mcp-header":"{header}"}},
        "of":{{"type":"object","properties":{{
        "limit":{{"type":"integer","x-mcp-header":"Limit"}}}}}}}}}}}}"#
    )
}

/// An upstream of each era, with one tool each.
fn both(header: &str) -> World {
    let mut world = World::new(&config(&["old", "new"]));
    let server = |name: &str| {
        Server::new(name).pages(vec![vec![tool("t", header)]], Vec::new()).shape(Shape::Json)
    };
    world.serve("old", server("old"));
    world.serve("new", server("new").stateless());
    world
}

fn call(world: &mut World, session: &str, name: &str, arguments: &str) -> Got {
    let params = format!(r#"{{"name":"{name}","arguments":{arguments}}}"#);
    world.send(&Request::rpc("tools/call", &params).within(session))
}

/// The headers of a request that repeat arguments.
fn repeated(seen: &Seen) -> Vec<(String, String)> {
    let params = seen.head.iter().filter(|(name, _)| name.starts_with("mcp-param-"));
    params.map(|(name, value)| (name.clone(), String::from_utf8(value.clone()).unwrap())).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const ARGUMENTS: &str = r#"{"region":"eu","of":{"limit":5}}"#;

/// Refuses a call that does not repeat its region under the header that counts just now.
fn strict(world: &mut World, header: Rc<Cell<&'static str>>) {
    let listed = Rc::clone(&header);
    world.script_method("new", "tools/list", move |seen| {
        let tool = tool("t", listed.get());
        let result = format!(r#"{{"resultType":"complete","tools":[{tool}]}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        Response::new(200, "application/json", body).says()
    });
    world.script_method("new", "tools/call", move |seen| {
        let wanted = format!("mcp-param-{}", header.get().to_ascii_lowercase());
        if seen.header(&wanted).as_deref() == Some("eu") {
            return answer(seen, 200, r#""result":{"resultType":"complete","content":[]}"#);
        }
        answer(seen, 400, r#""error":{"code":-32020,"message":"Header mismatch"}"#)
    });
}

fn answer(seen: &Seen, status: u16, says: &str) -> Answer {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, seen.id());
    Response::new(status, "application/json", body).says()
}

#[test]
fn what_a_listed_tool_wants_repeated_is_repeated() {
    let mut world = both("Region");
    let session = world.begin();
    world.list(&session);
    for (arguments, expected) in [
        (ARGUMENTS, owned(&[("mcp-param-region", "eu"), ("mcp-param-limit", "5")])),
        (
            r#"{"region":"eu é","of":{"limit":null}}"#,
            owned(&[("mcp-param-region", "=?base64?ZXUgw6k=?=")]),
        ),
        ("{}", Vec::new()),
    ] {
        world.seen.clear();
        let got = call(&mut world, &session, "new__t", arguments);
        assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
        assert_eq!(repeated(world.seen_by("new", "tools/call")[0]), expected, "{arguments}");
    }
    // A server with sessions knows no such headers.
    call(&mut world, &session, "old__t", ARGUMENTS);
    assert!(repeated(world.seen_by("old", "tools/call")[0]).is_empty());
    // A client of the other era sees to that itself.
    let params = format!(r#""name":"new__t","arguments":{ARGUMENTS}"#);
    let request = Request::stateless("tools/call", &params, Some("new__t"));
    world.seen.clear();
    world.send(&request);
    assert!(repeated(world.seen_by("new", "tools/call")[0]).is_empty());
    world.send(&request.with("mcp-param-region", "us"));
    let seen = world.seen_by("new", "tools/call");
    assert_eq!(repeated(seen[1]), owned(&[("mcp-param-region", "us")]));
}

#[test]
fn a_call_that_is_refused_for_its_head_is_made_once_more_as_the_tool_is_listed_now() {
    let mut world = both("Region");
    let header = Rc::new(Cell::new("Region"));
    strict(&mut world, Rc::clone(&header));
    let session = world.begin();
    let answered = |got: &Got| {
        assert_eq!(got.status, 200, "{}", got.text());
        assert_eq!(got.json()["result"]["content"], json!([]), "{}", got.text());
        assert_eq!(got.json()["id"], 1);
    };
    // The worker has not seen the list.
    let got = call(&mut world, &session, "new__t", ARGUMENTS);
    answered(&got);
    assert!(got.warnings.is_empty(), "{:?}", got.warnings);
    let methods: Vec<String> = world.seen.iter().map(Seen::method).collect();
    assert_eq!(methods[methods.len() - 3..], ["tools/call", "tools/list", "tools/call"]);
    world.seen.clear();
    answered(&call(&mut world, &session, "new__t", ARGUMENTS));
    assert_eq!(world.seen.len(), 1, "known by now");
    header.set("Place");
    answered(&call(&mut world, &session, "new__t", ARGUMENTS));
    assert_eq!(repeated(&world.seen[3])[0].0, "mcp-param-place");
}

#[test]
fn it_is_not_made_a_third_time() {
    let mut world = both("Region");
    world.script_method("new", "tools/call", |seen| {
        answer(seen, 400, r#""error":{"code":-32020,"message":"Header mismatch"}"#)
    });
    let session = world.begin();
    world.seen.clear();
    let got = call(&mut world, &session, "new__t", ARGUMENTS);
    assert_eq!(got.refusal(), (200, -32603, json!(1)), "{}", got.text());
    assert_eq!(world.seen_by("new", "tools/call").len(), 2);
    assert_eq!(world.seen_by("new", "tools/list").len(), 1);
    // Nor for any other reason, nor for a client that can see to it itself.
    world.seen.clear();
    let params = format!(r#""name":"new__t","arguments":{ARGUMENTS}"#);
    let got = world.send(&Request::stateless("tools/call", &params, Some("new__t")));
    assert_eq!(got.refusal(), (400, -32020, json!(1)));
    world.script_method("new", "tools/call", |seen| {
        answer(seen, 400, r#""error":{"code":-32602,"message":"no"}"#)
    });
    assert_eq!(call(&mut world, &session, "new__t", ARGUMENTS).refusal(), (200, -32602, json!(1)));
    assert_eq!(world.seen.len(), 2);
}

#[test]
fn without_the_list_the_client_learns_why() {
    let mut world = both("Region");
    strict(&mut world, Rc::new(Cell::new("Region")));
    world.script_method("new", "tools/list", |_| Response::new(500, "text/plain", "no").says());
    let session = world.begin();
    let got = call(&mut world, &session, "new__t", ARGUMENTS);
    assert_eq!(got.refusal(), (200, -32603, json!(1)));
    assert_eq!(got.json()["error"]["data"]["upstream"], "new");
}

#[test]
fn a_tool_that_cannot_be_called_is_left_out_of_the_lists_of_both_eras() {
    for mode in ["always", "never"] {
        let mut plan = config(&["old", "new"]);
        plan["naming"] = json!({ "prefix": mode });
        let mut world = World::new(&plan);
        let items = |name: &str| vec![tool(&format!("{name}-bad"), "a b"), tool(name, "Region")];
        let server =
            |name: &str| Server::new(name).pages(vec![items(name)], Vec::new()).shape(Shape::Json);
        world.serve("old", server("old"));
        world.serve("new", server("new").stateless());
        let session = world.begin();
        for request in [
            Request::rpc("tools/list", "{}").within(&session),
            Request::stateless("tools/list", "", None),
        ] {
            let got = world.send(&request);
            let names = got.names();
            assert_eq!(names.len(), 3, "{names:?}");
            assert!(!names.iter().any(|name| name.ends_with("new-bad")), "{names:?}");
            let dropped = &got.json()["result"]["_meta"]["mcp-mux/dropped"];
            let reason = r#"x-mcp-header "a b" is no token of HTTP"#;
            let expected = json!({"upstream": "new", "name": "new-bad", "reason": reason});
            assert_eq!(*dropped, Value::Array(vec![expected]));
            let counted = |it: &&Counter| matches!(it, Counter::ItemDropped { .. });
            assert_eq!(got.counts.iter().filter(counted).count(), 1);
        }
    }
}
