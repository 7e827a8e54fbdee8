//! What comes of an upstream that does not give the stream that it is asked for.

use crate::effect::{Counter, Effect};
use crate::era::Era;
use crate::error::UpstreamError;
use crate::event::CallFailure;
use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::part::Part;
use crate::exchange::routed::open_upstream::Ping;
use crate::exchange::{Context, reply};
use crate::fault::Fault;
use crate::gateway;

impl Part {
    /// What came in place of a stream. What a server answers that has none to give should be 405 (2025-11-25,
    /// Transports, "Listening for Messages from the Server"); some have other words for it, which may mean
    /// that it has lost the session as well.
    pub(super) fn refused(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        head: &RefusalHead,
        body: &[u8],
    ) {
        let peer = client.caller.peer(self.upstream);
        let session = peer.and_then(|peer| peer.session.clone());
        let is_modern = peer.is_some_and(|peer| peer.era() == Era::Stateless);
        let is_auto = cx.gateway.upstream(self.upstream).era == gateway::Era::Auto;
        // One that had a stream may be another server now.
        let had_one = head.status == 405 && std::mem::take(&mut self.has_streamed);
        let ping = match head.session_state(body) {
            _ if session.is_some() && had_one => Some(Ping::doubting(session)),
            SessionState::Lost | SessionState::Doubtful
                if session.is_some() && head.status != 405 =>
            {
                Some(Ping::doubting(session))
            }
            _ => {
                let is_of_other_era = is_modern && is_auto && head.wants_handshake(body);
                is_of_other_era.then(Ping::of_other_era)
            }
        };
        if let Some(ping) = ping {
            return self.open(cx, client, ping);
        }
        match head.status {
            200..=299 | 400 | 404 | 405 | 406 | 415 | 422 | 501 => {
                self.count(client, true);
                self.has_none(cx, client);
            }
            _ => {
                let fault = head.fault(cx.gateway.upstream(self.upstream), body);
                self.trouble(cx, client, fault);
            }
        }
    }

    pub(super) fn failed(
        &mut self,
        cx: &Context<'_>,
        client: &mut ClientSide,
        failure: CallFailure,
    ) {
        let upstream = cx.gateway.upstream(self.upstream);
        let fault = match failure {
            CallFailure::NotSent => Fault::Unreachable { cluster: upstream.cluster.clone() },
            CallFailure::NoAnswer => Fault::NoAnswer { within: upstream.timeout },
            CallFailure::TooLarge => Fault::TooLong { limit: cx.gateway.limits.upstream_body },
            CallFailure::OverBudget => Fault::OverBudget,
        };
        self.trouble(cx, client, fault);
    }

    /// The stream could not be opened.
    fn trouble(&mut self, cx: &Context<'_>, client: &mut ClientSide, fault: Fault) {
        // A server that has not noticed yet that its last stream was given up keeps what it has to say.
        let is_busy = matches!(fault, Fault::Refused { status: 409, .. });
        self.is_lost |= !is_busy || client.positions.get(self.upstream).is_none();
        self.count(client, false);
        client.effects.push(reply::count_fault(self.upstream, &fault));
        self.tell(client, UpstreamError::new(cx.gateway.name(self.upstream), fault));
        self.wait(cx, client);
    }

    /// Tells the operator, once until the upstream is back.
    pub(super) fn tell(&mut self, client: &mut ClientSide, error: UpstreamError) {
        if !std::mem::replace(&mut self.is_told, true) {
            client.effects.extend(warnings(client.label, &[error]));
        }
    }

    pub(super) fn count(&self, client: &mut ClientSide, ok: bool) {
        let counter = Counter::SideCall { upstream: self.upstream, ok };
        client.effects.push(Effect::Count(counter, 1));
    }
}
