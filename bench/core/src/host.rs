//! The least host: a client that takes what it gets.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use mcp_mux_core::effect::{Callout, Counter, HeaderChanges, Reply};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Host, Level, NotSent, NotStored, SharedNotes, Stream};

use crate::prepared::Answered;

/// What came of a request so far.
#[derive(Default)]
pub(crate) struct Client {
    /// Sent and not answered yet.
    pub(crate) calls: Vec<Callout>,
    pub(crate) reply: Option<Reply>,
    /// Whether the request went on to an upstream.
    pub(crate) is_routed: bool,
    /// What is different from one client to another; of a single one nothing.
    seed: u64,
    /// What is noted of sessions, if anything is.
    notes: Option<Arc<SharedNotes>>,
    /// Before the chunk at hand of the response.
    lead: Option<Vec<u8>>,
    /// In place of it.
    replaced: Option<Vec<u8>>,
}

impl Client {
    /// One of many.
    pub(crate) fn of(seed: u64, notes: Arc<SharedNotes>) -> Self {
        Self { seed, notes: Some(notes), ..Self::default() }
    }

    /// Takes a chunk of an upstream's answer, as it leaves the core.
    pub(crate) fn passed(&mut self, chunk: &[u8], answered: &mut Answered, keep: bool) {
        let chunk = self.replaced.take().map_or(Cow::Borrowed(chunk), Cow::Owned);
        for part in [self.lead.take().map(Cow::Owned), Some(chunk)].into_iter().flatten() {
            answered.bytes += part.len();
            if keep {
                answered.body.extend_from_slice(&part);
            }
        }
    }
}

/// Time stands still, and chance with it: so the same request has the same ids when it is made again.
impl HostEnv for Client {
    fn now(&self) -> u64 {
        1_700_000_000
    }
    fn clock(&self) -> u64 {
        0
    }
    fn random(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
        for (byte, seed) in bytes.iter_mut().zip(self.seed.to_le_bytes().into_iter().cycle()) {
            *byte ^= seed;
        }
    }
    fn session_notes(&self, session: ScopeTag) -> Notes {
        self.notes.as_ref().map(|notes| notes.session_notes(session)).unwrap_or_default()
    }
    fn list_changes(&self, _: ListChanged) -> u64 {
        0
    }
    fn abilities(&self) -> Abilities {
        Abilities {
            memory: usize::MAX,
            request_buffer: 32 * 1024,
            one_memory: false,
            shares_memory: false,
            streams: false,
        }
    }
}

impl Host for Client {
    fn call(&mut self, callout: Callout) -> Result<(), NotSent> {
        self.calls.push(callout);
        Ok(())
    }
    fn reroute(&mut self) {
        self.is_routed = true;
    }
    fn replace_response_body(&mut self, bytes: Vec<u8>) {
        self.replaced = Some(bytes);
    }
    fn prepend_response_body(&mut self, bytes: Vec<u8>) {
        self.lead = Some(bytes);
    }
    fn reply(&mut self, reply: Reply) {
        self.reply = Some(reply);
    }
    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        if let Some(notes) = &self.notes {
            notes.note(session, note, expires, self.now());
        }
        Ok(())
    }
    fn list_changed(&mut self, _: ListChanged) -> Result<(), NotStored> {
        Ok(())
    }
    fn change_request_head(&mut self, _: &HeaderChanges) {}
    fn replace_request_body(&mut self, _: Vec<u8>) {}
    fn resume_request(&mut self) {}
    fn change_response_head(&mut self, _: &HeaderChanges) {}
    fn waker(&mut self, _: &Rc<Stream>) -> Waker {
        Waker::noop().clone()
    }
    fn watch_sessions(&mut self) {}
    fn count(&mut self, _: &Gateway, _: Counter, _: u64) {}
    fn log(&mut self, _: Level, _: &str) {}
}
