//! Long lists, which are made and given bit by bit: to whoever asks for one, and beside others who wait.

use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Client, Setup, Upstream};

use crate::catalog::{kept, listing};

/// How many bytes the description of each server's only tool has.
const LONG: usize = 2_000_000;

/// Servers with long lists, and what a gateway before them answers under this id.
async fn world() -> (Vec<Upstream>, Setup, impl Fn(&str) -> String) {
    let text = "All \\\"about\\\" it.\\n".repeat(LONG / 18);
    let tool = |name: &str| {
        format!(r#"{{"name":"{name}","description":"{text}","inputSchema":{{"type":"object"}}}}"#)
    };
    let (mut upstreams, mut setup) = (Vec::new(), Setup::new());
    for name in ["a", "b", "c"] {
        let upstream = Upstream::named(name).pages(&[&[&tool("t")]]).start().await;
        setup = setup.upstream(&upstream);
        upstreams.push(upstream);
    }
    let tools = ["a__t", "b__t", "c__t"].map(&tool).join(",");
    let answer =
        move |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tools}]}}}}"#);
    (upstreams, setup, answer)
}

#[tokio::test]
async fn every_byte_comes_and_the_head_says_how_many_made_anew_and_again() {
    let (upstreams, setup, expected) = world().await;
    let envoy = kept(setup, "session").start().await;
    let client = Client::open(&envoy).await;
    for id in ["1", r#""two""#, "3"] {
        let reply = listing(&client, id).send().await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
        assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
        assert!(reply.complete && reply.text() == expected(id), "{} bytes", reply.body.len());
    }
    assert!(upstreams.iter().all(|upstream| upstream.seen_of("tools/list").len() == 1));
}

#[tokio::test]
async fn clients_that_are_slow_or_leave_keep_nobody_from_an_answer() {
    let (_upstreams, setup, expected) = world().await;
    let envoy = kept(setup, "session").start().await;
    let client = Client::open(&envoy).await;
    let mut slow = listing(&client, "1").open().await;
    slow.read_slowly(200_000, Duration::from_millis(500)).await;
    drop(listing(&client, "2").open().await);
    client.request("ping", serde_json::json!({})).await.result();
    assert!(listing(&client, "3").send().await.text() == expected("3"));
    let reply = slow.rest().await;
    assert!(reply.complete && reply.text() == expected("1"), "{} bytes", reply.body.len());
}

/// In WebAssembly each answer is Envoy's as a whole, as soon as it is made.
#[tokio::test]
async fn clients_that_are_slow_share_what_they_wait_for() {
    const CLIENTS: usize = 8;
    if Host::tested() == Host::Wasm {
        return;
    }
    let (_upstreams, setup, expected) = world().await;
    let envoy = kept(setup.buffer(1 << 20), "session").alone().start().await;
    let client = Client::open(&envoy).await;
    let length = listing(&client, "1").send().await.body.len();
    let before = envoy.memory();
    let mut slow = Vec::new();
    for number in 0..CLIENTS {
        let mut open = listing(&client, &number.to_string()).open().await;
        open.read_slowly(200_000, Duration::from_millis(100)).await;
        slow.push(open);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let grown = envoy.memory().saturating_sub(before);
    println!("{grown} bytes more for {CLIENTS} times {length} bytes");
    assert!(grown < (CLIENTS * length / 2) as u64, "{grown} bytes more");
    for (number, open) in slow.into_iter().enumerate() {
        let reply = open.rest().await;
        assert!(reply.complete && reply.text() == expected(&number.to_string()), "{number}");
    }
}
