//! Edits a JSON response. It is held until it is complete, since a URI in it may have to change; a client
//! could not have used it before. One that gets too long for that is edited as it streams through.
//!
//! The head has gone ahead, so there is no length to keep. A response that does not answer the client's
//! request becomes an error; if a part of it went out already, the rest stays back, so that the client
//! has no complete JSON.

use std::borrow::Cow;

use crate::bytes::Passed;
use crate::caller::Caller;
use crate::effect::{Effect, Outcome, Step};
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::list_subscription;
use crate::exchange::routed::request::RoutedCall;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::json::stream::{Skipping, Status};
use crate::json::{Interest, Stream, Unwatched};
use crate::mcp::batch;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::dialect::Dialect;
use crate::rewrite::long::{HELD, Long, Standing};
use crate::rewrite::to_client::{self, Origin};
use crate::session::ScopeTag;

/// A JSON response to a routed call.
#[derive(Debug)]
pub(crate) struct JsonResponse {
    call: RoutedCall,
    scope: ScopeTag,
    dialect: Dialect,
    stage: Stage,
}

/// What becomes of the next bytes.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the response that has it is in a box")]
enum Stage {
    /// They are held.
    Held(Held),
    /// They stream through.
    Streamed(Streamed),
    /// They stay back: an error took the place of the response, or it broke off.
    Withheld,
    /// They pass: the response is complete.
    Complete,
}

/// A response that is held until it is complete, and then read as a whole.
#[derive(Debug)]
struct Held {
    body: Vec<u8>,
    /// How long the response is, if the head says so.
    length: Option<usize>,
    /// Finds the end of one whose head does not: the stream's own end may come with trailers, when
    /// nothing can be written any more.
    extent: Stream<()>,
}

/// A response that streams through.
#[derive(Debug)]
struct Streamed {
    long: Box<Long>,
    /// Whether a part of it has gone out.
    begun: bool,
    /// Whether it is complete, and was counted. What follows is read, too: it makes the response invalid.
    counted: bool,
}

impl Held {
    /// Whether the response is complete with `chunk`.
    fn is_complete_with(&mut self, chunk: &[u8]) -> bool {
        match self.length {
            Some(length) => self.body.len() + chunk.len() >= length,
            None => self.extent.feed(chunk, &mut Unwatched) != Status::Open,
        }
    }

    /// Whether it is too long to be held with `chunk`. A batch is held as long as the limit allows: it is
    /// no response that could be edited as it streams.
    fn is_too_long_with(&self, chunk: &[u8], limit: usize) -> bool {
        let is_blank = self.body.trim_ascii().is_empty();
        let is_batch = batch::is_batch(if is_blank { chunk } else { &self.body });
        self.body.len() + chunk.len() > if is_batch { limit } else { HELD.min(limit) }
    }
}

impl JsonResponse {
    /// Its request need not be kept: the upstream has answered.
    pub(crate) fn new(mut call: RoutedCall, caller: &Caller, length: Option<usize>) -> Self {
        let scope = caller.scope();
        let dialect = caller.dialect(caller.peer(call.upstream));
        call.body = Vec::new();
        let extent = Stream::new(&Interest::NONE, 0, Skipping::Trusting);
        Self { call, scope, dialect, stage: Stage::Held(Held { body: Vec::new(), length, extent }) }
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        match &self.stage {
            Stage::Held(held) => held.body.capacity(),
            Stage::Streamed(it) => it.long.held(),
            Stage::Withheld | Stage::Complete => 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn body(mut self: Box<Self>, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        let effects = match std::mem::replace(&mut self.stage, Stage::Complete) {
            Stage::Held(held) => self.hold(cx, held, chunk, end),
            Stage::Streamed(it) => self.stream(cx, it, Cow::Borrowed(chunk), end),
            Stage::Withheld => {
                self.stage = Stage::Withheld;
                vec![Effect::ResponseBody(Vec::new())]
            }
            Stage::Complete => Vec::new(),
        };
        let is_over = end || matches!(self.stage, Stage::Complete);
        if is_over {
            cx.is_answered();
        }
        let next = if is_over { Next::Bypass } else { Next::JsonResponse(self) };
        (next, Step::pass_with(effects))
    }

    /// Holds the next bytes, and edits the response if it is complete with them.
    fn hold(
        &mut self,
        cx: &mut Context<'_>,
        mut held: Held,
        chunk: &[u8],
        end: bool,
    ) -> Vec<Effect> {
        let is_complete = held.is_complete_with(chunk) || end;
        let is_long = held.is_too_long_with(chunk, cx.gateway.limits.upstream_body);
        // Bytes that arrived at once need not be put back if nothing in them changes.
        let body = if held.body.is_empty() && (is_complete || is_long) {
            Cow::Borrowed(chunk)
        } else {
            held.body.extend_from_slice(chunk);
            Cow::Owned(std::mem::take(&mut held.body))
        };
        if is_long {
            let limit = cx.gateway.limits.upstream_body;
            let long = Long::new(self.call.shape, self.dialect, limit);
            let it = Streamed { long: Box::new(long), begun: false, counted: false };
            return self.stream(cx, it, body, end);
        }
        if is_complete {
            return self.release(cx, body);
        }
        held.body = body.into_owned();
        self.stage = Stage::Held(held);
        vec![Effect::ResponseBody(Vec::new())]
    }

    /// Edits the whole response; a borrowed one is what has arrived now.
    fn release(&mut self, cx: &mut Context<'_>, body: Cow<'_, [u8]>) -> Vec<Effect> {
        let message = to_client::message(self.origin(cx), &body);
        let mut effects =
            list_subscription::changed(cx.gateway, self.dialect.from, message.relisted);
        if !message.answers || message.mismatched {
            effects.extend(self.refuse(cx, true));
            effects.push(reply::count(self.call.label, Outcome::UpstreamError));
            return effects;
        }
        cx.trail.ends(message.ending);
        let changed = message.changed.or(match body {
            Cow::Borrowed(_) => None,
            Cow::Owned(body) => Some(body),
        });
        effects.extend(changed.map(Effect::ResponseBody));
        effects.push(reply::count(self.call.label, Outcome::Ok));
        effects
    }

    /// Edits the next bytes; borrowed ones are those that have arrived now, others were held.
    fn stream(
        &mut self,
        cx: &mut Context<'_>,
        mut it: Streamed,
        bytes: Cow<'_, [u8]>,
        end: bool,
    ) -> Vec<Effect> {
        let (mut out, skipped) = (Vec::new(), it.long.skipped());
        let passed = it.long.feed(self.origin(cx), &bytes, &mut out);
        let mut effects = Vec::new();
        if it.long.skipped() > skipped {
            let limit = cx.gateway.limits.upstream_body;
            effects.push(Effect::Warn(format!(
                "{}: a name in an answer of upstream {} is longer than {limit} bytes \
                 (limits.upstream_body): it passed unchanged",
                self.call.label,
                cx.gateway.name(self.call.upstream)
            )));
        }
        match it.long.standing() {
            Standing::Mismatched | Standing::Broken => {
                effects.extend(self.refuse(cx, !it.begun));
                let count = reply::count(self.call.label, Outcome::UpstreamError);
                effects.extend((!it.counted).then_some(count));
                return effects;
            }
            Standing::Answers if !it.counted => {
                it.counted = true;
                cx.trail.ends(it.long.ending());
                effects.push(reply::count(self.call.label, Outcome::Ok));
            }
            // It breaks off. What was held back is part of what is missing.
            Standing::Open if end => {
                effects.push(reply::count(self.call.label, Outcome::UpstreamError));
            }
            Standing::Open | Standing::Answers => {}
        }
        match (passed, bytes) {
            (Passed::Changed, _) => effects.push(Effect::ResponseBody(out)),
            (Passed::AsIs, Cow::Owned(bytes)) => effects.push(Effect::ResponseBody(bytes)),
            (Passed::AsIs, Cow::Borrowed(_)) => {}
        }
        it.begun = true;
        self.stage = Stage::Streamed(it);
        effects
    }

    /// Replaces a response that does not answer the request: by an error if nothing of it went out.
    fn refuse(&mut self, cx: &Context<'_>, is_unsent: bool) -> [Effect; 2] {
        self.stage = Stage::Withheld;
        let name = cx.gateway.name(self.call.upstream);
        let fault = reply::count_fault(self.call.upstream, &Fault::NotTheResponse);
        let error = Error::Upstream(UpstreamError::new(name, Fault::NotTheResponse));
        let body = if is_unsent { error.body(Some(&self.call.id)) } else { Vec::new() };
        [Effect::ResponseBody(body), fault]
    }

    fn origin<'o>(&'o self, cx: &'o Context<'_>) -> Origin<'o> {
        let upstream = cx.gateway.upstream(self.call.upstream);
        let tags = OwnerTags { keys: &cx.gateway.keys, scope: self.scope };
        let (request, shape, dialect) = (Some(&self.call.id), self.call.shape, self.dialect);
        Origin { upstream, tags, request, shape, dialect }
    }

    /// Lets go of what is held, before the bytes for which there is no memory: the rest passes unedited.
    pub(crate) fn over_budget(mut self: Box<Self>) -> Turn {
        let (lead, counted) = match std::mem::replace(&mut self.stage, Stage::Complete) {
            Stage::Held(held) => (held.body, false),
            Stage::Streamed(it) => (it.long.finish(), it.counted),
            Stage::Withheld => {
                self.stage = Stage::Withheld;
                let nothing = vec![Effect::ResponseBody(Vec::new())];
                return (Next::JsonResponse(self), Step::pass_with(nothing));
            }
            Stage::Complete => return (Next::Bypass, Step::pass()),
        };
        let mut effects = vec![Effect::ResponseLead(lead)];
        effects.extend((!counted).then(|| reply::count(self.call.label, Outcome::Ok)));
        (Next::Bypass, Step::pass_with(effects))
    }

    /// The stream ended with trailers: nothing can be added to a response that is not complete.
    pub(crate) fn trailers(&self) -> Turn {
        let is_counted = match &self.stage {
            Stage::Held(_) => false,
            Stage::Streamed(it) => it.counted,
            Stage::Withheld | Stage::Complete => true,
        };
        let count = (!is_counted).then(|| reply::count(self.call.label, Outcome::UpstreamError));
        (Next::Bypass, Step::pass_with(count.into_iter().collect()))
    }
}
