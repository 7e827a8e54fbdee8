//! Looks at the first bytes of an answer with status 200 that may be no answer yet. Its head is held meanwhile.
//!
//! - To a call in a session: some servers say with 200 that they do not know the session. That shows when the
//!   first message is complete, or is known to be a result.
//! - To a call of a client with a session at an upstream without: the upstream may want to be asked again. That
//!   shows when the message is complete.

use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::http::MediaType;
use crate::mcp::incomplete::{self, Wanted};
use crate::mcp::jsonrpc::Message;
use crate::rewrite::long::HELD;

/// A message that is longer, in bytes, does not just say that.
const LONGEST: usize = 4096;

/// How long the first event of a stream may be, in bytes, that asks to be asked again.
const LONGEST_EVENT: usize = 16 * 1024;

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
    /// The upstream wants to be asked again.
    AsksAgain,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LooksFor {
    /// Words that say that the session is lost.
    LostSession,
    /// A result that asks to be asked again, by an upstream without sessions; the length of the answer, if
    /// its head says so.
    AskingAgain(Option<usize>),
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

/// Looks for an answer that wants to be asked again: in JSON, when it is complete; in an event stream, as its
/// first event alone, since what streams has to reach the client.
pub(crate) fn asks_again(
    head: &RefusalHead,
    body: &[u8],
    length: Option<usize>,
    (end, limit): (bool, usize),
) -> FirstLook {
    let is_stream = head.media_type == MediaType::EventStream;
    let longest = if is_stream { LONGEST_EVENT } else { HELD };
    let complete = match length {
        _ if end => true,
        _ if is_stream => ["\n\n", "\n\r\n", "\r\r"].iter().any(|it| has(body, it.as_bytes())),
        Some(length) => body.len() >= length,
        None => false,
    };
    let at_least = body.len().max(length.unwrap_or_default());
    if at_least > longest.min(limit) || is_stream && body.starts_with(b":") {
        return FirstLook::Passes;
    }
    if !complete {
        return FirstLook::Open;
    }
    match incomplete::wanted(&head.message(body)) {
        Some(Wanted::AskedAgain(_)) => FirstLook::AsksAgain,
        _ => FirstLook::Passes,
    }
}

/// Whether `wanted` is somewhere; it is not empty.
fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    let follows = |at: usize| bytes.get(at + 1..).is_some_and(|behind| behind.starts_with(rest));
    memchr::memchr_iter(*first, bytes).any(follows)
}
