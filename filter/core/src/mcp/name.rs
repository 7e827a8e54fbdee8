//! Names towards the client: the owner's prefix, the separator, the owner's own name.

use crate::gateway::{Gateway, UpstreamId};

/// The upstream that owns a name and what it calls it; `None` where no prefix fits.
///
/// A known prefix wins over an upstream without one. At most one prefix fits: the configuration
/// refuses prefixes that could both.
#[must_use]
pub(crate) fn owner<'n>(gateway: &Gateway, name: &'n str) -> Option<(UpstreamId, &'n str)> {
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
pub(crate) fn reaches(gateway: &Gateway, upstream: UpstreamId, own: &str) -> bool {
    let prefixed = !gateway.upstream(upstream).joined_prefix.is_empty();
    prefixed || owner(gateway, own).is_some_and(|(owner, _)| owner == upstream)
}

/// The raw JSON string `raw` with `joined_prefix` put before its text; the rest of the string keeps
/// its bytes, escapes included.
#[must_use]
pub(crate) fn join(joined_prefix: &str, raw: &str) -> String {
    let mut joined = String::with_capacity(joined_prefix.len() + raw.len() + 1);
    joined.push('"');
    joined.push_str(joined_prefix);
    joined.push_str(raw.strip_prefix('"').unwrap_or(raw));
    joined
}

/// A name as a report shows it: its first 128 characters.
#[must_use]
pub(crate) fn short(name: &str) -> String {
    let end = name.char_indices().nth(128).map_or(name.len(), |(at, _)| at);
    let cut = if end < name.len() { "…" } else { "" };
    format!("{}{cut}", name.get(..end).unwrap_or_default())
}

/// What is left of a name, `prefix` and `name` together, in clients that fold names: lower case, and one
/// `_` for whatever lies between letters and digits. Two names with the same rest look alike.
#[must_use]
pub(crate) fn folded(prefix: &str, name: &str) -> String {
    let mut folded = String::with_capacity(prefix.len() + name.len());
    fold(prefix, name, |byte| folded.push(char::from(byte)));
    folded
}

/// How a tool's name looks to clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// A hash of [`folded`]; by bad luck another name has the same.
    pub(crate) hash: u64,
    /// Whether some clients will refuse it: MCP recommends at most 128 characters of `A-Za-z0-9_.-`
    /// (2025-11-25, Tools, "Tool Names"), but there are clients that take 64, and clients that refuse the
    /// whole server for a dot.
    pub(crate) is_odd: bool,
}

/// How `prefix` and `name` together look to clients.
#[must_use]
pub(crate) fn look(prefix: &str, name: &str) -> Look {
    let mut hash = HASH_OF_NOTHING;
    let is_usual = fold(prefix, name, |byte| hash = hash_with(hash, byte));
    let is_odd = !is_usual || name.is_empty() || prefix.len() + name.len() > 64;
    Look { hash, is_odd }
}

/// What a hash of a name begins with (FNV-1a).
pub(crate) const HASH_OF_NOTHING: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of what has the hash `hash`, and one byte more.
#[must_use]
pub(crate) const fn hash_with(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// The letter or digit in lower case that a byte is; 0 for what is neither.
#[expect(clippy::indexing_slicing, reason = "in bounds, as the compiler finds out")]
const FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            folded[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
};

/// Calls `each` with what is left of a name; whether nothing but `_` and `-` lay between.
fn fold(prefix: &str, name: &str, mut each: impl FnMut(u8)) -> bool {
    let (mut between, mut is_usual) = (false, true);
    for part in [prefix, name] {
        for byte in part.bytes() {
            let folded = FOLDED.get(usize::from(byte)).copied().unwrap_or_default();
            if folded == 0 {
                is_usual &= matches!(byte, b'_' | b'-');
                between = true;
                continue;
            }
            if std::mem::take(&mut between) {
                each(b'_');
            }
            each(folded);
        }
    }
    if between {
        each(b'_');
    }
    is_usual
}

#[cfg(test)]
mod tests;
