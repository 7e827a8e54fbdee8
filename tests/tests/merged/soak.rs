//! What a merged stream costs: time for each event, memory while nothing happens.
//!
//! Few by default; as many streams as `MCP_MUX_SOAK_STREAMS` says with `make soak`.

use std::time::Duration;

use tokio::time::Instant;

use mcp_mux_tests::{Client, Envoy, Open, Request, Setup};
use serde_json::json;

use super::{Speaker, World, is_merging, note};

/// The median time from when a speaker speaks to when it is heard.
async fn median(speaker: &Speaker, open: &mut Open) -> Duration {
    let mut times = Vec::new();
    for _ in 0..300 {
        let number = speaker.talker.count();
        let began = Instant::now();
        speaker.note();
        let heard = open.take_events(1).await.remove(0);
        times.push(began.elapsed());
        assert_eq!(heard.data, note(&speaker.upstream.name, number));
    }
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn an_event_comes_at_once() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let mut open = world.listen(&client, None).await;
    let [a, ..] = &world.speakers;
    let merged = median(a, &mut open).await;
    drop(open);
    world.streams(0).await;
    let direct =
        Request::at(a.upstream.address, "GET", "/mcp").header("accept", "text/event-stream");
    let direct = median(a, &mut direct.open().await).await;
    println!("an event: {direct:?} from its server, {merged:?} through the merged stream");
    assert!(merged < direct + Duration::from_millis(50), "{direct:?}, {merged:?}");
}

/// How many streams are opened.
fn wanted() -> u64 {
    std::env::var("MCP_MUX_SOAK_STREAMS")
        .map_or(300, |streams| streams.parse().expect("MCP_MUX_SOAK_STREAMS is a number"))
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_takes_little_memory() {
    if !is_merging() {
        return;
    }
    let (a, b) = (Speaker::start("a").await, Speaker::start("b").await);
    let setup = Setup::new().upstream(&a.upstream).upstream(&b.upstream).crowded().alone();
    let envoy = setup.start().await;
    // Envoy's own part is most of it: 50 KB for a connection of a client with one to a server.
    let each = measure(&envoy, &envoy, [&a, &b]).await;
    assert!(each < 128 * 1024, "{each} bytes for each stream");
    assert_eq!(envoy.breakdowns().await, 0);
}

/// The same over HTTP/2 on both sides, as behind another proxy and before others: a stream has no connection of its own.
#[tokio::test]
async fn over_http2_it_takes_less() {
    if !is_merging() {
        return;
    }
    let (a, b) = (Speaker::start("a").await, Speaker::start("b").await);
    let plain = |name: &'static str, address| {
        Setup::new().without_filter().elsewhere_at(name, address).crowded().alone()
    };
    let (before_a, before_b) = tokio::join!(
        plain("a", a.upstream.address).start(),
        plain("b", b.upstream.address).start()
    );
    let setup = Setup::new().upstream_at("a", before_a.address, &json!({}));
    let setup = setup.upstream_at("b", before_b.address, &json!({})).http2().crowded().alone();
    let envoy = setup.start().await;
    let front = plain("gateway", envoy.address).http2().start().await;
    let each = measure(&envoy, &front, [&a, &b]).await;
    let of_clients = envoy.stat("http.main.downstream_cx_http2_active").await;
    let of_servers = envoy.stat("cluster.a.upstream_cx_http2_total").await;
    assert!(of_clients > 0 && of_servers > 0, "{of_clients}, {of_servers}");
    assert!(each < 64 * 1024, "{each} bytes for each stream");
    assert_eq!(envoy.breakdowns().await, 0);
}

/// What a stream of two servers takes of the memory of an Envoy, in bytes, where clients come by way of `door`.
async fn measure(envoy: &Envoy, door: &Envoy, speakers: [&Speaker; 2]) -> u64 {
    let streams = wanted();
    let client = Client::open(door).await;
    let mut open = Vec::new();
    let mut before = 0;
    for number in 0..streams + 50 {
        if number == 50 {
            // What is made once has been made.
            before = envoy.memory();
        }
        let stream = client.http("GET").open().await;
        assert_eq!(stream.status, 200);
        open.push(stream);
    }
    for name in ["a", "b"] {
        envoy.gauge_falls_to(&format!("cluster.{name}.upstream_rq_active"), streams + 50).await;
    }
    let each = envoy.memory().saturating_sub(before) / streams;
    println!("{streams} streams: {each} bytes each");
    let [a, _] = speakers;
    a.note();
    for stream in &mut open {
        assert_eq!(stream.take_events(1).await[0].data, note("a", 0));
    }
    drop(open);
    for name in ["a", "b"] {
        envoy.gauge_falls_to(&format!("cluster.{name}.upstream_rq_active"), 0).await;
    }
    each
}
