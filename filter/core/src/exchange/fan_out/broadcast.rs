//! Tells upstreams of a session something that needs no answer, and answers the client when all have
//! heard it: notifications and responses, and the session's end.

use crate::caller::Caller;
use crate::effect::{Counter, Effect, SessionEvent};
use crate::era::upstream::Subject;
use crate::error::UpstreamError;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Upstream, UpstreamId};
use crate::mcp::method;
use crate::session::notes::Note;

/// A message that needs no answer.
#[derive(Debug)]
struct Message {
    method: &'static str,
    body: Vec<u8>,
    /// What some upstreams get in its place, by their names.
    others: Vec<(String, Vec<u8>)>,
    /// Whether an upstream may refuse (405 to a DELETE) or forget (404) without fault.
    lenient: bool,
}

/// The client's own, which is answered when all have heard it.
#[derive(Debug)]
struct Broadcast {
    label: &'static str,
    /// What the client gets: 202 or 204.
    status: u16,
}

/// Passes the client's notification on as it is.
pub(crate) fn notify(
    cx: &mut Context<'_>,
    caller: Caller,
    label: &'static str,
    body: &[u8],
) -> Turn {
    let told = hearing(&caller);
    tell(cx, caller, label, told, body.to_vec())
}

/// The upstreams that hear notifications.
fn hearing(caller: &Caller) -> Vec<UpstreamId> {
    let told = caller.peers().filter(|(_, peer)| !peer.revision.is_stateless());
    told.map(|(upstream, _)| upstream).collect()
}

/// Passes the client's notification on to those of these upstreams that hear any, to each in its own words.
pub(crate) fn notify_each(
    cx: &mut Context<'_>,
    caller: Caller,
    label: &'static str,
    bodies: Vec<(UpstreamId, Vec<u8>)>,
) -> Turn {
    let mut told = hearing(&caller);
    told.retain(|upstream| bodies.iter().any(|(it, _)| it == upstream));
    let name = |(upstream, body)| (cx.gateway.name(upstream).to_owned(), body);
    let others = bodies.into_iter().map(name).collect();
    let message = Message { method: "POST", body: Vec::new(), others, lenient: false };
    FanOut::new(message, Broadcast { label, status: 202 }, caller).start(cx, told)
}

/// Hands a message to the one upstream that it is for, if it is for any.
pub(crate) fn hand(
    cx: &mut Context<'_>,
    caller: Caller,
    label: &'static str,
    message: Option<(UpstreamId, Vec<u8>)>,
) -> Turn {
    let (told, body) = match message {
        Some((upstream, body)) if caller.peer(upstream).is_some() => (vec![upstream], body),
        _ => (Vec::new(), Vec::new()),
    };
    tell(cx, caller, label, told, body)
}

fn tell(
    cx: &mut Context<'_>,
    caller: Caller,
    label: &'static str,
    told: Vec<UpstreamId>,
    body: Vec<u8>,
) -> Turn {
    let message = Message { method: "POST", body, others: Vec::new(), lenient: false };
    let broadcast = Broadcast { label, status: 202 };
    FanOut::new(message, broadcast, caller).start(cx, told)
}

/// Ends every upstream's part of the session and lets no worker accept the id again (2025-11-25,
/// Transports, "Session Management").
pub(crate) fn terminate(cx: &mut Context<'_>, caller: Caller) -> Turn {
    cx.memory.lists.with(|lists| lists.forget(caller.scope()));
    let message = Message { method: "DELETE", body: Vec::new(), others: Vec::new(), lenient: true };
    let broadcast = Broadcast { label: method::DELETE, status: 204 };
    let note = caller.note(cx, Note::Deleted);
    // An upstream that gave no session id has nothing to end.
    let told = caller.peers().filter(|(_, peer)| peer.session.is_some());
    let told: Vec<UpstreamId> = told.map(|(upstream, _)| upstream).collect();
    let (state, mut step) = FanOut::new(message, broadcast, caller).start(cx, told);
    step.effects.splice(0..0, note);
    step.effects.push(Effect::Count(Counter::Session(SessionEvent::Ended), 1));
    (state, step)
}

impl Question for Message {
    type Part = ();

    fn method(&self) -> &'static str {
        self.method
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn subject(&self) -> Subject<'_> {
        Subject::of("")
    }

    fn body(&self, upstream: &Upstream, _: u64, _: Option<&()>) -> Vec<u8> {
        let other = self.others.iter().find(|(name, _)| *name == upstream.name);
        other.map_or(&self.body, |(_, body)| body).clone()
    }

    fn read(
        &self,
        _: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<(), UpstreamError> {
        match answer.accepted() {
            Err(error) if self.lenient && matches!(error.status, Some(404 | 405)) => Ok(()),
            other => other,
        }
    }

    fn held(&self) -> usize {
        self.body.capacity() + self.others.iter().map(|(_, body)| body.capacity()).sum::<usize>()
    }
}

impl Completion<Message> for Broadcast {
    fn complete(self, _: &mut Context<'_>, _: Message, ended: Ended<()>) -> Turn {
        let failed: Vec<_> = ended.parts.into_iter().filter_map(|(_, part)| part.err()).collect();
        let mut effects = warnings(self.label, &failed);
        effects.extend(reply::empty(self.label, self.status));
        reply::now(effects)
    }
}
