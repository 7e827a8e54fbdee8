//! One client request in Envoy: callbacks in, host calls out.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use mcp_mux_core::effect::{CallId, Callout, Effect, HeaderChange, Reply, Step, Verdict};
use mcp_mux_core::event::{CallFailure, Event, Source};
use mcp_mux_core::exchange::{Context as ExchangeContext, Exchange, HostEnv};
use mcp_mux_core::http::Headers;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, Buffer, Map};
use crate::plugin::Ready;
use crate::shared;

/// A stream context.
pub(crate) struct Stream {
    /// Envoy's id of the context.
    id: u32,
    /// For others to wake it up.
    me: Weak<RefCell<Stream>>,
    /// `None`: the plugin has no configuration, so it does nothing.
    ready: Option<Rc<Ready>>,
    exchange: Exchange,
    /// Side calls under way: Envoy's token, the core's name.
    calls: Vec<(u32, CallId)>,
    /// How many bytes of [`Ready::held`] are this stream's.
    held: usize,
}

/// How many bytes of requests and answers the streams of one VM may hold together. A module has
/// 4 GiB, and what is held is copied when it grows, when it is joined and when it is sent.
const BUDGET: usize = 512 << 20;

/// Who made the answer, as Envoy explains it.
fn source() -> Source {
    match host::property(&["response", "code_details"]).as_deref() {
        None | Some(b"via_upstream") => Source::Upstream,
        Some(b"request_payload_too_large") => Source::Overflow,
        Some(_) => Source::Proxy,
    }
}

/// Time, randomness and shared state, from Envoy.
struct Environment;

impl HostEnv for Environment {
    fn now(&self) -> u64 {
        host::now()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        shared::random(bytes);
    }

    fn shared(&self, key: &str) -> Vec<u8> {
        host::shared(key).map(|(data, _)| data).unwrap_or_default()
    }
}

impl Stream {
    pub(crate) fn new(id: u32, me: Weak<RefCell<Self>>, ready: Option<Rc<Ready>>) -> Self {
        Self { id, me, ready, exchange: Exchange::default(), calls: Vec::new(), held: 0 }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whether any answer to a side call is awaited.
    pub(crate) fn is_calling(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether the answer to the side call with Envoy's token is awaited.
    pub(crate) fn has_called(&self, token: u32) -> bool {
        self.calls.iter().any(|(known, _)| *known == token)
    }

    /// Whether the VM may hold `size` bytes more.
    fn has_room(&self, size: usize) -> bool {
        self.ready.as_ref().is_none_or(|ready| ready.held.get().saturating_add(size) <= BUDGET)
    }

    /// Notes what the exchange holds now.
    fn settle(&mut self, ready: &Ready) {
        let others = ready.held.get().saturating_sub(self.held);
        self.held = self.exchange.held();
        ready.held.set(others.saturating_add(self.held));
    }

    /// The next bytes of a body, unless there is no room for them.
    fn body(
        &mut self,
        buffer: Buffer,
        size: usize,
        event: impl FnOnce(&[u8]) -> Event<'_>,
    ) -> Action {
        let passes = matches!(buffer, Buffer::RequestBody) && self.exchange.pours();
        if !self.has_room(size) {
            if !passes {
                return self.handle(Event::OverBudget, Some((buffer, size)));
            }
            self.exchange.spare();
        }
        let chunk = if size == 0 { Vec::new() } else { host::bytes(buffer, size) };
        self.handle(event(&chunk), Some((buffer, size)))
    }

    /// Hands an event to the core and carries out what it says. `body` is the buffer of this
    /// callback, if it has one, and how many bytes it holds.
    pub(crate) fn handle(&mut self, event: Event<'_>, body: Option<(Buffer, usize)>) -> Action {
        let Some(ready) = self.ready.clone() else { return Action::Continue };
        let step = self.ask(&ready, event);
        let verdict = step.verdict;
        let mut refused = self.carry_out(&ready, step, body);
        while let Some(call) = refused.pop_front() {
            let failed = Event::CallFailed { call, failure: CallFailure::NotSent };
            let step = self.ask(&ready, failed);
            refused.extend(self.carry_out(&ready, step, None));
        }
        self.settle(&ready);
        match verdict {
            Verdict::Pass => Action::Continue,
            Verdict::Hold => {
                // The core has the bytes. Taking them out of Envoy's buffer keeps its limit from
                // cutting a body that `limits.request_body` allows.
                if let Some((buffer, size)) = body.filter(|(_, size)| *size > 0) {
                    host::replace_bytes(buffer, 0, size, &[]);
                }
                Action::Pause
            }
        }
    }

    /// What the core says to an event.
    fn ask(&mut self, ready: &Ready, event: Event<'_>) -> Step {
        let memory = &mut *ready.memory.borrow_mut();
        let mut cx = ExchangeContext { gateway: &ready.gateway, ambient: &mut Environment, memory };
        self.exchange.handle(&mut cx, event)
    }

    /// Carries out the effects in their order; the calls that Envoy refused to send.
    fn carry_out(
        &mut self,
        ready: &Ready,
        step: Step,
        body: Option<(Buffer, usize)>,
    ) -> VecDeque<CallId> {
        let held = body.map_or(0, |(_, size)| size);
        let mut refused = VecDeque::new();
        for effect in step.effects {
            match effect {
                Effect::Call(call) => {
                    let Callout { id, cluster, headers, body, timeout } = call;
                    match host::call(&cluster, &headers, &body, timeout) {
                        Some(token) => self.calls.push((token, id)),
                        None => refused.push_back(id),
                    }
                }
                Effect::Reroute => host::clear_route_cache(),
                Effect::RequestHeader(change) => change_header(Map::Request, &change),
                Effect::ResponseHeader(change) => change_header(Map::Response, &change),
                Effect::RequestBody(bytes) => {
                    host::replace_bytes(Buffer::RequestBody, 0, held, &bytes);
                }
                Effect::ResponseBody(bytes) => {
                    host::replace_bytes(Buffer::ResponseBody, 0, held, &bytes);
                }
                Effect::ResponseLead(bytes) => {
                    host::replace_bytes(Buffer::ResponseBody, 0, 0, &bytes);
                }
                Effect::Reply(Reply { status, headers, body }) => {
                    let headers: Vec<(&str, &[u8])> =
                        headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
                    host::reply(status, &headers, &body);
                }
                Effect::Count(counter, by) => ready.metrics.count(&ready.gateway, counter, by),
                Effect::Warn(line) => log::warn!("mcp-mux: {line}"),
                Effect::Note { session, note, expires } => shared::note(session, &note, expires),
                Effect::Resume => host::resume_request(),
                Effect::Subscribe(flight) => ready.waiting.add(self.id, flight, self.me.clone()),
                Effect::Publish(flight, answer) => ready.waiting.settle(flight, answer.as_ref()),
                Effect::Wake => ready.waiting.again(self.me.clone()),
                Effect::Changed(kind) => shared::changed(kind),
            }
        }
        refused
    }
}

fn change_header(map: Map, change: &HeaderChange) {
    match change {
        HeaderChange::Set(name, value) => host::set_header(map, name, value),
        HeaderChange::Remove(name) => host::remove_header(map, name),
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some(ready) = self.ready.clone() else { return };
        if ready.gateway.catalog.is_some() {
            ready.waiting.forget(self.id);
            self.handle(Event::Gone, None);
        }
        ready.held.set(ready.held.get().saturating_sub(self.held));
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        let Some(at) = self.calls.iter().position(|(known, _)| *known == token) else { return };
        let (_, call) = self.calls.swap_remove(at);
        let limit = self.ready.as_ref().map_or(0, |ready| ready.gateway.limits.upstream_body);
        let failure = match size {
            _ if headers == 0 => Some(CallFailure::NoAnswer),
            size if size > limit => Some(CallFailure::TooLarge),
            size => (!self.has_room(size)).then_some(CallFailure::OverBudget),
        };
        if let Some(failure) = failure {
            self.handle(Event::CallFailed { call, failure }, None);
            return;
        }
        let map = host::headers(Map::CallAnswer);
        let pairs = map.pairs();
        self.handle(Event::CallHead { call, headers: Headers(&pairs) }, None);
        let chunk = Cow::Owned(host::bytes(Buffer::CallAnswer, size));
        self.handle(Event::CallBody { call, chunk, end: true }, None);
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        let headers = host::headers(Map::Request);
        let pairs = headers.pairs();
        self.handle(Event::RequestHead { headers: Headers(&pairs), end }, None)
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !self.exchange.watches_request() {
            return Action::Continue;
        }
        self.body(Buffer::RequestBody, size, |chunk| Event::RequestBody { chunk, end })
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.handle(Event::RequestTrailers, None)
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        if !self.exchange.watches_response() {
            return Action::Continue;
        }
        let headers = host::headers(Map::Response);
        let pairs = headers.pairs();
        let headers = Headers(&pairs);
        let source = if headers.status() < 400 { Source::Upstream } else { source() };
        self.handle(Event::ResponseHead { headers, source, end }, None)
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if !self.exchange.watches_response() {
            return Action::Continue;
        }
        self.body(Buffer::ResponseBody, size, |chunk| Event::ResponseBody { chunk, end })
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if !self.exchange.watches_response() {
            return Action::Continue;
        }
        self.handle(Event::ResponseTrailers, None)
    }

    fn on_log(&mut self) {
        if self.exchange.is_starved() {
            log::warn!(
                "mcp-mux: a request ended before any of its body was seen; if this happens to all, \
                 the filter's config lacks allow_on_headers_stop_iteration: true"
            );
        }
    }
}
