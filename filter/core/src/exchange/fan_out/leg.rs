//! One upstream of a fan-out.
//!
//! ```text
//!                                                ┌─┐ there is more
//!                                                ▼ │
//!   Opening ──initialized──▶ Opened ──told──▶ Asked ──▶ its part
//!      ▲                                        │ │         ▲
//!      │                          in doubt ─────┘ │         │ it knows the session
//!      │                              ▼           │         │
//!      │                           Doubted ───────┼─────────┘
//!      │                              │           │
//!      └──────── lost its session ────┴───────────┘
//! ```
//!
//! Between Opened and Asked, one that logs is told which messages its client wants, if that is of the stateless
//! era and wants any; and one that has lost a session is asked for updates of resources ([`subscriptions`]).
//!
//! Where another request has opened the part meanwhile, that one is taken: instead of Opening, or in
//! place of the one that was Opened, which is then ended.
//!
//! A leg begins with Asked, or with Opening where the upstream has no part in the session yet. Where it may
//! be that the upstream has no sessions, it is asked first what it speaks:
//!
//! ```text
//!   Discovering ──no sessions──▶ Asked        ──wants a handshake──▶ Opening
//!   Opening     ──it has no sessions──▶ Discovering
//!   Asked       ──it is of another era──▶ Discovering
//! ```

mod call;
mod era;
pub(crate) mod load;
mod session;
pub(crate) mod subscriptions;

use std::collections::VecDeque;

pub(crate) use self::call::ping;
use self::era::Contact;
use crate::caller::Caller;
use crate::catalog::Steps;
use crate::effect::{CallId, Effect, Ending};
use crate::era::upstream::Introduction;
use crate::era::upstream::known::Finding;
use crate::error::UpstreamError;
use crate::event::CallFailure;
use crate::exchange::fan_out::answer::{Answer, AnswerHead};
use crate::exchange::fan_out::question::Question;
use crate::exchange::fan_out::refusal::SessionState;
use crate::exchange::{Context, reply};
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::peer::Peer;

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// To `server/discover`.
    Discovering,
    /// To `initialize`.
    Opening,
    /// To `notifications/initialized`.
    Opened,
    /// To `logging/setLevel`.
    Levelled,
    /// To `resources/subscribe`.
    Subscribing,
    /// To the question.
    Asked,
    /// To a ping in the session that it may have lost.
    Doubted,
}

/// One upstream that is asked.
#[derive(Debug)]
pub(crate) struct Leg<P> {
    pub(crate) upstream: UpstreamId,
    /// What was agreed with it, if anything.
    pub(crate) peer: Option<Peer>,
    /// Whether this leg has initialized it.
    pub(crate) opened: bool,
    pub(crate) head: Option<AnswerHead>,
    pub(crate) body: Vec<u8>,
    /// Its answer, while that is read in steps.
    pub(crate) steps: Option<Box<Steps>>,
    /// What it has contributed while there is more to ask for.
    pub(crate) so_far: Option<P>,
    /// Its contribution; the leg has ended.
    pub(crate) part: Option<Result<P, UpstreamError>>,
    progress: Progress,
    call: Option<CallId>,
    request: u64,
    /// When the call was made.
    sent: u64,
    /// The upstream's id of the session that it has lost.
    lost: Option<String>,
    /// How often it has lost one.
    losses: usize,
    /// By which words it said so last.
    loss: Option<Fault>,
    /// Its refusal, while a ping finds out whether it has lost the session.
    doubt: Option<UpstreamError>,
    /// Whether a call has been made once more because the connection was closed.
    resent: bool,
    /// Why it has ended, if not with all that it was asked for.
    fault: Option<Effect>,
    /// What has come out about its era.
    contact: Contact,
    /// Resources that it is still to be asked for updates of.
    subscriptions: VecDeque<String>,
}

/// What an answer leads to.
#[derive(Debug)]
pub(crate) struct Advance {
    /// What is sent next, if anything.
    pub(crate) next: Option<Progress>,
    /// Whether the answer was of use.
    pub(crate) ok: bool,
    /// Whether the same call is made once more; only the last try is counted.
    pub(crate) again: bool,
    /// A part that was opened, for all workers to know.
    pub(crate) note: Option<Peer>,
    /// A part that was opened in vain.
    pub(crate) abandoned: Option<Peer>,
    /// The era of the upstream, as the answer shows it.
    pub(crate) era: Option<Finding>,
}

impl Advance {
    fn to(next: Option<Progress>, ok: bool) -> Self {
        Self { next, ok, again: false, note: None, abandoned: None, era: None }
    }
}

impl<P> Leg<P> {
    /// `lost` is the upstream's id of a session that is known to be lost.
    pub(crate) fn new(upstream: UpstreamId, peer: Option<Peer>, lost: Option<String>) -> Self {
        Self {
            upstream,
            peer,
            opened: false,
            head: None,
            body: Vec::new(),
            steps: None,
            so_far: None,
            part: None,
            progress: Progress::Asked,
            call: None,
            request: 0,
            sent: 0,
            lost,
            losses: 0,
            loss: None,
            doubt: None,
            resent: false,
            fault: None,
            contact: Contact::default(),
            subscriptions: VecDeque::new(),
        }
    }

    /// What comes when the upstream has its part: the question, unless it need not be asked.
    pub(crate) fn ask(&mut self, question: &impl Question<Part = P>) -> Option<Progress> {
        let said = self.contact.said.clone();
        let known = || self.peer.clone().map(Introduction::of);
        let introduced = || question.introduced(self.upstream, said.or_else(known)?);
        let unasked = self.peer.as_ref().and_then(|peer| question.unasked(peer));
        match unasked.or_else(introduced) {
            Some(part) => {
                self.part = Some(Ok(part));
                None
            }
            None => Some(Progress::Asked),
        }
    }

    /// Notes what is being sent.
    pub(crate) fn begin(&mut self, progress: Progress, call: CallId, request: u64, clock: u64) {
        (self.progress, self.call, self.request) = (progress, Some(call), request);
        self.sent = clock;
        (self.head, self.body, self.steps) = (None, Vec::new(), None);
    }

    /// The call whose answer is awaited.
    pub(crate) fn call_id(&self) -> Option<CallId> {
        self.call
    }

    /// Whether the answer to this call is awaited.
    pub(crate) fn awaits(&self, call: CallId) -> bool {
        self.part.is_none() && self.call == Some(call)
    }

    /// Reads the awaited answer.
    pub(crate) fn advance(
        &mut self,
        cx: &Context<'_>,
        question: &impl Question<Part = P>,
        caller: &Caller,
        answer: &Answer<'_>,
    ) -> Advance {
        let is_call = self.progress == Progress::Asked && !question.is_idempotent();
        if answer.is_closed_connection() && !is_call && !std::mem::replace(&mut self.resent, true) {
            return Advance { again: true, ..Advance::to(Some(self.progress), false) };
        }
        match self.progress {
            Progress::Discovering => self.discovered(cx, question, answer),
            Progress::Opening => self.introduced(cx, question, caller, answer),
            Progress::Opened if self.log_level(caller).is_some() => {
                Advance::to(Some(Progress::Levelled), answer.accepted().is_ok())
            }
            // Refused or not: what follows will show.
            Progress::Opened | Progress::Levelled | Progress::Subscribing => {
                self.subscribe(cx, question, caller, answer.accepted().is_ok())
            }
            Progress::Doubted => match (answer.session_state(), self.doubt.take()) {
                (SessionState::Known, Some(error)) => self.break_off(question, error),
                _ => self.lose(cx, question, caller, answer),
            },
            Progress::Asked => {
                let refused = answer.accepted().is_err();
                if refused && question.is_idempotent() && self.contradicts(cx, answer) {
                    // It has done nothing but refuse.
                    self.so_far = None;
                    return self.turn();
                }
                let doubted = refused.then(|| self.doubt(cx, question, caller, answer));
                if let Some(advance) = doubted.flatten() {
                    return advance;
                }
                let part = question.read(cx, self.upstream, answer).and_then(|part| {
                    let Some(so_far) = self.so_far.take() else { return Ok(part) };
                    question.add(cx, so_far, part).map_err(|fault| answer.error(fault))
                });
                match part {
                    Ok(part) if question.is_partial(&part) => {
                        self.so_far = Some(part);
                        Advance::to(Some(Progress::Asked), true)
                    }
                    Err(error) if !refused => self
                        .doubt(cx, question, caller, answer)
                        .unwrap_or_else(|| self.break_off(question, error)),
                    Ok(part) => self.end(Ok(part)),
                    Err(error) => self.break_off(question, error),
                }
            }
        }
    }

    /// Its contribution if it fails now.
    fn cut_short(
        &mut self,
        question: &impl Question<Part = P>,
        error: UpstreamError,
    ) -> Result<P, UpstreamError> {
        self.fault = Some(reply::count_fault(self.upstream, &error.fault));
        match self.so_far.take() {
            Some(so_far) => question.cut_short(so_far, error),
            None => Err(error),
        }
    }

    /// Ends with an error, or with what it has contributed before.
    fn break_off(&mut self, question: &impl Question<Part = P>, error: UpstreamError) -> Advance {
        let part = self.cut_short(question, error);
        Advance { ok: false, ..self.end(part) }
    }

    /// Makes ready to ask for more than its contribution.
    pub(crate) fn reopen(&mut self) {
        self.so_far = self.part.take().and_then(Result::ok);
    }

    fn end(&mut self, part: Result<P, UpstreamError>) -> Advance {
        let ok = part.is_ok();
        if let Err(error) = &part {
            self.fault = Some(reply::count_fault(self.upstream, &error.fault));
        }
        self.part = Some(part);
        Advance::to(None, ok)
    }

    /// The line in the counters, if it has ended with a fault.
    pub(crate) fn take_fault(&mut self) -> Option<Effect> {
        self.fault.take()
    }

    /// Goes on without an answer, or ends. Also how its call ends.
    pub(crate) fn fail(
        &mut self,
        cx: &Context<'_>,
        failure: CallFailure,
        question: &impl Question<Part = P>,
        caller: &Caller,
    ) -> (Option<Advance>, Ending) {
        let fault = call::fault(cx, failure, (self.upstream, self.timeout(cx, question)));
        let ending = Ending::of_fault(&fault);
        (self.body, self.steps) = (Vec::new(), None);
        if self.progress == Progress::Subscribing {
            return (Some(self.leave_subscriptions(cx, question, caller)), ending);
        }
        let error = UpstreamError::new(cx.gateway.name(self.upstream), fault);
        self.part = Some(self.cut_short(question, error));
        (None, ending)
    }
}
