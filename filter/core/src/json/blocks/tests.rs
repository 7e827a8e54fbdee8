//! The masks against a reader that looks at one byte after the other.

use super::twin::{plain_checked, plain_end};
use super::*;
use crate::chance::Chance;

/// Texts in which what matters is frequent, at all places of a block.
fn texts(rounds: usize, seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut chance = Chance::new(seed);
    (0..rounds).map(move |round| {
        let length = chance.below(if round % 4 == 0 { 300 } else { 90 });
        let dense = chance.below(40) + 1;
        let others = [b'a', b'u', b'0', b' ', 0x7f, 0x80, 0xff, b'Z', b'|', b';'];
        let marks = b"\"\\\\\\nt\"{}[]\0\x1f\n";
        let byte =
            |_| if chance.below(dense) == 0 { chance.pick(marks) } else { chance.pick(&others) };
        (0..length).map(byte).collect()
    })
}

#[test]
fn the_end_of_a_string_is_found_however_many_escapes_there_are() {
    for text in texts(40_000, 1) {
        for is_escaped in [false, true] {
            assert_eq!(string_end(&text, is_escaped), plain_end(&text, is_escaped), "{text:?}");
        }
    }
}

#[test]
fn what_is_no_json_in_a_string_is_found() {
    for text in texts(40_000, 2) {
        assert_eq!(checked_end(&text), plain_checked(&text), "{text:?}");
    }
    let valid = br#"a\n\"\\\u00e9\/"#.repeat(40);
    assert_eq!(checked_end(&valid), Checked::GoesOn);
    for length in 0..valid.len() {
        let cut = &valid[..length];
        assert_eq!(checked_end(cut), plain_checked(cut), "{length}");
    }
}

#[test]
fn each_kind_of_byte_is_marked() {
    for byte in 0..=u8::MAX {
        for place in [0, 1, 15, 16, 31, 63] {
            let mut bytes = [b'a'; BLOCK];
            bytes[place] = byte;
            let (block, length) = Block::first(&bytes);
            assert_eq!(length, BLOCK);
            let mark = |is: bool| if is { 1 << place } else { 0 };
            assert_eq!(block.controls(), mark(byte < 0x20), "{byte}");
            assert_eq!(block.brackets(), mark(b"[]{}".contains(&byte)), "{byte}");
            assert_eq!(block.equal(b'"'), mark(byte == b'"'), "{byte}");
        }
    }
}

#[test]
fn what_is_in_strings_is_marked() {
    for text in texts(10_000, 3) {
        let mut within = false;
        let mut strings = Strings::new(false);
        for chunk in text.chunks(BLOCK) {
            let (block, length) = Block::first(chunk);
            let marks = strings.mark(block.equal(b'"'));
            for (place, byte) in chunk.iter().enumerate() {
                within ^= *byte == b'"';
                assert_eq!(marks >> place & 1 == 1, within);
            }
            assert!(length < BLOCK || strings.is_within() == within);
        }
    }
}
