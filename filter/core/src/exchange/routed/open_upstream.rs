//! Opens an upstream's part of a session for a request that needs it, then sends the request on.

use crate::effect::Step;
use crate::error::UpstreamError;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::routed::request::{Outbound, Routed};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Upstream, UpstreamId};
use crate::peer::Peer;

/// A request that waits for its upstream to take part.
#[derive(Debug)]
struct OpenUpstream {
    going: Routed,
    /// The refusal, where it was sent already: a GET or a large request, which can be sent once only.
    late: Option<UpstreamError>,
}

/// Asks nothing, as the request itself goes through Envoy's router; unless the upstream's session is
/// in doubt: then a ping tells. A refusal may also mean that the upstream has no streams for a GET, and
/// a session is not worth losing for that.
#[derive(Debug)]
struct Ping {
    doubtful: Option<Doubtful>,
}

/// A session that an upstream may have lost.
#[derive(Debug)]
struct Doubtful {
    /// The upstream's id of it; not every upstream gives one.
    id: Option<String>,
}

/// Begins; the client's request stays held.
pub(crate) fn start(cx: &mut Context<'_>, outbound: Box<Outbound>) -> Turn {
    let Outbound { going, caller } = *outbound;
    let upstream = going.upstream();
    let open = OpenUpstream { going, late: None };
    FanOut::new(Ping { doubtful: None }, open, caller).start(cx, [upstream])
}

/// Begins for what its upstream has refused, as if it had lost the session, and what cannot be sent
/// again from here. The client asks again, as it does when a stream breaks off; the upstream's refusal
/// stays held.
pub(crate) fn again(cx: &mut Context<'_>, outbound: Box<Outbound>, refusal: UpstreamError) -> Turn {
    let Outbound { going, caller } = *outbound;
    let upstream = going.upstream();
    let id = caller.peer(upstream).and_then(|peer| peer.session.clone());
    let ping = Ping { doubtful: Some(Doubtful { id }) };
    let open = OpenUpstream { going, late: Some(refusal) };
    FanOut::new(ping, open, caller).start(cx, [upstream])
}

impl Ping {
    /// Whether the upstream may have lost the session.
    fn doubts(&self, peer: &Peer) -> bool {
        self.doubtful.as_ref().is_some_and(|it| it.id == peer.session)
    }
}

impl Question for Ping {
    type Part = ();

    fn body(&self, _: &Upstream, request: u64, _: Option<&()>) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"ping"}}"#).into_bytes()
    }

    fn opens(&self) -> bool {
        true
    }

    fn unasked(&self, peer: &Peer) -> Option<()> {
        (!self.doubts(peer)).then_some(())
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<(), UpstreamError> {
        answer.accepted()
    }

    fn held(&self) -> usize {
        0
    }
}

impl Completion<Ping> for OpenUpstream {
    fn complete(self, cx: &mut Context<'_>, ping: Ping, ended: Ended<()>) -> Turn {
        let Self { going, late } = self;
        let failed = ended.parts.into_iter().find_map(|(_, part)| part.err());
        let caller = ended.caller;
        match (failed, late) {
            (Some(error), _) => {
                let mut effects = warnings(going.label(), std::slice::from_ref(&error));
                effects.extend(going.refused(error));
                reply::now(effects)
            }
            (None, None) => (Next::Send(Box::new(Outbound { going, caller }), None), Step::hold()),
            (None, Some(refusal))
                if caller.peer(going.upstream()).is_some_and(|it| ping.doubts(it)) =>
            {
                reply::now(going.unserved(refusal))
            }
            (None, Some(_)) => reply::now(going.try_again(cx.gateway.name(going.upstream()))),
        }
    }

    fn held(&self) -> usize {
        self.going.held()
    }

    fn holds_answer(&self) -> bool {
        self.late.is_some()
    }
}
