//! Asks an upstream with sessions for updates of the resources that a `subscriptions/listen` names: one after the
//! other, beside the stream on which they come (2025-11-25, Resources, "Subscriptions").

use std::collections::VecDeque;

use crate::caller::subscriptions::SUBSCRIBE;
use crate::effect::{CallId, Effect};
use crate::era::Era;
use crate::era::upstream::Subject;
use crate::event::Event;
use crate::exchange::Context;
use crate::exchange::fan_out::leg::subscriptions::subscribe;
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::wanted::Wanted;
use crate::exchange::upstream_request::{self, Sending};
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;

/// What is still to be asked for in the upstream's session.
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    left: VecDeque<String>,
    call: Option<CallId>,
    /// Whether that is known for this session.
    is_begun: bool,
}

impl Subscribing {
    /// The call that is under way.
    pub(super) fn call(&self) -> Option<CallId> {
        self.call
    }

    /// The upstream has another session: there, nothing has been asked for.
    pub(super) fn forget(&mut self, client: &mut ClientSide) {
        client.effects.extend(self.call.map(Effect::CancelCall));
        *self = Self::default();
    }

    /// Begins, unless it has in this session.
    pub(super) fn begin(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        upstream: UpstreamId,
    ) {
        let Wanted::Subscribed(wanted) = &client.wanted else { return };
        let may = client.caller.peer(upstream).is_some_and(|peer| {
            peer.era() == Era::Handshake
                && peer.capabilities.contains(Capabilities::RESOURCES_SUBSCRIBE)
        });
        if may && !std::mem::replace(&mut self.is_begun, true) {
            self.left = wanted.resources(upstream).map(str::to_owned).collect();
            self.next(cx, client, upstream);
        }
    }

    /// Takes an event of its call: whatever the upstream says, the next resource is another matter.
    pub(super) fn handle(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        (upstream, event): (UpstreamId, &Event<'_>),
    ) {
        if matches!(event, Event::CallBody { end: true, .. } | Event::CallFailed { .. }) {
            self.call = None;
            self.next(cx, client, upstream);
        }
    }

    fn next(&mut self, cx: &mut Context<'_>, client: &mut ClientSide, upstream: UpstreamId) {
        let Some(uri) = self.left.pop_front() else { return };
        let (id, request) = (client.next_call(), cx.request_id());
        let body = subscribe(request, &uri);
        let configured = cx.gateway.upstream(upstream);
        let (subject, timeout) = (Subject::of(SUBSCRIBE), Some(configured.timeout));
        let sending = Sending { method: "POST", subject, body, timeout };
        let (peer, headers) = (client.caller.peer(upstream), &client.caller.headers);
        let call = upstream_request::call(id, configured, peer, headers, sending);
        client.effects.push(Effect::Call(call));
        self.call = Some(id);
    }
}
