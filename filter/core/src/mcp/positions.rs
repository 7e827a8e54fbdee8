//! The id of an event in a stream that is made of those of several upstreams: where each of them is.
//!
//! ```text
//! *<upstream>:<session>:<n>:<n bytes of the upstream's own id><upstream>:...
//! ```
//!
//! A client that comes back with it as `Last-Event-ID` gets the rest of each stream (2025-11-25, Transports,
//! "Resumability and Redelivery"); nothing of that is stored. An upstream that is not in it has given no id yet,
//! or none that could be sent back. No other id of the gateway's begins with `*` (see [`super::event_id`]).

use std::collections::BTreeMap;

use crate::gateway::{Gateway, UpstreamId};
use crate::mcp::event_id::Digest;

/// The longest id of an upstream that is carried, in bytes.
const LONGEST: usize = 256;

/// The longest id for the client, in bytes: it comes back as a header, beside that of the session, which may have
/// 8 KiB. Node takes 16 KiB of headers in all.
const LONGEST_TEXT: usize = 6 * 1024;

/// Begins each of them.
const MARK: &[u8] = b"*";

/// The last event of each upstream, by its own id, and in which of its sessions that was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Positions(BTreeMap<UpstreamId, (Digest, Vec<u8>)>);

impl Positions {
    /// Reads what [`Self::text`] wrote; `None` for any other id. Upstreams that are not configured any more are
    /// left out.
    #[must_use]
    pub(crate) fn read(gateway: &Gateway, text: &[u8]) -> Option<Self> {
        let mut rest = text.strip_prefix(MARK)?;
        let mut found = Self::default();
        while !rest.is_empty() {
            let (name, after) = cut(rest)?;
            let (session, after) = cut(after)?;
            let (length, after) = cut(after)?;
            let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
            let (id, after) = after.split_at_checked(length)?;
            let session: Digest = session.try_into().ok()?;
            if !session.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            if let Some(upstream) = gateway.upstreams.find(name) {
                found.set(upstream, session, id);
            }
            rest = after;
        }
        Some(found)
    }

    /// Where an upstream is, by its own id.
    #[must_use]
    pub(crate) fn get(&self, upstream: UpstreamId) -> Option<&[u8]> {
        self.0.get(&upstream).map(|(_, id)| id.as_slice())
    }

    /// An upstream has given this id in this session. One that is too long or cannot be in a header takes the
    /// place of the last one all the same, as does an empty one: there is none then. Whether anything changed.
    pub(crate) fn set(&mut self, upstream: UpstreamId, session: Digest, id: &[u8]) -> bool {
        let carried = |byte: &u8| *byte >= b' ' && *byte != 0x7f;
        if id.is_empty() || id.len() > LONGEST || !id.iter().all(carried) {
            return self.forget(upstream);
        }
        if self.0.get(&upstream).is_some_and(|it| it.0 == session && it.1 == id) {
            return false;
        }
        self.0.insert(upstream, (session, id.to_vec()));
        true
    }

    /// An upstream cannot go on where it was. Whether anything changed.
    pub(crate) fn forget(&mut self, upstream: UpstreamId) -> bool {
        self.0.remove(&upstream).is_some()
    }

    /// Leaves those that are of the session that `of` says their upstream has.
    pub(crate) fn retain(&mut self, of: impl Fn(UpstreamId) -> Digest) {
        self.0.retain(|upstream, (session, _)| *session == of(*upstream));
    }

    /// The id for the client. Where it would be too long, the longest ones are left out.
    #[must_use]
    pub(crate) fn text(&self, gateway: &Gateway) -> Vec<u8> {
        let one = |(upstream, (session, id)): (&UpstreamId, &(Digest, Vec<u8>))| {
            let length = id.len().to_string();
            let name = gateway.name(*upstream).as_bytes();
            [name, b":", &session[..], b":", length.as_bytes(), b":", id].concat()
        };
        let mut all: Vec<Vec<u8>> = self.0.iter().map(one).collect();
        let mut length: usize = all.iter().map(Vec::len).sum();
        while length > LONGEST_TEXT - MARK.len() {
            let longest = all.iter().enumerate().max_by_key(|(_, it)| it.len());
            let Some(at) = longest.map(|(at, _)| at) else { break };
            length -= all.remove(at).len();
        }
        [MARK, &all.concat()].concat()
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
    use crate::mcp::event_id::{StreamContext, digest};

    fn gateway() -> Gateway {
        fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b-1"},{"name":"c"}]}"#)
    }

    #[test]
    fn every_upstreams_own_id_comes_back_with_every_byte() {
        let gateway = gateway();
        let [a, b, c] = [0, 1, 2].map(UpstreamId::at);
        let mut all = Positions::default();
        assert_eq!(all.text(&gateway), b"*");
        assert!(all.set(a, digest(Some("x")), b"7:b-1:"));
        assert!(all.set(b, digest(None), "é *x".as_bytes()));
        assert!(!all.set(b, digest(None), "é *x".as_bytes()));
        let text = all.text(&gateway);
        let read = Positions::read(&gateway, &text).unwrap();
        assert_eq!((read.get(a), read.get(b), read.get(c)), {
            (Some(&b"7:b-1:"[..]), Some("é *x".as_bytes()), None)
        });
        assert_eq!(read, all);
        assert!(StreamContext::of_event(&gateway, &text).is_none());
        all.retain(|upstream| if upstream == a { digest(Some("x")) } else { digest(Some("y")) });
        assert_eq!((all.get(a).is_some(), all.get(b)), (true, None));
    }

    #[test]
    fn what_cannot_be_sent_back_leaves_no_position() {
        let (gateway, a) = (gateway(), UpstreamId::at(0));
        for id in [&b""[..], b"x\x01", b"\x7f", &[b'x'; LONGEST + 1]] {
            let mut all = Positions::default();
            all.set(a, digest(None), b"1");
            assert!(all.set(a, digest(None), id));
            assert_eq!((all.get(a), all.text(&gateway)), (None, b"*".to_vec()));
        }
    }

    #[test]
    fn no_other_text_is_read() {
        let gateway = gateway();
        for text in ["", "7", "a:oba7816bf:0:1", "*a", "*a:", "*a:12345678:", "*a:12345678:2:x"]
            .into_iter()
            .chain(["*a:1234567:1:x", "*a:12345678:-1:x", "*a:12345678:1:xb"])
            .chain(["*a:1234\n678:1:x"])
        {
            assert_eq!(Positions::read(&gateway, text.as_bytes()), None, "{text}");
        }
        let other = Positions::read(&gateway, b"*gone:12345678:1:xa:12345678:1:y").unwrap();
        assert_eq!(other.get(UpstreamId::at(0)), Some(&b"y"[..]));
    }

    #[test]
    fn it_fits_into_a_header() {
        let names: Vec<String> = (0..64).map(|n| format!(r#"{{"name":"u{n}"}}"#)).collect();
        let gateway = fixture::gateway(&format!(r#"{{"upstreams":[{}]}}"#, names.join(",")));
        let mut all = Positions::default();
        for upstream in gateway.upstreams.ids() {
            let length = if upstream.index() == 63 { 3 } else { LONGEST - upstream.index() };
            all.set(upstream, digest(None), &vec![b'x'; length]);
        }
        let text = all.text(&gateway);
        assert!((LONGEST_TEXT - 300..=LONGEST_TEXT).contains(&text.len()), "{}", text.len());
        let read = Positions::read(&gateway, &text).unwrap();
        assert_eq!(read.get(UpstreamId::at(63)), Some(&b"xxx"[..]));
        assert_eq!(read.get(UpstreamId::at(0)), None);
    }
}
