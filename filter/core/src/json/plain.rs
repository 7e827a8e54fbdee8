//! How far a string goes on without a byte that means something.

/// How many bytes are looked at together once a string is long: words whose marks the compiler looks
/// for with vector instructions.
const BLOCK: usize = 32;

/// How many bytes of a string are looked at eight by eight; most strings end, or have an escape, sooner.
const SHORT: usize = 64;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// How many bytes `bytes` begins with that are neither a quote, a backslash, nor a control character.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    bytes.len() - behind_plain(bytes).len()
}

/// What is left of `bytes` behind those.
#[expect(clippy::inline_always, reason = "each escape of a string leads here")]
#[inline(always)]
pub(super) fn behind_plain(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((near, after)) = rest.split_first_chunk::<SHORT>() {
        let (words, _) = near.as_chunks::<8>();
        for (at, word) in words.iter().enumerate() {
            let marks = marks(u64::from_le_bytes(*word));
            if marks != 0 {
                return rest.get(at * 8 + first(marks)..).unwrap_or_default();
            }
        }
        rest = behind_plain_blocks(after);
    }
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return rest.get(first(marks)..).unwrap_or_default();
        }
        rest = after;
    }
    let tail = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
    rest.get(tail..).unwrap_or_default()
}

/// How many of the eight bytes are before the first of meaning.
#[inline]
pub(super) const fn plain_in_word(word: [u8; 8]) -> usize {
    first(marks(u64::from_le_bytes(word)))
}

/// Where the first quote or backslash is.
pub(super) fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    for _ in 0..SHORT / 8 {
        let Some((word, after)) = rest.split_first_chunk::<8>() else { break };
        let word = u64::from_le_bytes(*word);
        let marks = (equal(word, b'"') | equal(word, b'\\')) & !word & HIGH;
        if marks != 0 {
            return Some(bytes.len() - rest.len() + first(marks));
        }
        rest = after;
    }
    Some(bytes.len() - rest.len() + memchr::memchr2(b'"', b'\\', rest)?)
}

/// What is left behind all blocks that hold no byte of meaning.
#[inline(never)]
fn behind_plain_blocks(mut rest: &[u8]) -> &[u8] {
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let (words, _) = block.as_chunks::<8>();
        if words.iter().fold(0, |seen, word| seen | marks(u64::from_le_bytes(*word))) != 0 {
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
    let low = (word ^ (ONES * (b'"' ^ 0x20) as u64)).wrapping_sub(ONES * 0x21);
    (low | equal(word, b'\\')) & !word & HIGH
}

/// The high bit of each ASCII byte that is `byte`, likewise; of others, and other bits, it says nothing.
const fn equal(word: u64, byte: u8) -> u64 {
    (word ^ (ONES * byte as u64)).wrapping_sub(ONES)
}

/// Which byte the first mark is of; 8 without one.
const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
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
            if let Some(word) = bytes.first_chunk() {
                assert_eq!(plain_in_word(*word), first.map_or(8, |at| at.min(8)), "{bytes:?}");
            }
            let first = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            assert_eq!(quote_or_backslash(&bytes), first, "{bytes:?}");
        }
    }

    #[test]
    fn every_byte_is_taken_for_what_it_is_at_every_place() {
        for length in 0..=80 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let special = is_special(byte);
                    assert_eq!(plain_prefix(&bytes), if special { at } else { length });
                    let ends = matches!(byte, b'"' | b'\\');
                    assert_eq!(quote_or_backslash(&bytes), ends.then_some(at));
                }
            }
        }
    }
}
