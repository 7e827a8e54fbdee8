//! Asks several upstreams at once and joins what they say.
//!
//! Each upstream is a leg of its own (see [`leg`]); an answer is read as soon as it is there. What is
//! asked, and what becomes of the answers, is a [`question`].

pub(crate) mod answer;
pub(super) mod broadcast;
pub(super) mod cancelled;
mod complete;
pub(super) mod discover;
pub(super) mod initialize;
mod introduce;
pub(super) mod leg;
pub(super) mod list;
pub(crate) mod list_key;
mod list_reply;
pub(super) mod list_subscription;
pub(super) mod log_level;
mod observer;
mod opened;
pub(super) mod question;
pub(super) mod refusal;
pub(super) mod report;
pub(super) mod unavailable;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Debug;

use crate::caller::Caller;
use crate::catalog::Stepped;
use crate::effect::{CallId, Effect, Ending, Step};
use crate::era::Era;
use crate::era::upstream::known;
use crate::event::{CallFailure, Event};
use crate::exchange::fan_out::answer::{Answer, AnswerHead};
use crate::exchange::fan_out::leg::load::Load;
use crate::exchange::fan_out::leg::{Advance, Leg, Progress};
use crate::exchange::fan_out::question::{Completion, Question};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn};
use crate::gateway::UpstreamId;

/// A fan-out that is under way, whatever it asks and whatever becomes of the answers.
pub(crate) trait PendingFanOut: Debug {
    /// Takes an event of one of its calls.
    fn handle(self: Box<Self>, cx: &mut Context<'_>, event: Event<'_>) -> Turn;

    /// How many bytes the question and the answers so far hold.
    fn held(&self) -> usize;

    /// Lets those know who wait for the outcome that there will be none.
    fn abandon(&self, cx: &mut Context<'_>) -> Option<Effect>;

    /// Whether an upstream's refusal of the routed request stays held meanwhile.
    fn holds_answer(&self) -> bool;
}

/// Side calls that are under way.
#[derive(Debug)]
pub(crate) struct FanOut<Q: Question, C> {
    question: Q,
    completion: C,
    legs: Vec<Leg<Q::Part>>,
    caller: Caller,
    /// The leg that each call was made for, by its place.
    calls: Vec<usize>,
    /// What the legs come to together, so that an event costs the same however many there are.
    load: Load,
}

impl<Q: Question + 'static, C: Completion<Q> + 'static> FanOut<Q, C> {
    /// On behalf of this caller.
    pub(crate) const fn new(question: Q, completion: C, caller: Caller) -> Self {
        let load = Load { open: 0, held: 0 };
        Self { question, completion, legs: Vec::new(), caller, calls: Vec::new(), load }
    }

    /// Asks the upstreams with these indices; with none to ask, it is complete at once.
    pub(crate) fn start(
        mut self,
        cx: &mut Context<'_>,
        upstreams: impl IntoIterator<Item = UpstreamId>,
    ) -> Turn {
        let mut effects = Vec::new();
        for upstream in upstreams {
            let caller = &self.caller;
            let mut leg = Leg::new(upstream, caller.peer(upstream).cloned(), caller.lost(upstream));
            let absent = leg.peer.is_none() && self.question.opens();
            if absent {
                known::look_up(cx, upstream);
            }
            // What it says of itself may be different now.
            let asks_again = self.question.introduces()
                && leg.peer.as_ref().is_none_or(|peer| peer.era() == Era::Stateless);
            let first = if self.question.rediscovers() {
                Some(leg.rediscover())
            } else if asks_again || absent && !leg.adopt(cx, caller) {
                Some(leg.first_contact(cx, caller))
            } else {
                if self.question.introduces() {
                    leg.introduce(caller.introduction(upstream));
                }
                leg.ask(&self.question)
            };
            let at = self.legs.len();
            effects.extend(first.map(|progress| self.send(cx, (at, &mut leg), progress)));
            self.legs.push(leg);
        }
        self.weigh();
        if self.load.open > 0 {
            return (Next::FanOut(Box::new(self)), Step::hold_with(effects));
        }
        self.complete(cx, effects)
    }

    /// Makes the next call of the leg at this place.
    fn send(
        &mut self,
        cx: &mut Context<'_>,
        (at, leg): (usize, &mut Leg<Q::Part>),
        progress: Progress,
    ) -> Effect {
        let upstream = cx.gateway.upstream(leg.upstream);
        let id = cx.request_id();
        leg.begin(progress, CallId(self.calls.len()), id, cx.clock());
        if progress == Progress::Asked {
            cx.asks(leg.upstream, self.question.clients_id().is_none().then_some(id));
        }
        self.calls.push(at);
        Effect::Call(leg.call(&self.question, upstream, &self.caller))
    }

    fn body(
        &mut self,
        cx: &mut Context<'_>,
        (at, leg): (usize, &mut Leg<Q::Part>),
        chunk: Cow<'_, [u8]>,
        end: bool,
    ) -> Vec<Effect> {
        let limits = cx.gateway.limits;
        if leg.body.len().saturating_add(chunk.len()) > limits.upstream_body {
            return self.failed(cx, (at, leg), CallFailure::TooLarge);
        }
        let room = leg.head.as_ref().map_or(0, AnswerHead::room).min(limits.upstream_body);
        if leg.body.is_empty() && room <= chunk.len() {
            leg.body = chunk.into_owned();
        } else if !chunk.is_empty() {
            leg.body.reserve(room.saturating_sub(leg.body.len()));
            leg.body.extend_from_slice(&chunk);
        }
        if !end {
            return Vec::new();
        }
        let upstream = cx.gateway.upstream(leg.upstream);
        let Some(head) = leg.head.take() else {
            return self.failed(cx, (at, leg), CallFailure::NoAnswer);
        };
        let (body, items) = match self.step(cx, leg, &head) {
            Stepped::More(steps) => {
                (leg.head, leg.steps) = (Some(head), Some(steps));
                return leg.call_id().map(Effect::Continue).into_iter().collect();
            }
            Stepped::All(items, body) => (body, Some(items)),
            Stepped::Whole(body) => (body, None),
        };
        if leg.is_asked() {
            cx.answers(leg.upstream);
        }
        let items = RefCell::new(items);
        let id = leg.id(&self.question).into_owned();
        let capabilities = leg.peer.as_ref().map(|peer| peer.capabilities).unwrap_or_default();
        let session = leg.peer.as_ref().and_then(|peer| peer.session.clone());
        let (head, body, id, scope) = (&head, &body, &id, self.caller.scope());
        let dialect = self.caller.dialect(leg.peer.as_ref());
        let answer = Answer {
            head,
            body,
            id,
            upstream,
            capabilities,
            scope,
            dialect,
            session,
            limits,
            items,
        };
        let mut advance = leg.advance(cx, &self.question, &self.caller, &answer);
        let Advance { ok, again, .. } = advance;
        if let (Some(Progress::Opened), Some(peer)) = (advance.next, &mut leg.peer) {
            observer::opened(cx, &self.caller, peer);
        }
        let mut effects = Vec::new();
        if !again {
            let ending = if ok { Ending::Ok } else { answer.ending() };
            effects.push(leg.answered(cx, &self.question, ok, ending));
        }
        if let (true, Some(peer)) = (ok, &leg.peer) {
            let revision = peer.revision;
            cx.memory.seen.with(leg.upstream, |seen| seen.revision = Some(revision));
        }
        effects.extend(leg.take_fault());
        effects.extend(observer::answered(cx, &answer));
        let era = advance.era.take();
        effects.extend(era.into_iter().flat_map(|era| known::learn(cx, leg.upstream, era)));
        effects.extend(self.follow(cx, (at, leg), advance));
        effects
    }

    /// What follows from an answer, or from none.
    fn follow(
        &mut self,
        cx: &mut Context<'_>,
        (at, leg): (usize, &mut Leg<Q::Part>),
        Advance { next, note, abandoned, .. }: Advance,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Lets other requests of the caller know what was agreed.
        if let Some(peer) = note {
            effects.extend(self.caller.publish(cx, leg.upstream, &peer, leg.instructions()));
        }
        effects.extend(next.map(|progress| self.send(cx, (at, leg), progress)));
        if let Some(peer) = abandoned {
            opened::end(cx, &self.caller, leg.upstream, peer);
        }
        effects
    }

    /// Reads the answer, or more of it, if it is one that is read in steps.
    fn step(&self, cx: &Context<'_>, leg: &mut Leg<Q::Part>, head: &AnswerHead) -> Stepped {
        let body = std::mem::take(&mut leg.body);
        let steps = match leg.steps.take() {
            Some(steps) => Ok(steps),
            None if leg.is_asked() => self.question.steps(head.media_type(), body),
            None => Err(body),
        };
        let peer = leg.peer.as_ref();
        let capabilities = peer.map(|peer| peer.capabilities).unwrap_or_default();
        let speaks = (capabilities, self.caller.dialect(peer).from);
        let read = |steps| self.question.step(cx, leg.upstream, speaks, steps);
        steps.map_or_else(Stepped::Whole, read)
    }

    fn failed(
        &mut self,
        cx: &mut Context<'_>,
        (at, leg): (usize, &mut Leg<Q::Part>),
        failure: CallFailure,
    ) -> Vec<Effect> {
        let (advance, ending) = leg.fail(cx, failure, &self.question, &self.caller);
        let answered = leg.answered(cx, &self.question, false, ending);
        let mut effects: Vec<_> = [answered].into_iter().chain(leg.take_fault()).collect();
        effects.extend(advance.into_iter().flat_map(|it| self.follow(cx, (at, leg), it)));
        effects
    }

    /// Takes stock of all legs.
    fn weigh(&mut self) {
        let loads = self.legs.iter().map(Leg::load::<Q>);
        let (open, held) =
            loads.fold((0, 0), |(open, held), load| (open + load.open, held + load.held));
        self.load = Load { open, held };
    }
}

impl<Q: Question + 'static, C: Completion<Q> + 'static> PendingFanOut for FanOut<Q, C> {
    fn handle(mut self: Box<Self>, cx: &mut Context<'_>, event: Event<'_>) -> Turn {
        let (Event::CallHead { call, .. }
        | Event::CallBody { call, .. }
        | Event::CallFailed { call, .. }) = event
        else {
            return (Next::FanOut(self), Step::hold());
        };
        let Some(at) = self.calls.get(call.0).copied() else {
            return (Next::FanOut(self), Step::hold());
        };
        // A leg is large: it is changed where it is.
        let mut legs = std::mem::take(&mut self.legs);
        let mut effects = Vec::new();
        if let Some(leg) = legs.get_mut(at).filter(|leg| leg.awaits(call)) {
            let before = leg.load::<Q>();
            match event {
                Event::CallHead { headers, .. } => leg.head = Some(AnswerHead::read(headers)),
                Event::CallBody { chunk, end, .. } => {
                    effects = self.body(cx, (at, leg), chunk, end);
                }
                Event::CallFailed { failure, .. } => effects = self.failed(cx, (at, leg), failure),
                _ => {}
            }
            self.load.exchange(before, leg.load::<Q>());
        }
        self.legs = legs;
        if self.load.open > 0 {
            return (Next::FanOut(self), Step::hold_with(effects));
        }
        self.complete(cx, effects)
    }

    fn held(&self) -> usize {
        let asked = (self.question.held() + self.caller.held()) * self.legs.len().max(1);
        asked + self.completion.held() + self.load.held
    }

    fn abandon(&self, cx: &mut Context<'_>) -> Option<Effect> {
        opened::abandoned(cx, &self.caller, &self.legs);
        self.completion.abandon(cx)
    }

    fn holds_answer(&self) -> bool {
        self.completion.holds_answer()
    }
}
