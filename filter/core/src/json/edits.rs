//! Changes to a document by the position of what changes; every other byte stays.

use std::borrow::Cow;
use std::ops::Range;

use super::{Decision, Edit, Interest, Leaf, Raw, Read, Scan, Visit, range_in};

/// Changes to one document that are collected and then made at once.
#[derive(Debug)]
pub(crate) struct Edits<'a> {
    document: &'a [u8],
    changes: Vec<(Range<usize>, Cow<'a, [u8]>)>,
}

impl<'a> Edits<'a> {
    /// No changes yet.
    #[must_use]
    pub(crate) fn of(document: &'a [u8]) -> Self {
        Self { document, changes: Vec::new() }
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Keeps the first `count` alone.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.changes.truncate(count);
    }

    /// Puts `with` in place of `part`, a slice of the document; a slice of anything else is left
    /// alone. Parts must not overlap.
    pub(crate) fn replace(&mut self, part: &str, with: impl Into<Vec<u8>>) {
        if let Some(at) = range_in(self.document, part) {
            self.change(at, with.into());
        }
    }

    /// Puts `prefix`, in which nothing has to be escaped, before the text of `string`, a JSON string of the document.
    pub(crate) fn prefix(&mut self, string: &str, prefix: &'a str) {
        if let Some(at) = range_in(self.document, string) {
            let text = (at.start + 1).min(at.end);
            self.changes.push((text..text, Cow::Borrowed(prefix.as_bytes())));
        }
    }

    fn change(&mut self, at: Range<usize>, with: Vec<u8>) {
        self.changes.push((at, Cow::Owned(with)));
    }

    /// Puts `with` behind `part`, a slice of the document.
    pub(crate) fn insert_after(&mut self, part: &str, with: impl Into<Vec<u8>>) {
        if let Some(at) = range_in(self.document, part) {
            self.change(at.end..at.end, with.into());
        }
    }

    /// Cuts members out of an object of the document, each with one of the commas beside it: all its
    /// `values` in order, with whether they go.
    pub(crate) fn cut(&mut self, object: Raw<'_>, values: &[(Raw<'_>, bool)]) {
        let text = object.get();
        // Where each member begins, which is at the first quote behind the last one, and where it ends.
        let mut places = Vec::new();
        let mut end = 1;
        for (value, is_cut) in values {
            let Some(at) = range_in(text.as_bytes(), value.get()) else { return };
            let quote = text.get(end..at.start).and_then(|before| before.find('"'));
            places.push((end + quote.unwrap_or_default(), at.end, *is_cut));
            end = at.end;
        }
        let mut last_kept = None;
        let mut from = None;
        for (start, end, is_cut) in &places {
            if *is_cut {
                from = from.or(Some(*start));
                continue;
            }
            if let Some(from) = from.take() {
                // Up to what follows, so with the comma behind.
                self.replace(text.get(from..*start).unwrap_or_default(), "");
            }
            last_kept = Some(*end);
        }
        if let Some((from, (_, end, _))) = from.zip(places.last()) {
            // There is nothing behind: with the comma before.
            self.replace(text.get(last_kept.unwrap_or(from)..*end).unwrap_or_default(), "");
        }
    }

    /// Passes over one value of the document (of any other text, nothing changes) and changes in it what `edit` decides, as
    /// [`Editor`](super::stream::Editor) does in one that arrives in chunks.
    ///
    /// # Errors
    ///
    /// [`Malformed`](super::Malformed); some changes may have been added.
    pub(crate) fn apply<T: Copy>(
        &mut self,
        scan: &mut Scan<'_>,
        interest: &'static Interest<T>,
        edit: &mut impl Edit<T>,
    ) -> Read<()> {
        let base = range_in(self.document, scan.text).map_or(0, |text| text.start);
        let applying = &mut Applying { edits: self, edit, base, depth: 0, waiting: Vec::new() };
        scan.visit(interest, applying)
    }

    /// Appends the changed document to `out`.
    pub(crate) fn write(mut self, out: &mut Vec<u8>) {
        self.changes.sort_by_key(|(at, _)| at.start);
        let mut done = 0;
        for (at, with) in self.changes {
            out.extend_from_slice(self.document.get(done..at.start).unwrap_or_default());
            out.extend_from_slice(&with);
            done = at.end;
        }
        out.extend_from_slice(self.document.get(done..).unwrap_or_default());
    }

    /// The changed document; `None` where nothing changes.
    #[must_use]
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        if self.changes.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(self.document.len() + 64 * self.changes.len());
        self.write(&mut out);
        Some(out)
    }
}

/// Decides about one value of a document.
struct Applying<'e, 'a, T, E> {
    edits: &'e mut Edits<'a>,
    edit: &'e mut E,
    /// Where the scanned text stands in the document.
    base: usize,
    /// How many watched objects are open.
    depth: usize,
    /// Leaves that wait, with how many were open around each.
    waiting: Vec<(usize, T, Range<usize>)>,
}

impl<T: Copy, E: Edit<T>> Applying<'_, '_, T, E> {
    fn settle(&mut self, ended: bool) {
        let outer = self.waiting.iter().rposition(|(depth, ..)| *depth < self.depth);
        for (depth, tag, at) in self.waiting.split_off(outer.map_or(0, |at| at + 1)) {
            let text = self.edits.document.get(at.clone()).unwrap_or_default();
            let raw = std::str::from_utf8(text).unwrap_or_default();
            match self.edit.settle(Leaf { tag, raw, at: at.start as u64 }) {
                Decision::Replace(with) => self.edits.change(at, with),
                Decision::Wait if !ended => self.waiting.push((depth, tag, at)),
                Decision::Keep | Decision::Wait | Decision::Settle => {}
            }
        }
    }
}

impl<T: Copy, E: Edit<T>> Visit<T> for Applying<'_, '_, T, E> {
    fn leaf(&mut self, leaf: Leaf<'_, T>) {
        let decision = self.edit.leaf(leaf);
        match (decision, range_in(self.edits.document, leaf.raw)) {
            (Decision::Replace(with), Some(at)) => self.edits.change(at, with),
            (Decision::Wait, Some(at)) => self.waiting.push((self.depth, leaf.tag, at)),
            (Decision::Settle, _) => self.settle(false),
            _ => {}
        }
    }

    fn begin(&mut self, tag: T) {
        self.depth += 1;
        self.edit.begin(tag);
    }

    fn key(&mut self, object: T, key: Option<&str>) {
        self.edit.key(object, key);
    }

    fn end(&mut self, tag: T, at: u64) {
        if self.edit.settles(tag) {
            self.settle(true);
        }
        if let Some(members) = self.edit.end(tag) {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let brace = self.base.saturating_add(at).saturating_sub(1);
            self.edits.change(brace..brace, members);
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_replaced_in_place_whatever_the_order() {
        let text = String::from(r#"{"a":"1","b":"1","c":[]}"#);
        let mut edits = Edits::of(text.as_bytes());
        edits.replace(&text[13..16], "long");
        edits.replace(&text[5..8], "");
        edits.insert_after(&text[21..23], "!");
        edits.replace("elsewhere", "never");
        edits.prefix(&text[1..4], "pre_");
        edits.prefix("elsewhere", "never");
        assert_eq!(edits.finish().unwrap(), br#"{"pre_a":,"b":long,"c":[]!}"#);
        assert_eq!(Edits::of(text.as_bytes()).finish(), None);
        let mut out = b"[".to_vec();
        Edits::of(text.as_bytes()).write(&mut out);
        assert_eq!(out, [b"[", text.as_bytes()].concat());
    }
}
