//! One client request, from its head to the end of its answer.
//!
//! ```text
//!  Fresh ───────────────────────▶ Bypass    another path
//!    ▼
//!  Intake ──────────────────────▶ Replied   refused; ping; 202
//!    ├─▶ Initialize ────────────▶ Replied   every upstream answered, or failed
//!    ├─▶ List ──────────────────▶ Replied
//!    ├─▶ AwaitList ─▶ List                  a list that another request asks for; served again: Replied
//!    ├─▶ LogLevel ──────────────▶ Replied
//!    ├─▶ Broadcast ─────────────▶ Replied   a notification; a response; DELETE
//!    ├─▶ Resolve ─▶ AwaitResponse           a call by a name whose owner is not known yet
//!    ├─▶ OpenUpstream ─▶ AwaitResponse      a call or a GET whose upstream has to be opened first
//!    ├─▶ AwaitResponse ─────────▶ Bypass    a call or a GET: an answer that needs no look
//!    │     ├─▶ JsonResponse ────▶ Bypass    a JSON answer, whose URIs may change
//!    │     │     └─▶ LongJsonResponse ─▶ Bypass
//!    │     ├─▶ SseResponse ─────▶ Bypass    an event stream
//!    │     └─▶ ErrorResponse                anything else
//!    └─▶ ErrorResponse ─────────▶ Bypass    becomes a JSON-RPC error (from Intake: Envoy's own 413)
//!          ├─▶ Retry ───────────▶ Replied   the upstream had lost the session
//!          └─▶ OpenUpstream ────▶ Replied   the same, of a GET, which the client makes again
//! ```
//!
//! The answer to a large request may begin before the request is complete: what there is of that to
//! come is a [`RequestStream`], beside the state.
//!
//! A state is a struct that its events consume and that returns the next one, so a stale state
//! cannot be used. What an event means in which state is the one table in [`Exchange::handle`].

pub(crate) mod fan_out;
mod reply;
pub(crate) mod request;
mod response;
mod routed;
mod state;
pub(crate) mod upstream_request;

use crate::effect::{Effect, Step};
use crate::event::{Event, Source};
use crate::gateway::Gateway;
use crate::host::HostEnv;
use crate::worker_cache::WorkerCache;

use request::intake::{self, Intake};
use request::stream::RequestStream;
use state::State;

/// What an exchange is handed with every event.
pub struct Context<'c> {
    /// The configuration.
    pub gateway: &'c Gateway,
    /// Time, randomness and what the workers share.
    pub host: &'c mut dyn HostEnv,
    /// What this worker remembers under this configuration.
    pub memory: &'c mut WorkerCache,
}

impl Context<'_> {
    fn nonce(&mut self) -> [u8; 24] {
        let mut nonce = [0; 24];
        self.host.random(&mut nonce);
        nonce
    }

    /// An id for a request of the gateway's own. Unique within an upstream's session by chance
    /// alone (2^53 of them, all exact in a double), since nothing is stored to count with.
    fn request_id(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.host.random(&mut bytes);
        u64::from_le_bytes(bytes) >> 11
    }
}

/// One client request and what became of it.
#[derive(Debug, Default)]
pub struct Exchange {
    state: State,
    /// What there is to come of a request that goes on before it is complete. Its answer may begin
    /// meanwhile.
    pour: Option<Box<RequestStream>>,
}

/// The next state, and what the host does now.
type Turn = (State, Step);

impl Exchange {
    /// Takes the next event; events that mean nothing in a state change nothing.
    pub fn handle(&mut self, cx: &mut Context<'_>, event: Event<'_>) -> Step {
        if let Some(pour) = self.pour.take_if(|_| event.is_body()) {
            return self.pour(cx, pour, &event);
        }
        let state = std::mem::replace(&mut self.state, State::Bypass);
        let (state, step) = match (state, event) {
            (State::Fresh, Event::RequestHead { headers, end }) => intake::head(cx, headers, end),
            (State::Intake(it), Event::RequestBody { chunk, end }) => it.body(cx, chunk, end),
            (State::Intake(it), Event::RequestTrailers) => it.trailers(),
            (State::Intake(_), Event::OverBudget) => Intake::over_budget(),
            (State::SseResponse(it), Event::OverBudget) => it.over_budget(),
            (State::JsonResponse(it), Event::OverBudget) => it.over_budget(),
            (State::LongJsonResponse(it), Event::OverBudget) => it.over_budget(),
            (State::SseResponse(it), Event::ResponseTrailers) => it.trailers(),
            (State::JsonResponse(it), Event::ResponseTrailers) => it.trailers(),
            (State::LongJsonResponse(it), Event::ResponseTrailers) => it.trailers(),
            (State::FanOut(it), event) if event.is_call() => it.handle(cx, event),
            (State::AwaitList(it), Event::Published(answer)) => it.settled(cx, answer),
            (State::AwaitList(it), Event::Woken) => it.again(cx),
            (State::Intake(_), Event::ResponseHead { headers, source: Source::Overflow, end }) => {
                Intake::overflow(cx, headers, end)
            }
            (
                State::Answered(step),
                Event::RequestBody { end: true, .. } | Event::RequestTrailers | Event::OverBudget,
            ) => (State::Replied, step),
            // The request was as long as its head said.
            (State::AwaitResponse(it), Event::RequestBody { chunk, .. }) if !chunk.is_empty() => {
                let nothing = Effect::RequestBody(Vec::new());
                (State::AwaitResponse(it), Step::pass_with(vec![nothing]))
            }
            (State::AwaitResponse(it), Event::ResponseHead { headers, source, end }) => {
                it.head(cx, headers, source, end)
            }
            (State::SseResponse(it), Event::ResponseBody { chunk, end }) => it.body(cx, chunk, end),
            (State::JsonResponse(it), Event::ResponseBody { chunk, end }) => {
                it.body(cx, chunk, end)
            }
            (State::LongJsonResponse(it), Event::ResponseBody { chunk, end }) => {
                it.body(cx, chunk, false, end)
            }
            (State::ErrorResponse(it), Event::ResponseBody { chunk, end }) => {
                it.body(cx, chunk, end)
            }
            (State::ErrorResponse(it), Event::ResponseTrailers | Event::OverBudget) => it.reply(cx),
            // The proxy has answered by itself, because the request took too long: nothing may be
            // sent, or sent on, any more.
            (state, Event::ResponseHead { .. }) if state.waits_for_calls() => {
                (State::Bypass, Step::pass_with(state.abandon(cx)))
            }
            (state, Event::Gone) => (State::Bypass, Step::pass_with(state.abandon(cx))),
            (state, event) => {
                let verdict = state.otherwise(&event);
                (state, Step { verdict, effects: Vec::new() })
            }
        };
        self.state = state;
        if let State::AwaitResponse(it) = &mut self.state
            && let Some(pour) = it.pour.take()
        {
            self.pour = Some(pour);
        }
        step
    }

    /// Whether the request's body was awaited and nothing of it has come.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        matches!(&self.state, State::Intake(it) if it.body.is_empty())
    }

    /// How many bytes of requests and answers are held for the next event, so that a host can bound
    /// what all its exchanges hold together.
    #[must_use]
    pub fn held(&self) -> usize {
        let poured = self.pour.as_ref().map_or(0, |it| it.held());
        self.state.held() + poured
    }

    /// Whether a request goes on as it comes, so that a host need not have room for it.
    #[must_use]
    pub fn pours(&self) -> bool {
        self.pour.is_some()
    }

    /// Gives up the copy of a request that goes on: the host has no memory left for more of it.
    pub fn spare(&mut self) {
        if let Some(pour) = &mut self.pour {
            drop(pour.take_copy());
        }
    }

    /// Whether the answer to the request is of interest; a host may spare itself the events if not.
    #[must_use]
    pub fn watches_response(&self) -> bool {
        !matches!(self.state, State::Fresh | State::Replied | State::Bypass)
    }

    /// Whether the rest of the request is of interest; a host may spare itself the events if not.
    #[must_use]
    pub fn watches_request(&self) -> bool {
        self.pour.is_some() || !matches!(self.state, State::Bypass)
    }
}
