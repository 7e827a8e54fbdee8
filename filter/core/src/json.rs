//! JSON text (RFC 8259) read in place, in one pass, without building anything.
//!
//! [`Scan`] goes over a document once. Whoever uses it says of each value whether to look into it or
//! to pass over it; either way all of it is checked. There is no recursion but the caller's own, so
//! no depth can hurt, and time is linear in the number of bytes.
//!
//! What is accepted is what RFC 8259 allows, no more; of strings the escapes are checked for their
//! form alone, until [`decode`](crate::json::decode) makes text of them.

use std::borrow::Cow;

mod blocks;
mod brackets;
mod characters;
mod edits;
mod interest;
mod keys;
mod members;
mod scalar;
mod skip;
mod some;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod text;
mod visit;
mod words;

#[cfg(feature = "fuzz")]
pub(crate) use blocks::twin;
pub(crate) use brackets::{BracketStack, Container};
pub(crate) use edits::Edits;
pub(crate) use interest::{Decision, Edit, Interest, Leaf, Unwatched, Visit};
pub(crate) use keys::Keys;
pub(crate) use members::{InvalidMembers, Members, imitated};
pub(crate) use stream::Stream;
pub(crate) use text::{decode, encode, range_in};

/// The text of one JSON value that was read: its exact bytes, without white space around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// Reads a document that holds one value; `None` for anything else.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        Scan::whole(text, Scan::value).ok()
    }

    /// The text.
    #[must_use]
    pub const fn get(self) -> &'a str {
        self.0
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is a string.
    #[must_use]
    pub fn is_string(self) -> bool {
        self.0.starts_with('"')
    }

    /// Goes over it once more, looking into it.
    #[must_use]
    pub fn scan(self) -> Scan<'a> {
        Scan::new(self.0)
    }
}

/// The text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What was read, unless the text is not JSON.
pub(crate) type Read<T> = Result<T, Malformed>;

/// How far one has come in a document.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    text: &'a str,
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    /// At the beginning of `text`.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, rest: text.as_bytes() }
    }

    /// Reads a document with `read`, behind which nothing but white space may be.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn whole<T>(text: &'a str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let mut scan = Self::new(text);
        let found = read(&mut scan)?;
        scan.space();
        if scan.rest.is_empty() { Ok(found) } else { Err(Malformed) }
    }

    /// How many bytes there are to come.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The first byte of the value that comes next, which says what it is; `None` at the end.
    pub fn peek(&mut self) -> Option<u8> {
        self.space();
        self.rest.first().copied()
    }

    /// Passes over one value.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn value(&mut self) -> Read<Raw<'a>> {
        self.look(Self::skip)
    }

    /// Reads an object: `member` is called for each key, in order, and has to read the value. Anything
    /// else is passed over; whether it was an object.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn members(
        &mut self,
        member: impl FnMut(&mut Self, Cow<'a, str>) -> Read<()>,
    ) -> Read<bool> {
        let is_object = self.peek() == Some(b'{');
        (if is_object { self.object(member) } else { self.skip() })?;
        Ok(is_object)
    }

    /// Reads a list: `element` is called for each element, and has to read it. Anything else is
    /// passed over; whether it was a list.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn elements(&mut self, element: impl FnMut(&mut Self) -> Read<()>) -> Read<bool> {
        let is_list = self.peek() == Some(b'[');
        (if is_list { self.list(element) } else { self.skip() })?;
        Ok(is_list)
    }

    /// Reads an object whose keys do not matter: `value` is called at each value, and has to read it.
    /// Anything else is passed over; whether it was an object.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn member_values(&mut self, mut value: impl FnMut(&mut Self) -> Read<()>) -> Read<bool> {
        if self.peek() != Some(b'{') {
            return self.skip().map(|()| false);
        }
        self.expect(b'{')?;
        if self.closes(b'}') {
            return Ok(true);
        }
        loop {
            self.skip_key()?;
            value(self)?;
            if self.ends(b'}')? {
                return Ok(true);
            }
        }
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Read<()>) -> Read<()> {
        self.expect(b'{')?;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            member(self, key)?;
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    fn list(&mut self, mut element: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(b'[')?;
        if self.closes(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.ends(b']')? {
                return Ok(());
            }
        }
    }

    /// Passes over one value and picks the members with these keys, if it is an object; `None` if it
    /// is none, or has one of them twice.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn pick<const N: usize>(&mut self, keys: [&str; N]) -> Read<Option<[Option<Raw<'a>>; N]>> {
        let mut picked = [None; N];
        let mut repeated = false;
        let is_object = self.members(|scan, key| {
            let value = scan.value()?;
            let at = keys.iter().position(|wanted| *wanted == key);
            if let Some(place) = at.and_then(|at| picked.get_mut(at)) {
                repeated |= place.replace(value).is_some();
            }
            Ok(())
        })?;
        Ok((is_object && !repeated).then_some(picked))
    }

    /// Looks into one value, all of which `read` goes over.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn look(&mut self, read: impl FnOnce(&mut Self) -> Read<()>) -> Read<Raw<'a>> {
        self.space();
        let from = self.at();
        read(self)?;
        self.since(from).map(Raw)
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// What lies between `from` and here.
    fn since(&self, from: usize) -> Read<&'a str> {
        self.text.get(from..self.at()).ok_or(Malformed)
    }

    fn space(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// The next byte behind white space.
    fn next(&mut self) -> Read<u8> {
        self.space();
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn expect(&mut self, wanted: u8) -> Read<()> {
        if self.next()? == wanted { Ok(()) } else { Err(Malformed) }
    }

    /// Takes this bracket, if it is what comes next.
    fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.rest = self.rest.split_first().map_or(self.rest, |(_, rest)| rest);
        }
        closes
    }

    /// Behind a member or an element: whether the bracket ends them, or a comma says that there are
    /// more.
    fn ends(&mut self, bracket: u8) -> Read<bool> {
        match self.next()? {
            b',' => Ok(false),
            byte if byte == bracket => Ok(true),
            _ => Err(Malformed),
        }
    }

    /// A key, decoded, and its colon.
    fn key(&mut self) -> Read<Cow<'a, str>> {
        let (quoted, escaped) = self.quoted_key()?;
        decode_key(quoted, escaped)
    }

    /// A key as it is written, whether there are escapes in it, and its colon.
    fn quoted_key(&mut self) -> Read<(&'a str, bool)> {
        self.expect(b'"')?;
        let from = self.at().saturating_sub(1);
        let escaped = self.string()?;
        let quoted = self.since(from)?;
        self.expect(b':')?;
        Ok((quoted, escaped))
    }
}

fn decode_key(quoted: &str, escaped: bool) -> Read<Cow<'_, str>> {
    if escaped {
        return decode(quoted).ok_or(Malformed);
    }
    let inner = quoted.get(1..quoted.len().saturating_sub(1));
    Ok(Cow::Borrowed(inner.unwrap_or_default()))
}
