//! The era of the upstream, as a leg finds it out.

use super::{Advance, Leg, Progress};
use crate::caller::Caller;
use crate::era::Era;
use crate::era::upstream::Introduction;
use crate::era::upstream::handshake;
use crate::era::upstream::known::{self, Finding};
use crate::era::upstream::stateless::{self, Discovered};
use crate::error::UpstreamError;
use crate::exchange::Context;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::question::Question;
use crate::fault::Fault;
use crate::gateway;

/// What a leg has found out about the era of its upstream.
#[derive(Debug, Default)]
pub(super) struct Contact {
    /// What the upstream said of itself, if this leg has asked that.
    pub(super) said: Option<Introduction>,
    /// Whether it has contradicted what was known of it; a second time is not believed.
    turned: bool,
    /// How it has refused `initialize`, if as one without sessions does.
    pub(super) refusal: Option<Box<UpstreamError>>,
    /// Whether it has refused this very request as one without a session: that is not sent again unless it
    /// wants one.
    rediscovers: bool,
}

impl<P> Leg<P> {
    /// How the upstream is spoken to for the first time: as it is known or configured to be, or else as the
    /// client begins.
    pub(crate) fn first_contact(&self, cx: &mut Context<'_>, caller: &Caller) -> Progress {
        let era = known::look_up(cx, self.upstream).begin(caller.era());
        if era == Era::Stateless { Progress::Discovering } else { Progress::Opening }
    }

    /// Reads what the upstream says to `initialize`.
    pub(super) fn introduced(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
        answer: &Answer<'_>,
    ) -> Advance {
        match handshake::read(answer) {
            Ok(said) => {
                let era = Some(Finding::of(&said.peer));
                (self.peer, self.opened) = (Some(said.peer.clone()), true);
                self.contact.said = Some(said);
                // A client that is being initialized will say so by itself.
                if caller.is_introducing() {
                    return Advance { era, ..self.ask_or_end(question) };
                }
                Advance { era, ..Advance::to(Some(Progress::Opened), true) }
            }
            Err(error) if self.may_ask_era(cx) && stateless::is_of_stateless(answer) => {
                self.contact.refusal = Some(Box::new(error));
                let era = Some(Finding::NoHandshake);
                Advance { era, ..Advance::to(Some(Progress::Discovering), false) }
            }
            Err(error) => self.end(Err(error)),
        }
    }

    /// Reads what the upstream says of itself in answer to `server/discover`.
    pub(super) fn discovered(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        answer: &Answer<'_>,
    ) -> Advance {
        match stateless::read(answer) {
            Discovered::Stateless(_) | Discovered::Untold(_) if self.contact.rediscovers => {
                let error = answer.error(Fault::RefusedStateless);
                self.break_off(question, error)
            }
            Discovered::Stateless(said) => {
                let era = Some(Finding::of(&said.peer));
                let note = Some(said.peer.clone());
                self.peer.clone_from(&note);
                self.contact.said = Some(said);
                Advance { note, era, ..self.ask_or_end(question) }
            }
            // Nothing can be said for it.
            Discovered::Untold(error) if question.introduces() => {
                Advance { era: Some(Finding::Untold), ..self.break_off(question, error) }
            }
            // It will say to the question itself what that lacks.
            Discovered::Untold(_) => {
                let known = cx.memory.eras.with(|eras| eras.get(self.upstream));
                self.peer = known.and(Finding::Untold).peer();
                let (note, era) = (self.peer.clone(), Some(Finding::Untold));
                Advance { note, era, ..self.ask_or_end(question) }
            }
            Discovered::Handshake if self.may_ask_era(cx) => {
                let era = Some(Finding::NoStateless);
                Advance { era, ..Advance::to(Some(Progress::Opening), true) }
            }
            Discovered::Handshake => {
                let refusal = self.contact.refusal.take().map(|error| *error);
                let error = refusal.unwrap_or_else(|| answer.error(Fault::OtherEra));
                self.break_off(question, error)
            }
            Discovered::Unknown(error) => self.break_off(question, error),
        }
    }

    /// Notes what the upstream has said of itself before.
    pub(crate) fn introduce(&mut self, said: Option<Introduction>) {
        self.contact.said = said;
    }

    /// What the upstream tells those who use it, if this leg has asked.
    pub(crate) fn instructions(&self) -> Option<&str> {
        self.said()?.instructions.as_deref()
    }

    /// What the upstream has said of itself, if this leg has asked.
    pub(crate) fn said(&self) -> Option<&Introduction> {
        self.contact.said.as_ref()
    }

    /// Why the upstream could not be opened, if this leg had to.
    pub(crate) fn opening_failed(&self) -> Option<&Fault> {
        let failed = self.part.as_ref()?.as_ref().err()?;
        self.peer.is_none().then_some(&failed.fault)
    }

    /// What comes when the upstream has introduced itself.
    pub(super) fn ask_or_end(&mut self, question: &impl Question<Part = P>) -> Advance {
        Advance::to(self.ask(question), true)
    }

    /// Whether an upstream without sessions answers as only one with sessions does, for the first time.
    pub(super) fn contradicts(&self, cx: &Context<'_>, answer: &Answer<'_>) -> bool {
        let stateless = self.peer.as_ref().is_some_and(|peer| peer.era() == Era::Stateless);
        stateless && !self.contact.turned && self.may_ask_era(cx) && answer.wants_handshake()
    }

    /// Whether it may turn out that the upstream is of the other era.
    pub(super) fn may_ask_era(&self, cx: &Context<'_>) -> bool {
        self.contact.refusal.is_none()
            && cx.gateway.upstream(self.upstream).era == gateway::Era::Auto
    }

    /// Begins by asking what the upstream speaks, which has refused the request as one without a session.
    pub(crate) fn rediscover(&mut self) -> Progress {
        self.contact.rediscovers = true;
        self.peer = None;
        Progress::Discovering
    }

    /// Asks what the upstream speaks.
    pub(super) fn turn(&mut self) -> Advance {
        self.contact.turned = true;
        self.peer = None;
        Advance::to(Some(Progress::Discovering), false)
    }
}
