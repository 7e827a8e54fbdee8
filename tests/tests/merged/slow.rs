//! A client that takes what comes more slowly than that comes.

use std::time::Duration;

use mcp_mux_tests::{Client, Setup};

use super::{Speaker, is_merging, of};

/// How many messages each server has to say, of how many bytes.
const MESSAGES: usize = 2000;
const SIZE: usize = 16 * 1024;

fn long(name: &str, number: usize) -> String {
    let text = "x".repeat(SIZE);
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{name} {number}","text":"{text}"}}}}"#
    )
}

#[tokio::test]
async fn a_slow_client_takes_no_memory_and_loses_nothing() {
    if !is_merging() {
        return;
    }
    let (a, b) = (Speaker::start("a").await, Speaker::start("b").await);
    let setup = Setup::new().upstream(&a.upstream).upstream(&b.upstream).buffer(1 << 20);
    let envoy = setup.alone().start().await;
    let client = Client::open(&envoy).await;
    let mut open = client.http("GET").open().await;
    for speaker in [&a, &b] {
        speaker.upstream.wait_for("GET").await;
        // Of a stream without a position nothing comes again.
        speaker.talker.say(long(&speaker.upstream.name, 0));
    }
    let mut events = open.take_events(2).await;
    let before = envoy.memory();
    for speaker in [&a, &b] {
        (1..MESSAGES).for_each(|number| speaker.talker.say(long(&speaker.upstream.name, number)));
    }
    let mut highest = 0;
    for _ in 0..10 {
        open.read_slowly(100_000, Duration::from_secs(1)).await;
        highest = highest.max(envoy.memory());
    }
    println!("memory: {before} bytes, then {highest} at most");
    assert!(highest < before + (16 << 20), "{before} to {highest} bytes");
    events.extend(open.take_events(2 * MESSAGES - 2).await);
    for speaker in [&a, &b] {
        let name = &speaker.upstream.name;
        let got: Vec<usize> = of(&events, name)
            .iter()
            .map(|data| {
                let number =
                    data.split(&format!("\"{name} ")).nth(1).and_then(|it| it.split('"').next());
                number.and_then(|it| it.parse().ok()).expect("a number")
            })
            .collect();
        assert!(got.iter().copied().eq(0..MESSAGES), "{name}: {} messages", got.len());
        assert!(speaker.upstream.seen_of("GET").len() > 1, "{name} was never asked to wait");
    }
    let highest = envoy.memory();
    assert!(highest < before + (24 << 20), "{before} to {highest} bytes");
    assert_eq!(events.len(), 2 * MESSAGES, "nothing else was said");
}
