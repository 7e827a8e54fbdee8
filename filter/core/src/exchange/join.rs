//! Opens an upstream's part of a session for a request that needs it, then sends the request on.

use super::admission::Admitted;
use super::answer::Answer;
use super::fan_out::{Ended, FanOut, Job, warnings};
use super::forward::{self, Forward, Going};
use super::upstream_request::ClientHeaders;
use super::{Cx, State, Turn, reply};
use crate::error::UpstreamError;
use crate::gateway::Upstream;
use crate::session::Member;

/// A request that waits for its upstream to take part.
#[derive(Debug)]
pub(super) struct Join {
    going: Going,
    /// Whether it was sent already, and refused: a GET, which can be sent once only.
    late: bool,
}

/// Begins; the client's request stays held.
pub(super) fn start(
    cx: &mut Cx<'_>,
    going: Going,
    client: ClientHeaders,
    session: Admitted,
) -> Turn {
    let upstream = going.upstream();
    FanOut::start(cx, Join { going, late: false }, client, Some(session), [upstream])
}

/// Begins for a stream that its upstream has refused, since it has lost the session. The client asks
/// again, as it does when a stream breaks off; the upstream's refusal stays held.
pub(super) fn again(cx: &mut Cx<'_>, forward: Forward) -> Turn {
    let Forward { going, client, mut session } = forward;
    let upstream = going.upstream();
    session.leave(upstream);
    FanOut::start(cx, Join { going, late: true }, client, Some(session), [upstream])
}

impl Join {
    /// Whether the request was sent already.
    pub(super) fn is_late(&self) -> bool {
        self.late
    }
}

impl Job for Join {
    type Part = ();

    fn body(&self, _: &Upstream, _: u64, _: Option<&()>) -> Vec<u8> {
        Vec::new()
    }

    fn opens(&self) -> bool {
        true
    }

    /// The request itself goes through Envoy's router.
    fn unasked(&self, _: &Member) -> Option<()> {
        Some(())
    }

    fn read(&self, _: &Cx<'_>, _: usize, answer: &Answer<'_>) -> Result<(), UpstreamError> {
        answer.accepted()
    }

    fn finish(self, cx: &mut Cx<'_>, ended: Ended<()>) -> Turn {
        let Self { going, late } = self;
        let failed = ended.parts.into_iter().find_map(|(_, part)| part.err());
        match (failed, ended.session) {
            (Some(error), _) => {
                let mut effects = warnings(going.label(), std::slice::from_ref(&error));
                effects.extend(going.refused(error));
                reply::now(effects)
            }
            (None, Some(session)) if !late => {
                forward::resume(forward::send(cx, going, ended.client, session))
            }
            (None, _) => reply::now(reply::try_again()),
        }
    }

    fn held(&self) -> usize {
        self.going.held()
    }

    fn size((): &()) -> usize {
        0
    }

    fn wait(fan_out: FanOut<Self>) -> State {
        State::Join(fan_out)
    }
}
