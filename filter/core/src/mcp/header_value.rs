//! Texts of a message that a header repeats: `Mcp-Name` and `Mcp-Param-*` (2026-07-28, Streamable HTTP, "Header
//! Value Encoding"). A text that a header cannot carry as it is becomes `=?base64?...?=`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The name of the thing that a request is about, in lower case.
pub(crate) const MCP_NAME: &str = "mcp-name";

/// The method of a request, in lower case.
pub(crate) const MCP_METHOD: &str = "mcp-method";

const BEGIN: &str = "=?base64?";
const END: &str = "?=";

/// The text that a header's value stands for; `None` for what no client may send: bytes that are not
/// ASCII, or broken base64. Blanks around the value are no part of it.
pub(crate) fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    match wrapped(text) {
        Some(inner) => {
            let bytes = STANDARD.decode(inner).ok()?;
            String::from_utf8(bytes).ok().map(Cow::Owned)
        }
        None => text.is_ascii().then_some(Cow::Borrowed(text)),
    }
}

/// The value that stands for `text`.
pub(crate) fn encode(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic();
    let padded = text.trim_matches([' ', '\t']).len() != text.len();
    if !text.is_empty() && text.bytes().all(plain) && !padded && wrapped(text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{BEGIN}{}{END}", STANDARD.encode(text)))
}

fn wrapped(text: &str) -> Option<&str> {
    text.strip_prefix(BEGIN)?.strip_suffix(END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_stand_there_as_they_are() {
        for text in ["echo", "git__log", "a b", "file:///x?y=1", "=?base64?", "=?x?="] {
            assert_eq!(encode(text), text);
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(text));
        }
        assert_eq!(decode(b"  echo\t").as_deref(), Some("echo"));
    }

    #[test]
    fn what_a_header_cannot_hold_is_wrapped() {
        assert_eq!(encode("eu é"), "=?base64?ZXUgw6k=?=");
        for text in ["eu é", " x", "x ", "\tx", "a\nb", "", "=?base64?eA==?=", "=?base64??="] {
            let value = encode(text);
            assert!(value.starts_with(BEGIN) && value.is_ascii(), "{text:?}: {value}");
            assert_eq!(decode(value.as_bytes()).as_deref(), Some(text), "{text:?}");
        }
    }

    #[test]
    fn broken_values_stand_for_nothing() {
        for value in ["=?base64?ZXUgw6k?=", "=?base64?*?=", "=?base64?/w==?=", "é"] {
            assert_eq!(decode(value.as_bytes()), None, "{value}");
        }
        assert_eq!(decode(b"\xff"), None);
    }
}
