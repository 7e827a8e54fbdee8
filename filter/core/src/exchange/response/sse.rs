//! Lets an SSE answer stream through, with what names things of the upstream rewritten, and ends it
//! with a JSON-RPC error if the upstream ends it before the answer.

use crate::bytes::Passed;
use crate::caller::Caller;
use crate::effect::{Effect, Ending, Outcome, Step};
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::list_subscription;
use crate::exchange::routed::request::Routed;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::{Upstream, UpstreamId};
use crate::mcp::event_id::StreamContext;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::dialect::Dialect;
use crate::rewrite::stream::{Changes, Flowing};
use crate::rewrite::to_client::Origin;
use crate::session::ScopeTag;
use crate::sse;

/// A stream that goes by.
#[derive(Debug)]
pub(crate) struct SseResponse {
    label: &'static str,
    /// The client's request that is answered; `None` on a stream that answers none.
    request: Option<Id<'static>>,
    /// Whether its answer is still to come, on this stream; not on one that a GET has opened.
    awaited: bool,
    /// Whether answers to other requests are emptied; there is no telling on a resumed stream whose
    /// request is not known.
    strict: bool,
    upstream: UpstreamId,
    dialect: Dialect,
    scope: ScopeTag,
    place: StreamContext,
    editor: sse::Editor,
    /// The event that goes by, if one is too long to be held.
    flowing: Flowing,
    /// Whether an event had an id, so that the client can have the rest of the stream by a GET if the
    /// upstream closes it early (2025-11-25, Transports, "Sending Messages to the Server").
    resumable: bool,
}

impl SseResponse {
    pub(crate) fn new(cx: &Context<'_>, routed: Routed, caller: &Caller) -> Self {
        let (label, upstream) = (routed.label(), routed.upstream());
        let place = routed.place(caller.digest(upstream));
        let (request, awaited, strict) = match routed {
            Routed::Call(call) => (Some(call.id), true, true),
            Routed::Stream(stream) => {
                let resumed = std::str::from_utf8(&place.request).ok().and_then(Id::from_raw);
                let resumed = resumed.map(Id::into_owned);
                let strict = resumed.is_some() || !stream.is_resumed();
                (resumed, false, strict)
            }
        };
        Self {
            dialect: caller.dialect(caller.peer(upstream)),
            scope: caller.scope(),
            label,
            upstream,
            place,
            request,
            awaited,
            strict,
            editor: sse::Editor::new(cx.gateway.limits.upstream_body),
            flowing: Flowing::default(),
            resumable: false,
        }
    }

    /// Whether it is the answer to a request.
    pub(crate) fn answers(&self) -> bool {
        self.label != method::GET && self.label != method::LISTEN
    }

    /// How many bytes of an unfinished event are held.
    pub(crate) fn held(&self) -> usize {
        self.editor.held() + self.flowing.held()
    }

    /// Takes the next bytes.
    pub(crate) fn body(mut self: Box<Self>, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        let upstream = cx.gateway.upstream(self.upstream);
        let (mut out, mut effects) = (Vec::new(), Vec::new());
        let request = self.request.as_ref();
        let tags = OwnerTags { keys: &cx.gateway.keys, scope: self.scope };
        let dialect = self.dialect;
        let origin = Origin { upstream, tags, request, shape: self.place.shape, dialect };
        let flowing = (&mut self.flowing, cx.gateway.limits.upstream_body);
        let mut changes = Changes::of(origin, &self.place, self.strict, flowing);
        let skipped = self.editor.skipped();
        let passed = self.editor.feed(chunk, &mut changes, &mut out);
        let Changes { answered, ending, resumable, emptied, relisted, .. } = changes;
        effects.extend(list_subscription::changed(cx.gateway, self.dialect.from, relisted));
        self.resumable |= resumable;
        if self.editor.skipped() > skipped {
            let (limit, name) = (cx.gateway.limits.upstream_body, &upstream.name);
            effects.push(Effect::Warn(format!(
                "{}: an event of upstream {name} is longer than {limit} bytes \
                 (limits.upstream_body): it passed unchanged",
                self.label
            )));
        }
        if emptied > 0 {
            effects.push(Effect::Warn(format!(
                "{}: upstream {} answered another request on this stream: the answer was removed",
                self.label, upstream.name
            )));
        }
        if answered && std::mem::take(&mut self.awaited) {
            cx.is_answered();
            cx.trail.ends(ending);
            effects.push(reply::count(self.label, Outcome::Ok));
        }
        let mut tail = Vec::new();
        let next = if end {
            effects.extend(self.finish(upstream, &mut tail));
            Next::Bypass
        } else {
            Next::SseResponse(self)
        };
        if passed == Passed::Changed || !tail.is_empty() {
            if passed == Passed::AsIs {
                out.extend_from_slice(chunk);
            }
            out.append(&mut tail);
            effects.push(Effect::ResponseBody(out));
        }
        (next, Step::pass_with(effects))
    }

    /// The upstream has ended the stream.
    fn finish(self, upstream: &Upstream, out: &mut Vec<u8>) -> Vec<Effect> {
        let skipped = self.editor.skipped();
        let unfinished = self.editor.finish();
        let held = [self.flowing.finish(), unfinished.held].concat();
        let Some(id) = self.request.filter(|_| self.awaited) else {
            out.extend(held);
            return Vec::new();
        };
        // The answer may have been one of the events that were too long to look at.
        if self.resumable || skipped > 0 {
            out.extend(held);
            return vec![reply::count(self.label, Outcome::Ok)];
        }
        let error = UpstreamError::new(&upstream.name, Fault::StreamEnded);
        let error = Error::Upstream(error).body(Some(&id));
        if unfinished.begun {
            // It would be completed by what follows: its line is ended, in whatever it is, and it
            // gets a name that makes clients ignore it.
            out.extend_from_slice(b":\nevent: incomplete\n\n");
        }
        out.extend_from_slice(&[b"event: message\ndata: ", &error[..], b"\n\n"].concat());
        let fault = reply::count_fault(self.upstream, &Fault::StreamEnded);
        vec![fault, reply::ended(self.label, Outcome::UpstreamError, Ending::Transport)]
    }

    /// The stream ended with trailers: nothing can be added behind them.
    pub(crate) fn trailers(&self) -> Turn {
        let outcome = if self.resumable { Outcome::Ok } else { Outcome::UpstreamError };
        let count = self.awaited.then(|| reply::count(self.label, outcome));
        (Next::Bypass, Step::pass_with(count.into_iter().collect()))
    }

    /// Stops looking: the stream goes on as it is, and an early end would go unnoticed.
    pub(crate) fn over_budget(self) -> Turn {
        let count = self.awaited.then(|| reply::count(self.label, Outcome::Ok));
        let held = [self.flowing.finish(), self.editor.finish().held].concat();
        let lead = Effect::ResponseLead(held);
        (Next::Bypass, Step::pass_with([lead].into_iter().chain(count).collect()))
    }
}
