//! What each part of a document leads to.

use std::borrow::Cow;
use std::mem;

use super::input::Input;
use super::{Leaf, Stream, Visit, Within};
use crate::json::interest::KEY_LIMIT;
use crate::json::{Container, decode};

/// How many objects and lists may be open at a time.
const DEPTH: usize = 1 << 20;

impl<T: Copy> Stream<T> {
    /// A byte between values, in what is of interest.
    pub(super) fn structure(&mut self, byte: u8, input: &mut Input<'_>, visit: &mut impl Visit<T>) {
        let container = self.open.top();
        input.mark();
        input.skip();
        self.within = match (self.within, byte) {
            (Within::Lead, b'{') | (Within::Value { .. }, b'{' | b'[') => {
                return self.opens(byte, visit);
            }
            (Within::Key { .. }, b'"') => Within::KeyText,
            (Within::Key { first: true }, b'}') | (Within::Value { first: true }, b']') => {
                return self.closes(byte, input, visit);
            }
            (Within::Colon, b':') => Within::Value { first: false },
            (Within::Value { .. }, b'"') => Within::Text { leaf: self.is_leaf() },
            (Within::Value { .. }, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                Within::Scalar { leaf: self.is_leaf() }
            }
            (Within::After, b',') if container == Some(Container::Object) => {
                Within::Key { first: false }
            }
            (Within::After, b',') => {
                self.next = self.path.last().and_then(|list| list.elements);
                Within::Value { first: false }
            }
            (Within::After, b'}' | b']') => return self.closes(byte, input, visit),
            _ => Within::Malformed,
        };
    }

    fn is_leaf(&self) -> bool {
        self.next.is_some_and(|it| it.leaf.is_some())
    }

    /// An object or a list begins where a value may.
    fn opens(&mut self, byte: u8, visit: &mut impl Visit<T>) {
        let container = Container::of(byte);
        if !self.push(container) {
            self.within = Within::Malformed;
            return;
        }
        let interest = self.next.filter(|it| it.sees(container));
        let Some(interest) = interest else {
            self.within = Within::Beneath;
            return;
        };
        self.path.push(interest);
        self.within = match container {
            Container::Object => {
                if let Some(tag) = interest.object {
                    visit.begin(tag);
                }
                Within::Key { first: true }
            }
            Container::List => {
                self.next = interest.elements;
                Within::Value { first: true }
            }
        };
    }

    /// Opens one; `false` if that is too deep.
    fn push(&mut self, container: Container) -> bool {
        let fits = self.open.depth() < DEPTH;
        if fits {
            self.open.push(container);
        }
        fits
    }

    /// Closes one; `false` if the innermost is of another kind.
    fn pop(&mut self, container: Container) -> bool {
        let matches = self.open.top() == Some(container);
        if matches {
            self.open.pop();
        }
        matches
    }

    /// The innermost object or list, which is of interest, ends.
    fn closes(&mut self, byte: u8, input: &Input<'_>, visit: &mut impl Visit<T>) {
        if !self.pop(Container::of(byte)) {
            self.within = Within::Malformed;
            return;
        }
        let end = self.offset + input.at() as u64;
        let interest = self.path.pop();
        if let Some(tag) = interest.and_then(|it| it.object).filter(|_| byte == b'}') {
            visit.end(tag, end);
        }
        self.behind(input);
    }

    /// An object or list in what is of interest has ended, or the document.
    fn behind(&mut self, input: &Input<'_>) {
        self.within = Within::After;
        if self.path.is_empty() {
            self.within = Within::Ended;
            self.ended = self.offset + input.at() as u64;
        }
    }

    /// What is of no interest, up to the end of the outermost of its objects and lists.
    pub(super) fn beneath(&mut self, input: &mut Input<'_>) {
        while let Some(byte) = input.skip_to_structure() {
            let valid = match byte {
                b'"' => {
                    if !input.skip_text(&mut self.escaped) {
                        self.within = Within::BeneathText;
                        return;
                    }
                    true
                }
                b'{' | b'[' => self.push(Container::of(byte)),
                _ => self.pop(Container::of(byte)),
            };
            if !valid {
                self.within = Within::Malformed;
                return;
            }
            if self.open.depth() == self.path.len() {
                return self.behind(input);
            }
        }
    }

    pub(super) fn key_text(&mut self, input: &mut Input<'_>, visit: &mut impl Visit<T>) {
        if !input.skip_text(&mut self.escaped) {
            return;
        }
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

    /// A string, a number or a literal has ended.
    pub(super) fn ends(&mut self, leaf: bool, input: &Input<'_>, visit: &mut impl Visit<T>) {
        self.within = Within::After;
        let Some(tag) = self.next.and_then(|it| it.leaf).filter(|_| leaf) else { return };
        let collected = mem::take(&mut self.collected);
        let raw = input.marked(&collected);
        if raw.len() > self.limit {
            visit.oversized(tag);
            return;
        }
        let text = std::str::from_utf8(&raw).ok();
        match text.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()) {
            Some(raw) => {
                let end = self.offset + input.at() as u64;
                visit.leaf(Leaf { tag, raw, at: end.saturating_sub(raw.len() as u64) });
            }
            None => self.within = Within::Malformed,
        }
    }

    /// Keeps what the chunk has of a key or leaf that goes on, unless that is too long.
    pub(super) fn keep(&mut self, input: &Input<'_>, visit: &mut impl Visit<T>) {
        let limit = match self.within {
            Within::KeyText if !self.long => KEY_LIMIT,
            Within::Text { leaf: true } | Within::Scalar { leaf: true } => self.limit,
            _ => return,
        };
        let more = input.marked(&[]);
        if more.len() <= limit.saturating_sub(self.collected.len()) {
            self.collected.extend_from_slice(&more);
            return;
        }
        self.collected = Vec::new();
        match (&mut self.within, self.next.and_then(|it| it.leaf)) {
            (Within::Text { leaf } | Within::Scalar { leaf }, Some(tag)) => {
                *leaf = false;
                visit.oversized(tag);
            }
            _ => self.long = true,
        }
    }
}

/// The decoded text of a key; `None` where it is none.
fn read_key(raw: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    (!text.bytes().any(|byte| byte < b' ')).then(|| decode(text))?
}
