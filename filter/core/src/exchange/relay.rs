//! Makes a call whose upstream may need input of its client, in a host that streams, where the two are of different
//! eras.
//!
//! A client with a session at an upstream without: the upstream's `input_required` becomes requests on the event
//! stream of the client's call, and the client's answers, which it posts, become the call once more (2026-07-28, Multi
//! Round-Trip Requests).
//!
//! ```text
//!   client ──tools/call──▶ Relay ──tools/call──▶ upstream
//!          ◀──elicitation──       ◀──input_required──
//!          ──(POST) answer─▶ Inbox ──tools/call, inputResponses──▶
//!          ◀──result──────        ◀──result──
//! ```
//!
//! A client without a session at an upstream with one: the upstream's request on the stream of the call becomes the
//! result `input_required`, and the call is [parked](crate::memory::parked) until the client comes back with the answer.
//!
//! ```text
//!   client ──tools/call──▶ Relay ──tools/call──▶ upstream
//!          ◀─input_required─     ◀──elicitation──
//!          ──tools/call, inputResponses──▶ Relay ──(POST) answer──▶
//!          ◀──result──────        ◀──result──
//! ```
//!
//! - An upstream that asks for nothing and answers in JSON is answered for with a whole reply. Its event stream goes by
//!   event by event.
//! - Only what the client has declared, and the upstream is offered, is asked for.
//! - A client that does not answer, and an upstream that says nothing, are waited for as long as `call_timeout`.
//! - When the client leaves, or cancels its request on whatever worker, the call is broken off, and nobody waits for
//!   answers any more.

mod answer;
mod cancelled;
mod client;
mod course;
pub(crate) mod input;
mod park;
pub(crate) mod resume;

use std::mem;
use std::time::Duration;

use crate::caller::Caller;
use crate::effect::{Answered, CallId, Effect, Ending, Step};
use crate::era::Era;
use crate::error::{ClientError, Error};
use crate::event::{CallFailure, Event};
use crate::exchange::routed::request::{Outbound, Routed, RoutedCall};
use crate::exchange::routed::{list_again, open_upstream, retry};
use crate::exchange::state::Next;
use crate::exchange::upstream_request::{self, Sending};
use crate::exchange::{Context, Turn};
use crate::fault::Fault;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::memory::questions::Inbox;

use client::ClientSide;
use course::{Course, End, Over, Sent};
use park::Parking;

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
    /// What it takes to be parked; `None` where the client is asked on its stream.
    parking: Option<Parking>,
    /// When the last of the calls was made.
    clock: u64,
    /// Where the client's cancellation comes; `None` where it has no way to cancel but to leave.
    inbox: Option<Inbox>,
}

/// What an upstream may ask for in answer to a request, as `clientCapabilities`, if the request can be made so.
pub(crate) fn asks(cx: &Context<'_>, routed: &Routed, caller: &Caller) -> Option<String> {
    let Routed::Call(call) = routed else { return None };
    let peer = caller.peer(call.upstream)?;
    let is_bridged = caller.era() != peer.era();
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
    let is_parked = caller.era() == Era::Stateless;
    let parking = is_parked.then(|| Parking::new(cx));
    let mut relay = Box::new(Relay::new(cx, call, caller, capabilities));
    (relay.is_listed, relay.parking) = (is_listed, parking);
    let body = relay.call.body.clone();
    relay.send(cx, relay.call.id.clone(), &body);
    relay.watch(cx);
    relay.turn(cx)
}

impl Relay {
    fn new(cx: &Context<'_>, call: RoutedCall, caller: Caller, capabilities: String) -> Self {
        let client = ClientSide::new(call.label, call.id.clone(), cx.host.now());
        let course = Course::Over(Over::Answered);
        let clock = cx.clock();
        let (calls, rounds, is_listed, parking) = (0, 0, false, None);
        Self {
            call,
            caller,
            capabilities,
            client,
            course,
            calls,
            rounds,
            is_listed,
            parking,
            clock,
            inbox: None,
        }
    }

    /// The name of the next call.
    fn next_call(&mut self) -> CallId {
        self.calls += 1;
        CallId(self.calls - 1)
    }

    /// Sends the request, which has this id.
    fn send(&mut self, cx: &mut Context<'_>, request: Id<'static>, body: &[u8]) {
        let upstream = cx.gateway.upstream(self.call.upstream);
        let id = self.next_call();
        let peer = self.caller.peer(self.call.upstream);
        let body = match peer.filter(|_| self.parking.is_some()) {
            Some(peer) => self.caller.address(peer, true, body),
            None => self.caller.address_asked(&self.capabilities, body),
        };
        let body = body.unwrap_or_else(|| self.call.body.clone());
        let (method, subject) = ("POST", self.call.subject());
        let sending = Sending { method, subject, body, timeout: None };
        let mut call = upstream_request::call(id, upstream, peer, &self.caller.headers, sending);
        call.key = self.parking.as_ref().map(|it| it.key);
        cx.asks(self.call.upstream, None);
        self.client.effects.push(Effect::Call(call));
        self.client.waits(cx.host.now(), upstream.call_timeout);
        self.clock = cx.clock();
        self.course = Course::Asked(Sent(id, request));
    }

    /// Takes an event of its call, of its inbox, of its timer, or of its client.
    pub(crate) fn handle(mut self: Box<Self>, cx: &mut Context<'_>, event: Event<'_>) -> Turn {
        match event {
            event if self.is_post(&event) => self.posted(cx, &event),
            Event::CallHead { call, headers } if self.awaits(call) => self.head(cx, headers),
            Event::CallBody { call, chunk, end } if self.awaits(call) => {
                self.body(cx, &chunk, end);
            }
            Event::CallFailed { call, failure } if self.awaits(call) => self.failed(cx, failure),
            Event::Answered if self.is_cancelled() => self.cancelled(cx),
            Event::Answered => self.answered(cx),
            Event::Woken => self.woken(cx),
            Event::Backlog(is_slow) => self.client.is_slow = is_slow,
            _ => {}
        }
        self.turn(cx)
    }

    fn awaits(&self, call: CallId) -> bool {
        self.course.sent().is_some_and(|sent| sent.0 == call)
    }

    fn failed(&mut self, cx: &mut Context<'_>, failure: CallFailure) {
        let within = cx.gateway.upstream(self.call.upstream).call_timeout;
        let is_adopted = self.parking.as_ref().is_some_and(|it| it.is_adopted);
        match mem::replace(&mut self.course, Course::Over(Over::Answered)) {
            Course::Streams(_) if failure == CallFailure::NotSent && is_adopted => {
                let error = Error::Stateless(ClientError::NotWaiting(resume::GONE));
                self.client.refuse(&error);
            }
            // What came before is looked at first.
            Course::Streams(mut it) => {
                it.end = Some(End::Ended(match failure {
                    CallFailure::NoAnswer => Fault::StreamEnded,
                    other => self.fault(cx, other, within),
                }));
                self.events(cx, it);
            }
            _ => {
                let fault = self.fault(cx, failure, within);
                self.count(cx, Ending::of_fault(&fault));
                self.fail(cx, fault);
            }
        }
    }

    /// What has befallen a call that was waited for so long.
    fn fault(&self, cx: &Context<'_>, failure: CallFailure, within: Duration) -> Fault {
        let upstream = cx.gateway.upstream(self.call.upstream);
        match failure {
            CallFailure::NotSent => Fault::Unreachable { cluster: upstream.cluster.clone() },
            CallFailure::NoAnswer => Fault::NoAnswer { within },
            CallFailure::TooLarge => Fault::TooLong { limit: cx.gateway.limits.upstream_body },
            CallFailure::OverBudget => Fault::OverBudget,
        }
    }

    /// What the operator is told of a call that has ended.
    fn count(&mut self, cx: &mut Context<'_>, ending: Ending) {
        let (upstream, method, ok) = (self.call.upstream, self.call.label, ending == Ending::Ok);
        let took = cx.clock().saturating_sub(self.clock);
        let answered = Answered { upstream, method, ok, ending, took };
        self.client.effects.push(Effect::Answered(answered));
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
        let asked = self.call.body.capacity() + self.capabilities.capacity();
        asked + self.client.held() + self.course.held()
    }

    /// Whether the answer to the client has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.client.has_begun
    }

    fn turn(mut self: Box<Self>, cx: &mut Context<'_>) -> Turn {
        let over = match mem::replace(&mut self.course, Course::Over(Over::Answered)) {
            Course::Over(over) => Some(over),
            course => {
                self.course = course;
                None
            }
        };
        let is_answered = matches!(over, Some(Over::Answered));
        let mut effects = self.client.flush(cx.host.now(), is_answered);
        let (next, step) = match over {
            None => (Next::Relay(self), Step::hold()),
            Some(Over::Answered) if self.client.is_open() => (Next::Relay(self), Step::hold()),
            Some(Over::Answered) => (Next::Replied, Step::hold()),
            Some(Over::WantsOtherHeaders) => list_again::start(cx, self.call, self.caller),
            Some(Over::IsOfOtherEra) => {
                let call = RoutedCall { refused_stateless: true, ..self.call };
                retry::start(cx, call, self.caller)
            }
            Some(Over::MayHaveLost(refused)) => {
                let routed = Routed::Call(RoutedCall { is_reopened: true, ..self.call });
                let outbound = Outbound { routed, caller: self.caller };
                open_upstream::relayed_again(cx, outbound, *refused)
            }
        };
        effects.extend(step.effects);
        (next, Step { verdict: step.verdict, effects })
    }
}
