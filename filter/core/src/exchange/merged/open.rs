//! Opens what a part needs: its upstream's stream, and before that the upstream's part of the session, if it has
//! none or may have lost it.

use crate::caller::Caller;
use crate::effect::Step;
use crate::effect::{CallId, Callout, Effect};
use crate::era::Era;
use crate::era::upstream::Subject;
use crate::error::UpstreamError;
use crate::event::Event;
use crate::exchange::fan_out::question::{Completion, Ended};
use crate::exchange::fan_out::{FanOut, PendingFanOut};
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::wanted::{self, Wanted};
use crate::exchange::routed::open_upstream::Ping;
use crate::exchange::state::Next;
use crate::exchange::upstream_request::{self, LAST_EVENT_ID, Sending};
use crate::exchange::{Context, Turn};
use crate::gateway::UpstreamId;
use crate::peer::Peer;

/// What has become of an upstream's part of the session.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What is agreed with it now.
    pub(super) peer: Option<Peer>,
    /// Whether it has never lost the session that it was asked about.
    pub(super) is_known: bool,
    pub(super) failure: Option<UpstreamError>,
}

/// An upstream's part of the session that is being opened. It is a fan-out with one leg, which makes one call at
/// a time and counts its own.
#[derive(Debug)]
pub(super) struct Opening {
    fan_out: Box<dyn PendingFanOut>,
    /// The call, as the host knows it and as the leg does.
    call: (CallId, CallId),
}

/// What an opening leads to.
pub(super) enum Progress {
    Open(Opening),
    Ended(Option<Opened>),
}

/// Hands over what has become of it.
#[derive(Debug)]
struct HandOver;

impl Completion<Ping> for HandOver {
    fn complete(self, _: &mut Context<'_>, ping: Ping, ended: Ended<()>) -> Turn {
        let (upstream, failure) = match ended.parts.into_iter().next() {
            Some((upstream, part)) => (Some(upstream), part.err()),
            None => (None, None),
        };
        let peer = upstream.and_then(|upstream| ended.caller.peer(upstream)).cloned();
        let is_known = ended.loss.is_none() && peer.as_ref().is_some_and(|it| ping.doubts(it));
        (Next::Opened(Box::new(Opened { peer, is_known, failure })), Step::hold())
    }
}

impl Opening {
    /// Begins.
    pub(super) fn start(
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        upstream: UpstreamId,
        ping: Ping,
    ) -> Progress {
        let caller: Caller = client.caller.clone();
        let turn = FanOut::new(ping, HandOver, caller).start(cx, [upstream]);
        Self::follow(client, turn, None)
    }

    /// Takes an event of its call.
    pub(super) fn handle(
        self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        event: Event<'_>,
    ) -> Progress {
        let Self { fan_out, call } = self;
        let own = call.1;
        let event = match event {
            Event::CallHead { headers, .. } => Event::CallHead { call: own, headers },
            Event::CallBody { chunk, end, .. } => Event::CallBody { call: own, chunk, end },
            Event::CallFailed { failure, .. } => Event::CallFailed { call: own, failure },
            other => other,
        };
        let turn = fan_out.handle(cx, event);
        Self::follow(client, turn, Some(call))
    }

    fn follow(
        client: &mut ClientSide,
        (next, step): Turn,
        mut call: Option<(CallId, CallId)>,
    ) -> Progress {
        for effect in step.effects {
            match effect {
                Effect::Call(callout) => {
                    let id = client.next_call();
                    call = Some((id, callout.id));
                    client.effects.push(Effect::Call(Callout { id, ..callout }));
                }
                other => client.effects.push(other),
            }
        }
        match (next, call) {
            (Next::FanOut(fan_out), Some(call)) => Progress::Open(Self { fan_out, call }),
            (Next::Opened(opened), _) => Progress::Ended(Some(*opened)),
            _ => Progress::Ended(None),
        }
    }

    /// The call that is under way.
    pub(super) fn call(&self) -> CallId {
        self.call.0
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.fan_out.held()
    }
}

/// The request for an upstream's stream; `None` if it has nothing to say that the client wants. With sessions it
/// is a GET, from its position on (2025-11-25, Transports, "Listening for Messages from the Server").
pub(super) fn stream(
    cx: &mut Context<'_>,
    client: &mut ClientSide,
    upstream: UpstreamId,
) -> Option<Callout> {
    let (id, request) = (client.next_call(), cx.request_id());
    let caller = &client.caller;
    let peer = caller.peer(upstream)?;
    let is_modern = peer.era() == Era::Stateless;
    let body = match &client.wanted {
        Wanted::Subscribed(wanted) if !wanted.concerns(upstream, peer) => return None,
        Wanted::Subscribed(wanted) if is_modern => {
            wanted.request(cx.gateway, caller, (upstream, peer))
        }
        Wanted::Everything if is_modern => {
            let body = wanted::listen_to_all(peer, request)?;
            caller.address(peer, false, &body).unwrap_or(body)
        }
        Wanted::Subscribed(_) | Wanted::Everything => Vec::new(),
    };
    let (method, subject) = if is_modern { ("POST", "subscriptions/listen") } else { ("GET", "") };
    let subject = Subject::of(subject);
    let sending = Sending { method, subject, body, timeout: None };
    let configured = cx.gateway.upstream(upstream);
    let mut call = upstream_request::call(id, configured, Some(peer), &caller.headers, sending);
    let position = client.positions.get(upstream).filter(|_| !is_modern);
    if let Some(event) = position {
        call.headers.add(LAST_EVENT_ID, event);
    }
    Some(call)
}
