//! Many calls leave Envoy's memory flat.
//!
//! Short by default; a million, or as many as `MCP_MUX_SOAK_CALLS` says, with `make soak`.

use mcp_mux_tests::connection::KeptAlive;
use mcp_mux_tests::{Client, Envoy, Setup, Upstream};

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

#[tokio::test]
async fn thousands_of_calls_leave_the_memory_flat() {
    let calls = std::env::var("MCP_MUX_SOAK_CALLS")
        .map_or(6_000, |calls| calls.parse().expect("MCP_MUX_SOAK_CALLS is a number of calls"));
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
