use super::*;
use crate::chance::Chance;

/// What a reader reported: name and data of each event, and how many it skipped.
type Seen = (Vec<(Vec<u8>, Vec<u8>)>, usize);

const NOTHING: Seen = (Vec::new(), 0);

const NO_LIMIT: usize = usize::MAX;

fn read<'c>(limit: usize, chunks: impl IntoIterator<Item = &'c [u8]>) -> Seen {
    let mut reader = Reader::new(limit);
    let mut seen = Vec::new();
    for chunk in chunks {
        reader.feed(chunk, &mut |event| {
            seen.push((event.name.to_vec(), event.data.to_vec()));
        });
    }
    (seen, reader.skipped())
}

/// The standard's own steps, one after the other, over the whole stream.
fn model(limit: usize, stream: &[u8]) -> Seen {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let mut lines: Vec<Vec<u8>> = vec![Vec::new()];
    let mut bytes = stream.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' {
            bytes.next_if_eq(&b'\n');
        }
        if byte == b'\r' || byte == b'\n' {
            lines.push(Vec::new());
        } else {
            lines.last_mut().unwrap().push(byte);
        }
    }
    lines.pop();

    let (mut seen, mut name, mut data) = (Vec::new(), Vec::new(), Vec::new());
    let (mut oversized, mut skipped) = (false, 0);
    for line in lines {
        if line.is_empty() {
            if oversized {
                skipped += 1;
            } else if data.pop().is_some() {
                let name = if name.is_empty() { b"message".to_vec() } else { name };
                seen.push((name, data));
            }
            (name, data, oversized) = (Vec::new(), Vec::new(), false);
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value.to_vec(),
            b"data" => {
                data.extend_from_slice(value);
                data.push(b'\n');
            }
            _ => {}
        }
        oversized |= name.len() > limit || data.len().saturating_sub(1) > limit;
    }
    (seen, skipped)
}

/// Holds the reader to the model: whole, byte by byte, cut in two at every place, with trailing
/// data that no blank line ends.
fn check(limit: usize, stream: &[u8]) -> Seen {
    let seen = model(limit, stream);
    let shown = String::from_utf8_lossy(stream);
    assert_eq!(read(limit, [stream]), seen, "whole: {shown:?}");
    assert_eq!(read(limit, stream.chunks(1)), seen, "byte by byte: {shown:?}");
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(read(limit, [head, b"", tail]), seen, "cut at {at}: {shown:?}");
    }
    if matches!(stream, [.., b'\n', b'\n'] | [.., b'\r', b'\r']) {
        for trailing in [&b"data: never"[..], b"data: never\n", b"event: e\r\n", b":", b"d"] {
            let longer = [stream, trailing].concat();
            assert_eq!(read(limit, [&longer[..]]), seen, "trailing {trailing:?}: {shown:?}");
            assert_eq!(read(limit, longer.chunks(1)), seen, "trailing {trailing:?}: {shown:?}");
        }
    }
    seen
}

fn is(stream: &str, expected: &[(&str, &str)]) {
    let events = expected.iter();
    let events = events.map(|(name, data)| (name.as_bytes().to_vec(), data.as_bytes().to_vec()));
    let expected: Seen = (events.collect(), 0);
    for end in ["\n", "\r\n", "\r"] {
        let stream = stream.replace('\n', end);
        assert_eq!(check(NO_LIMIT, stream.as_bytes()), expected, "{stream:?}");
        let marked = format!("\u{FEFF}{stream}");
        assert_eq!(check(NO_LIMIT, marked.as_bytes()), expected, "{marked:?}");
    }
}

#[test]
fn events() {
    is("", &[]);
    is("\n\n\n", &[]);
    is("data: {}\n\n", &[("message", "{}")]);
    is("data: {}\n", &[]);
    is("data: {}", &[]);
    is("event: message\ndata: {\"é\":1}\n\n", &[("message", "{\"é\":1}")]);
    is(
        "data: 1\n\ndata: 2\n\n\ndata: 3\n\n",
        &[("message", "1"), ("message", "2"), ("message", "3")],
    );
    is("event: a\ndata: 1\n\ndata: 2\n\n", &[("a", "1"), ("message", "2")]);
    is("data: 1\nevent: a\n\n", &[("a", "1")]);
    is("event: a\nevent: bc\ndata: 1\nevent\n\n", &[("message", "1")]);
    is("event: a\n\ndata: 1\n\n", &[("message", "1")]);
}

#[test]
fn several_data_lines_are_joined() {
    is("data: a\ndata: b\n\n", &[("message", "a\nb")]);
    is("data: a\n: comment\nid: 7\ndata: b\nevent: e\ndata\ndata:\n\n", &[("e", "a\nb\n\n")]);
    is("data\ndata\n\n", &[("message", "\n")]);
}

#[test]
fn priming_events_have_empty_data() {
    is("id: 1\ndata:\n\ndata: x\n\n", &[("message", ""), ("message", "x")]);
    is("id: 1\nretry: 3000\ndata: \n\n", &[("message", "")]);
    is("data\n\n", &[("message", "")]);
    is("id: 1\n\n", &[]);
    is("id: 1\nretry: 10\n\ndata: x\n\n", &[("message", "x")]);
}

#[test]
fn comments_and_unknown_fields_are_skipped() {
    is(": ping\n\n:\n\n:data: x\n\n", &[]);
    is(": ping\ndata: x\n:\n\n", &[("message", "x")]);
    is("dat: x\ndatax: y\n data: z\nDATA: a\ndata : b\neventdata: c\ne\nd\n\n", &[]);
    is("datadata: x\ndataevent\neventful: y\ndata: 1\n\n", &[("message", "1")]);
}

#[test]
fn one_space_is_stripped_from_a_value() {
    is(
        "data:x\n\ndata:  x \n\ndata:: x\n\n",
        &[("message", "x"), ("message", " x "), ("message", ": x")],
    );
    is("event:e\ndata:\tx\n\n", &[("e", "\tx")]);
}

#[test]
fn line_ends_mix() {
    let seen = check(NO_LIMIT, b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\rdata: e\n\n\r\n");
    let data: Vec<_> = seen.0.into_iter().map(|(_, data)| data).collect();
    assert_eq!(data, [&b"a\nb\nc"[..], b"d", b"e"]);
}

#[test]
fn only_the_first_byte_order_mark_is_skipped() {
    assert_eq!(check(NO_LIMIT, b"\xEF\xBB\xBF\xEF\xBB\xBFdata: x\n\n"), NOTHING);
    assert_eq!(check(NO_LIMIT, b"\xEF\xBBdata: x\n\n"), NOTHING);
    is("data: 1\n\n\u{FEFF}data: 2\n\n", &[("message", "1")]);
    is("data: \u{FEFF}1\n\n", &[("message", "\u{FEFF}1")]);
}

#[test]
fn data_are_bytes() {
    let seen = check(NO_LIMIT, b"event: \xFF\ndata: \xC3\0\x80\n\n");
    assert_eq!(seen.0, [(b"\xFF".to_vec(), b"\xC3\0\x80".to_vec())]);
}

#[test]
fn data_within_one_chunk_are_not_copied() {
    let chunk = b": hi\n\nevent: message\nid: 1\ndata: {\"a\":1}\nretry: 1\n\ndata: 2\n\ndata: 3\n";
    let within = |data: &[u8]| chunk.as_ptr_range().contains(&data.as_ptr());
    let mut borrowed = Vec::new();
    let mut reader = Reader::new(NO_LIMIT);
    reader.feed(chunk, &mut |event| borrowed.push(within(event.data)));
    assert_eq!(borrowed, [true, true]);
    assert!(reader.data == b"3");
}

#[test]
fn an_event_over_the_limit_is_skipped() {
    let seen = |limit, stream: &[u8]| {
        let (events, skipped) = check(limit, stream);
        (events.into_iter().map(|(_, data)| String::from_utf8(data).unwrap()).collect(), skipped)
    };
    let are = |data: &[&str], skipped| -> (Vec<String>, usize) {
        (data.iter().map(ToString::to_string).collect(), skipped)
    };
    let stream = b"data: 12345\n\ndata: 123456\n\ndata: 1\n\n";
    assert_eq!(seen(5, stream), are(&["12345", "1"], 1));
    // The line feeds between data lines count, a comment does not.
    let stream = b"data: 12\ndata: 34\n: a long comment\n\ndata: 12\ndata: 3\ndata\ndata: 2\n\n";
    assert_eq!(seen(5, stream), are(&["12\n34"], 1));
    let stream = b"event: 123456\nevent: e\ndata: 1\n\ndata: 2\n\nid: 123456\ndata\n\n";
    assert_eq!(seen(5, stream), are(&["2", ""], 1));
    assert_eq!(seen(0, b"data: 1\n\ndata\n\nevent: e\n\n"), are(&[""], 2));
    assert_eq!(seen(5, b"data: 123456\n"), are(&[], 0));
}

#[test]
fn messages_are_told_from_other_events() {
    let mut seen = Vec::new();
    let stream = b"data\n\nevent: message\ndata\n\nevent: ping\ndata\n\nevent:\ndata\n\n";
    Reader::new(NO_LIMIT).feed(stream, &mut |event| seen.push(event.is_message()));
    assert_eq!(seen, [true, true, false, true]);
}

#[test]
fn memory_stays_within_the_limit() {
    const LIMIT: usize = 1000;
    let mut reader = Reader::new(LIMIT);
    let line = [b'x'; 700];
    for field in ["data: ", "event: ", ": ", "other: "] {
        reader.feed(field.as_bytes(), &mut |_| {});
        for _ in 0..1000 {
            reader.feed(&line, &mut |_| {});
        }
        reader.feed(b"\n\n", &mut |_| {});
    }
    for buffer in [&reader.data, &reader.name, &reader.head] {
        assert!(buffer.capacity() <= 2 * LIMIT, "{}", buffer.capacity());
    }
}

#[test]
fn any_bytes_in_any_chunks_give_the_same_events() {
    const PIECES: [&[u8]; 18] = [
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\r\r",
        b"data",
        b"data:",
        b"data: ",
        b"event",
        b"event: ",
        b":",
        b" ",
        b"id: ",
        b"retry: 1",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xBB\xBF",
        b"0123456789abc",
    ];
    let mut chance = Chance::new(5);
    for round in 0..20_000 {
        let mut stream = Vec::new();
        for _ in 0..chance.below(24) {
            if round % 4 == 0 {
                stream.extend(chance.bytes(6));
            } else {
                stream.extend_from_slice(chance.pick(&PIECES));
            }
        }
        let limit = chance.pick(&[0, 3, 14, NO_LIMIT]);
        let seen = model(limit, &stream);
        let mut chunks = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chance.below(rest.len().min(12)) + 1);
            chunks.push(chunk);
            rest = after;
        }
        assert_eq!(read(limit, [&stream[..]]), seen, "{stream:?}");
        assert_eq!(read(limit, chunks.iter().copied()), seen, "{chunks:?}");
    }
}

/// Eight times the bytes of one event, in small chunks, take about eight times as long; a reader
/// that started over with every chunk would take 64 times as long.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn time_is_linear() {
    let time = |len: usize| {
        let stream = [b"data: ", vec![b'x'; len].as_slice(), b"\n\n"].concat();
        let start = std::time::Instant::now();
        assert_eq!(read(NO_LIMIT, stream.chunks(16)).0.len(), 1);
        start.elapsed()
    };
    // A busy machine is given many chances to show its shortest times.
    let (mut short, mut long) = (std::time::Duration::MAX, std::time::Duration::MAX);
    for _ in 0..40 {
        (short, long) = (short.min(time(1 << 16)), long.min(time(8 << 16)));
        if long < short * 30 {
            return;
        }
    }
    panic!("{short:?}, then {long:?}");
}
