//! Views of HTTP heads: header bytes as they came, and the few values that are parsed.

/// A header name, in lower case, and its value; values are bytes, not text.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The headers of a message, pseudo headers such as `:path` included, names in lower case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a>(pub &'a [Header<'a>]);

impl<'a> Headers<'a> {
    /// The first value of `name`.
    #[must_use]
    pub fn first(self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The first value of `name`, with what is not UTF-8 replaced.
    #[must_use]
    pub fn text(self, name: &str) -> Option<String> {
        self.first(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Every value of `name`.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
    }

    /// Whether there is a header `name`.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The numeric `:status`; 0 where it is missing or no number.
    #[must_use]
    pub fn status(self) -> u16 {
        let status = self.first(":status").and_then(number);
        status.and_then(|status| status.try_into().ok()).unwrap_or(0)
    }

    /// `Content-Length`, if there is one that can be read.
    #[must_use]
    pub fn content_length(self) -> Option<usize> {
        self.announced()?.try_into().ok()
    }

    /// The same, even if no body of that length could be held.
    #[must_use]
    pub(crate) fn announced(self) -> Option<u64> {
        number(self.first("content-length")?)
    }

    /// What the body is said to be.
    #[must_use]
    pub fn media_type(self) -> MediaType {
        match self.first("content-type") {
            // Nearly all write it so.
            Some(b"application/json") => MediaType::Json,
            Some(b"text/event-stream") => MediaType::EventStream,
            Some(value) => Self::unusual_media_type(value),
            None => MediaType::Other,
        }
    }

    fn unusual_media_type(value: &[u8]) -> MediaType {
        match essence(value) {
            kind if kind.eq_ignore_ascii_case(b"application/json") => MediaType::Json,
            kind if kind.eq_ignore_ascii_case(b"text/event-stream") => MediaType::EventStream,
            kind if kind.eq_ignore_ascii_case(b"text/plain") => MediaType::Plain,
            _ => MediaType::Other,
        }
    }

    /// Whether `Accept` covers `kind`/`subtype` (RFC 9110, 12.5.1); no `Accept` at all covers it.
    #[must_use]
    pub fn accepts(self, kind: &str, subtype: &str) -> bool {
        let mut values = self.all("accept").peekable();
        let ranges = |value: &'a [u8]| value.split(|byte| *byte == b',');
        values.peek().is_none() || values.flat_map(ranges).any(|it| covers(it, kind, subtype))
    }
}

/// The media types that matter to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`.
    Json,
    /// `text/event-stream`.
    EventStream,
    /// `text/plain`, which Envoy's own answers are.
    Plain,
    /// Anything else, or none.
    Other,
}

/// A number in decimal digits, and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, digit))?
}

/// A media type without its parameters.
fn essence(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

fn covers(range: &[u8], kind: &str, subtype: &str) -> bool {
    let mut parts = essence(range).splitn(2, |byte| *byte == b'/');
    let mut part_covers = |wanted: &str| {
        let part = parts.next().unwrap_or_default();
        part == b"*" || part.eq_ignore_ascii_case(wanted.as_bytes())
    };
    let named = part_covers(kind) && part_covers(subtype);
    named && !range.split(|byte| *byte == b';').skip(1).any(refuses)
}

/// `q=0`, `q=0.0` and so on: "not acceptable".
fn refuses(parameter: &[u8]) -> bool {
    match parameter.trim_ascii() {
        [b'q' | b'Q', b'=', weight @ ..] => {
            weight.first() == Some(&b'0') && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_matched_by_range_and_weight() {
        let covers = |accept: &str, kind, subtype| {
            Headers(&[(b"accept", accept.as_bytes())]).accepts(kind, subtype)
        };
        for accept in ["*/*", "application/json", "Application/JSON;q=0.5", "text/x, application/*"]
        {
            assert!(covers(accept, "application", "json"), "{accept}");
        }
        for accept in ["", "text/*", "application/jsonx", "application/json;q=0.000", "json"] {
            assert!(!covers(accept, "application", "json"), "{accept}");
        }
        assert!(Headers(&[]).accepts("text", "event-stream"));
        let two: [Header<'_>; 2] = [(b"accept", b"a/b"), (b"accept", b"text/event-stream")];
        assert!(Headers(&two).accepts("text", "event-stream"));
    }

    #[test]
    fn media_types_ignore_case_and_parameters() {
        let kind = |value: &[u8]| Headers(&[(b"content-type", value)]).media_type();
        assert_eq!(kind(b"Application/Json; charset=utf-8"), MediaType::Json);
        assert_eq!(kind(b"text/event-stream"), MediaType::EventStream);
        assert_eq!(kind(b"text/html"), MediaType::Other);
        assert_eq!(kind(b"\xff"), MediaType::Other);
        assert_eq!(Headers(&[]).media_type(), MediaType::Other);
    }

    #[test]
    fn a_status_that_is_no_number_is_zero() {
        assert_eq!(Headers(&[(b":status", b"204")]).status(), 204);
        for other in ["2\u{ff}4", "", "+200", "-1", " 200", "65536", "99999999999999999999999"] {
            assert_eq!(Headers(&[(b":status", other.as_bytes())]).status(), 0, "{other}");
            let length = Headers(&[(b"content-length", other.as_bytes())]).content_length();
            assert_eq!(length, (other == "65536").then_some(65_536), "{other}");
        }
        assert_eq!(Headers(&[]).status(), 0);
    }
}
