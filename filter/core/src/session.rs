//! The session of a client, which the gateway does not store: the session id *is* the session,
//! sealed (see [`crate::seal`]).
//!
//! The payload is the `postcard` encoding of [`Session`], whose version is the seal's: whoever
//! changes a field, or the order of fields or of [`Revision`]s, raises it.
//!
//! Left to others: whether the session was deleted ([`crate::session::notes`]), and which of its upstreams
//! are still configured.

pub(crate) mod notes;
pub(crate) mod pool;
pub(crate) mod view;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mcp::capability::Capabilities;
use crate::mcp::revision::Revision;
pub(crate) use crate::seal::ScopeTag;
use crate::seal::{CallerTag, KeyRing, NONCE_LEN, OVERHEAD, Purpose};

/// How far ahead, in seconds, the clock of the replica that issued a session may be.
const CLOCK_SKEW: u64 = 5 * 60;

/// How many bytes a session id has at most: it is a header. nginx takes 8 KiB a line, Node's `fetch`
/// 16 KiB of headers in all.
pub(crate) const LONGEST_ID: usize = 8 * 1024;

/// The same of its payload, which becomes four thirds with what sealing adds.
const LONGEST_PAYLOAD: usize = LONGEST_ID / 4 * 3 - OVERHEAD;

/// What was agreed in `initialize`, with the client and with each upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
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
pub(crate) type InitFingerprint = [u8; 16];

/// Why a session id gives no session. To the client both are 404: it initializes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionError {
    /// It was not sealed by a key of this gateway and for this caller, was changed, or was issued in the future.
    Unreadable,
    /// It was good once.
    Expired,
}

impl SessionError {
    /// The reason, for the client.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "this gateway has no key that opens the session id for this caller",
            Self::Expired => "the session has expired",
        }
    }
}

impl Session {
    /// The session id: visible ASCII, about four thirds of the content. It opens for this caller alone. The nonce must be random,
    /// and used once. An id over [`Purpose::max_text`] will not open.
    #[must_use]
    pub(crate) fn seal(
        &self,
        keys: &KeyRing,
        caller: Option<CallerTag>,
        nonce: [u8; NONCE_LEN],
    ) -> String {
        // Writing to memory fails only for types with unknown lengths, and there are none here. No
        // session reads back from an empty payload.
        let payload = postcard::to_allocvec(self).unwrap_or_default();
        keys.seal(Purpose::Session { caller }, nonce, &payload)
    }

    /// Takes out as few upstreams as it needs for a session id of at most [`LONGEST_ID`] bytes, and
    /// returns them. What the client says of itself stays, and has to fit.
    #[must_use]
    pub(crate) fn fit(&mut self) -> Vec<UpstreamSession> {
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
    pub(crate) fn open(
        text: &[u8],
        keys: &KeyRing,
        caller: Option<CallerTag>,
        now: u64,
        ttl: Duration,
    ) -> Result<Self, SessionError> {
        let payload =
            keys.open(Purpose::Session { caller }, text).ok_or(SessionError::Unreadable)?;
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
    pub(crate) fn check(&self, now: u64, ttl: Duration) -> Result<(), SessionError> {
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
    pub(crate) fn expires(&self, ttl: Duration) -> u64 {
        self.issued.saturating_add(ttl.as_secs())
    }
}

#[cfg(test)]
mod tests;
