//! What list caching (`catalog`) learns from every fan-out, whatever its question is: what an upstream was
//! shown when it agreed with a caller, and which lists it says have changed.

use crate::caller::Caller;
use crate::effect::Effect;
use crate::exchange::Context;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::{list_key, list_subscription};
use crate::peer::Peer;

/// An upstream has agreed with this caller.
pub(crate) fn opened(cx: &Context<'_>, caller: &Caller, peer: &mut Peer) {
    peer.init_fingerprint =
        list_key::init_fingerprint(cx.gateway, &caller.headers, &caller.offer());
}

/// An upstream has answered.
pub(crate) fn answered(cx: &Context<'_>, answer: &Answer<'_>) -> Vec<Effect> {
    if cx.gateway.catalog.is_none() {
        return Vec::new();
    }
    list_subscription::changed(cx.gateway, answer.dialect.from, answer.relisted(&cx.gateway.keys))
}
