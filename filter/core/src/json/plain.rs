//! How far a string goes on without a byte that means something.

/// How many bytes are looked at together once a string is long.
const BLOCK: usize = 32;

/// How many bytes of a string are looked at eight by eight; most strings end, or have an escape, sooner.
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

/// Where the first quote or backslash is.
pub(super) fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    for _ in 0..SHORT / 8 {
        let Some((word, after)) = rest.split_first_chunk::<8>() else { break };
        let word = u64::from_le_bytes(*word);
        let marks = (equal(word, b'"') | equal(word, b'\\')) & HIGH;
        if marks != 0 {
            return Some(bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8);
        }
        rest = after;
    }
    Some(bytes.len() - rest.len() + memchr::memchr2(b'"', b'\\', rest)?)
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
    // With this bit turned over, a quote comes right behind the control characters.
    let turned = word ^ (ONES * (b'"' ^ 0x20) as u64);
    let low = turned.wrapping_sub(ONES * 0x21) & !turned;
    (low | equal(word, b'\\')) & HIGH
}

/// The high bit of each byte that is `byte`, likewise; other bits say nothing.
const fn equal(word: u64, byte: u8) -> u64 {
    let rest = word ^ (ONES * byte as u64);
    rest.wrapping_sub(ONES) & !rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    #[test]
    fn the_first_byte_of_meaning_is_found_wherever_it_is() {
        let mut chance = Chance::new(1);
        let others = [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff];
        for round in 0..20_000 {
            let length = chance.below(if round % 10 == 0 { 300 } else { 40 });
            let mut bytes: Vec<u8> = (0..length).map(|_| chance.pick(&others)).collect();
            for _ in 0..chance.below(3) {
                let at = chance.below(length + 1);
                bytes.insert(at.min(bytes.len()), chance.pick(b"\"\\\0\x1f\n"));
            }
            let first = bytes.iter().position(|byte| is_special(*byte));
            assert_eq!(plain_prefix(&bytes), first.unwrap_or(bytes.len()), "{bytes:?}");
            let first = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            assert_eq!(quote_or_backslash(&bytes), first, "{bytes:?}");
        }
    }
}
