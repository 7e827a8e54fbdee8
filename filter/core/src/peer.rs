//! What is known of an upstream towards one caller.

use crate::era::Era;
use crate::mcp::capability::Capabilities;
use crate::mcp::revision::Revision;
use crate::session::{InitFingerprint, UpstreamSession};

/// An upstream that has agreed with the gateway, on behalf of a caller, how they speak.
///
/// It says nothing of who the upstream is; whatever holds a peer knows the
/// [`UpstreamId`](crate::gateway::UpstreamId) as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The revision that it speaks.
    pub revision: Revision,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its own id of the session, in visible ASCII (0x21 to 0x7E); `None` if it gave none.
    pub session: Option<String>,
    /// Tells what it was shown of the client when they agreed; `None` unless lists are kept for all
    /// callers.
    pub init_fingerprint: Option<InitFingerprint>,
}

impl Peer {
    /// The era of its revision.
    pub(crate) const fn era(&self) -> Era {
        if self.revision.is_stateless() { Era::Stateless } else { Era::Handshake }
    }

    /// Its part in a client's session, under the upstream's configured name.
    #[must_use]
    pub(crate) fn part(self, upstream: &str) -> UpstreamSession {
        let Self { revision, capabilities, session: id, init_fingerprint } = self;
        UpstreamSession {
            upstream: upstream.to_owned(),
            id,
            revision,
            capabilities,
            init_fingerprint,
        }
    }
}

impl From<UpstreamSession> for Peer {
    fn from(part: UpstreamSession) -> Self {
        let UpstreamSession { id: session, revision, capabilities, init_fingerprint, .. } = part;
        Self { revision, capabilities, session, init_fingerprint }
    }
}
