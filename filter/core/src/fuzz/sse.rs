//! The readers and the editor of event streams, in any pieces, against naive ones.

use super::cut;
use crate::sse::line::BYTE_ORDER_MARK;
use crate::sse::{EventReader, Reader, model};

/// The type and the data of an event.
type Plain = (Vec<u8>, Vec<u8>);

/// The first byte says how the rest is cut, which is read as an event stream.
///
/// # Panics
///
/// Where a promise does not hold.
pub fn sse(input: &[u8]) {
    let Some((how, bytes)) = input.split_first() else { return };
    let pieces = cut(*how, bytes);
    let events = naive(bytes);
    let expected: Vec<Plain> = events.iter().map(|(event, _)| event.clone()).collect();
    for limit in [usize::MAX, 24] {
        let whole = read(limit, &[bytes]);
        assert_eq!(read(limit, &pieces), whole, "in pieces");
        if limit == usize::MAX {
            assert_eq!(whole, (expected.clone(), 0), "as the standard says");
        } else {
            let fitting = events.iter().filter(|(_, longest)| *longest <= limit);
            let fitting: Vec<Plain> = fitting.map(|(event, _)| event.clone()).collect();
            assert_eq!(whole.0, fitting, "those within the limit");
        }
        let whole = read_whole(limit, &[bytes]);
        assert_eq!(read_whole(limit, &pieces), whole, "whole events, in pieces");
        if limit == usize::MAX {
            assert_eq!(whole, (expected.clone(), false), "whole events");
        }
        edited(limit, bytes, &pieces);
    }
}

fn read(limit: usize, pieces: &[&[u8]]) -> (Vec<Plain>, usize) {
    let (mut reader, mut events) = (Reader::new(limit), Vec::new());
    for piece in pieces {
        reader.feed(piece, &mut |event| events.push((event.name.to_vec(), event.data.to_vec())));
    }
    (events, if limit == usize::MAX { reader.skipped() } else { 0 })
}

/// Events with data, and whether the reader gave up.
fn read_whole(limit: usize, pieces: &[&[u8]]) -> (Vec<Plain>, bool) {
    let (mut reader, mut events) = (EventReader::new(limit), Vec::new());
    for piece in pieces {
        let read = reader.feed(piece, &mut |event| {
            let name = if event.name.is_empty() { b"message".to_vec() } else { event.name };
            events.extend(event.data.map(|data| (name, data)));
        });
        if read.is_err() {
            return (events, true);
        }
        assert!(limit == usize::MAX || reader.held() <= 8 * limit, "{}", reader.held());
    }
    (events, false)
}

/// The editor does to any stream what it does to a whole one, and to a stream of ASCII what its model says.
fn edited(limit: usize, bytes: &[u8], pieces: &[&[u8]]) {
    let whole = model::run(limit, [bytes]);
    assert_eq!(model::run(limit, pieces.iter().copied()), whole, "edited in pieces");
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if text.is_ascii() {
        assert_eq!(whole, model::model(limit, bytes), "as the model says");
    }
}

/// Reads events as the standard says (HTML, 9.2.6), of a stream that is there as a whole; each with how long the longest of
/// its names and its data is.
fn naive(stream: &[u8]) -> Vec<(Plain, usize)> {
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let mut events = Vec::new();
    let (mut name, mut data, mut longest) = (Vec::new(), Vec::new(), 0);
    for (line, end) in model::lines(stream) {
        if end.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"" if colon.is_none() => {
                let (name, mut data) = (std::mem::take(&mut name), std::mem::take(&mut data));
                let longest = std::mem::take(&mut longest);
                if data.pop().is_some() {
                    let name = if name.is_empty() { b"message".to_vec() } else { name };
                    let longest = longest.max(data.len());
                    events.push(((name, data), longest));
                }
            }
            b"event" => {
                name = value.to_vec();
                longest = longest.max(name.len());
            }
            b"data" => data.extend([value, b"\n"].concat()),
            _ => {}
        }
    }
    events
}
