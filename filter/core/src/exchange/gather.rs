//! Holds an answer that a client could not use, an HTTP error or a page of HTML, and turns it into
//! a JSON-RPC error with the request's id.

use super::answer::{answers, refusal};
use super::forward::{Forward, Kind, private};
use super::{Cx, State, Turn, reply};
use crate::effect::{Effect, HeaderChange, Outcome, Reply, Step};
use crate::error::{ClientError, Error, UpstreamError};
use crate::http::{Headers, MediaType};

/// How much of the answer is read, in bytes; a JSON-RPC error is shorter.
const LIMIT: usize = 64 * 1024;

/// An answer that is held.
#[derive(Debug)]
pub(super) struct Gather {
    forward: Forward,
    upstream: String,
    status: u16,
    /// Envoy's own answer to a request that is too long for it.
    overflow: bool,
    media_type: MediaType,
    challenge: Option<String>,
    retry_after: Option<Vec<u8>>,
    /// Changes to the head, whatever the body turns out to be.
    changes: Vec<Effect>,
    body: Vec<u8>,
}

/// What the client gets instead.
struct Instead {
    status: u16,
    outcome: Outcome,
    body: Vec<u8>,
}

impl Gather {
    /// Takes the head of the answer.
    pub(super) fn start(
        forward: Forward,
        cx: &Cx<'_>,
        headers: Headers<'_>,
        overflow: bool,
        end: bool,
    ) -> Turn {
        let upstream = cx.gateway.upstreams.get(forward.upstream);
        let text = |name| headers.first(name).map(|it| String::from_utf8_lossy(it).into_owned());
        let mut changes = private(headers);
        for name in ["www-authenticate", "location", "content-encoding", "transfer-encoding"] {
            if headers.has(name) {
                changes.push(Effect::ResponseHeader(HeaderChange::Remove(name)));
            }
        }
        let gather = Self {
            forward,
            upstream: upstream.map_or_else(String::new, |it| it.name.clone()),
            status: headers.status(),
            overflow,
            media_type: headers.media_type(),
            challenge: text("www-authenticate"),
            retry_after: headers.first("retry-after").map(<[u8]>::to_vec),
            changes,
            body: Vec::new(),
        };
        if end { gather.reply() } else { (State::Gather(gather), Step::hold()) }
    }

    /// Takes the next bytes of the body.
    pub(super) fn body(mut self, chunk: &[u8], end: bool) -> Turn {
        let room = LIMIT.saturating_sub(self.body.len());
        self.body.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        if !end {
            return (State::Gather(self), Step::hold());
        }
        let Instead { status, outcome, body } = self.instead();
        let set = |name: &str, value: String| {
            Effect::ResponseHeader(HeaderChange::Set(name.to_owned(), value.into_bytes()))
        };
        let mut effects = self.changes;
        effects.push(set(":status", status.to_string()));
        effects.push(set("content-type", "application/json".to_owned()));
        effects.push(set("content-length", body.len().to_string()));
        effects.push(Effect::ResponseBody(body));
        effects.push(reply::count(self.forward.label, outcome));
        (State::Bypass, Step::pass_with(effects))
    }

    /// Answers at once with what is known, where the body cannot be replaced: there is none, or it
    /// ended with trailers. The head has not been sent, so a whole answer can be.
    pub(super) fn reply(self) -> Turn {
        let Instead { status, outcome, body } = self.instead();
        let mut headers = vec![("content-type", b"application/json".to_vec())];
        headers.extend(self.retry_after.map(|value| ("retry-after", value)));
        let count = reply::count(self.forward.label, outcome);
        reply::now(vec![count, Effect::Reply(Reply { status, headers, body })])
    }

    fn instead(&self) -> Instead {
        let id = match &self.forward.kind {
            Kind::Call(id) => Some(id),
            Kind::Stream | Kind::Unread => None,
        };
        if self.overflow {
            let body = Error::Client(ClientError::Overflow).body(id);
            return Instead { status: 413, outcome: Outcome::ClientError, body };
        }
        if self.status == 404 && self.forward.in_session {
            let error = Error::Client(ClientError::UpstreamSessionGone(self.upstream.clone()));
            return Instead { status: 404, outcome: Outcome::UpstreamError, body: error.body(id) };
        }
        if id.is_some_and(|id| answers(&self.body, id)) {
            let (outcome, body) = (Outcome::UpstreamError, self.body.clone());
            return Instead { status: 200, outcome, body };
        }
        let error = Error::Upstream(self.error());
        let status = match (&self.forward.kind, self.status) {
            (Kind::Call(_) | Kind::Unread, _) => error.wire().0,
            (Kind::Stream, 405) => 405,
            (Kind::Stream, _) => 502,
        };
        Instead { status, outcome: Outcome::UpstreamError, body: error.body(id) }
    }

    fn error(&self) -> UpstreamError {
        let reason = match (self.status, self.media_type) {
            (200..=299, MediaType::Json | MediaType::EventStream) => {
                "answered without a body".to_owned()
            }
            (status @ 200..=299, _) => format!("answered HTTP {status} with neither JSON nor SSE"),
            (status, media_type) => refusal(status, media_type, &self.body),
        };
        let mut error = UpstreamError::new(&self.upstream, reason);
        error.status = Some(self.status);
        error.challenge.clone_from(&self.challenge);
        error
    }
}
