//! Merged lists that may be served again, and those that are being asked for.
//!
//! A list is found by a digest of everything that it may depend on ([`KeyOf`]), so that it is never
//! served to a request that could have been answered otherwise. It is good for `catalog.ttl`, or where that is
//! not set, for as long as all its upstreams say; and until an upstream says that its lists have changed. The
//! host counts how often they have, for all workers of the process and for each [`ListChanged`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Error;
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::method::Kind;
use crate::memory::names::AnnouncedNames;
use crate::pieces::Pieces;
use crate::session::ScopeTag;

mod key;
#[cfg(test)]
mod tests;

pub(crate) use key::{KeyOf, Keys, ListKey};

/// How many bytes are kept at most; what was served longest ago goes first.
pub(crate) const BYTES: usize = 32 << 20;

/// What a list takes up besides its bytes, roughly: its places in two trees.
const PLACE: usize = 512;

/// A list as everybody gets it who may have it.
#[derive(Debug, PartialEq, Eq)]
pub struct Merged {
    /// The raw result, as clients of the handshake era get it.
    pub result: Pieces,
    /// How long it may be kept, and by whom.
    pub hints: CacheHints,
    /// Whose each name is, where names depend on what all upstreams have.
    pub told: Option<AnnouncedNames>,
    /// The session that alone may have it: its cursor was sealed for that one, or it lacks what that one's
    /// upstreams did not say.
    pub only: Option<ScopeTag>,
}

impl Merged {
    /// Whether this session may have it.
    #[must_use]
    pub fn is_for(&self, scope: ScopeTag) -> bool {
        self.only.is_none_or(|only| only == scope)
    }

    fn size(&self) -> usize {
        PLACE + self.result.size() + self.told.as_ref().map_or(0, AnnouncedNames::size)
    }
}

/// What those get who wait for somebody else's list.
pub type Answer = Result<Arc<Merged>, Arc<Failure>>;

/// Why there is no list.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The session whose upstreams failed: those of another one may be well.
    pub only: ScopeTag,
}

/// Names a list that is being asked for; never used twice by one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flight(u64);

/// When a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// How often lists of its kind had changed.
    pub changes: u64,
    /// The second since the epoch.
    pub second: u64,
}

/// What there is of a list.
#[derive(Debug)]
pub(crate) enum Found {
    /// All of it, and how many seconds ago it was asked for.
    List(Arc<Merged>, u64),
    /// Somebody is asking for it.
    UnderWay(Flight),
    /// Nothing.
    Nothing,
}

/// How somebody gets a list.
#[derive(Debug)]
pub(crate) enum Looked {
    /// It is kept; how many seconds ago it was asked for.
    Kept(Arc<Merged>, u64),
    /// Somebody else is asking for it.
    UnderWay(Flight),
    /// By asking for it now.
    Begun(Flight),
}

/// What is kept.
#[derive(Debug, Default)]
pub(crate) struct ListCache {
    lists: BTreeMap<ListKey, Entry>,
    /// By when each was served last.
    order: BTreeMap<u64, ListKey>,
    served: u64,
    bytes: usize,
    /// By what is asked for, and how often such lists had changed by then.
    under_way: BTreeMap<(ListKey, u64), Flight>,
    /// The same, by name.
    named: BTreeSet<Flight>,
    flights: u64,
}

#[derive(Debug)]
struct Entry {
    list: Arc<Merged>,
    asked: Moment,
    /// The session that alone may have it.
    owner: Option<ScopeTag>,
    served: u64,
}

impl ListCache {
    /// What there is under `key` that is no older than `ttl` seconds; `None`: than the list itself says.
    pub(crate) fn find(&mut self, key: ListKey, now: Moment, ttl: Option<u64>) -> Found {
        if let Some(entry) = self.lists.get_mut(&key) {
            let Moment { changes, second } = entry.asked;
            let ttl = ttl.unwrap_or(entry.list.hints.ttl_ms / 1000);
            // A clock that was set back must not make it live longer.
            let young = (second..second.saturating_add(ttl)).contains(&now.second);
            if young && changes == now.changes {
                self.order.remove(&entry.served);
                self.served += 1;
                entry.served = self.served;
                self.order.insert(self.served, key);
                return Found::List(entry.list.clone(), now.second.saturating_sub(second));
            }
            self.drop(key);
        }
        // Not one that was asked for earlier than the last change.
        let flight = self.under_way.get(&(key, now.changes));
        flight.map_or(Found::Nothing, |flight| Found::UnderWay(*flight))
    }

    /// What there is under these keys that is no older than `ttl` seconds. If there is nothing, it is asked for from
    /// now on, so that of many who look at once only one asks.
    pub(crate) fn find_or_begin(&mut self, keys: Keys, now: Moment, ttl: u64) -> Looked {
        let mut under_way = None;
        for key in keys.public.into_iter().chain([keys.own]) {
            match self.find(key, now, Some(ttl)) {
                Found::List(list, age) => return Looked::Kept(list, age),
                Found::UnderWay(it) if !keys.alone || key == keys.own => {
                    under_way = under_way.or(Some(it));
                }
                Found::UnderWay(_) | Found::Nothing => {}
            }
        }
        under_way.map_or_else(|| Looked::Begun(self.begin(keys.begun(), now)), Looked::UnderWay)
    }

    /// Somebody asks for what is not there.
    fn begin(&mut self, key: ListKey, now: Moment) -> Flight {
        self.flights += 1;
        let flight = Flight(self.flights);
        self.under_way.insert((key, now.changes), flight);
        self.named.insert(flight);
        flight
    }

    /// Nobody asks for it any more.
    pub(crate) fn end(&mut self, key: ListKey, asked: Moment) {
        if let Some(flight) = self.under_way.remove(&(key, asked.changes)) {
            self.named.remove(&flight);
        }
    }

    /// Whether a list is still being asked for.
    #[must_use]
    pub(crate) fn is_under_way(&self, flight: Flight) -> bool {
        self.named.contains(&flight)
    }

    /// How many lists are being asked for.
    #[must_use]
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// How many lists are kept.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.lists.len()
    }

    /// Keeps a list that was asked for at that moment, unless it is too long.
    pub(crate) fn keep(
        &mut self,
        key: ListKey,
        owner: Option<ScopeTag>,
        asked: Moment,
        list: Arc<Merged>,
    ) {
        self.drop(key);
        let size = list.size();
        if size > BYTES {
            return;
        }
        self.served += 1;
        let served = self.served;
        self.bytes += size;
        self.order.insert(served, key);
        self.lists.insert(key, Entry { list, asked, owner, served });
        while self.bytes > BYTES {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.drop(oldest);
        }
    }

    /// Drops what is of a session alone, which is over.
    pub(crate) fn forget(&mut self, scope: ScopeTag) {
        let of_it = self.lists.iter().filter(|(_, entry)| entry.owner == Some(scope));
        for key in of_it.map(|(key, _)| *key).collect::<BTreeSet<_>>() {
            self.drop(key);
        }
    }

    fn drop(&mut self, key: ListKey) {
        if let Some(entry) = self.lists.remove(&key) {
            self.order.remove(&entry.served);
            self.bytes -= entry.list.size();
        }
    }
}

/// Lists that change together, as the `list_changed` notifications have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListChanged {
    /// `notifications/tools/list_changed`.
    Tools,
    /// `notifications/prompts/list_changed`.
    Prompts,
    /// `notifications/resources/list_changed`: templates, too.
    Resources,
}

impl ListChanged {
    /// What tells that lists of a kind have changed; `None` for tasks: they come and go with calls, and
    /// no notification says so.
    #[must_use]
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Tool => Some(Self::Tools),
            Kind::Prompt => Some(Self::Prompts),
            Kind::Resource | Kind::Template => Some(Self::Resources),
            Kind::Task => None,
        }
    }
}
