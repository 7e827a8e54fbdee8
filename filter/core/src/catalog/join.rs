//! Pages of several upstreams as one result.

use std::collections::BTreeSet;

use super::Page;
use crate::json::encode;
use crate::mcp::method::Listing;

/// Writes the joined result: `first` members as they stand, each with a comma behind it, the pages in the
/// order given, the cursor of what follows, and what the gateway itself says in `_meta`. Of members that
/// several upstreams have, the first one's stays.
pub(crate) fn join(
    listing: Listing,
    first: &str,
    pages: Vec<Page>,
    next: Option<&str>,
    own_meta: Vec<(String, String)>,
    out: &mut Vec<u8>,
) {
    let length: usize = pages.iter().map(|page| page.bytes() + 1).sum();
    out.reserve(length + 256);
    out.extend_from_slice(format!("{{{first}{}:[", encode(listing.member)).as_bytes());
    let mut first = true;
    for page in pages.iter().filter(|page| page.bytes() > 0) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        out.extend_from_slice(page.items.bytes());
    }
    out.push(b']');
    let (mut others, mut metas) = (Vec::new(), own_meta);
    for page in pages {
        others.extend(page.other);
        metas.extend(page.meta);
    }
    others.extend(next.map(|next| (encode("nextCursor"), encode(next))));
    if !metas.is_empty() {
        others.push((encode("_meta"), format!("{{{}}}", firsts(metas))));
    }
    if !others.is_empty() {
        out.push(b',');
        out.extend_from_slice(firsts(others).as_bytes());
    }
    out.push(b'}');
}

/// The members as JSON; of several with one key, the first.
fn firsts(members: Vec<(String, String)>) -> String {
    let mut seen = BTreeSet::new();
    let first = members.into_iter().filter(|(key, _)| seen.insert(key.clone()));
    let members: Vec<String> = first.map(|(key, value)| format!("{key}:{value}")).collect();
    members.join(",")
}
