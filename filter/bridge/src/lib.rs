//! Servers of the HTTP+SSE transport (2024-11-05, Transports, "HTTP with SSE"), as the gateway sees them:
//! servers of Streamable HTTP (2025-11-25, Transports).
//!
//! ```text
//!             requests of Streamable HTTP          one GET a session, a POST for each message
//!   gateway ──────────────────────────────▶ Bridge ──────────────────────────────▶ server
//!           ◀──────────────────────────────        ◀──────────────────────────────
//!             their answers, in parts              events of the GET: messages
//! ```
//!
//! A session is one GET. `initialize` opens it, the server names an endpoint on it, and every message of the
//! client is posted there. What the server says comes on the GET, and goes to the request that it belongs to:
//! a response and progress by their ids, the rest by [`Connection`](connection)'s rules. When the GET ends, its
//! session is unknown from then on (404), which the gateway mends as any lost session.
//!
//! The crate promises what the core promises: no clock, randomness or host call of its own, no panic for any
//! input, linear time, and memory bounded by [`Bounds`]. It leaves to its host: requests to the server, and
//! timeouts, which it hears of as [`Bridge::gone`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]

mod bridge;
mod call;
#[cfg(test)]
#[path = "../../core/src/chance.rs"]
#[expect(dead_code, reason = "the core's tests have more uses of it")]
mod chance;
mod connection;
mod endpoint;
mod head;
mod kept;
mod message;
mod out;
mod post;
#[cfg(test)]
mod tests;

pub use bridge::{Bounds, Bridge};
pub use post::PASSED;

/// Names a request of the gateway; minted by the host, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asker(pub u64);

/// Names a request to a server; minted by the bridge, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// A request of the gateway for a server.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which server: sessions of one are unknown at another.
    pub server: usize,
    /// All headers, pseudo headers included, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// One thing for the host to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a request to a server, without a timeout. What comes of it is told by [`Bridge::head`],
    /// [`Bridge::data`] and [`Bridge::end`].
    Open {
        /// Names it.
        stream: StreamId,
        /// Which server.
        server: usize,
        /// All headers, pseudo headers first, without `content-length`.
        headers: Vec<(String, Vec<u8>)>,
        /// May be empty.
        body: Vec<u8>,
    },
    /// Break that request off: nothing more comes of it.
    Close(StreamId),
    /// Hand a part of its answer to the gateway.
    Answer(Asker, Part),
    /// Tell the operator that something is not as it should be with this server.
    Warn {
        /// Which server.
        server: usize,
        /// What is wrong.
        line: String,
    },
}

/// A part of an answer to a request of the gateway.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Its head, once and first.
    Head {
        /// The HTTP status.
        status: u16,
        /// Without `:status` and `content-length`.
        headers: Vec<(&'static str, Vec<u8>)>,
    },
    /// The next bytes of its body.
    Body(Vec<u8>),
    /// It is complete.
    End,
    /// There is no answer. Never after a head.
    Lost,
}
