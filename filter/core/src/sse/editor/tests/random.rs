//! The editor against a naive model, and its output as a client reads it.

use super::super::model::{lines, split};
use super::*;

/// What a client finds in a stream: its events, and its ids at each event.
fn client(stream: &[u8]) -> (Vec<Asked>, Vec<Vec<u8>>) {
    let mut events = Vec::new();
    Reader::new(NO_LIMIT).feed(stream, &mut |event| {
        events.push(Asked::Data(event.name.to_vec(), event.data.to_vec()));
    });
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let (mut ids, mut id) = (Vec::new(), Vec::new());
    for (line, end) in lines(stream) {
        if let Some((_, value)) = split(&line, "id").filter(|(_, value)| !value.contains(&0)) {
            id = value.to_vec();
        }
        if line.is_empty() && !end.is_empty() {
            ids.push(id.clone());
        }
    }
    (events, ids)
}

fn stream(chance: &mut Chance, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = if chance.below(4) == 0 { BYTE_ORDER_MARK.to_vec() } else { Vec::new() };
    for _ in 0..chance.below(30) {
        stream.extend_from_slice(chance.pick(pieces));
    }
    stream
}

fn cuts<'s>(chance: &mut Chance, stream: &'s [u8]) -> Vec<&'s [u8]> {
    let mut chunks = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(chance.below(rest.len().min(20)) + 1);
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

const PIECES: [&[u8]; 30] = [
    b"data: !\n",
    b"\nid: !",
    b"\n",
    b"\n",
    b"\n\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n",
    b"\r\r",
    b"data",
    b"data:",
    b"data: ",
    b"data: ",
    b"\ndata: x",
    b"event: e",
    b"event",
    b"id",
    b"id:",
    b"id: ",
    b":",
    b" ",
    b"!",
    b"!",
    b"|",
    b"^",
    b"~",
    b"_",
    b"\0",
    b"0123456789",
];

#[test]
fn any_stream_in_any_chunks_is_as_the_model_says() {
    let mut chance = Chance::new(11);
    let mut changed = 0;
    for _ in 0..15_000 {
        let stream = stream(&mut chance, &PIECES);
        let limit = chance.pick(&[0, 9, 30, NO_LIMIT]);
        let expected = model(limit, &stream);
        let shown = String::from_utf8_lossy(&stream);
        let chunks = cuts(&mut chance, &stream);
        assert_eq!(run(limit, [&stream[..]]), expected, "{shown:?}, {limit}");
        assert_eq!(run(limit, chunks), expected, "{shown:?}, {limit}");
        assert_eq!(run(limit, stream.chunks(1)), expected, "{shown:?}, {limit}");
        changed += usize::from(!stream.starts_with(&expected.out));
    }
    assert!(changed > 1_500, "{changed}");
}

#[test]
fn a_client_finds_what_the_edit_said() {
    let mut chance = Chance::new(12);
    for _ in 0..15_000 {
        let stream = stream(&mut chance, &PIECES);
        let Ran { out, unfinished, .. } = run(NO_LIMIT, cuts(&mut chance, &stream));
        let out = [out, unfinished.held].concat();
        let (mut events, mut ids) = client(&stream);
        for event in &mut events {
            let Asked::Data(_, data) = event else { continue };
            let new = String::from_utf8(change(data).unwrap_or_else(|| data.clone())).unwrap();
            *data = new.replace("\r\n", "\n").replace('\r', "\n").into_bytes();
        }
        for id in &mut ids {
            let new = change(id).filter(|new| !new.contains(&b'\r') && !new.contains(&b'\n'));
            *id = new.unwrap_or_else(|| id.clone());
        }
        assert_eq!(client(&out), (events, ids), "{:?}", String::from_utf8_lossy(&stream));
    }
}

/// Changes nothing.
struct Nothing;

impl Edit for Nothing {
    fn data(&mut self, _: Event<'_>) -> Option<Vec<u8>> {
        None
    }

    fn id(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn without_a_change_all_bytes_stay() {
    let mut chance = Chance::new(13);
    for _ in 0..10_000 {
        let mut stream = stream(&mut chance, &PIECES);
        if chance.below(3) == 0 {
            stream.extend(chance.bytes(20));
        }
        let mut editor = Editor::new(chance.pick(&[0, 9, 30, NO_LIMIT]));
        let mut out = Vec::new();
        for chunk in cuts(&mut chance, &stream) {
            if editor.feed(chunk, &mut Nothing, &mut out) == Passed::AsIs {
                out.extend_from_slice(chunk);
            }
        }
        out.extend(editor.finish().held);
        assert_eq!(out, stream);
    }
}
