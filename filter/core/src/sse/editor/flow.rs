//! Streams a long line of data instead of holding it.

use std::borrow::Cow;
use std::mem;

use super::rewrite::rewrite;
use super::splice::{Splice, until};
use super::{Course, Edit, Editor};
use crate::bytes::Passed;
use crate::sse::Event;
use crate::sse::line::{BYTE_ORDER_MARK, Field, next_line, parse};

/// How long a block may get, in bytes, before the [`Edit`] is asked whether its data can stream.
pub(super) const LONG: usize = 64 * 1024;

impl Editor {
    /// Takes the part of the streaming line that the chunk begins with, and returns the rest of the
    /// chunk, behind that line.
    pub(super) fn flow<'c>(
        &mut self,
        chunk: &'c [u8],
        edit: &mut impl Edit,
        splice: &mut Splice<'c, '_>,
    ) -> &'c [u8] {
        let mut rest = chunk;
        let line = next_line(&mut rest);
        let (part, ends) = line.map_or((chunk, false), |(part, _)| (part, true));
        let mut out = Vec::new();
        if edit.more(part, ends, &mut out) == Passed::Changed {
            splice.replace(chunk, &out, chunk.get(part.len()..).unwrap_or_default());
        }
        let Some((_, end)) = line else {
            self.in_line = !chunk.is_empty() || self.in_line;
            return &[];
        };
        self.course = Course::Flowed;
        self.in_line = false;
        self.after_cr = end == b"\r" && rest.is_empty();
        rest
    }

    /// Whether a part of the block in progress has streamed.
    pub(super) fn has_flowed(&self) -> bool {
        matches!(self.course, Course::Flows | Course::Flowed)
    }

    /// Block length at which streaming is offered: below the limit, so that it was offered to every
    /// block over the limit.
    fn long(&self) -> usize {
        LONG.min(self.limit / 2)
    }

    /// Edits a block over the limit that arrived in one chunk, before streaming was offered: as if it had
    /// arrived in two. Returns its new text and how many events were skipped.
    pub(super) fn in_parts(
        &self,
        block: &[u8],
        first: bool,
        edit: &mut impl Edit,
    ) -> (Vec<u8>, usize) {
        let mut editor = Self { first, ..Self::new(self.limit) };
        let mut new = Vec::with_capacity(block.len());
        let (begin, end) = block.split_at((self.long() + 1).min(block.len()));
        for part in [begin, end] {
            if editor.take(part, edit, &mut new) == Passed::AsIs {
                new.extend_from_slice(part);
            }
        }
        (new, editor.skipped)
    }

    /// Whether the block in progress, which `from` continues, can stream from now on: it breaks off in
    /// the only line of its data, and the [`Edit`] can change that in parts.
    pub(super) fn begins_to_flow<'c>(
        &mut self,
        from: &'c [u8],
        edit: &mut impl Edit,
        splice: &mut Splice<'c, '_>,
    ) -> bool {
        let unasked = self.course == Course::Short && self.oversized.is_none();
        let ask = unasked && self.held.len() + from.len() > self.long();
        if !ask {
            return false;
        }
        self.course = Course::Stays;
        let held = mem::take(&mut self.held);
        let block =
            if held.is_empty() { Cow::Borrowed(from) } else { Cow::Owned([&held, from].concat()) };
        let mut out = Vec::new();
        if begin(&block, self.first, edit, &mut out) {
            // A block that lies in this chunk and does not change need not be copied.
            if !held.is_empty() || out != from {
                splice.replace(from, &out, &[]);
            }
            self.first = false;
            self.course = Course::Flows;
            return true;
        }
        self.held = held;
        false
    }
}

/// Writes as much of the beginning of a block as may be sent; `false` if it has to be held.
fn begin(block: &[u8], first: bool, edit: &mut impl Edit, out: &mut Vec<u8>) -> bool {
    let mut rest = block;
    if first {
        rest = block.strip_prefix(BYTE_ORDER_MARK).unwrap_or(block);
    }
    let mut name: &[u8] = b"message";
    while let Some((line, _)) = next_line(&mut rest) {
        match parse(line) {
            (Field::Data, _) => return false,
            (Field::Event, b"") => name = b"message",
            (Field::Event, value) => name = value,
            (Field::Id | Field::Other, _) => {}
        }
    }
    let (Field::Data, data) = parse(rest) else { return false };
    let mut changed = Vec::new();
    if !edit.begin(Event { name, data }, &mut changed) {
        return false;
    }
    let head = until(block, rest);
    out.extend(rewrite(head, first, edit).unwrap_or_else(|| head.to_vec()));
    out.extend_from_slice(until(rest, data));
    out.extend(changed);
    true
}
