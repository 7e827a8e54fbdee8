//! `notifications/cancelled` of a client with a session goes to those upstreams that work on the request, under
//! the id that each of them knows it by (2025-11-25, Cancellation).
//!
//! Where it is not known who works on it, all upstreams of the session are told: those that know nothing of it
//! ignore that. It may be in the hands of a worker with a memory of its own, or of another process with the same keys.

use crate::caller::Caller;
use crate::exchange::fan_out::broadcast;
use crate::exchange::request::message::params_of;
use crate::exchange::{Context, Turn};
use crate::gateway::KeySource;
use crate::json::{Edits, Raw};
use crate::mcp::jsonrpc::Id;
use crate::memory::in_progress::{Found, Name, Work};

/// Passes a cancellation on.
pub(crate) fn notify(
    cx: &mut Context<'_>,
    caller: Caller,
    label: &'static str,
    body: &[u8],
) -> Turn {
    let request = named(body);
    let id = request.and_then(|raw| Id::from_raw(raw.get()));
    let (Some(request), Some(id)) = (request, id) else {
        return broadcast::notify(cx, caller, label, body);
    };
    // Nobody else can open the session if nobody else has its key.
    let is_alone = matches!(cx.gateway.key_source, KeySource::Process);
    let is_sure = is_alone && cx.host.abilities().one_memory;
    let name = Name::new(caller.scope(), &id);
    // What is made beside a client's request, at an upstream without sessions, is broken off.
    cx.memory.in_progress.cancel(name);
    let working = match cx.memory.in_progress.find(name) {
        Found::Working(working) => working,
        Found::Left(working) if is_sure => working,
        Found::Nobody if is_sure => Vec::new(),
        Found::Left(_) | Found::Nobody | Found::Unknown => {
            return broadcast::notify(cx, caller, label, body);
        }
    };
    let own = |Work { upstream, id }| {
        let renamed = id.and_then(|id| {
            let mut edits = Edits::of(body);
            edits.replace(request.get(), id.to_string());
            edits.finish()
        });
        (upstream, renamed.unwrap_or_else(|| body.to_vec()))
    };
    let bodies = working.into_iter().map(own).collect();
    broadcast::notify_each(cx, caller, label, bodies)
}

/// The id of the request that is cancelled.
fn named(body: &[u8]) -> Option<Raw<'_>> {
    let [request] = params_of(body)?.scan().pick(["requestId"]).ok()??;
    request
}
