//! Reads a JSON object as its bytes arrive, in chunks of any size, without holding it.
//!
//! A static table of [`Interest`]s says what to report: members by their keys, the elements
//! of lists, and for each whether a plain value that stands there is reported (a *leaf*) or the begin,
//! the keys and the end of an object. Everything else is skipped. `tests/example.rs` has an example.
//!
//! Promises: the same is reported however the bytes are cut; exactly what a parser would find, if the
//! document is JSON. If it is none, and that is noticed, the stream is [`Status::Malformed`] and nothing
//! more is reported. How much is noticed is a choice, [`Skipping`]. Time is linear, and memory bounded:
//! one leaf of at most the limit, one key, and a bit for each level of depth, of which there may be a
//! million.

mod beneath;
mod editor;
mod input;
mod structure;
#[cfg(test)]
mod tests;
mod whole;

use crate::json::characters::Characters;
use crate::json::scalar::Scalar;
use crate::json::{BracketStack, Interest, Leaf, Visit};
use input::{Escape, Input};
use whole::Whole;

pub(crate) use editor::Editor;

/// How far a document has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It goes on.
    Open,
    /// It has ended: the offset behind its last byte, counted from the first that was fed.
    Ended(u64),
    /// It is no JSON object.
    Malformed,
}

/// What is noticed of a document in the parts that the table does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipping {
    /// Strings are told apart and brackets matched, at the speed of a search for the next quote: enough
    /// where whoever reads the document will see that it is no JSON.
    Trusting,
    /// Everything: what is taken is what [`Raw::read`](super::Raw::read) takes. What follows the document
    /// belongs to it, too, and may only be white space.
    Strict,
}

/// What the next byte is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// Before the document.
    Lead,
    /// Before a key; right behind the bracket, the object may end instead.
    Key {
        first: bool,
    },
    /// Between a key and its value.
    Colon,
    /// Before a value; right behind the bracket, the list may end instead.
    Value {
        first: bool,
    },
    /// Behind a value.
    After,
    /// A key, which is collected if its object is of interest.
    KeyText {
        collected: bool,
    },
    /// A string or a number: whether it is of interest, and collected, and whether it is checked.
    Text {
        leaf: bool,
        checked: bool,
    },
    Scalar {
        leaf: bool,
        checked: bool,
    },
    /// An object or list of no interest, where such are trusted, and whether a string in it.
    Beneath {
        text: bool,
    },
    Ended,
    Malformed,
}

/// Follows one document.
#[derive(Debug)]
pub(crate) struct Stream<T: 'static> {
    limit: usize,
    /// `None` where what is skipped is trusted.
    characters: Option<Characters>,
    within: Within,
    /// Where a string is within an escape.
    escape: Escape,
    /// How far a number or a literal is that is checked.
    scalar: Option<Scalar>,
    /// All objects and lists that are open.
    open: BracketStack,
    /// The outermost of them, in which something may be of interest.
    path: Vec<&'static Interest<T>>,
    /// What the value that comes, or is read now, may be.
    next: Option<&'static Interest<T>>,
    /// What earlier chunks had of the key or leaf that is read now.
    collected: Vec<u8>,
    /// The object that is read now and reported as a leaf.
    whole: Option<Box<Whole<T>>>,
    /// Whether the key that is read now is too long to be of interest.
    long: bool,
    /// How many bytes were fed.
    offset: u64,
    ended: u64,
}

impl<T: Copy> Stream<T> {
    /// A reader of a new document: an object, or, if the table watches nothing at all, a list. A leaf
    /// over `limit` bytes of JSON is not reported.
    #[must_use]
    pub(crate) fn new(table: &'static Interest<T>, limit: usize, skipping: Skipping) -> Self {
        Self {
            limit,
            characters: (skipping == Skipping::Strict).then(Characters::default),
            within: Within::Lead,
            escape: Escape::None,
            scalar: None,
            open: BracketStack::default(),
            path: Vec::new(),
            next: Some(table),
            collected: Vec::new(),
            whole: None,
            long: false,
            offset: 0,
            ended: 0,
        }
    }

    /// How far the document has come.
    #[must_use]
    pub(crate) fn status(&self) -> Status {
        match self.within {
            Within::Ended => Status::Ended(self.ended),
            Within::Malformed => Status::Malformed,
            _ => Status::Open,
        }
    }

    /// How many bytes were fed, those behind the document's end included.
    #[must_use]
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the leaf that the last chunk has broken off, if one is read.
    #[must_use]
    pub(crate) fn unfinished(&self) -> Option<u64> {
        let leaf = matches!(
            self.within,
            Within::Text { leaf: true, .. } | Within::Scalar { leaf: true, .. }
        );
        let whole = self.whole.as_ref().map(|whole| whole.at);
        whole.or_else(|| leaf.then(|| self.offset.saturating_sub(self.collected.len() as u64)))
    }

    /// How many bytes of memory are taken up by what was read of a document.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        let characters = self.characters.as_ref().map_or(0, Characters::held);
        let whole = self.whole.as_ref().map_or(0, |whole| whole.collected.capacity());
        self.collected.capacity() + whole + self.open.held() + characters
    }

    /// Takes the next bytes. What is behind the document's end is only counted, where it is trusted.
    pub(crate) fn feed(&mut self, chunk: &[u8], visit: &mut impl Visit<T>) -> Status {
        let valid = self.characters.as_mut().map_or(chunk.len(), |it| it.valid(chunk));
        let mut input = Input::new(chunk.get(..valid).unwrap_or(chunk));
        self.read(&mut input, visit);
        self.keep(&input, visit);
        if valid < chunk.len() {
            self.within = Within::Malformed;
        }
        self.offset += chunk.len() as u64;
        self.status()
    }

    fn read(&mut self, input: &mut Input<'_>, visit: &mut impl Visit<T>) {
        while let Some(byte) = input.peek() {
            match self.within {
                Within::Malformed => break,
                Within::Ended if self.characters.is_none() => break,
                Within::Beneath { text } => self.beneath(text, input, visit),
                Within::KeyText { collected } => self.key_text(collected, input, visit),
                Within::Text { leaf, checked } => self.text((leaf, checked), input, visit),
                Within::Scalar { leaf, checked } => self.scalar((leaf, checked), input, visit),
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => input.skip(),
                _ => self.structure(byte, input, visit),
            }
        }
    }
}
