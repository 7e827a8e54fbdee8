//! What one worker remembers between requests for its own convenience: whose a name is, where names
//! alone do not say it, and which names were reported.
//!
//! Bounded, and lost with the worker. A name that is forgotten costs one list, nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::route::Kind;
use crate::session::Tag;

/// Names as clients see them: the owner's index, and what the owner calls it.
pub type Names = BTreeMap<String, (usize, String)>;

/// How many catalogs are remembered: one for each session and kind.
pub const CATALOGS: usize = 512;

/// How many bytes of names are remembered in all.
pub const BYTES: usize = 16 << 20;

/// How many reports are remembered, so that each is made once; there are no more after that.
pub const REPORTS: usize = 1024;

/// What is remembered.
#[derive(Debug, Default)]
pub struct Memory {
    /// The oldest first.
    catalogs: VecDeque<Catalog>,
    bytes: usize,
    reported: BTreeSet<String>,
}

#[derive(Debug)]
struct Catalog {
    session: Tag,
    kind: Kind,
    names: Names,
    bytes: usize,
}

impl Memory {
    /// Remembers all names of a kind that a session was told, in place of those before.
    pub fn learn(&mut self, session: Tag, kind: Kind, names: Names) {
        // What a node of the tree takes besides the texts, roughly.
        let bytes = names.iter().map(|(shown, (_, own))| shown.len() + own.len() + 96).sum();
        if let Some(at) = self.position(session, kind) {
            self.forget(at);
        }
        self.bytes += bytes;
        self.catalogs.push_back(Catalog { session, kind, names, bytes });
        while self.catalogs.len() > CATALOGS || self.bytes > BYTES && !self.catalogs.is_empty() {
            self.forget(0);
        }
    }

    /// The same where some upstreams did not answer: what the session was told of those before still
    /// holds, unless others have the names now.
    pub fn learn_without(
        &mut self,
        session: Tag,
        kind: Kind,
        mut names: Names,
        failed: impl Fn(usize) -> bool,
    ) {
        for (name, owner) in self.names(session, kind).into_iter().flatten() {
            if failed(owner.0) && !names.contains_key(name) {
                names.insert(name.clone(), owner.clone());
            }
        }
        self.learn(session, kind, names);
    }

    /// The names of a kind that a session was told last.
    #[must_use]
    pub fn names(&self, session: Tag, kind: Kind) -> Option<&Names> {
        self.catalogs.get(self.position(session, kind)?).map(|catalog| &catalog.names)
    }

    /// Whether `report` is made for the first time.
    pub fn is_news(&mut self, report: &str) -> bool {
        self.reported.len() < REPORTS && self.reported.insert(report.to_owned())
    }

    fn position(&self, session: Tag, kind: Kind) -> Option<usize> {
        self.catalogs.iter().position(|it| it.session == session && it.kind == kind)
    }

    fn forget(&mut self, at: usize) {
        if let Some(catalog) = self.catalogs.remove(at) {
            self.bytes -= catalog.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: usize) -> Tag {
        let mut tag = [0; Tag::LEN];
        tag[..8].copy_from_slice(&(number as u64).to_le_bytes());
        Tag(tag)
    }

    fn names(shown: &str) -> Names {
        Names::from([(shown.to_owned(), (1, "own".to_owned()))])
    }

    #[test]
    fn the_last_list_of_each_session_and_kind_is_remembered() {
        let mut memory = Memory::default();
        memory.learn(session(1), Kind::Tool, names("a"));
        memory.learn(session(1), Kind::Prompt, names("b"));
        memory.learn(session(1), Kind::Tool, names("c"));
        assert_eq!(memory.names(session(1), Kind::Tool), Some(&names("c")));
        assert_eq!(memory.names(session(1), Kind::Prompt), Some(&names("b")));
        assert_eq!(memory.names(session(2), Kind::Tool), None);
    }

    #[test]
    fn names_of_who_failed_stay_unless_others_have_them() {
        let own = |upstream: usize| (upstream, "own".to_owned());
        let names = |all: &[(&str, usize)]| -> Names {
            all.iter().map(|(name, upstream)| ((*name).to_owned(), own(*upstream))).collect()
        };
        let mut memory = Memory::default();
        let (one, two) = (session(1), session(2));
        memory.learn(one, Kind::Tool, names(&[("a", 0), ("b", 1), ("c", 1), ("d", 2)]));
        let now = [("b", 2), ("e", 0)];
        memory.learn_without(one, Kind::Tool, names(&now), |upstream| upstream == 1);
        let expected = names(&[("b", 2), ("c", 1), ("e", 0)]);
        assert_eq!(memory.names(one, Kind::Tool), Some(&expected));
        memory.learn_without(two, Kind::Tool, names(&now), |upstream| upstream == 1);
        assert_eq!(memory.names(two, Kind::Tool), Some(&names(&now)));
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut memory = Memory::default();
        for number in 0..3 * CATALOGS {
            memory.learn(session(number), Kind::Tool, names("a"));
        }
        assert_eq!((memory.catalogs.len(), memory.bytes), (CATALOGS, CATALOGS * 100));
        assert!(memory.names(session(0), Kind::Tool).is_none());
        assert!(memory.names(session(3 * CATALOGS - 1), Kind::Tool).is_some());
        memory.learn(session(1), Kind::Tool, names(&"x".repeat(BYTES / 2)));
        memory.learn(session(2), Kind::Tool, names(&"y".repeat(BYTES / 2)));
        assert!(memory.bytes <= BYTES && memory.names(session(1), Kind::Tool).is_none());
        memory.learn(session(3), Kind::Tool, names(&"z".repeat(BYTES)));
        assert_eq!((memory.bytes, memory.catalogs.len()), (0, 0));
        for number in 0..2 * REPORTS {
            assert_eq!(memory.is_news(&number.to_string()), number < REPORTS);
        }
        assert!(!memory.is_news("0"));
    }
}
