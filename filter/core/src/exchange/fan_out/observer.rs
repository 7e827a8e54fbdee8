//! What list caching (`catalog`) learns from every fan-out, whatever that asks: what an upstream was
//! shown when its part of a session was opened, and which lists it says have changed.

use crate::effect::Effect;
use crate::exchange::Context;
use crate::exchange::client_session::ClientSession;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::{list_key, list_subscription};
use crate::exchange::upstream_request::ClientHeaders;
use crate::session::UpstreamSession;

/// An upstream's part of the session was opened for this client.
pub(crate) fn opened(
    cx: &Context<'_>,
    client: &ClientHeaders,
    session: &ClientSession,
    member: &mut UpstreamSession,
) {
    member.init_fingerprint = list_key::init_fingerprint(cx.gateway, client, &session.offer());
}

/// An upstream has answered.
pub(crate) fn answered(cx: &Context<'_>, answer: &Answer<'_>) -> Vec<Effect> {
    if cx.gateway.catalog.is_none() {
        return Vec::new();
    }
    list_subscription::changed(cx.gateway, answer.relisted(&cx.gateway.keys))
}
