//! Whole answers to the client, each with its line in the counters.

use crate::effect::{
    Counter, Effect, Ending, Operation, Outcome, Reply, ReplyHead, SessionEvent, Step,
};
use crate::error::{ClientError, Error, UpstreamError};
use crate::exchange::Turn;
use crate::exchange::state::Next;
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::jsonrpc::Id;
use crate::pieces::{Joiner, Pieces};

/// What there is where there is no stream to give.
pub(crate) const ALLOW: &str = "POST, DELETE";

/// From how many bytes on an answer is a [long](Effect::LongReply) one.
const LONG: usize = 256 * 1024;

/// Answers at once; the rest of the request is dropped.
pub(crate) fn now(effects: Vec<Effect>) -> Turn {
    (Next::Replied, Step::hold_with(effects))
}

/// The raw `result` of a request.
pub(crate) fn result(label: &'static str, id: &Id<'_>, result: &[u8]) -> Vec<Effect> {
    let mut body = begin(id);
    body.reserve(result.len() + 1);
    body.extend_from_slice(result);
    body.push(b'}');
    vec![count(label, Outcome::Ok), json_with(body)]
}

/// The raw `result` of a list, an object with members, with what a client of the stateless era is told of it. A long
/// one is not copied for it.
pub(crate) fn list(
    label: &'static str,
    id: &Id<'_>,
    result: &Pieces,
    hints: Option<CacheHints>,
) -> Vec<Effect> {
    let mut body = Joiner::default();
    body.write(&begin(id));
    let mut pieces = result.iter();
    if let Some(first) = hints.and_then(|_| pieces.next()) {
        let members = hints.map(CacheHints::members).unwrap_or_default();
        body.write(format!("{{{members},").as_bytes());
        body.write(first.get(1..).unwrap_or_default());
    }
    pieces.for_each(|piece| body.share(piece));
    body.write(b"}");
    let body = body.finish();
    let answer = if body.len() < LONG {
        json_with(body.into_bytes())
    } else {
        Effect::LongReply(ReplyHead { status: 200, headers: json() }, body)
    };
    vec![count(label, Outcome::Ok), answer]
}

/// A response up to its result.
fn begin(id: &Id<'_>) -> Vec<u8> {
    [br#"{"jsonrpc":"2.0","id":"#, id.as_raw().as_bytes(), br#","result":"#].concat()
}

/// The JSON-RPC error of a request, or of a message whose id is not known.
pub(crate) fn error(label: &'static str, id: Option<&Id<'_>>, error: &Error) -> Vec<Effect> {
    let status = status(error, id);
    let mut headers = json();
    if let Error::Client(ClientError::Method(allow)) = error {
        headers.push(("allow", allow.as_bytes().to_vec()));
    }
    match error {
        Error::Busy => headers.push(("retry-after", b"1".to_vec())),
        // A server takes seconds to start, not moments.
        Error::NoUpstream => headers.push(("retry-after", b"5".to_vec())),
        Error::Upstream(UpstreamError { retry_after: Some(after), .. }) => {
            headers.push(("retry-after", after.clone().into_bytes()));
        }
        _ => {}
    }
    let body = error.body(id);
    let mut effects = vec![failed(label, error), Effect::Reply(Reply { status, headers, body })];
    if let Error::Client(ClientError::SessionGone(_)) = error {
        effects.push(Effect::Count(Counter::Session(SessionEvent::Refused), 1));
    }
    effects
}

/// The HTTP status of an error. Without the id of its request, a client could not tell what it answers,
/// so the status has to say that it failed.
pub(crate) fn status(error: &Error, id: Option<&Id<'_>>) -> u16 {
    match error.wire() {
        (200, _) if id.is_some_and(Id::is_unknown) => 502,
        (status, _) => status,
    }
}

/// A GET that gets no stream: an HTTP status, since a client takes any 200 for the stream.
pub(crate) fn stream_error(error: &Error, status: u16) -> Vec<Effect> {
    let mut headers = json();
    if status == 405 {
        headers.push(("allow", ALLOW.as_bytes().to_vec()));
    }
    let reply = Reply { status, headers, body: error.body(None) };
    vec![failed(crate::mcp::method::GET, error), Effect::Reply(reply)]
}

/// A GET that gets one message, and no more.
pub(crate) fn stream_with(message: &[u8]) -> Vec<Effect> {
    let headers = vec![("content-type", b"text/event-stream".to_vec())];
    let body = [b"data: ", message, b"\n\n"].concat();
    let reply = Reply { status: 200, headers, body };
    vec![count(crate::mcp::method::GET, Outcome::UpstreamError), Effect::Reply(reply)]
}

/// A GET whose upstream had lost the session and has it again: the client has to ask once more.
pub(crate) fn try_again() -> Vec<Effect> {
    let retry_after = vec![("retry-after", b"1".to_vec())];
    let reply = Reply { status: 503, headers: retry_after, body: Vec::new() };
    vec![count(crate::mcp::method::GET, Outcome::UpstreamError), Effect::Reply(reply)]
}

/// A whole message.
pub(crate) fn json_with(body: Vec<u8>) -> Effect {
    Effect::Reply(Reply { status: 200, headers: json(), body })
}

/// An answer without a body: 202 to a notification (2025-11-25, Transports, "Sending Messages"),
/// 204 to a DELETE.
pub(crate) fn empty(label: &'static str, status: u16) -> Vec<Effect> {
    let reply = Reply { status, headers: Vec::new(), body: Vec::new() };
    vec![count(label, Outcome::Ok), Effect::Reply(reply)]
}

/// What the operator is told of an answer. Where it is one of an upstream's, how that ends is noted before
/// ([`Trail::ends`](crate::exchange::trail::Trail::ends)).
pub(crate) fn count(method: &'static str, outcome: Outcome) -> Effect {
    let ending = if outcome == Outcome::Ok { Ending::Ok } else { Ending::Transport };
    ended(method, outcome, ending)
}

/// The same of an answer that ends so.
pub(crate) fn ended(method: &'static str, outcome: Outcome, ending: Ending) -> Effect {
    Effect::Operation(Operation::new(method, outcome, ending))
}

/// The same of an error.
pub(crate) fn failed(method: &'static str, error: &Error) -> Effect {
    ended(method, blame(error), Ending::of_error(error))
}

/// The line in the counters for an upstream that is the reason of an error, or is missing in an answer.
pub(crate) fn count_fault(upstream: UpstreamId, fault: &Fault) -> Effect {
    Effect::Fault { upstream, fault: fault.label(), what: fault.to_string() }
}

/// Who is at fault.
pub(crate) fn blame(error: &Error) -> Outcome {
    match error {
        Error::Client(_) | Error::Stateless(_) => Outcome::ClientError,
        Error::Upstream(_) | Error::AllUpstreams(_) | Error::NoUpstream => Outcome::UpstreamError,
        Error::Busy => Outcome::Busy,
    }
}

fn json() -> Vec<(&'static str, Vec<u8>)> {
    vec![("content-type", b"application/json".to_vec())]
}
