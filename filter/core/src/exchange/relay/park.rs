//! What an upstream with sessions asks in the midst of a call of a client without one: what the client could not answer
//! is answered here; with the rest the call is parked, and the client gets the question as its result (2026-07-28,
//! Multi Round-Trip Requests).

use std::borrow::Cow;

use crate::effect::{CallId, CallKey, Counter, Effect, Outcome};
use crate::era::upstream::Subject;
use crate::error::{Error, UpstreamError};
use crate::event::{CallFailure, Event};
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::relay::Relay;
use crate::exchange::relay::course::{Course, Over, Streaming};
use crate::exchange::relay::input::may_ask;
use crate::exchange::request::message::params_of;
use crate::exchange::routed::ask_again;
use crate::exchange::routed::farewell::{self, Farewell};
use crate::exchange::routed::open_upstream::Refused;
use crate::exchange::upstream_request::{self, Sending};
use crate::exchange::{Context, reply};
use crate::fault::Fault;
use crate::json::{Edits, Raw, decode, encode};
use crate::mcp::incomplete::Input;
use crate::mcp::jsonrpc::{Id, Message};
use crate::mcp::request_state::RequestState;
use crate::memory::parked::{CALLS, Parked};

/// What a call has to have to outlive the request that it is made for.
#[derive(Debug)]
pub(super) struct Parking {
    /// Names it for the host.
    pub(super) key: CallKey,
    /// Whether it was parked before, and its client has come back.
    pub(super) is_adopted: bool,
    /// The progress token of the request that it is adopted for, as JSON.
    token: Option<String>,
    /// A message to the upstream that is on its way, and whether the call cannot go on without it.
    post: Option<(CallId, bool)>,
}

impl Parking {
    /// Of a call that begins.
    pub(super) fn new(cx: &mut Context<'_>) -> Self {
        let mut key = CallKey([0; 16]);
        cx.host.random(&mut key.0);
        Self { key, is_adopted: false, token: None, post: None }
    }

    /// Of one that is adopted for this request.
    pub(super) fn adopted(key: CallKey, body: &[u8]) -> Self {
        let meta = params_of(body).and_then(|params| params.scan().pick(["_meta"]).ok()?);
        let token = meta.and_then(|[meta]| meta?.scan().pick(["progressToken"]).ok()?);
        let token = token.and_then(|[token]| Some(token?.get().to_owned()));
        Self { key, is_adopted: true, token, post: None }
    }
}

impl Relay {
    /// Whether a message to the upstream is on its way.
    pub(super) fn is_posting(&self) -> bool {
        self.parking.as_ref().is_some_and(|it| it.post.is_some())
    }

    /// Whether an event is about such a message.
    pub(super) fn is_post(&self, event: &Event<'_>) -> bool {
        let post = self.parking.as_ref().and_then(|it| it.post);
        match (event, post) {
            (
                Event::CallHead { call, .. }
                | Event::CallBody { call, .. }
                | Event::CallFailed { call, .. },
                Some((post, _)),
            ) => *call == post,
            _ => false,
        }
    }

    /// Sends the upstream the response to a request of its own. What has come of the call waits for it to arrive, since
    /// this is lost if the exchange ends before.
    pub(super) fn post(&mut self, cx: &Context<'_>, id: &Id<'_>, says: &str, is_answer: bool) {
        let call = self.next_call();
        let Some(parking) = &mut self.parking else { return };
        parking.post = Some((call, is_answer));
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, id.as_raw()).into_bytes();
        let (upstream, peer) =
            (cx.gateway.upstream(self.call.upstream), self.caller.peer(self.call.upstream));
        let (subject, timeout) = (Subject::of(""), Some(upstream.timeout));
        let sending = Sending { method: "POST", subject, body, timeout };
        let call = upstream_request::call(call, upstream, peer, &self.caller.headers, sending);
        self.client.effects.push(Effect::Call(call));
    }

    /// Takes what comes of that message.
    pub(super) fn posted(&mut self, cx: &mut Context<'_>, event: &Event<'_>) {
        let post = self.parking.as_mut().and_then(|it| it.post.take());
        let upstream = cx.gateway.upstream(self.call.upstream);
        let fault = match event {
            Event::CallHead { headers, .. } => {
                let head = RefusalHead::read(*headers);
                let is_taken = (200..300).contains(&head.status);
                (!is_taken).then(|| head.fault(upstream, b""))
            }
            Event::CallFailed { failure, .. } => Some(self.fault(cx, *failure, upstream.timeout)),
            _ => Some(self.fault(cx, CallFailure::NoAnswer, upstream.timeout)),
        };
        let counter = Counter::SideCall { upstream: self.call.upstream, ok: fault.is_none() };
        self.client.effects.push(Effect::Count(counter, 1));
        match (fault, post) {
            (Some(fault), Some((_, true))) => self.fail(cx, fault),
            _ => match std::mem::replace(&mut self.course, Course::Over(Over::Answered)) {
                Course::Streams(it) => self.events(cx, it),
                course => self.course = course,
            },
        }
    }

    /// What a request of the upstream asks the client for; `None` if it is answered here.
    pub(super) fn asked<'m>(
        &mut self,
        cx: &Context<'_>,
        id: &Id<'_>,
        method: Cow<'m, str>,
        params: Option<Raw<'m>>,
    ) -> Option<Input<'m>> {
        let is_ping = method == "ping";
        let id_text = decode(id.as_raw());
        let key = encode(id_text.as_deref().unwrap_or(id.as_raw()));
        let input = Input::new(key, method, params);
        if is_ping {
            self.post(cx, id, r#""result":{}"#, false);
        } else if may_ask(&self.capabilities, &input) {
            return Some(input);
        } else {
            let why = encode(&format!(
                "Method not found: this client cannot be asked for {}",
                input.words
            ));
            self.post(cx, id, &format!(r#""error":{{"code":-32601,"message":{why}}}"#), false);
        }
        None
    }

    /// Answers the client with what the upstream asks, and has the call wait for its answer.
    pub(super) fn park(
        &mut self,
        cx: &mut Context<'_>,
        it: Streaming,
        id: &Id<'_>,
        input: &Input<'_>,
    ) {
        let Streaming { sent, reader, pending, end } = it;
        let (Some(parking), Some(peer)) = (&self.parking, self.caller.peer(self.call.upstream))
        else {
            return;
        };
        if end.is_some() {
            self.give_up(cx, &sent.1);
            return self.fail(cx, Fault::StreamEnded);
        }
        let (key, scope) = (parking.key, self.caller.scope());
        let within = cx.gateway.upstream(self.call.upstream).call_timeout.as_secs().max(1);
        let parked = Parked {
            scope,
            upstream: self.call.upstream,
            name: self.call.name.clone(),
            peer: peer.clone(),
            lease: self.caller.hold(cx, self.call.upstream),
            capabilities: self.capabilities.clone(),
            request: sent.1.clone(),
            question: id.clone().into_owned(),
            key: decode(&input.key).unwrap_or_default().into_owned(),
            reader,
            pending,
            until: cx.host.now().saturating_add(within),
            farewell: farewell::message(cx.gateway, &self.caller, self.call.upstream, &sent.1),
        };
        if !cx.memory.parked.keep(key, parked) {
            self.client.effects.push(Effect::CancelCall(sent.0));
            self.give_up(cx, &sent.1);
            let why = format!(
                "it asked for {}, and {CALLS} calls wait for their clients already, or it has sent too much beside",
                input.words
            );
            return self.fail(cx, Fault::Incomplete(why));
        }
        cx.has_new_sessions = true;
        let nonce = cx.nonce();
        let state = RequestState::new(key, id.as_raw().to_owned());
        let state = encode(&state.seal(&cx.gateway.keys, (self.call.method, scope), nonce));
        let (params, method) = (self.params(cx, input, None), encode(&input.method));
        let asks = format!(r#"{{{}:{{"method":{method}{params}}}}}"#, input.key);
        let result = format!(
            r#"{{"resultType":"input_required","inputRequests":{asks},"requestState":{state}}}"#
        );
        let id = self.call.id.as_raw();
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        self.client.effects.push(Effect::Park(sent.0));
        self.client.finish(body.into_bytes(), Outcome::Ok);
    }

    /// Tells the upstream that nobody waits for its answer to this request any more; soon, since this exchange ends.
    pub(super) fn give_up(&self, cx: &mut Context<'_>, request: &Id<'_>) {
        if self.parking.is_some()
            && let Some(farewell) = Farewell::new(cx, &self.caller, self.call.upstream, request)
        {
            farewell.say(cx);
        }
    }

    /// A message with the progress token of the request that it goes to; `None` if it goes nowhere without.
    pub(super) fn with_token<'m>(&self, data: &'m [u8]) -> Option<Cow<'m, [u8]>> {
        let adopted = self.parking.as_ref().filter(|it| it.is_adopted);
        let (Some(parking), Ok(Message::Notification { method, params })) =
            (adopted, Message::read(data))
        else {
            return Some(Cow::Borrowed(data));
        };
        if method != "notifications/progress" {
            return Some(Cow::Borrowed(data));
        }
        let now = parking.token.as_deref()?;
        let [before] = params?.scan().pick(["progressToken"]).ok()??;
        let mut edits = Edits::of(data);
        edits.replace(before?.get(), now);
        edits.finish().map(Cow::Owned)
    }

    /// Whether the upstream knows the session that the call was made in, by its whole answer.
    pub(super) fn session_state(&self, answer: &Answer<'_>) -> SessionState {
        let peer = self.caller.peer(self.call.upstream);
        let in_session = self.parking.is_some() && peer.is_some_and(|it| it.session.is_some());
        // A longer answer with 200 does not just say that.
        let is_short = answer.status() >= 300 || answer.body.len() <= 4096;
        if in_session && is_short && !self.call.is_reopened && !self.client.has_begun {
            answer.session_state()
        } else {
            SessionState::Known
        }
    }

    /// What the client gets if the session is not lost, as it may be.
    pub(super) fn refused(
        &self,
        cx: &mut Context<'_>,
        response: Option<&[u8]>,
        refusal: UpstreamError,
        state: SessionState,
    ) -> Refused {
        let (label, fault) = (self.call.label, refusal.fault.clone());
        let body = response.and_then(|it| ask_again::for_client(cx, &self.call, &self.caller, it));
        let answer = if let Some(body) = body {
            vec![reply::count(label, Outcome::UpstreamError), reply::json_with(body)]
        } else {
            let mut effects = warnings(label, std::slice::from_ref(&refusal));
            effects.push(reply::count_fault(self.call.upstream, &fault));
            let error = Error::Upstream(refusal);
            effects.extend(reply::error(label, Some(&self.call.id), &error));
            effects
        };
        Refused { answer, fault, is_certain: state == SessionState::Lost }
    }
}
