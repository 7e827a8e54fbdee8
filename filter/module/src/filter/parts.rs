//! The parts of the request and of the answer to it, as Envoy brings them.

use mcp_mux_core::Headers;
use mcp_mux_core::effect::Verdict;
use mcp_mux_core::event::Source;

use super::{Filter, Part};
use crate::envoy::Envoy;
use crate::host::{Body, FilterRef, Map};

impl Filter {
    /// The head of the request.
    pub(crate) fn request_head(&self, end: bool) -> Verdict {
        let verdict = self.enter(Part::RequestHead, |envoy, it| {
            let pairs = it.headers(Map::Request);
            self.stream.request_head(envoy, Headers(&pairs), end)
        });
        self.divert(verdict, end)
    }

    /// More of the request's body.
    pub(crate) fn request_body(&self, end: bool) -> Verdict {
        let mut verdict = Verdict::Pass;
        if self.stream.watches_request() {
            verdict = self.body(Part::RequestBody, Body::RequestNow, |envoy, size, bytes| {
                self.stream.request_body(envoy, size, end, bytes)
            });
        }
        self.divert(verdict, end)
    }

    pub(crate) fn request_trailers(&self) -> Verdict {
        let verdict =
            self.enter(Part::RequestTrailers, |envoy, _| self.stream.request_trailers(envoy));
        self.divert(verdict, true)
    }

    /// The head of a response that is not ours.
    pub(crate) fn response_head(&self, end: bool) -> Verdict {
        if self.stream.awaits_refusal() {
            return self.enter(Part::ResponseHead, |envoy, it| {
                let (request, answer) = (it.headers(Map::Request), it.headers(Map::Response));
                self.stream.refused(envoy, Headers(&request), Headers(&answer));
                Verdict::Pass
            });
        }
        if !self.watches_response() {
            return Verdict::Pass;
        }
        self.enter(Part::ResponseHead, |envoy, it| {
            let pairs = it.headers(Map::Response);
            let headers = Headers(&pairs);
            let source = source(it, headers.status());
            self.stream.response_head(envoy, headers, source, end)
        })
    }

    /// More of the response's body.
    pub(crate) fn response_body(&self, end: bool) -> Verdict {
        if !self.watches_response() {
            return Verdict::Pass;
        }
        self.body(Part::ResponseBody, Body::ResponseNow, |envoy, size, bytes| {
            self.stream.response_body(envoy, size, end, bytes)
        })
    }

    pub(crate) fn response_trailers(&self) -> Verdict {
        if !self.watches_response() {
            return Verdict::Pass;
        }
        self.enter(Part::ResponseTrailers, |envoy, _| self.stream.response_trailers(envoy))
    }

    /// Whether the answer on its way is of interest: not if it is one of ours.
    fn watches_response(&self) -> bool {
        self.stream.watches_response() && !self.routed.is_diverted()
    }

    /// Runs a hook that brings bytes. What is held of them belongs to the core, so Envoy drops its copy.
    fn body(
        &self,
        part: Part,
        body: Body,
        hook: impl FnOnce(&mut Envoy<'_>, usize, &dyn Fn() -> Vec<u8>) -> Verdict,
    ) -> Verdict {
        let mut size = 0;
        let verdict = self.enter(part, |envoy, it| {
            size = it.body_size(body);
            let bytes = || {
                let mut bytes = Vec::with_capacity(size);
                for piece in it.body(body) {
                    bytes.extend_from_slice(piece.bytes());
                }
                bytes
            };
            hook(envoy, size, &bytes)
        });
        if let (Verdict::Hold, true, Some(it)) = (verdict, size > 0, self.envoy.get()) {
            it.drain_body(body);
        }
        verdict
    }
}

/// Who made a response, as Envoy explains it; if it does not, by whether the request has left it.
fn source(envoy: FilterRef, status: u16) -> Source {
    if status < 400 {
        return Source::Upstream;
    }
    match envoy.code_details().as_deref() {
        Some(b"via_upstream") => Source::Upstream,
        Some(b"request_payload_too_large") => Source::Overflow,
        None if envoy.has_upstream() => Source::Upstream,
        None if status == 413 => Source::Overflow,
        _ => Source::Proxy,
    }
}
