//! One client request in Envoy: callbacks in, host calls out.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;

use mcp_mux_core::effect::{Call, CallId, Effect, HeaderChange, Reply, Step, Verdict};
use mcp_mux_core::event::{CallFailure, Event};
use mcp_mux_core::exchange::{Ambient, Cx, Exchange};
use mcp_mux_core::http::Headers;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, Buffer, Map};
use crate::plugin::Ready;
use crate::shared;

/// A stream context.
pub(crate) struct Stream {
    /// `None`: the plugin has no configuration, so it does nothing.
    ready: Option<Rc<Ready>>,
    exchange: Exchange,
    /// Side calls under way: Envoy's token, the core's name.
    calls: Vec<(u32, CallId)>,
}

/// Time, randomness and shared state, from Envoy.
struct Surroundings;

impl Ambient for Surroundings {
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
    pub(crate) fn new(ready: Option<Rc<Ready>>) -> Self {
        Self { ready, exchange: Exchange::default(), calls: Vec::new() }
    }

    /// Hands an event to the core and carries out what it says. `body` is the buffer of this
    /// callback, if it has one, and how many bytes it holds.
    fn handle(&mut self, event: Event<'_>, body: Option<(Buffer, usize)>) -> Action {
        let Some(ready) = self.ready.clone() else { return Action::Continue };
        let mut cx = Cx { gateway: &ready.gateway, ambient: &mut Surroundings };
        let step = self.exchange.handle(&mut cx, event);
        let verdict = step.verdict;
        let mut refused = self.carry_out(&ready, step, body);
        while let Some(call) = refused.pop_front() {
            let failed = Event::CallFailed { call, failure: CallFailure::NotSent };
            let step = self.exchange.handle(&mut cx, failed);
            refused.extend(self.carry_out(&ready, step, None));
        }
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
                    let Call { id, cluster, headers, body, timeout } = call;
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
                Effect::ResponseTail(bytes) => {
                    host::replace_bytes(Buffer::ResponseBody, held, 0, &bytes);
                }
                Effect::Reply(Reply { status, headers, body }) => {
                    let headers: Vec<(&str, &[u8])> =
                        headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
                    host::reply(status, &headers, &body);
                }
                Effect::Count(counter, by) => ready.metrics.count(&ready.gateway, counter, by),
                Effect::Warn(line) => log::warn!("mcp-mux: {line}"),
                Effect::Revoke { tag, expires } => shared::revoke(tag, expires),
            }
        }
        refused
    }

    fn head(&mut self, map: Map, event: impl FnOnce(Headers<'_>) -> Event<'_>) -> Action {
        let headers = host::headers(map);
        let pairs = headers.pairs();
        self.handle(event(Headers(&pairs)), None)
    }
}

fn change_header(map: Map, change: &HeaderChange) {
    match change {
        HeaderChange::Set(name, value) => host::set_header(map, name, value),
        HeaderChange::Remove(name) => host::remove_header(map, name),
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        let Some(at) = self.calls.iter().position(|(known, _)| *known == token) else { return };
        let (_, call) = self.calls.swap_remove(at);
        let limit = self.ready.as_ref().map_or(0, |ready| ready.gateway.limits.upstream_body);
        if headers == 0 || size > limit {
            let none = headers == 0;
            let failure = if none { CallFailure::NoAnswer } else { CallFailure::TooLarge };
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
        self.head(Map::Request, |headers| Event::RequestHead { headers, end })
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !self.exchange.watches_request() {
            return Action::Continue;
        }
        let chunk = host::bytes(Buffer::RequestBody, size);
        let body = Some((Buffer::RequestBody, size));
        self.handle(Event::RequestBody { chunk: &chunk, end }, body)
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.handle(Event::RequestTrailers, None)
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        if !self.exchange.watches_response() {
            return Action::Continue;
        }
        self.head(Map::Response, |headers| Event::ResponseHead { headers, end })
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if !self.exchange.watches_response() {
            return Action::Continue;
        }
        let chunk = host::bytes(Buffer::ResponseBody, size);
        let body = Some((Buffer::ResponseBody, size));
        self.handle(Event::ResponseBody { chunk: &chunk, end }, body)
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if !self.exchange.watches_response() {
            return Action::Continue;
        }
        self.handle(Event::ResponseTrailers, None)
    }
}
