//! Walks through a JSON object as its bytes arrive, in chunks of any size, without holding it.
//!
//! A static table of [`Interest`]s says what is worth telling: members by their keys, the elements
//! of lists, and for each whether a plain value that stands there is told (a *leaf*) or the begin,
//! the keys and the end of an object. Everything else is skipped, at the speed of a search for the
//! next quote. `tests/example.rs` has an example.
//!
//! Promises: the same is told however the bytes are cut; exactly what a parser would find, if the
//! document is JSON. Of what is skipped, only strings are told apart and brackets matched, so a
//! document that is no JSON may go unnoticed; if it is noticed, it is [`State::Malformed`], and
//! nothing more is told. Time is linear, and memory bounded: one leaf of at most the limit, one key,
//! and a bit for each level of depth, of which there may be a million.

mod editor;
mod input;
mod structure;
#[cfg(test)]
mod tests;

use crate::json::{BracketStack, Interest, Leaf, Visit};
use input::Input;

pub use editor::Editor;

/// How far a document has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It goes on.
    Open,
    /// It has ended: the offset behind its last byte, counted from the first that was fed.
    Ended(u64),
    /// It is no JSON object.
    Malformed,
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
    /// A key, which is collected.
    KeyText,
    /// A string or a number that is of interest, which is collected, or of none.
    Text {
        leaf: bool,
    },
    Scalar {
        leaf: bool,
    },
    /// An object or list of no interest, and a string in it.
    Beneath,
    BeneathText,
    Ended,
    Malformed,
}

/// Follows one document.
#[derive(Debug)]
pub struct Stream<T: 'static> {
    limit: usize,
    within: Within,
    /// Whether the last chunk ended with a backslash that escapes the next byte.
    escaped: bool,
    /// All objects and lists that are open.
    open: BracketStack,
    /// Those at the top of them in which something may be of interest.
    path: Vec<&'static Interest<T>>,
    /// What the value that comes, or is read now, may be.
    next: Option<&'static Interest<T>>,
    /// What earlier chunks had of the key or leaf that is read now.
    collected: Vec<u8>,
    /// Whether the key that is read now is too long to be of interest.
    long: bool,
    /// How many bytes were fed.
    offset: u64,
    ended: u64,
}

impl<T: Copy> Stream<T> {
    /// A stream for a new document. A leaf over `limit` bytes of JSON is not told.
    #[must_use]
    pub fn new(table: &'static Interest<T>, limit: usize) -> Self {
        Self {
            limit,
            within: Within::Lead,
            escaped: false,
            open: BracketStack::default(),
            path: Vec::new(),
            next: Some(table),
            collected: Vec::new(),
            long: false,
            offset: 0,
            ended: 0,
        }
    }

    /// How far the document has come.
    #[must_use]
    pub fn state(&self) -> State {
        match self.within {
            Within::Ended => State::Ended(self.ended),
            Within::Malformed => State::Malformed,
            _ => State::Open,
        }
    }

    /// How many bytes were fed, those behind the document's end included.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the leaf that the last chunk has broken off, if one is read.
    #[must_use]
    pub fn unfinished(&self) -> Option<u64> {
        let leaf =
            matches!(self.within, Within::Text { leaf: true } | Within::Scalar { leaf: true });
        leaf.then(|| self.offset.saturating_sub(self.collected.len() as u64))
    }

    /// How many bytes of memory are taken up by what was read of a document.
    #[must_use]
    pub fn held(&self) -> usize {
        self.collected.capacity() + self.open.held()
    }

    /// Takes the next bytes. What is behind the document's end is only counted.
    pub fn feed(&mut self, chunk: &[u8], visit: &mut impl Visit<T>) -> State {
        let mut input = Input::new(chunk);
        while let Some(byte) = input.peek() {
            match self.within {
                Within::Ended | Within::Malformed => break,
                Within::Beneath => self.beneath(&mut input),
                Within::BeneathText => {
                    if input.skip_text(&mut self.escaped) {
                        self.within = Within::Beneath;
                    }
                }
                Within::KeyText => self.key_text(&mut input, visit),
                Within::Text { leaf } => {
                    if input.skip_text(&mut self.escaped) {
                        self.ends(leaf, &input, visit);
                    }
                }
                Within::Scalar { leaf } => {
                    if input.skip_scalar() {
                        self.ends(leaf, &input, visit);
                    }
                }
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => input.skip(),
                _ => self.structure(byte, &mut input, visit),
            }
        }
        self.keep(&input, visit);
        self.offset += chunk.len() as u64;
        self.state()
    }
}
