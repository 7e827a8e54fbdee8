//! Eight bytes of a string at a time, as a word with a mark in each byte of meaning.
//!
//! Marks are exact up to the first one, which is all that counts.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// How many of the eight bytes are before the first that is a quote, a backslash, or a control character.
#[inline]
pub(super) const fn plain_in_word(word: [u8; 8]) -> usize {
    first(specials(u64::from_le_bytes(word)))
}

/// Marks quotes, backslashes and control characters.
pub(super) const fn specials(word: u64) -> u64 {
    // With this bit turned over, a quote comes right behind the control characters.
    let low = (word ^ (ONES * (b'"' ^ 0x20) as u64)).wrapping_sub(ONES * 0x21);
    (low | equal(word, b'\\')) & !word & HIGH
}

/// The high bit of each ASCII byte that is `byte`, likewise; of others, and other bits, it says nothing.
const fn equal(word: u64, byte: u8) -> u64 {
    (word ^ (ONES * byte as u64)).wrapping_sub(ONES)
}

/// Marks quotes and backslashes.
pub(super) const fn quotes_and_backslashes(word: u64) -> u64 {
    (equal(word, b'"') | equal(word, b'\\')) & !word & HIGH
}

/// Which byte the first mark is of; 8 without one.
pub(super) const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_taken_for_what_it_is_at_every_place() {
        for at in 0..8 {
            for byte in 0..=u8::MAX {
                for others in [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                    let mut word = [others; 8];
                    word[at] = byte;
                    let special = byte == b'"' || byte == b'\\' || byte < 0x20;
                    assert_eq!(plain_in_word(word), if special { at } else { 8 }, "{word:?}");
                }
            }
        }
    }
}
