//! Asks several upstreams at once and joins what they say.

use super::answer::{Answer, AnswerHead};
use super::{Cx, State, Turn, reply};
use crate::effect::{CallId, Counter, Effect, Step};
use crate::error::UpstreamError;
use crate::event::{CallFailure, Event};
use crate::gateway::Upstream;

/// What a fan-out is for.
pub(super) trait Job: Sized {
    /// What one upstream contributes.
    type Part;

    /// Reads one answer as soon as it is there.
    fn read(
        &self,
        cx: &Cx<'_>,
        upstream: usize,
        answer: &Answer<'_>,
    ) -> Result<Self::Part, UpstreamError>;

    /// Joins the contributions, in configured order, into the answer to the client.
    fn finish(
        self,
        cx: &mut Cx<'_>,
        parts: Vec<(usize, Result<Self::Part, UpstreamError>)>,
    ) -> Vec<Effect>;

    /// How many bytes a contribution holds.
    fn size(part: &Self::Part) -> usize;

    /// The state that waits for the answers.
    fn wait(fan_out: FanOut<Self>) -> State;
}

/// Side calls that are under way, one leg each.
#[derive(Debug)]
pub(super) struct FanOut<J: Job> {
    job: J,
    legs: Vec<Leg<J::Part>>,
}

/// One upstream that is asked.
#[derive(Debug)]
struct Leg<P> {
    upstream: usize,
    request: u64,
    head: Option<AnswerHead>,
    body: Vec<u8>,
    part: Option<Result<P, UpstreamError>>,
}

/// What to ask one upstream.
#[derive(Debug)]
pub(super) struct Ask {
    /// Its index in the configuration.
    pub(super) upstream: usize,
    /// The id in the body, to know the answer by.
    pub(super) request: u64,
}

impl<J: Job> FanOut<J> {
    /// Sends the calls; with none to send, the job is done at once.
    pub(super) fn start(
        cx: &mut Cx<'_>,
        job: J,
        asks: Vec<Ask>,
        call: impl Fn(&J, CallId, &Upstream, &Ask) -> Option<crate::effect::Call>,
    ) -> Turn {
        let gateway = cx.gateway;
        let mut effects = Vec::with_capacity(asks.len());
        let mut legs = Vec::with_capacity(asks.len());
        for ask in asks {
            let upstream = gateway.upstreams.get(ask.upstream);
            let sent = upstream.and_then(|it| call(&job, CallId(legs.len()), it, &ask));
            if let Some(sent) = sent {
                effects.push(Effect::Call(sent));
                let Ask { upstream, request } = ask;
                legs.push(Leg { upstream, request, head: None, body: Vec::new(), part: None });
            }
        }
        let (state, step) = Self { job, legs }.proceed(cx);
        effects.extend(step.effects);
        (state, Step { verdict: step.verdict, effects })
    }

    /// Takes an event of one of the calls.
    pub(super) fn handle(mut self, cx: &mut Cx<'_>, event: Event<'_>) -> Turn {
        let ended = match event {
            Event::CallHead { call, headers } => {
                if let Some(leg) = self.legs.get_mut(call.0) {
                    leg.head = Some(AnswerHead::read(headers));
                }
                None
            }
            Event::CallBody { call, chunk, end } => self.body(cx, call, chunk, end),
            Event::CallFailed { call, failure } => self.failed(cx, call, failure),
            _ => None,
        };
        let counted =
            ended.map(|(upstream, ok)| Effect::Count(Counter::SideCall { upstream, ok }, 1));
        let (state, step) = self.proceed(cx);
        let effects = counted.into_iter().chain(step.effects).collect();
        (state, Step { verdict: step.verdict, effects })
    }

    /// Takes a piece of an answer; at its end, the upstream and whether it served.
    fn body(
        &mut self,
        cx: &Cx<'_>,
        call: CallId,
        chunk: std::borrow::Cow<'_, [u8]>,
        end: bool,
    ) -> Option<(usize, bool)> {
        let limits = cx.gateway.limits;
        let leg = self.legs.get_mut(call.0).filter(|leg| leg.part.is_none())?;
        if leg.body.len().saturating_add(chunk.len()) > limits.upstream_body {
            return self.failed(cx, call, CallFailure::TooLarge);
        }
        if leg.body.is_empty() {
            leg.body = chunk.into_owned();
        } else {
            leg.body.extend_from_slice(&chunk);
        }
        if !end {
            return None;
        }
        let upstream = cx.gateway.upstreams.get(leg.upstream)?;
        let Some(head) = &leg.head else {
            return self.failed(cx, call, CallFailure::NoAnswer);
        };
        let answer = Answer { head, body: &leg.body, request: leg.request, upstream, limits };
        let part = self.job.read(cx, leg.upstream, &answer);
        let ok = part.is_ok();
        leg.body = Vec::new();
        leg.part = Some(part);
        Some((leg.upstream, ok))
    }

    fn failed(&mut self, cx: &Cx<'_>, call: CallId, failure: CallFailure) -> Option<(usize, bool)> {
        let leg = self.legs.get_mut(call.0).filter(|leg| leg.part.is_none())?;
        let upstream = cx.gateway.upstreams.get(leg.upstream)?;
        let reason = match failure {
            CallFailure::NotSent => {
                let cluster = &upstream.cluster;
                format!("cluster {cluster} does not exist in Envoy, or has no healthy host")
            }
            CallFailure::NoAnswer => {
                format!("no answer within {:?}, or the connection broke", upstream.timeout)
            }
            CallFailure::TooLarge => {
                let limit = cx.gateway.limits.upstream_body;
                format!("its answer is longer than {limit} bytes")
            }
            CallFailure::NoRoom => "the gateway has no memory left for its answer".to_owned(),
        };
        leg.body = Vec::new();
        leg.part = Some(Err(UpstreamError::new(&upstream.name, reason)));
        Some((leg.upstream, false))
    }

    /// How many bytes the answers so far hold.
    pub(super) fn held(&self) -> usize {
        let part = |part: &Result<J::Part, _>| part.as_ref().map_or(0, J::size);
        let leg = |leg: &Leg<J::Part>| leg.body.capacity() + leg.part.as_ref().map_or(0, part);
        self.legs.iter().map(leg).sum()
    }

    /// Waits on, or finishes when no leg is open.
    fn proceed(self, cx: &mut Cx<'_>) -> Turn {
        if self.legs.iter().any(|leg| leg.part.is_none()) {
            return (J::wait(self), Step::hold());
        }
        let parts = self.legs.into_iter();
        let parts = parts.filter_map(|leg| Some((leg.upstream, leg.part?))).collect();
        reply::now(self.job.finish(cx, parts))
    }
}

/// A line to the operator for each upstream that failed.
pub(super) fn warnings(what: &str, errors: &[UpstreamError]) -> Vec<Effect> {
    let line = |error: &UpstreamError| Effect::Warn(format!("{what}: {error}"));
    errors.iter().map(line).collect()
}
