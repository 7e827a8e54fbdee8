//! The edge towards upstreams: what comes before a question, and what goes with it.

pub(crate) mod handshake;
pub(crate) mod known;
pub(crate) mod stateless;

use std::borrow::Cow;

use crate::mcp::cache_hints::CacheHints;
use crate::peer::Peer;

/// What an upstream has said of itself, in answer to `initialize` or to `server/discover`.
#[derive(Clone, Debug)]
pub(crate) struct Introduction {
    /// How it is spoken to from now on.
    pub(crate) peer: Peer,
    /// What it tells those who use it.
    pub(crate) instructions: Option<String>,
    /// How long that holds.
    pub(crate) hints: CacheHints,
}

impl Introduction {
    /// Of an upstream of which no more is known.
    pub(crate) const fn of(peer: Peer) -> Self {
        Self { peer, instructions: None, hints: CacheHints::NONE }
    }
}

/// What the head of a request to an upstream says of its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'s> {
    /// The method.
    pub(crate) method: &'s str,
    /// What the upstream calls the thing that the request is about, where it is asked for by name.
    pub(crate) name: Option<&'s str>,
    /// Headers that repeat arguments of a call, with their values.
    pub(crate) params: &'s [(String, String)],
}

impl<'s> Subject<'s> {
    /// Of a request that is about no one thing.
    pub(crate) const fn of(method: &'s str) -> Self {
        Self { method, name: None, params: &[] }
    }
}

/// The headers of every request to an upstream, in the words of its era.
pub(crate) fn headers<'h>(
    peer: &'h Peer,
    subject: Subject<'h>,
) -> impl Iterator<Item = (&'static str, Cow<'h, str>)> {
    let stateless = peer.revision.is_stateless();
    let modern = stateless.then(|| stateless::headers(subject.method, subject.name));
    let session = (!stateless).then(|| handshake::headers(peer));
    let session = session.into_iter().flatten().map(|(name, value)| (name, Cow::Borrowed(value)));
    modern.into_iter().flatten().chain(session)
}

/// The headers that repeat arguments of a call, which only upstreams of the stateless era know.
pub(crate) fn repeated<'s>(peer: &Peer, subject: Subject<'s>) -> &'s [(String, String)] {
    if peer.revision.is_stateless() { subject.params } else { &[] }
}
