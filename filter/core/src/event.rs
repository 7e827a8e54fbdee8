//! Every input of an exchange, as data.

use std::borrow::Cow;

use crate::catalog::cache::Answer;
use crate::effect::CallId;
use crate::http::Headers;

/// Something that happened to one client request.
#[derive(Debug)]
pub enum Event<'e> {
    /// The request's head arrived; always the first event.
    RequestHead {
        /// All headers, pseudo headers included.
        headers: Headers<'e>,
        /// No body follows.
        end: bool,
    },
    /// The next bytes of the request's body.
    RequestBody {
        /// May be empty.
        chunk: &'e [u8],
        /// The last bytes.
        end: bool,
    },
    /// The request ended with trailers.
    RequestTrailers,
    /// In place of bytes of the request or of its answer: the host has no memory left for them.
    OverBudget,
    /// The head of a side call's answer.
    CallHead {
        /// Which call.
        call: CallId,
        /// The answer's headers.
        headers: Headers<'e>,
    },
    /// The next bytes of a side call's answer. A host that buffers answers hands them over whole,
    /// and owned, so that nothing is copied; one that streams hands over slices.
    CallBody {
        /// Which call.
        call: CallId,
        /// May be empty.
        chunk: Cow<'e, [u8]>,
        /// The last bytes.
        end: bool,
    },
    /// A side call that will have no answer.
    CallFailed {
        /// Which call.
        call: CallId,
        /// Why.
        failure: CallFailure,
    },
    /// The head of an answer that the exchange did not give: the upstream's to a routed request, or
    /// the proxy's own.
    ResponseHead {
        /// All headers, `:status` included.
        headers: Headers<'e>,
        /// Who made it.
        source: Source,
        /// No body follows.
        end: bool,
    },
    /// The next bytes of that answer.
    ResponseBody {
        /// May be empty.
        chunk: &'e [u8],
        /// The last bytes.
        end: bool,
    },
    /// That answer ended with trailers.
    ResponseTrailers,
    /// The list that the exchange waits for (see [`crate::effect::Effect::Subscribe`]) is there; `None`
    /// if nobody asks for it any more.
    Published(Option<&'e Answer>),
    /// The exchange wanted to go on ([`crate::effect::Effect::Wake`], [`crate::effect::Effect::WakeAfter`]);
    /// calls may be sent.
    Woken,
    /// Something came into an inbox of the exchange ([`crate::effect::Effect::Await`]), or may have come.
    Answered,
    /// The client of an answer in parts takes it more slowly than it comes: what is sent from now on is
    /// buffered (`true`); or it has taken most of that (`false`).
    Backlog(bool),
    /// Requests are served by another configuration from now on: whoever listens is to come back.
    Drain,
    /// The client is gone; always the last event, if it comes.
    Gone,
}

/// Who made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The upstream.
    Upstream,
    /// The proxy: nobody was reached.
    Proxy,
    /// The proxy, because the request is longer than it may hold.
    Overflow,
}

/// Why a side call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// The proxy refused to send it: it does not know the cluster.
    NotSent,
    /// No answer in time, or the connection broke.
    NoAnswer,
    /// The answer is longer than `limits.upstream_body`; the host did not read it.
    TooLarge,
    /// The host has no memory left for the answer.
    OverBudget,
}

impl Event<'_> {
    /// Whether it brings more of the request.
    #[must_use]
    pub fn is_body(&self) -> bool {
        matches!(self, Self::RequestBody { .. } | Self::RequestTrailers)
    }

    /// Whether it is about a side call.
    #[must_use]
    pub fn is_call(&self) -> bool {
        matches!(self, Self::CallHead { .. } | Self::CallBody { .. } | Self::CallFailed { .. })
    }
}
