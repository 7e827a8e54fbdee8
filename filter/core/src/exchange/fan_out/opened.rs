//! What follows when upstreams were opened for a session that is there already, or were to be.

use crate::caller::{Caller, known};
use crate::effect::{Counter, Effect};
use crate::exchange::Context;
use crate::exchange::fan_out::leg::Leg;
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::peer::Peer;
use crate::session::pool::Dropped;

/// Tells the operator of what was opened, and remembers what upstreams said of themselves.
pub(super) fn settled<P>(cx: &Context<'_>, caller: &Caller, legs: &[Leg<P>]) -> Vec<Effect> {
    if caller.is_introducing() {
        return Vec::new();
    }
    let is_lazy = known::is_lazy(cx.gateway);
    let mut effects = Vec::new();
    for leg in legs {
        if let Some(said) = leg.said() {
            caller.heard(cx, leg.upstream, said);
        } else if leg.opening_failed().is_some_and(refuses) {
            caller.unlearn(cx, leg.upstream);
        }
        // One that is opened when it is needed first is no news.
        if !leg.opened || is_lazy && !leg.has_lost_session() {
            continue;
        }
        let (upstream, name) = (leg.upstream, cx.gateway.name(leg.upstream));
        let why = if leg.has_lost_session() { "had lost its" } else { "had not joined the" };
        effects.push(Effect::Warn(format!("upstream {name} {why} session: initialized")));
        if leg.has_lost_session() {
            effects.push(Effect::Count(Counter::SessionRecovered { upstream }, 1));
        }
    }
    effects
}

/// Whether an upstream that was not opened has said something to that: one that is down may be there for the next
/// session.
fn refuses(fault: &Fault) -> bool {
    match fault {
        Fault::Unreachable { .. } | Fault::NoAnswer { .. } | Fault::NoRoute | Fault::OverBudget => {
            false
        }
        Fault::Refused { status, .. } => *status < 500 && !matches!(status, 408 | 429),
        _ => true,
    }
}

/// The client is gone: ends the sessions of upstreams that were opened for it, and of which nobody else knows yet.
pub(super) fn abandoned<P>(cx: &mut Context<'_>, caller: &Caller, legs: &[Leg<P>]) {
    let unknown =
        legs.iter().filter(|leg| leg.opened && (caller.is_introducing() || leg.is_unsettled()));
    for (upstream, peer) in unknown.filter_map(|leg| Some((leg.upstream, leg.peer.clone()?))) {
        end(cx, caller, upstream, peer);
    }
}

/// Has a session of an upstream ended that was opened in vain.
pub(super) fn end(cx: &mut Context<'_>, caller: &Caller, upstream: UpstreamId, peer: Peer) {
    let headers = caller.headers.clone();
    let dropped = Dropped { upstream, peer, level: None, instructions: None, headers };
    cx.has_new_sessions |= cx.memory.pool.with(|pool| pool.discard(dropped));
}
