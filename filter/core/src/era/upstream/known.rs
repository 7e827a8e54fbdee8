//! What a worker knows of the eras of upstreams (`era: auto`), so that each is asked once and not with
//! every request. The workers of a process tell each other, by a note; an upstream that contradicts what is
//! known of it is asked again.

use std::collections::BTreeMap;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::effect::Effect;
use crate::exchange::Context;
use crate::gateway::{Era, Upstream, UpstreamId};
use crate::mcp::capability::Capabilities;
use crate::mcp::revision::Revision;
use crate::peer::Peer;
use crate::session::notes::{Note, Notes};
use crate::session::{ScopeTag, UpstreamSession};

/// For how many seconds the era of an upstream stays noted.
const NOTED: u64 = 24 * 60 * 60;

/// The era of an upstream, as workers tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamEra {
    /// It wants a handshake.
    Handshake,
    /// It has no sessions, and can do this.
    Stateless(Capabilities),
}

impl UpstreamEra {
    /// What every caller has agreed with such an upstream; `None` where each has to agree by itself.
    #[must_use]
    pub fn peer(self) -> Option<Peer> {
        let Self::Stateless(capabilities) = self else { return None };
        let revision = Revision::NEWEST_STATELESS;
        Some(Peer { revision, capabilities, session: None, init_fingerprint: None })
    }
}

impl UpstreamEra {
    /// What an upstream that has introduced itself so shows of its era.
    #[must_use]
    pub fn of(peer: &Peer) -> Self {
        if peer.revision.is_stateless() {
            Self::Stateless(peer.capabilities)
        } else {
            Self::Handshake
        }
    }

    /// The era as a note of workers: a part of a session that all callers share.
    #[must_use]
    pub fn note(self, upstream: &Upstream) -> Note {
        let (revision, capabilities) = match self {
            Self::Handshake => (Revision::NEWEST, Capabilities::NONE),
            Self::Stateless(capabilities) => (Revision::NEWEST_STATELESS, capabilities),
        };
        let upstream = upstream.name.clone();
        let part =
            UpstreamSession { upstream, id: None, revision, capabilities, init_fingerprint: None };
        Note::Joined(vec![part])
    }

    /// The era that workers have noted.
    #[must_use]
    pub fn noted(notes: &Notes) -> Option<Self> {
        let part = notes.members.last()?;
        Some(if part.revision.is_stateless() {
            Self::Stateless(part.capabilities)
        } else {
            Self::Handshake
        })
    }
}

/// Where workers note the era of an upstream: wherever it is configured alike, it is the same.
pub(crate) fn tag(cluster: &str, authority: &str, path: &str) -> ScopeTag {
    let mut digest = Sha256::new();
    for part in [cluster, authority, path] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut tag = [0; ScopeTag::LEN];
    tag.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    ScopeTag(tag)
}

/// What is known of each upstream.
#[derive(Debug, Default)]
pub struct KnownEras {
    eras: BTreeMap<UpstreamId, UpstreamEra>,
    /// Those without sessions, as every caller speaks to them.
    peers: Rc<BTreeMap<UpstreamId, Peer>>,
}

impl KnownEras {
    /// The era of an upstream, if it is known.
    #[must_use]
    pub fn get(&self, upstream: UpstreamId) -> Option<UpstreamEra> {
        self.eras.get(&upstream).copied()
    }

    /// Those without sessions.
    #[must_use]
    pub fn peers(&self) -> Rc<BTreeMap<UpstreamId, Peer>> {
        Rc::clone(&self.peers)
    }

    /// Remembers the era of an upstream; whether that is news.
    pub fn learn(&mut self, upstream: UpstreamId, era: UpstreamEra) -> bool {
        if self.eras.insert(upstream, era) == Some(era) {
            return false;
        }
        let peers = Rc::make_mut(&mut self.peers);
        match era.peer() {
            Some(peer) => peers.insert(upstream, peer),
            None => peers.remove(&upstream),
        };
        true
    }
}

/// The era of an upstream, if it is configured, or this worker knows it, or another one has noted it.
pub(crate) fn look_up(cx: &mut Context<'_>, upstream: UpstreamId) -> Option<UpstreamEra> {
    if cx.gateway.upstream(upstream).era == Era::Handshake {
        return Some(UpstreamEra::Handshake);
    }
    if let known @ Some(_) = cx.cache.eras.get(upstream) {
        return known;
    }
    let notes = cx.host.session_notes(cx.gateway.upstream(upstream).era_tag);
    let era = UpstreamEra::noted(&notes)?;
    cx.cache.eras.learn(upstream, era);
    Some(era)
}

/// Remembers the era of an upstream on this worker, and if it is news, on all of them and in the log.
pub(crate) fn learn(cx: &mut Context<'_>, upstream: UpstreamId, era: UpstreamEra) -> Vec<Effect> {
    if !cx.cache.eras.learn(upstream, era) {
        return Vec::new();
    }
    let upstream = cx.gateway.upstream(upstream);
    let name = &upstream.name;
    let line = match era {
        UpstreamEra::Handshake => format!("upstream {name} is spoken to with `initialize`"),
        UpstreamEra::Stateless(_) => {
            let revision = Revision::NEWEST_STATELESS.as_str();
            format!("upstream {name} is spoken to without sessions ({revision})")
        }
    };
    let expires = cx.host.now().saturating_add(NOTED);
    let session = upstream.era_tag;
    vec![Effect::Inform(line), Effect::Note { session, note: era.note(upstream), expires }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_was_learned_holds() {
        let [a, b] = [0, 1].map(UpstreamId::at);
        let stateless = UpstreamEra::Stateless(Capabilities::TOOLS);
        let mut known = KnownEras::default();
        assert_eq!(known.get(a), None);
        assert!(known.learn(a, stateless) && known.learn(b, UpstreamEra::Handshake));
        assert!(!known.learn(a, stateless), "known already");
        let before = known.peers();
        assert_eq!(before.keys().collect::<Vec<_>>(), [&a]);
        assert_eq!(before.get(&a), stateless.peer().as_ref());
        assert!(known.learn(a, UpstreamEra::Handshake));
        assert!(known.peers().is_empty());
        assert_eq!(before.len(), 1, "a request that is under way keeps what it began with");
    }
}
