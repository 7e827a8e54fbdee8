//! Batches: several messages in one body (2025-03-26, Basic, "Batching"; later revisions have none).
//!
//! The gateway refuses those of clients, whatever the revision: their messages would have different
//! owners. In those of upstreams each message counts as if it had come alone.

use crate::json::{Raw, Scan};

/// What a client is told that sends one.
pub(crate) const REFUSAL: &str = "batches are not supported; send one message a request";

/// Whether this is one, if it is JSON, as far as its first bytes show.
#[must_use]
pub(crate) fn is_batch(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// The messages of one; none if it is no JSON.
#[must_use]
pub(crate) fn messages(body: &[u8]) -> Vec<Raw<'_>> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let mut messages = Vec::new();
    let read = Scan::whole(text, |scan| {
        scan.elements(|scan| scan.value().map(|message| messages.push(message)))
    });
    if read.is_ok() { messages } else { Vec::new() }
}
