//! What is told of a document, and to whom.

use crate::json::Container;

/// What is of interest in a value, wherever in a document that stands.
#[derive(Debug)]
pub struct Interest<T: 'static> {
    /// Names a string, a number or a literal that stands here.
    pub leaf: Option<T>,
    /// Names an object that stands here: its begin, keys and end are told.
    pub object: Option<T>,
    /// The members of an object that stands here, by their decoded keys.
    pub members: &'static [(&'static str, Self)],
    /// Each element of a list that stands here.
    pub elements: Option<&'static Self>,
}

impl<T: 'static> Interest<T> {
    /// Nothing is; the rest of a table's row.
    pub const NONE: Self = Self { leaf: None, object: None, members: &[], elements: None };

    /// Whether anything in an object or a list that stands here may be of interest.
    pub(super) fn sees(&self, container: Container) -> bool {
        match container {
            Container::Object => self.object.is_some() || !self.members.is_empty(),
            Container::List => self.elements.is_some(),
        }
    }

    pub(super) fn member(&self, key: &str) -> Option<&'static Self> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, interest)| interest)
    }
}

/// A value of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<'r, T> {
    /// What the table calls it.
    pub tag: T,
    /// The JSON text of a string, a number or a literal, which is valid.
    pub raw: &'r str,
    /// The offset of its first byte.
    pub at: u64,
}

impl<T> Leaf<'_, T> {
    /// The offset behind its last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.raw.len() as u64)
    }
}

/// Is told what is of interest, in the order of the document.
pub trait Visit<T> {
    /// A string, a number or a literal. An object or list in its place is not told.
    fn leaf(&mut self, leaf: Leaf<'_, T>);

    /// A leaf that is over the limit.
    fn oversized(&mut self, _tag: T) {}

    /// A watched object begins.
    fn begin(&mut self, _tag: T) {}

    /// A key of a watched object, decoded; `None` for one that is over 1024 bytes of JSON.
    fn key(&mut self, _object: T, _key: Option<&str>) {}

    /// A watched object has ended, with the byte before the offset `at`.
    fn end(&mut self, _tag: T, _at: u64) {}
}
