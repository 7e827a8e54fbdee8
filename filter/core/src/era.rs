//! The rules of a protocol era, at the two edges where they hold.
//!
//! Between the edges, an exchange knows a [`Caller`](crate::caller::Caller), what it asks for (a row
//! of [`crate::mcp::method`]) and [`Peer`](crate::peer::Peer)s. How a client says these things, and
//! how an upstream is asked, differs from era to era: each edge has a file for each era.
//!
//! | edge | era | file |
//! |---|---|---|
//! | client | handshake, up to 2025-11-25 | `era/client/handshake.rs` |
//! | upstream | handshake, up to 2025-11-25 | `era/upstream/handshake.rs` |

pub(crate) mod client;
pub(crate) mod upstream;
