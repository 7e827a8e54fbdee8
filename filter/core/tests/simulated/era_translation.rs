//! What changes in answers since their client is of another era than their upstream.

use serde_json::{Value, json};

use crate::world::{Got, Request, Response, Server, Shape, Way, World, config, events};

const EVERYTHING: &str =
    r#"{"tools":{},"prompts":{},"resources":{},"completions":{},"logging":{}}"#;

/// An upstream of each era; both can do everything, and answer in JSON.
fn both() -> World {
    let mut world = World::new(&config(&["old", "new"]));
    let server =
        |name: &str| Server::new(name).tools(&["t"]).capabilities(EVERYTHING).shape(Shape::Json);
    world.serve("old", server("old"));
    world.serve("new", server("new").stateless());
    world
}

/// What every kind of routed request is answered with, by an upstream that answers so.
fn answered(world: &mut World, upstream: &str, stateless: bool, says: &'static str) -> Vec<Got> {
    for method in ["tools/call", "prompts/get", "resources/read", "completion/complete"] {
        world.script_method(upstream, method, move |seen| {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, seen.id());
            Response::new(200, "application/json", body).says()
        });
    }
    let name = format!("{upstream}__t");
    let uri = format!("{upstream}+x:y");
    let requests = [
        ("tools/call", format!(r#""name":"{name}","arguments":{{}}"#), Some(name.clone())),
        ("prompts/get", format!(r#""name":"{name}""#), Some(name.clone())),
        ("resources/read", format!(r#""uri":"{uri}""#), Some(uri)),
        (
            "completion/complete",
            format!(r#""ref":{{"type":"ref/prompt","name":"{name}"}},"argument":{{}}"#),
            None,
        ),
    ];
    let session = if stateless { String::new() } else { world.begin() };
    let send = |(method, params, name): &(&str, String, Option<String>)| {
        let request = if stateless {
            Request::stateless(method, params, name.as_deref())
        } else {
            Request::rpc(method, &format!("{{{params}}}")).within(&session)
        };
        world.send(&request)
    };
    requests.iter().map(send).collect()
}

#[test]
fn results_of_an_upstream_with_sessions_say_what_stateless_clients_insist_on() {
    let mut world = both();
    let got = answered(&mut world, "old", true, r#""result":{"x":1}"#);
    for (index, got) in got.iter().enumerate() {
        let result = &got.json()["result"];
        assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
        assert_eq!((&result["x"], &result["resultType"]), (&json!(1), &json!("complete")));
        let hints = (&result["ttlMs"], &result["cacheScope"]);
        let expected =
            if index == 2 { (json!(0), json!("private")) } else { (Value::Null, Value::Null) };
        assert_eq!(hints, (&expected.0, &expected.1), "{}", got.text());
    }
    for got in answered(&mut world, "old", true, r#""result":{}"#) {
        assert_eq!(got.json()["result"]["resultType"], "complete", "{}", got.text());
    }
}

#[test]
fn a_result_that_asks_for_input_is_an_error_to_a_client_with_a_session() {
    let mut world = both();
    let asks = r#""result":{"resultType":"input_required","requestState":"x"}"#;
    for got in &answered(&mut world, "new", false, asks)[..3] {
        assert_eq!(got.json()["error"]["code"], -32603, "{}", got.text());
        assert_eq!(got.json()["id"], 1);
    }
    for got in &answered(&mut world, "new", true, asks)[..3] {
        assert_eq!(got.json()["result"]["requestState"], "x", "{}", got.text());
    }
}

#[test]
fn between_two_of_one_era_no_byte_changes() {
    let mut world = both();
    let result = r#""result":{"x":1.0,"resultType":"complete"}"#;
    for (upstream, stateless) in [("new", true), ("old", false)] {
        for got in answered(&mut world, upstream, stateless, result) {
            assert_eq!(got.text(), format!(r#"{{"jsonrpc":"2.0","id":1,{result}}}"#));
        }
    }
    let error = r#""error":{"code":-32020,"message":"m","data":{"x":1}}"#;
    for got in answered(&mut world, "new", true, error) {
        assert_eq!(got.text(), format!(r#"{{"jsonrpc":"2.0","id":1,{error}}}"#));
    }
}

#[test]
fn errors_have_the_codes_of_their_clients_era() {
    let rows: [(&str, bool, &str, [i64; 4]); 6] = [
        ("old", true, r#""error":{"code":-32002,"message":"m"}"#, [-32602; 4]),
        ("old", true, r#""error":{"code":-32042,"message":"m"}"#, [-32603; 4]),
        ("old", true, r#""error":{"code":-32020,"message":"m"}"#, [-32603; 4]),
        ("new", false, r#""error":{"code":-32020,"message":"m"}"#, [-32603; 4]),
        ("new", false, r#""error":{"code":-32602,"message":"m"}"#, [-32602; 4]),
        (
            "new",
            false,
            r#""error":{"code":-32602,"message":"m","data":{"uri":"x:y"}}"#,
            [-32602, -32602, -32002, -32602],
        ),
    ];
    for (upstream, stateless, says, codes) in rows {
        let mut world = both();
        let got = answered(&mut world, upstream, stateless, says);
        let found: Vec<_> = got.iter().map(|it| it.json()["error"]["code"].as_i64()).collect();
        assert_eq!(found, codes.map(Some), "{upstream} {stateless} {says}");
        assert!(got.iter().all(|it| it.status == 200));
    }
}

#[test]
fn a_stateless_client_is_asked_nothing_and_hears_what_belongs_to_its_request() {
    let mut world = both();
    let own = [
        r#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":2}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#,
    ];
    let own = own.map(str::to_owned);
    world.script_method("old", "tools/call", move |seen| {
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, seen.id());
        let stream = format!("id: 7\n{}id: 8\n{}", events(&own), events(&[answer]));
        Response::new(200, "text/event-stream", stream).says()
    });
    let level = |level: &str| {
        let params = r#""name":"old__t","arguments":{}"#;
        let mut request = Request::stateless("tools/call", params, Some("old__t"));
        let text = String::from_utf8(request.body.clone()).unwrap();
        let meta = format!(r#""_meta":{{"io.modelcontextprotocol/logLevel":"{level}","#);
        let text = text.replace(r#""_meta":{"#, &meta);
        request = request.with("content-length", text.len().to_string());
        request.body = text.into_bytes();
        request
    };
    for (request, heard) in [(None, 0), (Some(level("error")), 1), (Some(level("debug")), 2)] {
        let text = match request {
            None => world.call_stateless("old__t").text(),
            Some(request) => world.send(&request).text(),
        };
        assert!(!text.contains("elicitation") && !text.contains("list_changed"), "{text}");
        assert_eq!(text.matches("notifications/message").count(), heard, "{text}");
        assert_eq!(text.matches("notifications/progress").count(), 1, "{text}");
        assert!(text.contains(r#""result":{"resultType":"complete"}"#), "{text}");
        assert!(!text.contains("id: "), "a client would ask for the rest by a GET: {text}");
    }
}

/// What exists in one era only is not asked of an upstream of the other.
#[test]
fn a_client_with_a_session_is_refused_what_the_other_era_has_not() {
    let mut world = World::new(&config(&["new"]));
    world.serve("new", Server::new("new").capabilities(crate::world::EVERYTHING).stateless());
    let session = world.begin();
    world.seen.clear();
    for (method, params) in [
        ("resources/subscribe", r#"{"uri":"new+x:y"}"#),
        ("resources/unsubscribe", r#"{"uri":"new+x:y"}"#),
        ("tasks/list", "{}"),
    ] {
        let got = world.send(&Request::rpc(method, params).within(&session));
        assert_eq!(got.refusal(), (200, -32601, json!(1)), "{method}");
    }
    assert!(world.seen.is_empty());
}

#[test]
fn a_client_with_a_session_is_told_no_event_ids_of_an_upstream_without() {
    let mut world = both();
    world.script_method("new", "tools/call", |_| {
        Response::new(200, "text/event-stream", "id: 7\ndata:\n\n").says()
    });
    let session = world.begin();
    let text = world.call(&session, r#""new__t""#).text();
    assert!(!text.contains("id: ") && text.contains("-32603"), "nothing can be resumed: {text}");
}
