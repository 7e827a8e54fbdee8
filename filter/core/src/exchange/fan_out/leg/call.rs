//! The call that a leg makes, and the answer that it awaits.

use std::time::Duration;

use super::{Leg, Progress};
use crate::caller::Caller;
use crate::caller::subscriptions::SUBSCRIBE;
use crate::effect::{Answered, CallId, Callout, Effect, Ending};
use crate::era::upstream::Subject;
use crate::era::upstream::handshake::INITIALIZED;
use crate::era::upstream::stateless::DISCOVER;
use crate::event::CallFailure;
use crate::exchange::Context;
use crate::exchange::fan_out::log_level;
use crate::exchange::fan_out::question::Question;
use crate::exchange::upstream_request::{self, Sending};
use crate::fault::Fault;
use crate::gateway::{Upstream, UpstreamId};
use crate::mcp::capability::Capabilities;
use crate::mcp::jsonrpc::Id;
use crate::mcp::log_level::LogLevel;
use crate::mcp::method;
use crate::mcp::revision::Revision;
use crate::peer::Peer;

/// Whoever has no sessions, before it has said what it can do.
static ANY: Peer = Peer {
    revision: Revision::NEWEST_STATELESS,
    capabilities: Capabilities::NONE,
    session: None,
    init_fingerprint: None,
};

/// Asks whether an upstream knows the session.
pub(crate) fn ping(request: u64) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"ping"}}"#).into_bytes()
}

/// What has befallen a call to an upstream that was waited for so long.
pub(super) fn fault(
    cx: &Context<'_>,
    failure: CallFailure,
    (upstream, within): (UpstreamId, Duration),
) -> Fault {
    match failure {
        CallFailure::NotSent => {
            Fault::Unreachable { cluster: cx.gateway.upstream(upstream).cluster.clone() }
        }
        CallFailure::NoAnswer => Fault::NoAnswer { within },
        CallFailure::TooLarge => Fault::TooLong { limit: cx.gateway.limits.upstream_body },
        CallFailure::OverBudget => Fault::OverBudget,
    }
}

impl<P> Leg<P> {
    /// The call that was begun.
    pub(crate) fn call(
        &self,
        question: &impl Question<Part = P>,
        upstream: &Upstream,
        caller: &Caller,
    ) -> Callout {
        let id = self.call.unwrap_or(CallId(0));
        let (peer, method, body) = match self.progress {
            Progress::Discovering => (Some(&ANY), "POST", caller.speaker().discover(self.request)),
            Progress::Opening => (None, "POST", caller.offer().request(upstream, self.request)),
            Progress::Opened => (self.peer.as_ref(), "POST", INITIALIZED.to_vec()),
            Progress::Levelled => {
                let level = self.log_level(caller).map_or("", LogLevel::as_str);
                (self.peer.as_ref(), "POST", log_level::set(self.request, level))
            }
            Progress::Subscribing => (self.peer.as_ref(), "POST", self.subscription(self.request)),
            Progress::Asked => {
                let body = question.body(upstream, self.request, self.so_far.as_ref());
                let addressed =
                    self.peer.as_ref().and_then(|peer| caller.address(peer, false, &body));
                let body = addressed.unwrap_or(body);
                (self.peer.as_ref(), question.method(), body)
            }
            Progress::Doubted => (self.peer.as_ref(), "POST", ping(self.request)),
        };
        let timeout = Some(self.time_for(question, upstream));
        let subject = match self.progress {
            Progress::Discovering => Subject::of(DISCOVER),
            _ => question.subject(),
        };
        let sending = Sending { method, subject, body, timeout };
        upstream_request::call(id, upstream, peer, &caller.headers, sending)
    }

    /// How long an answer is awaited.
    pub(super) fn timeout(&self, cx: &Context<'_>, question: &impl Question<Part = P>) -> Duration {
        self.time_for(question, cx.gateway.upstream(self.upstream))
    }

    fn time_for(&self, question: &impl Question<Part = P>, upstream: &Upstream) -> Duration {
        match self.progress {
            Progress::Asked => question.timeout(upstream),
            _ => upstream.timeout,
        }
    }

    /// What the operator is told of the call that has ended.
    pub(crate) fn answered(
        &self,
        cx: &mut Context<'_>,
        question: &impl Question<Part = P>,
        ok: bool,
        ending: Ending,
    ) -> Effect {
        let method = match self.progress {
            Progress::Discovering => "discover",
            Progress::Opening => "initialize",
            Progress::Opened => "initialized",
            Progress::Levelled => "set_level",
            Progress::Subscribing => method::label_of(SUBSCRIBE),
            Progress::Doubted => "ping",
            Progress::Asked => method::label_of(question.subject().method),
        };
        let took = cx.clock().saturating_sub(self.sent);
        Effect::Answered(Answered { upstream: self.upstream, method, ok, ending, took })
    }

    /// The id that the awaited answer has.
    pub(crate) fn id<'q>(&self, question: &'q impl Question<Part = P>) -> Id<'q> {
        let clients = question.clients_id().filter(|_| self.is_asked());
        clients.cloned().unwrap_or_else(|| Id::from_number(self.request))
    }

    /// Whether the answer to the question is awaited.
    pub(crate) fn is_asked(&self) -> bool {
        self.progress == Progress::Asked
    }
}
