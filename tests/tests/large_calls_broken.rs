//! Large calls that go wrong after they have gone on: the upstream never gets a whole request.

use std::fmt::Write as _;

use mcp_mux_tests::{Client, Envoy, Peer, Setup, Upstream, Wire};
use serde_json::{Value, json};

use crate::large_calls::head;

/// A gateway whose upstream is a bare connection, and a session at it.
struct World {
    wire: Wire,
    envoy: Envoy,
    session: String,
}

impl World {
    async fn start() -> Self {
        let a = Upstream::named("a").start().await;
        let healthy = Setup::new().upstream(&a).keys(b"A").start().await;
        let session = Client::open(&healthy).await.session;
        let wire = Wire::start().await;
        let envoy = Setup::new().upstream_at("a", wire.address, &json!({})).keys(b"A");
        let envoy = envoy.set("limits", json!({"request_body": "4MiB"}));
        // Without this, Envoy drops them.
        let envoy = envoy.manager("http_protocol_options", json!({"enable_trailers": true}));
        let envoy = envoy.start().await;
        Self { wire, envoy, session }
    }

    /// Sends this much of a request in chunks, and then what it ends with. Both sides, once the begin of
    /// it is at the upstream.
    async fn begin(&self, begin: &str) -> (Peer, Peer) {
        let mut client = Peer::connect(self.envoy.address).await;
        let head = head(&self.session, "transfer-encoding: chunked\r\n");
        assert!(client.send(head).await && client.send(chunks(begin)).await);
        let mut upstream = self.wire.accept().await;
        upstream.until("tools/call").await;
        (client, upstream)
    }
}

/// Bytes as chunks of a body.
fn chunks(text: &str) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(30_000) {
        let text = std::str::from_utf8(chunk).expect("ASCII");
        let _ = write!(out, "{:x}\r\n{text}\r\n", text.len());
    }
    out
}

const LAST: &str = "0\r\n\r\n";

/// The begin of a call with large arguments that are not at their end; the id comes later.
fn begin() -> String {
    let text = "x".repeat(200_000);
    format!(r#"{{"method":"tools/call","params":{{"name":"a__echo","arguments":{{"text":"{text}"#)
}

/// The body of an answer that was read whole.
fn body(client: &Peer) -> Value {
    let text = client.text();
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("JSON: {text}"))
}

#[tokio::test]
async fn what_a_request_says_twice_or_wrong_never_reaches_its_upstream_as_a_whole() {
    let world = World::start().await;
    for (end, code, id) in [
        (r#""},"name":"a__other"},"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (r#""},"n\u0061me":"a__other"},"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (r#""},"NAME":"a__other"},"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (r#""},"arguments":{}},"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (r#""}},"id":7,"jsonrpc":"2.0","params":{}}"#, -32600, json!(7)),
        (r#""}},"id":7,"jsonrpc":"2.0","Method":"x"}"#, -32600, json!(7)),
        (r#""}},"id":7,"jsonrpc":"2.0","result":{}}"#, -32600, json!(7)),
        (r#""}},"id":7,"jsonrpc":"1.0"}"#, -32600, json!(7)),
        (r#""}},"id":7}"#, -32600, json!(7)),
        (r#""}},"jsonrpc":"2.0","id":1.5}"#, -32600, json!(null)),
        (r#""}},"jsonrpc":"2.0","id":7} x"#, -32700, json!(7)),
        (r#""}},"jsonrpc":"2.0","id":7}{}"#, -32700, json!(7)),
        (r#""}],"jsonrpc":"2.0","id":7}"#, -32700, json!(null)),
        (r#""}},"id":7,"jsonrpc":"2.0""#, -32700, json!(7)),
    ] {
        let (mut client, mut upstream) = world.begin(&begin()).await;
        let _ = client.send(chunks(end) + LAST).await;
        upstream.end().await;
        assert!(!upstream.text().contains(LAST), "a whole request: {end}");
        client.end().await;
        assert!(client.text().starts_with("HTTP/1.1 400 "), "{end}: {}", client.text());
        let answer = body(&client);
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{end}");
    }
}

/// Nobody waits for an answer to a call without an id: it is accepted and dropped, as a short one is.
#[tokio::test]
async fn a_call_without_an_id_never_reaches_its_upstream_as_a_whole() {
    let world = World::start().await;
    let (mut client, mut upstream) = world.begin(&begin()).await;
    let _ = client.send(chunks(r#""}},"jsonrpc":"2.0"}"#) + LAST).await;
    upstream.end().await;
    assert!(!upstream.text().contains(LAST), "a whole request");
    client.end().await;
    assert!(client.text().starts_with("HTTP/1.1 202 "), "{}", client.text());
}

/// With an announced length it is the last byte that makes a request whole, before Envoy tells its end.
#[tokio::test]
async fn the_same_goes_for_one_whose_length_is_announced() {
    let world = World::start().await;
    for (end, code) in [
        (r#""}},"id":7,"jsonrpc":"2.0""#, -32700),
        (r#""}},"id":7,"jsonrpc":"1.0"}"#, -32600),
        (r#""},"x":{/*"*/},"name":"a__other","y":{/*"*/}},"jsonrpc":"2.0","id":7}"#, -32700),
    ] {
        for pause in [false, true] {
            let mut client = Peer::connect(world.envoy.address).await;
            let sent = begin() + end;
            let lines = format!("content-length: {}\r\n", sent.len());
            // What is wrong is in `last`: it might be refused before the upstream has got anything.
            let (first, last) = sent.split_at(if pause { begin().len() } else { 100_000 });
            assert!(client.send(head(&world.session, &lines) + first).await);
            let mut upstream = world.wire.accept().await;
            upstream.until("tools/call").await;
            if pause {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            let _ = client.send(last).await;
            upstream.end().await;
            let (head, body) = upstream.text().split_once("\r\n\r\n").map(own).expect("a head");
            let length = format!("content-length: {}", sent.len() - "a__".len());
            assert!(head.lines().any(|line| line == length), "{head}");
            assert!(body.len() < sent.len() - "a__".len(), "a whole request: {end}");
            client.end().await;
            assert!(client.text().starts_with("HTTP/1.1 400 "), "{end}: {}", client.text());
            assert_eq!(self::body(&client)["error"]["code"], code, "{end}");
        }
    }
}

fn own((head, body): (&str, &str)) -> (String, String) {
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_request_over_the_limit_is_cut_where_it_gets_there() {
    let world = World::start().await;
    let (mut client, mut upstream) = world.begin(&begin()).await;
    let reading = tokio::spawn(async move {
        upstream.end().await;
        upstream
    });
    for _ in 0..50 {
        if !client.send(chunks(&"y".repeat(100_000))).await {
            break;
        }
    }
    client.end().await;
    let upstream = reading.await.expect("read");
    assert!(!upstream.text().contains(LAST) && upstream.read.len() < 4_400_000);
    assert!(client.text().starts_with("HTTP/1.1 413 "), "{}", client.text());
    assert_eq!(body(&client)["error"]["code"], -32600);
}

#[tokio::test]
async fn trailers_are_refused_behind_a_large_request_too() {
    let world = World::start().await;
    let (mut client, mut upstream) = world.begin(&begin()).await;
    let end = chunks(r#""}},"jsonrpc":"2.0","id":7}"#);
    client.send(format!("{end}0\r\nx-trailer: 1\r\n\r\n")).await;
    upstream.end().await;
    assert!(!upstream.text().contains("0\r\n\r\n"), "a whole request");
    client.end().await;
    assert!(client.text().starts_with("HTTP/1.1 400 "), "{}", client.text());
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_away() {
    let world = World::start().await;
    let (client, mut upstream) = world.begin(&begin()).await;
    drop(client);
    upstream.end().await;
    assert!(!upstream.text().contains(LAST), "a whole request");
    world.envoy.gauge_falls_to("http.main.downstream_rq_active", 0).await;
    let (mut client, mut upstream) = world.begin(&begin()).await;
    client.send(chunks(r#""}},"jsonrpc":"2.0","id":7}"#) + LAST).await;
    upstream.until(LAST).await;
}

#[tokio::test]
async fn an_upstream_may_answer_before_the_request_is_there() {
    let world = World::start().await;
    let early = begin().replacen('{', r#"{"jsonrpc":"2.0","id":7,"#, 1);
    let answer = r#"{"jsonrpc":"2.0","id":7,"result":{"early":true}}"#;
    let length = answer.len();
    for kind in ["application/json", "text/event-stream"] {
        let (mut client, mut upstream) = world.begin(&early).await;
        let text = match kind {
            "application/json" => format!("content-length: {length}\r\n\r\n{answer}"),
            _ => format!(
                "transfer-encoding: chunked\r\n\r\n{}",
                chunks(&format!("data: {answer}\n\n"))
            ),
        };
        upstream.send(format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{text}")).await;
        client.until(answer).await;
        assert!(client.text().starts_with("HTTP/1.1 200 "), "{}", client.text());
    }
}

#[tokio::test]
async fn an_answer_that_has_begun_is_cut_with_its_request() {
    let world = World::start().await;
    let early = begin().replacen('{', r#"{"jsonrpc":"2.0","id":7,"#, 1);
    let (mut client, mut upstream) = world.begin(&early).await;
    let event = chunks("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n");
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
    upstream.send(format!("{head}\r\n{event}")).await;
    client.until("notifications/x").await;
    client.send(chunks(r#""}},"params":{}}"#) + LAST).await;
    upstream.end().await;
    client.end().await;
    assert!(!upstream.text().contains(LAST), "a whole request");
    assert!(!client.text().ends_with(LAST), "a whole answer: {}", client.text());
}

#[tokio::test]
async fn an_error_before_the_id_is_there_has_a_status_that_says_so() {
    let world = World::start().await;
    for (status, kind, says) in [
        ("413 Too Large", "text/plain", "413"),
        ("401 No", "text/html", "401"),
        ("200 OK", "application/json", "before"),
    ] {
        let (mut client, mut upstream) = world.begin(&begin()).await;
        let text = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
        let length = text.len();
        let head = format!("content-type: {kind}\r\ncontent-length: {length}\r\n");
        upstream.send(format!("HTTP/1.1 {status}\r\n{head}\r\n{text}")).await;
        client.until("}}").await;
        assert!(client.text().starts_with("HTTP/1.1 502 "), "{}", client.text());
        let answer = body(&client);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(null), &json!(-32603)));
        assert!(
            answer["error"]["message"].as_str().is_some_and(|it| it.contains(says)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told() {
    let world = World::start().await;
    let mut client = Peer::connect(world.envoy.address).await;
    let body = begin() + r#""}},"jsonrpc":"2.0","id":7}"#;
    let lines = format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    client.send(head(&world.session, &lines)).await;
    client.until("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send(&body).await;
    let mut upstream = world.wire.accept().await;
    upstream.until(r#""id":7}"#).await;
    let wanted = body.replacen("a__echo", "echo", 1);
    assert!(upstream.text().ends_with(&format!("\r\n\r\n{wanted}")));
    assert!(upstream.text().contains(&format!("content-length: {}\r\n", wanted.len())));
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    client.until("neither JSON nor SSE").await;
}
