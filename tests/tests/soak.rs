//! Many calls, and many sessions, leave Envoy's memory flat.
//!
//! Short by default; a million of each, or as many as `MCP_MUX_SOAK_CALLS` and `MCP_MUX_SOAK_SESSIONS` say, with
//! `make soak`.

use mcp_mux_tests::connection::KeptAlive;
use mcp_mux_tests::mcp::initialize;
use mcp_mux_tests::{Client, Envoy, Request, Setup, Upstream};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo","arguments":{"x":1}}}"#;
const SSE_CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b__echo"}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const BAD: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nobody"}}"#;

/// Sends this many requests of all kinds in turn, a new session every hundred.
async fn work(envoy: &Envoy, upstreams: [&Upstream; 2], requests: usize) {
    let mut connection = KeptAlive::open(envoy).await;
    let mut client = Client::open(envoy).await;
    for n in 0..requests {
        if n % 100 == 99 {
            assert_eq!(client.http("DELETE").send().await.status, 204);
            client = Client::open(envoy).await;
            for upstream in upstreams {
                upstream.forget();
            }
        }
        let body = [CALL, CALL, SSE_CALL, LIST, CALL, BAD][n % 6];
        let reply = connection.send(client.post(body)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

/// How many the environment says, or else so many.
fn wanted(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable)
        .map_or(otherwise, |count| count.parse().unwrap_or_else(|_| panic!("{variable}: a number")))
}

/// Opens so many sessions, with a call in each; one in two is closed, the others are left alone.
async fn open_sessions(envoy: &Envoy, upstreams: [&Upstream; 2], sessions: usize) {
    let mut connection = KeptAlive::open(envoy).await;
    for n in 0..sessions {
        let opened = connection.send(Request::post(envoy, initialize("2025-11-25"))).await;
        let client = Client::of(envoy, &opened);
        let reply = connection.send(client.post(CALL)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        if n % 2 == 0 {
            assert_eq!(connection.send(client.http("DELETE")).await.status, 204);
        }
        if n % 50 == 0 {
            for upstream in upstreams {
                upstream.forget();
            }
        }
    }
}

#[tokio::test]
async fn thousands_of_sessions_leave_the_memory_flat() {
    let sessions = wanted("MCP_MUX_SOAK_SESSIONS", 1_500);
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").sse_answers().start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).alone().start().await;
    // What is remembered of sessions is bounded, and that bound is reached first.
    open_sessions(&envoy, [&a, &b], sessions.clamp(1_500, 30_000)).await;
    let (before, made) = (envoy.memory(), envoy.breakdowns().await);
    open_sessions(&envoy, [&a, &b], sessions).await;
    let after = envoy.memory();
    println!("{sessions} sessions: {before} to {after} bytes");
    assert!(after < before + (6 << 20), "{sessions} sessions: {before} to {after} bytes");
    assert_eq!(envoy.breakdowns().await, made);
}

#[tokio::test]
async fn thousands_of_calls_leave_the_memory_flat() {
    let calls = wanted("MCP_MUX_SOAK_CALLS", 6_000);
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").sse_answers().start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).alone().start().await;
    // Caches, pools and the machine's heap take their size first.
    work(&envoy, [&a, &b], calls / 3).await;
    let (before, made) = (envoy.memory(), envoy.breakdowns().await);
    work(&envoy, [&a, &b], calls).await;
    let after = envoy.memory();
    println!("{calls} calls: {before} to {after} bytes");
    assert!(after < before + (4 << 20), "{calls} calls: {before} to {after} bytes");
    assert_eq!(envoy.breakdowns().await, made);
}
