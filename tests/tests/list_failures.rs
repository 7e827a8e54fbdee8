//! `tools/list` while upstreams are in trouble: the rest is served, and what is missing is named.

use std::time::Duration;

use mcp_mux_tests::mcp::{names, unavailable};
use mcp_mux_tests::{Answer, Client, Request, Setup, Step, Upstream};
use serde_json::json;
use tokio::time::Instant;

/// A list of `good` beside `bad`, which must be missing from it; returns the reason.
async fn reason_beside_good(bad: &Upstream, fields: &serde_json::Value) -> String {
    let good = Upstream::named("good").start().await;
    let envoy = Setup::new().upstream_with(bad, fields).upstream(&good).start().await;
    let client = Client::open(&envoy).await;
    let result = client.list().await.result();
    assert_eq!(names(&result), ["good__echo"]);
    let mut missing = unavailable(&result);
    assert_eq!(missing.len(), 1, "{missing:?}");
    let (upstream, reason) = missing.remove(0);
    assert_eq!(upstream, "bad");
    assert_eq!(envoy.stat("wasmcustom.mcp_mux.side_calls.bad.failed").await, 1);
    let warns = |line: &str| line.contains("[warning]") && line.contains("bad");
    envoy.log_line("a warning that names it", warns).await;
    reason
}

#[tokio::test]
async fn an_upstream_that_hangs_is_missing_after_its_timeout() {
    let bad = Upstream::named("bad").on("tools/list", |_| Answer::Hang).start().await;
    let begin = Instant::now();
    let reason = reason_beside_good(&bad, &json!({"timeout": "700ms"})).await;
    assert!(begin.elapsed() >= Duration::from_millis(700), "{reason}");
    assert!(begin.elapsed() < Duration::from_secs(9), "that was the default timeout: {reason}");
}

#[tokio::test]
async fn an_upstream_that_stops_in_the_middle_is_missing_after_its_timeout() {
    let stuck = |_: &_| {
        let steps = vec![
            Step::send("event: message\ndata: {\"jsonrpc\""),
            Step::Until(mcp_mux_tests::Gate::closed()),
        ];
        Answer::sse_steps(steps)
    };
    let bad = Upstream::named("bad").on("tools/list", stuck).start().await;
    reason_beside_good(&bad, &json!({"timeout": "700ms"})).await;
}

#[tokio::test]
async fn a_status_that_is_no_success_is_the_reason() {
    for status in [401, 403, 404, 429, 500, 503] {
        let bad = Upstream::named("bad")
            .on("tools/list", move |_| Answer::whole(status, "text/html", "<h1>no</h1>"))
            .start()
            .await;
        let reason = reason_beside_good(&bad, &json!({})).await;
        assert!(reason.contains(&status.to_string()), "{reason}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_a_reason() {
    let bad = Upstream::named("bad").on("tools/list", |_| Answer::Reset).start().await;
    reason_beside_good(&bad, &json!({})).await;
    let breaking = |_: &_| {
        Answer::steps(200, "application/json", vec![Step::send("{\"jsonrpc\":"), Step::Reset])
    };
    let bad = Upstream::named("bad").on("tools/list", breaking).start().await;
    reason_beside_good(&bad, &json!({})).await;
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_a_reason() {
    let deep = format!(r#"{{"tools":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for result in ["{}", "[]", "null", "7", r#"{"tools":{}}"#, r#"{"tools":null}"#] {
        let bad = Upstream::named("bad")
            .on("tools/list", move |seen| Answer::result(seen, result))
            .start()
            .await;
        reason_beside_good(&bad, &json!({})).await;
    }
    let html = |_: &_| Answer::whole(200, "text/html", "<h1>Welcome</h1>");
    let cut = |seen: &mcp_mux_tests::Seen| {
        let id = seen.id();
        Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{{"name":"x"}},"#))
    };
    let not_utf8 = |seen: &mcp_mux_tests::Seen| {
        let mut body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":"#, seen.id()).into_bytes();
        body.extend(b"{\"tools\":[{\"name\":\"\xff\xfe\"}]}}");
        Answer::json(body)
    };
    let endless = |_: &_| Answer::sse(": only comments\n\nid: 1\ndata:\n\n");
    let bad = [
        Upstream::named("bad").on("tools/list", html).start().await,
        Upstream::named("bad").on("tools/list", cut).start().await,
        Upstream::named("bad").on("tools/list", not_utf8).start().await,
        Upstream::named("bad").on("tools/list", endless).start().await,
        Upstream::named("bad").on("tools/list", |_| Answer::accepted()).start().await,
    ];
    for bad in &bad {
        reason_beside_good(bad, &json!({})).await;
    }
    // Whatever becomes of the nesting, the machine survives it.
    let nested = Upstream::named("nested")
        .on("tools/list", move |seen| Answer::result(seen, &deep))
        .start()
        .await;
    let good = Upstream::named("good").start().await;
    let envoy = Setup::new().upstream(&nested).upstream(&good).start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.machines_made().await;
    assert_eq!(names(&client.list().await.result()), ["good__echo"]);
    assert_eq!(envoy.machines_made().await, made);
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

#[tokio::test]
async fn an_error_of_an_upstream_is_quoted() {
    let ill = |seen: &mcp_mux_tests::Seen| {
        let id = seen.id();
        let error = r#"{"code":-32000,"message":"the \"disk\" is full"}"#;
        Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
    };
    let bad = Upstream::named("bad").on("tools/list", ill).start().await;
    let reason = reason_beside_good(&bad, &json!({})).await;
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
    let port = mcp_mux_tests::process::ClosedPort::reserve();
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
    let made = envoy.machines_made().await;
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
    assert_eq!(envoy.machines_made().await, made);
}
