//! Pages of upstreams' lists, cut into items and joined in a fixed order.
//!
//! An item moves as the bytes it came in: its name or URI is spliced, and what the configuration
//! describes anew; everything else, key order, numbers, escapes and members that nobody here knows
//! included, stays as it is.

pub(crate) mod cache;
mod check;
mod item;
mod items;
mod join;
mod left_out;
mod mend;
mod page_bound;
pub(crate) mod pins;
mod result;
mod schema;
mod settle;
mod steps;
mod tool_digest;
pub(crate) mod tool_headers;

use std::collections::BTreeSet;

use crate::catalog::items::Items;
use crate::era::Era;
use crate::error::UpstreamError;
use crate::fault::Fault;
use crate::gateway::rules::Rights;
use crate::gateway::{Gateway, Naming, UpstreamId};
use crate::json::{InvalidMembers, Malformed, Members, Read, Scan, encode};
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::capability::Capabilities;
use crate::mcp::cursor::Walk;
use crate::mcp::method::{Kind, Listing};
use crate::mcp::name;
use crate::mcp::param_headers::ParamHeader;

pub(crate) use join::join;
pub(crate) use left_out::{LeftOut, data as left_out_data};
pub(crate) use page_bound::settle_round;
pub(crate) use settle::settle;
pub(crate) use steps::{Stepped, Steps};
pub use tool_digest::{DigestError, ToolDigest, tool_digest};

/// How many items of a page are reported by name, of each kind of report.
const NOTED: usize = 100;

/// After how many pages in a row that list nothing new a list ends.
const STALE: usize = 3;

/// What something that is kept apart takes up besides its bytes, roughly: its place in a list, and
/// what allocating its texts costs.
const KEPT: usize = 96;

/// How many tools of a page are noted by their names.
const TOOLS: usize = crate::seen::TOOLS;

/// One upstream's list that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'r> {
    /// The configuration.
    pub gateway: &'r Gateway,
    /// Whose it is.
    pub upstream: UpstreamId,
    /// What is listed.
    pub listing: Listing,
    /// What may be seen of it.
    pub(crate) rights: Rights,
    /// What the upstream can do.
    pub capabilities: Capabilities,
    /// How it is spoken to.
    pub(crate) era: Era,
}

/// Whether the names of a kind depend on what all upstreams have, so that lists are read whole.
#[must_use]
pub(crate) fn depends(gateway: &Gateway, kind: Kind) -> bool {
    matches!(kind, Kind::Tool | Kind::Prompt) && gateway.naming != Naming::Always
}

/// One page of one upstream, ready to be joined.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The items as they go to the client.
    items: Items,
    /// Items whose names for clients are not known before all upstreams have answered.
    open: Vec<Open>,
    /// How many pages of the upstream it is.
    pub pages: usize,
    /// How many items clients are not shown, since they would reject them, or could not reach them.
    pub dropped: u64,
    /// The first of these.
    pub left_out: Vec<LeftOut>,
    /// Names that are listed more than once.
    pub twice: Vec<String>,
    /// Tools that are pinned.
    pub(crate) pinned: Vec<pins::Pinned>,
    /// Names for clients that some clients will refuse.
    pub odd: Vec<String>,
    /// For each tool's name, the hash of what some clients make of it.
    pub folded: Vec<u64>,
    /// Tools whose calls repeat arguments in their head, as the upstream calls them.
    pub(crate) tool_headers: Vec<(String, Vec<ParamHeader>)>,
    /// The first tools, as the upstream calls them.
    tools: Vec<String>,
    /// The raw JSON string of `nextCursor`; an empty string is a cursor, null is none.
    pub next: Option<String>,
    /// The cursors that led here.
    pub walk: Walk,
    /// Whether the list ends here because it would go in circles.
    pub repeats: bool,
    /// How many pages in a row listed nothing but what was there.
    stale: usize,
    /// A later page, of which it is open whether there is room for it.
    pub later: Option<Box<Page>>,
    /// What kept the upstream from saying more.
    pub cut_short: Option<UpstreamError>,
    /// How long the page may be kept, and by whom.
    pub hints: CacheHints,
    /// Raw members of the result that the gateway has no rule for.
    other: Vec<(String, String)>,
    /// Raw members of the result's `_meta`.
    meta: Vec<(String, String)>,
    /// How many bytes all of these take up but for `items` and `next`.
    apart: usize,
}

/// An item without its name for clients.
#[derive(Debug)]
struct Open {
    /// What its upstream calls it.
    own: String,
    /// The same, or what the configuration renames it to.
    shown: String,
    /// With the name `shown`.
    item: Vec<u8>,
}

impl Page {
    /// Reads the result of one upstream, each item as it goes by.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::json::Malformed) of a text that is not JSON; within, what keeps the whole
    /// page from being used. A single bad item is dropped and counted.
    pub(crate) fn read(reading: Reading<'_>, scan: &mut Scan<'_>) -> Read<Result<Self, Fault>> {
        Self { pages: 1, ..Self::default() }.read_on(reading, scan)
    }

    /// The same of a result whose first items are there already.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) fn read_on(
        self,
        reading: Reading<'_>,
        scan: &mut Scan<'_>,
    ) -> Read<Result<Self, Fault>> {
        let member = reading.listing.member;
        let mut page = self;
        let mut items = None;
        let result = Members::take(scan, |scan, key| {
            if key != member {
                return scan.value();
            }
            scan.look(|scan| {
                // Most items only get longer names: room for these, too, spares a copy of all.
                page.items.reserve(scan.left() + scan.left() / 32);
                items = Some(scan.elements(|scan| item::read(&mut page, reading, scan))?);
                Ok(())
            })
        });
        let result = match result {
            Err(InvalidMembers::Malformed) => return Err(Malformed),
            Err(InvalidMembers::NoObject) => return Ok(Err(Fault::ResultNoObject)),
            Err(InvalidMembers::Repeated) => return Ok(Err(Fault::ResultRepeats)),
            Ok(result) => result,
        };
        if items != Some(true) {
            return Ok(Err(Fault::NoArray { member }));
        }
        page.hints = CacheHints::read(result.find("ttlMs"), result.find("cacheScope"));
        for (key, value) in result.iter().filter(|(key, _)| *key != member) {
            match key {
                "nextCursor" => match result::next_cursor(value) {
                    Ok(next) => page.next = next,
                    Err(fault) => return Ok(Err(fault)),
                },
                "_meta" => page.meta = result::meta(value),
                // Said of the joined list as a whole, to those who ask for it.
                "resultType" | "ttlMs" | "cacheScope" => {}
                _ => page.other.push((encode(key), value.get().to_owned())),
            }
        }
        let members = page.other.iter().chain(&page.meta);
        page.apart += members.map(|(key, value)| KEPT + key.len() + value.len()).sum::<usize>();
        Ok(Ok(page))
    }

    /// The page, which was reached by `cursor`, and `walk` led there: if it leads to where that has been,
    /// the list ends.
    #[must_use]
    pub(crate) fn reached(mut self, mut walk: Walk, cursor: &str) -> Self {
        walk.follow(cursor);
        if self.next.as_deref().is_some_and(|next| walk.has_followed(next)) {
            self.end_of_circle();
        }
        self.walk = walk;
        self
    }

    /// The page with the next one of the same upstream behind it.
    #[must_use]
    pub(crate) fn and(mut self, mut later: Self) -> Self {
        if let Some(cursor) = self.next.take() {
            later = later.reached(std::mem::take(&mut self.walk), &cursor);
        }
        let listed = later.count();
        let before = self.count();
        self.items.append(&later.items);
        for open in later.open {
            self.keep(open);
        }
        self.pages += later.pages;
        self.dropped += later.dropped;
        for it in later.left_out {
            self.note_left_out(it);
        }
        self.odd.extend(later.odd);
        self.pinned.extend(later.pinned);
        self.folded.extend(later.folded);
        self.tool_headers.extend(later.tool_headers);
        for tool in later.tools {
            self.note_tool(tool);
        }
        (self.next, self.walk) = (later.next, later.walk);
        self.repeats |= later.repeats;
        self.hints = self.hints.and(later.hints);
        self.other.extend(later.other);
        self.meta.extend(later.meta);
        self.apart += later.apart;
        if self.count() > before {
            self.stale = 0;
        } else if listed > 0 {
            self.stale += 1;
        }
        // A server that makes nothing of cursors lists the same again and again.
        if self.stale == STALE && self.next.is_some() {
            self.end_of_circle();
        }
        self
    }

    fn end_of_circle(&mut self) {
        self.next = None;
        self.repeats = true;
    }

    /// Takes note of a tool, by its upstream's own name.
    fn note_tool(&mut self, own: String) {
        if self.tools.len() < TOOLS {
            self.apart += KEPT + own.len();
            self.tools.push(own);
        }
    }

    /// The first tools, as the upstream calls them; they are not there any more then.
    pub(crate) fn take_tools(&mut self) -> Vec<String> {
        std::mem::take(&mut self.tools)
    }

    /// How many items it has.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.items.count() + self.open.len()
    }

    /// How many bytes its items have.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        self.items.bytes().len()
    }

    /// How many bytes it takes up.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        let cursors = self.next.as_ref().map_or(0, String::capacity) + self.walk.size();
        let later = self.later.as_ref().map_or(0, |later| later.size());
        self.items.size() + self.apart + cursors + later
    }

    /// Adds an item whose name for clients is not known yet.
    fn keep(&mut self, open: Open) {
        if self.items.note(&open.own) {
            self.apart += KEPT + open.own.len() + open.shown.len() + open.item.len();
            self.open.push(open);
        } else {
            self.note_twice(&open.own);
        }
    }

    /// Adds the item `name`, which `write` appends, unless there is one of that name; whether it did.
    fn add(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let is_new = self.items.push(name, write);
        if !is_new {
            self.note_twice(name);
        }
        is_new
    }

    fn note_twice(&mut self, name: &str) {
        if self.twice.len() < NOTED {
            let name = name::short(name);
            self.apart += KEPT + name.len();
            self.twice.push(name);
        }
    }

    /// Takes note of what clients will make of a tool's name.
    fn note_name(&mut self, prefix: &str, shown: &str) {
        self.apart += size_of::<u64>();
        let look = name::look(prefix, shown);
        self.folded.push(look.hash);
        if look.is_odd {
            let name = format!("{prefix}{shown}");
            self.apart += KEPT + name.len();
            self.odd.push(name);
        }
    }

    /// The names for clients whose [hash](name::look) is among `hashes`; goes over all items.
    #[must_use]
    pub(crate) fn names_folded_to(&self, hashes: &BTreeSet<u64>) -> Vec<String> {
        self.items.names_folded_to(hashes)
    }
}

#[cfg(test)]
mod tests;
