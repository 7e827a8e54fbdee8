//! Who asks.
//!
//! Everything else asks a [`Caller`] what it has to know: how the caller's own things are told from
//! those of others, which upstreams it has agreed with, what these may be told about it. Only this
//! module and the edge of its era ([`crate::era::client`]) know whether there is a session behind it.

mod session;

use crate::effect::Effect;
use crate::era::upstream::handshake::Offer;
use crate::error::ClientError;
use crate::exchange::Context;
use crate::exchange::upstream_request::ClientHeaders;
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;
use crate::mcp::event_id::{Digest, digest};
use crate::mcp::method::Kind;
use crate::peer::Peer;
use crate::session::ScopeTag;
use crate::session::notes::Note;

use session::ClientSession;

/// The client that sent a request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// What of its request goes on to upstreams.
    pub(crate) headers: ClientHeaders,
    /// `None` for a client that is just being initialized.
    session: Option<ClientSession>,
}

impl Caller {
    /// One that the gateway knows nothing of but its request.
    pub(crate) const fn unknown(headers: ClientHeaders) -> Self {
        Self { headers, session: None }
    }

    /// One that names the session it was given.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSession`] without an id; [`ClientError::SessionGone`] when it cannot be
    /// opened, has expired or was deleted.
    pub(crate) fn in_session(
        cx: &mut Context<'_>,
        headers: ClientHeaders,
        id: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let session = Some(ClientSession::open(cx, id)?);
        Ok(Self { headers, session })
    }

    /// Tells what belongs to this caller alone from what belongs to others: tags of owners, cursors,
    /// names that were announced, lists that are kept.
    pub(crate) fn scope(&self) -> ScopeTag {
        self.session.as_ref().map_or(ScopeTag::NONE, |session| session.tag)
    }

    /// What an upstream is offered that has not agreed with this caller yet; `None` if it cannot.
    pub(crate) fn offer(&self) -> Option<Offer> {
        self.session.as_ref().map(ClientSession::offer)
    }

    /// An upstream that has agreed.
    pub(crate) fn peer(&self, upstream: UpstreamId) -> Option<&Peer> {
        self.session.as_ref()?.peer(upstream)
    }

    /// Every upstream that has agreed, in configured order.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (UpstreamId, &Peer)> {
        self.session.iter().flat_map(ClientSession::peers)
    }

    /// What was agreed with an upstream last, by a request of this caller on any worker.
    pub(crate) fn noted(&self, cx: &Context<'_>, upstream: UpstreamId) -> Option<Peer> {
        self.session.as_ref()?.noted(cx, upstream)
    }

    /// Tells the upstream's own session for this caller from its others.
    pub(crate) fn digest(&self, upstream: UpstreamId) -> Digest {
        self.session.as_ref().map_or_else(|| digest(None), |session| session.digest(upstream))
    }

    /// Whether there may be an upstream with this capability: one that has not agreed yet may have
    /// it, and so may those that come where there are none.
    pub(crate) fn may(&self, capability: Capabilities) -> bool {
        self.session.as_ref().is_none_or(|session| session.may(capability))
    }

    /// The fingerprint of the names of a kind that were announced last.
    pub(crate) fn told(&self, kind: Kind) -> Option<u64> {
        self.session.as_ref()?.told(kind)
    }

    /// Lets all workers know which names are announced, if they are others than before.
    pub(crate) fn tell(&self, kind: Kind, names: u64) -> Option<Effect> {
        let note = || self.note(Note::AnnouncedNames(kind, names));
        (self.told(kind) != Some(names)).then(note).flatten()
    }

    /// Lets all workers know something of this caller, as long as it may come again.
    pub(crate) fn note(&self, note: Note) -> Option<Effect> {
        let ClientSession { tag, expires, .. } = self.session.as_ref()?;
        Some(Effect::Note { session: *tag, note, expires: *expires })
    }

    /// The session id that an upstream has lost.
    pub(crate) fn lost(&self, upstream: UpstreamId) -> Option<String> {
        self.session.as_ref()?.lost(upstream)
    }

    /// Remembers that an upstream has lost what was agreed.
    pub(crate) fn leave(&mut self, upstream: UpstreamId) {
        self.session.iter_mut().for_each(|session| session.leave(upstream));
    }

    /// Remembers what an upstream has agreed to, for the first time or anew.
    pub(crate) fn join(&mut self, upstream: UpstreamId, peer: &Peer) {
        self.session.iter_mut().for_each(|session| session.join(upstream, peer));
    }
}
