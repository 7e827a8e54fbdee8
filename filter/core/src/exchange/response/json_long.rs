//! Lets a JSON answer go by that is too long to be held, with what names things of the upstream
//! rewritten on the way.

use crate::bytes::Passed;
use crate::effect::{Effect, Outcome, Step};
use crate::error::{Error, UpstreamError};
use crate::exchange::routed::request::RoutedCall;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::gateway::Upstream;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::long::{Long, Standing};
use crate::rewrite::to_client::Origin;
use crate::session::ScopeTag;

/// An answer that goes by.
#[derive(Debug)]
pub(crate) struct LongJsonResponse {
    call: RoutedCall,
    session: ScopeTag,
    long: Long,
    /// Whether a part of it has gone out.
    begun: bool,
    end: End,
}

/// What is known of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Awaited,
    /// It has come, and the answer was counted.
    Come,
    /// It has turned out to be no answer: the rest stays back.
    Broken,
}

impl LongJsonResponse {
    pub(crate) fn new(cx: &Context<'_>, call: RoutedCall, session: ScopeTag) -> Self {
        let long = Long::new(call.shape, cx.gateway.limits.upstream_body);
        Self { call, session, long, begun: false, end: End::Awaited }
    }

    /// How many bytes are held back.
    pub(crate) fn held(&self) -> usize {
        self.long.held()
    }

    /// Takes the next bytes; the first ones come with those that were held until now, and then it is
    /// `held` that they are in.
    pub(crate) fn body(
        mut self: Box<Self>,
        cx: &Context<'_>,
        chunk: &[u8],
        held: bool,
        end: bool,
    ) -> Turn {
        let upstream = cx.gateway.upstream(self.call.upstream);
        if self.end == End::Broken {
            return self.next(vec![Effect::ResponseBody(Vec::new())], end);
        }
        let marks = OwnerTags { keys: &cx.gateway.keys, session: self.session };
        let (request, shape) = (Some(&self.call.id as &_), self.call.shape);
        let origin = Origin { upstream, marks, request, shape };
        let (mut out, skipped) = (Vec::new(), self.long.skipped());
        let passed = self.long.feed(origin, chunk, &mut out);
        let mut effects = Vec::new();
        if self.long.skipped() > skipped {
            let (limit, name) = (cx.gateway.limits.upstream_body, &upstream.name);
            effects.push(Effect::Warn(format!(
                "{}: a name in an answer of upstream {name} is longer than {limit} bytes \
                 (limits.upstream_body): it passed as it is",
                self.call.label
            )));
        }
        match self.long.standing() {
            Standing::Mismatched | Standing::Broken => {
                effects.extend(self.refuse(upstream));
                return self.next(effects, end);
            }
            Standing::Answers if self.end == End::Awaited => {
                self.end = End::Come;
                effects.push(reply::count(self.call.label, Outcome::Ok));
            }
            // It breaks off. What was held back is part of what is missing.
            Standing::Open if end => {
                effects.push(reply::count(self.call.label, Outcome::UpstreamError));
            }
            Standing::Open | Standing::Answers => {}
        }
        self.begun = true;
        match passed {
            Passed::Changed => effects.push(Effect::ResponseBody(out)),
            Passed::AsIs if held => effects.push(Effect::ResponseBody(chunk.to_vec())),
            Passed::AsIs => {}
        }
        // What follows the answer is no part of it, so it is looked at, too.
        self.next(effects, end)
    }

    fn next(self: Box<Self>, effects: Vec<Effect>, end: bool) -> Turn {
        let state = if end { Next::Bypass } else { Next::LongJsonResponse(self) };
        (state, Step::pass_with(effects))
    }

    /// What takes the place of an answer that is none: an error, or, if a part of it is out, nothing,
    /// so that it breaks off and is no JSON to the client.
    fn refuse(&mut self, upstream: &Upstream) -> Vec<Effect> {
        let counted = std::mem::replace(&mut self.end, End::Broken) == End::Come;
        let error = Error::Upstream(UpstreamError::new(&upstream.name, Fault::NotTheResponse));
        let body = if self.begun { Vec::new() } else { error.body(Some(&self.call.id)) };
        let count = reply::count(self.call.label, Outcome::UpstreamError);
        [Effect::ResponseBody(body)].into_iter().chain((!counted).then_some(count)).collect()
    }

    /// The stream ended with trailers.
    pub(crate) fn trailers(&self) -> Turn {
        let count = (self.end == End::Awaited)
            .then(|| reply::count(self.call.label, Outcome::UpstreamError));
        (Next::Bypass, Step::pass_with(count.into_iter().collect()))
    }

    /// Stops looking, before the bytes for which there is no memory: the rest goes by as it is.
    pub(crate) fn over_budget(self) -> Turn {
        if self.end == End::Broken {
            return (Next::Bypass, Step::pass_with(vec![Effect::ResponseBody(Vec::new())]));
        }
        let count = reply::count(self.call.label, Outcome::Ok);
        let count = (self.end == End::Awaited).then_some(count);
        let lead = Effect::ResponseLead(self.long.finish());
        (Next::Bypass, Step::pass_with([lead].into_iter().chain(count).collect()))
    }
}
