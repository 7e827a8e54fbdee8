//! Changes a stream of server-sent events.
//!
//! Promises: the same output for the same bytes, however they are cut into chunks; every byte that
//! no change touches is sent as it was received; a parser of the output finds what the [`Edit`] returned.
//! Time is linear in the number of bytes, and memory bounded by the limit, twice (an event and its
//! joined data), and by what a growing `Vec` adds. A chunk in which nothing changes and no event is
//! left unfinished is not even copied.
//!
//! The stream is cut into pieces. Most are *blocks*: all lines up to a blank one, that line
//! included. A block is held until it is complete, since a change may depend on any of its lines. Its
//! last line is complete with a CR: an LF that follows later is sent by itself. A comment between
//! blocks is a piece of its own: it keeps an idle connection alive, which it could not do if it were
//! held until the next event ends.
//!
//! A long line of data streams if the [`Edit`] can change it in parts; the rest of the block, behind
//! that line, is held as usual.
//!
//! A block over the limit passes unchanged, all of it, without being held or read; so does an `id` in
//! it, even though a client will remember that.

use crate::bytes::Passed;
use std::mem;

use rewrite::rewrite;
use splice::{Splice, until};

use super::Event;
use super::line::{BYTE_ORDER_MARK, next_line};

mod flow;
#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(clippy::unwrap_used, clippy::indexing_slicing))]
pub(crate) mod model;
mod parts;
mod rewrite;
mod splice;
#[cfg(test)]
mod tests;

/// Decides what changes in a stream.
pub(crate) trait Edit {
    /// The new data of an event; `None` leaves it as it is. Called for each event, in order, once it
    /// is complete; a priming event has empty data.
    ///
    /// New data may have several lines. The format has no way to write a CR in data, so each CR or
    /// CRLF reaches the client as LF, which for JSON is all the same.
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>>;

    /// Whether events keep their ids; all lines with one are taken out if not.
    fn keeps_ids(&self) -> bool {
        true
    }

    /// The new value of an `id`; `None` leaves it as it is. Called for each `id` line in order,
    /// after the [`data`](Self::data) of its event, and also where there are no data, since a client
    /// remembers that id as well. Not called for an empty id, which makes a client forget the last
    /// one, nor for one with a NUL, which clients ignore.
    ///
    /// An id can have no CR, LF or NUL: a new value with one of them leaves the line as it is.
    fn id(&mut self, id: &[u8]) -> Option<Vec<u8>>;

    /// Takes the beginning of an event's data, in a line that is too long to be held, and returns whether
    /// the line can stream. If so, what may be sent of the data is appended to `out`, and the rest of the
    /// line is handed to [`Self::more`].
    fn begin(&mut self, _event: Event<'_>, _out: &mut Vec<u8>) -> bool {
        false
    }

    /// Takes the next bytes of that line, the last ones if it `ends`. What may be sent is appended to
    /// `out`, unless that is exactly `part`.
    fn more(&mut self, _part: &[u8], _ends: bool, _out: &mut Vec<u8>) -> Passed {
        Passed::AsIs
    }

    /// The event whose data streamed has ended.
    fn end(&mut self) {}
}

/// The end of a stream that breaks off within an event or a comment. What breaks off is no event to
/// a client, unless something follows that completes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// What was held back of it, unchanged; the caller decides whether to send it.
    pub held: Vec<u8>,
    /// Whether a part of it was sent, because it is over the limit or streams: what follows would be
    /// taken for more of the same line or event.
    pub begun: bool,
}

/// Edits one stream.
#[derive(Debug)]
pub(crate) struct Editor {
    limit: usize,
    /// The piece in progress, as long as it is within the limit.
    held: Vec<u8>,
    /// What the piece in progress is, once it is over the limit.
    oversized: Option<Piece>,
    /// How many blocks were over the limit.
    skipped: usize,
    /// Whether the last chunk broke off within a line.
    in_line: bool,
    /// Whether the last chunk ended with a CR: an LF at the start of the next belongs to it.
    after_cr: bool,
    /// Whether no piece has ended yet.
    first: bool,
    /// What is known of the data of the block in progress.
    course: Course,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Too short to ask the [`Edit`] whether they can stream.
    Short,
    /// They cannot stream.
    Stays,
    /// The line in progress is a line of data that streams.
    Flows,
    /// A line of its data has streamed, to its end.
    Flowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// A line that is a comment, between blocks.
    Comment,
    Block,
}

impl Editor {
    /// An editor of a new stream. An event may have `limit` bytes on the wire, all its lines and
    /// their ends counted, but for the LF of a blank CRLF; an event with more is skipped. A limit
    /// below 3 counts as 3.
    #[must_use]
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            // Only what follows a byte order mark shows what a piece is.
            limit: limit.max(BYTE_ORDER_MARK.len()),
            held: Vec::new(),
            oversized: None,
            skipped: 0,
            in_line: false,
            after_cr: false,
            first: true,
            course: Course::Short,
        }
    }

    /// How many bytes of memory the held bytes take up: up to twice their number, and none between
    /// events.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.held.capacity()
    }

    /// How many complete events were over the limit. They were sent unchanged and unread, so this counts
    /// blocks that are no event, too.
    #[must_use]
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }

    /// Takes the next bytes, as [`Self::feed`] does.
    fn take(&mut self, chunk: &[u8], edit: &mut impl Edit, out: &mut Vec<u8>) -> Passed {
        let mut splice = Splice::new(chunk, out);
        let mut rest = chunk;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            rest = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        // The chunk from where the piece in progress begins. A late LF is part of it, or behind the
        // last one.
        let between = self.held.is_empty() && self.oversized.is_none();
        let mut from = if between { rest } else { chunk };
        if self.course == Course::Flows {
            rest = self.flow(rest, edit, &mut splice);
            from = rest;
        }
        while let Some((line, end)) = next_line(&mut rest) {
            self.after_cr = end == b"\r" && rest.is_empty();
            let in_line = mem::take(&mut self.in_line);
            let blank = line.is_empty() && !in_line;
            let piece = self.oversized.unwrap_or_else(|| self.piece(from));
            if blank || piece == Piece::Comment {
                // The LF could be the first byte of the next chunk, so it does not count.
                let late = usize::from(end == b"\r\n");
                self.end(piece, (from, rest), late, edit, &mut splice);
                from = rest;
            }
        }
        self.in_line |= !rest.is_empty();
        if !from.is_empty() && self.begins_to_flow(from, edit, &mut splice) {
            from = &[];
        }
        if self.oversized.is_none() && !from.is_empty() {
            if self.fits(from.len()) {
                splice.replace(from, b"", b"");
                self.held.extend_from_slice(from);
            } else {
                self.oversized = Some(self.piece(from));
                self.release(from, &mut splice);
            }
        }
        splice.finish()
    }

    /// Ends the stream.
    #[must_use]
    pub(crate) fn finish(self) -> Unfinished {
        let begun = self.oversized.is_some() || self.has_flowed();
        Unfinished { held: self.held, begun }
    }

    /// What the piece in progress is, which goes on with `bytes`.
    fn piece(&self, bytes: &[u8]) -> Piece {
        let mut bytes = self.held.iter().chain(bytes);
        let mark = BYTE_ORDER_MARK;
        if self.first && bytes.clone().take(mark.len()).eq(mark) {
            bytes.by_ref().take(mark.len()).for_each(drop);
        }
        if bytes.next() == Some(&b':') { Piece::Comment } else { Piece::Block }
    }

    /// Whether the limit has room for the piece in progress with so many bytes more.
    fn fits(&self, more: usize) -> bool {
        more <= self.limit.saturating_sub(self.held.len())
    }

    /// Sends what is held before `from`, where the chunk begins.
    fn release<'c>(&mut self, from: &'c [u8], splice: &mut Splice<'c, '_>) {
        if !self.held.is_empty() {
            splice.replace(from, &mem::take(&mut self.held), from);
        }
    }

    /// Ends a piece. Its last bytes lie between these two places in the chunk; the last `late` of
    /// them do not count.
    fn end<'c>(
        &mut self,
        piece: Piece,
        (from, to): (&'c [u8], &'c [u8]),
        late: usize,
        edit: &mut impl Edit,
        splice: &mut Splice<'c, '_>,
    ) {
        let first = mem::take(&mut self.first);
        let bytes = until(from, to);
        let fits = self.fits(bytes.len() - late);
        if !fits && self.course == Course::Short && piece == Piece::Block {
            let block = [&mem::take(&mut self.held), bytes].concat();
            let (new, skipped) = self.in_parts(&block, first, edit);
            self.skipped += skipped;
            splice.replace(from, &new, to);
            return;
        }
        let oversized = self.oversized.take().is_some() || !fits;
        if oversized || piece == Piece::Comment {
            self.skipped += usize::from(piece == Piece::Block);
            self.release(from, splice);
        } else if self.held.is_empty() {
            if let Some(new) = rewrite(bytes, first, edit) {
                splice.replace(from, &new, to);
            }
        } else {
            self.held.extend_from_slice(bytes);
            let block = mem::take(&mut self.held);
            let new = rewrite(&block, first, edit);
            splice.replace(from, &new.unwrap_or(block), to);
        }
        // A comment behind data that streamed is within their block.
        if piece == Piece::Block || !self.has_flowed() {
            if self.has_flowed() {
                edit.end();
            }
            self.course = Course::Short;
        }
    }
}
