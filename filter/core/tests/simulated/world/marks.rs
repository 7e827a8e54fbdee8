//! The marks that a client is shown: of servers' requests, and of the events of their streams.

use mcp_mux_core::{OwnerTags, ScopeTag, digest};

use super::World;

/// The marks of one stream.
#[derive(Clone)]
pub(crate) struct Marking {
    /// What comes before the id of an event.
    pub(crate) event: String,
    /// The raw id of the ping that is among its events.
    pub(crate) ping: String,
}

impl World {
    /// The raw id or token of `owner`'s, as a client knows it in its session.
    pub(crate) fn mark(&self, session: &str, owner: &str, raw: &str) -> String {
        let scope = ScopeTag::of(session.as_bytes()).expect("a session");
        OwnerTags { keys: &self.worker.gateway().keys, scope }.scalar(owner, raw)
    }

    /// The marks of a stream of `owner`, a server of [`super::Server`], that answers `request`.
    pub(crate) fn marking(
        &self,
        session: &str,
        owner: &str,
        letter: char,
        request: &str,
    ) -> Marking {
        let event = event(owner, letter, &format!("session-of-{owner}"), request, "");
        Marking { event, ping: self.mark(session, owner, "1") }
    }
}

/// The id of an event of `owner`'s, on a stream within its session `own` that answers `request`, which
/// is empty for a stream that answers none.
pub(crate) fn event(owner: &str, letter: char, own: &str, request: &str, id: &str) -> String {
    let digest = digest(Some(own));
    let digest = String::from_utf8_lossy(&digest);
    format!("{owner}:{letter}{digest}:{}:{request}{id}", request.len())
}
