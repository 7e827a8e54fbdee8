//! Server-sent events, read as they arrive (WHATWG HTML, section 9.2, "Server-sent events"); the
//! [`Editor`] changes them while they stream.
//!
//! The reader promises: the same events for the same bytes, however they are cut into chunks; time linear in
//! the number of bytes; memory bounded by the limit, twice (the data and the name of one event),
//! and by what a growing `Vec` adds. An event that lies in one chunk and has one `data` line, as
//! most do, is handed on without a copy of its data.
//!
//! As the standard says, a blank line ends an event, one that the stream breaks off in does not
//! count, and one without a `data` line is none. The fields `id` and `retry` serve reconnection,
//! which is not this reader's. Unlike the standard, data stay bytes: whoever parses them checks
//! that they are UTF-8.

use std::mem;

use line::{BYTE_ORDER_MARK, Field, next_line, parse};

mod editor;
mod events;
pub(crate) mod line;
#[cfg(test)]
mod tests;

#[cfg(feature = "fuzz")]
pub(crate) use editor::model;
pub(crate) use editor::{Edit, Editor};
pub(crate) use events::{EventReader, TooLong, WholeEvent};

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's type; `message` where the stream gives none.
    pub name: &'a [u8],
    /// The `data` lines, joined with line feeds. Empty for a priming event (2025-11-25, Transports,
    /// "Sending Messages to the Server"): an id and an empty `data` line.
    pub data: &'a [u8],
}

impl Event<'_> {
    /// Whether this is the kind of event that carries messages; an `EventSource` hands others only
    /// to those who ask for them by name.
    #[must_use]
    pub(crate) fn is_message(&self) -> bool {
        self.name == MESSAGE
    }
}

/// Reads one stream.
#[derive(Debug)]
pub struct Reader {
    limit: usize,
    /// The type of the event in progress, so far.
    name: Vec<u8>,
    /// Its data so far, without the closing line feed that the standard adds and then removes.
    data: Vec<u8>,
    progress: Progress,
    /// How many events were skipped.
    skipped: usize,
    /// The line that the last chunk broke off in, while it is too short to say what it is.
    head: Vec<u8>,
    /// What that line is, from then on.
    field: Option<Field>,
    /// Whether no line has ended yet.
    first_line: bool,
    /// Whether the last chunk ended with a CR: an LF at the start of the next belongs to it.
    after_cr: bool,
}

/// How far the event in progress is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// No `data` line yet.
    NoData,
    /// One at least.
    Data,
    /// Past the limit: what is left of it is skipped.
    Oversized,
}

const MESSAGE: &[u8] = b"message";

/// A line of this length shows what field it is, and where the value starts.
const HEAD_LEN: usize = BYTE_ORDER_MARK.len() + b"event: ".len();

impl Reader {
    /// A reader of a new stream. The data of an event may have `limit` bytes, and its name too; an
    /// event with more is skipped.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            name: Vec::new(),
            data: Vec::new(),
            progress: Progress::NoData,
            skipped: 0,
            head: Vec::new(),
            field: None,
            first_line: true,
            after_cr: false,
        }
    }

    /// How many events that have ended were over the limit.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Reads the next bytes of the stream and hands each event that ends in them to `sink`, in
    /// order.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let mut rest = chunk;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            rest = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        // The event's only data line, as long as it lies in this chunk.
        let mut borrowed: Option<&[u8]> = None;
        while let Some((line, end)) = next_line(&mut rest) {
            self.after_cr = end == b"\r" && rest.is_empty();
            if self.field.is_some() || !self.head.is_empty() {
                self.part(line, true);
            } else if line.is_empty() {
                self.dispatch(borrowed.take(), sink);
            } else {
                match self.parse(line) {
                    (Field::Data, value)
                        if self.progress == Progress::NoData
                            && borrowed.is_none()
                            && value.len() <= self.limit =>
                    {
                        borrowed = Some(value);
                    }
                    (field, value) => {
                        if field == Field::Data {
                            self.keep(borrowed.take());
                        }
                        self.begin(field);
                        self.append(field, value);
                    }
                }
            }
            self.first_line = false;
        }
        self.keep(borrowed);
        if !rest.is_empty() {
            self.part(rest, false);
        }
    }

    /// Reads a field like [`parse`]; a part of a line has at least [`HEAD_LEN`] bytes.
    fn parse<'l>(&self, line: &'l [u8]) -> (Field, &'l [u8]) {
        match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(line) if self.first_line => parse(line),
            _ => parse(line),
        }
    }

    /// Takes a part of a line that is spread over chunks: its last one if the line `ends` with it.
    fn part(&mut self, part: &[u8], ends: bool) {
        let mut rest = part;
        if self.field.is_none() {
            let missing = HEAD_LEN.saturating_sub(self.head.len());
            let (start, after) = part.split_at_checked(missing).unwrap_or((part, &[]));
            self.head.extend_from_slice(start);
            if self.head.len() < HEAD_LEN && !ends {
                return;
            }
            let head = mem::take(&mut self.head);
            let (field, value) = self.parse(&head);
            self.field = Some(field);
            self.begin(field);
            self.append(field, value);
            rest = after;
        }
        if let Some(field) = self.field {
            self.append(field, rest);
        }
        if ends {
            self.field = None;
        }
    }

    /// Copies the data line of an event that goes on after it.
    fn keep(&mut self, borrowed: Option<&[u8]>) {
        if let Some(value) = borrowed {
            self.begin(Field::Data);
            self.append(Field::Data, value);
        }
    }

    /// Starts the value of a field: a second `event` replaces the first, a second `data` adds to it.
    fn begin(&mut self, field: Field) {
        match (field, self.progress) {
            (Field::Event, _) => self.name.clear(),
            (Field::Data, Progress::NoData) => self.progress = Progress::Data,
            (Field::Data, Progress::Data) => self.append(field, b"\n"),
            (Field::Data, Progress::Oversized) | (Field::Id | Field::Other, _) => {}
        }
    }

    /// Adds to the value of a field.
    fn append(&mut self, field: Field, value: &[u8]) {
        let buffer = match field {
            Field::Event => &mut self.name,
            Field::Data => &mut self.data,
            Field::Id | Field::Other => return,
        };
        if value.len() > self.limit.saturating_sub(buffer.len()) {
            self.progress = Progress::Oversized;
        } else if self.progress != Progress::Oversized {
            buffer.extend_from_slice(value);
        }
    }

    /// Ends the event in progress, and begins the next.
    fn dispatch(&mut self, borrowed: Option<&[u8]>, sink: &mut impl FnMut(Event<'_>)) {
        let name = if self.name.is_empty() { MESSAGE } else { &self.name };
        match (self.progress, borrowed) {
            (Progress::Oversized, _) => self.skipped += 1,
            (Progress::Data, _) => sink(Event { name, data: &self.data }),
            (Progress::NoData, Some(data)) => sink(Event { name, data }),
            (Progress::NoData, None) => {}
        }
        self.name.clear();
        self.data.clear();
        self.progress = Progress::NoData;
    }
}
