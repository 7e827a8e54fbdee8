//! Event streams whose events name things of the upstream: the same bytes for the client however
//! the stream comes, and every other byte as it came.

use serde_json::json;

use crate::sse_responses::messages;
use crate::world::{
    Answer, Chance, EVERYTHING, Got, Pieces, RESOURCES, Request, Response, Server, World,
    any_value, config, event, events,
};

/// Events with URIs and ids in places where they change and in others.
fn any_stream(chance: &mut Chance) -> Vec<u8> {
    let mut stream = String::from(chance.pick(&["", "\u{feff}"]));
    for _ in 0..chance.below(6) {
        let value = any_value(chance, 2).replace('\n', " ");
        let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y"}}"#;
        let piece = match chance.below(9) {
            0 => ": a comment\n".to_owned(),
            1 => format!("data: {updated}\n\n"),
            2 => format!(
                "id: {}\nevent: message\ndata: {updated}\n\n",
                chance.pick(&["1", "a:b", " 2", "é"])
            ),
            3 => format!("data: {}\n\n", updated.replace(',', ",\ndata:")),
            4 => format!("event: other\ndata: {updated}\nid: 7\n\n"),
            5 => "id\nid:\ndata:\n\n".to_owned(),
            6 => format!("retry: 10\nid:3\ndata: {{\"x\":{value}}}\n\n"),
            7 => format!(
                "data: {{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}}\n:c\n\n",
                chance.pick(&["1", "\"x\""])
            ),
            _ => "data\n\n".to_owned(),
        };
        stream.push_str(&piece);
    }
    stream.push_str("id:9\n");
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"x:y","text":"x:y"}]}}"#;
    stream.push_str(&events(&[answer.to_owned()]));
    stream.push_str(chance.pick(&["", ": end", "data: x\n", "data: x"]));
    stream.replace('\n', chance.pick(&["\n", "\r\n", "\r"])).into_bytes()
}

/// A message as the client must get it, with these marks of the ids `1` and `"x"`.
fn shown(message: &str, [one, x]: &[String; 2]) -> String {
    let uri = if message.contains("\"contents\"") || message.contains("updated") {
        message.replace(r#""uri":"x:"#, r#""uri":"a+x:"#)
    } else {
        message.to_owned()
    };
    match (uri.contains("\"ping\""), uri.contains(r#""id":"x""#)) {
        (true, true) => uri.replace(r#""id":"x""#, &format!(r#""id":{x}"#)),
        (true, false) => uri.replace(r#""id":1"#, &format!(r#""id":{one}"#)),
        _ => uri,
    }
}

fn marks(world: &World, session: &str) -> [String; 2] {
    ["1", "\"x\""].map(|raw| world.mark(session, "a", raw))
}

/// The id of an event as the client must get it.
fn in_place(id: &str) -> String {
    event("a", 'c', "session-of-a", "1", id)
}

fn world(limit: usize) -> (World, String) {
    let mut plan = config(&["a"]);
    plan["limits"] = json!({ "upstream_body": limit });
    let mut world = World::new(&plan);
    world.serve("a", Server::new("a").capabilities(EVERYTHING));
    let session = world.open();
    (world, session)
}

fn read(world: &mut World, session: &str, body: &[u8], trailers: bool) -> Got {
    let mut response = Response::new(200, "text/event-stream", body);
    response.trailers = trailers;
    world.script_method("a", "resources/read", move |_| Answer::Says(response.clone()));
    world.ask_for(session, RESOURCES, r#""a+x:y""#)
}

/// The ids of the events that a client has taken in, by the standard's own steps.
fn last_ids(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.split('\n').filter_map(|line| {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        (field == "id").then(|| value.strip_prefix(' ').unwrap_or(value).to_owned())
    });
    lines.collect()
}

#[test]
fn events_change_where_they_name_what_is_the_upstreams_however_they_are_cut() {
    let (mut world, session) = world(1 << 20);
    let marks = marks(&world, &session);
    for seed in 0..120 {
        let body = any_stream(&mut Chance::new(seed));
        let mut first = None;
        for cut in 0..6 {
            world.chance = Chance::new(seed * 7 + cut);
            let got = read(&mut world, &session, &body, false);
            let again = first.get_or_insert_with(|| got.body.clone());
            assert_eq!(*again, got.body, "seed {seed}: {:?}", body.escape_ascii());
            assert_eq!(got.counts.len(), 1);
        }
        let out = first.expect("a stream");
        let expected: Vec<String> = messages(&body).iter().map(|it| shown(it, &marks)).collect();
        assert_eq!(messages(&out), expected, "seed {seed}");
        let marked = |id: String| if id.is_empty() { id } else { in_place(&id) };
        let ids: Vec<String> = last_ids(&body).into_iter().map(marked).collect();
        assert_eq!(last_ids(&out), ids, "seed {seed}");
    }
}

#[test]
fn trailers_and_scarce_memory_take_no_event_away() {
    let (mut world, session) = world(1 << 20);
    let marks = marks(&world, &session);
    for seed in 0..120 {
        let body = any_stream(&mut Chance::new(seed));
        world.chance = Chance::new(seed);
        let expected: Vec<String> = messages(&body).iter().map(|it| shown(it, &marks)).collect();
        let got = read(&mut world, &session, &body, true);
        assert_eq!(messages(&got.body), expected, "seed {seed}");
        world.scarcity = Some(9);
        let got = read(&mut world, &session, &body, seed % 2 == 0);
        world.scarcity = None;
        if got.status == 503 {
            continue;
        }
        let (before, after) = (messages(&body), messages(&got.body));
        assert_eq!(before.len(), after.len(), "seed {seed}");
        let from = (0..=before.len()).find(|at| after[*at..] == before[*at..]).expect("an end");
        assert_eq!(after[..from], expected[..from], "seed {seed}");
    }
}

#[test]
fn an_event_over_the_limit_passes_as_it_is_and_those_around_it_change() {
    let (mut world, session) = world(1024);
    let updated = |length: usize| {
        let params = format!(r#"{{"uri":"x:y","z":"{}"}}"#, "z".repeat(length));
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{params}}}"#
        )
    };
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"x:y"}]}}"#;
    let body = format!(
        "id: 1\ndata: {}\n\nid: 2\ndata: {}\n\n: {}\nid: 3\ndata: {answer}\n\n",
        updated(10),
        updated(3000),
        "c".repeat(3000)
    );
    let small = |text: &str| text.replace("x:y", "a+x:y");
    let expected = body.replace(answer, &small(answer)).replace(&updated(10), &small(&updated(10)));
    let marked = |id: &str| format!("id: {}", in_place(id));
    let expected = expected.replace("id: 1", &marked("1")).replace("id: 3", &marked("3"));
    for seed in 0..40 {
        world.chance = Chance::new(seed);
        let got = read(&mut world, &session, body.as_bytes(), seed % 2 == 0);
        assert_eq!(got.text(), expected, "seed {seed}");
    }
    // The answer may be what was too long to look at, since nothing in its beginning says that it is
    // one: it is not called missing.
    let late = format!("\"z\":\"{}\",\"result\"", "z".repeat(2000));
    let body = format!("data: {}\n\n", answer.replace("\"result\"", &late));
    for seed in 0..10 {
        world.chance = Chance::new(seed);
        assert_eq!(read(&mut world, &session, body.as_bytes(), false).text(), body);
    }
    // Unless it breaks off: what went out of it must not become an event with what follows.
    for end in [1, 2, 30, body.len() - 1500] {
        for seed in 0..10 {
            world.chance = Chance::new(seed);
            let cut = &body[..body.len() - end];
            let got = read(&mut world, &session, cut.as_bytes(), false);
            assert!(got.text().starts_with(cut));
            let [error] = &messages(&got.body)[..] else { panic!("{end}: {}", got.text()) };
            assert!(error.contains(r#""id":1,"error":{"code":-32603"#), "{error}");
        }
    }
}

#[test]
fn an_answer_of_any_length_is_changed_in_a_stream() {
    let (mut world, session) = world(1024);
    let answer = |id: &str| {
        let long = "z".repeat(3000);
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"contents":[{{"uri":"x:y"}}],"z":"{long}","contents2":[]}}}}"#
        )
    };
    let body = format!("id: 1\ndata: {}\n: in between\nid: 2\n\n: after\n", answer("1"));
    let expected = body
        .replace("x:y", "a+x:y")
        .replace("id: 1", &format!("id: {}", in_place("1")))
        .replace("id: 2", &format!("id: {}", in_place("2")));
    for seed in 0..40 {
        world.chance = Chance::new(seed);
        let got = read(&mut world, &session, body.as_bytes(), seed % 2 == 0);
        assert_eq!(got.text(), expected, "seed {seed}");
    }
    // Broken off, it is no event: an error takes its place.
    let body = format!("data: {}\n\n", answer("1"));
    for end in [1, 2, 30, body.len() - 1500] {
        for seed in 0..10 {
            world.chance = Chance::new(seed);
            let got = read(&mut world, &session, &body.as_bytes()[..body.len() - end], false);
            let all = messages(&got.body);
            let error = all.last().expect("an error");
            assert!(error.contains(r#""id":1,"error":{"code":-32603"#), "{end} {error}");
            assert_eq!(all.len(), 1, "{end} {}", got.text());
        }
    }
}

#[test]
fn the_end_of_a_stream_that_a_get_opened_is_no_error() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    for seed in 0..80 {
        let body = any_stream(&mut Chance::new(seed));
        let cut = 1 + Chance::new(seed).below(body.len());
        let response = Response::new(200, "text/event-stream", &body[..cut]);
        world.script_method("a", "", move |_| Answer::Says(response.clone()));
        world.chance = Chance::new(seed);
        let got = world.send(&Request::get().within(&session));
        let pieces = Pieces::of(&body[..cut]);
        assert!(got.body.ends_with(&pieces.rest), "seed {seed}");
        assert_eq!(messages(&got.body).len(), messages(&body[..cut]).len());
        assert_eq!(got.counts.len(), 1);
    }
}
