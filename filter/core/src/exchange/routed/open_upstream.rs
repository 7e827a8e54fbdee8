//! Opens an upstream's part of a session for a request that needs it, then sends the request on.

use crate::effect::{Effect, Step};
use crate::era::upstream::Subject;
use crate::error::UpstreamError;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::leg;
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::refusal::SessionState;
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::routed::retry;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::{Upstream, UpstreamId};
use crate::peer::Peer;

/// A request that waits for its upstream to take part.
#[derive(Debug)]
struct OpenUpstream {
    routed: Routed,
    /// Where it was sent already: how the upstream refused it.
    late: Option<Refused>,
}

/// A refusal that may mean that the session is lost.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What the client gets if it does not.
    pub(crate) answer: Vec<Effect>,
    /// What the upstream said.
    pub(crate) fault: Fault,
    /// Whether the upstream has done nothing but refuse, if the session is lost.
    pub(crate) is_certain: bool,
}

/// Asks nothing, as the request itself goes through Envoy's router; unless the upstream's session is
/// in doubt: then a ping tells. A refusal may also mean that the upstream has no streams for a GET, and
/// a session is not worth losing for that.
#[derive(Debug)]
pub(crate) struct Ping {
    doubtful: Option<Doubtful>,
    /// Whether the upstream has refused a request for want of a session, though it was taken to need none.
    is_of_other_era: bool,
}

/// A session that an upstream may have lost.
#[derive(Debug)]
struct Doubtful {
    /// The upstream's id of it; not every upstream gives one.
    id: Option<String>,
}

/// Begins; the client's request stays held.
pub(crate) fn start(cx: &mut Context<'_>, outbound: Box<Outbound>) -> Turn {
    let Outbound { routed, caller } = *outbound;
    let upstream = routed.upstream();
    let open = OpenUpstream { routed, late: None };
    FanOut::new(Ping::only_open(), open, caller).start(cx, [upstream])
}

/// Begins for what its upstream has refused as if it had lost the session; the refusal stays held. If
/// the session is lost, it is opened again, and a request that is kept is sent again. What is not kept,
/// the client asks again, as it does when a stream breaks off.
pub(crate) fn again(cx: &mut Context<'_>, outbound: Outbound, refusal: Refused) -> Turn {
    let Outbound { routed, caller } = outbound;
    let upstream = routed.upstream();
    let id = caller.peer(upstream).and_then(|peer| peer.session.clone());
    let open = OpenUpstream { routed, late: Some(refusal) };
    FanOut::new(Ping::doubting(id), open, caller).start(cx, [upstream])
}

/// Begins for a call that was made beside the client's request, which is still held, so that the call can be made in
/// the same way again.
pub(crate) fn relayed_again(cx: &mut Context<'_>, outbound: Outbound, refusal: Refused) -> Turn {
    if !refusal.is_certain {
        return again(cx, outbound, refusal);
    }
    let Outbound { routed, mut caller } = outbound;
    caller.leave(routed.upstream());
    start(cx, Box::new(Outbound { routed, caller }))
}

impl Refused {
    /// Whether the upstream has done nothing for the request, now that it has lost the session: it refused
    /// a ping, for which there is nothing to do, with the same words. Words of a tool would be others, even
    /// if the session ended just then.
    fn did_nothing(&self, loss: Option<&Fault>) -> bool {
        let same = |loss: &Fault| match (self.fault.refusal(), loss.refusal()) {
            // Its body may not have been read.
            (Some((status, "")), Some((later, _))) => status == later,
            (before, later) if before.is_some() => before == later,
            _ => self.fault == *loss,
        };
        self.is_certain || loss.is_some_and(same)
    }
}

impl Ping {
    /// Nothing is in doubt: the upstream only has to take part.
    pub(crate) fn only_open() -> Self {
        Self { doubtful: None, is_of_other_era: false }
    }

    /// The upstream may have lost this session of its own.
    pub(crate) fn doubting(id: Option<String>) -> Self {
        Self { doubtful: Some(Doubtful { id }), is_of_other_era: false }
    }

    /// The upstream wants a session, though it was taken to need none.
    pub(crate) fn of_other_era() -> Self {
        Self { doubtful: None, is_of_other_era: true }
    }

    /// Whether the upstream may have lost the session.
    pub(crate) fn doubts(&self, peer: &Peer) -> bool {
        self.doubtful.as_ref().is_some_and(|it| it.id == peer.session)
    }
}

impl Question for Ping {
    type Part = ();

    fn subject(&self) -> Subject<'_> {
        Subject::of("ping")
    }

    fn body(&self, _: &Upstream, request: u64, _: Option<&()>) -> Vec<u8> {
        leg::ping(request)
    }

    fn opens(&self) -> bool {
        true
    }

    fn unasked(&self, peer: &Peer) -> Option<()> {
        (!self.doubts(peer)).then_some(())
    }

    fn rediscovers(&self) -> bool {
        self.is_of_other_era
    }

    fn is_ping(&self) -> bool {
        true
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<(), UpstreamError> {
        answer.accepted()?;
        if answer.session_state() == SessionState::Known { Ok(()) } else { Err(answer.refusal()) }
    }

    fn held(&self) -> usize {
        0
    }
}

impl Completion<Ping> for OpenUpstream {
    fn complete(self, cx: &mut Context<'_>, ping: Ping, ended: Ended<()>) -> Turn {
        let Self { routed, late } = self;
        let failed = ended.parts.into_iter().find_map(|(_, part)| part.err());
        let caller = ended.caller;
        let peer = caller.peer(routed.upstream());
        let is_known = ended.loss.is_none() && peer.is_some_and(|it| ping.doubts(it));
        match (failed, late) {
            // It knows the session, or has not said that it does not.
            (_, Some(refused)) if is_known => reply::now(refused.answer),
            (Some(error), _) => {
                let mut effects = warnings(routed.label(), std::slice::from_ref(&error));
                effects.extend(routed.refused(error));
                reply::now(effects)
            }
            (None, None) => (Next::Send(Box::new(Outbound { routed, caller }), None), Step::hold()),
            (None, Some(refused)) => {
                let name = cx.gateway.name(routed.upstream());
                let did_nothing = refused.did_nothing(ended.loss.as_ref());
                match routed {
                    routed @ Routed::Call(_) if !did_nothing => {
                        reply::now(routed.failed(UpstreamError::new(name, Fault::LostUnsure)))
                    }
                    routed @ Routed::Call(RoutedCall { is_reopened: true, .. }) => {
                        (Next::Send(Box::new(Outbound { routed, caller }), None), Step::hold())
                    }
                    Routed::Call(call) if call.is_kept() => retry::again(cx, call, caller),
                    routed => reply::now(routed.try_again(name)),
                }
            }
        }
    }

    fn held(&self) -> usize {
        self.routed.held()
    }

    fn holds_answer(&self) -> bool {
        self.late.is_some()
    }
}
