//! Whose a name is, where names alone do not say it: all that a scope was told last, of each kind.
//!
//! Workers of several processes, or without a memory in common, may have announced a scope's names at different
//! times. The fingerprint that all workers share ([`crate::session::notes`]) says which of them still hold.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::gateway::UpstreamId;
use crate::mcp::method::Kind;
use crate::session::ScopeTag;

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

/// The names that scopes were told.
#[derive(Debug, Default)]
pub(crate) struct Catalogs {
    /// The oldest first.
    catalogs: VecDeque<Catalog>,
    bytes: usize,
}

#[derive(Debug)]
struct Catalog {
    scope: ScopeTag,
    kind: Kind,
    told: AnnouncedNames,
}

impl Catalogs {
    /// Remembers all names of a kind that were announced to a scope, in place of those before; their
    /// fingerprint.
    pub(crate) fn learn(
        &mut self,
        scope: ScopeTag,
        kind: Kind,
        told: impl Into<AnnouncedNames>,
    ) -> u64 {
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
    pub(crate) fn names(&self, scope: ScopeTag, kind: Kind, told: u64) -> Option<Arc<Names>> {
        let catalog = self.catalogs.get(self.position(scope, kind)?)?;
        (told == catalog.told.fingerprint).then(|| catalog.told.names.clone())
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
        let mut known = Catalogs::default();
        let [a, b, c] = ["a", "b", "c"].map(names);
        let told = [&a, &b, &c].map(fingerprint);
        known.learn(scope(1), Kind::Tool, a.clone());
        known.learn(scope(1), Kind::Prompt, b.clone());
        assert_eq!(known.learn(scope(1), Kind::Tool, c.clone()), fingerprint(&c));
        assert_eq!(known.names(scope(1), Kind::Tool, told[2]).as_deref(), Some(&c));
        assert_eq!(known.names(scope(1), Kind::Prompt, told[1]).as_deref(), Some(&b));
        for old in [told[0], told[1]] {
            assert_eq!(known.names(scope(1), Kind::Tool, old), None);
        }
        assert_eq!(known.names(scope(2), Kind::Tool, told[2]), None);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut known = Catalogs::default();
        for number in 0..3 * CATALOGS {
            known.learn(scope(number), Kind::Tool, names("a"));
        }
        assert_eq!((known.catalogs.len(), known.bytes), (CATALOGS, CATALOGS * 100));
        let told = fingerprint(&names("a"));
        assert!(known.names(scope(0), Kind::Tool, told).is_none());
        assert!(known.names(scope(3 * CATALOGS - 1), Kind::Tool, told).is_some());
        known.learn(scope(1), Kind::Tool, names(&"x".repeat(BYTES / 2)));
        known.learn(scope(2), Kind::Tool, names(&"y".repeat(BYTES / 2)));
        assert!(known.bytes <= BYTES && known.position(scope(1), Kind::Tool).is_none());
        known.learn(scope(3), Kind::Tool, names(&"z".repeat(BYTES)));
        assert_eq!((known.bytes, known.catalogs.len()), (0, 0));
    }
}
