//! The rules of a protocol era, at the two edges where they hold.
//!
//! Between the edges, an exchange knows a [`Caller`](crate::caller::Caller), what it asks for (a row
//! of [`crate::mcp::method`]) and [`Peer`](crate::peer::Peer)s. How a client says these things, and
//! how an upstream is asked, differs from era to era: each edge has a file for each era.
//!
//! | edge | era | file |
//! |---|---|---|
//! | client | handshake, up to 2025-11-25 | `era/client/handshake.rs` |
//! | client | stateless, from 2026-07-28 | `era/client/stateless.rs` |
//! | upstream | handshake, up to 2025-11-25 | `era/upstream/handshake.rs` |
//! | upstream | stateless, from 2026-07-28 | `era/upstream/stateless.rs` |

pub(crate) mod client;
pub(crate) mod upstream;

/// How two parties speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// They agree in `initialize`, and later requests are part of a session (up to 2025-11-25).
    Handshake,
    /// Every request says everything itself (from 2026-07-28).
    Stateless,
}

impl Era {
    /// Its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Stateless => "stateless",
        }
    }
}
