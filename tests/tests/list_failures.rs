//! `tools/list` while upstreams are in trouble: the rest is served, and what is missing is named.

use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::{names, unavailable};
use mcp_mux_tests::process::ClosedPort;
use mcp_mux_tests::script::response;
use mcp_mux_tests::{Answer, Client, Envoy, Gate, Request, Seen, Setup, Step, Upstream};
use serde_json::json;
use tokio::time::Instant;

/// A gateway before `bad`, whose answer to `tools/list` changes, and `good`.
struct World {
    bad: Upstream,
    _good: Upstream,
    envoy: Envoy,
}

impl World {
    async fn start() -> Self {
        let (bad, good) =
            (Upstream::named("bad").start().await, Upstream::named("good").start().await);
        let fields = json!({"timeout": "700ms"});
        let envoy = Setup::new().upstream_with(&bad, &fields).upstream(&good).start().await;
        Self { bad, _good: good, envoy }
    }

    /// Lists while `bad` answers in this way, which must cost `bad` and nothing else its place;
    /// returns the reason.
    async fn reason(&self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> String {
        self.bad.answer("tools/list", answer);
        let failures = "side_calls.bad.failed";
        let before = self.envoy.counter(failures).await;
        let result = Client::open(&self.envoy).await.list().await.result();
        assert_eq!(names(&result), ["good__echo"]);
        let mut missing = unavailable(&result);
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert_eq!(self.envoy.counter(failures).await, before + 1);
        let (upstream, reason) = missing.remove(0);
        assert_eq!(upstream, "bad");
        let warns = |line: &str| line.contains("[warning]") && line.contains("bad");
        self.envoy.log_line("a warning that names it", warns).await;
        reason
    }
}

#[tokio::test]
async fn an_upstream_that_hangs_is_missing_after_its_timeout() {
    let world = World::start().await;
    let begin = Instant::now();
    let reason = world.reason(|_| Answer::Hang).await;
    assert!(begin.elapsed() >= Duration::from_millis(700), "{reason}");
    assert!(begin.elapsed() < Duration::from_secs(9), "that was the default timeout: {reason}");
    // One that stops in the middle is no better.
    let begin = Instant::now();
    let stuck = vec![Step::send("data: {\"jsonrpc\""), Step::Until(Gate::closed())];
    world.reason(move |_| Answer::sse_steps(stuck.clone())).await;
    assert!(begin.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn a_status_that_is_no_success_is_the_reason() {
    let world = World::start().await;
    for status in [401, 403, 429, 500, 503] {
        let answer = Answer::whole(status, "text/html", "<h1>no</h1>");
        let reason = world.reason(move |_| answer.clone()).await;
        assert!(reason.contains(&status.to_string()), "{reason}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_a_reason() {
    let world = World::start().await;
    world.reason(|_| Answer::Reset).await;
    let half = vec![Step::send("{\"jsonrpc\":"), Step::Reset];
    world.reason(move |_| Answer::steps(200, "application/json", half.clone())).await;
}

#[tokio::test]
async fn a_list_that_meets_a_closing_connection_is_asked_for_once_more() {
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let first = std::sync::atomic::AtomicBool::new(true);
    world.bad.answer("tools/list", move |seen| {
        if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Answer::Reset;
        }
        Answer::result(seen, r#"{"tools":[]}"#)
    });
    let result = client.list().await.result();
    assert_eq!((names(&result), unavailable(&result)), (vec!["good__echo".to_owned()], vec![]));
    assert_eq!(world.bad.seen_of("tools/list").len(), 2);
}

#[tokio::test]
async fn a_compressed_list_is_called_that() {
    let world = World::start().await;
    let gzip = b"\x1f\x8b\x08";
    let reason = world.reason(move |_| Answer::json(gzip).header("content-encoding", "gzip")).await;
    assert!(reason.contains("encoded (gzip)"), "{reason}");
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_a_reason() {
    let world = World::start().await;
    let made = world.envoy.breakdowns().await;
    for result in ["{}", "[]", "null", "7", r#"{"tools":{}}"#, r#"{"tools":null}"#] {
        world.reason(move |seen| Answer::result(seen, result)).await;
    }
    world.reason(|_| Answer::whole(200, "text/html", "<h1>Welcome</h1>")).await;
    world.reason(|_| Answer::accepted()).await;
    world.reason(|_| Answer::sse(": only comments\n\nid: 1\ndata:\n\n")).await;
    world.reason(|seen| Answer::json(response(seen, r#"{"tools":[{"name":"x"},"#))).await;
    let not_utf8 = |seen: &Seen| {
        let text = response(seen, r#"{"tools":[{"name":"@","inputSchema":{"type":"object"}}]}"#)
            .into_bytes();
        Answer::json(text.iter().map(|&b| if b == b'@' { 0xff } else { b }).collect::<Vec<u8>>())
    };
    world.reason(not_utf8).await;
    assert_eq!(world.envoy.breakdowns().await, made);
}

#[tokio::test]
async fn deep_nesting_in_an_answer_does_no_harm() {
    let world = World::start().await;
    let made = world.envoy.breakdowns().await;
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let no_list = format!(r#"{{"tools":{open}{close}}}"#);
    world.bad.answer("tools/list", move |seen| Answer::result(seen, &no_list));
    let client = Client::open(&world.envoy).await;
    // A list of one item that is no tool: dropped, or the reason to leave the list out.
    assert_eq!(client.tool_names().await, ["good__echo"]);
    let schema = format!(
        r#"{{"tools":[{{"inputSchema":{{"type":"object","x":{open}{close}}},"name":"deep"}}]}}"#
    );
    let item =
        format!(r#"{{"inputSchema":{{"type":"object","x":{open}{close}}},"name":"bad__deep"}}"#);
    world.bad.answer("tools/list", move |seen| Answer::result(seen, &schema));
    let reply = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).send().await;
    assert!(reply.text().contains("good__echo"));
    assert!(reply.text().contains(&item) || reply.text().contains("mcp-mux/unavailable"));
    assert_eq!(world.envoy.breakdowns().await, made);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_a_reason() {
    let long = format!(r#"{{"name":"x","description":"{}"}}"#, "x".repeat(10_000));
    let bad = Upstream::named("bad").pages(&[&[&long]]).start().await;
    let good = Upstream::named("good").start().await;
    let envoy = Setup::new()
        .upstream(&bad)
        .upstream(&good)
        .set("limits", json!({"upstream_body": "8KiB"}))
        .start()
        .await;
    let result = Client::open(&envoy).await.list().await.result();
    assert_eq!(names(&result), ["good__echo"]);
    assert_eq!(unavailable(&result)[0].0, "bad");
}

/// What Envoy itself holds of the answer to a side call.
#[tokio::test]
async fn an_answer_over_envoys_own_limit_is_a_reason_and_is_not_held() {
    let long = |bytes| format!(r#"{{"name":"x","description":"{}"}}"#, "x".repeat(bytes));
    let bad = Upstream::named("bad").pages(&[&[&long(30 << 20)]]).start().await;
    let good = Upstream::named("good").start().await;
    if Host::tested() == Host::Module {
        // Envoy hands it over as it comes: `limits.upstream_body` alone is its bound.
        return;
    }
    for (limit, fits) in [(Some(1 << 20), false), (None, true)] {
        let setup = Setup::new().upstream(&bad).upstream(&good);
        let setup = setup.set("limits", json!({"upstream_body": "1GiB"}));
        let envoy = match limit {
            Some(limit) => setup.runtime("http.async_response_buffer_limit", json!(limit)),
            None => setup,
        };
        let envoy = envoy.alone().start().await;
        let client = Client::open(&envoy).await;
        let before = envoy.memory();
        let result = client.list().await.result();
        let grown = (envoy.memory().saturating_sub(before)) >> 20;
        assert_eq!(names(&result).len(), if fits { 2 } else { 1 });
        assert_eq!(unavailable(&result).len(), usize::from(!fits));
        assert!(fits || grown < 16, "{grown} MiB");
    }
    // Without that setting it is 32 MiB.
    let bad = Upstream::named("bad").pages(&[&[&long(34 << 20)]]).start().await;
    let envoy = Setup::new().upstream(&bad).upstream(&good);
    let envoy = envoy.set("limits", json!({"upstream_body": "1GiB"})).start().await;
    let result = Client::open(&envoy).await.list().await.result();
    assert_eq!(names(&result), ["good__echo"]);
    assert_eq!(unavailable(&result)[0].0, "bad");
}

#[tokio::test]
async fn an_error_of_an_upstream_is_quoted() {
    let world = World::start().await;
    let ill = |seen: &Seen| {
        let id = seen.id();
        let error = r#"{"code":-32000,"message":"the \"disk\" is full"}"#;
        Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
    };
    let reason = world.reason(ill).await;
    assert!(reason.contains("the \"disk\" is full"), "{reason}");
}

#[tokio::test]
async fn when_all_fail_the_error_names_each_and_the_session_stays() {
    let ill = |_: &_| Answer::whole(500, "text/plain", "no");
    let lost = |_: &_| Answer::whole(404, "text/plain", "no session");
    let a = Upstream::named("a").on("tools/list", ill).start().await;
    let b = Upstream::named("b").on("tools/list", lost).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let error = client.list().await.error(200, -32603);
    let upstreams = error["data"]["upstreams"].as_array().expect("upstreams");
    assert_eq!((&upstreams[0]["upstream"], &upstreams[1]["upstream"]), (&json!("a"), &json!("b")));
    assert!(upstreams[0]["reason"].as_str().is_some_and(|reason| reason.contains("500")));
    assert!(error["message"].as_str().is_some_and(|text| text.contains('a') && text.contains('b')));
    assert_eq!(client.call_text("a__echo").await, "a:echo");
}

#[tokio::test]
async fn a_port_without_a_server_and_a_cluster_without_a_definition_hold_nobody_up() {
    let good = Upstream::named("good").start().await;
    let port = ClosedPort::reserve();
    let envoy = Setup::new()
        .upstream_at("closed", port.address, &json!({}))
        .entry("missing", &json!({"cluster": "no_such_cluster"}))
        .upstream(&good)
        .start()
        .await;
    let begin = Instant::now();
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.initialized);
    let upstreams: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(upstreams, ["closed", "missing"]);
    let result = client.list().await.result();
    assert_eq!(names(&result), ["good__echo"]);
    assert_eq!(unavailable(&result).len(), 2, "{result}");
    for gone in ["closed", "missing"] {
        let error = client.call(&format!("{gone}__echo")).await.error(200, -32603);
        assert_eq!(error["data"]["upstream"], gone, "{error}");
    }
    assert!(begin.elapsed() < Duration::from_secs(8), "it waited for a timeout");
}

#[tokio::test]
async fn a_client_that_leaves_during_a_fan_out_leaves_nothing_behind() {
    let bad = Upstream::named("bad").on("tools/list", |_| Answer::Hang).start().await;
    let good = Upstream::named("good").start().await;
    let fields = json!({"timeout": "20s"});
    let envoy = Setup::new().upstream_with(&bad, &fields).upstream(&good).start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.breakdowns().await;
    for _ in 0..5 {
        bad.forget();
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        tokio::select! {
            reply = client.post(list).send() => panic!("that came early: {reply:?}"),
            () = bad.wait_for("tools/list") => {}
        }
    }
    let ping = Request::post(&envoy, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    ping.header("mcp-session-id", &client.session).send().await.result();
    assert_eq!(client.call_text("good__echo").await, "good:echo");
    assert_eq!(envoy.breakdowns().await, made);
}
