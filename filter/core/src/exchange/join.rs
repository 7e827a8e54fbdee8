//! Opens an upstream's part of a session for a call that needs it, then sends the call on.

use super::admission::Admitted;
use super::answer::Answer;
use super::fan_out::{Ended, FanOut, Job, warnings};
use super::forward::{self, Call};
use super::upstream_request::ClientHeaders;
use super::{Cx, State, Turn, reply};
use crate::effect::Effect;
use crate::error::{Error, UpstreamError};
use crate::gateway::Upstream;
use crate::session::Member;

/// A call that waits for its upstream to take part.
#[derive(Debug)]
pub(super) struct Join {
    call: Call,
}

/// Begins; the client's request stays held.
pub(super) fn start(cx: &mut Cx<'_>, call: Call, client: ClientHeaders, session: Admitted) -> Turn {
    let upstream = call.upstream;
    FanOut::start(cx, Join { call }, client, Some(session), [upstream])
}

impl Job for Join {
    type Part = ();

    fn body(&self, _: &Upstream, _: u64) -> Vec<u8> {
        Vec::new()
    }

    fn opens(&self) -> bool {
        true
    }

    /// The call itself goes through Envoy's router.
    fn unasked(&self, _: &Member) -> Option<()> {
        Some(())
    }

    fn read(&self, _: &Cx<'_>, _: usize, answer: &Answer<'_>) -> Result<(), UpstreamError> {
        answer.accepted()
    }

    fn finish(self, cx: &mut Cx<'_>, ended: Ended<()>) -> Turn {
        let Self { call } = self;
        let failed = ended.parts.into_iter().find_map(|(_, part)| part.err());
        match (failed, ended.session) {
            (Some(error), _) => {
                let mut effects = warnings(call.label, std::slice::from_ref(&error));
                let error = Error::Upstream(error);
                effects.extend(reply::error(call.label, Some(&call.id), &error));
                reply::now(effects)
            }
            (None, Some(session)) => {
                let (state, mut step) = forward::send(cx, call, ended.client, session);
                if matches!(state, State::Forward(_)) {
                    step.effects.push(Effect::Resume);
                }
                (state, step)
            }
            (None, None) => reply::now(forward::partless(cx, &call)),
        }
    }

    fn held(&self) -> usize {
        self.call.body.capacity()
    }

    fn size((): &()) -> usize {
        0
    }

    fn wait(fan_out: FanOut<Self>) -> State {
        State::Join(fan_out)
    }
}
