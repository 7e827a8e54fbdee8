//! The client wants no answer to its request any more, and says so with another one, on whichever worker (2025-11-25,
//! Cancellation). Its upstream has no sessions, so that the end of the call's stream tells it (2026-07-28, Cancellation).

use crate::effect::{Effect, Ending, Outcome};
use crate::exchange::relay::Relay;
use crate::exchange::relay::course::{Course, Over};
use crate::exchange::{Context, reply};
use crate::memory::questions::Inbox;

impl Relay {
    /// Lets the client cancel its request, if it can.
    pub(super) fn watch(&mut self, cx: &Context<'_>) {
        if self.parking.is_none() {
            self.inbox = cx.watch();
            self.client.effects.extend(self.inbox.clone().map(Effect::Await));
        }
    }

    /// Whether it has cancelled it.
    pub(super) fn is_cancelled(&self) -> bool {
        self.inbox.as_ref().is_some_and(Inbox::is_cancelled)
    }

    /// Leaves nothing behind: the client is gone, or needs nothing more.
    pub(crate) fn cancel(&mut self, cx: &mut Context<'_>) -> Option<Effect> {
        let course = std::mem::replace(&mut self.course, Course::Over(Over::Answered));
        if let Course::Awaits(round) = &course {
            round.forget(&cx.memory.questions);
        }
        let (sent, is_over) = match course {
            Course::Asked(sent) | Course::Reads(sent, ..) => (sent, false),
            Course::Streams(it) => (it.sent, it.end.is_some()),
            Course::Awaits(_) | Course::Over(_) => return None,
        };
        self.give_up(cx, &sent.1);
        (!is_over).then_some(Effect::CancelCall(sent.0))
    }

    /// Breaks the call off. The client is told that what it is asked is of no use any more; an answer there is none.
    pub(super) fn cancelled(&mut self, cx: &mut Context<'_>) {
        if matches!(self.course, Course::Over(_)) {
            return;
        }
        let questions = match &self.course {
            Course::Awaits(round) => round.withdrawn(),
            _ => Vec::new(),
        };
        let broken_off = self.cancel(cx);
        self.client.effects.extend(broken_off);
        // No upstream works on it any more.
        cx.is_answered();
        let (label, outcome) = (self.call.label, Outcome::Cancelled);
        self.client.effects.push(reply::ended(label, outcome, Ending::Cancelled));
        self.client.begin();
        for question in questions {
            self.client.send(b"", &question);
        }
        self.client.end();
    }
}
