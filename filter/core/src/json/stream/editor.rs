//! Changes leaves of a document while it streams.
//!
//! Promises: the same output however the bytes are cut; every byte outside the leaves that change
//! goes out as it came in. Bytes are held back only from the first leaf on that is not decided,
//! because it is not complete or because [`Edit`] wants to see more; a chunk in which nothing changes
//! and nothing is held back is not even copied.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use super::{Skipping, Status, Stream};
use crate::bytes::Passed;
use crate::json::{Decision, Edit, Interest, Leaf, Visit};

/// Edits one document.
#[derive(Debug)]
pub(crate) struct Editor<T: 'static> {
    stream: Stream<T>,
    /// What is held back; the first `gone` bytes of it have gone out since.
    held: Vec<u8>,
    gone: usize,
    changes: Changes<T>,
}

/// What is decided, and what is not.
#[derive(Debug)]
struct Changes<T> {
    limit: u64,
    /// How many watched objects have begun, and not ended.
    depth: usize,
    waiting: VecDeque<Waiting<T>>,
    /// How many bytes the texts of those have.
    noted: usize,
    /// Those that have not gone out.
    decided: Vec<(Range<u64>, Vec<u8>)>,
    skipped: usize,
}

/// A leaf that waits.
#[derive(Debug)]
struct Waiting<T> {
    tag: T,
    at: Range<u64>,
    raw: String,
    /// How many watched objects were open around it.
    depth: usize,
}

impl<T: Copy> Editor<T> {
    /// An editor of a new document. A leaf over `limit` bytes stays as it is, and so does one that
    /// waits for longer than that; what is held back is bounded by the limit, a few times, since
    /// leaves that wait are noted.
    #[must_use]
    pub(crate) fn new(table: &'static Interest<T>, limit: usize, skipping: Skipping) -> Self {
        Self::resume(Stream::new(table, limit, skipping))
    }

    /// An editor of the rest of a document, the beginning of which `stream` has read.
    #[must_use]
    pub(crate) fn resume(stream: Stream<T>) -> Self {
        let changes = Changes {
            limit: stream.limit as u64,
            depth: 0,
            waiting: VecDeque::new(),
            noted: 0,
            decided: Vec::new(),
            skipped: 0,
        };
        Self { stream, held: Vec::new(), gone: 0, changes }
    }

    /// How far the document has come.
    #[must_use]
    pub(crate) fn status(&self) -> Status {
        self.stream.status()
    }

    /// How many bytes were fed, those behind the document's end included.
    #[must_use]
    pub(crate) fn offset(&self) -> u64 {
        self.stream.offset()
    }

    /// How many leaves went out without being looked at, because of the limit.
    #[must_use]
    pub(crate) fn skipped(&self) -> usize {
        self.changes.skipped
    }

    /// How many bytes of memory are taken up by what is held back.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.held.capacity() + self.stream.held() + self.changes.held()
    }

    /// Takes the next bytes, and appends to `out` what may go on, unless that is just the chunk.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        edit: &mut impl Edit<T>,
        out: &mut Vec<u8>,
    ) -> Passed {
        let chunk_at = self.stream.offset();
        let status = self.stream.feed(chunk, &mut Deciding { edit, changes: &mut self.changes });
        let end = self.stream.offset();
        if status == Status::Open {
            self.changes.expire(end);
        } else {
            self.changes.give_up();
        }
        let cut = end.min(self.stream.unfinished().unwrap_or(end));
        self.pass((chunk, chunk_at), cut, out)
    }

    /// Lets go of leaves that wait, which stay as they are, and of all behind them.
    pub(crate) fn release(&mut self, out: &mut Vec<u8>) {
        let end = self.stream.offset();
        self.changes.give_up();
        let cut = end.min(self.stream.unfinished().unwrap_or(end));
        // Nothing waits any more, so nothing else stays behind.
        let _ = self.pass((&[], end), cut, out);
    }

    /// Appends to `out` what may be sent of the bytes so far, up to `cut`, unless that is just the chunk, and
    /// holds back the rest.
    fn pass(&mut self, (chunk, chunk_at): (&[u8], u64), cut: u64, out: &mut Vec<u8>) -> Passed {
        let end = self.stream.offset();
        let waits = self.changes.waiting.front().map(|leaf| leaf.at.start);
        let cut = cut.min(waits.unwrap_or(end));
        let due = self.changes.due(cut);
        if self.is_free() && due.is_empty() && cut == end {
            return Passed::AsIs;
        }
        let mut source =
            Source { held: self.held.get(self.gone..).unwrap_or_default(), chunk, chunk_at, out };
        let mut done = source.start();
        for (at, with) in due {
            source.copy(done..at.start);
            source.out.extend_from_slice(&with);
            done = at.end;
        }
        source.copy(done..cut);
        self.hold(chunk, chunk_at, cut);
        Passed::Changed
    }

    /// Ends the document; what was held back, if it breaks off.
    #[must_use]
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.held.split_off(self.gone.min(self.held.len()))
    }

    fn is_free(&self) -> bool {
        self.gone == self.held.len()
    }

    /// Holds back what is behind `cut`.
    fn hold(&mut self, chunk: &[u8], chunk_at: u64, cut: u64) {
        let distance = usize::try_from(cut.abs_diff(chunk_at)).unwrap_or(usize::MAX);
        if cut >= chunk_at {
            self.held.clear();
            self.gone = 0;
            self.held.extend_from_slice(chunk.get(distance..).unwrap_or_default());
        } else {
            self.gone = self.held.len().saturating_sub(distance);
            // Moved only where that pays, so that the time stays linear.
            if self.gone > self.held.len() / 2 {
                self.held.drain(..mem::take(&mut self.gone));
            }
            self.held.extend_from_slice(chunk);
        }
        if self.is_free() {
            self.held = Vec::new();
            self.gone = 0;
        }
    }
}

impl<T: Copy> Changes<T> {
    /// Most texts are short, so what they are noted with counts for more.
    fn held(&self) -> usize {
        self.noted + self.waiting.len() * size_of::<Waiting<T>>()
    }

    /// Gives up on those that have waited for too long.
    fn expire(&mut self, now: u64) {
        while let Some(leaf) = self.waiting.front()
            && now.saturating_sub(leaf.at.start) > self.limit
        {
            self.noted -= leaf.raw.len();
            self.waiting.pop_front();
            self.skipped += 1;
        }
    }

    /// Leaves those that wait as they are.
    fn give_up(&mut self) {
        self.waiting = VecDeque::new();
        self.noted = 0;
    }

    /// Settles those that wait in the innermost watched object, which may have ended now.
    fn settle(&mut self, now: u64, ended: bool, edit: &mut impl Edit<T>) {
        self.expire(now);
        let outer = self.waiting.iter().rposition(|leaf| leaf.depth < self.depth);
        for leaf in self.waiting.split_off(outer.map_or(0, |at| at + 1)) {
            self.noted -= leaf.raw.len();
            match edit.settle(Leaf { tag: leaf.tag, raw: &leaf.raw, at: leaf.at.start }) {
                Decision::Replace(with) => self.decided.push((leaf.at, with)),
                Decision::Wait if !ended => self.wait(leaf),
                Decision::Keep | Decision::Wait | Decision::Settle => {}
            }
        }
    }

    fn wait(&mut self, leaf: Waiting<T>) {
        self.noted += leaf.raw.len();
        self.waiting.push_back(leaf);
    }

    /// The changes before an offset, in order.
    fn due(&mut self, cut: u64) -> Vec<(Range<u64>, Vec<u8>)> {
        self.decided.sort_by_key(|(at, _)| at.start);
        let due = self.decided.partition_point(|(at, _)| at.start < cut);
        self.decided.drain(..due).collect()
    }
}

struct Deciding<'d, T, E> {
    edit: &'d mut E,
    changes: &'d mut Changes<T>,
}

impl<T: Copy, E: Edit<T>> Visit<T> for Deciding<'_, T, E> {
    fn leaf(&mut self, leaf: Leaf<'_, T>) {
        let at = leaf.at..leaf.end();
        match self.edit.leaf(leaf) {
            Decision::Keep => {}
            Decision::Replace(with) => self.changes.decided.push((at, with)),
            Decision::Wait => {
                let (tag, raw, depth) = (leaf.tag, leaf.raw.to_owned(), self.changes.depth);
                self.changes.wait(Waiting { tag, at, raw, depth });
            }
            Decision::Settle => self.changes.settle(at.end, false, self.edit),
        }
    }

    fn oversized(&mut self, tag: T) {
        self.edit.oversized(tag);
        self.changes.skipped += 1;
    }

    fn begin(&mut self, tag: T) {
        self.changes.depth += 1;
        self.edit.begin(tag);
    }

    fn key(&mut self, object: T, key: Option<&str>) {
        self.edit.key(object, key);
    }

    fn end(&mut self, tag: T, at: u64) {
        if self.edit.settles(tag) {
            self.changes.settle(at, true, self.edit);
        }
        if let Some(members) = self.edit.end(tag) {
            let brace = at.saturating_sub(1);
            self.changes.decided.push((brace..brace, members));
        }
        // Those that were open before it resumed end, too.
        self.changes.depth = self.changes.depth.saturating_sub(1);
    }
}

/// What was held back, and the chunk behind it.
struct Source<'s> {
    held: &'s [u8],
    chunk: &'s [u8],
    chunk_at: u64,
    out: &'s mut Vec<u8>,
}

impl Source<'_> {
    fn start(&self) -> u64 {
        self.chunk_at.saturating_sub(self.held.len() as u64)
    }

    fn copy(&mut self, range: Range<u64>) {
        let start = self.start();
        for (bytes, start) in [(self.held, start), (self.chunk, self.chunk_at)] {
            let place = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
            let end = place(range.end).min(bytes.len());
            self.out.extend_from_slice(bytes.get(place(range.start)..end).unwrap_or_default());
        }
    }
}
