//! Ids that nobody was shown, and such as an upstream makes up to have what the client answers delivered
//! to another.

use serde_json::json;

use crate::server_requests::{result_of, serving, tell};
use crate::world::{Answer, Request, Response, Server, World, config, events, gateway, raw_member};

#[test]
fn answers_with_ids_that_nobody_was_shown_reach_nobody() {
    let mut world = serving(&["a", "b"], &[]);
    world.script("b", |_| Answer::NotSent);
    let session = world.open();
    let other = world.open();
    let marked = world.mark(&session, "a", "1");
    let unknown = [
        // It has no part in the session.
        world.mark(&session, "b", "1"),
        // Of another session, and of another's.
        world.mark(&other, "a", "1"),
        marked.replace("a:", "b:"),
        marked.replace("a:", "A:"),
        marked.replace(":1", ":2"),
        marked.replace(":1", ":\\\"1\\\""),
        marked.replace(":1", ":1 "),
        marked.replace(":1", ": 1"),
        marked.replace(":1", ":"),
        marked.to_lowercase(),
        r#""a:AAAAAAAA:1""#.to_owned(),
        r#""a::1""#.to_owned(),
    ];
    assert_eq!(tell(&mut world, &session, &result_of(&marked)).len(), 1);
    for id in [
        "1",
        "0",
        "-1",
        r#""""#,
        r#""a""#,
        r#""a:""#,
        r#""a:x""#,
        r#""a: 1""#,
        r#""a:1 ""#,
        r#""A:1""#,
        r#""c:1""#,
        r#"":1""#,
        r#""a:null""#,
        r#""a:[1]""#,
        r#""a:{}""#,
        r#""a:1.5""#,
        r#""a:1e2""#,
        r#""a:\"""#,
        r#""a:\"x\" ""#,
        r#""a:01""#,
        r#""a:--1""#,
        r#""a::1""#,
        r#"" a:1""#,
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(unknown)
    {
        for outcome in [r#""result":{}"#, r#""error":{"code":-1,"message":""}"#] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{outcome}}}"#);
            assert_eq!(tell(&mut world, &session, &body), [], "{id}");
        }
        let params = format!(r#"{{"progressToken":{id},"progress":1}}"#);
        let body =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#);
        assert_eq!(tell(&mut world, &session, &body), [], "{id}");
    }
    for body in [
        r#"{"jsonrpc":"2.0","error":{"code":-1,"message":""}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":[]}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":null}}"#,
    ] {
        assert_eq!(tell(&mut world, &session, body), [], "{body}");
    }
    // Within no session, nobody is answered either.
    let body = result_of(&marked);
    assert_eq!(world.send(&Request::post(body.as_str()).within("x")).status, 404);
    assert_eq!(world.send(&Request::post(body.as_str())).status, 400);
    // An upstream that left the configuration is not asked under its old name.
    world.configure(gateway(&config(&["c", "a"])));
    let told = tell(&mut world, &session, &body);
    assert_eq!((told.len(), told[0].cluster.as_str()), (1, "a"));
    let body = result_of(&world.mark(&session, "c", "1"));
    assert_eq!(tell(&mut world, &session, &body), []);
}

/// What the client says to a request of this raw id reaches nobody, nor does progress under it.
fn check_unheard(world: &mut World, session: &str, id: &str) {
    for outcome in [r#""result":{}"#, r#""error":{"code":-1,"message":""}"#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{outcome}}}"#);
        assert_eq!(tell(world, session, &body), [], "{id}");
    }
    let params = format!(r#"{{"progressToken":{id},"progress":1}}"#);
    let body =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#);
    assert_eq!(tell(world, session, &body), [], "{id}");
}

/// Ways to have a request reach the client as it is: messages that the gateway cannot read, or not as
/// one.
fn unread(id: &str) -> Vec<Response> {
    let params = format!(r#""params":{{"_meta":{{"progressToken":{id}}}}}"#);
    let ask = format!(r#""jsonrpc":"2.0","method":"roots/list",{params}"#);
    let long = "x".repeat(2000);
    let stream = |text: String| Response::new(200, "text/event-stream", text);
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    vec![
        stream(events(&[format!(r#"{{"id":{id},{ask},"id":{id}}}"#), answer.to_owned()])),
        stream(events(&[format!(r#"{{"id":{id},{ask},"\u0069d":{id}}}"#), answer.to_owned()])),
        stream(events(&[format!(r#"{{"id":{id},{ask},"x":"{long}"}}"#), answer.to_owned()])),
        stream(events(&[format!(r#"[{{"id":{id},{ask}}},]"#), answer.to_owned()])),
        stream(format!("event: other\ndata: {{\"id\":{id},{ask}}}\n\ndata: {answer}\n\n")),
    ]
}

#[test]
fn an_id_that_an_upstream_forges_in_what_cannot_be_read_reaches_nobody() {
    let own = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"id":1}}"#;
    let mut world = serving(&["a", "b"], &[own]);
    let mut plan = config(&["a", "b"]);
    plan["limits"] = json!({ "upstream_body": 1024 });
    world.configure(gateway(&plan));
    let (session, other) = (world.open(), world.open());
    // `b` waits for an answer under this.
    let victim = world.mark(&session, "b", "1");
    assert!(world.call(&session, "\"b__t\"").text().contains(&victim));
    let forged = [
        "1".to_owned(),
        r#""b:1""#.to_owned(),
        r#""b::1""#.to_owned(),
        r#""b:AAAAAAAA:1""#.to_owned(),
        // Of a session that the upstream opened itself, as a client.
        world.mark(&other, "b", "1"),
        // By the code of its own.
        world.mark(&session, "a", "1").replace("a:", "b:"),
    ];
    for id in &forged {
        for response in unread(id) {
            world.script_method("a", "tools/call", move |_| Answer::Says(response.clone()));
            let got = world.call(&session, "\"a__t\"");
            assert!(got.text().contains(&format!(r#""id":{id}"#)), "{}", got.text());
            check_unheard(&mut world, &session, id);
        }
    }
    let told = tell(&mut world, &session, &result_of(&victim));
    assert_eq!((told.len(), told[0].cluster.as_str()), (1, "b"));
}

#[test]
fn an_id_that_an_upstream_has_from_another_is_its_own() {
    let mut world = serving(&["a", "b"], &[]);
    let session = world.open();
    for id in [world.mark(&session, "b", "1"), r#""b:1""#.to_owned()] {
        let ask = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned();
        let batch = format!("[{ask},{ask}]");
        for first in [ask, batch] {
            let body = events(&[first, answer.clone()]);
            let response = Response::new(200, "text/event-stream", body);
            world.script_method("a", "tools/call", move |_| Answer::Says(response.clone()));
            let marked = world.mark(&session, "a", &id);
            let got = world.call(&session, "\"a__t\"");
            assert!(got.text().contains(&marked) && !got.text().contains(&format!(":{id}")));
            let told = tell(&mut world, &session, &result_of(&marked));
            let [seen] = &told[..] else { panic!("once: {told:?}") };
            assert_eq!((seen.cluster.as_str(), seen.id()), ("a", id.clone()));
        }
    }
}

#[test]
fn an_id_of_any_length_that_is_shown_can_be_answered() {
    for raw in [
        format!("\"{}\"", "x".repeat(1022)),
        format!("\"{}\"", r#"\""#.repeat(511)),
        format!("\"{}\"", r"\\".repeat(511)),
        "7".repeat(1024),
    ] {
        let ask = format!(r#"{{"jsonrpc":"2.0","id":{raw},"method":"ping","params":{{"id":1}}}}"#);
        let mut world = World::new(&config(&["a"]));
        let server = Server::new("a").tools(&["t"]).sends(&[&ask]);
        world.serve("a", server.shape(crate::world::Shape::Sse));
        let session = world.open();
        let marked = world.mark(&session, "a", &raw);
        assert!(world.call(&session, "\"a__t\"").text().contains(&marked));
        let told = tell(&mut world, &session, &result_of(&marked));
        assert_eq!(raw_member(&told[0].body, "id"), Some(raw));
    }
}
