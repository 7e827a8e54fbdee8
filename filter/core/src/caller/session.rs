//! Opens the session that a request names, and matches it with the configuration.

use std::sync::Arc;

use super::changes::Changes;
use crate::era::upstream::handshake::Offer;
use crate::error::ClientError;
use crate::exchange::Context;
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;
use crate::mcp::event_id::{Digest, digest};
use crate::mcp::log_level::LogLevel;
use crate::mcp::revision::Revision;
use crate::peer::Peer;
use crate::seal::CallerTag;
use crate::session::view::SessionView;
use crate::session::{ScopeTag, UpstreamSession};

/// A session that was opened, and what has become of it since.
#[derive(Clone, Debug)]
pub(super) struct ClientSession {
    /// Identifies the session.
    pub(super) tag: ScopeTag,
    /// When the id stops being accepted, in seconds since the epoch.
    pub(super) expires: u64,
    opened: Arc<SessionView>,
    /// What has changed since the id was made.
    pub(super) changes: Changes,
    /// From which level on it wants log messages of upstreams that have no sessions, or were not open when it said so.
    pub(super) log_level: Option<LogLevel>,
    /// What may be expected of upstreams that are not open, once that was looked up.
    pub(super) expected: Vec<(UpstreamId, Peer)>,
}

impl ClientSession {
    /// Opens the id of the header, if it is this caller's.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSession`] without an id; [`ClientError::SessionGone`] when it cannot be
    /// opened, has expired or was deleted.
    pub(super) fn open(
        cx: &mut Context<'_>,
        caller: Option<CallerTag>,
        text: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let gone = ClientError::SessionGone;
        let text = text.ok_or(ClientError::NoSession)?;
        let (gateway, now) = (cx.gateway, cx.host.now());
        let opened = cx.memory.sessions.open(text, gateway, caller, now);
        let opened = opened.map_err(|error| gone(error.as_str()))?;
        let tag = opened.tag;
        let notes = cx.host.session_notes(tag);
        if notes.deleted {
            return Err(gone("the session was deleted"));
        }
        let expires = opened.session.expires(gateway.session_ttl);
        // What was noted since is newer than what the id says.
        let place = |member: UpstreamSession| {
            Some((gateway.upstreams.find(member.upstream.as_bytes())?, Some(Peer::from(member))))
        };
        let members = notes.members.into_iter().filter_map(place).collect();
        // With none of its upstreams left the session lives on: those that come may join it.
        let changes = Changes::new(members, notes.announced);
        let (log_level, expected) = (notes.log_level, Vec::new());
        Ok(Self { tag, expires, opened, changes, log_level, expected })
    }

    /// Whether it has expired or was deleted since.
    pub(super) fn is_over(&self, cx: &Context<'_>) -> bool {
        cx.host.now() > self.expires || cx.host.session_notes(self.tag).deleted
    }

    pub(super) fn offer(&self) -> Offer {
        Offer::of(&self.opened.session)
    }

    /// What the client speaks.
    pub(super) fn revision(&self) -> Revision {
        self.opened.session.revision
    }

    /// The client's `capabilities` as JSON, as far as they are kept.
    pub(super) fn capabilities(&self) -> &str {
        &self.opened.session.client_capabilities
    }

    /// The client's `clientInfo` as JSON.
    pub(super) fn info(&self) -> &str {
        &self.opened.session.client_info
    }

    pub(super) fn peer(&self, upstream: UpstreamId) -> Option<&Peer> {
        self.changes.peer(upstream, || self.opened.peers.get(upstream)?.as_ref())
    }

    pub(super) fn digest(&self, upstream: UpstreamId) -> Digest {
        if self.changes.has(upstream) {
            return digest(self.peer(upstream).and_then(|peer| peer.session.as_deref()));
        }
        self.opened.digest(upstream)
    }

    pub(super) fn may(&self, capability: Capabilities) -> bool {
        let may = |peer: &Peer| peer.capabilities.contains(capability);
        let peers = &self.opened.peers;
        peers.is_empty() || peers.ids().any(|upstream| self.peer(upstream).is_none_or(may))
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = (UpstreamId, &Peer)> {
        let upstreams = self.opened.peers.ids();
        upstreams.filter_map(|upstream| Some((upstream, self.peer(upstream)?)))
    }

    pub(super) fn noted(&self, cx: &Context<'_>, upstream: UpstreamId) -> Option<Peer> {
        let name = cx.gateway.name(upstream);
        let notes = cx.host.session_notes(self.tag);
        notes.members.into_iter().find(|it| it.upstream == name).map(Peer::from)
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
