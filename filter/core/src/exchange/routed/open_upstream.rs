//! Opens an upstream's part of a session for a request that needs it, then sends the request on.

use crate::error::UpstreamError;
use crate::exchange::client_session::ClientSession;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::{Ended, FanOut, Job, warnings};
use crate::exchange::routed::await_response::{self, AwaitResponse};
use crate::exchange::routed::request::Routed;
use crate::exchange::upstream_request::ClientHeaders;
use crate::exchange::{Context, State, Turn, reply};
use crate::gateway::Upstream;
use crate::session::UpstreamSession;

/// A request that waits for its upstream to take part.
#[derive(Debug)]
pub(crate) struct OpenUpstream {
    going: Routed,
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
pub(crate) fn start(
    cx: &mut Context<'_>,
    going: Routed,
    client: ClientHeaders,
    session: ClientSession,
) -> Turn {
    let upstream = going.upstream();
    FanOut::start(cx, OpenUpstream { going, late: None }, client, Some(session), [upstream])
}

/// Begins for what its upstream has refused, as if it had lost the session, and what cannot be sent
/// again from here. The client asks again, as it does when a stream breaks off; the upstream's refusal
/// stays held.
pub(crate) fn again(cx: &mut Context<'_>, forward: AwaitResponse, refusal: UpstreamError) -> Turn {
    let AwaitResponse { going, client, session, .. } = forward;
    let upstream = going.upstream();
    let id = session.member(upstream).and_then(|member| member.id.clone());
    let join = OpenUpstream { going, late: Some(Late { session: id, refusal }) };
    FanOut::start(cx, join, client, Some(session), [upstream])
}

impl OpenUpstream {
    /// Whether the request was sent already.
    pub(crate) fn is_late(&self) -> bool {
        self.late.is_some()
    }
}

impl Job for OpenUpstream {
    type Part = ();

    fn body(&self, _: &Upstream, request: u64, _: Option<&()>) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":{request},"method":"ping"}}"#).into_bytes()
    }

    fn opens(&self) -> bool {
        true
    }

    /// The request itself goes through Envoy's router.
    fn unasked(&self, member: &UpstreamSession) -> Option<()> {
        let doubtful = |late: &Late| late.session == member.id;
        (!self.late.as_ref().is_some_and(doubtful)).then_some(())
    }

    fn read(&self, _: &Context<'_>, _: usize, answer: &Answer<'_>) -> Result<(), UpstreamError> {
        answer.accepted()
    }

    fn finish(self, cx: &mut Context<'_>, ended: Ended<()>) -> Turn {
        let Self { going, late } = self;
        let failed = ended.parts.into_iter().find_map(|(_, part)| part.err());
        match (failed, ended.session, late) {
            (Some(error), ..) => {
                let mut effects = warnings(going.label(), std::slice::from_ref(&error));
                effects.extend(going.refused(error));
                reply::now(effects)
            }
            (None, Some(session), None) => {
                await_response::resume(await_response::send(cx, going, ended.client, session))
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
        State::OpenUpstream(Box::new(fan_out))
    }
}
