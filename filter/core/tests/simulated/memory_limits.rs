//! Memory that runs out, the gateway's or Envoy's: an answer that says so, and the rest served.

use serde_json::{Value, json};

use crate::world::{
    Answer, Chance, Crowd, LOSSES, Pieces, Request, Response, Restarting, Way, World, config,
    event_stream,
};

#[test]
fn a_gateway_without_memory_is_busy() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.scarcity = Some(1);
    for seed in 0..20 {
        world.chance = Chance::new(seed);
        let got = world.list(&session);
        assert_eq!(got.refusal(), (503, -32603, Value::Null));
        assert_eq!(got.header("retry-after").as_deref(), Some("1"));
    }
}

#[test]
fn scarce_memory_costs_some_answers_and_the_rest_is_served() {
    let mut world = World::of(&["a", "b", "c"]);
    let session = world.open();
    world.scarcity = Some(30);
    let (mut served, mut partial) = (0, 0);
    for seed in 0..300 {
        world.chance = Chance::new(seed);
        let got = world.list(&session);
        if got.status == 503 || got.json().get("error").is_some() {
            assert_eq!(got.refusal().1, -32603);
            continue;
        }
        let missing = got.unavailable();
        assert_eq!(got.names().len() + missing.len(), 3);
        assert!(missing.is_empty() || got.text().contains("memory"), "{}", got.text());
        served += usize::from(missing.is_empty());
        partial += usize::from(!missing.is_empty());
    }
    assert!(served > 10 && partial > 10, "{served}, {partial}");
}

#[test]
fn a_stream_passes_whole_and_from_some_event_on_untouched_without_memory_to_look_at_it() {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    for seed in 0..100 {
        let mut world = World::of(&["a"]);
        let session = world.open();
        let body = event_stream(&mut Chance::new(seed), answer);
        let response = Response::new(200, "text/event-stream", body.clone());
        world.script("a", move |_| Answer::Says(response.clone()));
        world.chance = Chance::new(seed);
        world.scarcity = Some(3);
        let got = world.call(&session, "\"a__t\"");
        let marking = world.marking(&session, "a", 't', "1");
        if got.way == Way::Routed {
            let Pieces { whole, rest } = Pieces::of(&body);
            let any = (0..=whole.len()).any(|from| {
                let (seen, unseen) = (whole[..from].to_vec(), whole[from..].concat());
                let seen = Pieces { whole: seen, rest: Vec::new() }.marked(&marking);
                got.body == [&seen[..], &unseen, &rest].concat()
            });
            assert!(any, "seed {seed}: {:?} became {:?}", body.escape_ascii(), got.text());
        }
    }
}

#[test]
fn an_error_page_that_finds_no_memory_is_an_error_all_the_same() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.script("a", |_| Response::new(500, "text/html", "<p>".repeat(100)).says());
    world.scarcity = Some(4);
    for seed in 0..100 {
        world.chance = Chance::new(seed);
        let got = world.call(&session, "\"a__t\"");
        let expected = if got.way == Way::Routed { (200, json!(1)) } else { (503, Value::Null) };
        let (status, code, id) = got.refusal();
        assert_eq!(((status, id), code), (expected, -32603));
    }
}

#[test]
fn what_envoy_may_not_hold_is_too_large() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.overflows = true;
    let text = "x".repeat(3000);
    let params = json!({"name": "a__t", "arguments": {"text": text}}).to_string();
    let mut overflown = 0;
    for seed in 0..40 {
        world.chance = Chance::new(seed);
        let got = world.send(&Request::rpc("tools/call", &params).within(&session));
        if got.way == Way::Routed {
            continue;
        }
        overflown += 1;
        assert_eq!(got.refusal(), (413, -32600, Value::Null), "{}", got.text());
    }
    assert!(overflown > 10);
}

#[test]
fn a_session_that_was_lost_is_opened_again_or_the_client_told_that_memory_is_scarce() {
    let (mut answered, mut refused) = (0, 0);
    for seed in 0..400 {
        let mut world = World::new(&config(&["a"]));
        let server = Restarting::put(&mut world, "a");
        let session = world.begin();
        server.restart(LOSSES[seed % LOSSES.len()]);
        world.chance = Chance::new(seed as u64);
        world.scarcity = Some(100);
        let got = world.call(&session, "\"a__t\"");
        if got.status == 200 && got.text().contains(r#""by":"a-2""#) {
            answered += 1;
        } else {
            assert_eq!(got.refusal().1, -32603, "{}", got.text());
            refused += 1;
        }
        assert!(server.opened() <= 2);
        world.scarcity = None;
        assert!(world.call(&session, "\"a__t\"").text().contains(r#""by":"a-"#));
    }
    assert!(answered > 50 && refused > 50, "{answered}, {refused}");
}

/// Bytes for which there is no memory may be the last ones.
#[test]
fn an_answer_that_waits_for_the_end_of_its_request_is_given_without_memory() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.scarcity = Some(4);
    let mut answered = 0;
    for seed in 0..100 {
        world.chance = Chance::new(seed);
        let got = world.send(&Request::rpc("ping", "{}").within(&session));
        assert!(got.status == 200 || got.refusal().0 == 503, "{}", got.text());
        answered += usize::from(got.status == 200);
    }
    assert!((1..100).contains(&answered), "{answered}");
}

#[test]
fn a_question_under_way_counts_as_held() {
    let mut world = World::of(&["a", "b", "c"]);
    let session = world.open();
    let text = "x".repeat(1_000_000);
    let mut crowd = Crowd::of(&mut world);
    // How often it may be sent at once.
    for (times, body) in [3, 3, 1, 3].into_iter().zip([
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"x":"{text}"}}}}"#
        ),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"x":"{text}"}}}}"#),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"x":"{text}","name":"a__t"}}}}"#
        ),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{}},"x":"{text}"}}}}"#
        ),
    ]) {
        let request = Request::post(body.as_str()).without("content-length").within(&session);
        let at = crowd.begin(&request);
        crowd.body(at, body.as_bytes(), true);
        assert_eq!(crowd.held(at) / text.len(), times, "{}", &body[..60]);
    }
}

#[test]
fn what_is_remembered_of_a_request_that_goes_by_counts_as_held() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let begin = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__t""#;
    let keys: Vec<String> = (0..4000).map(|key| format!(r#","{key}":1"#)).collect();
    let (arguments, many) = (format!(r#","x":"{}""#, "y".repeat(2 << 20)), keys.concat());
    let mut crowd = Crowd::of(&mut world);
    let at = crowd.begin(&Request::post("").without("content-length").within(&session));
    for chunk in [begin, &arguments, &many] {
        crowd.body(at, chunk.as_bytes(), false);
    }
    assert!(crowd.streams_request(at));
    // What has come last goes on with the next bytes; then there are only the keys.
    crowd.body(at, b" ", false);
    let after = crowd.held(at);
    assert!((4000 * 8..200_000).contains(&after), "{after}");
}
