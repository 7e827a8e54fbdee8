//! The ids of events in streams of upstreams, as clients see them: `<upstream>:<shape and session>:<n>:<n bytes of
//! the request's id><original id>`.
//!
//! A client that resumes a stream sends the id of the last event as `Last-Event-ID` (2025-11-25,
//! Transports, "Resumability and Redelivery"). So the id says which upstream the stream belongs to and what
//! the stream answers: nothing of that is stored. The original id is restored exactly.

use sha2::{Digest as _, Sha256};

use crate::gateway::{Gateway, UpstreamId};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;

/// What the ids of a stream's events say of the stream, which nobody else knows when it is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamContext {
    /// What a result among its events is.
    pub shape: Shape,
    /// The session of the upstream that it belongs to.
    pub session: Digest,
    /// The JSON text of the id of the client's request that it answers; empty for none, or one that
    /// is too long or too strange for a header.
    pub request: Vec<u8>,
}

/// Tells an upstream's session id from another without saying it: hexadecimal digits.
pub(crate) type Digest = [u8; 8];

/// The longest request id that event ids carry, in bytes.
const REQUEST: usize = 64;

/// The digest of an upstream's session id.
#[must_use]
pub fn digest(session: Option<&str>) -> Digest {
    let hash = Sha256::digest(session.unwrap_or_default());
    let mut digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    std::array::from_fn(|_| {
        let digit = digits.next().unwrap_or_default();
        if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
    })
}

impl StreamContext {
    /// The context of a stream that answers `request`, if it answers one.
    #[must_use]
    pub(crate) fn new(shape: Shape, session: Digest, request: Option<&Id<'_>>) -> Self {
        let text = request.map_or("", Id::as_raw).as_bytes();
        let plain = text.len() <= REQUEST && text.iter().all(|byte| (b' '..=b'~').contains(byte));
        let request = if plain { text.to_vec() } else { Vec::new() };
        Self { shape, session, request }
    }

    /// The id of an event of `owner`'s: the owner, the context, and the original id.
    #[must_use]
    pub(crate) fn event(&self, owner: &str, id: &[u8]) -> Vec<u8> {
        let length = self.request.len().to_string();
        let context =
            [b":", &[self.shape.letter()][..], &self.session, b":", length.as_bytes(), b":"];
        [owner.as_bytes(), &context.concat(), &self.request, id].concat()
    }

    /// The owner's index, the context and the original id of what [`Self::event`] made.
    #[must_use]
    pub(crate) fn of_event<'i>(
        gateway: &Gateway,
        event: &'i [u8],
    ) -> Option<(UpstreamId, Self, &'i [u8])> {
        let (owner, rest) = cut(event)?;
        let (head, rest) = cut(rest)?;
        let (length, rest) = cut(rest)?;
        let (letter, session) = head.split_first()?;
        let length = std::str::from_utf8(length).ok()?.parse().ok()?;
        let (request, id) = rest.split_at_checked(length)?;
        let shape = Shape::of_letter(*letter)?;
        let context = Self { shape, session: session.try_into().ok()?, request: request.to_vec() };
        Some((gateway.upstreams.find(owner)?, context, id))
    }
}

/// What stands before the first colon, and behind it.
fn cut(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = text.split_at_checked(text.iter().position(|byte| *byte == b':')?)?;
    Some((head, rest.strip_prefix(b":")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn gateway() -> Gateway {
        fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b-1"}]}"#)
    }

    #[test]
    fn the_original_id_comes_back_with_every_byte() {
        let gateway = gateway();
        for (shape, request) in Shape::ALL.into_iter().zip(["1", r#""a:b""#, r#""""#, "-7", "0"]) {
            let request = Id::from_raw(request).unwrap();
            for original in [&b""[..], b"1", b"a:b", b"\xff:"] {
                let context = StreamContext::new(shape, digest(Some("session")), Some(&request));
                let marked = context.event("b-1", original);
                assert_eq!(context.request, request.as_raw().as_bytes());
                assert_eq!(
                    StreamContext::of_event(&gateway, &marked),
                    Some((UpstreamId::at(1), context, original))
                );
            }
        }
    }

    #[test]
    fn what_was_never_marked_has_no_owner() {
        let gateway = gateway();
        for id in ["", "a", "a:", "a:t", "a:t:1:", "a:t12345678", "a:t12345678:", "a:t12345678:1:"]
            .into_iter()
            .chain(["a:?12345678:0:1", "c:t12345678:0:1", "a:t1234567:0:1", "a:t12345678:-1:1"])
        {
            assert_eq!(StreamContext::of_event(&gateway, id.as_bytes()), None, "{id}");
        }
    }

    #[test]
    fn a_context_is_plain_text_and_tells_sessions_apart() {
        let long = format!("\"{}\"", "x".repeat(REQUEST));
        for request in ["\"\u{e9}\"", &long] {
            let request = Id::from_raw(request).unwrap();
            assert_eq!(StreamContext::new(Shape::Tool, digest(None), Some(&request)).request, b"");
        }
        let context = StreamContext::new(Shape::Tool, digest(Some("abc")), None);
        assert_eq!(context.event("a", b"1"), b"a:tba7816bf:0:1");
        assert_ne!(digest(Some("abc")), digest(Some("abd")));
        assert_eq!(digest(None), digest(Some("")));
    }
}
