//! Heads that the core makes: those of its own requests, and changes to others.
//!
//! All values of one are in one buffer: to copy a few bytes costs a host less than to allocate for each.

use std::borrow::Cow;

use crate::effect::Effect;

/// Headers with their values, in order; names in lower case. A name may be there several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList {
    /// The names, each with the end of its value.
    names: Vec<(Cow<'static, str>, usize)>,
    /// The values, one after the other.
    values: Vec<u8>,
}

impl HeaderList {
    /// With room for so many headers, whose values have so many bytes together.
    pub(crate) fn with_capacity(headers: usize, bytes: usize) -> Self {
        Self { names: Vec::with_capacity(headers), values: Vec::with_capacity(bytes) }
    }

    /// Adds a header, whether or not there is one of that name.
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, value: &[u8]) {
        self.values.extend_from_slice(value);
        self.names.push((name.into(), self.values.len()));
    }

    /// Each name and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut start = 0;
        self.names.iter().map(move |(name, end)| {
            let value = self.values.get(start..*end).unwrap_or_default();
            start = *end;
            (&**name, value)
        })
    }

    /// Whether there is a header of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(it, _)| it == name)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// A change to one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange<'c> {
    /// Removes every value of the header.
    Remove(&'c str),
    /// Replaces every value of the header, or adds it.
    Set(&'c str, &'c [u8]),
}

/// Changes to a head: some headers go, and then others are set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    removed: Vec<Cow<'static, str>>,
    set: HeaderList,
}

impl HeaderChanges {
    /// Sets these.
    pub(crate) fn setting(set: HeaderList) -> Self {
        Self { removed: Vec::new(), set }
    }

    /// Removes every value of a header, before anything is set.
    pub(crate) fn remove(&mut self, name: impl Into<Cow<'static, str>>) {
        self.removed.push(name.into());
    }

    /// Replaces every value of a header, or adds it.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: &[u8]) {
        self.set.add(name, value);
    }

    /// What a host does to make them of a response: nothing if there are none.
    pub(crate) fn into_effects(self) -> Vec<Effect> {
        if self.is_empty() { Vec::new() } else { vec![Effect::ResponseHead(self)] }
    }

    /// What is set.
    pub(crate) fn to_set(&self) -> &HeaderList {
        &self.set
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.set.is_empty()
    }

    /// Each of them, in the order in which they are made.
    pub fn iter(&self) -> impl Iterator<Item = HeaderChange<'_>> {
        let removed = self.removed.iter().map(|name| HeaderChange::Remove(name));
        removed.chain(self.set.iter().map(|(name, value)| HeaderChange::Set(name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_has_its_own_value_even_an_empty_one() {
        let mut list = HeaderList::default();
        assert!(list.is_empty() && list.iter().next().is_none());
        for (name, value) in [("a", "one"), ("b", ""), ("a", "two")] {
            list.add(name, value.as_bytes());
        }
        let listed: Vec<_> = list.iter().collect();
        assert_eq!(listed, [("a", &b"one"[..]), ("b", b""), ("a", b"two")]);
        assert!(list.has("b") && !list.has("c"));
    }

    #[test]
    fn headers_go_before_others_are_set() {
        let mut changes = HeaderChanges::default();
        assert!(changes.is_empty());
        changes.set("a", b"new");
        changes.remove("a");
        assert_eq!(
            changes.iter().collect::<Vec<_>>(),
            [HeaderChange::Remove("a"), HeaderChange::Set("a", b"new")]
        );
    }
}
