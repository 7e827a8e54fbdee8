//! What an exchange is handed with every event.

use std::cell::Cell;

use crate::exchange::routed::farewell::Farewell;
use crate::exchange::trail::Trail;
use crate::gateway::{Gateway, UpstreamId};
use crate::host::HostEnv;
use crate::mcp::jsonrpc::Id;
use crate::memory::Memory;
use crate::memory::in_progress::{Request, Work};
use crate::memory::questions::Inbox;
use crate::session::ScopeTag;
use crate::session::pool::Lease;

/// What an exchange is handed with every event.
pub struct Context<'c> {
    /// The configuration.
    pub gateway: &'c Gateway,
    /// Time, randomness and what the workers share.
    pub host: &'c mut dyn HostEnv,
    /// What is remembered under this configuration.
    pub memory: &'c Memory,
    /// Sessions that were taken for the exchange while it handled the event.
    pub(crate) leases: Vec<Lease>,
    pub(crate) has_new_sessions: bool,
    /// The request that upstreams are asked for, if its client may cancel it by its id.
    pub(super) asked: Option<Request>,
    /// What is to be done if its client leaves before it has its answer.
    pub(crate) farewell: Option<Box<Farewell>>,
    /// What the operator will be told of the request.
    pub(crate) trail: Trail,
    /// When the event came.
    clock: Cell<Option<u64>>,
}

impl<'c> Context<'c> {
    /// For one event.
    pub fn new(gateway: &'c Gateway, host: &'c mut dyn HostEnv, memory: &'c Memory) -> Self {
        let (leases, asked, farewell, trail, clock) = Default::default();
        let has_new_sessions = false;
        Self { gateway, host, memory, leases, has_new_sessions, asked, farewell, trail, clock }
    }

    /// Whether the event has brought sessions that will have to end, beyond those of before: the host asks for
    /// [`Memory::end_unused_sessions`] from now on.
    #[must_use]
    pub fn has_new_sessions(&self) -> bool {
        self.has_new_sessions
    }

    /// The host's clock, in microseconds. It is looked at once for an event, however much is told of that.
    pub(crate) fn clock(&self) -> u64 {
        let clock = self.clock.get().unwrap_or_else(|| self.host.clock());
        self.clock.set(Some(clock));
        clock
    }

    pub(super) fn nonce(&mut self) -> [u8; 24] {
        let mut nonce = [0; 24];
        self.host.random(&mut nonce);
        nonce
    }

    /// An id for a request of the gateway's own. Unique within an upstream's session by chance
    /// alone, since nothing is stored to count with. Below 2^31: there are servers that cut an id to 32
    /// bits, signed ones among them.
    pub(super) fn request_id(&mut self) -> u64 {
        let mut bytes = [0; 4];
        self.host.random(&mut bytes);
        u64::from(u32::from_le_bytes(bytes) >> 1)
    }

    /// A request of this session is about to be served, of which the id may not be known yet.
    pub(crate) fn serves(&mut self, scope: ScopeTag, id: Option<&Id<'_>>) {
        self.asked = Some(Request::new(scope, id));
    }

    /// An upstream is asked for it: under this id, or under the client's own.
    pub(crate) fn asks(&mut self, upstream: UpstreamId, id: Option<u64>) {
        if let Some(asked) = &mut self.asked {
            self.memory.in_progress.asks(asked, Work { upstream, id });
        }
    }

    /// An upstream has answered what it was asked for it.
    pub(crate) fn answers(&self, upstream: UpstreamId) {
        if let Some(asked) = &self.asked {
            self.memory.in_progress.answers(asked, upstream);
        }
    }

    /// Where the exchange is told that its client has cancelled the request that an upstream was asked for.
    pub(crate) fn watch(&self) -> Option<Inbox> {
        self.memory.in_progress.watch(self.asked.as_ref()?)
    }

    /// The client gets the answer of the only upstream that was asked.
    pub(crate) fn is_answered(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.is_answered = true;
        }
    }
}
