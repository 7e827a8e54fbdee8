//! What a JSON-RPC message is, and the message with other ids in it. No other byte of it changes.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

/// A message, read as slices of its bytes.
#[derive(Debug)]
pub(crate) struct Message<'m> {
    text: &'m str,
    pub(crate) kind: Kind<'m>,
}

/// What it is. Ids and tokens are as they are written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind<'m> {
    /// Wants an answer.
    Request {
        id: &'m str,
        method: Cow<'m, str>,
        /// What progress of it will be known by.
        token: Option<&'m str>,
    },
    /// Wants none.
    Notification {
        method: Cow<'m, str>,
        /// The request that it is about: its id if that is cancelled, its token if that makes progress.
        about: Option<&'m str>,
    },
    /// Answers a request.
    Response { id: &'m str, is_error: bool },
}

#[derive(Deserialize)]
struct Envelope<'m> {
    #[serde(borrow)]
    id: Option<&'m RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'m, str>>,
    #[serde(borrow)]
    params: Option<&'m RawValue>,
    error: Option<IgnoredAny>,
}

/// Params of requests.
#[derive(Deserialize)]
struct Params<'m> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<About<'m>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About<'m> {
    #[serde(borrow)]
    progress_token: Option<&'m RawValue>,
    #[serde(borrow)]
    request_id: Option<&'m RawValue>,
}

/// A request was given up.
pub(crate) const CANCELLED: &str = "notifications/cancelled";
/// A request makes progress.
pub(crate) const PROGRESS: &str = "notifications/progress";

impl<'m> Message<'m> {
    /// Reads a message; `None` if these bytes are none.
    pub(crate) fn read(bytes: &'m [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let Envelope { id, method, params, error } = serde_json::from_str(text).ok()?;
        let params = params.map_or("null", RawValue::get);
        let id = id.map(RawValue::get);
        let kind = match (id, method) {
            (Some(id), Some(method)) => {
                let read: Option<Params<'_>> = serde_json::from_str(params).ok();
                let token = read.and_then(|it| it.meta).and_then(|meta| meta.progress_token);
                Kind::Request { id, method, token: token.map(RawValue::get) }
            }
            (None, Some(method)) => {
                let read = || serde_json::from_str::<About<'_>>(params).ok();
                let about = match &*method {
                    CANCELLED => read().and_then(|it| it.request_id),
                    PROGRESS => read().and_then(|it| it.progress_token),
                    _ => None,
                };
                Kind::Notification { method, about: about.map(RawValue::get) }
            }
            (Some(id), None) => Kind::Response { id, is_error: error.is_some() },
            (None, None) => return None,
        };
        Some(Self { text, kind })
    }

    /// The message with other texts in place of slices of it.
    pub(crate) fn with(&self, changes: &[(&'m str, &str)]) -> Vec<u8> {
        let start = self.text.as_ptr() as usize;
        let place = |slice: &str| (slice.as_ptr() as usize).wrapping_sub(start);
        let mut changes: Vec<_> =
            changes.iter().map(|(old, new)| (place(old), old.len(), *new)).collect();
        changes.sort_unstable();
        let mut out = Vec::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for (place, length, new) in changes {
            out.extend_from_slice(self.text.as_bytes().get(at..place).unwrap_or_default());
            out.extend_from_slice(new.as_bytes());
            at = place.saturating_add(length);
        }
        out.extend_from_slice(self.text.as_bytes().get(at..).unwrap_or_default());
        out
    }
}

/// Whether two ids are the same, however they are written.
pub(crate) fn same_id(one: &str, two: &str) -> bool {
    let value = |text| serde_json::from_str::<Value>(text).ok();
    one == two || one.starts_with('"') && value(one) == value(two)
}

/// A message as an event of a stream.
pub(crate) fn event(mut message: Vec<u8>) -> Vec<u8> {
    // Line breaks stand between tokens alone: in strings JSON has them escaped.
    for byte in &mut message {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    [b"event: message\ndata: ", message.as_slice(), b"\n\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Message<'_> {
        Message::read(text.as_bytes()).expect("a message")
    }

    #[test]
    fn ids_and_tokens_change_and_nothing_else() {
        let text = r#"{"params":{"_meta":{"x":1.0,"progressToken":"t"},"id":1}, "id" : "a\/b","method":"tools\/call"}"#;
        let message = read(text);
        let Kind::Request { id, method, token } = &message.kind else { panic!("a request") };
        assert_eq!((*id, &**method, *token), (r#""a\/b""#, "tools/call", Some(r#""t""#)));
        let changed = message.with(&[(id, "7"), (token.expect("a token"), "7")]);
        let expected = text.replace(r#""a\/b""#, "7").replace(r#""t""#, "7");
        assert_eq!(String::from_utf8_lossy(&changed), expected);
    }

    #[test]
    fn kinds() {
        let about = |text| match read(text).kind {
            Kind::Notification { about, .. } => about,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            about(r#"{"method":"notifications/cancelled","params":{"requestId":3}}"#),
            Some("3")
        );
        assert_eq!(
            about(r#"{"method":"notifications/progress","params":{"progressToken":"x"}}"#),
            Some(r#""x""#)
        );
        assert_eq!(about(r#"{"method":"notifications/message","params":{"requestId":3}}"#), None);
        assert_eq!(about(r#"{"id":null,"method":"notifications/progress","params":[]}"#), None);
        let response = |text| match read(text).kind {
            Kind::Response { id, is_error } => (id, is_error),
            other => panic!("{other:?}"),
        };
        assert_eq!(response(r#"{"id":3,"result":{"error":1}}"#), ("3", false));
        assert_eq!(response(r#"{"error":{},"id":"3"}"#), (r#""3""#, true));
        let request = r#"{"id":1,"method":"x","params":[1]}"#;
        assert!(matches!(read(request).kind, Kind::Request { token: None, .. }));
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [&b""[..], b"x", b"[]", b"{}", b"\xff", br#"{"id":null,"error":{}}"#, b"1"] {
            assert!(Message::read(bytes).is_none(), "{bytes:?}");
        }
        let twice = br#"{"id":1,"id":2,"method":"x"}"#;
        assert!(Message::read(twice).is_none());
        let deep = format!(r#"{{"id":1,"result":{}1{}}}"#, "[".repeat(9999), "]".repeat(9999));
        assert!(Message::read(deep.as_bytes()).is_some());
    }

    #[test]
    fn ids_are_compared_as_values() {
        assert!(same_id(r#""a\/b""#, r#""a/b""#) && same_id("1", "1"));
        assert!(!same_id("1", r#""1""#) && !same_id("1", "2") && !same_id(r#""a""#, "1"));
    }

    #[test]
    fn an_event_is_one_line() {
        assert_eq!(event(b"{\r\n}".to_vec()), b"event: message\ndata: {  }\n\n");
    }
}
