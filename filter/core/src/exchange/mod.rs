//! One client request, from its head to the end of its answer.
//!
//! Three machines run beside each other, since the response to a large request may begin before the
//! request is complete, and since upstreams may be asked for both. What each can be in, and when it
//! goes on (made from the table in `transitions.rs`):
//!
//! ```text
//! Request
//!   Fresh     ──▶ Intake     a POST
//!             ──▶ Held       a GET or DELETE, for which upstreams are asked
//!             ──▶ Sent       a GET whose upstream is known
//!             ──▶ Dropped    answered: a GET, refused by its head, or a POST without a body
//!             ──▶ Bypass     another path
//!   Intake    ──▶ Held       complete; upstreams are asked
//!             ──▶ Streaming  large, and its upstream is known
//!             ──▶ Sent       complete; its upstream is known
//!             ──▶ Answered   answered with its last byte, before its end was reported
//!             ──▶ Dropped    answered, by the gateway or by the proxy
//!   Held      ──▶ Sent       its upstream is known, and open
//!             ──▶ Dropped    answered
//!             ──▶ Bypass     the proxy has given up on it
//!   Streaming ──▶ Sent       complete
//!             ──▶ Dropped    answered: refused late, or by its upstream
//!   Sent      ──▶ Dropped    answered
//!   Answered  ──▶ Dropped    its end was reported
//! Response
//!   Idle      ──▶ Awaited    the request went on
//!             ──▶ Error      the request is longer than the proxy holds
//!             ──▶ Bypass     the gateway has answered, or another path
//!   Awaited   ──▶ Json       a JSON response
//!             ──▶ Sse        an event stream
//!             ──▶ Error      anything that a client could not use, or that may turn out to be that
//!             ──▶ Held       the upstream has lost the session, and says no more
//!             ──▶ Bypass     nothing in it changes, or the request was refused
//!   Json      ──▶ Bypass     complete
//!   Sse       ──▶ Bypass     complete
//!   Error     ──▶ Held       the upstream has lost the session
//!             ──▶ Json       it is of use: a JSON response
//!             ──▶ Sse        the same, an event stream
//!             ──▶ Bypass     answered
//!   Held      ──▶ Bypass     answered
//! Fan-out
//!   Idle      ──▶ Asking     upstreams are asked
//!             ──▶ AwaitList  another exchange asks for the same list
//!             ──▶ Merged     the client listens to all
//!             ──▶ Relay      a call that may need input of its client
//!   AwaitList ──▶ Asking     the other one got nothing for this client
//!             ──▶ Idle       the list is there
//!   Asking    ──▶ Idle       every upstream has answered or failed
//!             ──▶ Relay      the same, and such a call goes to one of them
//!   Merged    ──▶ Idle       its session is over
//!   Relay     ──▶ Asking     the upstream wants other headers, or is of the other era
//!             ──▶ Idle       answered
//! ```
//!
//! A state is a struct that its events consume and that returns what is next, as data: so a stale state
//! cannot be used, and no state has to know how another one begins. What an event means in which state
//! is decided here, in `request.rs` and in `response.rs`.

pub(crate) mod client_headers;
mod context;
pub(crate) mod fan_out;
mod host_view;
mod merged;
mod relay;
mod reply;
pub(crate) mod request;
mod response;
mod routed;
mod state;
mod status;
pub(crate) mod trail;
mod transitions;
mod unused_session;
pub(crate) mod upstream_request;

use crate::effect::{Effect, Step, StreamKind};
use crate::event::Event;
use crate::memory::in_progress;
use crate::session::pool::Lease;

pub use context::Context;

use request::intake::Intake;
use routed::await_response;
use routed::farewell::Farewell;
use state::{FanOutState, Next, RequestState, ResponseState};
use trail::Trail;
use transitions::{FAN_OUT, REQUEST, RESPONSE};

/// One client request and what became of it.
#[derive(Debug, Default)]
pub struct Exchange {
    request: RequestState,
    response: ResponseState,
    fan_out: FanOutState,
    /// The sessions that were kept for a client without one, and serve this request.
    leases: Vec<Lease>,
    /// It, as its client may cancel it.
    asked: Option<in_progress::Request>,
    /// What is to be done if its client leaves before it has its answer.
    farewell: Option<Box<Farewell>>,
    /// What the operator will be told of it.
    trail: Trail,
    /// The event stream to the client that is open.
    stream: Option<StreamKind>,
}

/// What is next, and what the host does now.
type Turn = (Next, Step);

impl Exchange {
    /// Takes the next event; events that mean nothing in a state change nothing.
    pub fn handle(&mut self, cx: &mut Context<'_>, event: Event<'_>) -> Step {
        cx.trail = std::mem::take(&mut self.trail);
        cx.trail.measure(&event);
        let was = self.stream;
        let mut step = self.turn(cx, event);
        self.stream = self.stream_to_client();
        if self.stream != was {
            let ended = was.map(|kind| Effect::Stream(kind, false));
            let begun = self.stream.map(|kind| Effect::Stream(kind, true));
            step.effects.extend(ended.into_iter().chain(begun));
        }
        trail::complete(cx, &mut step.effects);
        self.trail = std::mem::take(&mut cx.trail);
        step
    }

    fn turn(&mut self, cx: &mut Context<'_>, event: Event<'_>) -> Step {
        if matches!(event, Event::Gone) {
            let mut effects = self.give_up(cx);
            let unanswered = trail::unanswered(cx);
            if let Some(farewell) = self.farewell.take().filter(|_| unanswered.is_some()) {
                farewell.say(cx);
            }
            effects.extend(unanswered);
            return Step::pass_with(effects);
        }
        let before = cfg!(debug_assertions).then(|| self.names());
        if self.asked.is_some() {
            cx.asked = self.asked.take();
        }
        let step = match event {
            Event::RequestHead { .. } | Event::RequestBody { .. } | Event::RequestTrailers => {
                self.on_request(cx, &event)
            }
            Event::ResponseHead { .. } | Event::ResponseBody { .. } | Event::ResponseTrailers => {
                self.on_response(cx, &event)
            }
            Event::OverBudget => self.on_over_budget(cx),
            event => self.on_fan_out(cx, event),
        };
        if cx.asked.is_some() {
            self.asked = cx.asked.take();
        }
        if cx.farewell.is_some() {
            self.farewell = cx.farewell.take();
        }
        if !cx.leases.is_empty() {
            self.leases.append(&mut cx.leases);
        }
        if let Some(before) = before {
            for ((machine, from), to) in
                [&REQUEST, &RESPONSE, &FAN_OUT].into_iter().zip(before).zip(self.names())
            {
                debug_assert!(machine.allows(from, to), "{}: {from} to {to}", machine.name);
            }
        }
        step
    }

    /// An event of what upstreams are asked.
    fn on_fan_out(&mut self, cx: &mut Context<'_>, event: Event<'_>) -> Step {
        let turn = match (std::mem::take(&mut self.fan_out), event) {
            (FanOutState::Asking(it), event) if event.is_call() => it.handle(cx, event),
            (FanOutState::AwaitList(it), Event::Published(answer)) => it.settled(cx, answer),
            (FanOutState::AwaitList(it), Event::Woken) => it.again(cx),
            (FanOutState::Merged(it), event) => it.handle(cx, event),
            (FanOutState::Relay(it), event) => it.handle(cx, event),
            (fan_out, _) => {
                self.fan_out = fan_out;
                return Step::pass();
            }
        };
        self.go_on(cx, turn)
    }

    /// The host has no memory left for bytes of the request or of the response.
    fn on_over_budget(&mut self, cx: &mut Context<'_>) -> Step {
        let turn = match std::mem::replace(&mut self.request, RequestState::Bypass) {
            RequestState::Intake(_) => Intake::over_budget(),
            RequestState::Answered(step) => {
                self.request = RequestState::Dropped;
                return step;
            }
            request => {
                let held = matches!(request, RequestState::Held | RequestState::Dropped);
                self.request = request;
                match std::mem::take(&mut self.response) {
                    ResponseState::Json(it) => it.over_budget(),
                    ResponseState::Sse(it) => it.over_budget(),
                    ResponseState::Error(it) => it.over_budget(cx),
                    response => {
                        let held = held || matches!(response, ResponseState::Held);
                        self.response = response;
                        return if held { Step::hold() } else { Step::pass() };
                    }
                }
            }
        };
        self.go_on(cx, turn)
    }

    /// Follows what a state returned, until every machine has its next state.
    fn go_on(&mut self, cx: &mut Context<'_>, (mut next, mut step): Turn) -> Step {
        loop {
            let turn = match next {
                Next::Route(outbound) => await_response::route(cx, outbound),
                Next::Send(outbound, stream) => {
                    let mut turn = await_response::send(cx, outbound);
                    if matches!(turn.0, Next::AwaitResponse(_)) {
                        if matches!(self.request, RequestState::Held) {
                            turn.1.effects.push(Effect::Resume);
                        }
                        self.request = stream.map_or(RequestState::Sent, RequestState::Streaming);
                    }
                    turn
                }
                next => {
                    self.enter(next);
                    return step;
                }
            };
            let Step { verdict, mut effects } = turn.1;
            step.verdict = verdict;
            if step.effects.is_empty() {
                step.effects = effects;
            } else {
                step.effects.append(&mut effects);
            }
            next = turn.0;
        }
    }

    fn enter(&mut self, next: Next) {
        match next {
            Next::Intake(it) => self.request = RequestState::Intake(it),
            Next::FanOut(it) => {
                // A call that was relayed has no answer that is held.
                if it.holds_answer() && !matches!(self.request, RequestState::Held) {
                    self.response = ResponseState::Held;
                } else {
                    self.request = RequestState::Held;
                }
                self.fan_out = FanOutState::Asking(it);
            }
            Next::AwaitList(it) => {
                self.request = RequestState::Held;
                self.fan_out = FanOutState::AwaitList(it);
            }
            Next::Merged(it) => {
                self.request = RequestState::Dropped;
                self.response = ResponseState::Bypass;
                self.fan_out = FanOutState::Merged(it);
            }
            Next::Relay(it) => {
                if it.has_begun() {
                    self.request = RequestState::Dropped;
                    self.response = ResponseState::Bypass;
                } else {
                    self.request = RequestState::Held;
                }
                self.fan_out = FanOutState::Relay(it);
            }
            Next::AwaitResponse(it) => self.response = ResponseState::Awaited(it),
            Next::JsonResponse(it) => self.response = ResponseState::Json(it),
            Next::SseResponse(it) => self.response = ResponseState::Sse(it),
            Next::ErrorResponse(it) => self.response = ResponseState::Error(it),
            Next::Bypass => self.response = ResponseState::Bypass,
            Next::OtherPath => {
                self.request = RequestState::Bypass;
                self.response = ResponseState::Bypass;
            }
            Next::Replied => {
                self.request = RequestState::Dropped;
                self.response = ResponseState::Bypass;
                self.fan_out = FanOutState::Idle;
            }
            // Followed before.
            Next::Route(_) | Next::Send(..) | Next::Opened(_) => {}
        }
    }

    /// Ends everything without an answer, and lets those know who wait for one.
    fn give_up(&mut self, cx: &mut Context<'_>) -> Vec<Effect> {
        self.request = RequestState::Bypass;
        self.response = ResponseState::Bypass;
        if let Some(asked) = self.asked.take() {
            cx.memory.in_progress.end(&asked);
        }
        match std::mem::take(&mut self.fan_out) {
            FanOutState::Asking(it) => it.abandon(cx).into_iter().collect(),
            FanOutState::Merged(it) => it.cancel(),
            FanOutState::Relay(mut it) => it.cancel(cx).into_iter().collect(),
            FanOutState::AwaitList(_) | FanOutState::Idle => Vec::new(),
        }
    }

    /// The event stream to the client that is open.
    fn stream_to_client(&self) -> Option<StreamKind> {
        match (&self.response, &self.fan_out) {
            (_, FanOutState::Merged(_)) => Some(StreamKind::Listen),
            (_, FanOutState::Relay(relay)) if relay.has_begun() => Some(StreamKind::Answer),
            (ResponseState::Sse(sse), _) if sse.answers() => Some(StreamKind::Answer),
            (ResponseState::Sse(_), _) => Some(StreamKind::Listen),
            _ => None,
        }
    }

    fn names(&self) -> [&'static str; 3] {
        [self.request.name(), self.response.name(), self.fan_out.name()]
    }
}
