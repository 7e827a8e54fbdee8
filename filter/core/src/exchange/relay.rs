//! Makes a call that may need input of its client, in a host that streams: that of a client with a session at an
//! upstream without. The upstream's `input_required` becomes requests on the event stream of the client's call, and
//! the client's answers, which it posts, become the call once more (2026-07-28, Multi Round-Trip Requests).
//!
//! ```text
//!   client ──tools/call──▶ Relay ──tools/call──▶ upstream
//!          ◀──elicitation──       ◀──input_required──
//!          ──(POST) answer─▶ Inbox ──tools/call, inputResponses──▶
//!          ◀──result──────        ◀──result──
//! ```
//!
//! - An upstream that asks for nothing and answers in JSON is answered for with a whole reply. Its event stream goes by
//!   event by event.
//! - Only what the client has declared, and the upstream is offered, is asked for.
//! - A client that does not answer, and an upstream that says nothing, are waited for as long as `call_timeout`.
//! - When the client leaves, the call is broken off, and nobody waits for answers any more.

mod answer;
mod client;
pub(crate) mod input;

use crate::caller::Caller;
use crate::effect::{CallId, Counter, Effect, Step};
use crate::era::Era;
use crate::event::{CallFailure, Event};
use crate::exchange::fan_out::answer::AnswerHead;
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::routed::{list_again, retry};
use crate::exchange::state::Next;
use crate::exchange::upstream_request::{self, Sending};
use crate::exchange::{Context, Turn};
use crate::fault::Fault;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::sse::EventReader;

use client::ClientSide;
use input::Round;

/// How often an upstream may ask for input, or to be asked again, for one request of a client.
const ROUNDS: usize = 8;

/// A call that may need input of its client.
#[derive(Debug)]
pub(crate) struct Relay {
    /// As the client has made it, in the words of no era.
    call: RoutedCall,
    caller: Caller,
    /// What the upstream may ask for, as `clientCapabilities`.
    capabilities: String,
    client: ClientSide,
    course: Course,
    /// How many calls were made.
    calls: usize,
    /// How often the upstream has asked.
    rounds: usize,
    /// Whether its tools were listed again, since it wanted other headers.
    is_listed: bool,
}

/// What it does.
#[derive(Debug)]
enum Course {
    /// The head of the answer to the call is awaited.
    Asked(Sent),
    /// What answers it is no stream, and is read to its end.
    Reads(Sent, Box<AnswerHead>, Vec<u8>),
    /// Events go by.
    Streams(Sent, Box<EventReader>),
    /// The client is asked.
    Awaits(Round),
    /// It is over.
    Over(Over),
}

/// A call that is under way, and the id of its request.
#[derive(Debug)]
struct Sent(CallId, Id<'static>);

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// The client has its answer.
    Answered,
    /// The upstream has refused the request for its headers.
    WantsOtherHeaders,
    /// The upstream is of the other era.
    IsOfOtherEra,
}

/// What an upstream may ask for in answer to a request, as `clientCapabilities`, if the request can be made so.
pub(crate) fn asks(cx: &Context<'_>, routed: &Routed, caller: &Caller) -> Option<String> {
    let Routed::Call(call) = routed else { return None };
    let peer = caller.peer(call.upstream)?;
    let is_bridged = (caller.era(), peer.era()) == (Era::Handshake, Era::Stateless);
    let may_ask = matches!(call.shape, Shape::Tool | Shape::Prompt | Shape::Contents);
    (cx.host.abilities().streams && is_bridged && may_ask && call.is_kept()).then_some(())?;
    caller.answers(cx.gateway.upstream(call.upstream))
}

/// Makes the call.
pub(crate) fn start(cx: &mut Context<'_>, outbound: Outbound, capabilities: String) -> Turn {
    match outbound {
        Outbound { routed: Routed::Call(call), caller } => {
            begin(cx, (call, caller, capabilities), false)
        }
        Outbound { routed: Routed::Stream(_), .. } => (Next::Bypass, Step::pass()),
    }
}

/// Makes a call once more whose tool was listed again; the client gets the answer, whatever that is.
pub(crate) fn listed(
    cx: &mut Context<'_>,
    call: RoutedCall,
    caller: Caller,
    capabilities: String,
) -> Turn {
    begin(cx, (call, caller, capabilities), true)
}

fn begin(
    cx: &mut Context<'_>,
    (call, caller, capabilities): (RoutedCall, Caller, String),
    is_listed: bool,
) -> Turn {
    let client = ClientSide::new(call.label, call.id.clone(), cx.host.now());
    let course = Course::Over(Over::Answered);
    let (calls, rounds) = (0, 0);
    let mut relay =
        Box::new(Relay { call, caller, capabilities, client, course, calls, rounds, is_listed });
    let body = relay.call.body.clone();
    relay.send(cx, relay.call.id.clone(), &body);
    relay.turn(cx)
}

impl Relay {
    /// Sends the request, which has this id.
    fn send(&mut self, cx: &mut Context<'_>, request: Id<'static>, body: &[u8]) {
        let upstream = cx.gateway.upstream(self.call.upstream);
        let id = CallId(self.calls);
        self.calls += 1;
        let body = self.caller.address_asked(&self.capabilities, body);
        let body = body.unwrap_or_else(|| self.call.body.clone());
        let (method, subject) = ("POST", self.call.subject());
        let sending = Sending { method, subject, body, timeout: None };
        let peer = self.caller.peer(self.call.upstream);
        let call = upstream_request::call(id, upstream, peer, &self.caller.headers, sending);
        cx.asks(self.call.upstream, None);
        self.client.effects.push(Effect::Call(call));
        self.client.waits(cx.host.now(), upstream.call_timeout);
        self.course = Course::Asked(Sent(id, request));
    }

    /// Takes an event of its call, of its inbox, of its timer, or of its client.
    pub(crate) fn handle(mut self: Box<Self>, cx: &mut Context<'_>, event: Event<'_>) -> Turn {
        match event {
            Event::CallHead { call, headers } if self.awaits(call) => self.head(cx, headers),
            Event::CallBody { call, chunk, end } if self.awaits(call) => {
                self.body(cx, &chunk, end);
            }
            Event::CallFailed { call, failure } if self.awaits(call) => self.failed(cx, failure),
            Event::Answered => self.answered(cx),
            Event::Woken => self.woken(cx),
            Event::Backlog(is_slow) => self.client.is_slow = is_slow,
            _ => {}
        }
        self.turn(cx)
    }

    fn sent(&self) -> Option<&Sent> {
        match &self.course {
            Course::Asked(sent) | Course::Reads(sent, ..) | Course::Streams(sent, _) => Some(sent),
            Course::Awaits(_) | Course::Over(_) => None,
        }
    }

    fn awaits(&self, call: CallId) -> bool {
        self.sent().is_some_and(|sent| sent.0 == call)
    }

    fn failed(&mut self, cx: &mut Context<'_>, failure: CallFailure) {
        let upstream = cx.gateway.upstream(self.call.upstream);
        let fault = match failure {
            CallFailure::NotSent => Fault::Unreachable { cluster: upstream.cluster.clone() },
            CallFailure::NoAnswer if matches!(self.course, Course::Streams(..)) => {
                Fault::StreamEnded
            }
            CallFailure::NoAnswer => Fault::NoAnswer { within: upstream.call_timeout },
            CallFailure::TooLarge => Fault::TooLong { limit: cx.gateway.limits.upstream_body },
            CallFailure::OverBudget => Fault::OverBudget,
        };
        self.count(false);
        self.course = Course::Over(Over::Answered);
        self.fail(cx, fault);
    }

    /// The line in the counters for a call that has ended.
    fn count(&mut self, ok: bool) {
        let upstream = self.call.upstream;
        self.client.effects.push(Effect::Count(Counter::SideCall { upstream, ok }, 1));
    }

    /// The timer has gone off.
    fn woken(&mut self, cx: &mut Context<'_>) {
        let is_late = self.client.woken(cx.host.now());
        if self.caller.is_over(cx) {
            self.fail(cx, Fault::NoSession);
        } else if is_late {
            let within = cx.gateway.upstream(self.call.upstream).call_timeout;
            let fault = match &self.course {
                Course::Awaits(round) => round.unanswered(within),
                _ => Fault::NoAnswer { within },
            };
            self.fail(cx, fault);
        }
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        let course = match &self.course {
            Course::Reads(_, _, body) => body.capacity(),
            Course::Streams(_, reader) => reader.held(),
            Course::Awaits(round) => round.held(),
            Course::Asked(_) | Course::Over(_) => 0,
        };
        self.call.body.capacity() + self.capabilities.capacity() + self.client.held() + course
    }

    /// Whether the answer to the client has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.client.has_begun
    }

    /// Leaves nothing behind: the client is gone, or needs nothing more.
    pub(crate) fn cancel(&mut self, cx: &Context<'_>) -> Option<Effect> {
        if let Course::Awaits(round) = &self.course {
            round.forget(&cx.memory.questions);
        }
        let call = self.sent().map(|sent| sent.0);
        self.course = Course::Over(Over::Answered);
        call.map(Effect::CancelCall)
    }

    fn turn(mut self: Box<Self>, cx: &mut Context<'_>) -> Turn {
        let is_over = match self.course {
            Course::Over(over) => Some(over),
            _ => None,
        };
        let mut effects = self.client.flush(cx.host.now(), is_over == Some(Over::Answered));
        let (next, step) = match is_over {
            None => (Next::Relay(self), Step::hold()),
            Some(Over::Answered) if self.client.is_open() => (Next::Relay(self), Step::hold()),
            Some(Over::Answered) => (Next::Replied, Step::hold()),
            Some(Over::WantsOtherHeaders) => list_again::start(cx, self.call, self.caller),
            Some(Over::IsOfOtherEra) => {
                let call = RoutedCall { refused_stateless: true, ..self.call };
                retry::start(cx, call, self.caller)
            }
        };
        effects.extend(step.effects);
        (next, Step { verdict: step.verdict, effects })
    }
}
