//! What an upstream answers to a relayed call, on its way to the client.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::effect::{Effect, Ending, Outcome};
use crate::error::{Error, UpstreamError};
use crate::exchange::Context;
use crate::exchange::fan_out::answer::{Answer, AnswerHead};
use crate::exchange::fan_out::list_subscription;
use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::relay::Relay;
use crate::exchange::relay::client::WAITING;
use crate::exchange::relay::course::{Course, End, Over, Sent, Streaming};
use crate::exchange::reply;
use crate::exchange::routed::{ask_again, list_again};
use crate::fault::Fault;
use crate::http::{Headers, MediaType};
use crate::mcp::error_code::HEADER_MISMATCH;
use crate::mcp::incomplete;
use crate::mcp::jsonrpc::{Id, Message};
use crate::mcp::owner_tag::OwnerTags;
use crate::memory::parked;
use crate::rewrite::to_client::{self, Origin};
use crate::sse::{EventReader, WholeEvent};

impl Relay {
    /// Takes the head of the answer.
    pub(super) fn head(&mut self, cx: &mut Context<'_>, headers: Headers<'_>) {
        let course = std::mem::replace(&mut self.course, Course::Over(Over::Answered));
        let Course::Asked(sent) = course else {
            self.course = course;
            return;
        };
        self.hears(cx);
        let head = RefusalHead::read(headers);
        let is_stream = (200..300).contains(&head.status)
            && head.media_type == MediaType::EventStream
            && head.coding.is_none();
        self.course = if is_stream {
            self.client.begin();
            let reader = EventReader::new(cx.gateway.limits.upstream_body);
            Course::Streams(Box::new(Streaming {
                sent,
                reader,
                pending: VecDeque::new(),
                end: None,
            }))
        } else {
            Course::Reads(sent, Box::new(AnswerHead::read(headers)), Vec::new())
        };
    }

    /// Takes the next bytes of the answer; `end` if they are the last.
    pub(super) fn body(&mut self, cx: &mut Context<'_>, chunk: &[u8], end: bool) {
        self.hears(cx);
        match std::mem::replace(&mut self.course, Course::Over(Over::Answered)) {
            Course::Reads(sent, head, mut body) => {
                let limit = cx.gateway.limits.upstream_body;
                if body.len().saturating_add(chunk.len()) > limit {
                    self.count(cx, Ending::Transport);
                    self.break_off(cx, end, &sent);
                    return self.fail(cx, Fault::TooLong { limit });
                }
                body.extend_from_slice(chunk);
                if end {
                    self.whole(cx, &sent, &head, &body);
                } else {
                    self.course = Course::Reads(sent, head, body);
                }
            }
            Course::Streams(it) => self.stream(cx, it, chunk, end),
            Course::Asked(_) => self.fail(cx, Fault::NoBody),
            course => self.course = course,
        }
    }

    /// The upstream says something, and may take its time for the rest.
    fn hears(&mut self, cx: &Context<'_>) {
        let time = cx.gateway.upstream(self.call.upstream).call_timeout;
        self.client.waits(cx.host.now(), time);
    }

    /// Takes an answer that is no stream.
    fn whole(&mut self, cx: &mut Context<'_>, sent: &Sent, head: &AnswerHead, body: &[u8]) {
        let peer = self.caller.peer(self.call.upstream);
        let answer = Answer {
            items: RefCell::default(),
            head,
            body,
            id: &sent.1,
            upstream: cx.gateway.upstream(self.call.upstream),
            capabilities: peer.map(|peer| peer.capabilities).unwrap_or_default(),
            scope: self.caller.scope(),
            dialect: self.caller.dialect(peer),
            session: None,
            limits: cx.gateway.limits,
        };
        let is_refused = !(200..300).contains(&answer.status());
        if is_refused && !self.client.has_begun {
            let instead = if self.parking.is_none() && answer.wants_handshake() {
                Some(Over::IsOfOtherEra)
            } else {
                let is_mismatch = answer.rpc_code() == Some(HEADER_MISMATCH);
                let may_help = !self.is_listed && list_again::may_help(&self.caller, &self.call);
                (is_mismatch && may_help).then_some(Over::WantsOtherHeaders)
            };
            if let Some(instead) = instead {
                let ending = answer.ending();
                self.count(cx, ending);
                self.course = Course::Over(instead);
                return;
            }
        }
        let (response, refusal) = (answer.response(), answer.refusal());
        let state = self.session_state(&answer);
        let ending = match response {
            Some(_) => Ending::Ok,
            None => Ending::of_fault(&refusal.fault),
        };
        self.count(cx, ending);
        if state != SessionState::Known {
            let refused = self.refused(cx, response.as_deref(), refusal, state);
            self.course = Course::Over(Over::MayHaveLost(Box::new(refused)));
            return;
        }
        match response {
            Some(said) => self.response(cx, (sent, true), &said, is_refused),
            None => self.fail_with(cx, refusal),
        }
    }

    /// Takes the next bytes of an event stream.
    fn stream(&mut self, cx: &mut Context<'_>, mut it: Box<Streaming>, chunk: &[u8], end: bool) {
        let Streaming { reader, pending, .. } = &mut *it;
        let read = reader.feed(chunk, &mut |event| pending.push_back(event));
        it.end = match read {
            Err(_) => {
                let call = it.sent.0;
                self.client.effects.extend((!end).then_some(Effect::CancelCall(call)));
                Some(End::TooLong)
            }
            Ok(()) => end.then_some(End::Ended(Fault::StreamEnded)),
        };
        self.events(cx, it);
    }

    /// Looks at what has come, as long as nothing has to reach the upstream first.
    pub(super) fn events(&mut self, cx: &mut Context<'_>, mut it: Box<Streaming>) {
        while !self.is_posting() {
            let Some(WholeEvent { name, data, .. }) = it.pending.pop_front() else {
                return self.came_to_rest(cx, it);
            };
            match (name.as_slice(), data.unwrap_or_default()) {
                (_, data) if data.is_empty() => {}
                (b"" | b"message", data) => {
                    if answers(&data, &it.sent.1) {
                        self.count(cx, Ending::Ok);
                        return self.response(cx, (&it.sent, it.end.is_some()), &data, false);
                    }
                    match self.parking.is_some().then(|| Message::read(&data)) {
                        Some(Ok(Message::Request { id, method, params })) => {
                            let Some(input) = self.asked(cx, &id, method, params) else { continue };
                            return self.park(cx, *it, &id, &input);
                        }
                        _ => self.pass(cx, &data),
                    }
                }
                (name, data) => {
                    self.client.begin();
                    self.client.send(name, &data);
                }
            }
        }
        if parked::held(&it.pending) > WAITING {
            self.course = Course::Streams(it);
            return self.fail(cx, Fault::OverBudget);
        }
        self.course = Course::Streams(it);
    }

    /// All that has come was looked at.
    fn came_to_rest(&mut self, cx: &mut Context<'_>, mut it: Box<Streaming>) {
        let fault = match it.end.take() {
            Some(End::Ended(fault)) => fault,
            Some(End::TooLong) => Fault::TooLong { limit: cx.gateway.limits.upstream_body },
            None => {
                self.course = Course::Streams(it);
                if self.client.is_full() {
                    self.fail(cx, Fault::OverBudget);
                }
                return;
            }
        };
        // It may still work on the call.
        self.give_up(cx, &it.sent.1);
        self.count(cx, Ending::Transport);
        self.fail(cx, fault);
    }

    /// Sends a message on that answers nothing.
    fn pass(&mut self, cx: &Context<'_>, data: &[u8]) {
        let Some(data) = self.with_token(data) else { return };
        let dialect = self.caller.dialect(self.caller.peer(self.call.upstream));
        let origin = Origin {
            upstream: cx.gateway.upstream(self.call.upstream),
            tags: OwnerTags { keys: &cx.gateway.keys, scope: self.caller.scope() },
            request: None,
            shape: self.call.shape,
            dialect,
        };
        let message = to_client::message(origin, &data);
        let changed = list_subscription::changed(cx.gateway, dialect.from, message.relisted);
        self.client.effects.extend(changed);
        if message.mismatched {
            self.client.effects.push(Effect::Warn(format!(
                "{}: upstream {} answered another request on this stream: the answer was removed",
                self.call.label, origin.upstream.name
            )));
        } else if !message.withheld {
            self.client.begin();
            self.client.send(b"", message.changed.as_deref().unwrap_or(&data));
        }
    }

    /// Takes the response; `is_refused` if its status says so. Nothing more is needed of the call, which has not
    /// ended yet unless `end`.
    fn response(
        &mut self,
        cx: &mut Context<'_>,
        (sent, end): (&Sent, bool),
        said: &[u8],
        is_refused: bool,
    ) {
        self.client.effects.extend((!end).then_some(Effect::CancelCall(sent.0)));
        if let Some(asks) = incomplete::asks(said).filter(|_| self.parking.is_none()) {
            return self.ask(cx, &asks);
        }
        match ask_again::for_client(cx, &self.call, &self.caller, said) {
            Some(body) => {
                cx.is_answered();
                let outcome = if is_refused { Outcome::UpstreamError } else { Outcome::Ok };
                self.client.finish(body, outcome);
            }
            None => self.fail(cx, Fault::NotTheResponse),
        }
    }

    /// Breaks the call off, unless it has ended.
    fn break_off(&mut self, cx: &mut Context<'_>, end: bool, sent: &Sent) {
        self.client.effects.extend((!end).then_some(Effect::CancelCall(sent.0)));
        self.give_up(cx, &sent.1);
    }

    /// Answers with what the upstream has done wrong, or what befell it.
    pub(super) fn fail(&mut self, cx: &mut Context<'_>, fault: Fault) {
        let name = cx.gateway.name(self.call.upstream);
        self.fail_with(cx, UpstreamError::new(name, fault));
    }

    fn fail_with(&mut self, cx: &mut Context<'_>, error: UpstreamError) {
        let broken_off = self.cancel(cx);
        self.client.effects.extend(broken_off);
        self.client.effects.push(reply::count_fault(self.call.upstream, &error.fault));
        self.client.effects.extend(warnings(self.call.label, std::slice::from_ref(&error)));
        self.client.refuse(&Error::Upstream(error));
    }
}

/// Whether a message is the response to the request with this id.
fn answers(data: &[u8], request: &Id<'_>) -> bool {
    let message = Message::read(data);
    matches!(message, Ok(Message::Response { id: Some(id), .. }) if id.matches(request))
}
