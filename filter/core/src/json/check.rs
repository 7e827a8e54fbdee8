//! Checks JSON text as its bytes arrive, without holding it.

use super::brackets::{BracketStack, Container};
use super::plain::plain_prefix;

/// Takes what [`Raw::read`](super::Raw::read) takes, and nothing else, however it is cut. Time is
/// linear; of each level that is open, a bit is kept.
#[derive(Debug, Default)]
pub struct Check {
    open: BracketStack,
    next: Next,
    /// The begin of a character that the last bytes broke off in.
    broken: Vec<u8>,
}

/// What may come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Value,
    /// A value, or the end of the list that has just begun.
    FirstValue,
    Key,
    /// A key, or the end of the object that has just begun.
    FirstKey,
    Colon,
    /// What follows a value; at the outermost level nothing but white space.
    After,
    /// The rest of a string; whether it is a key.
    Text(bool),
    /// What follows its backslash, and then so many digits.
    Escape(bool),
    Hex(bool, u8),
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Number(Digits),
    /// Nothing: it is no JSON.
    Malformed,
}

/// How far a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    /// Behind its sign.
    Sign,
    /// It is 0, as far as it has come.
    Zero,
    Whole,
    Point,
    Fraction,
    /// Behind the E.
    Mark,
    MarkSign,
    Exponent,
}

impl Check {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if !self.is_sound() || !self.characters(bytes) {
            self.next = Next::Malformed;
            return;
        }
        while let [byte, after @ ..] = rest {
            rest = match self.next {
                Next::Text(_) => {
                    let rest = rest.get(plain_prefix(rest)..).unwrap_or_default();
                    let Some((byte, after)) = rest.split_first() else { break };
                    self.next = self.byte(*byte);
                    after
                }
                Next::Malformed => break,
                _ => {
                    self.next = self.byte(*byte);
                    after
                }
            };
        }
    }

    /// Whether all that has come can be the beginning of JSON, or is JSON.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.next != Next::Malformed
    }

    /// How many bytes of memory it takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.open.held() + self.broken.capacity()
    }

    /// Whether the bytes are UTF-8, behind those before.
    fn characters(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let ([byte, after @ ..], false) = (rest, self.broken.is_empty()) {
            rest = after;
            self.broken.push(*byte);
            match std::str::from_utf8(&self.broken) {
                Ok(_) => self.broken.clear(),
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let valid = match std::str::from_utf8(rest) {
            Ok(_) => return true,
            Err(error) if error.error_len().is_some() => return false,
            Err(error) => error.valid_up_to(),
        };
        self.broken.extend(rest.get(valid..).unwrap_or_default());
        true
    }

    /// What may come behind this byte.
    fn byte(&mut self, byte: u8) -> Next {
        match (self.next, byte) {
            (Next::Text(key), _) => match byte {
                b'"' if key => Next::Colon,
                b'"' => Next::After,
                b'\\' => Next::Escape(key),
                _ => Next::Malformed,
            },
            (Next::Escape(key), b'u') => Next::Hex(key, 4),
            (Next::Escape(key), b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                Next::Text(key)
            }
            (Next::Hex(key, left), _) if byte.is_ascii_hexdigit() => {
                if left == 1 {
                    Next::Text(key)
                } else {
                    Next::Hex(key, left - 1)
                }
            }
            (Next::Literal([first, rest @ ..]), _) if *first == byte => {
                if rest.is_empty() {
                    Next::After
                } else {
                    Next::Literal(rest)
                }
            }
            (Next::Number(digits), _) => match digits.then(byte) {
                Some(digits) => Next::Number(digits),
                None if digits.may_end() => self.structure(Next::After, byte),
                None => Next::Malformed,
            },
            (Next::Escape(_) | Next::Hex(..) | Next::Literal(_), _) => Next::Malformed,
            (next, _) => self.structure(next, byte),
        }
    }

    /// The same of a byte between keys and values.
    fn structure(&mut self, next: Next, byte: u8) -> Next {
        match (next, byte) {
            (_, b' ' | b'\n' | b'\r' | b'\t') => next,
            (Next::FirstValue, b']') | (Next::FirstKey, b'}') => {
                self.open.pop();
                Next::After
            }
            (Next::Value | Next::FirstValue, _) => self.value(byte),
            (Next::Key | Next::FirstKey, b'"') => Next::Text(true),
            (Next::Colon, b':') => Next::Value,
            (Next::After, _) => match (self.open.top(), byte) {
                (Some(Container::Object), b',') => Next::Key,
                (Some(Container::List), b',') => Next::Value,
                (Some(Container::Object), b'}') | (Some(Container::List), b']') => {
                    self.open.pop();
                    Next::After
                }
                _ => Next::Malformed,
            },
            _ => Next::Malformed,
        }
    }

    fn value(&mut self, byte: u8) -> Next {
        match byte {
            b'{' => {
                self.open.push(Container::Object);
                Next::FirstKey
            }
            b'[' => {
                self.open.push(Container::List);
                Next::FirstValue
            }
            b'"' => Next::Text(false),
            b't' => Next::Literal(b"rue"),
            b'f' => Next::Literal(b"alse"),
            b'n' => Next::Literal(b"ull"),
            b'-' => Next::Number(Digits::Sign),
            b'0' => Next::Number(Digits::Zero),
            b'1'..=b'9' => Next::Number(Digits::Whole),
            _ => Next::Malformed,
        }
    }
}

impl Digits {
    /// How far it is with this byte; `None` if that is no part of it.
    const fn then(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Sign, b'0') => Self::Zero,
            (Self::Sign | Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::Mark,
            (Self::Mark, b'+' | b'-') => Self::MarkSign,
            (Self::Mark | Self::MarkSign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    const fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::json::Raw;

    /// Whether all of this, in pieces of at most so many bytes, is JSON.
    fn whole(bytes: &[u8], piece: usize, chance: &mut Chance) -> bool {
        let (mut check, mut rest, mut fits) = (Check::default(), bytes, true);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(1 + chance.below(piece)));
            check.feed(part);
            let fitted = std::mem::replace(&mut fits, check.is_sound());
            assert!(fitted || !fits, "no JSON any more, and then JSON again");
            rest = after;
        }
        let number = matches!(check.next, Next::Number(digits) if digits.may_end());
        fits && check.open.top().is_none() && (check.next == Next::After || number)
    }

    #[test]
    fn it_takes_what_is_taken_as_a_whole_and_nothing_else() {
        let seeds = [
            r#" {"a" : {"b":[null,{"c":""},true,false]} , "" : "é" } "#,
            "[1,-0,0.5,-1.25e+10,1E2,123,[],{},[[]],\"\"]\n",
            r#"{"x":"a\"\\\/\b\f\n\r\t\u00e9\ud800🦀","y":"0123456789012345678901234567890123456789"}"#,
            "0",
            "-1e5",
            "true",
            "\"\u{7f}\u{80}\"",
        ];
        let mut chance = Chance::new(5);
        let (mut taken, mut refused) = (0, 0);
        for round in 0..60_000 {
            let mut bytes = chance.pick(&seeds).as_bytes().to_vec();
            for _ in 0..round % 4 {
                let at = chance.below(bytes.len());
                match chance.below(3) {
                    0 => drop(bytes.remove(at)),
                    1 => {
                        bytes.insert(at, chance.pick(b"{}[]\",:\\/*'#0-.eEutn \n\x01\xc3\xa9\xf0"));
                    }
                    _ => bytes[at] = chance.byte(),
                }
                if bytes.is_empty() {
                    bytes.push(b' ');
                }
            }
            let text = std::str::from_utf8(&bytes).ok();
            let wanted = text.is_some_and(|text| Raw::read(text).is_some());
            let piece = chance.pick(&[1, 3, 1000]);
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(whole(&bytes, piece, &mut chance), wanted, "{shown}");
            taken += usize::from(wanted);
            refused += usize::from(!wanted);
        }
        assert!(taken > 15_000 && refused > 15_000, "{taken} {refused}");
    }

    #[test]
    fn depth_costs_a_bit() {
        let mut check = Check::default();
        check.feed("[".repeat(1 << 20).as_bytes());
        assert!(check.held() < 300_000, "{}", check.held());
        check.feed("]".repeat(1 << 20).as_bytes());
        assert!(check.is_sound());
        check.feed(b"]");
        assert!(!check.is_sound());
    }
}
