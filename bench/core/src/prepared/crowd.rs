//! Many sessions of one gateway, each with its own ids: what they take together.

use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use mcp_mux_driver::{SharedNotes, Stream};
use serde_json::Value;

use super::{Answered, Prepared};
use crate::documents::{content, tools};
use crate::host::Client;
use crate::script::{Head, Script, answer};

/// A gateway, and what its clients ask: a session, its list, a call.
pub struct Crowd {
    opening: (Prepared, String),
    list: (Prepared, String),
    call: Prepared,
    /// What the workers of a host that has memory for all of them note of sessions.
    notes: Arc<SharedNotes>,
    /// Makes each session another one.
    seed: u64,
}

/// What the gateway sends and gets beside the client's own request.
#[derive(Debug, Default, Clone, Copy)]
pub struct SideCalls {
    /// How many.
    pub count: usize,
    /// Bytes of their heads, as HTTP/1.1, and bodies.
    pub sent: usize,
    /// Bytes of what was answered, without heads.
    pub got: usize,
}

/// A call that its server has not answered yet.
pub struct Waiting(
    #[expect(dead_code, reason = "it is there: that is what it is for")] (Rc<Stream>, Client),
);

impl Crowd {
    /// A gateway of so many servers, with so many tools of 1 KB each.
    ///
    /// # Errors
    ///
    /// More servers than a gateway may have.
    pub fn of(servers: usize, each: usize) -> Result<Self> {
        let params = r#"{"name":"up0__tool_0000","arguments":{}}"#;
        let opening = Script::initialize(servers);
        let list = Script::new(servers, "tools/list", "{}".into());
        let call = Script::new(servers, "tools/call", params.into());
        let call = Script { result: content(200), ..call };
        let first = Prepared::new(&opening, None)?;
        let worker = first.worker.clone();
        let of = |script: &Script| {
            Ok::<_, anyhow::Error>(Prepared {
                worker: worker.clone(),
                ..Prepared::new(script, None)?
            })
        };
        let (list, call) = (of(&list)?, of(&call)?);
        let notes = Arc::new(SharedNotes::default());
        Ok(Self {
            opening: (first, opening.result),
            list: (list, tools(each)),
            call,
            notes,
            seed: 0,
        })
    }

    /// A new session; its id.
    ///
    /// # Errors
    ///
    /// The core gave none.
    pub fn open(&mut self, side: &mut SideCalls) -> Result<String> {
        self.seed += 1;
        let (prepared, result) = &self.opening;
        let answered = self.tell(prepared, result, side)?;
        answered.session.context("no session id")
    }

    /// The list of a session; its length in bytes.
    ///
    /// # Errors
    ///
    /// The core gave no answer.
    pub fn list(&mut self, session: &str, side: &mut SideCalls) -> Result<usize> {
        self.list.0.request.0.set_session(session);
        let (prepared, result) = &self.list;
        Ok(self.tell(prepared, result, side)?.bytes)
    }

    /// A call in a session.
    ///
    /// # Errors
    ///
    /// The core gave no answer, or asked somebody besides its server.
    pub fn call(&mut self, session: &str) -> Result<()> {
        self.call.request.0.set_session(session);
        let mut side = SideCalls::default();
        self.tell(&self.call, "{}", &mut side)?;
        ensure!(side.count == 0, "{} side calls for a call", side.count);
        Ok(())
    }

    /// A call in a session, up to where its server has it.
    ///
    /// # Errors
    ///
    /// It does not go on to its server.
    pub fn wait(&mut self, session: &str) -> Result<Waiting> {
        self.call.request.0.set_session(session);
        let (head, body) = &self.call.request;
        let (stream, mut client) = (Stream::new(self.call.worker.clone(), 0), self.client());
        head.show(|headers| stream.request_head(&mut client, headers, false));
        stream.request_body(&mut client, body.len(), true, || body);
        ensure!(client.is_routed, "a call that does not go on");
        Ok(Waiting((stream, client)))
    }

    /// How many sessions there are notes of.
    #[must_use]
    pub fn noted(&self) -> usize {
        self.notes.count()
    }

    fn client(&self) -> Client {
        Client::of(self.seed, self.notes.clone())
    }

    fn tell(&self, prepared: &Prepared, result: &str, side: &mut SideCalls) -> Result<Answered> {
        let mut answered = Answered::default();
        let head = |(name, value): (&str, &[u8])| name.len() + value.len() + ": \r\n".len();
        let mut take = |call: &mcp_mux_core::effect::Callout| {
            let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
            let id = &request["id"];
            let body =
                if id.is_null() { Vec::new() } else { answer(&id.to_string(), result).into() };
            side.count += 1;
            side.sent += call.headers.iter().map(head).sum::<usize>() + call.body.len();
            side.got += body.len();
            body
        };
        prepared.tell(self.client(), &mut take, &mut answered, true)?;
        Ok(answered)
    }
}

/// A gateway that serves nobody yet.
pub struct Idle(#[expect(dead_code, reason = "it is there: that is what it is for")] Prepared);

/// Gateways of so many servers each.
///
/// # Errors
///
/// More servers than a gateway may have.
pub fn idle(gateways: usize, servers: usize) -> Result<Vec<Idle>> {
    let script = Script::new(servers, "ping", "{}".into());
    (0..gateways).map(|_| Ok(Idle(Prepared::new(&script, None)?))).collect()
}

impl Head {
    /// Names another session.
    fn set_session(&mut self, session: &str) {
        self.set("mcp-session-id", session);
        self.set("mcp-protocol-version", crate::script::REVISION);
    }
}
