//! The upstream's part in the client's session, as a leg finds it: lost, opened again, or opened by another
//! request meanwhile.

use super::{Advance, Leg, Progress};
use crate::caller::Caller;
use crate::exchange::Context;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::Question;
use crate::exchange::fan_out::refusal::SessionState;
use crate::fault::Fault;
use crate::gateway::Era;
use crate::mcp::capability::Capabilities;
use crate::mcp::log_level::LogLevel;

/// How many lost sessions a leg may meet: the one that it came with, and one that another request
/// had opened.
const LOSSES: usize = 2;

impl<P> Leg<P> {
    /// Goes on in another session, or asks whether the upstream knows this one, if its answer is a
    /// reason for that. To a ping, any doubt is reason enough: it asks for nothing else. What a session
    /// says that was opened just now is the answer.
    pub(super) fn doubt(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
        answer: &Answer<'_>,
    ) -> Option<Advance> {
        if !question.opens() || self.peer.as_ref().is_none_or(|peer| peer.session.is_none()) {
            return None;
        }
        let old = !self.opened && self.losses == 0;
        match answer.session_state() {
            SessionState::Lost => Some(self.lose(cx, question, caller, answer)),
            SessionState::Doubtful if question.is_ping() => {
                Some(self.lose(cx, question, caller, answer))
            }
            SessionState::Doubtful if old && question.is_idempotent() => {
                self.doubt = Some(answer.refusal());
                Some(Advance::to(Some(Progress::Doubted), false))
            }
            SessionState::Doubtful | SessionState::Known => None,
        }
    }

    /// From which level on log messages are wanted of an upstream that logs (2025-11-25, Logging), by a client of the
    /// stateless era, or by a session that has said so before the upstream was opened.
    pub(super) fn log_level(&self, caller: &Caller) -> Option<LogLevel> {
        let peer = self.peer.as_ref()?;
        caller
            .dialect(Some(peer))
            .log_level
            .or(caller.noted_level())
            .filter(|_| peer.capabilities.contains(Capabilities::LOGGING))
    }

    /// Asks in the session that was opened, unless another request has opened one meanwhile: of
    /// several, all have to go on with the same.
    pub(super) fn settle(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
        ok: bool,
    ) -> Advance {
        let own = self.peer.clone();
        let is_other = self.adopt(cx, caller) || self.yields(cx, caller);
        // Of a session that has ended meanwhile nobody asks for anything any more.
        let is_vain = is_other || caller.is_over(cx);
        let (note, abandoned) = if is_vain { (None, own) } else { (own, None) };
        self.opened = abandoned.is_none();
        Advance { note, abandoned, ..Advance::to(self.ask(question), ok) }
    }

    /// Goes on in the session that another request has opened, or opens one.
    pub(super) fn lose(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
        answer: &Answer<'_>,
    ) -> Advance {
        if self.opened || self.losses == LOSSES {
            let mut error = answer.refusal();
            error.fault = Fault::LostAgain { then: Box::new(error.fault) };
            return self.break_off(question, error);
        }
        self.losses += 1;
        self.loss = Some(answer.refusal().fault);
        // What it said in that session may not go with what it says in the next.
        self.so_far = None;
        self.lost = self.peer.take().and_then(|peer| peer.session);
        let adopted = self.adopt(cx, caller);
        let is_stateless = cx.gateway.upstream(self.upstream).era == Era::Stateless;
        let first = match adopted {
            true => Progress::Asked,
            false if is_stateless => Progress::Discovering,
            false => Progress::Opening,
        };
        Advance::to(Some(first), false)
    }

    /// Takes the part that was noted by another request, if it is not the one that was lost, or what every
    /// caller has agreed with an upstream that has no sessions.
    pub(crate) fn adopt(&mut self, cx: &Context<'_>, caller: &Caller) -> bool {
        let known = || {
            let known = cx.memory.eras.with(|eras| eras.get(self.upstream));
            let speaks = known.begin(caller.era()) == crate::era::Era::Stateless;
            known.peer().filter(|_| speaks)
        };
        let noted = caller.noted(cx, self.upstream).or_else(known);
        let Some(noted) = noted.filter(|it| it.session.is_none() || it.session != self.lost) else {
            return false;
        };
        self.peer = Some(noted);
        true
    }

    /// Goes on in the session that a request on another thread is about to note, if that was first.
    fn yields(&mut self, cx: &Context<'_>, caller: &Caller) -> bool {
        let lost = self.lost.as_deref();
        let own = self.peer.as_ref();
        let Some(stays) = own.and_then(|own| caller.claim(cx, self.upstream, (own, lost))) else {
            return false;
        };
        self.peer = Some(stays);
        true
    }

    /// Whether its upstream was opened, and others are not to know it yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        matches!(self.progress, Progress::Opened | Progress::Levelled)
    }

    /// Whether it has lost a session, rather than had none.
    pub(crate) fn has_lost_session(&self) -> bool {
        self.lost.is_some()
    }

    /// By which words it said last that it has lost its session.
    pub(crate) fn take_loss(&mut self) -> Option<Fault> {
        self.loss.take()
    }
}
