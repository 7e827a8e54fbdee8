//! Watches an SSE answer stream through, untouched, and ends it with a JSON-RPC error if the
//! upstream ends it before the answer.

use super::answer::answers;
use super::forward::Call;
use super::{Cx, State, Turn, reply};
use crate::effect::{Effect, Outcome, Step};
use crate::error::{Error, UpstreamError};
use crate::jsonrpc::Id;
use crate::sse;

/// A stream on which the answer is still to come.
#[derive(Debug)]
pub(super) struct Relay {
    label: &'static str,
    id: Id<'static>,
    upstream: String,
    reader: sse::Reader,
}

impl Relay {
    pub(super) fn new(cx: &Cx<'_>, call: Call) -> Self {
        let upstream = cx.gateway.upstreams.get(call.upstream);
        Self {
            label: call.label,
            id: call.id,
            upstream: upstream.map_or_else(String::new, |it| it.name.clone()),
            reader: sse::Reader::new(cx.gateway.limits.upstream_body),
        }
    }

    /// The stream ended with trailers: nothing can be added behind them.
    pub(super) fn trailers(&self) -> Turn {
        let count = reply::count(self.label, Outcome::UpstreamError);
        (State::Bypass, Step::pass_with(vec![count]))
    }

    /// How many bytes of an unfinished event are held.
    pub(super) fn held(&self) -> usize {
        self.reader.held()
    }

    /// Stops looking: the stream goes on, but an early end would go unnoticed.
    pub(super) fn no_room(&self) -> Turn {
        (State::Bypass, Step::pass_with(vec![reply::count(self.label, Outcome::Ok)]))
    }

    /// Looks at the next bytes; once the answer went by, the rest is not looked at.
    pub(super) fn body(mut self, chunk: &[u8], end: bool) -> Turn {
        let Self { reader, id, .. } = &mut self;
        let mut answered = false;
        reader.feed(chunk, &mut |event| {
            answered = answered || event.is_message() && answers(event.data, id);
        });
        if answered {
            let count = reply::count(self.label, Outcome::Ok);
            (State::Bypass, Step::pass_with(vec![count]))
        } else if end && self.reader.skipped() > 0 {
            // The answer may have been one of the events that were too long to look at.
            let count = reply::count(self.label, Outcome::Ok);
            (State::Bypass, Step::pass_with(vec![count]))
        } else if end {
            let reason = "its event stream ended before the answer";
            let error = Error::Upstream(UpstreamError::new(&self.upstream, reason));
            let tail = tail(&error.body(Some(&self.id)));
            let count = reply::count(self.label, Outcome::UpstreamError);
            (State::Bypass, Step::pass_with(vec![count, Effect::ResponseTail(tail)]))
        } else {
            (State::Relay(self), Step::pass())
        }
    }
}

/// The error as the last event. An event that the upstream left unfinished would be completed by
/// what follows, so its line is ended, in whatever it is or as a comment, and the event is given a
/// name that makes clients ignore it; where there is none, these lines make no event.
fn tail(error: &[u8]) -> Vec<u8> {
    [b":\nevent: incomplete\n\nevent: message\ndata: ", error, b"\n\n"].concat()
}
