//! How far a string goes on without a byte that means something.

/// How many bytes are looked at together once a string is long.
const BLOCK: usize = 32;

/// How many bytes of a string are looked at eight by eight; most strings end sooner.
const SHORT: usize = 64;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// How many bytes `bytes` begins with that are neither a quote, a backslash, nor a control character.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut blocks = SHORT / 8;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8;
        }
        rest = after;
        blocks -= 1;
        if blocks == 0 {
            rest = long(rest);
            blocks = SHORT / 8;
        }
    }
    let tail = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + tail
}

/// What is left behind all blocks that hold no byte of meaning: one loop over a fixed number of
/// bytes, which the compiler makes vector instructions of.
fn long(mut rest: &[u8]) -> &[u8] {
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let special = block.iter().fold(0, |seen, byte| seen | u8::from(is_special(*byte)));
        if special != 0 {
            break;
        }
        rest = after;
    }
    rest
}

const fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// The high bit of each byte that is special; exact up to the first one, which is all that counts.
const fn marks(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let equal = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (equal | control) & HIGH
}
