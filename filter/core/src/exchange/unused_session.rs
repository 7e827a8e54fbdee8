//! Ends sessions at upstreams that nobody uses any more: those that were kept for clients of the stateless era,
//! and those that turned out not to be needed. And tells upstreams of calls that were given up.
//!
//! No request asks for that, and a call that goes with a request is lost if that ends first. So it is the host
//! that sends these, from time to time.

use crate::effect::{CallId, Callout};
use crate::era::upstream::Subject;
use crate::exchange::upstream_request::{self, Sending};
use crate::gateway::Gateway;
use crate::memory::Memory;
use crate::session::pool::{Dropped, SessionPool};

impl Memory {
    /// The calls that end sessions which have to end at `now`, in seconds since the epoch; a few at a time. Among
    /// them are those that tell upstreams of [calls that were given up](Self::give_up_calls). Nobody waits for their answers, so they have the number of no other call.
    pub fn end_unused_sessions(&self, gateway: &Gateway, now: u64) -> Vec<Callout> {
        let idle = gateway.pool.idle.as_secs();
        let unused = self.pool.with(|pool| pool.take_unused(now, idle));
        let ends = unused.iter().map(|dropped| end(gateway, dropped));
        self.parked.messages().into_iter().chain(ends).collect()
    }

    /// The configuration ends, and with it all that is kept: the calls that tell upstreams of that. They are of no
    /// stream, and there may be thousands of them.
    pub fn end(&self, gateway: &Gateway) -> Vec<Callout> {
        let sessions = self.pool.with(SessionPool::take_all);
        let ends = sessions.iter().filter(|it| it.peer.session.is_some());
        self.parked.end().into_iter().chain(ends.map(|it| end(gateway, it))).collect()
    }

    /// Whether there are sessions that may have to end some time, or calls that may have to be given up.
    #[must_use]
    pub fn keeps_sessions(&self) -> bool {
        !self.pool.with(|pool| pool.is_empty()) || !self.parked.is_empty()
    }
}

/// The call that ends a session (2025-11-25, Transports, "Session Management").
fn end(gateway: &Gateway, dropped: &Dropped) -> Callout {
    let upstream = gateway.upstream(dropped.upstream);
    let (subject, timeout) = (Subject::of(""), Some(upstream.timeout));
    let sending = Sending { method: "DELETE", subject, body: Vec::new(), timeout };
    let (id, peer) = (CallId::UNAWAITED, Some(&dropped.peer));
    upstream_request::call(id, upstream, peer, &dropped.headers, sending)
}
