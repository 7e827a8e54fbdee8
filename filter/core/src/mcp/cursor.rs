//! The composite cursor of a joined list: where each upstream that has more continues.
//!
//! It is sealed, because it selects upstreams and carries their own cursors, and it opens only for
//! the list and the session that it was made for.

mod walk;

use serde::{Deserialize, Serialize};

use crate::seal::{KeyRing, Purpose};
use crate::session::ScopeTag;

pub(crate) use walk::Walk;

/// Where one upstream continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The upstream's name.
    pub upstream: String,
    /// Its own cursor: the raw JSON string, so that it comes back byte-identical.
    pub cursor: String,
    /// Those that were followed before.
    pub walk: Walk,
}

/// Makes the cursor for the list `method` of `session`.
#[must_use]
pub(crate) fn seal(
    keys: &KeyRing,
    method: &str,
    scope: ScopeTag,
    nonce: [u8; 24],
    positions: &[Position],
) -> String {
    // Strings and lists of them have no way to fail.
    let plain = postcard::to_allocvec(positions).unwrap_or_default();
    keys.seal(Purpose::Cursor { method, scope }, nonce, &plain)
}

/// Opens a cursor; `None` for one that is forged, or made for another list, session or key.
#[must_use]
pub(crate) fn open(
    keys: &KeyRing,
    method: &str,
    scope: ScopeTag,
    text: &[u8],
) -> Option<Vec<Position>> {
    let plain = keys.open(Purpose::Cursor { method, scope }, text)?;
    postcard::from_bytes(&plain).ok()
}

#[cfg(test)]
mod tests;
