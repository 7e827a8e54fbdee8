//! Sixty-four bytes of JSON at a time, as bit masks: the lowest bit is the first byte's.
//!
//! What a string costs does not depend on how many escapes are in it: which bytes are escaped is worked out for
//! a whole block by adding its backslashes up, after an idea of "Parsing Gigabytes of JSON per Second"
//! (Langdale and Lemire, 2019).

use wide::u8x16;

use super::words::{first, quotes_and_backslashes, specials};

/// How many bytes there are to a block.
pub(super) const BLOCK: usize = 64;

/// How many words of a string are looked at one by one: most strings, keys above all, are this short.
const NEAR: usize = 4;

/// A block of bytes.
#[derive(Clone, Copy)]
pub(super) struct Block([u8x16; 4]);

impl Block {
    /// The first block of `bytes`, behind which spaces stand in for what is missing; and its length.
    pub(super) fn first(bytes: &[u8]) -> (Self, usize) {
        if let Some(block) = bytes.first_chunk() {
            return (Self::new(block), BLOCK);
        }
        let mut block = [b' '; BLOCK];
        let length = bytes.len().min(BLOCK);
        if let (Some(to), Some(from)) = (block.get_mut(..length), bytes.get(..length)) {
            to.copy_from_slice(from);
        }
        (Self::new(&block), length)
    }

    fn new(bytes: &[u8; BLOCK]) -> Self {
        let (lanes, _) = bytes.as_chunks::<16>();
        let lane = |at: usize| u8x16::new(lanes.get(at).copied().unwrap_or_default());
        Self([lane(0), lane(1), lane(2), lane(3)])
    }

    /// Which bytes are `byte`.
    pub(super) fn equal(&self, byte: u8) -> u64 {
        self.marks(|lane| lane.simd_eq(u8x16::splat(byte)))
    }

    /// Which bytes are curly or square brackets.
    pub(super) fn brackets(&self) -> u64 {
        self.marks(|lane| {
            // In ASCII both opening brackets differ by this bit, and so do both closing ones.
            let folded = lane | u8x16::splat(0x20);
            folded.simd_eq(u8x16::splat(b'{')) | folded.simd_eq(u8x16::splat(b'}'))
        })
    }

    /// Which bytes are control characters.
    pub(super) fn controls(&self) -> u64 {
        let last = u8x16::splat(0x1f);
        self.marks(|lane| lane.min(last).simd_eq(lane))
    }

    fn marks(&self, mark: impl Fn(u8x16) -> u8x16) -> u64 {
        let [a, b, c, d] = self.0.map(|lane| u64::from(mark(lane).to_bitmask()));
        a | b << 16 | c << 32 | d << 48
    }
}

/// Which bytes are behind a backslash that counts, from block to block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Escapes {
    /// 1 if the first byte of the next block is.
    carry: u64,
}

impl Escapes {
    pub(super) fn new(is_escaped: bool) -> Self {
        Self { carry: u64::from(is_escaped) }
    }

    /// Whether the byte behind the last block is.
    pub(super) fn is_escaped(self) -> bool {
        self.carry != 0
    }

    /// Which bytes of a block of this length are, by its backslashes.
    pub(super) fn mark(&mut self, backslashes: u64, length: usize) -> u64 {
        /// Every other byte, from the first on.
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let mut escaped = self.carry;
        let mut over = false;
        if backslashes & !self.carry != 0 {
            let backslashes = backslashes & !self.carry;
            let behind = backslashes << 1 | self.carry;
            // A run of backslashes that begins at an odd place ends, when it is added up, where one that begins
            // at an even place does not.
            let odd = backslashes & !EVEN & !behind;
            let (sum, overflows) = odd.overflowing_add(backslashes);
            over = overflows;
            escaped = (EVEN ^ sum << 1) & behind;
        }
        self.carry = if length < BLOCK { escaped >> length & 1 } else { u64::from(over) };
        escaped
    }
}

/// Which bytes are in a string, or begin one, from block to block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strings {
    /// All ones if the first byte of the next block is.
    carry: u64,
}

impl Strings {
    pub(super) fn new(is_within: bool) -> Self {
        Self { carry: if is_within { u64::MAX } else { 0 } }
    }

    /// Whether the byte behind the last block is in one.
    pub(super) fn is_within(self) -> bool {
        self.carry != 0
    }

    /// Which bytes of a block are, by the quotes that begin or end one.
    pub(super) fn mark(&mut self, quotes: u64) -> u64 {
        let mut within = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            within ^= within << shift;
        }
        within ^= self.carry;
        self.carry = if within >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        within
    }
}

/// How a string goes on in some bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Its quote is at this place.
    At(usize),
    /// Behind these bytes; whether the next byte is escaped.
    Behind(bool),
}

/// How many bytes there are before the first that is marked, as far as the near words show.
#[inline]
fn near(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().take(NEAR).enumerate() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at * 8 + first(marks);
        }
    }
    8 * words.len().min(NEAR)
}

/// Where a string ends, whatever it says; `is_escaped`: whether its first byte is escaped.
pub(super) fn string_end(bytes: &[u8], is_escaped: bool) -> Ends {
    let mut at = 0;
    if !is_escaped {
        at = near(bytes, quotes_and_backslashes);
        if bytes.get(at) == Some(&b'"') {
            return Ends::At(at);
        }
    }
    let mut escapes = Escapes::new(is_escaped);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (block, length) = Block::first(rest);
        let ends = block.equal(b'"') & !escapes.mark(block.equal(b'\\'), length);
        if ends != 0 {
            return Ends::At(at + ends.trailing_zeros() as usize);
        }
        at += length;
    }
    Ends::Behind(escapes.is_escaped())
}

/// How a string that is checked goes on in some bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// Its quote is at this place; whether there are escapes before it.
    Ends(usize, bool),
    /// It is no JSON, as the byte at this place shows.
    Invalid(usize),
    /// It goes on behind these bytes, the last of which, from this place on, begin an escape.
    Escape(usize),
    /// It goes on behind these bytes.
    GoesOn,
}

/// Where a string ends, and whether it is JSON up to there. It begins with these bytes, or outside an escape.
pub(super) fn checked_end(bytes: &[u8]) -> Checked {
    let mut has_escapes = false;
    let mut at = near(bytes, specials);
    match bytes.get(at) {
        Some(b'"') => return Checked::Ends(at, false),
        Some(0..0x20) => return Checked::Invalid(at),
        _ => {}
    }
    let mut escapes = Escapes::default();
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (block, length) = Block::first(rest);
        let covered = escapes.mark(block.equal(b'\\'), length);
        let stops = block.equal(b'"') & !covered | block.controls();
        // The place of the first, or 64.
        let stop = stops.trailing_zeros() as usize;
        let mut before = if stop < BLOCK { covered & ((1 << stop) - 1) } else { covered };
        has_escapes |= before != 0;
        while before != 0 {
            let place = at + before.trailing_zeros() as usize;
            match escape(bytes.get(place..).unwrap_or_default()) {
                Escaped::Valid => {}
                Escaped::Invalid(byte) => return Checked::Invalid(place + byte),
                Escaped::Begun => return Checked::Escape(place.saturating_sub(1)),
            }
            before &= before - 1;
        }
        if stop < BLOCK {
            let place = at + stop;
            let is_quote = bytes.get(place) == Some(&b'"');
            return if is_quote {
                Checked::Ends(place, has_escapes)
            } else {
                Checked::Invalid(place)
            };
        }
        at += length;
    }
    if escapes.is_escaped() {
        return Checked::Escape(bytes.len().saturating_sub(1));
    }
    Checked::GoesOn
}

/// What follows a backslash.
enum Escaped {
    Valid,
    /// This byte of it is wrong.
    Invalid(usize),
    /// There is more to come.
    Begun,
}

fn escape(behind: &[u8]) -> Escaped {
    match behind {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Escaped::Valid,
        [b'u', digits @ ..] => {
            let digits = digits.get(..4).unwrap_or(digits);
            match digits.iter().position(|digit| !digit.is_ascii_hexdigit()) {
                Some(at) => Escaped::Invalid(1 + at),
                None if digits.len() < 4 => Escaped::Begun,
                None => Escaped::Valid,
            }
        }
        [] => Escaped::Begun,
        _ => Escaped::Invalid(0),
    }
}

#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod twin;
