//! Streams that a GET opens: what the upstream of `listen` sends by itself, and the rest of a stream
//! that broke off, whoever's it was.

use serde_json::json;

use crate::sse_responses::messages;
use crate::world::{
    Answer, Chance, EVERYTHING, LOSSES, RESOURCES, Request, Response, Restarting, Seen, Server,
    Shape, Way, World, config, event, gateway, raw_member,
};

pub(crate) fn get(session: &str) -> Request {
    Request::get().within(session)
}

pub(crate) fn resume(session: &str, id: impl AsRef<[u8]>) -> Request {
    get(session).with("last-event-id", id)
}

/// The id of an event of one of the servers of [`world`].
fn in_place(owner: &str, letter: char, request: &str, id: &str) -> String {
    event(owner, letter, &format!("session-of-{owner}"), request, id)
}

/// A world without `listen`.
fn world() -> World {
    let mut world = World::new(&config(&["a", "b"]));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING).shape(Shape::Sse));
    }
    world
}

#[test]
fn without_listen_there_is_a_stream_for_what_broke_off_and_nothing_else() {
    let mut world = world();
    let session = world.open();
    let others = [
        in_place("c", 'o', "", "1"),
        // Of another session of the upstream's, on which nobody waits for an answer.
        event("a", 'o', "session-of-b", "", "1"),
    ];
    let ids = ["7", "", "c:o:1"].into_iter().chain(others.iter().map(String::as_str));
    for request in ids.map(|id| resume(&session, id)).chain([get(&session)]) {
        let got = world.send(&request);
        assert_eq!((got.status, got.header("allow").as_deref()), (405, Some("POST, DELETE")));
    }
    world.seen.clear();
    for (owner, letter, request, own) in [
        ("a", 't', "1", "7"),
        ("b", 'o', "", "a:t:7"),
        ("b", 'c', r#""x:1:""#, ""),
        ("a", 'k', "-12", " x"),
        ("a", 'p', "0", "é"),
        ("b", 'o', "", ""),
    ] {
        let id = in_place(owner, letter, request, own);
        let got = world.send(&resume(&session, &id));
        assert_eq!((got.way, got.status), (Way::Routed, 200), "{id}");
        let [seen] = &world.seen.drain(..).collect::<Vec<_>>()[..] else { panic!("once") };
        assert_eq!(
            (seen.cluster.as_str(), seen.header("last-event-id").as_deref()),
            (owner, Some(own))
        );
        let session = format!("session-of-{owner}");
        assert_eq!(seen.header("mcp-session-id"), Some(session));
        assert_eq!(seen.header("accept").as_deref(), Some("text/event-stream"));
    }
    // The session comes first.
    assert_eq!(world.send(&Request::get()).status, 405);
    let id = in_place("a", 't', "1", "7");
    assert_eq!(world.send(&Request::get().with("last-event-id", &id)).status, 405);
    assert_eq!(world.send(&resume("x", &id)).status, 404);
    let got = world.send(&resume(&session, &id).with("accept", "application/json"));
    assert_eq!(got.status, 406);
    assert!(world.seen.is_empty());
}

/// A server whose streams break off wherever they are told to, and go on from there.
fn breaking(world: &mut World, name: &'static str, seed: u64) {
    let mut chance = Chance::new(seed);
    let mut request = String::new();
    let mut server = Server::new(name).capabilities(EVERYTHING);
    world.script(name, move |seen| {
        let get = seen.header(":method").as_deref() == Some("GET");
        if !get && seen.method() != "resources/read" {
            return server.answer(seen);
        }
        if !get {
            request = seen.id();
        }
        let last = seen.header("last-event-id").unwrap_or_default();
        let at = last.strip_prefix(&format!("{name}/")).map_or(0, |it| it.parse().expect("ours"));
        let updated = |at: usize| {
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"x:{at}"}}}}"#)
        };
        let mut events: Vec<String> = (1..5)
            .map(|at| format!("id: {name}/{at}\ndata: {}\n\n", if at == 1 { String::new() } else { updated(at) }))
            .collect();
        events.push(format!(
            "id: {name}/5\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{request},\"result\":{{\"contents\":[{{\"uri\":\"x:5\"}}]}}}}\n\n"
        ));
        let rest = events[at..].concat();
        // At least one event, so that there is an id to go on from.
        let shortest = events[at].len();
        let end = if chance.one_in(3) { rest.len() } else { shortest + chance.below(rest.len() - shortest + 1) };
        Response::new(200, "text/event-stream", &rest[..end]).says()
    });
}

#[test]
fn a_call_whose_stream_breaks_off_is_answered_to_the_end_by_whoever_goes_on() {
    for seed in 0..60 {
        let mut world = world();
        breaking(&mut world, "a", seed);
        breaking(&mut world, "b", seed + 1000);
        let session = world.open();
        world.chance = Chance::new(seed);
        for name in ["a", "b", "a"] {
            let params = format!(r#"{{"uri":"{name}+x:y"}}"#);
            let mut got = world.send(&Request::rpc("resources/read", &params).within(&session));
            let mut all = Vec::new();
            for _ in 0..20 {
                all.extend(messages(&got.body));
                assert!(!got.text().contains("\"error\""), "{}", got.text());
                // What a client has taken in of a stream, and where it goes on from.
                let text = got.text();
                let whole = text.rfind("\n\n").map_or("", |at| &text[..at]);
                let last = whole.lines().rev().find_map(|line| line.strip_prefix("id: "));
                let last = last.expect("an id").to_owned();
                assert!(last.starts_with(&in_place(name, 'c', "1", &format!("{name}/"))));
                if last.ends_with("/5") {
                    break;
                }
                got = world.send(&resume(&session, last));
            }
            let all: Vec<String> = all.into_iter().filter(|it| !it.is_empty()).collect();
            let uris: Vec<String> = (2..6).map(|at| format!(r#""uri":"{name}+x:{at}""#)).collect();
            assert_eq!(all.len(), 4, "seed {seed}: {all:?}");
            assert!(all.iter().zip(&uris).all(|(message, uri)| message.contains(uri)), "{all:?}");
            assert_eq!(raw_member(all[3].as_bytes(), "id").as_deref(), Some("1"));
        }
    }
}

#[test]
fn a_call_that_is_made_again_may_be_answered_by_a_stream_that_goes_on_elsewhere() {
    let mut world = world();
    let session = world.open();
    let mut calls = 0;
    world.script_method("a", "resources/read", move |_| {
        calls += 1;
        match calls {
            1 => Response::new(404, "", ""),
            _ => Response::new(200, "text/event-stream", "retry: 9\nid: 1\ndata:\n\ndata: x"),
        }
        .says()
    });
    let got = world.ask_for(&session, RESOURCES, r#""a+x:y""#);
    let id = in_place("a", 'c', "1", "1");
    assert_eq!(got.text(), format!("retry: 9\nid: {id}\ndata:\n\ndata: x"));
    assert_eq!(got.header("content-type").as_deref(), Some("text/event-stream"));
    let went = world.send(&resume(&session, id)).went.expect("a request");
    assert_eq!(went.header("last-event-id").as_deref(), Some("1"));
}

#[test]
fn what_a_resumed_stream_answers_is_known_by_the_id_of_its_events() {
    let mut world = world();
    let result =
        |result: &str| format!("data: {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}\n\n");
    let contents = r#"{"contents":[{"uri":"x:y"}]}"#;
    let content = r#"{"content":[{"type":"resource_link","uri":"x:y"}]}"#;
    let messages = r#"{"messages":[{"content":{"type":"resource_link","uri":"x:y"}}]}"#;
    let task = r#"{"taskId":"x:y"}"#;
    let stream = [contents, content, messages, task].map(result).concat();
    let session = world.open();
    let sent = stream.clone();
    world.script("a", move |_| Response::new(200, "text/event-stream", sent.clone()).says());
    for (letter, changed, as_what) in [
        ('c', contents, "a+x:y"),
        ('t', content, "a+x:y"),
        ('p', messages, "a+x:y"),
        ('k', task, "a:x:y"),
        ('o', "", ""),
    ] {
        let got = world.send(&resume(&session, in_place("a", letter, "1", "1")));
        assert_eq!(
            got.text(),
            stream.replace(changed, &changed.replace("x:y", as_what)),
            "{letter}"
        );
    }
}

#[test]
fn a_session_is_not_given_up_for_an_upstream_that_has_no_streams() {
    for (seed, (status, kind, body)) in LOSSES.into_iter().enumerate() {
        let mut world = World::of(&["a"]);
        let session = world.open();
        world.chance = Chance::new(seed as u64);
        let on_get = event("a", 'o', "session-of-a", "", "1");
        world.script_method("a", "", move |_| Response::new(status, kind, body).says());
        for (request, expected) in [(get(&session), 405), (resume(&session, &on_get), 502)] {
            world.seen.clear();
            let got = world.send(&request);
            assert_eq!((got.status, got.json()["error"]["data"]["upstream"].clone()), {
                (expected, json!("a"))
            });
            let methods: Vec<String> = world.seen.iter().map(Seen::method).collect();
            assert_eq!(methods, ["", "ping"]);
        }
        // The server checks that the session is still the first.
        assert_eq!(world.list(&session).names(), ["a__t"]);
    }
}

#[test]
fn an_upstream_that_cannot_be_opened_again_is_named() {
    for failure in [Answer::NotSent, Answer::Silent, Response::new(500, "", "").says()] {
        let mut world = World::of(&["a"]);
        let session = world.open();
        for method in ["", "ping"] {
            world.script_method("a", method, |_| Response::new(404, "", "").says());
        }
        world.script_method("a", "initialize", move |_| failure.clone());
        for seed in 0..6 {
            world.chance = Chance::new(seed);
            let got = world.send(&get(&session));
            assert_eq!(got.status, 502);
            assert_eq!(got.json()["error"]["data"]["upstream"], "a");
            assert_eq!(got.warnings.len(), 1);
        }
    }
}

#[test]
fn what_an_upstream_answers_instead_of_a_stream_is_no_stream() {
    for (status, expected) in
        [(405, 405), (409, 409), (400, 405), (401, 502), (404, 405), (500, 502), (503, 502)]
    {
        // Without a session id there is no session to lose.
        let mut world = World::new(&config(&["a"]));
        world.serve("a", Server::new("a").session(None));
        let session = world.open();
        for kind in ["", "text/plain", "application/json", "text/event-stream"] {
            let response = Response::new(status, kind, "{}").with("retry-after", "9");
            world.script("a", move |_| Answer::Says(response.clone()));
            let got = world.send(&get(&session));
            assert_eq!(got.status, expected, "{status} {kind}");
            assert_eq!(got.header("content-type").as_deref(), Some("application/json"));
            assert_eq!(got.header("retry-after").as_deref(), Some("9"));
            let allow = (expected == 405).then_some("POST, DELETE");
            assert_eq!(got.header("allow").as_deref(), allow);
            assert_eq!(got.counts.len(), 1);
        }
    }
    for failure in [Answer::NotSent, Answer::Silent] {
        let mut world = World::of(&["a"]);
        let session = world.open();
        world.script("a", move |_| failure.clone());
        assert_eq!(world.send(&get(&session)).status, 502);
    }
}

#[test]
fn a_stream_of_an_upstream_that_takes_no_part_opens_it_first() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let late = Restarting::put(&mut world, "late");
    let mut plan = config(&["a", "late"]);
    plan["listen"] = json!("late");
    world.configure(gateway(&plan));
    for seed in 0..5 {
        world.chance = Chance::new(seed);
        for request in [get(&session), resume(&session, "late:t12345678:0:1")] {
            assert_eq!(world.send(&request).text(), ": open\n\n");
        }
        assert_eq!(late.opened(), 1);
    }
}
