//! What a list may depend on, as the key that it is kept under: one caller's list must never be served
//! to another.

use crate::caller::Caller;
use crate::catalog::cache::{KeyOf, ListKey};
use crate::era::upstream::handshake::Offer;
use crate::exchange::client_headers::ClientHeaders;
use crate::exchange::fan_out::list::List;
use crate::gateway::{CacheScope, Gateway, PerUpstream, Upstream, UpstreamId};
use crate::peer::Peer;
use crate::session::InitFingerprint;

/// A list that is asked for, and who asks.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) list: &'a List,
    pub(crate) caller: &'a Caller,
}

impl Asking<'_> {
    /// The key for this session alone. An upstream that has lost its part and got a new one is another
    /// upstream.
    pub(crate) fn own(self) -> ListKey {
        let id = |peer: &Peer| peer.session.clone().unwrap_or_default().into_bytes();
        self.rest(KeyOf::default().and("session").and(self.caller.scope().0), id)
    }

    /// The key for all sessions whose request looks the same to the upstreams, now and when their parts
    /// were opened; `None` where the configuration does not want it, where the list goes on from a cursor
    /// that this session was given, or where it is not known what an upstream was shown.
    pub(crate) fn public(self) -> Option<ListKey> {
        let scope = self.gateway.catalog.map(|catalog| catalog.scope);
        let known = self.caller.peers().all(|(_, peer)| peer.init_fingerprint.is_some());
        if scope != Some(CacheScope::Public) || self.list.goes_on() || !known {
            return None;
        }
        let init_fingerprint = |peer: &Peer| peer.init_fingerprint.unwrap_or_default().to_vec();
        Some(self.rest(KeyOf::default().and("public"), init_fingerprint))
    }

    /// The key for all who may have the list because its upstreams say that everybody may (2026-07-28,
    /// Caching): it depends on what is asked, and on nothing of who asks.
    pub(crate) fn hinted(self) -> ListKey {
        let key = KeyOf::default().and("hinted").and(self.caller.era().as_str());
        self.upstreams(self.list.describe(key), |_| Vec::new()).key()
    }

    /// What each upstream was shown when its part was opened.
    pub(crate) fn openers(self) -> PerUpstream<Option<InitFingerprint>> {
        let shown = |(upstream, _): (UpstreamId, &Upstream)| {
            self.caller.peer(upstream).and_then(|peer| peer.init_fingerprint)
        };
        self.gateway.upstreams.map(shown)
    }

    /// Whether every part that there is now was shown what it had been shown before, or what this request
    /// shows. One may have been opened by another request of the session.
    pub(crate) fn saw_no_more_than(self, before: &PerUpstream<Option<InitFingerprint>>) -> bool {
        let shows = init_fingerprint(self.gateway, &self.caller.headers, &self.caller.offer());
        self.caller.peers().all(|(upstream, peer)| {
            let known = |it: &Option<InitFingerprint>| it.is_some() && *it == peer.init_fingerprint;
            known(&shows) || before.get(upstream).is_some_and(known)
        })
    }

    /// What every key has; `part` tells a session's part of an upstream from others.
    fn rest(self, key: KeyOf, part: impl Fn(&Peer) -> Vec<u8>) -> ListKey {
        let key = self.list.describe(key.and(self.caller.era().as_str()));
        let key = self.upstreams(key, part);
        let speaker = self.caller.speaker();
        shown(key.and(&*speaker.capabilities), &self.caller.headers, &self.caller.offer()).key()
    }

    /// Adds how each upstream is spoken to.
    fn upstreams(self, mut key: KeyOf, part: impl Fn(&Peer) -> Vec<u8>) -> KeyOf {
        for upstream in self.gateway.upstreams.ids() {
            // As many parts for each upstream.
            key = match self.caller.expected(upstream) {
                Some(peer) => {
                    let key = key.and(peer.revision.as_str());
                    key.and(peer.capabilities.bits().to_le_bytes()).and(part(peer))
                }
                // It will be shown what this request has.
                None => key.and("absent").and("").and(""),
            };
        }
        key
    }
}

impl List {
    /// Whether it goes on from a cursor.
    pub(crate) fn goes_on(&self) -> bool {
        self.positions.is_some()
    }

    /// Adds what is asked, and what may be seen of it: a list is never one for other rights.
    fn describe(&self, key: KeyOf) -> KeyOf {
        let key =
            key.and(self.listing.method).and(self.rights.bits().to_le_bytes()).and(&self.rest);
        let count = self.positions.as_ref().map_or(0, |it| it.len() as u64 + 1);
        let positions = self.positions.iter().flatten();
        positions
            .fold(key.and(count.to_le_bytes()), |key, it| key.and(&it.upstream).and(&it.cursor))
    }
}

/// Tells what an upstream is shown when it is offered a part of a session; nobody wants to know unless
/// lists are served to other sessions.
pub(crate) fn init_fingerprint(
    gateway: &Gateway,
    client: &ClientHeaders,
    offer: &Offer,
) -> Option<InitFingerprint> {
    let public = gateway.catalog.is_some_and(|catalog| catalog.scope == CacheScope::Public);
    public.then(|| shown(KeyOf::default(), client, offer).key().half())
}

/// What upstreams are shown of a client. Nothing may follow it: there may be any number of headers.
fn shown(key: KeyOf, client: &ClientHeaders, offer: &Offer) -> KeyOf {
    let key = key.and(offer.revision.as_str()).and(&offer.capabilities).and(&offer.rest);
    client.of_caller().fold(key, |key, (name, value)| key.and(name).and(value))
}
