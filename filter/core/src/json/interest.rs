//! What a reader reports of a document, and to whom: both [`Scan`](super::Scan), which has all of the
//! text, and [`Stream`](super::Stream), which gets it in chunks, are driven by the same tables.

use crate::json::Container;

/// The longest key that can be one of interest, in bytes of JSON.
pub(super) const KEY_LIMIT: usize = 1024;

/// What is of interest in a value, wherever in a document that stands.
#[derive(Debug)]
pub struct Interest<T: 'static> {
    /// Names a string, a number or a literal that stands here.
    pub leaf: Option<T>,
    /// Names an object that stands here: its begin, its keys and its end are reported.
    pub object: Option<T>,
    /// Names an object that stands here and is reported as a leaf, with its whole text.
    pub whole: Option<T>,
    /// The members of an object that stands here, by their decoded keys.
    pub members: &'static [(&'static str, Self)],
    /// Each element of a list that stands here.
    pub elements: Option<&'static Self>,
}

impl<T: 'static> Interest<T> {
    /// Nothing is; the rest of a table's row.
    pub const NONE: Self =
        Self { leaf: None, object: None, whole: None, members: &[], elements: None };

    /// Whether anything in an object or a list that stands here may be of interest.
    pub(super) fn sees(&self, container: Container) -> bool {
        match container {
            Container::Object => self.object.is_some() || !self.members.is_empty(),
            Container::List => self.elements.is_some(),
        }
    }

    /// What is of interest in a member of an object that stands here.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&'static Self> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, interest)| interest)
    }
}

/// A value of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<'r, T> {
    /// What the table calls it.
    pub tag: T,
    /// The JSON text of a string, a number or a literal, which is valid; or of an object, of which that is
    /// said as far as what is skipped is checked.
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

/// Receives what is of interest, in the order of the document.
pub trait Visit<T> {
    /// A string, a number or a literal, or an object whose text is of interest. Another object or a list in
    /// its place is not reported.
    fn leaf(&mut self, leaf: Leaf<'_, T>);

    /// A leaf that is over the limit; only of a text in chunks.
    fn oversized(&mut self, _tag: T) {}

    /// A watched object begins.
    fn begin(&mut self, _tag: T) {}

    /// A key of a watched object, decoded; `None` for one that is over 1024 bytes of JSON.
    fn key(&mut self, _object: T, _key: Option<&str>) {}

    /// A watched object has ended, with the byte before the offset `at`.
    fn end(&mut self, _tag: T, _at: u64) {}
}

/// Receives nothing: for a table that watches nothing, where only the end of a document matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwatched;

impl<T> Visit<T> for Unwatched {
    fn leaf(&mut self, _: Leaf<'_, T>) {}
}

/// What becomes of a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It stays.
    Keep,
    /// This JSON text takes its place.
    Replace(Vec<u8>),
    /// That depends on what follows in the innermost watched object around it: it waits.
    Wait,
    /// It stays, and those that wait in the innermost watched object can be settled now.
    Settle,
}

/// Decides what changes in a document; it receives what a [`Visit`] does.
pub(crate) trait Edit<T> {
    /// A string, a number or a literal.
    fn leaf(&mut self, leaf: Leaf<'_, T>) -> Decision;

    /// What becomes of a leaf that waited, in the order of the document. It may wait on, up to the end
    /// of its object.
    fn settle(&mut self, _leaf: Leaf<'_, T>) -> Decision {
        Decision::Keep
    }

    /// A leaf that is over the limit: it stays.
    fn oversized(&mut self, _tag: T) {}

    /// A watched object begins.
    fn begin(&mut self, _tag: T) {}

    /// A key of a watched object; see [`Visit::key`].
    fn key(&mut self, _object: T, _key: Option<&str>) {}

    /// Whether leaves that wait in a watched object are settled as that ends, before [`Self::end`].
    fn settles(&self, _tag: T) -> bool {
        false
    }

    /// A watched object has ended; what to add as its last members, with the comma that parts these from
    /// those before, if there are any.
    fn end(&mut self, _tag: T) -> Option<Vec<u8>> {
        None
    }
}
