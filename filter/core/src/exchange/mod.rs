//! One client request, from its head to the end of its answer.
//!
//! ```text
//!  Fresh ─────────────▶ Bypass    another path
//!    ▼
//!  Intake ────────────▶ Replied   refused; ping; 202
//!    ├─▶ Initialize ──▶ Replied   every upstream answered, or failed
//!    ├─▶ List ────────▶ Replied
//!    ├─▶ Broadcast ───▶ Replied   a notification; DELETE
//!    ├─▶ Join ─▶ Forward          a call whose upstream has to be opened first
//!    ├─▶ Forward ─────▶ Bypass    a call or a GET: a JSON answer, a GET's stream
//!    │     ├─▶ Relay ─▶ Bypass    an SSE answer, watched for the response
//!    │     └─▶ Gather             anything else
//!    └─▶ Gather ──────▶ Bypass    becomes a JSON-RPC error (from Intake: Envoy's own 413)
//!          └─▶ Retry ─▶ Replied   the upstream had lost the session
//! ```
//!
//! A state is a struct that its events consume and that returns the next one, so a stale state
//! cannot be used. What an event means in which state is the one table in [`Exchange::handle`].

mod admission;
mod answer;
mod broadcast;
mod fan_out;
mod forward;
mod gather;
mod handshake;
mod initialize;
mod intake;
mod join;
mod leg;
mod list;
mod relay;
mod reply;
mod retry;
mod transport;
mod upstream_request;

use crate::effect::{Step, Verdict};
use crate::event::{Event, Source};
use crate::gateway::Gateway;

use broadcast::Broadcast;
use fan_out::FanOut;
use forward::Forward;
use gather::Gather;
use initialize::Initialize;
use intake::Intake;
use join::Join;
use list::List;
use relay::Relay;
use retry::Retry;

/// What an exchange is handed with every event.
pub struct Cx<'c> {
    /// The configuration.
    pub gateway: &'c Gateway,
    /// Time, randomness and the workers' shared state.
    pub ambient: &'c mut dyn Ambient,
}

/// What the core does not have by itself.
pub trait Ambient {
    /// Seconds since the epoch.
    fn now(&self) -> u64;
    /// Fills `bytes` from a cryptographically secure source.
    fn random(&mut self, bytes: &mut [u8]);
    /// What the workers of this process share under `key`; empty where there is nothing.
    fn shared(&self, key: &str) -> Vec<u8>;
}

impl Cx<'_> {
    fn nonce(&mut self) -> [u8; 24] {
        let mut nonce = [0; 24];
        self.ambient.random(&mut nonce);
        nonce
    }

    /// An id for a request of the gateway's own. Unique within an upstream's session by chance
    /// alone (2^53 of them, all exact in a double), since nothing is stored to count with.
    fn request_id(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.ambient.random(&mut bytes);
        u64::from_le_bytes(bytes) >> 11
    }
}

/// One client request and what became of it.
#[derive(Debug, Default)]
pub struct Exchange {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing has arrived.
    #[default]
    Fresh,
    /// The request is held; its body is being read.
    Intake(Intake),
    /// Side calls of `initialize` are under way.
    Initialize(FanOut<Initialize>),
    /// Side calls of a list are under way.
    List(FanOut<List>),
    /// Side calls of a notification or of the session's end are under way.
    Broadcast(FanOut<Broadcast>),
    /// The upstream of a call is being initialized first.
    Join(FanOut<Join>),
    /// A call is made once more, its upstream being initialized again first.
    Retry(FanOut<Retry>),
    /// The request went on to its upstream; the answer's head is awaited.
    Forward(Forward),
    /// An SSE answer streams through.
    Relay(Relay),
    /// An answer is held, to be turned into a JSON-RPC error.
    Gather(Gather),
    /// The gateway answered; whatever the client still sends is dropped.
    Replied,
    /// The rest passes untouched.
    Bypass,
}

/// The next state, and what the host does now.
type Turn = (State, Step);

impl Exchange {
    /// Takes the next event; events that mean nothing in a state change nothing.
    pub fn handle(&mut self, cx: &mut Cx<'_>, event: Event<'_>) -> Step {
        let state = std::mem::replace(&mut self.state, State::Bypass);
        let (state, step) = match (state, event) {
            (State::Fresh, Event::RequestHead { headers, end }) => intake::head(cx, headers, end),
            (State::Intake(it), Event::RequestBody { chunk, end }) => it.body(cx, chunk, end),
            (State::Intake(it), Event::RequestTrailers) => it.trailers(),
            (State::Intake(_), Event::NoRoom) => Intake::no_room(),
            (State::Relay(it), Event::NoRoom) => it.no_room(),
            (State::Relay(it), Event::ResponseTrailers) => it.trailers(),
            (State::Initialize(it), event) if event.is_call() => it.handle(cx, event),
            (State::List(it), event) if event.is_call() => it.handle(cx, event),
            (State::Broadcast(it), event) if event.is_call() => it.handle(cx, event),
            (State::Intake(_), Event::ResponseHead { headers, source: Source::Overflow, end }) => {
                Intake::overflow(cx, headers, end)
            }
            (State::Join(it), event) if event.is_call() => it.handle(cx, event),
            (State::Retry(it), event) if event.is_call() => it.handle(cx, event),
            (State::Forward(it), Event::ResponseHead { headers, source, end }) => {
                it.head(cx, headers, source, end)
            }
            (State::Relay(it), Event::ResponseBody { chunk, end }) => it.body(chunk, end),
            (State::Gather(it), Event::ResponseBody { chunk, end }) => it.body(cx, chunk, end),
            (State::Gather(it), Event::ResponseTrailers | Event::NoRoom) => it.reply(cx),
            (state, event) => {
                let verdict = state.otherwise(&event);
                (state, Step { verdict, effects: Vec::new() })
            }
        };
        self.state = state;
        step
    }

    /// Whether the request's body was awaited and nothing of it has come.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        matches!(&self.state, State::Intake(it) if it.held() == 0)
    }

    /// How many bytes of requests and answers are held for the next event, so that a host can bound
    /// what all its exchanges hold together.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.state {
            State::Intake(it) => it.held(),
            State::Initialize(it) => it.held(),
            State::List(it) => it.held(),
            State::Broadcast(it) => it.held(),
            State::Join(it) => it.held(),
            State::Retry(it) => it.held(),
            State::Forward(it) => it.held(),
            State::Relay(it) => it.held(),
            State::Gather(it) => it.held(),
            State::Fresh | State::Replied | State::Bypass => 0,
        }
    }

    /// Whether the answer to the request is of interest; a host may spare itself the events if not.
    #[must_use]
    pub fn watches_response(&self) -> bool {
        matches!(
            self.state,
            State::Intake(_)
                | State::Forward(_)
                | State::Relay(_)
                | State::Gather(_)
                | State::Retry(_)
        )
    }

    /// Whether the rest of the request is of interest; a host may spare itself the events if not.
    #[must_use]
    pub fn watches_request(&self) -> bool {
        !matches!(self.state, State::Bypass)
    }
}

impl State {
    /// What becomes of a message that the state has no use for: whatever is being answered stays
    /// back, everything else goes its way.
    fn otherwise(&self, event: &Event<'_>) -> Verdict {
        let held = match event {
            Event::RequestHead { .. }
            | Event::RequestBody { .. }
            | Event::RequestTrailers
            | Event::NoRoom => matches!(
                self,
                Self::Initialize(_)
                    | Self::List(_)
                    | Self::Broadcast(_)
                    | Self::Join(_)
                    | Self::Retry(_)
                    | Self::Replied
            ),
            Event::ResponseHead { .. } | Event::ResponseBody { .. } | Event::ResponseTrailers => {
                matches!(self, Self::Retry(_))
            }
            _ => false,
        };
        if held { Verdict::Hold } else { Verdict::Pass }
    }
}
