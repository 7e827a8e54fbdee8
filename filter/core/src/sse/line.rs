//! Lines and fields: what the reader and the editor of a stream have in common.

use memchr::memchr2;

/// Only the first line of a stream may begin with it; it is no part of that line.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Event,
    Data,
    Id,
    /// A comment, or a field that does not matter here.
    Other,
}

/// Cuts the first line off `rest`, and its end: CRLF, LF or CR. `None` if no line ends there. A CR
/// that ends `rest` ends its line; an LF at the start of the next chunk belongs to it, which is up to the
/// caller.
pub(super) fn next_line<'c>(rest: &mut &'c [u8]) -> Option<(&'c [u8], &'c [u8])> {
    let (line, from_end) = rest.split_at_checked(memchr2(b'\n', b'\r', rest)?)?;
    let len = if from_end.starts_with(b"\r\n") { 2 } else { 1 };
    let (end, after) = from_end.split_at_checked(len)?;
    *rest = after;
    Some((line, end))
}

/// The value of the only `data` line of a stream that is there as a whole; `None` if there are others, or none.
pub(crate) fn data_line(stream: &[u8]) -> Option<&[u8]> {
    let mut rest = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let mut only = None;
    while let Some((line, _)) = next_line(&mut rest) {
        if let (Field::Data, value) = parse(line)
            && only.replace(value).is_some()
        {
            return None;
        }
    }
    only
}

/// Reads the field of a whole line, or of a part from its start that is long enough to show what
/// field it is and where the value starts; the value is then a part, too. The value is always the
/// end of the line.
pub(super) fn parse(line: &[u8]) -> (Field, &[u8]) {
    let (field, rest) = if let Some(rest) = line.strip_prefix(b"data") {
        (Field::Data, rest)
    } else if let Some(rest) = line.strip_prefix(b"event") {
        (Field::Event, rest)
    } else if let Some(rest) = line.strip_prefix(b"id") {
        (Field::Id, rest)
    } else {
        (Field::Other, line)
    };
    match rest {
        [] => (field, rest),
        [b':', b' ', value @ ..] | [b':', value @ ..] => (field, value),
        _ => (Field::Other, rest),
    }
}
