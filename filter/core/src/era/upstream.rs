//! The edge towards upstreams: what comes before a question, and what goes with it.

pub(crate) mod handshake;
