//! Pages of several upstreams as one result.

use std::collections::BTreeSet;

use super::Page;
use crate::json::encode;
use crate::mcp::method::Listing;
use crate::pieces::{Joiner, Pieces};

/// The joined result: the pages in the order given, the cursor of what follows, and what the gateway itself says in
/// `_meta`. Of members that several upstreams have, the first one's stays. Long pages are pieces of it, as they are.
pub(crate) fn join(
    listing: Listing,
    pages: Vec<Page>,
    next: Option<&str>,
    own_meta: Vec<(String, String)>,
) -> Pieces {
    let mut out = Joiner::default();
    out.write(format!("{{{}:[", encode(listing.member)).as_bytes());
    let mut first = true;
    let (mut others, mut metas) = (Vec::new(), own_meta);
    for page in pages {
        others.extend(page.other);
        metas.extend(page.meta);
        let items = page.items.into_bytes();
        if !items.is_empty() {
            if !std::mem::take(&mut first) {
                out.write(b",");
            }
            out.add(items);
        }
    }
    out.write(b"]");
    others.extend(next.map(|next| (encode("nextCursor"), encode(next))));
    if !metas.is_empty() {
        others.push((encode("_meta"), format!("{{{}}}", firsts(metas))));
    }
    if !others.is_empty() {
        out.write(b",");
        out.write(firsts(others).as_bytes());
    }
    out.write(b"}");
    out.finish()
}

/// The members as JSON; of several with one key, the first.
fn firsts(members: Vec<(String, String)>) -> String {
    let mut seen = BTreeSet::new();
    let first = members.into_iter().filter(|(key, _)| seen.insert(key.clone()));
    let members: Vec<String> = first.map(|(key, value)| format!("{key}:{value}")).collect();
    members.join(",")
}
