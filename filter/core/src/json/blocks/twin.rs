//! A portable twin of the masks, which looks at one byte after the other: what they are held against.

use super::{Checked, Ends};

/// Which bytes are escaped, the first if `is_escaped`; and whether the next one is.
fn escaped(bytes: &[u8], mut is_escaped: bool) -> (Vec<bool>, bool) {
    let next = |byte: &u8| {
        let this = is_escaped;
        is_escaped = !this && *byte == b'\\';
        this
    };
    (bytes.iter().map(next).collect(), is_escaped)
}

/// The same as [`string_end`](super::string_end).
pub(in crate::json) fn plain_end(bytes: &[u8], is_escaped: bool) -> Ends {
    let (escaped, next) = escaped(bytes, is_escaped);
    let end = bytes.iter().zip(&escaped).position(|(byte, escaped)| *byte == b'"' && !escaped);
    end.map_or(Ends::Behind(next), Ends::At)
}

/// The same as [`checked_end`](super::checked_end).
pub(in crate::json) fn plain_checked(bytes: &[u8]) -> Checked {
    let (mut at, mut has_escapes) = (0, false);
    loop {
        match bytes.get(at) {
            None => return Checked::GoesOn,
            Some(b'"') => return Checked::Ends(at, has_escapes),
            Some(0..0x20) => return Checked::Invalid(at),
            Some(b'\\') => {
                let digits = match bytes.get(at + 1) {
                    None => return Checked::Escape(at),
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
                    Some(b'u') => 4,
                    Some(_) => return Checked::Invalid(at + 1),
                };
                for digit in 0..digits {
                    match bytes.get(at + 2 + digit) {
                        None => return Checked::Escape(at),
                        Some(it) if it.is_ascii_hexdigit() => {}
                        Some(_) => return Checked::Invalid(at + 2 + digit),
                    }
                }
                has_escapes = true;
                at += 2 + digits;
            }
            Some(_) => at += 1,
        }
    }
}

/// Holds the masks against their twin, at every place where a string may go on.
#[cfg(feature = "fuzz")]
pub(crate) fn hold(bytes: &[u8]) {
    for from in 0..bytes.len().min(80) {
        let text = bytes.get(from..).unwrap_or_default();
        assert_eq!(super::checked_end(text), plain_checked(text), "from {from}");
        for is_escaped in [false, true] {
            let found = super::string_end(text, is_escaped);
            assert_eq!(found, plain_end(text, is_escaped), "from {from}, {is_escaped}");
        }
    }
}
