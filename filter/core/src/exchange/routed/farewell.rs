//! Tells an upstream with sessions that the client of a call is gone, if that client has none: its leaving is how it cancels
//! a call (2026-07-28, Cancellation), while to such an upstream a connection that ends says nothing (2025-11-25,
//! Transports, "Sending Messages to the Server").

use crate::caller::Caller;
use crate::effect::{CallId, Callout};
use crate::era::Era;
use crate::era::upstream::Subject;
use crate::exchange::Context;
use crate::exchange::upstream_request::{self, Sending};
use crate::gateway::{Gateway, UpstreamId};
use crate::mcp::jsonrpc::Id;
use crate::session::pool::Lease;

/// What is to be done if the client of a call leaves before it has its answer.
#[derive(Debug)]
pub(crate) struct Farewell {
    message: Callout,
    /// Holds the session of the call.
    lease: Option<Lease>,
}

impl Farewell {
    /// Of a call under this id; `None` if the end of its stream says it all.
    pub(crate) fn new(
        cx: &Context<'_>,
        caller: &Caller,
        upstream: UpstreamId,
        request: &Id<'_>,
    ) -> Option<Self> {
        let peer = caller.peer(upstream)?;
        let crosses = caller.era() == Era::Stateless && peer.era() == Era::Handshake;
        let is_needed = crosses && !request.is_unknown();
        is_needed.then(|| Self {
            message: message(cx.gateway, caller, upstream, request),
            lease: caller.hold(cx, upstream),
        })
    }

    /// The client has left. The exchange ends, so that the host sends this, soon.
    pub(crate) fn say(self, cx: &mut Context<'_>) {
        if let Some(lease) = &self.lease {
            lease.retire();
        }
        cx.memory.parked.send(self.message);
        cx.has_new_sessions = true;
    }
}

/// The call that tells an upstream that nobody waits for its answer to this request any more (2025-11-25,
/// Cancellation).
pub(crate) fn message(
    gateway: &Gateway,
    caller: &Caller,
    upstream: UpstreamId,
    request: &Id<'_>,
) -> Callout {
    let params = format!(r#"{{"requestId":{},"reason":"given up"}}"#, request.as_raw());
    let body =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#);
    let (configured, peer) = (gateway.upstream(upstream), caller.peer(upstream));
    let (subject, timeout) = (Subject::of(""), Some(configured.timeout));
    let sending = Sending { method: "POST", subject, body: body.into_bytes(), timeout };
    upstream_request::call(CallId::UNAWAITED, configured, peer, &caller.headers, sending)
}
