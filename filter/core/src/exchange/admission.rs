//! Opens the session that a request names and matches it with the configuration.

use super::Cx;
use super::handshake::Offer;
use crate::capability::Capabilities;
use crate::effect::Effect;
use crate::error::ClientError;
use crate::notes::{self, Note};
use crate::route::Kind;
use crate::session::{Member, Session, Tag};

/// A session that was opened, seen through today's configuration.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Identifies the session.
    pub(super) tag: Tag,
    /// When the id stops being accepted, in seconds since the epoch.
    pub(super) expires: u64,
    /// What an upstream is offered that has yet to take part.
    pub(super) offer: Offer,
    /// By the index of the upstream: its part of the session, if it has one.
    members: Vec<Option<Member>>,
    /// The upstream that has lost its part, and its own id of that.
    lost: Option<(usize, Option<String>)>,
    /// Fingerprints of the names that the client was told, of tools and of prompts.
    told: [Option<u64>; 2],
}

impl Admitted {
    /// Opens the id of the header.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoSession`] without an id; [`ClientError::SessionGone`] when it cannot be
    /// opened, has expired, was deleted, or none of its upstreams is configured any more.
    pub(super) fn open(cx: &Cx<'_>, text: Option<&[u8]>) -> Result<Self, ClientError> {
        let gone = ClientError::SessionGone;
        let text = text.ok_or(ClientError::NoSession)?;
        let ttl = cx.gateway.session_ttl;
        let session = Session::open(text, &cx.gateway.keys, cx.ambient.now(), ttl)
            .map_err(|error| gone(error.as_str()))?;
        let tag = Tag::of(text).ok_or(gone("the id is unreadable"))?;
        let noted = notes::read(&cx.ambient.shared(&notes::slot_key(tag)), tag);
        if noted.deleted {
            return Err(gone("it was deleted"));
        }
        let told = [Kind::Tool, Kind::Prompt].map(|kind| noted.told(kind));
        let (expires, offer) = (session.expires(ttl), Offer::of(&session));
        // What was noted since is newer than what the id says.
        let mut parts = noted.members;
        parts.extend(session.upstreams);
        let upstreams = cx.gateway.upstreams.iter();
        let members: Vec<Option<Member>> = upstreams
            .map(|upstream| {
                let at = parts.iter().position(|member| member.upstream == upstream.name)?;
                Some(parts.remove(at))
            })
            .collect();
        if members.iter().all(Option::is_none) {
            return Err(gone("none of its upstreams is configured any more"));
        }
        Ok(Self { tag, expires, offer, members, lost: None, told })
    }

    /// The part of the upstream with this index.
    pub(super) fn member(&self, upstream: usize) -> Option<&Member> {
        self.members.get(upstream)?.as_ref()
    }

    /// Whether there may be an upstream with this capability: one that has no part in the session yet
    /// may have it.
    pub(super) fn may(&self, capability: Capabilities) -> bool {
        let lacks = |member: &Member| !member.capabilities.contains(capability);
        !self.members.iter().all(|member| member.as_ref().is_some_and(lacks))
    }

    /// Upstreams that are part of the session, by index, in configured order.
    pub(super) fn members(&self) -> impl Iterator<Item = (usize, &Member)> {
        let members = self.members.iter().enumerate();
        members.filter_map(|(index, member)| Some((index, member.as_ref()?)))
    }

    /// The part of an upstream that any worker has noted last.
    pub(super) fn noted(&self, cx: &Cx<'_>, upstream: usize) -> Option<Member> {
        let name = &cx.gateway.upstreams.get(upstream)?.name;
        let noted = notes::read(&cx.ambient.shared(&notes::slot_key(self.tag)), self.tag);
        noted.members.into_iter().find(|it| it.upstream == *name)
    }

    /// The fingerprint of the names of a kind that the client was told last.
    pub(super) fn told(&self, kind: Kind) -> Option<u64> {
        let [tools, prompts] = self.told;
        if kind == Kind::Tool { tools } else { prompts }
    }

    /// Lets all workers know which names the client is told, if they are others than before.
    pub(super) fn tell(&self, kind: Kind, names: u64) -> Option<Effect> {
        let note = Effect::Note {
            session: self.tag,
            note: Note::Told(kind, names),
            expires: self.expires,
        };
        (self.told(kind) != Some(names)).then_some(note)
    }

    /// The upstream's own id of the part that it has lost.
    pub(super) fn lost(&self, upstream: usize) -> Option<String> {
        self.lost.as_ref().filter(|(index, _)| *index == upstream)?.1.clone()
    }

    /// Remembers that an upstream has lost its part.
    pub(super) fn leave(&mut self, upstream: usize) {
        if let Some(part) = self.members.get_mut(upstream).and_then(Option::take) {
            self.lost = Some((upstream, part.id));
        }
    }

    /// Takes an upstream into the session, or anew.
    pub(super) fn join(&mut self, upstream: usize, member: Member) {
        if let Some(part) = self.members.get_mut(upstream) {
            *part = Some(member);
        }
    }
}
