//! Whether tools are what they were when they were pinned (`tools.pin`), as their upstream listed them last.
//!
//! Where a changed tool is blocked, a call needs to know that it is not one. What is known holds until lists of tools have
//! changed, and for a minute: a server could change a tool without saying so. Bounded by the pins of the configuration.

use std::collections::BTreeMap;

use super::cache::Moment;
use super::tool_digest::{DigestError, ToolDigest, tool_digest};
use super::{KEPT, Page};
use crate::gateway::{Tools, UpstreamId};

/// For how many seconds it is known that a tool is the one that was pinned.
const KNOWN: u64 = 60;

/// A pinned tool as its upstream lists it.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// What its upstream calls it.
    pub(crate) own: String,
    /// What it is now, if that is not what was pinned.
    pub(crate) changed: Option<Result<ToolDigest, DigestError>>,
}

impl Page {
    /// Compares a tool with what was pinned, if it was; whether it may be listed.
    pub(super) fn compare(&mut self, tools: &Tools, own: &str, definition: &str) -> bool {
        let Some(pin) = tools.pin(own) else { return true };
        let found = tool_digest(definition);
        let changed = (found != Ok(pin)).then_some(found);
        let may_be_listed = changed.is_none() || !tools.blocks_changed();
        self.apart += KEPT + own.len();
        self.pinned.push(Pinned { own: own.to_owned(), changed });
        may_be_listed
    }
}

/// What is known of the pinned tools of each upstream.
#[derive(Debug, Default)]
pub(crate) struct Pins(BTreeMap<(UpstreamId, String), (bool, Moment)>);

impl Pins {
    /// Remembers what an upstream has listed.
    pub(crate) fn learn(&mut self, upstream: UpstreamId, pinned: &[Pinned], now: Moment) {
        let mut listed: BTreeMap<&str, bool> = BTreeMap::new();
        for it in pinned {
            // Of a tool that is listed twice, one that has changed counts.
            *listed.entry(&it.own).or_insert(true) &= it.changed.is_none();
        }
        for (own, is_same) in listed {
            self.0.insert((upstream, own.to_owned()), (is_same, now));
        }
    }

    /// The tools that were something else when they were last looked at, by their upstreams' own names.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (UpstreamId, &str)> {
        let changed = self.0.iter().filter(|(_, (is_same, _))| !is_same);
        changed.map(|((upstream, own), _)| (*upstream, own.as_str()))
    }

    /// Whether a tool is the one that was pinned; `None` if that is not known any more.
    pub(crate) fn is_same(&self, upstream: UpstreamId, own: &str, now: Moment) -> Option<bool> {
        let (is_same, then) = self.0.get(&(upstream, own.to_owned()))?;
        let holds = then.changes == now.changes && now.second.saturating_sub(then.second) < KNOWN;
        holds.then_some(*is_same)
    }
}
