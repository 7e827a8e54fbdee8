//! A host that talks to nobody: how one is written.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;

use mcp_mux_core::config::{Environment, compile};
use mcp_mux_core::effect::{Callout, Counter, HeaderChanges, Reply, ReplyHead};
use mcp_mux_core::event::CallFailure;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{Headers, Key, ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{
    Host, Level, Metric, NotSent, NotStored, Shared, SharedNotes, Stream, WakeQueue, Worker,
};
use serde_json::{Value, json};

/// The number of the next stream.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// When the upstreams answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// While they are being asked.
    AtOnce,
    /// When the test says so.
    Later,
    /// Not at all: the connection breaks while they are being asked.
    Never,
}

/// Serves one request.
pub(crate) struct Client {
    pub(crate) stream: Rc<Stream>,
    notes: Arc<SharedNotes>,
    answers: Answers,
    /// How many pages a list has.
    pub(crate) pages: usize,
    /// How long the description of a tool is.
    pub(crate) described: usize,
    pub(crate) memory: usize,
    /// Whether it takes an answer in parts.
    pub(crate) streams: bool,
    /// The time, and how much of it passes with every answer that is read, in microseconds.
    pub(crate) clock: Cell<u64>,
    pub(crate) work: u64,
    /// How long it takes to receive an answer, in microseconds.
    pub(crate) receiving: u64,
    /// Whether a turn comes, and how many were asked for.
    pub(crate) has_turns: bool,
    pub(crate) turns: usize,
    pub(crate) head: Option<ReplyHead>,
    /// What was sent of an answer in parts.
    pub(crate) sent: Vec<u8>,
    pub(crate) is_ended: bool,
    pub(crate) calls: Vec<Callout>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) woken: Rc<WakeQueue>,
}

impl Client {
    /// Sends a whole request.
    pub(crate) fn send(&mut self, session: &str, method: &str, params: &Value) {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.post(session, "POST", &message.to_string());
    }

    pub(crate) fn post(&mut self, session: &str, method: &str, body: &str) {
        let head = [
            (&b":method"[..], method.as_bytes()),
            (b":path", b"/mcp"),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"mcp-session-id", session.as_bytes()),
        ];
        let head = if session.is_empty() { &head[..4] } else { &head };
        let stream = self.stream.clone();
        stream.request_head(self, Headers(head), false);
        stream.request_body(self, body.len(), true, || body);
    }

    /// Answers everything that was asked.
    pub(crate) fn answer_calls(&mut self) {
        while let Some(call) = self.calls.pop() {
            self.clock.set(self.clock.get() + self.receiving);
            self.answer(&call);
        }
    }

    fn answer(&mut self, callout: &Callout) {
        let asked: Value = serde_json::from_slice(&callout.body).unwrap_or_default();
        let result = match asked["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "s", "version": "1"},
            }),
            Some("tools/list") => self.page(&asked["params"]["cursor"]),
            _ => json!({}),
        };
        let body = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string();
        let head = [(&b":status"[..], &b"200"[..]), (b"content-type", b"application/json")];
        let (call, length) = (callout.id, body.len());
        let read = || Cow::Owned(body.into_bytes());
        self.stream.clone().call_response(self, call, Headers(&head), length, read);
    }

    /// One tool, and where the next one is.
    fn page(&self, cursor: &Value) -> Value {
        let at: usize = cursor.as_str().map_or(0, |it| it.parse().expect("a cursor"));
        let (name, text) = (format!("t{at}"), "x".repeat(self.described));
        let tool = json!({"name": name, "description": text, "inputSchema": {"type": "object"}});
        let mut page = json!({"tools": [tool]});
        if at + 1 < self.pages {
            page["nextCursor"] = json!((at + 1).to_string());
        }
        page
    }

    /// The only reply.
    pub(crate) fn reply(&self) -> &Reply {
        assert_eq!(self.replies.len(), 1);
        &self.replies[0]
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stream.clone().ended(self);
        self.woken.forget(&self.stream);
        assert_eq!(self.stream.held(), 0, "holds what is over");
    }
}

impl HostEnv for Client {
    fn clock(&self) -> u64 {
        self.clock.get()
    }

    fn now(&self) -> u64 {
        1_790_000_000
    }
    fn random(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
    fn session_notes(&self, session: ScopeTag) -> Notes {
        self.notes.session_notes(session)
    }
    fn list_changes(&self, lists: ListChanged) -> u64 {
        self.notes.list_changes(lists)
    }
    fn abilities(&self) -> Abilities {
        Abilities {
            memory: self.memory,
            request_buffer: 1 << 20,
            one_memory: false,
            shares_memory: false,
            streams: self.streams,
        }
    }
}

impl Host for Client {
    fn call(&mut self, callout: Callout) -> Result<(), NotSent> {
        match self.answers {
            Answers::AtOnce => self.answer(&callout),
            Answers::Later => self.calls.push(callout),
            Answers::Never => {
                self.stream.clone().call_failed(self, callout.id, CallFailure::NoAnswer);
            }
        }
        Ok(())
    }
    fn reply(&mut self, reply: Reply) {
        self.replies.push(reply);
    }
    fn begin_reply(&mut self, head: ReplyHead) {
        assert!(self.head.replace(head).is_none(), "begins twice");
    }
    fn send_reply(&mut self, bytes: &[u8]) {
        assert!(self.head.is_some() && !self.is_ended && !bytes.is_empty());
        self.sent.extend_from_slice(bytes);
    }
    fn end_reply(&mut self) {
        assert!(!std::mem::replace(&mut self.is_ended, true), "ends twice");
    }
    fn take_turn(&mut self, _: &Rc<Stream>) -> bool {
        self.turns += usize::from(self.has_turns);
        self.has_turns
    }
    fn record(&mut self, _: Metric<'_>, _: u64) {
        self.clock.set(self.clock.get() + self.work);
    }
    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        self.notes.note(session, note, expires, self.now());
        Ok(())
    }
    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        self.notes.list_changed(lists);
        Ok(())
    }
    fn waker(&mut self, stream: &Rc<Stream>) -> Waker {
        self.woken.waker(stream, || {})
    }
    fn watch_sessions(&mut self) {}
    // Nothing of these tests goes on its way, and nobody counts.
    fn change_request_head(&mut self, _: &HeaderChanges) {}
    fn replace_request_body(&mut self, _: Vec<u8>) {}
    fn reroute(&mut self) {}
    fn resume_request(&mut self) {}
    fn change_response_head(&mut self, _: &HeaderChanges) {}
    fn replace_response_body(&mut self, _: Vec<u8>) {}
    fn prepend_response_body(&mut self, _: Vec<u8>) {}
    fn count(&mut self, _: &Gateway, _: Counter, _: u64) {}
    fn log(&mut self, _: Level, _: &str) {}
}

/// A worker, and what it shares with others.
pub(crate) struct Process {
    pub(crate) worker: Rc<Worker>,
    /// Its streams that are to be woken up.
    pub(crate) woken: Rc<WakeQueue>,
    pub(crate) notes: Arc<SharedNotes>,
}

impl Process {
    pub(crate) fn new(upstreams: usize, mut config: Value) -> Self {
        config["upstreams"] = (0..upstreams).map(|n| json!({"name": format!("u{n}")})).collect();
        let environment = Environment {
            variable: &|_| None,
            process_key: &|| Ok(Key::new([1; 32])),
            streams: false,
            claims: true,
            bridges: true,
        };
        let gateway = compile(config.to_string().as_bytes(), environment).expect("a configuration");
        Self::on(&Shared::new(gateway), &Arc::default())
    }

    /// Another worker, which shares these.
    pub(crate) fn on(shared: &Arc<Shared>, notes: &Arc<SharedNotes>) -> Self {
        let worker = Worker::new(shared.clone());
        Self { worker, woken: Rc::default(), notes: notes.clone() }
    }

    pub(crate) fn client(&self, answers: Answers) -> Client {
        Client {
            stream: Stream::new(self.worker.clone(), NEXT.fetch_add(1, Relaxed)),
            notes: self.notes.clone(),
            answers,
            pages: 1,
            described: 0,
            memory: 1 << 20,
            streams: false,
            clock: Cell::new(1_000_000),
            work: 0,
            receiving: 0,
            has_turns: false,
            turns: 0,
            head: None,
            sent: Vec::new(),
            is_ended: false,
            calls: Vec::new(),
            replies: Vec::new(),
            woken: self.woken.clone(),
        }
    }

    /// A session that was opened.
    pub(crate) fn session(&self) -> String {
        let mut client = self.client(Answers::AtOnce);
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "c", "version": "1"},
        });
        client.send("", "initialize", &params);
        let header = client.reply().headers.iter().find(|(name, _)| *name == "mcp-session-id");
        String::from_utf8(header.expect("a session").1.clone()).expect("text")
    }
}
