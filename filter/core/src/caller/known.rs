//! What a caller may expect of upstreams that are not opened for it: what they have said to earlier sessions of the same
//! caller (`session.open: lazy`). And what other requests of its session have opened meanwhile.

use super::{Caller, Identity};
use crate::catalog::cache::KeyOf;
use crate::era::upstream::Introduction;
use crate::exchange::Context;
use crate::exchange::client_headers::ClientHeaders;
use crate::exchange::fan_out::list_key;
use crate::gateway::{Gateway, Opening, UpstreamId};
use crate::mcp::log_level::LogLevel;
use crate::mcp::revision::Revision;
use crate::memory::introductions::{Said, is_fresh};
use crate::memory::questions::Inbox;
use crate::peer::Peer;
use crate::session::pool::CallerKey;

/// Tells a caller from all others of whom an upstream would be shown something else: by its name, by what it says of
/// itself as far as a session keeps that, and by the headers that are passed on.
pub(crate) fn key(
    headers: &ClientHeaders,
    (revision, capabilities, info): (Revision, &str, &str),
) -> CallerKey {
    let tag = headers.principal.tag;
    let name = tag.as_ref().map_or(&[][..], |tag| &tag.0);
    let key = KeyOf::default().and(name).and(revision.as_str()).and(capabilities).and(info);
    let key = headers.credentials().fold(key, |key, (name, value)| key.and(name).and(value));
    CallerKey(key.key().half())
}

/// What upstreams have said to this caller lately, if it need not be asked again.
pub(crate) fn look_up(cx: &Context<'_>, key: CallerKey) -> Vec<(UpstreamId, Introduction)> {
    let now = cx.host.now();
    let said: Said = cx.memory.introductions.with(|all| all.find(key));
    let fresh = said.iter().filter(|(_, (_, heard))| is_fresh(*heard, now));
    fresh.map(|(upstream, (introduction, _))| (*upstream, introduction.clone())).collect()
}

/// Whether upstreams are opened when they are needed.
pub(crate) fn is_lazy(gateway: &Gateway) -> bool {
    gateway.opening == Opening::Lazy
}

impl Caller {
    /// Looks up what may be expected of upstreams that are not open; see [`Self::expected`].
    pub(crate) fn recall(&mut self, cx: &Context<'_>) {
        let Some(key) = self.known_as(cx.gateway) else { return };
        let is_open = |upstream| self.peer(upstream).is_some();
        if cx.gateway.upstreams.ids().all(is_open) {
            return;
        }
        let said = look_up(cx, key);
        let fingerprint = list_key::init_fingerprint(cx.gateway, &self.headers, &self.offer());
        let peer = |it: Introduction| Peer { init_fingerprint: fingerprint, ..it.peer };
        let absent = said.into_iter().filter(|(upstream, _)| !is_open(*upstream));
        let expected = absent.map(|(upstream, it)| (upstream, peer(it))).collect();
        if let Identity::Session(session) = &mut self.identity {
            session.expected = expected;
        }
    }

    /// What an upstream has agreed to, or most likely will when it is opened. Its own session is not known then.
    pub(crate) fn expected(&self, upstream: UpstreamId) -> Option<&Peer> {
        let expected = || match &self.identity {
            Identity::Session(session) => {
                session.expected.iter().find(|(it, _)| *it == upstream).map(|(_, peer)| peer)
            }
            Identity::Introducing(_) | Identity::Stateless(_) => None,
        };
        self.peer(upstream).or_else(expected)
    }

    /// An upstream has introduced itself to this session.
    pub(crate) fn heard(&self, cx: &Context<'_>, upstream: UpstreamId, said: &Introduction) {
        if let Some(key) = self.known_as(cx.gateway) {
            let now = cx.host.now();
            cx.memory.introductions.with(|all| all.learn(key, upstream, said.clone(), now));
        }
    }

    /// An upstream has refused to be opened for this session.
    pub(crate) fn unlearn(&self, cx: &Context<'_>, upstream: UpstreamId) {
        if let Some(key) = self.known_as(cx.gateway) {
            cx.memory.introductions.with(|all| all.forget(key, upstream));
        }
    }

    /// Hears of upstreams that other requests open for this session, as long as the inbox is kept; `None` if all are
    /// open from the beginning.
    pub(crate) fn hears_openings(&self, cx: &Context<'_>) -> Option<Inbox> {
        self.known_as(cx.gateway)?;
        let inbox = Inbox::default();
        cx.memory.openings.with(|openings| openings.listen(self.scope(), &inbox));
        Some(inbox)
    }

    /// The upstream's session that stays, if another request of this caller has opened one at the same time as the one
    /// that has opened `own`. `lost` is one that it has lost.
    pub(crate) fn claim(
        &self,
        cx: &Context<'_>,
        upstream: UpstreamId,
        (own, lost): (&Peer, Option<&str>),
    ) -> Option<Peer> {
        let Identity::Session(session) = &self.identity else { return None };
        let claim = (session.tag, upstream);
        cx.memory.openings.with(|openings| openings.claim(claim, own, lost))
    }

    /// From which level on a session wants log messages of upstreams that were not open when it said so.
    pub(crate) fn noted_level(&self) -> Option<LogLevel> {
        match &self.identity {
            Identity::Session(session) => session.log_level,
            Identity::Introducing(_) | Identity::Stateless(_) => None,
        }
    }

    /// What its session is known as, if upstreams are opened when it needs them.
    fn known_as(&self, gateway: &Gateway) -> Option<CallerKey> {
        match &self.identity {
            Identity::Session(session) if is_lazy(gateway) => {
                let says = (session.revision(), session.capabilities(), session.info());
                Some(key(&self.headers, says))
            }
            _ => None,
        }
    }
}
