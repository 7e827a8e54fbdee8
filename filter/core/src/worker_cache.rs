//! What one worker remembers between requests for its own convenience: whose a name is where names alone do
//! not say it, which names were reported, sessions that were opened ([`crate::session::view`]) or are kept for
//! clients without one ([`crate::session::pool`]), which era upstreams are of ([`crate::era::upstream::known`]), the
//! headers of tools ([`crate::catalog::tool_headers`]), and lists that may be served again
//! ([`crate::catalog::cache`]).
//!
//! Bounded, and lost with the worker or its configuration. What is forgotten costs a request to an upstream,
//! nothing else.
//!
//! Workers may have announced a scope's names at different times. The fingerprint that all workers share
//! ([`crate::session::notes`]) says which of them still hold.

use crate::gateway::UpstreamId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::catalog::cache::ListCache;
use crate::catalog::tool_headers::ToolHeaders;
use crate::era::upstream::known::KnownEras;
use crate::mcp::method::Kind;
use crate::session::ScopeTag;
use crate::session::pool::SessionPool;
use crate::session::view::Sessions;

/// Names as clients see them: the owner's index, and what the owner calls it.
pub(crate) type Names = BTreeMap<String, (UpstreamId, String)>;

/// Tells names from others, within one process.
#[must_use]
pub(crate) fn fingerprint(names: &Names) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish()
}

/// All names of a kind that a list has told; sessions that were told the same share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedNames {
    names: Arc<Names>,
    fingerprint: u64,
    bytes: usize,
}

impl From<Names> for AnnouncedNames {
    fn from(names: Names) -> Self {
        let fingerprint = fingerprint(&names);
        // What a node of the tree takes besides the texts, roughly.
        let bytes = names.iter().map(|(shown, (_, own))| shown.len() + own.len() + 96).sum();
        Self { names: Arc::new(names), fingerprint, bytes }
    }
}

impl AnnouncedNames {
    /// How many bytes they take up.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes
    }
}

/// How many catalogs are remembered: one for each scope and kind.
pub(crate) const CATALOGS: usize = 512;

/// How many bytes of names are remembered in all.
pub(crate) const BYTES: usize = 16 << 20;

/// How many reports are remembered, so that each is made once; there are no more after that.
pub(crate) const REPORTS: usize = 1024;

/// What is remembered.
#[derive(Debug, Default)]
pub struct WorkerCache {
    /// The oldest first.
    catalogs: VecDeque<Catalog>,
    bytes: usize,
    reported: BTreeSet<String>,
    /// Lists that may be served again.
    pub lists: ListCache,
    /// Sessions that were opened.
    pub sessions: Sessions,
    /// Which arguments the calls of tools repeat in headers.
    pub(crate) tool_headers: ToolHeaders,
    /// The eras of upstreams.
    pub(crate) eras: KnownEras,
    /// Sessions at upstreams for clients that have none.
    pub(crate) pool: SessionPool,
}

#[derive(Debug)]
struct Catalog {
    scope: ScopeTag,
    kind: Kind,
    told: AnnouncedNames,
}

impl WorkerCache {
    /// Remembers all names of a kind that were announced to a scope, in place of those before; their
    /// fingerprint.
    pub fn learn(&mut self, scope: ScopeTag, kind: Kind, told: impl Into<AnnouncedNames>) -> u64 {
        let told = told.into();
        let AnnouncedNames { fingerprint, bytes, .. } = told;
        if let Some(at) = self.position(scope, kind) {
            self.forget(at);
        }
        self.bytes += bytes;
        self.catalogs.push_back(Catalog { scope, kind, told });
        while self.catalogs.len() > CATALOGS || self.bytes > BYTES && !self.catalogs.is_empty() {
            self.forget(0);
        }
        fingerprint
    }

    /// The names of a kind that were announced to a scope, if they are those with this fingerprint.
    #[must_use]
    pub fn names(&self, scope: ScopeTag, kind: Kind, told: Option<u64>) -> Option<&Names> {
        let catalog = self.catalogs.get(self.position(scope, kind)?)?;
        (told == Some(catalog.told.fingerprint)).then_some(&*catalog.told.names)
    }

    /// Whether `report` is made for the first time.
    pub fn is_news(&mut self, report: &str) -> bool {
        self.reported.len() < REPORTS && self.reported.insert(report.to_owned())
    }

    fn position(&self, scope: ScopeTag, kind: Kind) -> Option<usize> {
        self.catalogs.iter().position(|it| it.scope == scope && it.kind == kind)
    }

    fn forget(&mut self, at: usize) {
        if let Some(catalog) = self.catalogs.remove(at) {
            self.bytes -= catalog.told.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(number: usize) -> ScopeTag {
        let mut tag = [0; ScopeTag::LEN];
        tag[..8].copy_from_slice(&(number as u64).to_le_bytes());
        ScopeTag(tag)
    }

    fn names(shown: &str) -> Names {
        Names::from([(shown.to_owned(), (UpstreamId::at(1), "own".to_owned()))])
    }

    #[test]
    fn the_last_list_of_each_session_and_kind_is_remembered() {
        let mut cache = WorkerCache::default();
        let [a, b, c] = ["a", "b", "c"].map(names);
        let told = [&a, &b, &c].map(|names| Some(fingerprint(names)));
        cache.learn(scope(1), Kind::Tool, a.clone());
        cache.learn(scope(1), Kind::Prompt, b.clone());
        assert_eq!(cache.learn(scope(1), Kind::Tool, c.clone()), fingerprint(&c));
        assert_eq!(cache.names(scope(1), Kind::Tool, told[2]), Some(&c));
        assert_eq!(cache.names(scope(1), Kind::Prompt, told[1]), Some(&b));
        for old in [None, told[0], told[1]] {
            assert_eq!(cache.names(scope(1), Kind::Tool, old), None);
        }
        assert_eq!(cache.names(scope(2), Kind::Tool, told[2]), None);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut cache = WorkerCache::default();
        for number in 0..3 * CATALOGS {
            cache.learn(scope(number), Kind::Tool, names("a"));
        }
        assert_eq!((cache.catalogs.len(), cache.bytes), (CATALOGS, CATALOGS * 100));
        let told = Some(fingerprint(&names("a")));
        assert!(cache.names(scope(0), Kind::Tool, told).is_none());
        assert!(cache.names(scope(3 * CATALOGS - 1), Kind::Tool, told).is_some());
        cache.learn(scope(1), Kind::Tool, names(&"x".repeat(BYTES / 2)));
        cache.learn(scope(2), Kind::Tool, names(&"y".repeat(BYTES / 2)));
        assert!(cache.bytes <= BYTES && cache.position(scope(1), Kind::Tool).is_none());
        cache.learn(scope(3), Kind::Tool, names(&"z".repeat(BYTES)));
        assert_eq!((cache.bytes, cache.catalogs.len()), (0, 0));
        for number in 0..2 * REPORTS {
            assert_eq!(cache.is_news(&number.to_string()), number < REPORTS);
        }
        assert!(!cache.is_news("0"));
    }
}
