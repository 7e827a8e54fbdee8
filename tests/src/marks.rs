//! Marks that the gateway puts on what upstreams name things by, as tests expect them.

use sha2::{Digest, Sha256};

/// What the id of an event begins with: of a stream of `owner` whose results have this letter, in the
/// session that the owner calls so, which answers the request with this id in JSON (empty: none).
#[must_use]
pub fn event(owner: &str, letter: char, session: &str, request: &str) -> String {
    let hash = Sha256::digest(session);
    let digest = hash.first_chunk().map_or(0, |head| u32::from_be_bytes(*head));
    format!("{owner}:{letter}{digest:08x}:{}:{request}", request.len())
}

/// The text with `CODE` in place of the code of each id and token of a request of this upstream's:
/// `"a:Cm9vLi4u:1"` becomes `"a:CODE:1"`.
#[must_use]
pub fn hide_codes(owner: &str, text: &str) -> String {
    let start = format!("\"{owner}:");
    let mut parts = text.split(start.as_str());
    let mut hidden = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_at_checked(8).filter(|(code, _)| code.bytes().all(is_code));
        let rest = rest.and_then(|(_, rest)| rest.strip_prefix(':'));
        hidden.push_str(&start);
        hidden.push_str(&rest.map_or(part.to_owned(), |rest| format!("CODE:{rest}")));
    }
    hidden
}

fn is_code(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
