//! Limits of Envoy's own on how long a request takes: what is under way then ends, for the client, for
//! the gateway and for the upstreams.

use mcp_mux_tests::mcp::initialize;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Envoy, Gate, Request, Setup, Step, Upstream, script};
use serde_json::{Value, json};

const LIMIT: &str = "2s";

/// Limits of two kinds: on a request as a whole, and on how long nothing moves.
fn limits() -> [(&'static str, Value); 2] {
    [
        ("common_http_protocol_options", json!({"max_stream_duration": LIMIT})),
        ("stream_idle_timeout", json!(LIMIT)),
    ]
}

/// What would lead to the next step if anybody still waited for it.
const RESULT: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"b","version":"1"},"tools":[{"name":"of_b","inputSchema":{"type":"object"}}]}"#;

/// Answers this method when the gate opens, which is too late.
fn late(b: &Upstream, method: &str) -> Gate {
    let gate = Gate::closed();
    let until = gate.clone();
    b.answer(method, move |seen| {
        let steps = vec![Step::Until(until.clone()), Step::send(script::response(seen, RESULT))];
        Answer::steps(200, "application/json", steps)
    });
    gate
}

/// A gateway with `a`, and with `b`, which was down when the session began and is slow to come.
struct World {
    _a: Upstream,
    b: Upstream,
    envoy: Envoy,
}

impl World {
    async fn start((field, limit): (&str, Value), naming: &str) -> Self {
        let a = Upstream::named("a").with(can(json!({"tools": {}, "logging": {}}))).start().await;
        let b = Upstream::named("b").with(can(json!({"tools": {}, "logging": {}}))).start().await;
        let setup = Setup::new().upstream(&a).upstream(&b).set("listen", json!("b"));
        let setup = setup.set("naming", json!({"prefix": naming})).manager(field, limit);
        let envoy = setup.start().await;
        Self { _a: a, b, envoy }
    }

    async fn session_without_b(&self) -> Client<'_> {
        self.b.answer("initialize", |_| Answer::whole(503, "text/plain", "later"));
        Client::open(&self.envoy).await
    }

    /// A request that takes too long ends with Envoy's own answer; what its upstream answers after all is
    /// of no consequence.
    async fn ends(&self, what: &str, request: Request, gate: Gate, never: &str) {
        let made = self.envoy.breakdowns().await;
        let reply = request.send().await;
        assert_eq!(reply.status, 504, "{what}: {reply:?}");
        self.b.forget();
        gate.open();
        self.envoy.gauge_falls_to("cluster.b.upstream_rq_active", 0).await;
        self.envoy.gauge_falls_to("http.main.downstream_rq_active", 0).await;
        assert!(self.b.seen_of(never).is_empty(), "{what}: {:?}", self.b.seen());
        assert_eq!(self.envoy.breakdowns().await, made, "{what}: a machine was lost");
    }
}

fn rpc(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

#[tokio::test]
async fn a_request_that_waits_for_a_late_upstream_ends_in_time() {
    for limit in limits() {
        let world = World::start(limit, "always").await;
        let client = world.session_without_b().await;
        for (method, params) in
            [("tools/call", json!({"name": "b__echo"})), ("tools/list", json!({}))]
        {
            let gate = late(&world.b, "initialize");
            let request = client.post(rpc(method, &params));
            world.ends(method, request, gate, method).await;
        }
        let gate = late(&world.b, "initialize");
        world.ends("GET", client.http("GET"), gate, "GET").await;
        let gate = late(&world.b, "initialize");
        let hello = Request::post(&world.envoy, initialize("2025-11-25"));
        world.ends("initialize", hello, gate, "notifications/initialized").await;
        assert_eq!(client.call_text("a__echo").await, "a:echo");
    }
}

#[tokio::test]
async fn a_request_that_waits_for_a_slow_upstream_ends_in_time() {
    for limit in limits() {
        let world = World::start(limit, "never").await;
        let client = Client::open(&world.envoy).await;
        // Whose the name is has to be asked first.
        let gate = late(&world.b, "tools/list");
        let call = client.post(rpc("tools/call", &json!({"name": "of_b"})));
        world.ends("the owner", call, gate, "tools/call").await;
        let gate = late(&world.b, "notifications/cancelled");
        let body = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
        world.ends("a notification", client.post(body), gate, "POST").await;
        let gate = late(&world.b, "logging/setLevel");
        let level = client.post(rpc("logging/setLevel", &json!({"level": "info"})));
        world.ends("the log level", level, gate, "POST").await;
        let gate = late(&world.b, "DELETE");
        world.ends("the end", client.http("DELETE"), gate, "DELETE").await;
        client.list().await.gone();
    }
}

#[tokio::test]
async fn a_request_that_found_its_session_lost_ends_in_time() {
    for limit in limits() {
        let world = World::start(limit, "always").await;
        let client = Client::open(&world.envoy).await;
        world.b.restart(Answer::whole(404, "text/plain", "gone"));
        world.b.answer("GET", |_| Answer::whole(404, "text/plain", "gone"));
        let gate = late(&world.b, "initialize");
        let call = client.post(rpc("tools/call", &json!({"name": "b__echo"})));
        world.ends("tools/call", call, gate, "tools/call").await;
        let gate = late(&world.b, "initialize");
        world.ends("GET", client.http("GET"), gate, "GET").await;
        assert_eq!(client.call_text("a__echo").await, "a:echo");
    }
}
