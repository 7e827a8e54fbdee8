//! Writes one block with its changes.

use memchr::memchr3;

use super::Edit;
use super::splice::{Splice, until};
use crate::bytes::Passed;
use crate::sse::Reader;
use crate::sse::line::{BYTE_ORDER_MARK, Field, next_line, parse};

/// The new text of a block, if it changes. The `first` piece of a stream may begin with a byte order
/// mark.
pub(super) fn rewrite(block: &[u8], first: bool, edit: &mut impl Edit) -> Option<Vec<u8>> {
    let mut rest = block;
    if first {
        rest = block.strip_prefix(BYTE_ORDER_MARK).unwrap_or(block);
    }
    let mut data = None;
    let mut reader = Reader { first_line: false, ..Reader::new(usize::MAX) };
    reader.feed(rest, &mut |event| data = edit.data(event));

    let mut out = Vec::new();
    let mut splice = Splice::new(block, &mut out);
    let mut written = false;
    loop {
        let from = rest;
        let Some((line, end)) = next_line(&mut rest) else { break };
        let (field, value) = parse(line);
        let to = from.get(line.len()..).unwrap_or_default();
        match (field, &data) {
            (Field::Id, _) if !edit.keeps_ids() => splice.remove(from, rest),
            (Field::Id, _) => {
                if let Some(id) = new_id(value, edit) {
                    let name = until(line, value);
                    let from = from.get(name.len()..).unwrap_or_default();
                    // A client removes the first space after the colon.
                    if name.ends_with(b":") && id.starts_with(b" ") {
                        splice.replace(from, b" ", from);
                    }
                    splice.replace(from, &id, to);
                }
            }
            (Field::Data, Some(data)) if !written => {
                written = true;
                splice.replace(from, &data_lines(data, end), to);
            }
            (Field::Data, Some(_)) => splice.remove(from, rest),
            _ => {}
        }
    }
    (splice.finish() == Passed::Changed).then_some(out)
}

/// The new value of an `id` line; `None` if it stays, or if the new value cannot be written.
fn new_id(value: &[u8], edit: &mut impl Edit) -> Option<Vec<u8>> {
    if value.is_empty() || value.contains(&0) {
        return None;
    }
    edit.id(value).filter(|id| memchr3(b'\r', b'\n', 0, id).is_none())
}

/// The lines that give an event its data; the last one without its end.
fn data_lines(data: &[u8], end: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"data: ";
    let mut lines = Vec::with_capacity(NAME.len() + data.len());
    let mut rest = data;
    while let Some((line, _)) = next_line(&mut rest) {
        for part in [NAME, line, end] {
            lines.extend_from_slice(part);
        }
    }
    lines.extend_from_slice(NAME);
    lines.extend_from_slice(rest);
    lines
}
