//! One client request in Envoy: hands its callbacks to the driver.

use std::rc::Rc;

use mcp_mux_core::Headers;
use mcp_mux_core::effect::Verdict;
use mcp_mux_core::event::Source;
use mcp_mux_driver::Stream;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::envoy::{Envoy, Vm};
use crate::host::{self, Buffer, Map};
use crate::plugin::Ready;

/// A stream context. It does nothing where the plugin has no configuration.
pub(crate) struct HttpStream(Option<(Rc<Stream>, Rc<Vm>)>);

impl HttpStream {
    pub(crate) fn new(id: u32, ready: Option<&Ready>) -> Self {
        Self(ready.map(|it| (Stream::new(it.worker.clone(), id.into()), it.vm.clone())))
    }

    /// Hands a callback without a body over.
    fn hand(&self, event: impl FnOnce(&Stream, &mut Envoy<'_>) -> Verdict) -> Action {
        let Some((stream, vm)) = &self.0 else { return Action::Continue };
        match event(stream, &mut Envoy::of(vm, stream)) {
            Verdict::Pass => Action::Continue,
            Verdict::Hold => Action::Pause,
        }
    }

    /// Hands a callback over whose buffer holds so many bytes.
    fn hand_body(
        &self,
        buffer: Buffer,
        size: usize,
        event: impl FnOnce(&Stream, &mut Envoy<'_>) -> Verdict,
    ) -> Action {
        let Some((stream, vm)) = &self.0 else { return Action::Continue };
        match event(stream, &mut Envoy::with_body(vm, stream, size)) {
            Verdict::Pass => Action::Continue,
            Verdict::Hold => {
                // The core has the bytes. Taking them out of Envoy's buffer keeps its limit from
                // cutting a body that `limits.request_body` allows.
                if size > 0 {
                    host::replace_bytes(buffer, 0, size, &[]);
                }
                Action::Pause
            }
        }
    }

    fn watches_response(&self) -> bool {
        self.0.as_ref().is_some_and(|(stream, _)| stream.watches_response())
    }
}

/// Who made the answer, as Envoy explains it.
fn source() -> Source {
    match host::property(&["response", "code_details"]).as_deref() {
        None | Some(b"via_upstream") => Source::Upstream,
        Some(b"request_payload_too_large") => Source::Overflow,
        Some(_) => Source::Proxy,
    }
}

impl Context for HttpStream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        let Some((stream, vm)) = &self.0 else { return };
        if let Some(call) = vm.answered_in(stream, token) {
            Envoy::of(vm, stream).call_response(call, headers, size);
        }
    }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        let headers = host::headers(Map::Request);
        let pairs = headers.pairs();
        self.hand(|stream, envoy| stream.request_head(envoy, Headers(&pairs), end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        let buffer = Buffer::RequestBody;
        let read = || host::bytes(buffer, size);
        self.hand_body(buffer, size, |stream, envoy| stream.request_body(envoy, size, end, read))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.hand(|stream, envoy| stream.request_trailers(envoy))
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        if !self.watches_response() {
            return Action::Continue;
        }
        let headers = host::headers(Map::Response);
        let pairs = headers.pairs();
        let headers = Headers(&pairs);
        let source = if headers.status() < 400 { Source::Upstream } else { source() };
        self.hand(|stream, envoy| stream.response_head(envoy, headers, source, end))
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        let buffer = Buffer::ResponseBody;
        let read = || host::bytes(buffer, size);
        self.hand_body(buffer, size, |stream, envoy| stream.response_body(envoy, size, end, read))
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.hand(|stream, envoy| stream.response_trailers(envoy))
    }

    /// Comes before the access log is written, and before the end of this.
    fn on_log(&mut self) {
        if let Some((stream, vm)) = &self.0 {
            stream.ended(&mut Envoy::of(vm, stream));
        }
        if self.0.as_ref().is_some_and(|(stream, _)| stream.is_starved()) {
            log::warn!(
                "mcp-mux: a request ended before any of its body was seen; if this happens to all, \
                 the filter's config lacks allow_on_headers_stop_iteration: true"
            );
        }
    }
}

impl Drop for HttpStream {
    fn drop(&mut self) {
        if let Some((stream, vm)) = &self.0 {
            stream.ended(&mut Envoy::of(vm, stream));
            vm.forget(stream);
        }
    }
}
