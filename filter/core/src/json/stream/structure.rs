//! What each part of a document leads to.

use std::borrow::Cow;
use std::mem;

use super::input::{Input, Text};
use super::{Leaf, Stream, Visit, Within};
use crate::json::interest::KEY_LIMIT;
use crate::json::scalar::Scalar;
use crate::json::{Container, Interest, decode};

/// How many objects and lists may be open at a time.
const DEPTH: usize = 1 << 20;

impl<T: Copy> Stream<T> {
    /// A byte between values.
    pub(super) fn structure(&mut self, byte: u8, input: &mut Input<'_>, visit: &mut impl Visit<T>) {
        let container = self.open.top();
        input.mark();
        input.skip();
        self.within = match (self.within, byte) {
            (Within::Lead, b'{') | (Within::Value { .. }, b'{' | b'[') => {
                return self.opens(byte, input, visit);
            }
            (Within::Lead, b'[') if self.next.is_some_and(|it| !it.sees(Container::Object)) => {
                return self.opens(byte, input, visit);
            }
            (Within::Key { .. }, b'"') => Within::KeyText { collected: self.innermost().is_some() },
            (Within::Key { first: true }, b'}') | (Within::Value { first: true }, b']') => {
                return self.closes(byte, input, visit);
            }
            (Within::Colon, b':') => Within::Value { first: false },
            (Within::Value { .. }, b'"') => {
                let leaf = self.is_leaf();
                Within::Text { leaf, checked: leaf || self.characters.is_some() }
            }
            (Within::Value { .. }, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.scalar = Scalar::begin(byte);
                let leaf = self.is_leaf();
                Within::Scalar { leaf, checked: leaf || self.characters.is_some() }
            }
            (Within::After, b',') if container == Some(Container::Object) => {
                Within::Key { first: false }
            }
            (Within::After, b',') => {
                self.next = self.innermost().and_then(|list| list.elements);
                Within::Value { first: false }
            }
            (Within::After, b'}' | b']') => return self.closes(byte, input, visit),
            _ => Within::Malformed,
        };
    }

    /// The innermost object or list that is open, if it is of interest.
    fn innermost(&self) -> Option<&'static Interest<T>> {
        (self.path.len() == self.open.depth()).then(|| self.path.last().copied())?
    }

    fn is_leaf(&self) -> bool {
        self.next.is_some_and(|it| it.leaf.is_some())
    }

    /// An object or a list begins where a value may.
    fn opens(&mut self, byte: u8, input: &Input<'_>, visit: &mut impl Visit<T>) {
        let container = Container::of(byte);
        if !self.push(container) {
            self.within = Within::Malformed;
            return;
        }
        let whole = self.next.and_then(|it| it.whole);
        if let Some(tag) = whole.filter(|_| container == Container::Object) {
            self.begin_whole(tag, input);
        }
        let interest = self.next.filter(|it| it.sees(container));
        self.next = interest.and_then(|it| it.elements);
        if let Some(interest) = interest {
            self.path.push(interest);
            if let Some(tag) = interest.object.filter(|_| container == Container::Object) {
                visit.begin(tag);
            }
        }
        self.within = match container {
            _ if interest.is_none() && self.characters.is_none() => Within::Beneath { text: false },
            Container::Object => Within::Key { first: true },
            Container::List => Within::Value { first: true },
        };
    }

    /// Opens one; `false` if that is too deep.
    pub(super) fn push(&mut self, container: Container) -> bool {
        let fits = self.open.depth() < DEPTH;
        if fits {
            self.open.push(container);
        }
        fits
    }

    /// Closes one; `false` if the innermost is of another kind.
    pub(super) fn pop(&mut self, container: Container) -> bool {
        let matches = self.open.top() == Some(container);
        if matches {
            self.open.pop();
        }
        matches
    }

    /// The innermost object or list ends.
    fn closes(&mut self, byte: u8, input: &Input<'_>, visit: &mut impl Visit<T>) {
        let interest = self.innermost();
        if !self.pop(Container::of(byte)) {
            self.within = Within::Malformed;
            return;
        }
        let end = self.offset + input.at() as u64;
        if interest.is_some() {
            self.path.pop();
        }
        if let Some(tag) = interest.and_then(|it| it.object).filter(|_| byte == b'}') {
            visit.end(tag, end);
        }
        self.behind(input, visit);
    }

    /// An object or list has ended, or the document.
    pub(super) fn behind(&mut self, input: &Input<'_>, visit: &mut impl Visit<T>) {
        self.within = Within::After;
        if let Some(whole) = self.whole.take_if(|whole| whole.depth == self.open.depth()) {
            self.end_whole(*whole, input, visit);
        }
        if self.open.depth() == 0 {
            self.within = Within::Ended;
            self.ended = self.offset + input.at() as u64;
        }
    }

    pub(super) fn key_text(
        &mut self,
        collected: bool,
        input: &mut Input<'_>,
        visit: &mut impl Visit<T>,
    ) {
        match input.check_text(&mut self.escape) {
            Text::Open => {}
            Text::Invalid => self.within = Within::Malformed,
            Text::Closed if collected => self.key(input, visit),
            Text::Closed => self.within = Within::Colon,
        }
    }

    /// A key that was collected has ended.
    fn key(&mut self, input: &Input<'_>, visit: &mut impl Visit<T>) {
        let collected = mem::take(&mut self.collected);
        let raw = input.marked(&collected);
        let long = mem::take(&mut self.long) || raw.len() > KEY_LIMIT;
        let key = if long { None } else { read_key(&raw) };
        let Some(object) = self.path.last().filter(|_| long || key.is_some()) else {
            self.within = Within::Malformed;
            return;
        };
        if let Some(tag) = object.object {
            visit.key(tag, key.as_deref());
        }
        self.next = key.and_then(|key| object.member(&key));
        self.within = Within::Colon;
    }

    pub(super) fn text(
        &mut self,
        (leaf, checked): (bool, bool),
        input: &mut Input<'_>,
        visit: &mut impl Visit<T>,
    ) {
        let text = if checked {
            input.check_text(&mut self.escape)
        } else if input.skip_text(&mut self.escape) {
            Text::Closed
        } else {
            Text::Open
        };
        match text {
            Text::Open => {}
            Text::Invalid => self.breaks(leaf, input, visit),
            Text::Closed => self.ends(leaf, input, visit),
        }
    }

    pub(super) fn scalar(
        &mut self,
        (leaf, checked): (bool, bool),
        input: &mut Input<'_>,
        visit: &mut impl Visit<T>,
    ) {
        if !checked {
            if input.skip_scalar() {
                self.ends(leaf, input, visit);
            }
            return;
        }
        while let Some(byte) = input.peek() {
            match self.scalar.and_then(|scalar| scalar.with(byte)) {
                Some(scalar) => self.scalar = Some(scalar),
                None if self.scalar.is_some_and(Scalar::may_end) => {
                    return self.ends(leaf, input, visit);
                }
                None => return self.breaks(leaf, input, visit),
            }
            input.skip();
        }
    }

    /// A string, a number or a literal is none, as the next byte shows.
    fn breaks(&mut self, leaf: bool, input: &Input<'_>, visit: &mut impl Visit<T>) {
        self.within = Within::Malformed;
        let oversized = leaf && self.collected.len() + input.marked(&[]).len() > self.limit;
        if let Some(tag) = self.next.and_then(|it| it.leaf).filter(|_| oversized) {
            visit.oversized(tag);
        }
    }

    /// A string, a number or a literal has ended.
    fn ends(&mut self, leaf: bool, input: &Input<'_>, visit: &mut impl Visit<T>) {
        self.within = Within::After;
        let Some(tag) = self.next.and_then(|it| it.leaf).filter(|_| leaf) else { return };
        let collected = mem::take(&mut self.collected);
        let raw = input.marked(&collected);
        if raw.len() > self.limit {
            visit.oversized(tag);
            return;
        }
        match std::str::from_utf8(&raw) {
            Ok(raw) => {
                let end = self.offset + input.at() as u64;
                visit.leaf(Leaf { tag, raw, at: end.saturating_sub(raw.len() as u64) });
            }
            Err(_) => self.within = Within::Malformed,
        }
    }

    /// Keeps what the chunk has of a key or leaf that goes on, unless that is too long.
    pub(super) fn keep(&mut self, input: &Input<'_>, visit: &mut impl Visit<T>) {
        self.keep_whole(input, visit);
        let limit = match self.within {
            Within::KeyText { collected: true } if !self.long => KEY_LIMIT,
            Within::Text { leaf: true, .. } | Within::Scalar { leaf: true, .. } => self.limit,
            _ => return,
        };
        let more = input.marked(&[]);
        if more.len() <= limit.saturating_sub(self.collected.len()) {
            self.collected.extend_from_slice(&more);
            return;
        }
        self.collected = Vec::new();
        match (&mut self.within, self.next.and_then(|it| it.leaf)) {
            (Within::Text { leaf, .. } | Within::Scalar { leaf, .. }, Some(tag)) => {
                *leaf = false;
                visit.oversized(tag);
            }
            _ => self.long = true,
        }
    }
}

/// The decoded text of a key; `None` where it is none.
fn read_key(raw: &[u8]) -> Option<Cow<'_, str>> {
    decode(std::str::from_utf8(raw).ok()?)
}
