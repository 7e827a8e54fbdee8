//! HTTP/1.1 requests as a test writes them: any header bytes, any body, read as it arrives.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper::{HeaderMap, Method};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connection::{BoxError, connect};
use crate::sse::{self, Event};
use crate::{Envoy, within};

/// A request to be sent, on a connection of its own.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<Bytes>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; what came of it, where it broke off.
    pub body: Bytes,
    /// Whether the body came to the end that its framing promised.
    pub complete: bool,
}

/// An answer that is being read.
#[derive(Debug)]
pub struct Open {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    read: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(envoy: &Envoy, method: &str, target: &str) -> Self {
        Self::at(envoy.address, method, target)
    }

    /// A request without headers or body to this address.
    #[must_use]
    pub fn at(address: SocketAddr, method: &str, target: &str) -> Self {
        Self {
            address,
            method: method.parse().expect("a method"),
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// A POST to `/mcp` with the content type and the `Accept` of an MCP client.
    #[must_use]
    pub fn post(envoy: &Envoy, body: impl Into<Bytes>) -> Self {
        Self::new(envoy, "POST", "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body)
    }

    /// Sets the body; it is sent with a content-length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = vec![body.into()];
        self
    }

    /// Sends the body in chunks of this many bytes, without a content-length.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        let whole = self.body.concat();
        self.body = whole.chunks(size).map(Bytes::copy_from_slice).collect();
        assert!(self.body.len() > 1, "that is not more than one chunk");
        self
    }

    /// Sets a header, in place of one with that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(name, HeaderValue::from_bytes(value.as_ref()).expect("a value"));
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sends it and reads the answer to its end.
    pub async fn send(self) -> Reply {
        let what = format!("the answer to {} {}", self.method, self.target);
        within(&what, async { self.open().await.rest().await }).await
    }

    /// Sends it and returns when the headers of the answer are there.
    pub async fn open(self) -> Open {
        let what = format!("the head of the answer to {} {}", self.method, self.target);
        let exchange = within(&what, self.exchange()).await;
        exchange.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends it and reads the answer to its end; `None` where nobody listens or answers.
    pub async fn attempt(self) -> Option<Reply> {
        let answer = within("an answer or a refusal", self.exchange()).await.ok()?;
        Some(answer.rest().await)
    }

    async fn exchange(self) -> Result<Open, BoxError> {
        connect(self.address).await?.exchange(self).await
    }
}

impl Open {
    pub(crate) fn new(head: Parts, body: Incoming) -> Self {
        Self { status: head.status.as_u16(), headers: head.headers, body, read: Vec::new() }
    }

    /// Reads on until the whole of what was read contains `text`.
    pub async fn until(&mut self, text: &str) {
        let what = format!("{text:?} in the answer");
        within(&what, async {
            while !contains(&self.read, text) {
                let more = self.next().await;
                assert!(more, "the answer ended at {:?}", String::from_utf8_lossy(&self.read));
            }
        })
        .await;
    }

    /// Whether what was read so far contains `text`.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        contains(&self.read, text)
    }

    /// What was read so far.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.read).expect("UTF-8")
    }

    /// The events that were read so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        sse::events(&self.read)
    }

    /// The events that were not taken yet, at least so many.
    pub async fn take_events(&mut self, count: usize) -> Vec<Event> {
        within(&format!("{count} events"), async {
            let (mut ends, mut searched) = (0, 0);
            loop {
                let new = &self.read[searched..];
                ends += new.windows(2).filter(|two| two == b"\n\n").count();
                searched = self.read.len().saturating_sub(1);
                // Comments end so, too.
                if ends >= count && self.events().len() >= count {
                    break;
                }
                let more = self.next().await;
                assert!(more, "the answer ended at {:?}", String::from_utf8_lossy(&self.read));
            }
        })
        .await;
        let end = self.read.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        let rest = self.read.split_off(end);
        sse::events(&std::mem::replace(&mut self.read, rest))
    }

    /// Reads so many bytes a second, for this time.
    pub async fn read_slowly(&mut self, rate: usize, time: Duration) {
        let began = tokio::time::Instant::now();
        let mut read = 0_u128;
        while began.elapsed() < time {
            let before = self.read.len();
            assert!(self.next().await, "the answer ended");
            read += (self.read.len() - before) as u128;
            let due = read * 1000 / rate as u128;
            let due = Duration::from_millis(u64::try_from(due).expect("a time"));
            tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        }
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> Reply {
        let complete = loop {
            match self.body.frame().await {
                Some(Ok(frame)) => self.read.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) => break false,
                None => break true,
            }
        };
        let Self { status, headers, read, .. } = self;
        Reply { status, headers, body: read.into(), complete }
    }

    async fn next(&mut self) -> bool {
        match self.body.frame().await {
            Some(Ok(frame)) => self.read.extend(frame.into_data().unwrap_or_default()),
            _ => return false,
        }
        true
    }
}

/// Whether `bytes` contain `text`.
#[must_use]
pub fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

impl Reply {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The events of an event stream.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        assert!(self.is("text/event-stream"), "no event stream: {self:?}");
        sse::events(&self.body)
    }

    /// The last JSON-RPC message of the answer, be it JSON or an event stream.
    #[must_use]
    pub fn message(&self) -> Value {
        serde_json::from_str(&self.raw()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of that message, as it came.
    #[must_use]
    pub fn raw(&self) -> String {
        if self.is("text/event-stream") {
            return self.events().pop().expect("an event").data;
        }
        assert!(self.is("application/json"), "neither JSON nor events: {self:?}");
        self.text().to_owned()
    }

    /// The result of a call that went well.
    pub fn result(&self) -> Value {
        let mut message = self.message();
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(message["jsonrpc"], "2.0", "{self:?}");
        assert!(message.get("error").is_none(), "{self:?}");
        message["result"].take()
    }

    /// The `error` of an answer with this status and JSON-RPC code, whose body is JSON-RPC.
    pub fn error(&self, status: u16, code: i32) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let mut message = self.message();
        assert_eq!(message["jsonrpc"], "2.0", "{self:?}");
        assert!(message.get("id").is_some(), "an error has an id, or null: {self:?}");
        assert_eq!(message["error"]["code"], code, "{self:?}");
        let text = message["error"]["message"].as_str();
        assert!(text.is_some_and(|text| !text.is_empty()), "an error says what is wrong: {self:?}");
        message["error"].take()
    }

    /// Why the session is gone. That it is, is said in the words by which agents know it.
    pub fn gone(&self) -> String {
        let error = self.error(404, -32600);
        assert_eq!(error["message"], "Session terminated", "{self:?}");
        let reason = error["data"]["reason"].as_str().and_then(|it| it.strip_prefix("HTTP 404: "));
        reason.unwrap_or_else(|| panic!("a reason: {self:?}")).to_owned()
    }

    fn is(&self, kind: &str) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with(kind))
    }
}

/// Sends raw bytes and reads what comes until Envoy closes (send `connection: close`).
pub async fn raw(envoy: &Envoy, bytes: &[u8]) -> Vec<u8> {
    within("the answer to raw bytes", async {
        let mut stream = TcpStream::connect(envoy.address).await.expect("a connection to Envoy");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        // Envoy may reset a connection that it refuses to read on from.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    })
    .await
}
