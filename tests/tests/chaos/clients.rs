//! Clients: those that do nothing wrong, and others.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use mcp_mux_tests::{Client, Envoy, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Chance, Done, add};
use crate::stateless;

const SERVERS: [&str; 10] =
    ["steady", "streaming", "modern", "one", "two", "three", "four", "five", "old", "real"];

/// How soon any request is over: its timeouts are 2 and 5 seconds, and a retry may follow.
const OVER: Duration = Duration::from_secs(45);

/// A session, without the Envoy that it was opened at.
pub(super) struct Session {
    id: String,
    initialized: Value,
}

impl Session {
    pub(super) fn of(client: &Client<'_>) -> Self {
        Self { id: client.session.clone(), initialized: client.initialized.clone() }
    }

    /// A call in it.
    pub(super) fn request(&self, address: SocketAddr, tool: &str) -> Request {
        let params = json!({"name": tool, "arguments": {}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        Request::at(address, "POST", "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-session-id", &self.id)
            .header("mcp-protocol-version", "2025-11-25")
            .body(body.to_string())
    }

    pub(super) fn client<'e>(&self, envoy: &'e Envoy) -> Client<'e> {
        Client::within(envoy, &self.id, self.initialized.clone())
    }
}

/// Calls a server that is well: every call is answered, in one session.
pub(super) async fn steady(envoy: &Envoy, server: &str, done: &Done) {
    let client = Client::open(envoy).await;
    while !done.is_over.get() {
        let text = client.call_text(&format!("{server}__echo")).await;
        assert_eq!(text, format!("{server}:echo"));
        add(&done.calls);
        sleep(Duration::from_millis(10)).await;
    }
}

/// The same of a client without a session.
pub(super) async fn steady_stateless(envoy: &Envoy, server: &str, done: &Done) {
    while !done.is_over.get() {
        let params = json!({"name": format!("{server}__echo"), "arguments": {}});
        let reply = stateless::request(envoy, "tools/call", params).send().await;
        let result = reply.result();
        assert_eq!(result["content"][0]["text"], format!("{server}:echo"), "{result}");
        add(&done.calls);
        sleep(Duration::from_millis(10)).await;
    }
}

/// Asks anybody for anything; whatever comes of it, it has an end.
pub(super) async fn moody(envoy: &Envoy, seed: u64, done: &Done, sessions: &RefCell<Vec<Session>>) {
    let mut chance = Chance::new(seed);
    let client = Client::open(envoy).await;
    sessions.borrow_mut().push(Session::of(&client));
    while !done.is_over.get() {
        let name = format!("{}__echo", chance.pick(&SERVERS));
        let request = match chance.below(6) {
            0 => client.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#),
            1 => client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
            2 => stateless::request(envoy, "tools/call", json!({"name": name, "arguments": {}})),
            3 => client.post(chance.bytes(200)),
            _ => {
                let params = json!({"name": name, "arguments": {"message": "x"}, "_meta": {"progressToken": 1}});
                let call =
                    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
                client.post(call.to_string())
            }
        };
        let Ok(reply) = timeout(OVER, request.attempt()).await else {
            panic!("a request without an end, perhaps of {name}");
        };
        assert!(reply.is_some(), "a request without an answer, perhaps of {name}");
        add(&done.moody);
    }
}

/// Sends a part of a request, or reads a part of an answer, and leaves.
pub(super) async fn leaving(envoy: &Envoy, seed: u64, done: &Done) {
    let mut chance = Chance::new(seed);
    let session = Session::of(&Client::open(envoy).await);
    while !done.is_over.get() {
        let server = chance.pick(&SERVERS);
        let params = json!({"name": format!("{server}__echo"), "arguments": {"message": "x".repeat(chance.below(3000))}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
            .to_string();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-session-id: {}\r\n\
             mcp-protocol-version: 2025-11-25\r\ncontent-length: {}\r\n\r\n",
            session.id,
            body.len()
        );
        let bytes = [head.into_bytes(), body.into_bytes()].concat();
        let sent = if chance.below(2) == 0 { chance.below(bytes.len()) } else { bytes.len() };
        let Ok(mut stream) = TcpStream::connect(envoy.address).await else {
            panic!("Envoy does not listen");
        };
        // Envoy may close it meanwhile.
        let _ = stream.write_all(&bytes[..sent]).await;
        let mut read = vec![0; 1 + chance.below(400)];
        let wait = Duration::from_millis(chance.below(60) as u64);
        let _ = timeout(wait, stream.read_exact(&mut read)).await;
        drop(stream);
        add(&done.left);
        sleep(Duration::from_millis(10)).await;
    }
}

/// Listens for a while, and leaves.
pub(super) async fn listening(envoy: &Envoy, seed: u64, done: &Done) {
    let mut chance = Chance::new(seed);
    let client = Client::open(envoy).await;
    while !done.is_over.get() {
        let Ok(open) = timeout(OVER, client.http("GET").open()).await else {
            panic!("a stream that does not begin");
        };
        let wait = Duration::from_millis(20 * chance.below(100) as u64);
        let _ = timeout(wait, open.rest()).await;
        add(&done.left);
    }
}
