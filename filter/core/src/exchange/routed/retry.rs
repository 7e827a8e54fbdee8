//! Sends a call once more after its upstream had lost the session: the upstream is initialized again,
//! with what the client said of itself, and the call goes out as a side call, since the client's own
//! request is gone by then. Its answer comes whole, within `call_timeout`.

use std::time::Duration;

use crate::caller::Caller;
use crate::effect::{Effect, Outcome, Reply};
use crate::era::upstream::Subject;
use crate::error::{Error, UpstreamError};
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::answer::{Answer, Whole};
use crate::exchange::fan_out::question::{Completion, Ended, Question};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::routed::request::RoutedCall;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Upstream, UpstreamId};
use crate::mcp::jsonrpc::Id;

/// The client gets the upstream's answer, or why there is none.
#[derive(Debug)]
struct Retry;

/// Begins; the upstream's refusal stays held.
pub(crate) fn start(cx: &mut Context<'_>, call: RoutedCall, mut caller: Caller) -> Turn {
    caller.leave(call.upstream);
    again(cx, call, caller)
}

/// Begins in a session that was opened again already.
pub(crate) fn again(cx: &mut Context<'_>, call: RoutedCall, caller: Caller) -> Turn {
    let upstream = call.upstream;
    FanOut::new(call, Retry, caller).start(cx, [upstream])
}

impl Question for RoutedCall {
    type Part = Whole;

    fn subject(&self) -> Subject<'_> {
        self.subject()
    }

    fn body(&self, _: &Upstream, _: u64, _: Option<&Whole>) -> Vec<u8> {
        self.body.clone()
    }

    fn clients_id(&self) -> Option<&Id<'static>> {
        Some(&self.id)
    }

    fn timeout(&self, upstream: &Upstream) -> Duration {
        upstream.call_timeout
    }

    fn opens(&self) -> bool {
        true
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn rediscovers(&self) -> bool {
        self.refused_stateless
    }

    fn read(
        &self,
        cx: &Context<'_>,
        _: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<Whole, UpstreamError> {
        answer.whole(&cx.gateway.keys, self.shape).ok_or_else(|| answer.refusal())
    }

    fn held(&self) -> usize {
        self.body.capacity()
    }

    fn size(part: &Whole) -> usize {
        part.body.capacity()
    }
}

impl Completion<RoutedCall> for Retry {
    fn complete(self, cx: &mut Context<'_>, call: RoutedCall, ended: Ended<Whole>) -> Turn {
        match ended.parts.into_iter().next() {
            Some((_, Ok(Whole { content_type, ending, body }))) => {
                cx.trail.ends(ending);
                let headers = vec![("content-type", content_type.as_bytes().to_vec())];
                let reply = Effect::Reply(Reply { status: 200, headers, body });
                reply::now(vec![reply::count(call.label, Outcome::Ok), reply])
            }
            Some((_, Err(error))) => {
                let mut effects = warnings(call.label, std::slice::from_ref(&error));
                let error = Error::Upstream(error);
                effects.extend(reply::error(call.label, Some(&call.id), &error));
                reply::now(effects)
            }
            None => {
                let error = Error::AllUpstreams(Vec::new());
                reply::now(reply::error(call.label, Some(&call.id), &error))
            }
        }
    }

    fn holds_answer(&self) -> bool {
        true
    }
}
