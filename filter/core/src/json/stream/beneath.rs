//! Objects and lists of no interest, where such are trusted: only their brackets are looked at.

use super::input::{Escape, Input};
use super::{Stream, Visit, Within};
use crate::json::Container;
use crate::json::blocks::{BLOCK, Escapes, Strings};

impl<T: Copy> Stream<T> {
    /// What is of no interest and trusted, up to the end of the outermost of its objects and lists; `text`:
    /// from within a string on.
    pub(super) fn beneath(&mut self, text: bool, input: &mut Input<'_>, visit: &mut impl Visit<T>) {
        let mut strings = Strings::new(text);
        let mut escapes = Escapes::new(self.escape == Escape::Begun);
        while let Some((block, length)) = input.block() {
            let covered = escapes.mark(block.equal(b'\\'), length);
            let within = strings.mark(block.equal(b'"') & !covered);
            let mut brackets = block.brackets() & !within;
            while brackets != 0 {
                let place = brackets.trailing_zeros() as usize;
                brackets &= brackets - 1;
                let fits = match input.ahead(place) {
                    byte @ (b'{' | b'[') => self.push(Container::of(byte)),
                    byte => self.pop(Container::of(byte)),
                };
                if !fits {
                    self.within = Within::Malformed;
                    return;
                }
                if self.open.depth() == self.path.len() {
                    input.pass(place + 1);
                    self.escape = Escape::None;
                    return self.behind(input, visit);
                }
            }
            input.pass(length);
            if length < BLOCK {
                // Behind the bytes of the chunk there are none of the string's.
                self.within = Within::Beneath { text: within >> (length - 1) & 1 == 1 };
                self.escape = if escapes.is_escaped() { Escape::Begun } else { Escape::None };
                return;
            }
        }
        self.within = Within::Beneath { text: strings.is_within() };
        self.escape = if escapes.is_escaped() { Escape::Begun } else { Escape::None };
    }
}
