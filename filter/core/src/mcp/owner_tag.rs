//! What an upstream names things by (ids and progress tokens of its own requests, tasks, events of
//! its streams), marked with its owner towards clients.
//!
//! Several upstreams use the same ids, and nothing is stored that could tell them apart: so the owner
//! travels with the value, and comes back with it. The mark is the upstream's configured name and a
//! colon, which no name contains; what follows is the original, so that it is restored exactly.

use sha2::{Digest as _, Sha256};

use crate::gateway::{Gateway, UpstreamId};
use crate::json::{decode, encode};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::seal::{KeyRing, ScopeTag};

/// Marks the ids and progress tokens of upstreams' own requests within one session.
///
/// They carry a code besides their owner: an upstream could otherwise send an id that looks like
/// another's, and have the client's answer delivered there.
#[derive(Clone, Copy, Debug)]
pub struct OwnerTags<'m> {
    /// Make the codes.
    pub keys: &'m KeyRing,
    /// The client's session.
    pub session: ScopeTag,
}

impl OwnerTags<'_> {
    /// The JSON text of an id or a token, marked: a string that holds that text, so that `1` and `"1"`
    /// come back as what they were.
    #[must_use]
    pub fn scalar(self, owner: &str, raw: &str) -> String {
        let code = self.keys.code(&[&self.session.0, owner.as_bytes(), b":", raw.as_bytes()]);
        encode(&format!("{owner}:{code}:{raw}"))
    }

    /// The owner's index and the JSON text that [`Self::scalar`] marked; `None` for any other value.
    #[must_use]
    pub fn scalar_owner(self, gateway: &Gateway, raw: &str) -> Option<(UpstreamId, String)> {
        let text = decode(raw)?;
        let (owner, rest) = text.split_once(':')?;
        let (code, original) = rest.split_once(':')?;
        let index = index(gateway, owner.as_bytes())?;
        let text = [&self.session.0[..], owner.as_bytes(), b":", original.as_bytes()];
        self.keys.knows(code, &text).then(|| (index, original.to_owned()))
    }
}

/// Marks a raw JSON string, whose text keeps its bytes: the id of a task.
#[must_use]
pub fn text(owner: &str, raw: &str) -> String {
    format!("\"{owner}:{}", raw.strip_prefix('"').unwrap_or(raw))
}

/// The owner's index and the text that [`text`] marked.
#[must_use]
pub fn text_owner<'t>(gateway: &Gateway, text: &'t str) -> Option<(UpstreamId, &'t str)> {
    let (owner, original) = text.split_once(':')?;
    Some((index(gateway, owner.as_bytes())?, original))
}

/// What the ids of a stream's events say of the stream, which nobody else knows when it is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamContext {
    /// What a result among its events is.
    pub shape: Shape,
    /// The session of the upstream that it belongs to.
    pub session: Digest,
    /// The JSON text of the id of the client's request that it answers; empty for none, or one that
    /// is too long or too strange for a header.
    pub request: Vec<u8>,
}

/// Tells an upstream's session id from another without saying it: hexadecimal digits.
pub type Digest = [u8; 8];

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
    /// The place of a stream that answers `request`, if it answers one.
    #[must_use]
    pub fn new(shape: Shape, session: Digest, request: Option<&Id<'_>>) -> Self {
        let text = request.map_or("", Id::as_raw).as_bytes();
        let plain = text.len() <= REQUEST && text.iter().all(|byte| (b' '..=b'~').contains(byte));
        let request = if plain { text.to_vec() } else { Vec::new() };
        Self { shape, session, request }
    }

    /// The id of an event of `owner`'s: the owner, the place, and the original id.
    #[must_use]
    pub fn event(&self, owner: &str, id: &[u8]) -> Vec<u8> {
        let length = self.request.len().to_string();
        let place =
            [b":", &[self.shape.letter()][..], &self.session, b":", length.as_bytes(), b":"];
        [owner.as_bytes(), &place.concat(), &self.request, id].concat()
    }

    /// The owner's index, the place and the original id of what [`Self::event`] made.
    #[must_use]
    pub fn of_event<'i>(
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
        let place = Self { shape, session: session.try_into().ok()?, request: request.to_vec() };
        Some((index(gateway, owner)?, place, id))
    }
}

/// What stands before the first colon, and behind it.
fn cut(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = text.split_at_checked(text.iter().position(|byte| *byte == b':')?)?;
    Some((head, rest.strip_prefix(b":")?))
}

fn index(gateway: &Gateway, name: &[u8]) -> Option<UpstreamId> {
    gateway.upstreams.find(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn gateway() -> Gateway {
        fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b-1"}]}"#)
    }

    #[test]
    fn ids_and_tokens_come_back_with_their_type_and_every_byte() {
        let gateway = gateway();
        let marks = OwnerTags { keys: &gateway.keys, session: ScopeTag([3; ScopeTag::LEN]) };
        for raw in [
            "1",
            "-7",
            "9007199254740993",
            "1.50",
            r#""1""#,
            r#""""#,
            r#""a:b""#,
            r#""\u0041\n\"""#,
            r#""\ud83e\udd80""#,
            "\"\u{1F980}\"",
        ] {
            for (index, owner) in ["a", "b-1"].into_iter().enumerate() {
                let marked = marks.scalar(owner, raw);
                assert!(serde_json::from_str::<String>(&marked).is_ok(), "{marked}");
                assert_eq!(
                    marks.scalar_owner(&gateway, &marked),
                    Some((UpstreamId::at(index), raw.to_owned()))
                );
            }
        }
    }

    #[test]
    fn what_was_never_marked_has_no_owner() {
        let gateway = gateway();
        let marks = OwnerTags { keys: &gateway.keys, session: ScopeTag([3; ScopeTag::LEN]) };
        let marked = marks.scalar("a", "1");
        for at in 1..marked.len() - 1 {
            let mut forged = marked.clone().into_bytes();
            forged[at] = if forged[at] == b'x' { b'y' } else { b'x' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(marks.scalar_owner(&gateway, &forged), None, "{forged}");
        }
        for forged in [marked.replace("a:", "b-1:"), marked.replace(":1", ":2")] {
            assert_eq!(marks.scalar_owner(&gateway, &forged), None, "{forged}");
        }
        let other = OwnerTags { session: ScopeTag([4; ScopeTag::LEN]), ..marks };
        assert_eq!(other.scalar_owner(&gateway, &marked), None, "of another session");
        for raw in ["1", "null", r#""""#, r#""a""#, r#""a:""#, r#""a:1""#, r#""a::1""#, "{}"] {
            assert_eq!(marks.scalar_owner(&gateway, raw), None, "{raw}");
        }
        assert_eq!(text_owner(&gateway, "x:1"), None);
        for id in ["", "a", "a:", "a:t", "a:t:1:", "a:t12345678", "a:t12345678:", "a:t12345678:1:"]
            .into_iter()
            .chain(["a:?12345678:0:1", "c:t12345678:0:1", "a:t1234567:0:1", "a:t12345678:-1:1"])
        {
            assert_eq!(StreamContext::of_event(&gateway, id.as_bytes()), None, "{id}");
        }
    }

    #[test]
    fn tasks_and_events_keep_their_text() {
        let gateway = gateway();
        assert_eq!(text("a", r#""x\u0041:y""#), r#""a:x\u0041:y""#);
        assert_eq!(text_owner(&gateway, "b-1:xA:y"), Some((UpstreamId::at(1), "xA:y")));
        assert_eq!(text_owner(&gateway, "a:"), Some((UpstreamId::at(0), "")));
        for (shape, request) in Shape::ALL.into_iter().zip(["1", r#""a:b""#, r#""""#, "-7", "0"]) {
            let request = Id::from_raw(request).unwrap();
            for original in [&b""[..], b"1", b"a:b", b"\xff:"] {
                let place = StreamContext::new(shape, digest(Some("session")), Some(&request));
                let marked = place.event("b-1", original);
                assert_eq!(place.request, request.as_raw().as_bytes());
                assert_eq!(
                    StreamContext::of_event(&gateway, &marked),
                    Some((UpstreamId::at(1), place, original))
                );
            }
        }
    }

    #[test]
    fn a_place_is_plain_text_and_tells_sessions_apart() {
        let long = format!("\"{}\"", "x".repeat(REQUEST));
        for request in ["\"\u{e9}\"", &long] {
            let request = Id::from_raw(request).unwrap();
            assert_eq!(StreamContext::new(Shape::Tool, digest(None), Some(&request)).request, b"");
        }
        let place = StreamContext::new(Shape::Tool, digest(Some("abc")), None);
        assert_eq!(place.event("a", b"1"), b"a:tba7816bf:0:1");
        assert_ne!(digest(Some("abc")), digest(Some("abd")));
        assert_eq!(digest(None), digest(Some("")));
    }
}
