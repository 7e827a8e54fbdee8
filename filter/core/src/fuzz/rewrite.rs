//! What changes in a message that is held, and in one that streams.

use super::cut;
use crate::bytes::Passed;
use crate::era::Era;
use crate::fixture;
use crate::json::Raw;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;
use crate::rewrite::dialect::Dialect;
use crate::rewrite::long::{Long, Standing};
use crate::rewrite::to_client::{self, Origin};

/// How an error of the gateway's own begins in place of an answer to the request 7.
const ERROR: &[u8] = br#"{"jsonrpc":"2.0","id":7,"error":{"#;

/// The first byte says how the rest is cut, the second what a result holds and of which eras both sides are.
/// The rest is a message of an upstream.
///
/// # Panics
///
/// Where a promise does not hold.
pub fn rewrite(input: &[u8]) {
    let [how, kind, bytes @ ..] = input else { return };
    let gateway = fixture::gateway(r#"{"upstreams":[{"name":"a"}]}"#);
    let request = Id::from_raw("7");
    let era = |bit: u8| if kind & bit == 0 { Era::Handshake } else { Era::Stateless };
    let shape = Shape::ALL[usize::from(kind & 7) % Shape::ALL.len()];
    let dialect = Dialect { from: era(16), to: era(32), log_level: None };
    let origin = Origin { dialect, ..fixture::origin(&gateway, request.as_ref(), shape) };

    let held = to_client::message(origin, bytes);
    let streamed = |pieces: &[&[u8]]| {
        let mut long = Long::new(shape, dialect, 1 << 20);
        let mut all = Vec::new();
        for piece in pieces {
            let mut out = Vec::new();
            match long.feed(origin, piece, &mut out) {
                Passed::AsIs => all.extend_from_slice(piece),
                Passed::Changed => all.extend(out),
            }
        }
        let standing = long.standing();
        all.extend(long.finish());
        (all, standing)
    };
    let whole = streamed(&[bytes]);
    assert_eq!(streamed(&cut(*how, bytes)), whole, "in pieces");
    let is_json = std::str::from_utf8(bytes).ok().and_then(Raw::read).is_some();
    if let Some(changed) = &held.changed {
        let text = std::str::from_utf8(changed).unwrap();
        assert!(Raw::read(text).is_some(), "what is changed stays JSON: {text}");
    }
    // What only others than this client understand becomes an error if it is held. Of what streams, too much has
    // gone by then.
    let is_error = held.changed.as_ref().is_some_and(|it| it.starts_with(ERROR));
    let is_refused = dialect.is_to_session() && is_error;
    if whole.1 == Standing::Answers && is_json && !is_refused {
        assert!(held.answers, "an answer");
        assert_eq!(held.changed.unwrap_or_else(|| bytes.to_vec()), whole.0, "as it is held");
    }
}
