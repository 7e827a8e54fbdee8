//! Names towards the client: the owner's prefix, the separator, the owner's own name.

use crate::gateway::Gateway;

/// The upstream that owns a name and what it calls it; `None` where no prefix fits.
///
/// A known prefix wins over an upstream without one. At most one prefix fits: the configuration
/// refuses prefixes that could both.
#[must_use]
pub fn owner<'n>(gateway: &Gateway, name: &'n str) -> Option<(usize, &'n str)> {
    let mut unprefixed = None;
    for (index, upstream) in gateway.upstreams.iter().enumerate() {
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
pub fn reaches(gateway: &Gateway, upstream: usize, own: &str) -> bool {
    let prefixed = gateway.upstreams.get(upstream).is_some_and(|it| !it.joined_prefix.is_empty());
    prefixed || owner(gateway, own).is_some_and(|(owner, _)| owner == upstream)
}

/// Appends the raw JSON string `raw` with `joined_prefix` put before its text; the rest of the
/// string keeps its bytes, escapes included.
pub fn join(out: &mut Vec<u8>, joined_prefix: &str, raw: &str) {
    out.push(b'"');
    out.extend_from_slice(joined_prefix.as_bytes());
    out.extend_from_slice(raw.strip_prefix('"').unwrap_or(raw).as_bytes());
}

#[cfg(test)]
mod tests;
