//! Opens an upstream's part of a session for a request that needs it, then sends the request on.

use super::admission::Admitted;
use super::answer::Answer;
use super::fan_out::{Ended, FanOut, Job, warnings};
use super::forward::{self, Forward};
use super::going::Going;
use super::upstream_request::ClientHeaders;
use super::{Cx, State, Turn, reply};
use crate::error::UpstreamError;
use crate::gateway::Upstream;
use crate::session::Member;

/// A request that waits for its upstream to take part.
#[derive(Debug)]
pub(super) struct Join {
    going: Going,
    /// Where it was sent already, and refused: a GET or a large request, which can be sent once only.
    late: Option<Late>,
}

/// A refusal that may mean that the session is lost. It may also mean that the upstream has no streams
/// for a GET, and a session is not worth losing for that: a ping tells.
#[derive(Debug)]
struct Late {
    /// The upstream's session id that the request had.
    session: Option<String>,
    refusal: UpstreamError,
}

/// Begins; the client's request stays held.
pub(super) fn start(
    cx: &mut Cx<'_>,
    going: Going,
    client: ClientHeaders,
    session: Admitted,
) -> Turn {
    let upstream = going.upstream();
    FanOut::start(cx, Join { going, late: None }, client, Some(session), [upstream])
}

/// Begins for what its upstream has refused, as if it had lost the session, and what cannot be sent
/// again from here. The client asks again, as it does when a stream breaks off; the upstream's refusal
/// stays held.
pub(super) fn again(cx: &mut Cx<'_>, forward: Forward, refusal: UpstreamError) -> Turn {
    let Forward { going, client, session, .. } = forward;
    let upstream = going.upstream();
    let id = session.member(upstream).and_then(|member| member.id.clone());
    let join = Join { going, late: Some(Late { session: id, refusal }) };
    FanOut::start(cx, join, client, Some(session), [upstream])
}

impl Join {
    /// Whether the request was sent already.
    pub(super) fn is_late(&self) -> bool {
        self.late.is_some()
    }
}

impl Job for Join {
    type Part = ();

    fn body(&self, _: &Upstream, request: u64, _: Option<&()>) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"ping"}}"#).into_bytes()
    }

    fn opens(&self) -> bool {
        true
    }

    /// The request itself goes through Envoy's router.
    fn unasked(&self, member: &Member) -> Option<()> {
        let doubtful = |late: &Late| late.session == member.id;
        (!self.late.as_ref().is_some_and(doubtful)).then_some(())
    }

    fn read(&self, _: &Cx<'_>, _: usize, answer: &Answer<'_>) -> Result<(), UpstreamError> {
        answer.accepted()
    }

    fn finish(self, cx: &mut Cx<'_>, ended: Ended<()>) -> Turn {
        let Self { going, late } = self;
        let failed = ended.parts.into_iter().find_map(|(_, part)| part.err());
        match (failed, ended.session, late) {
            (Some(error), ..) => {
                let mut effects = warnings(going.label(), std::slice::from_ref(&error));
                effects.extend(going.refused(error));
                reply::now(effects)
            }
            (None, Some(session), None) => {
                forward::resume(forward::send(cx, going, ended.client, session))
            }
            (None, Some(session), Some(Late { session: before, refusal }))
                if session.member(going.upstream()).is_some_and(|it| it.id == before) =>
            {
                reply::now(going.unserved(refusal))
            }
            (None, ..) => {
                let upstream = cx.gateway.upstreams.get(going.upstream());
                reply::now(going.try_again(upstream.map_or("", |it| &it.name)))
            }
        }
    }

    fn held(&self) -> usize {
        self.going.held()
    }

    fn size((): &()) -> usize {
        0
    }

    fn wait(fan_out: FanOut<Self>) -> State {
        State::Join(Box::new(fan_out))
    }
}
