//! Asks several upstreams at once and joins what they say.
//!
//! Each upstream is a leg of its own (see [`crate::exchange::fan_out::leg`]); an answer is read as soon as it is there.

pub(super) mod answer;
pub(super) mod broadcast;
pub(super) mod handshake;
pub(super) mod initialize;
pub(super) mod leg;
pub(super) mod list;
pub(super) mod list_key;
pub(super) mod list_subscription;
pub(super) mod log_level;
pub(super) mod refusal;
pub(super) mod report;

use std::borrow::Cow;

use crate::effect::{CallId, Counter, Effect, Step};
use crate::error::UpstreamError;
use crate::event::{CallFailure, Event};
use crate::exchange::client_session::ClientSession;
use crate::exchange::fan_out::answer::{Answer, AnswerHead};
use crate::exchange::fan_out::leg::{Advance, Leg, Progress};
use crate::exchange::upstream_request::{self, ClientHeaders, Sending};
use crate::exchange::{Context, State, Turn};
use crate::gateway::Upstream;
use crate::mcp::jsonrpc::Id;
use crate::session::store::Note;
use crate::session::{ScopeTag, UpstreamSession};

/// What a fan-out is for.
pub(crate) trait Job: Sized {
    /// What one upstream contributes.
    type Part;

    /// The HTTP method of what is asked.
    fn method(&self) -> &'static str {
        "POST"
    }

    /// What is asked, under the id `request`; `so_far` is what this upstream has contributed before.
    fn body(&self, upstream: &Upstream, request: u64, so_far: Option<&Self::Part>) -> Vec<u8>;

    /// The id that the answer to `request` has.
    fn id(&self, request: u64) -> Id<'_> {
        Id::from_number(request)
    }

    /// How long the answer may take.
    fn timeout(&self, upstream: &Upstream) -> std::time::Duration {
        upstream.timeout
    }

    /// Whether an upstream that has no part in the session, or lost it, is initialized first.
    fn opens(&self) -> bool {
        false
    }

    /// What an upstream contributes that need not be asked.
    fn unasked(&self, _member: &UpstreamSession) -> Option<Self::Part> {
        None
    }

    /// Reads one answer.
    fn read(
        &self,
        cx: &Context<'_>,
        upstream: usize,
        answer: &Answer<'_>,
    ) -> Result<Self::Part, UpstreamError>;

    /// Puts a later contribution of an upstream behind its earlier ones.
    ///
    /// # Errors
    ///
    /// What is wrong with them together.
    fn add(
        &self,
        _cx: &Context<'_>,
        _so_far: Self::Part,
        part: Self::Part,
    ) -> Result<Self::Part, String> {
        Ok(part)
    }

    /// Whether the upstream is asked again for more.
    fn is_partial(&self, _part: &Self::Part) -> bool {
        false
    }

    /// Joins the contributions into the answer to the client.
    fn finish(self, cx: &mut Context<'_>, ended: Ended<Self::Part>) -> Turn;

    /// How many bytes the question holds.
    fn held(&self) -> usize;

    /// How many bytes a contribution holds.
    fn size(part: &Self::Part) -> usize;

    /// The state that waits for the answers.
    fn wait(fan_out: FanOut<Self>) -> State;
}

/// Side calls that are under way.
#[derive(Debug)]
pub(crate) struct FanOut<J: Job> {
    job: J,
    legs: Vec<Leg<J::Part>>,
    client: ClientHeaders,
    /// None yet while it is being opened.
    session: Option<ClientSession>,
    /// How many calls were made.
    calls: usize,
}

/// A fan-out all of whose answers are there.
#[derive(Debug)]
pub(crate) struct Ended<P> {
    /// By the index of the upstream, in configured order.
    pub(crate) parts: Vec<(usize, Result<P, UpstreamError>)>,
    pub(crate) client: ClientHeaders,
    pub(crate) session: Option<ClientSession>,
}

impl<J: Job> FanOut<J> {
    /// Asks the upstreams with these indices; with none to ask, the job is done at once.
    pub(crate) fn start(
        cx: &mut Context<'_>,
        job: J,
        client: ClientHeaders,
        session: Option<ClientSession>,
        upstreams: impl IntoIterator<Item = usize>,
    ) -> Turn {
        let mut fan_out = Self { job, legs: Vec::new(), client, session, calls: 0 };
        let mut effects = Vec::new();
        for upstream in upstreams {
            let session = fan_out.session.as_ref();
            let member = session.and_then(|it| it.member(upstream)).cloned();
            let lost = session.and_then(|it| it.lost(upstream));
            let mut leg = Leg::new(upstream, member, lost);
            let absent = session.is_some() && leg.member.is_none() && fan_out.job.opens();
            let first = if absent && !leg.adopt(cx, session) {
                Some(Progress::Opening)
            } else {
                leg.ask(&fan_out.job)
            };
            effects.extend(first.and_then(|progress| fan_out.send(cx, &mut leg, progress)));
            fan_out.legs.push(leg);
        }
        fan_out.proceed(cx, effects)
    }

    /// Makes the leg's next call.
    fn send(
        &mut self,
        cx: &mut Context<'_>,
        leg: &mut Leg<J::Part>,
        progress: Progress,
    ) -> Option<Effect> {
        let upstream = cx.gateway.upstreams.get(leg.upstream)?;
        leg.begin(progress, CallId(self.calls), cx.request_id());
        self.calls += 1;
        let offer = self
            .session
            .as_ref()
            .filter(|_| progress == Progress::Opening)
            .map(ClientSession::offer);
        Some(Effect::Call(leg.call(&self.job, upstream, offer.as_ref(), &self.client)))
    }

    /// What it is for.
    pub(crate) fn job(&self) -> &J {
        &self.job
    }

    /// Takes an event of one of the calls.
    pub(crate) fn handle(mut self, cx: &mut Context<'_>, event: Event<'_>) -> Turn {
        let (Event::CallHead { call, .. }
        | Event::CallBody { call, .. }
        | Event::CallFailed { call, .. }) = event
        else {
            return (J::wait(self), Step::hold());
        };
        let Some(at) = self.legs.iter().position(|leg| leg.awaits(call)) else {
            return (J::wait(self), Step::hold());
        };
        let mut leg = self.legs.swap_remove(at);
        let effects = match event {
            Event::CallHead { headers, .. } => {
                leg.head = Some(AnswerHead::read(headers));
                Vec::new()
            }
            Event::CallBody { chunk, end, .. } => self.body(cx, &mut leg, chunk, end),
            Event::CallFailed { failure, .. } => self.failed(cx, &mut leg, failure),
            _ => Vec::new(),
        };
        self.legs.push(leg);
        self.proceed(cx, effects)
    }

    fn body(
        &mut self,
        cx: &mut Context<'_>,
        leg: &mut Leg<J::Part>,
        chunk: Cow<'_, [u8]>,
        end: bool,
    ) -> Vec<Effect> {
        let limits = cx.gateway.limits;
        if leg.body.len().saturating_add(chunk.len()) > limits.upstream_body {
            return self.failed(cx, leg, CallFailure::TooLarge);
        }
        if leg.body.is_empty() {
            leg.body = chunk.into_owned();
        } else {
            leg.body.extend_from_slice(&chunk);
        }
        if !end {
            return Vec::new();
        }
        let (Some(head), Some(upstream)) =
            (leg.head.take(), cx.gateway.upstreams.get(leg.upstream))
        else {
            return self.failed(cx, leg, CallFailure::NoAnswer);
        };
        let body = std::mem::take(&mut leg.body);
        let id = leg.id(&self.job).into_owned();
        let capabilities = leg.member.as_ref().map(|member| member.capabilities);
        let capabilities = capabilities.unwrap_or_default();
        let tag = self.session.as_ref().map_or(ScopeTag::NONE, |session| session.tag);
        let own = leg.member.as_ref().and_then(|member| member.id.clone());
        let session = (tag, own);
        let (head, body, id) = (&head, &body, &id);
        let answer = Answer { head, body, id, upstream, capabilities, session, limits };
        let Advance { next, ok, note, abandoned } =
            leg.advance(cx, &self.job, self.session.as_ref(), &answer);
        if let (Some(Progress::Opened), Some(session)) = (next, &self.session)
            && let Some(member) = &mut leg.member
        {
            member.init_fingerprint =
                list_key::init_fingerprint(cx.gateway, &self.client, &session.offer());
        }
        let counter = Counter::SideCall { upstream: leg.upstream, ok };
        let mut effects = vec![Effect::Count(counter, 1)];
        if cx.gateway.catalog.is_some() {
            effects
                .extend(list_subscription::changed(cx.gateway, answer.relisted(&cx.gateway.keys)));
        }
        effects.extend(note.and_then(|member| self.note(member)));
        effects.extend(next.and_then(|progress| self.send(cx, leg, progress)));
        effects.extend(abandoned.and_then(|member| self.end(upstream, &member)));
        effects
    }

    /// Lets the other workers know which part of the session was opened.
    fn note(&self, member: UpstreamSession) -> Option<Effect> {
        let session = self.session.as_ref()?;
        let (expires, session) = (session.expires, session.tag);
        Some(Effect::Note { session, note: Note::Joined(vec![member]), expires })
    }

    /// Ends a part that is not needed; nobody waits for the answer.
    fn end(&mut self, upstream: &Upstream, member: &UpstreamSession) -> Option<Effect> {
        member.id.as_ref()?;
        let id = CallId(self.calls);
        self.calls += 1;
        let sending = Sending { method: "DELETE", body: Vec::new(), timeout: upstream.timeout };
        let call = upstream_request::call(id, upstream, Some(member), &self.client, sending);
        Some(Effect::Call(call))
    }

    fn failed(
        &mut self,
        cx: &Context<'_>,
        leg: &mut Leg<J::Part>,
        failure: CallFailure,
    ) -> Vec<Effect> {
        leg.fail(cx, failure, &self.job);
        vec![Effect::Count(Counter::SideCall { upstream: leg.upstream, ok: false }, 1)]
    }

    /// How many bytes the question and the answers so far hold.
    pub(crate) fn held(&self) -> usize {
        let part = |part: &Result<J::Part, _>| part.as_ref().map_or(0, J::size);
        let leg = |leg: &Leg<J::Part>| {
            let so_far = leg.so_far.as_ref().map_or(0, J::size);
            leg.body.capacity() + so_far + leg.part.as_ref().map_or(0, part)
        };
        // Each upstream that is asked gets a copy of the question.
        self.job.held() * self.legs.len().max(1) + self.legs.iter().map(leg).sum::<usize>()
    }

    /// Waits on, or finishes when no leg is open.
    fn proceed(mut self, cx: &mut Context<'_>, mut effects: Vec<Effect>) -> Turn {
        if self.legs.iter().any(|leg| leg.part.is_none()) {
            return (J::wait(self), Step::hold_with(effects));
        }
        self.legs.sort_by_key(|leg| leg.upstream);
        for leg in &self.legs {
            if let (Some(session), Some(member)) = (&mut self.session, &leg.member) {
                session.join(leg.upstream, member.clone());
            }
        }
        let opened = self.legs.iter().filter(|leg| leg.opened);
        effects.extend(opened.filter_map(|leg| {
            let name = &leg.member.as_ref()?.upstream;
            Some(Effect::Warn(format!("upstream {name} had no part in a session: initialized")))
        }));
        let Self { job, legs, client, session, .. } = self;
        let parts = legs.into_iter().filter_map(|leg| Some((leg.upstream, leg.part?))).collect();
        let (state, step) = job.finish(cx, Ended { parts, client, session });
        effects.extend(step.effects);
        (state, Step { verdict: step.verdict, effects })
    }
}

/// A line to the operator for each upstream that failed.
pub(crate) fn warnings(what: &str, errors: &[UpstreamError]) -> Vec<Effect> {
    let line = |error: &UpstreamError| Effect::Warn(format!("{what}: {error}"));
    errors.iter().map(line).collect()
}
