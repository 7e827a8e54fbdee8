//! Passing over values: everything is checked, nothing is kept.

use super::blocks::{Checked, checked_end};
use super::brackets::{BracketStack, Container};
use super::words::plain_in_word;
use super::{Malformed, Read, Scan};

impl Scan<'_> {
    /// Passes over a key and its colon.
    pub(super) fn skip_key(&mut self) -> Read<()> {
        self.expect(b'"')?;
        self.string()?;
        self.expect(b':')
    }

    /// Passes over one value, however deep, whose text does not matter.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn skip(&mut self) -> Read<()> {
        let mut open = BracketStack::default();
        loop {
            match self.next()? {
                b'"' => self.string().map(drop)?,
                b'{' if !self.closes(b'}') => {
                    open.push(Container::Object);
                    self.skip_key()?;
                    continue;
                }
                b'[' if !self.closes(b']') => {
                    open.push(Container::List);
                    continue;
                }
                b'{' | b'[' => {}
                b't' => self.literal(b"rue")?,
                b'f' => self.literal(b"alse")?,
                b'n' => self.literal(b"ull")?,
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                _ => return Err(Malformed),
            }
            loop {
                match open.top() {
                    None => return Ok(()),
                    Some(Container::Object) if !self.ends(b'}')? => {
                        self.skip_key()?;
                        break;
                    }
                    Some(Container::List) if !self.ends(b']')? => break,
                    Some(_) => open.pop(),
                }
            }
        }
    }

    /// Passes over a string whose first quote was read; whether there are escapes in it.
    pub(super) fn string(&mut self) -> Read<bool> {
        // Most strings, keys above all, are this short.
        if let Some(word) = self.rest.first_chunk() {
            self.rest = self.rest.get(plain_in_word(*word)..).unwrap_or_default();
            if let [b'"', rest @ ..] = self.rest {
                self.rest = rest;
                return Ok(false);
            }
        }
        self.long_string()
    }

    #[inline(never)]
    fn long_string(&mut self) -> Read<bool> {
        let Checked::Ends(place, has_escapes) = checked_end(self.rest) else {
            return Err(Malformed);
        };
        self.rest = self.rest.get(place + 1..).unwrap_or_default();
        Ok(has_escapes)
    }

    fn literal(&mut self, tail: &[u8]) -> Read<()> {
        self.rest = self.rest.strip_prefix(tail).ok_or(Malformed)?;
        Ok(())
    }

    fn number(&mut self, first: u8) -> Read<()> {
        let first = match (first, self.rest) {
            (b'-', [digit @ b'0'..=b'9', rest @ ..]) => {
                self.rest = rest;
                *digit
            }
            (b'-', _) => return Err(Malformed),
            (digit, _) => digit,
        };
        match (first, self.rest) {
            (b'0', [b'0'..=b'9', ..]) => return Err(Malformed),
            _ => self.digits(),
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            self.some_digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = rest.strip_prefix(b"+").or(rest.strip_prefix(b"-")).unwrap_or(rest);
            self.some_digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn some_digits(&mut self) -> Read<()> {
        let digit = self.rest.first().is_some_and(u8::is_ascii_digit);
        self.digits();
        if digit { Ok(()) } else { Err(Malformed) }
    }
}
