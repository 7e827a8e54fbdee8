//! Large requests: they go on before they are complete, and nobody can tell by what arrives.

mod stateless;
mod twice;

use serde_json::json;

use crate::world::{
    Chance, EVERYTHING, Got, Kind, PROMPTS, RELATED_TASK, RESOURCES, Request, Restarting, Server,
    TASKS, TEMPLATES, TOOLS, Way, World, any_value, config, raw_member, space,
};

const ALL: [Kind; 5] = [TOOLS, PROMPTS, RESOURCES, TEMPLATES, TASKS];

fn world() -> (World, String) {
    let mut plan = config(&["a", "b"]);
    plan["limits"] = json!({ "request_body": "1MiB" });
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING));
    }
    let session = world.open();
    (world, session)
}

/// A name of a thing of this kind, as the client writes it and as its owner does.
fn name(chance: &mut Chance, kind: Kind) -> (&'static str, &'static str) {
    match kind {
        RESOURCES | TEMPLATES => {
            chance.pick(&[(r#""a+x:y""#, r#""x:y""#), (r#""\u0061+x:\/""#, r#""x:/""#)])
        }
        TASKS => (r#""a:\u00e91""#, r#""é1""#),
        _ => chance.pick(&[(r#""a__t""#, r#""t""#), (r#""a\u005f_\"\\""#, r#""\"\\""#)]),
    }
}

/// Members in any order, as the inside of an object.
fn members(chance: &mut Chance, mut members: Vec<String>) -> String {
    let mut out = Vec::new();
    while !members.is_empty() {
        let at = chance.below(members.len());
        out.push(members.swap_remove(at));
    }
    out.join(&format!("{},{}", space(chance), space(chance)))
}

/// A request of at least so many bytes, in which NAME and TASK stand for what changes.
fn template(chance: &mut Chance, kind: Kind, bytes: usize) -> String {
    let mut values = Vec::new();
    let mut length = 0;
    while length < bytes {
        let value = if chance.one_in(3) { "x\\n".repeat(700) } else { String::new() };
        values.push(format!(r#"{{"name":"b__t","{value}":{}}}"#, any_value(chance, 3)));
        length += values.last().map_or(0, String::len);
    }
    let about = kind.params("NAME");
    let mut params = vec![
        about[1..about.len() - 1].to_owned(),
        format!(r#""arguments":[{}]"#, values.join(",")),
        format!(r#""taskid_":{}"#, any_value(chance, 2)),
    ];
    if chance.one_in(2) {
        let task = format!(r#""{RELATED_TASK}":{{"x":1,"taskId" :TASK}}"#);
        let meta = members(chance, vec![task, r#""progressToken":"a:1""#.to_owned()]);
        params.push(format!(r#""_meta":{{{meta}}}"#));
    }
    let params = members(chance, params);
    let envelope = vec![
        r#""jsonrpc":"2.0""#.to_owned(),
        r#""id" : "i\u0064""#.to_owned(),
        format!(r#""m\u0065thod":"{}""#, kind.about),
        format!(r#""params":{{{params}}}"#),
    ];
    format!("{}{{{}}}{}", space(chance), members(chance, envelope), space(chance))
}

fn send(world: &mut World, session: &str, body: impl Into<Vec<u8>>, announced: bool) -> Got {
    let request = Request::post(body).within(session);
    world.send(&if announced { request } else { request.without("content-length") })
}

#[test]
fn a_large_request_arrives_as_if_it_had_been_held() {
    let (mut world, session) = world();
    for seed in 0..80 {
        let mut chance = Chance::new(seed);
        let kind = chance.pick(&ALL);
        let template = template(&mut chance, kind, 80_000);
        let (shown, own) = name(&mut chance, kind);
        let (task, tasks) = chance.pick(&[
            (r#""a:t\u002f1""#, [r#""t/1""#, r#""t/1"       "#]),
            (r#""b:t""#, [r#""b:t""#; 2]),
            (r#"{"a:":1}"#, [r#"{"a:":1}"#; 2]),
        ]);
        let fill = |name: &str, task: &str| template.replace("NAME", name).replace("TASK", task);
        let announced = chance.one_in(2);
        world.chance = Chance::new(seed);
        let got = send(&mut world, &session, fill(shown, task), announced);
        assert_eq!((got.way, got.status), (Way::Routed, 200), "seed {seed}: {}", got.text());
        assert_eq!(got.counts.len(), 1);
        let went = got.went.expect("went");
        let [exact, padded] = tasks.map(|task| fill(own, task));
        let as_held = went.body == exact.as_bytes();
        // Once the length is out, spaces keep it.
        assert!(as_held || announced && went.body == padded.as_bytes(), "seed {seed}");
        assert_eq!(went.id(), r#""i\u0064""#);
        if !announced && !as_held {
            assert_eq!(went.header("content-length"), None);
        }
    }
    assert!(world.streamed > 200, "{}", world.streamed);
}

#[test]
fn a_lost_session_is_opened_again_with_memory_or_without() {
    for scarcity in [None, Some(30)] {
        let (mut again, mut once_more) = (0, 0);
        for seed in 0..30 {
            let mut world = World::new(&config(&["a"]));
            let server = Restarting::put(&mut world, "a");
            let session = world.begin();
            let mut chance = Chance::new(seed);
            let length = chance.pick(&[100_000, 900_000, 1_200_000, 2_000_000]);
            server.restart(chance.pick(&crate::world::LOSSES));
            world.chance = Chance::new(seed);
            world.scarcity = scarcity;
            let params = format!(r#"{{"name":"a__t","x":"{}"}}"#, "y".repeat(length));
            let got = world.send(&Request::rpc("tools/call", &params).within(&session));
            if got.text().contains("once more") {
                assert_eq!(got.refusal(), (200, -32603, json!(1)));
                assert!(length > 1 << 20 || scarcity.is_some(), "seed {seed}");
                once_more += 1;
                world.scarcity = None;
                let got = world.send(&Request::rpc("tools/call", &params).within(&session));
                assert!(got.text().contains("\"by\""), "{}", got.text());
            } else if got.text().contains("\"by\"") {
                again += 1;
            } else {
                assert!(scarcity.is_some(), "seed {seed}: {}", got.text());
            }
        }
        assert!(again > 0 && once_more > 1, "{scarcity:?}: {again} {once_more}");
    }
}

#[test]
fn a_request_over_the_limit_is_refused_where_it_gets_there() {
    let (mut world, session) = world();
    for seed in 0..8 {
        world.chance = Chance::new(seed);
        let head = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__t","x":""#;
        for (length, fits) in [(1 << 20, true), ((1 << 20) + 1, false)] {
            let body = format!("{head}{}\"}}}}", "y".repeat(length - head.len() - 3));
            let got = send(&mut world, &session, body.as_str(), false);
            assert_eq!(got.way == Way::Routed, fits, "seed {seed}");
            if !fits {
                let (status, code, _) = got.refusal();
                assert_eq!((status, code), (413, -32600));
            }
        }
    }
}

#[test]
fn names_that_depend_on_all_upstreams_are_looked_up_first() {
    for prefix in ["on_conflict", "never"] {
        let mut plan = config(&["a", "b"]);
        plan["naming"] = json!({ "prefix": prefix });
        let mut world = World::new(&plan);
        world.serve("a", Server::new("a").tools(&["t"]));
        world.serve("b", Server::new("b").tools(&["u"]));
        let session = world.open();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"u","x":"{}"}}}}"#,
            "y".repeat(200_000)
        );
        for streamed in [false, true] {
            world.streamed = 0;
            world.seen.clear();
            let got = send(&mut world, &session, body.as_str(), true);
            assert_eq!(got.went.expect("went").cluster, "b");
            // The first time it is held for the lists of both.
            assert_eq!(
                (world.streamed > 0, world.seen_by("a", "tools/list").len()),
                (streamed, usize::from(!streamed))
            );
        }
    }
}

#[test]
fn what_cannot_be_sent_on_is_answered_when_it_is_complete() {
    let (mut world, session) = world();
    let long = "y".repeat(100_000);
    for (method, params, code) in [
        ("tools/call", r#""name":"c__t""#, -32602),
        ("tools/call", r#""name":7"#, -32602),
        ("tools/call", r#""nam":"a__t""#, -32602),
        ("resources/read", r#""uri":"c+x:y""#, -32002),
        ("no/such", r#""name":"a__t""#, -32601),
    ] {
        for seed in 0..5 {
            world.chance = Chance::new(seed);
            let params = format!(r#"{{{params},"x":"{long}"}}"#);
            let got = world.send(&Request::rpc(method, &params).within(&session));
            assert_eq!(got.refusal(), (200, code, json!(1)), "{params:.50}");
            assert!(got.went.is_none());
        }
    }
    let list =
        world.send(&Request::rpc("tools/list", &format!(r#"{{"x":"{long}"}}"#)).within(&session));
    assert!(raw_member(&list.body, "result").is_some());
    let gone =
        world.send(&Request::rpc("tools/call", &format!(r#"{{"name":"a__t","x":"{long}"}}"#)));
    assert_eq!(gone.refusal().0, 400);
}

#[test]
fn a_host_that_takes_more_back_holds_more() {
    for (request_buffer, streams) in [(4 << 10, true), (32 << 10, false)] {
        let (mut world, session) = world();
        world.abilities.request_buffer = request_buffer;
        let params = format!(r#"{{"name":"a__t","arguments":{{"x":"{}"}}}}"#, "y".repeat(20_000));
        let got = world.send(&Request::rpc("tools/call", &params).within(&session));
        assert_eq!((got.way, got.status), (Way::Routed, 200));
        assert_eq!(world.streamed > 0, streams, "{request_buffer}");
    }
}
