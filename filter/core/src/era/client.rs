//! The edge towards clients: who asks, and what a request has to say for that.

pub(crate) mod handshake;
