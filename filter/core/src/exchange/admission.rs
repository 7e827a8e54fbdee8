//! Opens the session that a request names and matches it with the configuration.

use super::Cx;
use crate::error::ClientError;
use crate::error::UpstreamError;
use crate::revoked;
use crate::session::{Member, Session, Tag};

/// A session that was opened, seen through today's configuration.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Identifies the session.
    pub(super) tag: Tag,
    /// When the id stops being accepted, in seconds since the epoch.
    pub(super) expires: u64,
    /// By the index of the upstream: its part of the session, if it has one.
    members: Vec<Option<Member>>,
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
        let now = cx.ambient.now();
        let session = Session::open(text, &cx.gateway.keys, now, ttl)
            .map_err(|error| gone(error.as_str()))?;
        let tag = Tag::of(text).ok_or(gone("the id is unreadable"))?;
        if revoked::contains(&cx.ambient.shared(&revoked::slot_key(tag)), tag) {
            return Err(gone("it was deleted"));
        }
        let expires = session.expires(ttl);
        let mut parts = session.upstreams;
        let upstreams = cx.gateway.upstreams.iter();
        let members: Vec<Option<Member>> = upstreams
            .map(|upstream| {
                let at = parts.iter().position(|member| member.upstream == upstream.name)?;
                Some(parts.swap_remove(at))
            })
            .collect();
        if members.iter().all(Option::is_none) {
            return Err(gone("none of its upstreams is configured any more"));
        }
        Ok(Self { tag, expires, members })
    }

    /// The part of the upstream with this index.
    pub(super) fn member(&self, upstream: usize) -> Option<&Member> {
        self.members.get(upstream)?.as_ref()
    }

    /// Upstreams that are part of the session, by index, in configured order.
    pub(super) fn members(&self) -> impl Iterator<Item = (usize, &Member)> {
        let members = self.members.iter().enumerate();
        members.filter_map(|(index, member)| Some((index, member.as_ref()?)))
    }

    /// What is said of a configured upstream that is not part of the session.
    pub(super) fn absence(cx: &Cx<'_>, upstream: usize) -> UpstreamError {
        let name = cx.gateway.upstreams.get(upstream).map_or("", |it| it.name.as_str());
        UpstreamError::new(
            name,
            "not part of this session, it was unavailable at `initialize`; initialize again to \
             include it",
        )
    }
}
