//! Holds a JSON answer until it is complete, since a URI in it may have to change; a client could
//! not have used it before. One that gets too long goes on as a [`LongJsonResponse`]. The head has gone ahead, so
//! there is no length to keep.

use std::borrow::Cow;

use crate::effect::{Effect, Outcome, Step};
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::list_subscription;
use crate::exchange::response::json_long::LongJsonResponse;
use crate::exchange::routed::request::RoutedCall;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::json::stream::{Skipping, Status};
use crate::json::{Interest, Stream, Unwatched};
use crate::mcp::batch;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::long::HELD;
use crate::rewrite::to_client::{self, Origin};
use crate::session::ScopeTag;

/// An answer that is held.
#[derive(Debug)]
pub(crate) struct JsonResponse {
    call: RoutedCall,
    session: ScopeTag,
    body: Vec<u8>,
    /// How long the message is, if the head says so.
    length: Option<usize>,
    /// Finds the end of one whose head does not: the stream's own end may come with trailers, when
    /// nothing can be written any more.
    extent: Stream<()>,
    /// Whether an error has taken the message's place: what is behind that is no part of it.
    replaced: bool,
}

impl JsonResponse {
    /// Its request need not be kept: the upstream has answered.
    pub(crate) fn new(mut call: RoutedCall, session: ScopeTag, length: Option<usize>) -> Self {
        call.body = Vec::new();
        let extent = Stream::new(&Interest::NONE, 0, Skipping::Trusting);
        Self { call, session, body: Vec::new(), length, extent, replaced: false }
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.body.capacity()
    }

    /// Takes the next bytes.
    pub(crate) fn body(mut self, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        if self.replaced {
            return self.withhold(end);
        }
        let complete = self.measure(chunk);
        let limit = cx.gateway.limits.upstream_body;
        let length = self.body.len() + chunk.len();
        let blank = self.body.trim_ascii().is_empty();
        // A batch is no response that could be looked at on its way.
        let batch = batch::is_batch(if blank { chunk } else { &self.body });
        let long = length > if batch { limit } else { HELD.min(limit) };
        if (complete || end) && !long && self.body.is_empty() {
            return self.release(cx, Cow::Borrowed(chunk), end);
        }
        if long && self.body.is_empty() {
            // It came at once: what does not change of it need not be put back.
            let flow = Box::new(LongJsonResponse::new(cx, self.call, self.session));
            return flow.body(cx, chunk, false, end);
        }
        self.body.extend_from_slice(chunk);
        if long {
            let flow = Box::new(LongJsonResponse::new(cx, self.call, self.session));
            return flow.body(cx, &self.body, true, end);
        }
        if complete || end {
            let body = std::mem::take(&mut self.body);
            return self.release(cx, Cow::Owned(body), end);
        }
        self.withhold(false)
    }

    /// Whether the message is complete with `chunk`.
    fn measure(&mut self, chunk: &[u8]) -> bool {
        match self.length {
            Some(length) => self.body.len() + chunk.len() >= length,
            None => self.extent.feed(chunk, &mut Unwatched) != Status::Open,
        }
    }

    /// Lets nothing pass.
    fn withhold(self, end: bool) -> Turn {
        let held = Step::pass_with(vec![Effect::ResponseBody(Vec::new())]);
        (if end { Next::Bypass } else { Next::JsonResponse(Box::new(self)) }, held)
    }

    /// Lets go of what is held, before the bytes for which there is no memory.
    pub(crate) fn over_budget(self) -> Turn {
        if self.replaced {
            return (Next::Bypass, Step::pass());
        }
        let count = reply::count(self.call.label, Outcome::Ok);
        (Next::Bypass, Step::pass_with(vec![Effect::ResponseLead(self.body), count]))
    }

    /// The stream ended with trailers, and the message had not ended: nothing can be added.
    pub(crate) fn trailers(&self) -> Turn {
        if self.replaced {
            return (Next::Bypass, Step::pass());
        }
        let count = reply::count(self.call.label, Outcome::UpstreamError);
        (Next::Bypass, Step::pass_with(vec![count]))
    }

    /// The message is complete, or what there is in its place; a borrowed one is what has come now.
    fn release(mut self, cx: &Context<'_>, body: Cow<'_, [u8]>, end: bool) -> Turn {
        let (call, session) = (&self.call, self.session);
        let upstream = cx.gateway.upstream(call.upstream);
        let marks = OwnerTags { keys: &cx.gateway.keys, session };
        let origin = Origin { upstream, marks, request: Some(&call.id), shape: call.shape };
        let message = to_client::message(origin, &body);
        let mut effects = list_subscription::changed(cx.gateway, message.relisted);
        let outcome = if message.answers && !message.mismatched {
            let changed = message.changed.or(match body {
                Cow::Borrowed(_) => None,
                Cow::Owned(body) => Some(body),
            });
            effects.extend(changed.map(Effect::ResponseBody));
            Outcome::Ok
        } else {
            let error = Error::Upstream(UpstreamError::new(&upstream.name, Fault::NotTheResponse));
            effects.push(Effect::ResponseBody(error.body(Some(&call.id))));
            Outcome::UpstreamError
        };
        effects.push(reply::count(call.label, outcome));
        self.replaced = outcome != Outcome::Ok;
        let state =
            if end || !self.replaced { Next::Bypass } else { Next::JsonResponse(Box::new(self)) };
        (state, Step::pass_with(effects))
    }
}
