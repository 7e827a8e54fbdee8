//! Opens the session that a request names and matches it with the configuration.

use crate::gateway::UpstreamId;
use std::rc::Rc;

use crate::effect::Effect;
use crate::error::ClientError;
use crate::exchange::Context;
use crate::exchange::fan_out::handshake::Offer;
use crate::mcp::capability::Capabilities;
use crate::mcp::method::Kind;
use crate::mcp::owner_tag::{Digest, digest};
use crate::session::notes::Note;
use crate::session::view::SessionView;
use crate::session::{ScopeTag, UpstreamSession};

/// A session that was opened, and what has become of it since.
#[derive(Debug)]
pub(crate) struct ClientSession {
    /// Identifies the session.
    pub(crate) tag: ScopeTag,
    /// When the id stops being accepted, in seconds since the epoch.
    pub(crate) expires: u64,
    opened: Rc<SessionView>,
    /// Parts that are others than when the id was made.
    changed: Vec<(UpstreamId, Option<UpstreamSession>)>,
    /// The upstream that has lost its part, and its own id of that.
    lost: Option<(UpstreamId, Option<String>)>,
    /// Fingerprints of the names that the client was told, of tools and of prompts.
    told: [Option<u64>; 2],
}

impl ClientSession {
    /// Opens the id of the header.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSession`] without an id; [`ClientError::SessionGone`] when it cannot be
    /// opened, has expired or was deleted.
    pub(crate) fn open(cx: &mut Context<'_>, text: Option<&[u8]>) -> Result<Self, ClientError> {
        let gone = ClientError::SessionGone;
        let text = text.ok_or(ClientError::NoSession)?;
        let (gateway, now) = (cx.gateway, cx.host.now());
        let opened = cx.memory.sessions.open(text, gateway, now);
        let opened = opened.map_err(|error| gone(error.as_str()))?;
        let tag = opened.tag;
        let notes = cx.host.session_notes(tag);
        if notes.deleted {
            return Err(gone("the session was deleted"));
        }
        let expires = opened.session.expires(gateway.session_ttl);
        // What was noted since is newer than what the id says.
        let place = |member: UpstreamSession| {
            Some((gateway.upstreams.find(member.upstream.as_bytes())?, Some(member)))
        };
        let changed = notes.members.into_iter().filter_map(place).collect();
        // With none of its upstreams left the session lives on: those that come may join it.
        Ok(Self { tag, expires, opened, changed, lost: None, told: notes.announced })
    }

    /// What an upstream is offered that has yet to take part.
    pub(crate) fn offer(&self) -> Offer {
        Offer::of(&self.opened.session)
    }

    /// The part of an upstream.
    pub(crate) fn member(&self, upstream: UpstreamId) -> Option<&UpstreamSession> {
        match self.changed.iter().find(|(changed, _)| *changed == upstream) {
            Some((_, member)) => member.as_ref(),
            None => self.opened.members.get(upstream)?.as_ref(),
        }
    }

    /// Tells the session that this upstream has from others of its own.
    pub(crate) fn digest(&self, upstream: UpstreamId) -> Digest {
        let id = |member: Option<&UpstreamSession>| {
            digest(member.and_then(|member| member.id.as_deref()))
        };
        match self.changed.iter().find(|(changed, _)| *changed == upstream) {
            Some((_, member)) => id(member.as_ref()),
            None => self.opened.digest(upstream),
        }
    }

    /// Whether there may be an upstream with this capability: one that has no part in the session yet
    /// may have it, and so may those that come where there are none.
    pub(crate) fn may(&self, capability: Capabilities) -> bool {
        let may = |member: &UpstreamSession| member.capabilities.contains(capability);
        let mut upstreams = self.opened.members.ids();
        self.opened.members.is_empty()
            || upstreams.any(|upstream| self.member(upstream).is_none_or(may))
    }

    /// Upstreams that are part of the session, in configured order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (UpstreamId, &UpstreamSession)> {
        let upstreams = self.opened.members.ids();
        upstreams.filter_map(|upstream| Some((upstream, self.member(upstream)?)))
    }

    /// The part of an upstream that any worker has noted last.
    pub(crate) fn noted(&self, cx: &Context<'_>, upstream: UpstreamId) -> Option<UpstreamSession> {
        let name = cx.gateway.name(upstream);
        let notes = cx.host.session_notes(self.tag);
        notes.members.into_iter().find(|it| it.upstream == name)
    }

    /// The fingerprint of the names of a kind that the client was told last.
    pub(crate) fn told(&self, kind: Kind) -> Option<u64> {
        let [tools, prompts] = self.told;
        if kind == Kind::Tool { tools } else { prompts }
    }

    /// Lets all workers know which names the client is told, if they are others than before.
    pub(crate) fn tell(&self, kind: Kind, names: u64) -> Option<Effect> {
        let note = Effect::Note {
            session: self.tag,
            note: Note::AnnouncedNames(kind, names),
            expires: self.expires,
        };
        (self.told(kind) != Some(names)).then_some(note)
    }

    /// The upstream's own id of the part that it has lost.
    pub(crate) fn lost(&self, upstream: UpstreamId) -> Option<String> {
        self.lost.as_ref().filter(|(index, _)| *index == upstream)?.1.clone()
    }

    /// Remembers that an upstream has lost its part.
    pub(crate) fn leave(&mut self, upstream: UpstreamId) {
        if let Some(part) = self.member(upstream).cloned() {
            self.change(upstream, None);
            self.lost = Some((upstream, part.id));
        }
    }

    /// Takes an upstream into the session, or anew.
    pub(crate) fn join(&mut self, upstream: UpstreamId, member: UpstreamSession) {
        if self.member(upstream) != Some(&member) {
            self.change(upstream, Some(member));
        }
    }

    fn change(&mut self, upstream: UpstreamId, part: Option<UpstreamSession>) {
        self.changed.retain(|(changed, _)| *changed != upstream);
        self.changed.push((upstream, part));
    }
}
