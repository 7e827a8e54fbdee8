//! Sessions whose ids were opened, so that the next request of one is spared that.
//!
//! Bounded, and lost with the memory: a session that is forgotten is opened again, nothing else. Only
//! what was authenticated by the keys of this configuration is in here, under every byte of its text.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use crate::gateway::{Gateway, PerUpstream, UpstreamId};
use crate::guarded::Guarded;
use crate::mcp::event_id::{Digest, digest};
use crate::peer::Peer;
use crate::seal::{CallerTag, ScopeTag, TagText};
use crate::session::{Session, SessionError};

/// How many sessions are remembered.
pub(crate) const SESSIONS: usize = 1024;

/// How many bytes of their ids; what was in them takes up as much again.
pub(crate) const BYTES: usize = 2 << 20;

/// A session that was opened, seen through the configuration.
#[derive(Debug)]
pub(crate) struct SessionView {
    /// Its id.
    text: Box<[u8]>,
    /// Identifies it.
    pub tag: ScopeTag,
    /// Whose it is.
    caller: Option<CallerTag>,
    /// What was agreed; its `upstreams` are the `peers`.
    pub session: Session,
    /// The upstreams that agreed.
    pub peers: PerUpstream<Option<Peer>>,
    /// Digests of their session ids, once they were asked for.
    digests: PerUpstream<OnceLock<Digest>>,
}

impl SessionView {
    /// Tells the session of this upstream from its others.
    #[must_use]
    pub(crate) fn digest(&self, upstream: UpstreamId) -> Digest {
        let id = || self.peers.get(upstream)?.as_ref()?.session.as_deref();
        let make = || digest(id());
        self.digests.get(upstream).map_or_else(make, |known| *known.get_or_init(make))
    }

    fn open(
        text: &[u8],
        gateway: &Gateway,
        caller: Option<CallerTag>,
        now: u64,
    ) -> Result<Self, SessionError> {
        let mut session = Session::open(text, &gateway.keys, caller, now, gateway.session_ttl)?;
        let tag = ScopeTag::of(text).ok_or(SessionError::Unreadable)?;
        let mut parts = std::mem::take(&mut session.upstreams);
        let peers = gateway.upstreams.map(|(_, upstream)| {
            let at = parts.iter().position(|member| member.upstream == upstream.name)?;
            Some(Peer::from(parts.swap_remove(at)))
        });
        let digests = gateway.upstreams.map(|_| OnceLock::new());
        Ok(Self { text: text.into(), tag, caller, session, peers, digests })
    }
}

/// The sessions of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Guarded<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// By the heads of their ids, which differ as the tags in them do.
    known: BTreeMap<TagText, Arc<SessionView>>,
    /// The oldest first.
    order: VecDeque<TagText>,
    bytes: usize,
}

impl Sessions {
    /// Opens a session id of this caller at `now`, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// As [`Session::open`].
    pub(crate) fn open(
        &self,
        text: &[u8],
        gateway: &Gateway,
        caller: Option<CallerTag>,
        now: u64,
    ) -> Result<Arc<SessionView>, SessionError> {
        let head = ScopeTag::text_of(text).ok_or(SessionError::Unreadable)?;
        let known = self.0.with(|all| all.known.get(head).cloned());
        if let Some(opened) = known.filter(|it| it.caller == caller && is_same(&it.text, text)) {
            opened.session.check(now, gateway.session_ttl)?;
            return Ok(opened);
        }
        let opened = Arc::new(SessionView::open(text, gateway, caller, now)?);
        self.0.with(|all| all.remember(*head, opened.clone()));
        Ok(opened)
    }
}

impl Remembered {
    fn remember(&mut self, head: TagText, opened: Arc<SessionView>) {
        self.bytes += opened.text.len();
        self.order.push_back(head);
        if let Some(replaced) = self.known.insert(head, opened) {
            self.bytes -= replaced.text.len();
            self.order.retain({
                let mut first = true;
                move |it| *it != head || !std::mem::take(&mut first)
            });
        }
        while self.order.len() > SESSIONS || self.bytes > BYTES {
            let oldest = self.order.pop_front().and_then(|head| self.known.remove(&head));
            let Some(oldest) = oldest else { return };
            self.bytes -= oldest.text.len();
        }
    }
}

/// Compares all bytes whatever they are: how far an id is right is nobody's to measure.
fn is_same(one: &[u8], two: &[u8]) -> bool {
    let differs = one.iter().zip(two).fold(0, |differs, (one, two)| differs | (one ^ two));
    one.len() == two.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;
    use crate::session::UpstreamSession;

    const NOW: u64 = 1_790_000_000;

    fn gateway() -> Gateway {
        fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b"}],"session":{"ttl":"1h"}}"#)
    }

    fn sealed(gateway: &Gateway, number: usize, id: &str) -> Vec<u8> {
        let member = |upstream: &str| UpstreamSession {
            upstream: upstream.to_owned(),
            id: Some(id.to_owned()),
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            init_fingerprint: None,
        };
        let session = Session {
            issued: NOW,
            revision: Revision::NEWEST,
            client_capabilities: "{}".to_owned(),
            client_info: "{}".to_owned(),
            upstreams: vec![member("gone"), member("b")],
        };
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&(number as u64).to_le_bytes());
        session.seal(&gateway.keys, None, nonce).into_bytes()
    }

    #[test]
    fn a_session_is_opened_once_and_seen_through_the_configuration() {
        let (gateway, sessions) = (gateway(), Sessions::default());
        let text = sealed(&gateway, 1, "x");
        let first = sessions.open(&text, &gateway, None, NOW).unwrap();
        let second = sessions.open(&text, &gateway, None, NOW).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let [a, b] = [0, 1].map(|index| first.peers.get(UpstreamId::at(index)).unwrap());
        assert_eq!(*a, None);
        assert_eq!(b.as_ref().unwrap().session.as_deref(), Some("x"));
    }

    #[test]
    fn what_is_remembered_opens_no_other_text_and_still_expires() {
        let (gateway, sessions) = (gateway(), Sessions::default());
        let text = sealed(&gateway, 1, "x");
        assert!(sessions.open(&text, &gateway, None, NOW).is_ok());
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(sessions.open(&changed, &gateway, None, NOW).is_err(), "byte {at}");
        }
        for shorter in 0..text.len() {
            assert!(
                sessions.open(&text[..shorter], &gateway, None, NOW).is_err(),
                "{shorter} bytes"
            );
        }
        let longer = [&text[..], b"A"].concat();
        assert!(sessions.open(&longer, &gateway, None, NOW).is_err());
        assert!(sessions.open(&text, &gateway, None, NOW + 3600).is_ok());
        let late = sessions.open(&text, &gateway, None, NOW + 3601);
        assert_eq!(late.unwrap_err(), SessionError::Expired);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let (gateway, sessions) = (gateway(), Sessions::default());
        // Two texts of one nonce: the second takes the place of the first.
        for id in ["x", "y", "x"] {
            sessions.open(&sealed(&gateway, 1, id), &gateway, None, NOW).unwrap();
            assert_eq!(sessions.0.with(|it| (it.order.len(), it.known.len())), (1, 1));
        }
        for number in 0..2 * SESSIONS {
            sessions.open(&sealed(&gateway, number, "x"), &gateway, None, NOW).unwrap();
        }
        assert_eq!(sessions.0.with(|it| (it.order.len(), it.known.len())), (SESSIONS, SESSIONS));
        let text = sealed(&gateway, 0, &"x".repeat(8000));
        for number in 0..2 * BYTES / text.len() {
            sessions
                .open(&sealed(&gateway, number, &"x".repeat(8000)), &gateway, None, NOW)
                .unwrap();
        }
        sessions.0.with(|it| {
            let held: usize = it.known.values().map(|opened| opened.text.len()).sum();
            assert_eq!((held, it.order.len()), (it.bytes, it.known.len()));
            assert!(held <= BYTES && held > BYTES / 2, "{held}");
        });
    }
}
