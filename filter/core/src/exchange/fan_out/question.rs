//! What a fan-out asks its upstreams ([`Question`]), and what becomes of their answers ([`Completion`]).
//!
//! The two are apart, because one question serves several ends: a list is read to be passed on, or to
//! find out who owns a name.

use std::fmt::Debug;
use std::time::Duration;

use crate::caller::Caller;
use crate::catalog::{Stepped, Steps};
use crate::effect::Effect;
use crate::era::Era;
use crate::era::upstream::{Introduction, Subject};
use crate::error::UpstreamError;
use crate::exchange::fan_out::answer::Answer;
use crate::exchange::{Context, Turn};
use crate::fault::Fault;
use crate::gateway::{Upstream, UpstreamId};
use crate::http::MediaType;
use crate::mcp::capability::Capabilities;
use crate::mcp::jsonrpc::Id;
use crate::peer::Peer;

/// What is asked.
pub(crate) trait Question: Debug {
    /// What one upstream contributes.
    type Part: Debug;

    /// The HTTP method of what is asked.
    fn method(&self) -> &'static str {
        "POST"
    }

    /// What the head of what is asked says of it.
    fn subject(&self) -> Subject<'_>;

    /// What is asked, under the id `request`; `so_far` is what this upstream has contributed before.
    fn body(&self, upstream: &Upstream, request: u64, so_far: Option<&Self::Part>) -> Vec<u8>;

    /// The id that it is asked under, if that is the client's own and none of the gateway's.
    fn clients_id(&self) -> Option<&Id<'static>> {
        None
    }

    /// How long the answer may take.
    fn timeout(&self, upstream: &Upstream) -> Duration {
        upstream.timeout
    }

    /// Whether an upstream that has no part in the session, or lost it, is initialized first.
    fn opens(&self) -> bool {
        false
    }

    /// Whether it can be asked twice, as nothing is done for it: a call cannot, since its upstream may
    /// have acted although no answer has arrived.
    fn is_idempotent(&self) -> bool {
        true
    }

    /// Whether the upstream has refused it as a request without a session, so that it is asked first what it
    /// speaks.
    fn rediscovers(&self) -> bool {
        false
    }

    /// Whether it asks for nothing but whether the session is there.
    fn is_ping(&self) -> bool {
        false
    }

    /// Whether what an upstream says of itself when it is spoken to for the first time is all that is asked.
    fn introduces(&self) -> bool {
        false
    }

    /// What an upstream contributes that has introduced itself.
    fn introduced(&self, _upstream: UpstreamId, _said: Introduction) -> Option<Self::Part> {
        None
    }

    /// What an upstream contributes that need not be asked.
    fn unasked(&self, _peer: &Peer) -> Option<Self::Part> {
        None
    }

    /// Reads one answer.
    ///
    /// # Errors
    ///
    /// Why the upstream contributes nothing.
    fn read(
        &self,
        cx: &Context<'_>,
        upstream: UpstreamId,
        answer: &Answer<'_>,
    ) -> Result<Self::Part, UpstreamError>;

    /// An answer that is so long that it is read in steps; or the answer again.
    fn steps(&self, _kind: MediaType, body: Vec<u8>) -> Result<Box<Steps>, Vec<u8>> {
        Err(body)
    }

    /// Reads more of it.
    fn step(
        &self,
        _cx: &Context<'_>,
        _upstream: UpstreamId,
        _speaks: (Capabilities, Era),
        steps: Box<Steps>,
    ) -> Stepped {
        Stepped::Whole(steps.into_answer())
    }

    /// Puts a later contribution of an upstream behind its earlier ones.
    ///
    /// # Errors
    ///
    /// What is wrong with them together.
    fn add(
        &self,
        _cx: &Context<'_>,
        _so_far: Self::Part,
        part: Self::Part,
    ) -> Result<Self::Part, Fault> {
        Ok(part)
    }

    /// Whether the upstream is asked again for more.
    fn is_partial(&self, _part: &Self::Part) -> bool {
        false
    }

    /// What an upstream contributes that failed when it was asked for more.
    ///
    /// # Errors
    ///
    /// The failure, where a part of it is of no use.
    fn cut_short(
        &self,
        _so_far: Self::Part,
        error: UpstreamError,
    ) -> Result<Self::Part, UpstreamError> {
        Err(error)
    }

    /// The upstreams to ask for more, now that all have answered; `parts` are their contributions, in
    /// configured order.
    fn next_round(
        &self,
        _cx: &Context<'_>,
        _parts: &mut [(UpstreamId, &mut Self::Part)],
    ) -> Vec<UpstreamId> {
        Vec::new()
    }

    /// How many bytes the question holds besides what the client says of itself; each upstream that is asked
    /// gets a copy of it.
    fn held(&self) -> usize;

    /// How many bytes a contribution holds.
    fn size(_part: &Self::Part) -> usize {
        0
    }
}

/// What becomes of the answers.
pub(crate) trait Completion<Q: Question>: Debug {
    /// Goes on when every upstream has answered or failed.
    fn complete(self, cx: &mut Context<'_>, question: Q, ended: Ended<Q::Part>) -> Turn;

    /// How many bytes are held until then.
    fn held(&self) -> usize {
        0
    }

    /// Lets those know who wait for the outcome that there will be none.
    fn abandon(&self, _cx: &mut Context<'_>) -> Option<Effect> {
        None
    }

    /// Whether an upstream's refusal of the routed request stays held meanwhile. Where it does not,
    /// any answer to the client is the proxy's own, which gives up on the request.
    fn holds_answer(&self) -> bool {
        false
    }
}

/// A fan-out all of whose answers are there.
#[derive(Debug)]
pub(crate) struct Ended<P> {
    /// By the index of the upstream, in configured order.
    pub(crate) parts: Vec<(UpstreamId, Result<P, UpstreamError>)>,
    pub(crate) caller: Caller,
    /// By which words an upstream said that it has lost its session; the first that did.
    pub(crate) loss: Option<Fault>,
}
