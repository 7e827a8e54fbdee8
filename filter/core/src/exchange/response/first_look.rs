//! The first bytes of an answer with status 200 to a call in a session: there are servers that say with
//! 200 that they do not know the session. The head is held until they show whether this one does, which
//! is until the first message is complete, or known to be a result.

use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::http::MediaType;
use crate::mcp::jsonrpc::Message;

/// A message that is longer, in bytes, does not just say that.
const LONGEST: usize = 4096;

/// Where a response says that it has a result, in nearly all cases.
const BEGIN: usize = 128;

/// What the first bytes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstLook {
    /// More of them are needed.
    Open,
    /// It goes its way.
    Passes,
    /// The upstream may not know the session.
    Doubtful,
}

/// Looks at what there is of an answer; `end`: that is all. `limit` is `limits.upstream_body`.
pub(crate) fn first_look(head: &RefusalHead, body: &[u8], end: bool, limit: usize) -> FirstLook {
    let begin = body.get(..BEGIN).unwrap_or(body);
    if body.len() > LONGEST.min(limit / 4) || begin.starts_with(b":") || has(begin, b"\"result\"") {
        return FirstLook::Passes;
    }
    let complete = match head.media_type {
        MediaType::EventStream => [&b"\n\n"[..], b"\n\r\n", b"\r\r"].iter().any(|it| has(body, it)),
        _ => Message::read(body).is_ok(),
    };
    match head.session_state(body) {
        SessionState::Known if complete || end => FirstLook::Passes,
        SessionState::Known => FirstLook::Open,
        SessionState::Doubtful | SessionState::Lost => FirstLook::Doubtful,
    }
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|it| it == wanted)
}
