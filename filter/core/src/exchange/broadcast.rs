//! Tells every upstream of a session, and answers the client when all have heard it: notifications,
//! and the session's end.

use super::admission::Admitted;
use super::answer::Answer;
use super::fan_out::{Ask, FanOut, Job, warnings};
use super::intake::Client;
use super::{Cx, State, Turn, reply, upstream_request};
use crate::effect::Effect;
use crate::error::UpstreamError;
use crate::route;

/// A message that needs no answer.
#[derive(Debug)]
pub(super) struct Broadcast {
    label: &'static str,
    /// What the client gets: 202 or 204.
    status: u16,
    /// Whether an upstream may refuse (405 to a DELETE) or forget (404) without fault.
    lenient: bool,
}

/// Passes the client's notification on as it is.
pub(super) fn notify(
    cx: &mut Cx<'_>,
    client: &Client,
    session: &Admitted,
    label: &'static str,
    body: &[u8],
) -> Turn {
    let job = Broadcast { label, status: 202, lenient: false };
    send(cx, client, session, job, "POST", body)
}

/// Ends every upstream's part of the session and lets no worker accept the id again (2025-11-25,
/// Transports, "Session Management").
pub(super) fn terminate(cx: &mut Cx<'_>, client: &Client, session: &Admitted) -> Turn {
    let job = Broadcast { label: route::DELETE, status: 204, lenient: true };
    let (state, mut step) = send(cx, client, session, job, "DELETE", &[]);
    step.effects.insert(0, Effect::Revoke { tag: session.tag, expires: session.expires });
    (state, step)
}

fn send(
    cx: &mut Cx<'_>,
    client: &Client,
    session: &Admitted,
    job: Broadcast,
    method: &'static str,
    body: &[u8],
) -> Turn {
    // An upstream that gave no session id has nothing to end.
    let told = session.members().filter(|(_, member)| !job.lenient || member.id.is_some());
    let asks = told.map(|(upstream, _)| Ask { upstream, request: 0 }).collect();
    FanOut::start(cx, job, asks, |_, id, upstream, ask| {
        let member = session.member(ask.upstream);
        let headers = &client.headers;
        Some(upstream_request::call(id, upstream, member, headers, method, body.to_vec()))
    })
}

impl Job for Broadcast {
    type Part = ();

    fn read(&self, _: &Cx<'_>, _: usize, answer: &Answer<'_>) -> Result<(), UpstreamError> {
        match answer.accepted() {
            Err(error) if self.lenient && matches!(error.status, Some(404 | 405)) => Ok(()),
            other => other,
        }
    }

    fn finish(self, _: &mut Cx<'_>, parts: Vec<(usize, Result<(), UpstreamError>)>) -> Vec<Effect> {
        let failed: Vec<_> = parts.into_iter().filter_map(|(_, part)| part.err()).collect();
        let mut effects = warnings(self.label, &failed);
        effects.extend(reply::empty(self.label, self.status));
        effects
    }

    fn size((): &()) -> usize {
        0
    }

    fn wait(fan_out: FanOut<Self>) -> State {
        State::Broadcast(fan_out)
    }
}
