//! The editor against a naive model, and its output as a client reads it.

use super::*;

/// The lines of a stream, each with its end, which is empty where the stream breaks off.
fn lines(stream: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut lines = Vec::new();
    let (mut line, mut at) = (Vec::new(), 0);
    while at < stream.len() {
        let end: &[u8] = match &stream[at..] {
            [b'\r', b'\n', ..] => b"\r\n",
            [b'\r', ..] => b"\r",
            [b'\n', ..] => b"\n",
            _ => b"",
        };
        if end.is_empty() {
            line.push(stream[at]);
        } else {
            lines.push((std::mem::take(&mut line), end.to_vec()));
        }
        at += end.len().max(1);
    }
    if !line.is_empty() {
        lines.push((line, Vec::new()));
    }
    lines
}

/// A line up to its value, and the value, if its field is this one.
fn split<'l>(line: &'l [u8], field: &str) -> Option<(&'l [u8], &'l [u8])> {
    let len =
        ["", ":", ": "].map(|colon| format!("{field}{colon}")).into_iter().rev().find_map(|it| {
            let found =
                if it == field { line == it.as_bytes() } else { line.starts_with(it.as_bytes()) };
            found.then_some(it.len())
        });
    len.map(|len| line.split_at(len))
}

/// The new text of the lines of one block.
fn edited(block: &[(Vec<u8>, Vec<u8>)], asked: &mut Vec<Asked>) -> Vec<u8> {
    let values = |field| block.iter().filter_map(move |(line, _)| split(line, field));
    let data: Vec<&[u8]> = values("data").map(|(_, value)| value).collect();
    let mut new_data = None;
    if !data.is_empty() {
        let name = values("event").next_back().map_or(&b""[..], |(_, name)| name);
        let name = if name.is_empty() { b"message" } else { name };
        let data = data.join(&b'\n');
        new_data = change(&data);
        asked.push(Asked::Data(name.to_vec(), data));
    }
    let mut out = Vec::new();
    for (line, end) in block {
        let mut line = line.clone();
        if let Some((name, id)) =
            split(&line, "id").filter(|(_, id)| !id.is_empty() && !id.contains(&0))
        {
            asked.push(Asked::Id(id.to_vec()));
            let new = change(id).filter(|new| !new.iter().any(|byte| b"\r\n\0".contains(byte)));
            if let Some(new) = new {
                let space = if name == b"id:" && new[0] == b' ' { " " } else { "" };
                line = [name, space.as_bytes(), &new].concat();
            }
        } else if split(&line, "data").is_some() && change(&data.join(&b'\n')).is_some() {
            let Some(new) = new_data.take() else { continue };
            let new = String::from_utf8_lossy(&new).replace("\r\n", "\n").replace('\r', "\n");
            let end = String::from_utf8(end.clone()).unwrap();
            line = format!("data: {}", new.replace('\n', &format!("{end}data: "))).into_bytes();
        }
        if line.is_empty() && end[0] == b'\n' && out.last() == Some(&b'\r') {
            out.push(b'\n');
        }
        out.extend(line);
        out.extend(end);
    }
    out
}

/// What an editor should do with a stream of ASCII, and perhaps a byte order mark.
fn model(limit: usize, stream: &[u8]) -> Ran {
    let mark = stream.iter().zip(BYTE_ORDER_MARK).take_while(|(a, b)| a == b).count();
    let mark = if mark == BYTE_ORDER_MARK.len() { mark } else { 0 };
    let (mut out, mut asked, mut skipped) = (Vec::new(), Vec::new(), 0);
    let mut piece = Vec::new();
    let mut raw = stream[..mark].to_vec();
    for (line, end) in lines(&stream[mark..]) {
        raw.extend([&line[..], &end].concat());
        piece.push((line, end));
        let (line, end) = piece.last().unwrap();
        let comment = piece.len() == 1 && line.starts_with(b":");
        // A blank line that holds a mark is no blank line to the editor, and does not matter.
        let blank =
            line.is_empty() && (raw.len() != mark + end.len() || mark == 0 || !out.is_empty());
        if end.is_empty() || !(comment || blank) {
            continue;
        }
        let over = raw.len() - end.len() + 1 > limit.max(3);
        if comment || over {
            skipped += usize::from(!comment);
            out.append(&mut raw);
        } else {
            let first = out.is_empty();
            out.extend_from_slice(if first { &stream[..mark] } else { b"" });
            out.extend(edited(&piece, &mut asked));
        }
        piece.clear();
        raw.clear();
    }
    let begun = raw.len() > limit.max(3);
    if begun {
        out.append(&mut raw);
    }
    Ran { out, asked, skipped, unfinished: Unfinished { held: raw, begun } }
}

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
