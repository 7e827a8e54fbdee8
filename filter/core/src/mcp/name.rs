//! Names towards the client: the owner's prefix, the separator, the owner's own name.

use crate::gateway::{Gateway, UpstreamId};

/// The upstream that owns a name and what it calls it; `None` where no prefix fits.
///
/// A known prefix wins over an upstream without one. At most one prefix fits: the configuration
/// refuses prefixes that could both.
#[must_use]
pub fn owner<'n>(gateway: &Gateway, name: &'n str) -> Option<(UpstreamId, &'n str)> {
    let mut unprefixed = None;
    for (index, upstream) in gateway.upstreams.iter() {
        if upstream.joined_prefix.is_empty() {
            unprefixed = Some((index, name));
        } else if let Some(own) = name.strip_prefix(upstream.joined_prefix.as_str()) {
            return Some((index, own));
        }
    }
    unprefixed
}

/// Whether a client that calls `own` with the prefix of `upstream` reaches it: without a prefix, a
/// name can look like another upstream's.
#[must_use]
pub fn reaches(gateway: &Gateway, upstream: UpstreamId, own: &str) -> bool {
    let prefixed = !gateway.upstream(upstream).joined_prefix.is_empty();
    prefixed || owner(gateway, own).is_some_and(|(owner, _)| owner == upstream)
}

/// The raw JSON string `raw` with `joined_prefix` put before its text; the rest of the string keeps
/// its bytes, escapes included.
#[must_use]
pub fn join(joined_prefix: &str, raw: &str) -> String {
    format!("\"{joined_prefix}{}", raw.strip_prefix('"').unwrap_or(raw))
}

/// A name as a report shows it: its first 128 characters.
#[must_use]
pub fn short(name: &str) -> String {
    let end = name.char_indices().nth(128).map_or(name.len(), |(at, _)| at);
    let cut = if end < name.len() { "…" } else { "" };
    format!("{}{cut}", name.get(..end).unwrap_or_default())
}

/// Whether some clients will refuse a tool's name of `length` bytes that ends in `name`: MCP
/// recommends at most 128 characters of `A-Za-z0-9_.-` (2025-11-25, Tools, "Tool Names"), and there
/// are clients that take 64. A prefix has no other characters.
#[must_use]
pub fn is_odd(length: usize, name: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    length > 64 || name.is_empty() || !name.bytes().all(usual)
}

#[cfg(test)]
mod tests;
