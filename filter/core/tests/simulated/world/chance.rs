//! Pseudo-random choices: the same for the same seed, so that a failure can be run again.

use std::ops::Range;

/// Marsaglia's xorshift64.
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Different seeds give different sequences.
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            chance.next();
        }
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.next() >> 8) % end as u64).unwrap()
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Any byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[2]
    }

    /// Consecutive pieces of `length` bytes: one, many, single bytes; some of them empty.
    pub(crate) fn pieces(&mut self, length: usize) -> Vec<Range<usize>> {
        let longest = match self.below(4) {
            0 => length,
            1 => 1 + length / 400,
            2 => 1 + length / 10,
            _ => 1 + length / 3,
        };
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < length {
            let end = length.min(at + self.below(longest + 1));
            pieces.push(at..end);
            at = end;
        }
        if self.one_in(3) {
            pieces.push(length..length);
        }
        pieces
    }
}
