//! What bounds merged streams: a client that is slow, events that are too long, upstreams that say anything.

use std::collections::BTreeSet;

use crate::get_streams::{get, resume};
use crate::merged_streams::{ALL, data, note, talking, told};
use crate::world::{Chance, EVERYTHING, Response, Server, World, config};

#[test]
fn nobody_is_listened_to_while_the_client_is_slow() {
    for seed in 0..30 {
        let (mut world, _, talkers, mut live) = talking(seed);
        for (at, talker) in talkers.iter().enumerate() {
            talker.say(&mut live, &mut world, &note(at));
        }
        assert_eq!(data(&live.take()).len(), 3);
        live.end(&mut world, "c");
        live.send(&mut world, "a", b"data: half of an ev");
        live.backlog(&mut world, true);
        assert_eq!((live.heard().len(), live.held()), (0, 0));
        for (at, talker) in talkers.iter().enumerate() {
            talker.say(&mut live, &mut world, &note(10 + at));
        }
        live.pass(&mut world, 100);
        assert_eq!(live.heard().len(), 0);
        live.backlog(&mut world, false);
        let got: BTreeSet<String> = data(&live.take()).into_iter().collect();
        assert_eq!(got, (10..13).map(note).collect(), "seed {seed}");
        assert_eq!(live.heard(), ALL);
        live.pass(&mut world, 15);
        assert!(live.take_all().contains("keep-alive"));
    }
}

#[test]
fn what_a_slow_client_may_have_missed_is_said() {
    let mut world = World::streaming(&config(&["a", "b"]));
    for name in ["a", "b"] {
        let able = r#"{"tools":{"listChanged":true}}"#;
        world.serve(name, Server::new(name).capabilities(able));
    }
    let session = world.begin();
    let mut live = world.listen(&get(&session));
    live.push(&mut world, "a", b"id: 1\ndata: {}\n\n");
    live.take();
    live.backlog(&mut world, true);
    live.backlog(&mut world, false);
    assert_eq!(data(&live.take()).len(), 1, "of the one without a position");
}

#[test]
fn an_event_that_is_too_long_ends_its_stream_and_is_left_out() {
    let mut plan = config(&["a", "b"]);
    plan["limits"] = serde_json::json!({"upstream_body": "4KiB"});
    let mut world = World::streaming(&plan);
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING));
    }
    let session = world.begin();
    let mut live = world.listen(&get(&session));
    let long = format!("data: {{}}\n\nid: 2\ndata: {}\n\ndata: x\n\n", "x".repeat(5000));
    live.push(&mut world, "a", long.as_bytes());
    assert_eq!(data(&live.take()), ["{}"]);
    assert_eq!((live.heard(), live.held(), live.warnings.len()), (vec!["b"], 0, 1));
    live.pass(&mut world, 1);
    assert_eq!(live.heard(), ["a", "b"]);
    assert_eq!(world.seen.last().expect("a GET").header("last-event-id").as_deref(), Some("2"));
}

#[test]
fn any_bytes_of_upstreams_become_whole_events() {
    const PHRASES: [&str; 14] = [
        "data: ",
        "id: ",
        "\n",
        "\r",
        "\n\n",
        "{}",
        "retry: 1",
        ":",
        "event: x",
        "*a:",
        "\u{feff}",
        "é",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        "\0",
    ];
    for seed in 0..300 {
        let (mut world, session, _, mut live) = talking(seed);
        let mut chance = Chance::new(seed);
        let mut last = None;
        for _ in 0..40 {
            let text: String = (0..chance.below(8)).map(|_| chance.pick(&PHRASES)).collect();
            live.send(&mut world, chance.pick(&ALL), text.as_bytes());
            if chance.one_in(3) {
                live.settle(&mut world);
            }
        }
        live.settle(&mut world);
        // It checks that they are whole.
        let text = live.take();
        for (id, _) in told(&text) {
            assert!(id.as_ref().is_none_or(|id| id.starts_with('*')), "{text}");
            last = id.or(last);
        }
        live.leave(&mut world);
        if let Some(id) = last {
            world.script("a", |_| Response::new(405, "", "").says());
            world.script("b", |_| Response::new(405, "", "").says());
            world.script("c", |_| Response::new(405, "", "").says());
            assert!(world.listen(&resume(&session, id)).head.is_some());
        }
    }
}
