//! A naive model of the editor, which reads a stream that is there as a whole.

use super::{Edit, Editor, Unfinished};
use crate::bytes::Passed;
use crate::sse::Event;
use crate::sse::line::BYTE_ORDER_MARK;

/// What an editor asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Data(Vec<u8>, Vec<u8>),
    Id(Vec<u8>),
}

/// Changes what has a mark in it, and notes what it was asked.
#[derive(Default)]
pub(crate) struct Marks(pub(crate) Vec<Asked>);

/// A `!` becomes `new`, `|` an LF, `^` a CR, `~` a CRLF, and `_` a space; without any, no change.
pub(crate) fn change(value: &[u8]) -> Option<Vec<u8>> {
    let new = value.iter().map(|byte| match byte {
        b'!' => &b"new"[..],
        b'|' => b"\n",
        b'^' => b"\r",
        b'~' => b"\r\n",
        b'_' => b" ",
        byte => std::slice::from_ref(byte),
    });
    let new = new.collect::<Vec<_>>().concat();
    (new != value).then_some(new)
}

impl Edit for Marks {
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>> {
        self.0.push(Asked::Data(event.name.to_vec(), event.data.to_vec()));
        change(event.data)
    }

    fn id(&mut self, id: &[u8]) -> Option<Vec<u8>> {
        self.0.push(Asked::Id(id.to_vec()));
        change(id)
    }
}

/// All that can be seen of an editor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) out: Vec<u8>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) skipped: usize,
    pub(crate) unfinished: Unfinished,
}

pub(crate) fn run<'c>(limit: usize, chunks: impl IntoIterator<Item = &'c [u8]>) -> Ran {
    let mut editor = Editor::new(limit);
    let (mut marks, mut out) = (Marks::default(), Vec::new());
    for chunk in chunks {
        let before = out.len();
        if editor.feed(chunk, &mut marks, &mut out) == Passed::AsIs {
            assert_eq!(out.len(), before);
            assert!(chunk.is_empty() || editor.held() == 0);
            out.extend_from_slice(chunk);
        }
        assert!(editor.held.len() <= limit.max(3));
    }
    Ran { out, asked: marks.0, skipped: editor.skipped(), unfinished: editor.finish() }
}

/// The lines of a stream, each with its end, which is empty where the stream breaks off.
pub(crate) fn lines(stream: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
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
pub(crate) fn split<'l>(line: &'l [u8], field: &str) -> Option<(&'l [u8], &'l [u8])> {
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
pub(crate) fn model(limit: usize, stream: &[u8]) -> Ran {
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
