//! Pages of upstreams' lists, cut into items and joined in a fixed order.
//!
//! An item moves as the bytes it came in: its name is spliced, everything else, key order, numbers,
//! escapes and members that nobody here knows included, stays as it is.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{UpstreamError, list_data};
use crate::gateway::Gateway;
use crate::jsonrpc::{Members, decode, encode, range_in, read_object};
use crate::name;
use crate::route::Listing;

/// The longest `nextCursor` of an upstream that is carried on, in bytes of JSON.
const CURSOR_LIMIT: usize = 16 * 1024;

/// One page of one upstream, ready to be joined.
#[derive(Debug, Default)]
pub struct Page {
    /// The items as they go to the client, separated by commas.
    items: Vec<u8>,
    /// How many items had no readable name, or one that a call could not reach.
    pub dropped: u64,
    /// The raw JSON string of `nextCursor`; an empty string is a cursor, null is none.
    pub next: Option<String>,
    /// Raw members of the result that the gateway has no rule for.
    other: Vec<(String, String)>,
    /// Raw members of the result's `_meta`.
    meta: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: &'a RawValue,
}

impl Page {
    /// Reads the result of one upstream.
    ///
    /// # Errors
    ///
    /// What keeps the whole page from being used; a single bad item is dropped and counted.
    pub fn read(
        gateway: &Gateway,
        upstream: usize,
        listing: Listing,
        result: &RawValue,
    ) -> Result<Self, String> {
        let result = Members::read(result).ok_or("its result is no object")?;
        let items = result.find(listing.member).map(RawValue::get);
        let items: Vec<&RawValue> = items
            .and_then(|items| serde_json::from_str(items).ok())
            .ok_or_else(|| format!("its result has no array `{}`", listing.member))?;
        let mut page = Self::default();
        for item in items {
            if page.append(gateway, upstream, item.get()).is_none() {
                page.dropped += 1;
            }
        }
        for (key, value) in result.iter().filter(|(key, _)| *key != listing.member) {
            match key {
                "nextCursor" => page.next = next_cursor(value)?,
                "_meta" => page.meta = owned(value),
                _ => page.other.push((encode(key), value.get().to_owned())),
            }
        }
        Ok(page)
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        let members = self.other.iter().chain(&self.meta);
        let members: usize = members.map(|(key, value)| key.capacity() + value.capacity()).sum();
        self.items.capacity() + members + self.next.as_ref().map_or(0, String::capacity)
    }

    /// Adds an item under its name for clients, unless the configuration hides it; `None` if it
    /// cannot be used.
    fn append(&mut self, gateway: &Gateway, upstream: usize, item: &str) -> Option<()> {
        let configured = gateway.upstreams.get(upstream)?;
        let raw = read_object::<Named<'_>>(item).ok()?.name.get();
        let own = decode(raw)?;
        if !configured.tools.admits(&own) {
            return Some(());
        }
        if !name::reaches(gateway, upstream, &own) {
            return None;
        }
        let at = range_in(item.as_bytes(), raw)?;
        let (before, after) = (item.get(..at.start)?, item.get(at.end..)?);
        if !self.items.is_empty() {
            self.items.push(b',');
        }
        self.items.extend_from_slice(before.as_bytes());
        name::join(&mut self.items, &configured.joined_prefix, raw);
        self.items.extend_from_slice(after.as_bytes());
        Some(())
    }
}

fn next_cursor(value: &RawValue) -> Result<Option<String>, String> {
    match value.get() {
        "null" => Ok(None),
        raw if !raw.starts_with('"') => Err("its nextCursor is no string".to_owned()),
        raw if raw.len() > CURSOR_LIMIT => {
            Err(format!("its nextCursor is longer than {CURSOR_LIMIT} bytes"))
        }
        raw => Ok(Some(raw.to_owned())),
    }
}

fn owned(object: &RawValue) -> Vec<(String, String)> {
    let members = Members::read(object).unwrap_or_default();
    members.iter().map(|(key, value)| (encode(key), value.get().to_owned())).collect()
}

/// The joined result: the pages in the order given, the cursor of what follows, and the upstreams
/// that are missing. Of members that several upstreams have, the first one's stays.
#[must_use]
pub fn join(
    listing: Listing,
    pages: Vec<Page>,
    next: Option<&str>,
    failed: &[UpstreamError],
) -> Vec<u8> {
    let length: usize = pages.iter().map(|page| page.items.len() + 1).sum();
    let mut out = Vec::with_capacity(length + 256);
    out.extend_from_slice(format!("{{{}:[", encode(listing.member)).as_bytes());
    let mut first = true;
    for page in pages.iter().filter(|page| !page.items.is_empty()) {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        out.extend_from_slice(&page.items);
    }
    out.push(b']');
    let unavailable =
        (!failed.is_empty()).then(|| (encode("mcp-mux/unavailable"), list_data(failed)));
    let (mut others, mut metas) = (Vec::new(), Vec::from_iter(unavailable));
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
    out
}

/// The members as JSON; of several with one key, the first.
fn firsts(members: Vec<(String, String)>) -> String {
    let mut seen = BTreeSet::new();
    let first = members.into_iter().filter(|(key, _)| seen.insert(key.clone()));
    let members: Vec<String> = first.map(|(key, value)| format!("{key}:{value}")).collect();
    members.join(",")
}

#[cfg(test)]
mod tests;
