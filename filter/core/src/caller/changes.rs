//! What changes between a caller and its upstreams while one of its requests is served: a session that was
//! lost, an upstream that joined, names that the client was told.

use crate::gateway::UpstreamId;
use crate::mcp::method::Kind;
use crate::peer::Peer;

/// What is different from what the request began with.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Upstreams that have agreed to something else, or to nothing any more.
    pub(super) peers: Vec<(UpstreamId, Option<Peer>)>,
    /// The upstream that has lost its session, and its own id of that.
    lost: Option<(UpstreamId, Option<String>)>,
    /// Fingerprints of the names that the client was told, of tools and of prompts.
    told: [Option<u64>; 2],
}

impl Changes {
    /// With what other requests have changed before.
    pub(super) fn new(peers: Vec<(UpstreamId, Option<Peer>)>, told: [Option<u64>; 2]) -> Self {
        Self { peers, lost: None, told }
    }

    /// What an upstream has agreed to now: what it had `before`, if nothing has changed.
    pub(super) fn peer<'p>(
        &'p self,
        upstream: UpstreamId,
        before: impl FnOnce() -> Option<&'p Peer>,
    ) -> Option<&'p Peer> {
        match self.peers.iter().find(|(changed, _)| *changed == upstream) {
            Some((_, peer)) => peer.as_ref(),
            None => before(),
        }
    }

    /// Whether something has changed at an upstream.
    pub(super) fn has(&self, upstream: UpstreamId) -> bool {
        self.peers.iter().any(|(changed, _)| *changed == upstream)
    }

    /// The fingerprint of the names of a kind that the client was told last.
    pub(super) fn told(&self, kind: Kind) -> Option<u64> {
        let [tools, prompts] = self.told;
        if kind == Kind::Tool { tools } else { prompts }
    }

    /// The id of the session that an upstream has lost.
    pub(super) fn lost(&self, upstream: UpstreamId) -> Option<String> {
        self.lost.as_ref().filter(|(index, _)| *index == upstream)?.1.clone()
    }

    /// An upstream has lost the session with this id.
    pub(super) fn leave(&mut self, upstream: UpstreamId, session: Option<String>) {
        self.lost = Some((upstream, session));
        self.set(upstream, None);
    }

    /// An upstream has agreed to this, or to nothing any more.
    pub(super) fn set(&mut self, upstream: UpstreamId, peer: Option<Peer>) {
        self.peers.retain(|(changed, _)| *changed != upstream);
        self.peers.push((upstream, peer));
    }
}
