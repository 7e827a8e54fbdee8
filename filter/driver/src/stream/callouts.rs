//! What comes of callouts: the core's own requests to upstreams.

use std::borrow::Cow;

use mcp_mux_core::Headers;
use mcp_mux_core::effect::CallId;
use mcp_mux_core::event::{CallFailure, Event};

use super::Stream;
use super::turns::LONG;
use crate::host::Host;

impl Stream {
    /// The whole answer to a callout, of `size` bytes. They are read only if there is room for them.
    pub fn call_response<'b>(
        &self,
        host: &mut impl Host,
        call: CallId,
        headers: Headers<'_>,
        size: usize,
        read: impl FnOnce() -> Cow<'b, [u8]>,
    ) {
        let failure = if size > self.worker.gateway().limits.upstream_body {
            Some(CallFailure::TooLarge)
        } else {
            (!self.worker.has_room(host, size)).then_some(CallFailure::OverBudget)
        };
        if let Some(failure) = failure {
            self.call_failed(host, call, failure);
        } else {
            self.call_head(host, call, headers);
            self.call_body(host, call, read(), size < LONG);
            if size >= LONG {
                self.call_complete(host, call, size);
            }
        }
    }

    /// The head of the answer to a callout.
    pub fn call_head(&self, host: &mut impl Host, call: CallId, headers: Headers<'_>) {
        self.handle(host, Event::CallHead { call, headers });
    }

    /// The next bytes of the answer to a callout; `end` if they are the last.
    pub fn call_body(&self, host: &mut impl Host, call: CallId, chunk: Cow<'_, [u8]>, end: bool) {
        self.handle(host, Event::CallBody { call, chunk, end });
    }

    /// A callout will have no answer, or no more of one.
    pub fn call_failed(&self, host: &mut impl Host, call: CallId, failure: CallFailure) {
        self.handle(host, Event::CallFailed { call, failure });
    }
}
