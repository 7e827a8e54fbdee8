//! One chunk of a document, and the tight loops over it.

use std::borrow::Cow;

use crate::json::blocks::{Block, Checked, Ends, checked_end, string_end};

/// Where a string is within an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    /// Behind the backslash.
    Begun,
    /// So many hexadecimal digits are to come.
    Hex(u8),
}

/// What a chunk has of the rest of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// It goes on behind the chunk.
    Open,
    /// It ends in it.
    Closed,
    /// It is no JSON, as the next byte shows.
    Invalid,
}

/// A chunk that is read.
pub(super) struct Input<'c> {
    chunk: &'c [u8],
    at: usize,
    /// Where the key or value that is read now began; 0 if that was in an earlier chunk.
    mark: usize,
}

impl<'c> Input<'c> {
    pub(super) fn new(chunk: &'c [u8]) -> Self {
        Self { chunk, at: 0, mark: 0 }
    }

    /// How many bytes are behind.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.chunk.get(self.at).copied()
    }

    /// Passes one byte.
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Notes that something begins here.
    pub(super) fn mark(&mut self) {
        self.mark = self.at;
    }

    /// What was read since then, behind what earlier chunks had of it.
    pub(super) fn marked(&self, earlier: &[u8]) -> Cow<'c, [u8]> {
        let now = self.chunk.get(self.mark..self.at).unwrap_or_default();
        if earlier.is_empty() { Cow::Borrowed(now) } else { Cow::Owned([earlier, now].concat()) }
    }

    /// What was read since the byte `from`.
    pub(super) fn since(&self, from: usize) -> &'c [u8] {
        self.chunk.get(from..self.at).unwrap_or_default()
    }

    fn rest(&self) -> &'c [u8] {
        self.chunk.get(self.at..).unwrap_or_default()
    }

    /// The next block, and how many of its bytes the chunk has; `None` at its end.
    pub(super) fn block(&self) -> Option<(Block, usize)> {
        let rest = self.rest();
        (!rest.is_empty()).then(|| Block::first(rest))
    }

    /// The byte so many places ahead.
    pub(super) fn ahead(&self, places: usize) -> u8 {
        self.chunk.get(self.at + places).copied().unwrap_or_default()
    }

    /// Passes so many bytes.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Passes the rest of a string, whatever it says, up to its quote; `false` if the chunk ends before
    /// that.
    pub(super) fn skip_text(&mut self, escape: &mut Escape) -> bool {
        match string_end(self.rest(), *escape == Escape::Begun) {
            Ends::At(place) => {
                self.at += place + 1;
                *escape = Escape::None;
                true
            }
            Ends::Behind(is_escaped) => {
                self.at = self.chunk.len();
                *escape = if is_escaped { Escape::Begun } else { Escape::None };
                false
            }
        }
    }

    /// Passes the rest of a string, up to its quote, and checks it.
    pub(super) fn check_text(&mut self, escape: &mut Escape) -> Text {
        loop {
            if *escape == Escape::None {
                match checked_end(self.rest()) {
                    Checked::Ends(place, _) => {
                        self.at += place + 1;
                        return Text::Closed;
                    }
                    Checked::Invalid(place) => {
                        self.at += place;
                        return Text::Invalid;
                    }
                    Checked::GoesOn => {
                        self.at = self.chunk.len();
                        return Text::Open;
                    }
                    Checked::Escape(place) => self.at += place,
                }
            }
            let Some(byte) = self.peek() else { return Text::Open };
            *escape = match (*escape, byte) {
                (Escape::None, b'\\') => Escape::Begun,
                (Escape::Begun, b'u') => Escape::Hex(4),
                (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                    Escape::None
                }
                (Escape::Hex(1), _) if byte.is_ascii_hexdigit() => Escape::None,
                (Escape::Hex(left), _) if byte.is_ascii_hexdigit() => Escape::Hex(left - 1),
                _ => return Text::Invalid,
            };
            self.at += 1;
        }
    }

    /// Passes a number or a literal, whatever it says; `false` if the chunk ends before it does.
    pub(super) fn skip_scalar(&mut self) -> bool {
        let ends =
            |byte: &u8| !matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E');
        let length = self.rest().iter().position(ends);
        self.at = length.map_or(self.chunk.len(), |length| self.at + length);
        length.is_some()
    }
}
