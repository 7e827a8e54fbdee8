//! JSON answers: held until they are complete, and changed where they name what is the upstream's.

use mcp_mux_core::effect::{Counter, Outcome};
use serde_json::json;

use crate::world::{
    Answer, Chance, EVERYTHING, Got, Kind, PROMPTS, RESOURCES, Response, Server, TASKS, TEMPLATES,
    TOOLS, Way, World, any_value, config,
};

pub(crate) fn world(limit: usize, scarcity: Option<usize>) -> (World, String) {
    let mut plan = config(&["a"]);
    plan["limits"] = json!({ "upstream_body": limit });
    let mut world = World::new(&plan);
    world.serve("a", Server::new("a").capabilities(EVERYTHING));
    let session = world.open();
    world.scarcity = scarcity;
    (world, session)
}

/// What the client gets of a request about a thing of this kind that is answered like this.
pub(crate) fn ask(world: &mut World, session: &str, kind: Kind, response: &Response) -> Got {
    let response = response.clone();
    world.script_method("a", kind.about, move |_| Answer::Says(response.clone()));
    world.ask_for(session, kind, raw(kind))
}

/// A thing of this kind.
fn raw(kind: Kind) -> &'static str {
    match kind {
        RESOURCES | TEMPLATES => r#""a+x:y""#,
        TASKS => r#""a:1""#,
        _ => r#""a__t""#,
    }
}

/// An answer, and what it must become: an uri, and a task, in every place where there may be one.
fn answer(chance: &mut Chance, kind: Kind) -> (String, String) {
    let mut value = || any_value(chance, 3);
    let (x, y) = (value(), value());
    let uri = r#""x:\/\u0061""#;
    let text = match kind {
        TOOLS => format!(
            r#"{{"x":{x},"content":[{{"type":"resource_link","uri":URI,"x":{y}}},{{"type":"text","text":{uri}}}],"structuredContent":{{"uri":{uri}}}}}"#
        ),
        PROMPTS => format!(
            r#"{{"messages":[{{"content":{{"uri":URI,"type":"resource_link"}},"x":{y}}}],"uri":{uri},"x":{x}}}"#
        ),
        RESOURCES => format!(r#"{{"contents":[{{"uri":URI,"text":{y}}},{x}],"uri":{uri}}}"#),
        TASKS => format!(r#"{{"taskId":TASK,"x":{x},"y":{{"taskId":"1","y":{y}}}}}"#),
        _ => {
            format!(r#"{{"completion":{{"values":[{uri}]}},"x":{x},"contents":[{{"uri":{uri}}}]}}"#)
        }
    };
    let whole = format!(" {{\"jsonrpc\":\"2.0\",\"result\" :{text},\n\"id\": 1}}\r\n ");
    let (before, after) = (uri.to_owned(), uri.replace("x:", "a+x:"));
    let become_ = |uri: &str, task: &str| whole.replace("URI", uri).replace("TASK", task);
    (become_(&before, r#""1""#), become_(&after, r#""a:1""#))
}

#[test]
fn what_is_the_upstreams_changes_in_answers_of_every_kind_and_nothing_else() {
    for seed in 0..60 {
        let mut chance = Chance::new(seed);
        let (mut world, session) = world(1 << 20, None);
        for kind in [TOOLS, PROMPTS, RESOURCES, TEMPLATES, TASKS] {
            let (before, after) = answer(&mut chance, kind);
            for trailers in [false, true] {
                let kind_of = chance.pick(&["application/json", "Application/JSON; charset=utf-8"]);
                let mut response = Response::new(chance.pick(&[200, 201]), kind_of, before.clone());
                response.trailers = trailers;
                let got = ask(&mut world, &session, kind, &response.with("x-kept", "yes"));
                assert_eq!((got.status, got.text()), (200, after.clone()), "seed {seed}");
                assert_eq!(got.header("x-kept").as_deref(), Some("yes"));
                assert_eq!(got.header("content-type").as_deref(), Some(kind_of));
                assert_eq!(got.counts.len(), 1);
            }
        }
    }
}

#[test]
fn errors_about_a_resource_name_it_as_the_client_does() {
    let (mut world, session) = world(1 << 20, None);
    for kind in [RESOURCES, TOOLS, PROMPTS] {
        let body = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"no x:y","data":{"uri":"x:y"}}}"#;
        let shown = if kind == RESOURCES {
            body.replace(r#""uri":"x"#, r#""uri":"a+x"#)
        } else {
            body.into()
        };
        for status in [200, 400, 422] {
            let response = Response::new(status, "application/json", body);
            let got = ask(&mut world, &session, kind, &response);
            assert_eq!((got.status, got.text()), (200, shown.clone()));
        }
    }
}

#[test]
fn an_answer_of_any_length_is_changed_whatever_may_be_held() {
    let head = r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"x:y","text":""#;
    let tail = r#""},{"text":"","uri":"x:z"}]}}"#;
    let (long, batch) = ("z".repeat(100_000), r#"[{"jsonrpc":"2.0","id":1,"result":RESULT}]"#);
    let result = format!(r#"{{"contents":[{{"uri":"x:y","text":"{long}"}}]}}"#);
    let batch = batch.replace("RESULT", &result);
    let (mut world, session) = world(1 << 20, None);
    for batch in [batch.clone(), format!("\r\n {batch}")] {
        let response = Response::new(200, "application/json", batch.clone());
        let got = ask(&mut world, &session, RESOURCES, &response);
        assert!(got.text() == batch.replace("x:", "a+x:"));
    }
    for length in [1000, 1023, 1024, 1025, 5000, 65_535, 65_536, 65_537, 300_000] {
        let text = "z".repeat(length - head.len() - tail.len());
        let body = format!("{head}{text}{tail}");
        let changed = body.replace("x:", "a+x:");
        for limit in [1024, 1 << 20] {
            let (mut world, session) = self::world(limit, None);
            for seed in 0..12 {
                world.chance = Chance::new(seed);
                let mut response = Response::new(200, "application/json", body.clone());
                response.trailers = seed % 3 == 0;
                let got = ask(&mut world, &session, RESOURCES, &response);
                assert!(got.text() == changed, "{length}: {}", &got.text()[..100]);
                assert_eq!(got.counts.len(), 1);
            }
        }
    }
}

/// Whether it answers the request shows before the result, or behind it.
#[test]
fn a_long_answer_that_is_none_is_an_error_or_breaks_off() {
    let result = format!(r#"{{"contents":[{{"uri":"x:y","text":"{}"}}]}}"#, "z".repeat(200_000));
    let (mut world, session) = world(1 << 20, None);
    let mut cut = 0;
    for (body, first) in [
        (format!(r#"{{"jsonrpc":"2.0","id":2,"result":{result}}}"#), true),
        (format!(r#"{{"id":1,"id":1,"jsonrpc":"2.0","result":{result}}}"#), true),
        (format!(r#"[{{"jsonrpc":"2.0","id":2,"result":{result}}}]"#), true),
        (format!(r#"{{"result":{result},"jsonrpc":"2.0","id":2}}"#), false),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result},"error":{{}}}}"#), false),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}]"#), false),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}"#), false),
    ] {
        for seed in 0..8 {
            world.chance = Chance::new(seed);
            let response = Response::new(200, "application/json", body.clone());
            let got = ask(&mut world, &session, RESOURCES, &response);
            let text = got.text();
            if first || text.contains("-32603") {
                assert!(got.json().is_object() && text.contains("-32603"));
            } else {
                let read = serde_json::from_str::<serde::de::IgnoredAny>(&text);
                assert!(read.is_err() && text.starts_with(&body[..30]));
                cut += 1;
            }
            let outcome = Outcome::UpstreamError;
            assert_eq!(got.counts, [Counter::Request { method: "resources_read", outcome }]);
        }
    }
    assert!(cut > 10, "{cut}");
}

#[test]
fn without_memory_an_answer_is_whole_and_there_once() {
    let (mut changed, mut unchanged) = (0, 0);
    let (mut world, session) = world(1 << 20, Some(20));
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let kind = chance.pick(&[TOOLS, PROMPTS, RESOURCES, TASKS]);
        let (before, after) = answer(&mut chance, kind);
        world.chance = Chance::new(seed);
        let mut response = Response::new(200, "application/json", before.clone());
        response.trailers = seed % 4 == 0;
        let got = ask(&mut world, &session, kind, &response);
        if got.way == Way::Replied {
            assert_eq!(got.refusal().0, 503);
            continue;
        }
        assert_eq!(got.counts.len(), 1);
        match got.text() {
            text if text == after => changed += 1,
            text if text == before => unchanged += 1,
            text => panic!("seed {seed}: {text}"),
        }
    }
    assert!(changed > 50 && unchanged > 50, "{changed}, {unchanged}");
}

/// An error of the call in place of `body`, and nothing besides.
pub(crate) fn check_error(got: &Got, body: &str) {
    assert_eq!(got.refusal(), (200, -32603, json!(1)), "{body}");
    assert_eq!(got.json()["error"]["data"]["upstream"], "a");
    let count =
        |it: &Counter| matches!(it, Counter::Request { outcome: Outcome::UpstreamError, .. });
    assert!(got.counts.len() == 1 && got.counts.iter().all(count), "{body}: {:?}", got.counts);
}

#[test]
fn an_answer_to_a_second_try_changes_likewise() {
    for seed in 0..40 {
        let mut chance = Chance::new(seed);
        let (mut world, session) = world(1 << 20, None);
        world.chance = Chance::new(seed);
        let kind = chance.pick(&[TOOLS, PROMPTS, RESOURCES, TEMPLATES, TASKS]);
        let (before, after) = answer(&mut chance, kind);
        let response = Response::new(200, "application/json", before);
        let mut asked = 0;
        world.script_method("a", kind.about, move |_| {
            asked += 1;
            if asked == 1 { Response::new(404, "", "").says() } else { response.clone().says() }
        });
        let got = world.ask_for(&session, kind, raw(kind));
        assert_eq!((got.way, got.text()), (Way::Routed, after), "seed {seed}");
        assert_eq!(world.seen_by("a", "initialize").len(), 2);
    }
}

#[test]
fn every_message_of_a_batch_changes() {
    // An upstream of 2025-03-26 may answer with several messages at once.
    let (mut world, session) = world(1 << 20, None);
    let ping = world.mark(&session, "a", "7");
    let batch = |id: &str, uri: &str| {
        format!(
            r#" [{{"jsonrpc":"2.0","id":{id},"method":"ping"}}, {{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}]"}}}} ,{{"jsonrpc":"2.0","id":1,"result":{{"contents":[{{"uri":"{uri}","x":[1e2]}}]}}}}] "#
        )
    };
    let (before, after) = (batch("7", "x:y"), batch(&ping, "a+x:y"));
    for seed in 0..30 {
        world.chance = Chance::new(seed);
        let mut response = Response::new(200, "application/json", before.clone());
        response.trailers = seed % 3 == 0;
        let got = ask(&mut world, &session, RESOURCES, &response);
        assert_eq!((got.status, got.text()), (200, after.clone()));
        let stream = Response::new(200, "text/event-stream", format!("data: {before}\n\n"));
        let got = ask(&mut world, &session, RESOURCES, &stream);
        assert_eq!(got.text(), format!("data: {after}\n\n"));
        assert_eq!(got.counts.len(), 1);
        // The second time, after its session was lost.
        let (mut calls, response) = (0, Response::new(200, "application/json", before.clone()));
        world.script_method("a", RESOURCES.about, move |_| {
            calls += 1;
            if calls == 1 { Response::new(404, "", "").says() } else { response.clone().says() }
        });
        let got = world.ask_for(&session, RESOURCES, r#""a+x:y""#);
        assert_eq!((got.way, got.status, got.text()), (Way::Routed, 200, after.clone()));
    }
}
