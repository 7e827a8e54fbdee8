//! Which keys an object has had.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// How many unknown keys of an object are told apart; those that are known always are.
const UNKNOWN: usize = 4096;

/// The keys of an object whose members arrive one by one.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// A bit for each known one.
    known: u32,
    /// The others, by their hashes.
    unknown: BTreeSet<u64>,
}

impl Keys {
    /// Whether `key` is there for the second time; `names` are those that are known, at most 32 and
    /// always the same.
    pub(crate) fn repeats(&mut self, key: &str, names: &[&str]) -> bool {
        match names.iter().position(|name| *name == key) {
            Some(at) => self.repeats_known(at),
            None => self.repeats_unknown(key),
        }
    }

    /// The same of the known key that stands at `at` among the names.
    pub(crate) const fn repeats_known(&mut self, at: usize) -> bool {
        let bit = 1 << at;
        let repeats = self.known & bit != 0;
        self.known |= bit;
        repeats
    }

    /// The same of a key that is not among the names.
    pub(crate) fn repeats_unknown(&mut self, key: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        if self.unknown.len() < UNKNOWN {
            !self.unknown.insert(hash)
        } else {
            self.unknown.contains(&hash)
        }
    }

    /// Whether the known key that stands at `at` among the names is there.
    #[must_use]
    pub(crate) const fn has(&self, at: usize) -> bool {
        self.known & (1 << at) != 0
    }

    /// About how many bytes of memory they take; the nodes of a tree may be half empty.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.unknown.len() * 2 * size_of::<u64>()
    }
}
