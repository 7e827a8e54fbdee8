//! Large calls stream through: Envoy never holds more of them than its buffers.

use std::fmt::Write as _;

use mcp_mux_tests::{Answer, Client, Envoy, Peer, Setup, Upstream, Wire};
use serde_json::json;

const MIB: usize = 1 << 20;

/// A call with arguments of about so many bytes, whose id comes where real clients put it: behind them.
fn call(name: &str, bytes: usize) -> String {
    let arguments = arguments(bytes);
    format!(
        r#"{{"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}},"jsonrpc":"2.0","id":7}}"#
    )
}

/// Texts, numbers and nested things, some of which look like what the gateway looks for.
fn arguments(bytes: usize) -> String {
    let mut out = String::from(r#"{"name":"a__echo","items":["#);
    let long = "lorem ipsum \\\"dolor\\\" ".repeat(50);
    for n in 0.. {
        if out.len() + 1200 > bytes {
            break;
        }
        let _ = write!(out, r#"{{"id":{n},"params":{{"name":"{long}"}},"x":[1.0,-2e3,[{{}}]]}},"#);
    }
    let rest = bytes.saturating_sub(out.len() + 4);
    let _ = write!(out, r#""{}"]}}"#, "y".repeat(rest));
    out
}

/// A gateway that takes 64 MiB, with this buffer, before `a`.
fn setup(a: &Upstream, buffer: usize) -> Setup {
    let limits = json!({"request_body": "64MiB"});
    Setup::new().upstream(a).keys(b"A").set("limits", limits).buffer(buffer as u64)
}

/// Sends a call and checks what arrives.
async fn check(envoy: &Envoy, a: &Upstream, bytes: usize, chunked: bool) {
    let client = Client::open(envoy).await;
    a.forget();
    let sent = call("a__echo", bytes);
    let mut request = client.post(sent.clone());
    if chunked {
        request = request.chunked(50_000);
    }
    let reply = request.send().await;
    assert_eq!(reply.result()["content"][0]["text"], "a:echo");
    assert_eq!(reply.message()["id"], 7);
    let seen = a.only("tools/call");
    let wanted = sent.replacen("a__echo", "echo", 1);
    assert!(seen.body == wanted, "{} bytes became {}", wanted.len(), seen.body.len());
    let length = (!chunked).then(|| wanted.len().to_string());
    assert_eq!(seen.header("content-length"), length.as_deref());
    a.forget();
}

#[tokio::test]
async fn fifty_megabytes_pass_through_small_buffers_and_leave_the_memory_flat() {
    let a = Upstream::named("a").start().await;
    for buffer in [MIB, 64 * 1024] {
        let envoy = setup(&a, buffer).alone().start().await;
        check(&envoy, &a, 5 * MIB, false).await;
        check(&envoy, &a, 5 * MIB, true).await;
        let (before, made) = (envoy.memory(), envoy.breakdowns().await);
        check(&envoy, &a, 50 * MIB, false).await;
        check(&envoy, &a, 50 * MIB, true).await;
        let grown = envoy.memory().saturating_sub(before);
        println!("a buffer of {buffer}: {grown} bytes more");
        assert!(grown < 10 << 20, "a buffer of {buffer}: {grown} bytes more");
        assert_eq!(envoy.breakdowns().await, made);
    }
}

#[tokio::test]
async fn a_slow_upstream_slows_the_client_down_and_nothing_piles_up() {
    let a = Upstream::named("a").start().await;
    let session = Client::open(&setup(&a, MIB).start().await).await.session;
    let wire = Wire::start().await;
    let limits = json!({"request_body": "64MiB"});
    let envoy = Setup::new().upstream_at("a", wire.address, &json!({})).keys(b"A");
    let envoy = envoy.set("limits", limits).buffer(MIB as u64).alone().start().await;
    let body = call("a__echo", 50 * MIB);
    let head = head(&session, &format!("content-length: {}\r\n", body.len()));
    let mut client = Peer::connect(envoy.address).await;
    let before = envoy.memory();
    let sending = tokio::spawn(async move {
        assert!(client.send(head).await && client.send(body).await);
        client
    });
    let mut upstream = wire.accept().await;
    upstream.until("tools/call").await;
    // The upstream reads no more: in the end Envoy does not, either.
    let paused = "http.main.downstream_flow_control_paused_reading_total";
    mcp_mux_tests::within("Envoy to stop reading", async {
        while envoy.stat(paused).await == 0 {}
    })
    .await;
    let grown = envoy.memory().saturating_sub(before);
    assert!(grown < 20 << 20 && !sending.is_finished(), "{grown} bytes more");
    upstream.until(r#""jsonrpc":"2.0","id":7}"#).await;
    let mut client = sending.await.expect("sent");
    let answer = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
    let length = answer.len();
    let head = format!("content-type: application/json\r\ncontent-length: {length}\r\n");
    upstream.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n{answer}")).await;
    client.until(answer).await;
}

/// The head of a POST in a session, with these lines more.
pub(crate) fn head(session: &str, lines: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-session-id: {session}\r\n{lines}\r\n"
    )
}

#[tokio::test]
async fn a_name_behind_its_arguments_is_waited_for_and_needs_envoys_buffer_only_at_the_end() {
    let a = Upstream::named("a").start().await;
    let body = |bytes, rest: &str| {
        let arguments = arguments(bytes);
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"arguments":{arguments},"name":"a__echo"{rest}}}}}"#
        )
    };
    let envoy = setup(&a, 4 * MIB).start().await;
    let client = Client::open(&envoy).await;
    let rest = format!(r#","x":"{}""#, "z".repeat(100_000));
    let sent = body(3 * MIB, &rest);
    for chunked in [false, true] {
        a.forget();
        let request = client.post(sent.clone());
        let request = if chunked { request.chunked(50_000) } else { request };
        assert_eq!(request.send().await.result()["content"][0]["text"], "a:echo");
        let wanted = sent.replace(r#""name":"a__echo","x""#, r#""name":"echo","x""#);
        assert!(a.only("tools/call").body == wanted);
    }
    a.forget();
    client.post(body(3 * MIB, "")).send().await.result();
    a.forget();
    client.post(body(5 * MIB, "")).send().await.error(413, -32600);
    assert!(a.seen().is_empty());
}

#[tokio::test]
async fn clients_and_upstreams_may_speak_http_2() {
    let a = Upstream::named("a").start().await;
    // Plain Envoys turn HTTP/1.1 into HTTP/2 and back.
    let back = Setup::new().without_filter().elsewhere(&a).start().await;
    let limits = json!({"request_body": "64MiB"});
    let envoy = Setup::new().upstream_at("a", back.address, &json!({})).http2();
    let envoy = envoy.keys(b"A").set("limits", limits).buffer(64 * 1024).start().await;
    let front = Setup::new().without_filter().elsewhere_at("gateway", envoy.address).http2();
    let front = front.start().await;
    for chunked in [false, true] {
        check(&front, &a, 20 * MIB, chunked).await;
        check(&envoy, &a, 20 * MIB, chunked).await;
        check(&front, &a, 70_000, chunked).await;
    }
    let http2 = |name: &'static str| async { envoy.stat(name).await };
    assert!(http2("http.main.downstream_cx_http2_total").await > 0);
    assert!(http2("cluster.a.upstream_cx_http2_total").await > 0);
}

#[tokio::test]
async fn a_task_named_behind_the_arguments_loses_its_mark_and_the_length_stays() {
    let tasks = json!({"tools": {}, "tasks": {"requests": {"tools": {"call": {}}}}});
    let a = Upstream::named("a").with(mcp_mux_tests::server::can(tasks)).start().await;
    let envoy = setup(&a, MIB).start().await;
    let client = Client::open(&envoy).await;
    let arguments = arguments(2 * MIB);
    let call = |name: &str, task: &str| {
        format!(
            r#"{{"method":"tools/call","params":{{"name":"{name}","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":{task}}},"progressToken":1}}}},"jsonrpc":"2.0","id":7}}"#
        )
    };
    let sent = call("a__echo", r#""a:t\u00311""#);
    for (chunked, task) in [(false, r#""t11"       "#), (true, r#""t11""#)] {
        a.forget();
        let request = client.post(sent.clone());
        let request = if chunked { request.chunked(9_999) } else { request };
        request.send().await.result();
        let seen = a.only("tools/call");
        let wanted = call("echo", task);
        assert!(seen.body == wanted, "{:?}", &seen.text()[wanted.len() - 200..]);
        let length = (!chunked).then(|| wanted.len().to_string());
        assert_eq!(seen.header("content-length"), length.as_deref());
    }
}

#[tokio::test]
async fn a_lost_session_is_opened_again_and_what_is_too_large_is_to_be_sent_once_more() {
    let a = Upstream::named("a").start().await;
    let envoy = setup(&a, MIB).start().await;
    let client = Client::open(&envoy).await;
    a.restart(Answer::whole(404, "text/plain", "Session not found"));
    a.forget();
    // Small enough to be kept.
    let sent = call("a__echo", 900_000);
    assert_eq!(client.post(sent.clone()).send().await.result()["content"][0]["text"], "a:echo");
    let calls = a.seen_of("tools/call");
    assert!(calls.len() == 2 && calls.iter().all(|call| call.body == calls[0].body));
    for _ in 0..2 {
        a.restart(Answer::whole(404, "text/plain", "Session not found"));
        a.forget();
        let sent = call("a__echo", 2 * MIB);
        let reply = client.post(sent.clone()).send().await;
        let error = reply.error(200, -32603);
        assert_eq!(reply.message()["id"], 7);
        assert!(error["message"].as_str().is_some_and(|it| it.contains("once more")), "{error}");
        assert_eq!((a.seen_of("tools/call").len(), a.seen_of("initialize").len()), (1, 1));
        assert_eq!(client.post(sent).send().await.result()["content"][0]["text"], "a:echo");
        assert_eq!(a.seen_of("initialize").len(), 1);
    }
}

#[tokio::test]
async fn what_comes_in_a_burst_fits_through_a_small_buffer() {
    let a = Upstream::named("a").start().await;
    let envoy = setup(&a, 64 * 1024).start().await;
    let session = Client::open(&envoy).await.session;
    let sent = call("a__echo", 300_000);
    let mut client = Peer::connect(envoy.address).await;
    for first in [0, 1000, 20_000, 31_000, 32_768, 33_000, 64_000] {
        for chunked in [false, true] {
            a.forget();
            client.read.clear();
            let (begin, rest) = sent.split_at(first);
            let (lines, parts) = if chunked {
                let chunk = |text: &str| match text {
                    "" => String::new(),
                    text => format!("{:x}\r\n{text}\r\n", text.len()),
                };
                (
                    "transfer-encoding: chunked\r\n".to_owned(),
                    [chunk(begin), chunk(rest) + "0\r\n\r\n"],
                )
            } else {
                let length = format!("content-length: {}\r\n", sent.len());
                (length, [begin.to_owned(), rest.to_owned()])
            };
            client.send(head(&session, &lines) + &parts[0]).await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            client.send(&parts[1]).await;
            // On the same connection: it stays.
            client.until(r#""a:echo","type":"text"}]}}"#).await;
            assert!(a.only("tools/call").body == sent.replacen("a__echo", "echo", 1), "{first}");
        }
    }
}
