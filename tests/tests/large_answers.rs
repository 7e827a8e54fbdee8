//! Large answers are changed as they go by, and nobody can tell by what arrives.

use std::fmt::Write as _;

use mcp_mux_tests::{Answer, Client, Envoy, Setup, Upstream, sse};
use serde_json::json;

const KIB: usize = 1 << 10;

/// Blocks of content of about so many bytes, each with what changes, and what only looks like that.
fn content(bytes: usize) -> String {
    let mut out = String::from("[");
    let text = "lorem \\\"ipsum\\\" \\u00e9\u{1F980}\u{e9} \\/ \\\\ ".repeat(40);
    for n in 0.. {
        if out.len() > bytes {
            break;
        }
        let _ = write!(
            out,
            r#"{{"type":"resource_link","uri":"demo:\/\/{n}","x":[1.0,-2e3,12345678901234567890123,{{}},[]]}} , {{"type":"text","text":"{text}","uri":"no:1"}},
            {{"resource":{{"mimeType":"x","uri":"demo:\/\/r{n}","text":"{text}"}},"type":"resource"}},"#
        );
    }
    out + r#"{"type":"text","text":""}]"#
}

/// A response in one of the orders that servers write.
fn response(content: &str, id_last: bool) -> String {
    let result = format!(
        r#"{{"content":{content},"structuredContent":{{"uri":"no:2"}},"_meta":{{"x":1}}}}"#
    );
    if id_last {
        format!(r#"{{"result":{result},"jsonrpc":"2.0","id":7}}"#)
    } else {
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#)
    }
}

/// One line, as an event needs it.
fn line(message: &str) -> String {
    message.replace('\n', " ")
}

async fn check(envoy: &Envoy, a: &Upstream, bytes: usize, piece: usize) {
    let client = Client::open(envoy).await;
    for id_last in [false, true] {
        let message = line(&response(&content(bytes), id_last));
        let changed = message.replace(r#""uri":"demo:"#, r#""uri":"a+demo:"#);
        for (at, answer) in Answer::forms(&message, piece).into_iter().enumerate() {
            a.answer("tools/call", move |_| answer.clone());
            let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a__t"}}"#;
            let reply = client.post(call).send().await;
            assert!(reply.complete && reply.status == 200);
            let wanted = if at < 2 { changed.clone() } else { sse::message(&changed) };
            // Not `assert_eq`, which would print all of it.
            assert!(reply.body == wanted, "form {at}: {} bytes of {bytes}", reply.body.len());
            let length = reply.header("content-length");
            assert!(length.is_none_or(|it| it == wanted.len().to_string()), "{length:?}");
        }
    }
}

#[tokio::test]
async fn answers_of_any_length_arrive_changed_and_otherwise_byte_for_byte() {
    let a = Upstream::named("a").start().await;
    for (limit, buffer) in [("16MiB", 1024 * KIB), ("100KiB", 64 * KIB)] {
        let limits = json!({ "upstream_body": limit });
        let envoy = Setup::new().upstream(&a).set("limits", limits).buffer(buffer as u64);
        let envoy = envoy.alone().start().await;
        check(&envoy, &a, 60 * KIB, 997).await;
        check(&envoy, &a, 200 * KIB, 10_000).await;
        let (before, made) = (envoy.memory(), envoy.breakdowns().await);
        check(&envoy, &a, 20 * 1024 * KIB, 100_000).await;
        let grown = envoy.memory().saturating_sub(before);
        println!("{limit}: {grown} bytes more");
        assert!(grown < 24 << 20, "{grown} bytes more");
        assert_eq!(envoy.breakdowns().await, made);
    }
}

#[tokio::test]
async fn clients_and_upstreams_of_large_answers_may_speak_http_2() {
    let a = Upstream::named("a").start().await;
    let back = Setup::new().without_filter().elsewhere(&a).start().await;
    let envoy = Setup::new().upstream_at("a", back.address, &json!({})).http2();
    let envoy = envoy.buffer(64 * KIB as u64).start().await;
    let front = Setup::new().without_filter().elsewhere_at("gateway", envoy.address).http2();
    let front = front.start().await;
    check(&front, &a, 200 * KIB, 10_000).await;
    check(&front, &a, 5 * 1024 * KIB, 50_000).await;
}
