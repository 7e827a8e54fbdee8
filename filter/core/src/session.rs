//! The session of a client, which the gateway does not store: the session id *is* the session,
//! sealed (see [`crate::seal`]).
//!
//! The payload is the `postcard` encoding of [`Session`], whose version is the seal's: whoever
//! changes a field, or the order of fields or of [`Revision`]s, raises it.
//!
//! Left to others: whether the session was deleted ([`crate::session::notes`]), and which of its upstreams
//! are still configured.

pub mod notes;
pub mod view;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mcp::capability::Capabilities;
use crate::mcp::revision::Revision;
pub use crate::seal::ScopeTag;
use crate::seal::{KeyRing, NONCE_LEN, OVERHEAD, Purpose};

/// How far ahead, in seconds, the clock of the replica that issued a session may be.
const CLOCK_SKEW: u64 = 5 * 60;

/// How many bytes a session id has at most: it is a header. nginx takes 8 KiB a line, Node's `fetch`
/// 16 KiB of headers in all.
pub const LONGEST_ID: usize = 8 * 1024;

/// The same of its payload, which becomes four thirds with what sealing adds.
const LONGEST_PAYLOAD: usize = LONGEST_ID / 4 * 3 - OVERHEAD;

/// What was agreed in `initialize`, with the client and with each upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When it was sealed, in seconds since the epoch.
    pub issued: u64,
    /// What the client speaks.
    pub revision: Revision,
    /// The client's `capabilities`, as JSON.
    pub client_capabilities: String,
    /// The client's `clientInfo`, as JSON.
    pub client_info: String,
    /// The upstreams that took part, in configured order.
    pub upstreams: Vec<UpstreamSession>,
}

/// One upstream's part in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSession {
    /// Its configured name.
    pub upstream: String,
    /// Its own session id, in visible ASCII (0x21 to 0x7E); `None` if it gave none.
    pub id: Option<String>,
    /// What it speaks.
    pub revision: Revision,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Tells what it was shown of the client when this part was opened; `None` where nobody wanted to
    /// know.
    pub init_fingerprint: Option<InitFingerprint>,
}

/// A digest of what an upstream was shown of a client.
pub type InitFingerprint = [u8; 16];

/// Why a session id gives no session. To the client both are 404: it initializes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionError {
    /// It was not sealed by a key of this gateway, was changed, or was issued in the future.
    Unreadable,
    /// It was good once.
    Expired,
}

impl SessionError {
    /// The reason, for the client.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "this gateway has no key that opens the session id",
            Self::Expired => "the session has expired",
        }
    }
}

impl Session {
    /// The session id: visible ASCII, about four thirds of the content. The nonce must be random,
    /// and used once. An id over [`Purpose::max_text`] will not open.
    #[must_use]
    pub fn seal(&self, keys: &KeyRing, nonce: [u8; NONCE_LEN]) -> String {
        // Writing to memory fails only for types with unknown lengths, and there are none here. No
        // session reads back from an empty payload.
        let payload = postcard::to_allocvec(self).unwrap_or_default();
        keys.seal(Purpose::Session, nonce, &payload)
    }

    /// Takes out as few upstreams as it needs for a session id of at most [`LONGEST_ID`] bytes, and
    /// returns them. What the client says of itself stays, and has to fit.
    #[must_use]
    pub fn fit(&mut self) -> Vec<UpstreamSession> {
        let mut over = Vec::new();
        while postcard::to_allocvec(self).is_ok_and(|payload| payload.len() > LONGEST_PAYLOAD) {
            let length = |(_, part): &(usize, &UpstreamSession)| {
                part.upstream.len() + part.id.as_ref().map_or(0, String::len)
            };
            let longest = self.upstreams.iter().enumerate().max_by_key(length).map(|(at, _)| at);
            let Some(longest) = longest else { break };
            over.push(self.upstreams.remove(longest));
        }
        over
    }

    /// Opens a session id at `now`, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// [`SessionError::Expired`] if it was issued longer than `ttl` ago,
    /// [`SessionError::Unreadable`] if it is not a session id of this gateway.
    pub fn open(
        text: &[u8],
        keys: &KeyRing,
        now: u64,
        ttl: Duration,
    ) -> Result<Self, SessionError> {
        let payload = keys.open(Purpose::Session, text).ok_or(SessionError::Unreadable)?;
        let Ok((session, [])) = postcard::take_from_bytes::<Self>(&payload) else {
            return Err(SessionError::Unreadable);
        };
        session.check(now, ttl)?;
        Ok(session)
    }

    /// Whether it is good at `now`, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn check(&self, now: u64, ttl: Duration) -> Result<(), SessionError> {
        if self.issued > now.saturating_add(CLOCK_SKEW) {
            return Err(SessionError::Unreadable);
        }
        if now > self.expires(ttl) {
            return Err(SessionError::Expired);
        }
        Ok(())
    }

    /// The last second since the epoch at which the session opens.
    #[must_use]
    pub fn expires(&self, ttl: Duration) -> u64 {
        self.issued.saturating_add(ttl.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::seal::Key;

    const NONCE: [u8; NONCE_LEN] = [9; NONCE_LEN];
    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: u64 = 1_790_000_000;

    fn keys() -> KeyRing {
        KeyRing::new(Key::new([1; 32]), Vec::new())
    }

    fn member(upstream: &str, id: Option<&str>) -> UpstreamSession {
        UpstreamSession {
            upstream: upstream.to_owned(),
            id: id.map(str::to_owned),
            revision: Revision::V2025_06_18,
            capabilities: Capabilities::TOOLS | Capabilities::TASKS,
            init_fingerprint: id.map(|_| [b'#'; 16]),
        }
    }

    fn session() -> Session {
        Session {
            issued: NOW,
            revision: Revision::NEWEST,
            client_capabilities: r#"{"roots":{}}"#.to_owned(),
            client_info: r#"{"name":"é","version":"1"}"#.to_owned(),
            upstreams: vec![
                member("everything", Some("0b6f3c4e-4e43-4a6c-8bb5-0f3a1b7d2c11")),
                member("fetch", None),
            ],
        }
    }

    fn open(text: &[u8], now: u64) -> Result<Session, SessionError> {
        Session::open(text, &keys(), now, HOUR)
    }

    #[test]
    fn a_session_comes_back() {
        let empty = Session {
            client_capabilities: String::new(),
            client_info: String::new(),
            upstreams: Vec::new(),
            ..session()
        };
        for session in [session(), empty] {
            let text = session.seal(&keys(), NONCE);
            assert!(text.bytes().all(|byte| (0x21..=0x7E).contains(&byte)));
            assert!(ScopeTag::of(text.as_bytes()).is_some());
            assert_eq!(open(text.as_bytes(), NOW), Ok(session));
        }
    }

    #[test]
    fn what_does_not_fit_into_a_header_is_taken_out_the_longest_first() {
        let ids = [10, 3000, 2000, 40, 2500].map(|length| "s".repeat(length));
        let mut session = session();
        session.upstreams = ids.iter().map(|id| member("everything", Some(id))).collect();
        let over = session.fit();
        let lengths = |parts: &[UpstreamSession]| -> Vec<usize> {
            parts.iter().map(|part| part.id.as_ref().map_or(0, String::len)).collect()
        };
        assert_eq!(lengths(&over), [3000]);
        assert_eq!(lengths(&session.upstreams), [10, 2000, 40, 2500]);
        for spare in 0..4 {
            let filled = postcard::to_allocvec(&session).unwrap().len();
            let id = session.upstreams[0].id.as_mut().unwrap();
            // Its length takes two bytes from 128 on.
            id.push_str(&"s".repeat(LONGEST_PAYLOAD - filled - 1 - spare));
            assert_eq!(session.fit(), []);
            let text = session.seal(&keys(), NONCE);
            assert!(text.len() <= LONGEST_ID && open(text.as_bytes(), NOW).is_ok());
            session.upstreams[0].id = Some("s".repeat(10));
        }
    }

    /// Clients hold session ids across upgrades of the gateway.
    #[test]
    fn the_layout_is_fixed() {
        let payload = postcard::to_allocvec(&session()).unwrap();
        let text = session().seal(&keys(), NONCE);
        assert_eq!(keys().open(Purpose::Session, text.as_bytes()).as_ref(), Some(&payload));
        let expected = [
            &b"\x80\xf7\xc4\xd5\x06\x02\x0c{\"roots\":{}}"[..],
            b"\x1b{\"name\":\"\xc3\xa9\",\"version\":\"1\"}\x02",
            b"\x0aeverything\x01\x240b6f3c4e-4e43-4a6c-8bb5-0f3a1b7d2c11\x01\x81\x04\x01################",
            b"\x05fetch\x00\x01\x81\x04\x00",
        ];
        assert_eq!(payload, expected.concat());
    }

    #[test]
    fn it_expires() {
        let text = session().seal(&keys(), NONCE).into_bytes();
        assert!(open(&text, NOW + 3600).is_ok());
        assert_eq!(open(&text, NOW + 3601), Err(SessionError::Expired));
        assert_eq!(open(&text, u64::MAX), Err(SessionError::Expired));
        assert!(Session::open(&text, &keys(), u64::MAX, Duration::MAX).is_ok());
        assert_eq!(session().expires(HOUR), NOW + 3600);
    }

    #[test]
    fn clocks_may_differ_by_five_minutes() {
        let text = session().seal(&keys(), NONCE).into_bytes();
        assert!(open(&text, NOW - 300).is_ok());
        assert_eq!(open(&text, NOW - 301), Err(SessionError::Unreadable));
        assert_eq!(open(&text, 0), Err(SessionError::Unreadable));
    }

    #[test]
    fn what_is_not_a_session_is_unreadable() {
        let text = session().seal(&keys(), NONCE).into_bytes();
        for at in 0..text.len() {
            let mut tampered = text.clone();
            tampered[at] = if text[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(&tampered, NOW), Err(SessionError::Unreadable), "byte {at}");
        }
        let foreign = KeyRing::new(Key::new([2; 32]), Vec::new());
        let foreign = session().seal(&foreign, NONCE);
        assert_eq!(open(foreign.as_bytes(), NOW), Err(SessionError::Unreadable));
        let cursor =
            Purpose::Cursor { method: "tools/list", session: ScopeTag([0; ScopeTag::LEN]) };
        let payload = postcard::to_allocvec(&session()).unwrap();
        let cursor = keys().seal(cursor, NONCE, &payload);
        assert_eq!(open(cursor.as_bytes(), NOW), Err(SessionError::Unreadable));
    }

    /// Payloads are authenticated, so this is the second line: whatever was sealed, no panic.
    #[test]
    fn any_payload_opens_or_is_unreadable() {
        let mut chance = Chance::new(4);
        let payload = postcard::to_allocvec(&session()).unwrap();
        let opened =
            |payload: &[u8]| open(keys().seal(Purpose::Session, NONCE, payload).as_bytes(), NOW);
        for len in 0..payload.len() {
            assert_eq!(opened(&payload[..len]), Err(SessionError::Unreadable), "{len} bytes");
        }
        assert_eq!(opened(&[&payload[..], b"\0"].concat()), Err(SessionError::Unreadable));
        for _ in 0..5_000 {
            let _ = opened(&chance.bytes(100));
            let mut changed = payload.clone();
            let at = chance.below(changed.len());
            changed[at] = chance.byte();
            let _ = opened(&changed);
        }
    }
}
