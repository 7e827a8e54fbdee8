//! A client of the stateless era, as the gateway sees it while it serves one request.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::changes::Changes;
use crate::catalog;
use crate::era::client::stateless::Declared;
use crate::era::upstream::Introduction;
use crate::era::upstream::handshake::Offer;
use crate::exchange::Context;
use crate::exchange::client_headers::ClientHeaders;
use crate::gateway::{Upstream, UpstreamId};
use crate::mcp::capability::Capabilities;
use crate::mcp::method::Kind;
use crate::peer::Peer;
use crate::seal::ScopeTag;
use crate::session::pool::CallerKey;

/// The tag of all callers without a name of whom upstreams are shown no header.
const NOBODY: ScopeTag = ScopeTag(*b"no header shown!");

/// What is known of the sender of a stateless request.
#[derive(Clone, Debug)]
pub(super) struct StatelessCaller {
    /// What the request says of it.
    pub(super) declared: Declared,
    /// Tells it from callers with other credentials.
    pub(super) tag: ScopeTag,
    /// Tells it from all others at upstreams of the handshake era; `None` where there are none.
    key: Option<CallerKey>,
    /// Upstreams of its era, as they were known when the request came.
    known: Arc<BTreeMap<UpstreamId, Peer>>,
    /// Sessions that are kept for it, and what has changed since.
    pub(super) changes: Changes,
    /// What those upstreams said when their sessions were opened.
    instructions: Vec<(UpstreamId, Arc<str>)>,
    /// How many upstreams there are.
    upstreams: usize,
    /// Whether upstreams of the handshake era may ask it for what it has declared: what they ask can reach it.
    is_asked: bool,
}

impl StatelessCaller {
    /// Looks up what is known.
    pub(super) fn new(cx: &mut Context<'_>, headers: &ClientHeaders, declared: Declared) -> Self {
        let (now, idle) = (cx.host.now(), cx.gateway.pool.idle.as_secs());
        let known = cx.memory.eras.with(|eras| eras.peers());
        let upstreams = cx.gateway.upstreams.len();
        let key = (known.len() < upstreams).then(|| key(headers, &declared));
        let wanted = |key| (key, declared.log_level);
        let take = |key| cx.memory.pool.with(|pool| pool.take(wanted(key), now, idle));
        let pooled = key.map(take).unwrap_or_default();
        let (mut peers, mut instructions) = (Vec::new(), Vec::new());
        for taken in pooled {
            cx.leases.push(taken.lease);
            // One that needs none any more is spoken to without.
            if known.contains_key(&taken.upstream) {
                continue;
            }
            peers.push((taken.upstream, Some(taken.peer)));
            instructions.extend(taken.instructions.map(|text| (taken.upstream, text)));
        }
        let tag = tag(headers);
        let depends =
            [Kind::Tool, Kind::Prompt].iter().any(|kind| catalog::depends(cx.gateway, *kind));
        let told = if depends { cx.host.session_notes(tag).announced } else { [None; 2] };
        let changes = Changes::new(peers, told);
        let is_asked = cx.host.abilities().streams;
        Self { declared, tag, key, known, changes, instructions, upstreams, is_asked }
    }

    /// What upstreams of the handshake era are offered.
    pub(super) fn offer(&self) -> Offer {
        let capabilities = if self.is_asked { self.declared.answered() } else { None };
        Offer::of_stateless(&self.declared, capabilities.unwrap_or_else(|| "{}".to_owned()))
    }

    /// What such an upstream may ask it for, as `capabilities`; `None` if that is nothing.
    pub(super) fn answers(&self, upstream: &Upstream) -> Option<String> {
        if self.is_asked { self.declared.asked(upstream.offer_in_calls()) } else { None }
    }

    pub(super) fn peer(&self, upstream: UpstreamId) -> Option<&Peer> {
        self.changes.peer(upstream, || self.known.get(&upstream))
    }

    /// What an upstream said of itself when the session was opened that is kept for this caller.
    pub(super) fn introduction(&self, upstream: UpstreamId) -> Option<Introduction> {
        let instructions = self.instructions.iter().find(|(it, _)| *it == upstream);
        let instructions = instructions.map(|(_, text)| text.to_string());
        Some(Introduction { instructions, ..Introduction::of(self.peer(upstream)?.clone()) })
    }

    /// In configured order.
    pub(super) fn peers(&self) -> impl Iterator<Item = (UpstreamId, &Peer)> {
        let mut all: Vec<_> = self.unsorted().collect();
        all.sort_by_key(|(upstream, _)| *upstream);
        all.into_iter()
    }

    fn unsorted(&self) -> impl Iterator<Item = (UpstreamId, &Peer)> {
        let known = self.known.iter().filter(|(upstream, _)| !self.changes.has(**upstream));
        let changed =
            self.changes.peers.iter().filter_map(|(it, peer)| Some((*it, peer.as_ref()?)));
        known.map(|(it, peer)| (*it, peer)).chain(changed)
    }

    pub(super) fn may(&self, capability: Capabilities) -> bool {
        let mut peers = 0;
        let can = self.unsorted().any(|(_, peer)| {
            peers += 1;
            peer.capabilities.contains(capability)
        });
        can || peers < self.upstreams
    }

    /// Tells it from all others at upstreams of the handshake era.
    pub(super) fn key(&self, headers: &ClientHeaders) -> CallerKey {
        self.key.unwrap_or_else(|| key(headers, &self.declared))
    }

    pub(super) fn leave(&mut self, upstream: UpstreamId) {
        if let Some(session) = self.peer(upstream).map(|peer| peer.session.clone()) {
            self.changes.leave(upstream, session);
        }
    }

    pub(super) fn join(&mut self, upstream: UpstreamId, peer: &Peer) {
        if self.peer(upstream) != Some(peer) {
            self.changes.set(upstream, Some(peer.clone()));
        }
    }
}

/// Callers of one name whose configured headers are the same have the same tag, on every worker and replica.
fn tag(headers: &ClientHeaders) -> ScopeTag {
    let mut digest = None;
    if let Some(caller) = headers.principal.tag {
        absorb(digest.get_or_insert_default(), &caller.0);
    }
    for (name, value) in headers.credentials() {
        let digest: &mut Sha256 = digest.get_or_insert_default();
        absorb(digest, name.as_bytes());
        absorb(digest, value);
    }
    digest.map_or(NOBODY, |digest| ScopeTag(half(digest)))
}

/// Requests of one caller of which an upstream of the handshake era would be shown the same have the same key.
fn key(headers: &ClientHeaders, declared: &Declared) -> CallerKey {
    let mut digest = Sha256::new();
    if let Some(caller) = headers.principal.tag {
        absorb(&mut digest, &caller.0);
    }
    absorb(&mut digest, declared.capabilities.as_bytes());
    absorb(&mut digest, declared.info.as_deref().unwrap_or_default().as_bytes());
    for (name, value) in headers.credentials() {
        absorb(&mut digest, name.as_bytes());
        absorb(&mut digest, value);
    }
    CallerKey(half(digest))
}

/// The first half of a digest.
fn half(digest: Sha256) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    half
}

/// Adds a part, so that two parts are never taken for one.
fn absorb(digest: &mut Sha256, part: &[u8]) {
    digest.update((part.len() as u64).to_le_bytes());
    digest.update(part);
}
