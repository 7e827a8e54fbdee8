//! Objects that are reported as leaves, with their whole text.

use super::input::Input;
use super::{Leaf, Stream, Visit, Within};

/// An object that is reported as a leaf when it has ended.
#[derive(Debug)]
pub(super) struct Whole<T> {
    pub(super) tag: T,
    /// The offset of its first byte.
    pub(super) at: u64,
    /// How many objects and lists are open around it.
    pub(super) depth: usize,
    /// What earlier chunks had of it.
    pub(super) collected: Vec<u8>,
}

impl<T: Copy> Stream<T> {
    /// Such an object begins with the last byte.
    pub(super) fn begin_whole(&mut self, tag: T, input: &Input<'_>) {
        let at = self.offset.saturating_add(input.at() as u64).saturating_sub(1);
        let depth = self.open.depth().saturating_sub(1);
        self.whole = Some(Box::new(Whole { tag, at, depth, collected: Vec::new() }));
    }

    /// Keeps what the chunk has of one that goes on, unless that is too long.
    pub(super) fn keep_whole(&mut self, input: &Input<'_>, visit: &mut impl Visit<T>) {
        let Some(mut whole) = self.whole.take() else { return };
        whole.collected.extend_from_slice(self.since(whole.at, input));
        if whole.collected.len() > self.limit {
            visit.oversized(whole.tag);
        } else {
            self.whole = Some(whole);
        }
    }

    /// An object that is reported as a leaf has ended.
    pub(super) fn end_whole(
        &mut self,
        whole: Whole<T>,
        input: &Input<'_>,
        visit: &mut impl Visit<T>,
    ) {
        let Whole { tag, at, mut collected, .. } = whole;
        collected.extend_from_slice(self.since(at, input));
        // As if it had come in pieces, of which nobody would have looked at the first.
        if collected.len() > self.limit {
            return visit.oversized(tag);
        }
        match std::str::from_utf8(&collected) {
            Ok(raw) => visit.leaf(Leaf { tag, raw, at }),
            Err(_) => self.within = Within::Malformed,
        }
    }

    /// What the chunk has, up to here, of what began at this offset.
    fn since<'c>(&self, at: u64, input: &Input<'c>) -> &'c [u8] {
        input.since(usize::try_from(at.saturating_sub(self.offset)).unwrap_or(usize::MAX))
    }
}
