//! Reads whole events with all that they say: for whoever writes them into another stream, and reconnects.
//!
//! Promises: the same events for the same bytes, however they are cut into chunks; time linear in the number of
//! bytes; memory bounded by the limit, and by what a growing `Vec` adds. As the standard says, a blank line ends
//! an event, and one that the stream breaks off in does not count. Unlike [`super::Reader`] it gives up at an
//! event over the limit.

use std::mem;

use super::line::{BYTE_ORDER_MARK, Field, next_line, parse};

/// One block of lines.
#[derive(Debug, Default)]
pub(crate) struct WholeEvent {
    /// The event's type; empty where the stream gives none.
    pub(crate) name: Vec<u8>,
    /// The `data` lines, joined with line feeds; `None` without such a line: then it is no event, but what else
    /// it says counts.
    pub(crate) data: Option<Vec<u8>>,
    /// The last `id`; empty for one that makes a client forget the last one.
    pub(crate) id: Option<Vec<u8>>,
    /// The last `retry`, in milliseconds.
    pub(crate) retry: Option<u64>,
}

/// An event is over the limit; nothing more is read. With its `id`, if that came before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong {
    pub(crate) id: Option<Vec<u8>>,
}

/// Reads one stream.
#[derive(Debug)]
pub(crate) struct EventReader {
    limit: usize,
    /// The line that the last chunk broke off in.
    line: Vec<u8>,
    event: WholeEvent,
    /// Whether no line has ended yet.
    first: bool,
    /// Whether the last chunk ended with a CR: an LF at the start of the next belongs to it.
    after_cr: bool,
}

impl EventReader {
    /// A reader of a new stream. What is kept of an event may have `limit` bytes.
    #[must_use]
    pub(crate) fn new(limit: usize) -> Self {
        let event = WholeEvent::default();
        Self { limit, line: Vec::new(), event, first: true, after_cr: false }
    }

    /// How many bytes of memory an event takes up that is not complete.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        let WholeEvent { name, data, id, .. } = &self.event;
        let rest = [data, id].into_iter().flatten().map(Vec::capacity);
        self.line.capacity() + name.capacity() + rest.sum::<usize>()
    }

    /// Reads the next bytes of the stream and hands each event that ends in them to `sink`, in order.
    ///
    /// # Errors
    ///
    /// [`TooLong`], after the events before.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        sink: &mut impl FnMut(WholeEvent),
    ) -> Result<(), TooLong> {
        let mut rest = chunk;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            rest = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some((line, end)) = next_line(&mut rest) {
            self.after_cr = end == b"\r" && rest.is_empty();
            if self.line.is_empty() {
                self.take(line, sink)?;
            } else {
                self.hold(line)?;
                let whole = mem::take(&mut self.line);
                self.take(&whole, sink)?;
            }
        }
        self.hold(rest)
    }

    /// Keeps a part of a line.
    fn hold(&mut self, part: &[u8]) -> Result<(), TooLong> {
        self.check(self.line.len() + part.len())?;
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Takes a line.
    fn take(&mut self, line: &[u8], sink: &mut impl FnMut(WholeEvent)) -> Result<(), TooLong> {
        // As it came: a part of it that was held is counted with its byte order mark, too.
        self.check(line.len())?;
        let first = mem::take(&mut self.first);
        let line = if first { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        if line.is_empty() {
            sink(mem::take(&mut self.event));
            return Ok(());
        }
        let event = &mut self.event;
        match parse(line) {
            (Field::Event, value) => event.name = value.to_vec(),
            (Field::Data, value) => match &mut event.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                data @ None => *data = Some(value.to_vec()),
            },
            (Field::Id, value) if !value.contains(&0) => event.id = Some(value.to_vec()),
            (Field::Id | Field::Other, _) => {
                event.retry = retry(line).or(event.retry);
            }
        }
        Ok(())
    }

    /// Whether there is room for so many bytes beside the event so far.
    fn check(&mut self, more: usize) -> Result<(), TooLong> {
        let WholeEvent { name, data, id, .. } = &self.event;
        let kept = name.len() + [data, id].into_iter().flatten().map(Vec::len).sum::<usize>();
        if kept.saturating_add(more) > self.limit {
            return Err(TooLong { id: self.event.id.take() });
        }
        Ok(())
    }
}

/// The value of a line that says after how many milliseconds to reconnect.
fn retry(line: &[u8]) -> Option<u64> {
    let value = line.strip_prefix(b"retry:")?;
    let digits = value.strip_prefix(b" ").unwrap_or(value);
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    /// Each event as text, and what ended the stream early.
    fn read(limit: usize, chunks: &[&[u8]]) -> (Vec<String>, Option<TooLong>) {
        let mut reader = EventReader::new(limit);
        let mut seen = Vec::new();
        let mut sink = |WholeEvent { name, data, id, retry }: WholeEvent| {
            let text = |it: Vec<u8>| String::from_utf8(it).unwrap();
            let (data, id) = (data.map(text), id.map(text));
            seen.push(format!("{} {data:?} {id:?} {retry:?}", text(name)));
        };
        let ended = chunks.iter().find_map(|chunk| reader.feed(chunk, &mut sink).err());
        (seen, ended)
    }

    const STREAM: &str = "\u{feff}: x\nid: 1\ndata:\n\nevent: other\ndata: a\ndata:  b\nid: 1\nid: 2\n\n\
        retry: 5\n\nretry:x\nid\ndata: c\nretry: 7\nfoo: bar\n\nid: \0\ndata\ndata\n\ndata: unfinished";

    #[test]
    fn a_byte_order_mark_counts_however_it_is_cut() {
        let stream = b"\xEF\xBB\xBFx: 456789\ndata: 1\n\n";
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        for (limit, is_read) in [(11, false), (12, true)] {
            let whole = read(limit, &[stream]);
            assert_eq!((whole.0.len() == 1, whole.1.is_none()), (is_read, is_read), "{whole:?}");
            assert_eq!(read(limit, &bytes), whole);
        }
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let expected = [
            r#" Some("") Some("1") None"#,
            r#"other Some("a\n b") Some("2") None"#,
            " None None Some(5)",
            r#" Some("c") Some("") Some(7)"#,
            r#" Some("\n") None None"#,
        ];
        for end in ["\n", "\r", "\r\n"] {
            let stream = STREAM.replace('\n', end).into_bytes();
            assert_eq!(read(99, &[&stream]), (expected.map(str::to_owned).to_vec(), None));
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(read(99, &bytes).0, expected);
            for seed in 0..100 {
                let mut chance = Chance::new(seed);
                let (mut rest, mut chunks) = (&stream[..], Vec::new());
                while !rest.is_empty() {
                    let (chunk, after) =
                        rest.split_at(chance.below(rest.len() + 1).min(rest.len()));
                    chunks.push(chunk);
                    rest = after;
                }
                assert_eq!(read(99, &chunks).0, expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn an_event_over_the_limit_ends_the_stream_and_comments_do_not() {
        let long = "x".repeat(20);
        let comments = ": x\n".repeat(50);
        let stream = format!("{comments}data: a\n\n{comments}id: 7\ndata: {long}\n\ndata: b\n\n");
        let ended = Some(TooLong { id: Some(b"7".to_vec()) });
        for size in [1, 3, 1000] {
            let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            let (seen, why) = read(20, &chunks);
            assert_eq!((seen.len(), &why), (1, &ended), "{size}");
            assert_eq!(read(40, &chunks).1, None);
        }
        let unfinished = vec![b'x'; 100];
        assert_eq!(read(20, &[&unfinished]).1, Some(TooLong { id: None }));
        // Many lines of an event are one event.
        assert!(read(20, &["data: abc\n".repeat(10).as_bytes()]).1.is_some());
    }
}
