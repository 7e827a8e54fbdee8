//! What servers ask of the client: each answer finds the one who asked, by the id that it knows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sse_responses::messages;
use crate::world::{
    Answer, Chance, EVERYTHING, Got, LOSSES, Request, Response, Seen, Server, World, any_value,
    config, event, events, raw_member,
};

/// Ids and tokens that are easily taken for one another.
const IDS: [&str; 14] = [
    "0",
    "1",
    "-7",
    "9007199254740993",
    "12345678901234567890123",
    r#""""#,
    r#""1""#,
    r#""a:1""#,
    r#""b:1""#,
    r#"":""#,
    r#""\u0061\/\"\\\n""#,
    r#""é🦀""#,
    r#""\ud83e\udd80""#,
    r#""\ud800""#,
];

const METHODS: [&str; 4] = ["ping", "roots/list", "sampling/createMessage", "elicitation/create"];

/// A request of a server's own, with its token.
fn request(method: &str, id: &str, token: &str) -> String {
    format!(
        r#"{{ "jsonrpc":"2.0","id": {id} ,"method":"{method}","params":{{"_meta":{{"progressToken":{token},"x":1.0}},"id":{id}}}}}"#
    )
}

pub(crate) fn serving(names: &[&str], own: &[&str]) -> World {
    let mut plan = config(names);
    plan["listen"] = json!(names[0]);
    let mut world = World::new(&plan);
    for name in names {
        let server = Server::new(name).capabilities(EVERYTHING).tools(&["t"]).sends(own);
        world.serve(name, server.shape(crate::world::Shape::Sse));
    }
    world
}

/// The requests among what the client got.
fn requests(got: &Got) -> Vec<String> {
    let all = messages(&got.body).into_iter();
    let own = all
        .filter(|it| raw_member(it.as_bytes(), "params").is_some_and(|it| it.contains("\"id\"")));
    own.filter(|it| raw_member(it.as_bytes(), "method").is_some()).collect()
}

/// Sends a message of the client that gets no answer; what it came to, upstream by upstream.
pub(crate) fn tell(world: &mut World, session: &str, body: &str) -> Vec<Seen> {
    world.seen.clear();
    let got = world.send(&Request::post(body).within(session));
    assert_eq!((got.status, got.text()), (202, String::new()), "{body}");
    world.seen.drain(..).collect()
}

#[test]
fn every_answer_finds_the_one_who_asked_by_its_own_id() {
    for (seed, raw) in IDS.into_iter().enumerate() {
        let method = METHODS[seed % METHODS.len()];
        let own = request(method, raw, IDS[(seed * 5 + 1) % IDS.len()]);
        let mut world = serving(&["a", "b"], &[&own]);
        let session = world.open();
        world.chance = Chance::new(seed as u64);
        let mut chance = Chance::new(seed as u64);
        let mut shown = Vec::new();
        for name in ["a", "b"] {
            shown.push((name, requests(&world.call(&session, &format!("\"{name}__t\"")))));
        }
        shown.push(("a", requests(&world.send(&Request::get().within(&session)))));
        let last = event("b", 't', "session-of-b", "", "1");
        let last = Request::get().within(&session).with("last-event-id", &last);
        shown.push(("b", requests(&world.send(&last))));
        let mut ids = BTreeSet::new();
        for (name, requests) in shown {
            let [request] = &requests[..] else { panic!("one request: {requests:?}") };
            let id = raw_member(request.as_bytes(), "id").expect("an id");
            // Nothing changes besides the id and the token.
            let token = &serde_json::from_str::<Value>(request).unwrap_or_default()["params"]["_meta"]
                ["progressToken"];
            assert!(
                token.is_string() || raw.contains("ud800") || own.contains("ud800"),
                "{request}"
            );
            let params = raw_member(request.as_bytes(), "params").expect("params");
            assert!(params.contains(r#""x":1.0"#) && params.ends_with(&format!(r#""id":{raw}}}"#)));
            let known: String = serde_json::from_str(&id).expect("a string");
            ids.insert((name, known.clone()));
            // The client may write it in other letters.
            let escaped: Vec<String> =
                known.encode_utf16().map(|it| format!("\\u{it:04x}")).collect();
            for id in [id, format!("\"{}\"", escaped.concat())] {
                let value = any_value(&mut chance, 3);
                for outcome in [
                    format!(r#""result":{{"x":{value}}}"#),
                    format!(r#""error":{{"code":-1,"message":"no","data":{value}}}"#),
                ] {
                    let body = |id: &str| {
                        format!(r#"{{{outcome}, "id" :{id},"jsonrpc":"2.0","id2":{id}}}"#)
                    };
                    let expected =
                        format!(r#"{{{outcome}, "id" :{raw},"jsonrpc":"2.0","id2":{id}}}"#);
                    let told = tell(&mut world, &session, &body(&id));
                    let [seen] = &told[..] else { panic!("once: {told:?}") };
                    assert_eq!(seen.cluster, name);
                    assert_eq!(String::from_utf8_lossy(&seen.body), expected);
                    assert!(!seen.routed);
                }
            }
        }
        assert_eq!(ids.len(), 2, "equal ids of two upstreams stay apart");
    }
}

pub(crate) fn result_of(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
}

#[test]
fn progress_of_the_client_reaches_the_one_whose_token_it_has() {
    for (seed, raw) in IDS.into_iter().enumerate() {
        let own = request("elicitation/create", "1", raw);
        let mut world = serving(&["a", "b"], &[&own]);
        let session = world.open();
        world.chance = Chance::new(seed as u64);
        for name in ["a", "b"] {
            let got = world.call(&session, &format!("\"{name}__t\""));
            let params = raw_member(requests(&got)[0].as_bytes(), "params").expect("params");
            let meta = raw_member(params.as_bytes(), "_meta").expect("_meta");
            let token = raw_member(meta.as_bytes(), "progressToken").expect("a token");
            assert!(token.starts_with('"'));
            let body = |token: &str| {
                format!(
                    r#"{{"method":"notifications/progress","params":{{"progress":1.0,"progressToken":{token}}}, "jsonrpc":"2.0"}}"#
                )
            };
            let told = tell(&mut world, &session, &body(&token));
            let [seen] = &told[..] else { panic!("once: {told:?}") };
            assert_eq!(seen.cluster, name);
            assert_eq!(String::from_utf8_lossy(&seen.body), body(raw));
        }
    }
}

#[test]
fn what_a_server_cancels_is_what_it_asked() {
    for (seed, raw) in IDS.into_iter().enumerate() {
        let cancelled = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{raw},"reason":"x","id":1}}}}"#
        );
        let own = request("roots/list", raw, "1");
        let mut world = serving(&["a"], &[&own, &cancelled]);
        let session = world.open();
        world.chance = Chance::new(seed as u64);
        let got = requests(&world.call(&session, "\"a__t\""));
        let id = raw_member(got[0].as_bytes(), "id").expect("an id");
        let params = raw_member(got[1].as_bytes(), "params").expect("params");
        assert_eq!(raw_member(params.as_bytes(), "requestId").as_deref(), Some(id.as_str()));
        assert_eq!(got[1].replace(&id, raw), cancelled);
    }
}

#[test]
fn a_progress_notification_of_a_server_keeps_the_clients_token() {
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"a:1","progress":1.0,"id":0}}"#;
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"uri":"x:y","id":"1"}}}"#;
    let changed =
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"id":1}}"#;
    let done = r#"{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e","id":1}}"#;
    let mut world = serving(&["a"], &[progress, log, changed, done]);
    let session = world.open();
    for seed in 0..20 {
        world.chance = Chance::new(seed);
        for got in [world.call(&session, "\"a__t\""), world.send(&Request::get().within(&session))]
        {
            assert_eq!(requests(&got), [progress, log, changed, done]);
        }
    }
}

#[test]
fn an_upstream_that_does_not_take_an_answer_is_warned_of_and_nobody_else_gets_it() {
    for failure in [
        Answer::NotSent,
        Answer::Silent,
        Response::new(500, "", "").says(),
        Response::new(LOSSES[0].0, LOSSES[0].1, LOSSES[0].2).says(),
    ] {
        let mut world = serving(&["a", "b"], &[]);
        let session = world.open();
        world.script("a", move |_| failure.clone());
        world.seen.clear();
        let body = result_of(&world.mark(&session, "a", "1"));
        let got = world.send(&Request::post(body).within(&session));
        assert_eq!((got.status, got.warnings.len()), (202, 1));
        assert_eq!(world.seen.len(), 1);
    }
}

#[test]
fn a_sampling_request_asks_for_the_context_of_nobody_and_names_resources_as_the_client_knows_them()
{
    for (context, left) in [("thisServer", "none"), ("allServers", "none"), ("none", "none")] {
        let before = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{{"id":0,"includeContext":"{context}","tools":[{{"name":"t"}}],"messages":[{{"content":{{"type":"resource_link","uri":"x:y"}}}}]}}}}"#
        );
        let mut world = serving(&["a"], &[&before]);
        let session = world.open();
        let got = requests(&world.call(&session, "\"a__t\""));
        let marked = format!(r#""id":{}"#, world.mark(&session, "a", "1"));
        let after = before.replace("\"id\":1", &marked).replace("x:y", "a+x:y").replace(
            &format!(r#""includeContext":"{context}""#),
            &format!(r#""includeContext":"{left}""#),
        );
        assert_eq!(got, [after]);
    }
}

#[test]
fn a_call_that_is_made_again_has_the_servers_requests_marked_too() {
    let mut world = serving(&["a"], &[]);
    let session = world.open();
    let own = request("ping", "1", "2");
    let mut calls = 0;
    world.script_method("a", "tools/call", move |seen| {
        calls += 1;
        if calls == 1 {
            return Response::new(404, "", "").says();
        }
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, seen.id());
        Response::new(200, "text/event-stream", events(&[own.clone(), answer])).says()
    });
    let got = world.call(&session, "\"a__t\"");
    let [request] = &requests(&got)[..] else { panic!("a request: {}", got.text()) };
    let [id, token] = ["1", "2"].map(|raw| world.mark(&session, "a", raw));
    assert_eq!(raw_member(request.as_bytes(), "id").as_ref(), Some(&id));
    assert!(request.contains(&format!(r#""progressToken":{token}"#)));
    assert_eq!(tell(&mut world, &session, &result_of(&id)).len(), 1);
}
