//! Holds an answer that a client could not use, an HTTP error or a page of HTML, and turns it into
//! a JSON-RPC error with the request's id; or makes the call once more, if the upstream has lost the
//! session.

use crate::effect::{Effect, HeaderChange, Outcome, Reply, Step};
use crate::error::{ClientError, Error, UpstreamError};
use crate::event::Source;
use crate::exchange::fan_out::refusal::{is_protocol_status, lost_session, refusal};
use crate::exchange::routed::await_response::private;
use crate::exchange::routed::request::{Outbound, Routed};
use crate::exchange::routed::{open_upstream, retry};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::fault::Fault;
use crate::http::{Headers, MediaType};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method;
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::to_client::{self, Origin};

/// How much of the answer is read, in bytes; a JSON-RPC error is shorter.
const LIMIT: usize = 64 * 1024;

/// An answer that is held.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    /// `None` for a request that Envoy refused before it was read.
    forward: Option<Box<Outbound>>,
    upstream: String,
    status: u16,
    source: Source,
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

impl ErrorResponse {
    /// Takes the head of the answer.
    pub(crate) fn start(
        cx: &mut Context<'_>,
        forward: Option<Box<Outbound>>,
        headers: Headers<'_>,
        source: Source,
        end: bool,
    ) -> Turn {
        let upstream = forward.as_ref().map(|it| cx.gateway.name(it.going.upstream()));
        let mut changes = private(headers);
        for name in ["www-authenticate", "location", "content-encoding", "transfer-encoding"] {
            if headers.has(name) {
                changes.push(Effect::ResponseHeader(HeaderChange::Remove(name)));
            }
        }
        let gather = Self {
            forward,
            upstream: upstream.unwrap_or_default().to_owned(),
            status: headers.status(),
            source,
            media_type: headers.media_type(),
            challenge: headers.text("www-authenticate"),
            retry_after: headers.first("retry-after").map(<[u8]>::to_vec),
            changes,
            body: Vec::new(),
        };
        // The body is waited for where it says what happened: JSON-RPC, or Envoy's own words. An
        // upstream's page may never end, and if it breaks off while its head is held, Envoy
        // answers by itself, past the filter.
        let wanted = match gather.media_type {
            MediaType::Json => true,
            MediaType::Plain => source != Source::Upstream,
            MediaType::EventStream | MediaType::Other => false,
        };
        if wanted && !end {
            (Next::ErrorResponse(Box::new(gather)), Step::hold())
        } else {
            gather.reply(cx)
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn body(mut self: Box<Self>, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        let room = LIMIT.saturating_sub(self.body.len());
        self.body.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        if !end {
            let full = self.body.len() >= LIMIT;
            return if full { self.reply(cx) } else { (Next::ErrorResponse(self), Step::hold()) };
        }
        if self.lost_session() {
            return self.retry(cx);
        }
        let Instead { status, outcome, body } = self.instead(cx);
        let set = |name: &'static str, value: String| {
            Effect::ResponseHeader(HeaderChange::Set(name.into(), value.into_bytes()))
        };
        let count = reply::count(self.label(), outcome);
        let mut effects = self.changes;
        effects.push(set(":status", status.to_string()));
        if status == 405 {
            effects.push(set("allow", reply::ALLOW.to_owned()));
        }
        effects.push(set("content-type", "application/json".to_owned()));
        effects.push(set("content-length", body.len().to_string()));
        effects.push(Effect::ResponseBody(body));
        effects.push(count);
        (Next::Bypass, Step::pass_with(effects))
    }

    /// Answers at once with what is known, where the body cannot be replaced: there is none, or it
    /// ended with trailers. The head has not been sent, so a whole answer can be.
    pub(crate) fn reply(self, cx: &mut Context<'_>) -> Turn {
        if self.lost_session() {
            return self.retry(cx);
        }
        let Instead { status, outcome, body } = self.instead(cx);
        let count = reply::count(self.label(), outcome);
        let mut headers = vec![("content-type", b"application/json".to_vec())];
        headers.extend(self.retry_after.map(|value| ("retry-after", value)));
        if status == 405 {
            headers.push(("allow", reply::ALLOW.as_bytes().to_vec()));
        }
        reply::now(vec![count, Effect::Reply(Reply { status, headers, body })])
    }

    /// How many bytes are held: the error page, which is cut short, and the call.
    pub(crate) fn held(&self) -> usize {
        self.body.capacity() + self.forward.as_ref().map_or(0, |it| it.going.held())
    }

    /// What it is the answer to.
    pub(crate) fn going(&mut self) -> Option<&mut Routed> {
        self.forward.as_mut().map(|it| &mut it.going)
    }

    fn label(&self) -> &'static str {
        self.forward.as_ref().map_or(method::OTHER, |it| it.going.label())
    }

    fn lost_session(&self) -> bool {
        let in_session = |it: &Outbound| {
            it.caller.peer(it.going.upstream()).is_some_and(|peer| peer.session.is_some())
        };
        let refused = self.source == Source::Upstream && lost_session(self.status, &self.body);
        refused && self.forward.as_deref().is_some_and(in_session)
    }

    fn retry(self, cx: &mut Context<'_>) -> Turn {
        let refusal = self.error();
        match self.forward.map(|it| *it) {
            Some(Outbound { going: Routed::Call(call), caller }) if call.is_kept() => {
                retry::start(cx, call, caller)
            }
            Some(outbound) => open_upstream::again(cx, Box::new(outbound), refusal),
            None => (Next::Bypass, Step::pass()),
        }
    }

    fn instead(&self, cx: &Context<'_>) -> Instead {
        let going = self.forward.as_ref().map(|it| &it.going);
        let id: Option<&Id<'_>> = going.and_then(Routed::id);
        if self.source == Source::Overflow {
            let body = Error::Client(ClientError::Overflow).body(id);
            return Instead { status: 413, outcome: Outcome::ClientError, body };
        }
        let outcome = Outcome::UpstreamError;
        let usable = is_protocol_status(self.status);
        let upstream = going.map(|going| cx.gateway.upstream(going.upstream()));
        if let (true, Some(it), Some(upstream)) = (usable, &self.forward, upstream) {
            let marks = OwnerTags { keys: &cx.gateway.keys, session: it.caller.scope() };
            let origin = Origin { upstream, marks, request: id, shape: it.going.shape() };
            let message = to_client::message(origin, &self.body);
            if message.answers {
                let body = message.changed.unwrap_or_else(|| self.body.clone());
                return Instead { status: 200, outcome, body };
            }
        }
        let error = Error::Upstream(self.error());
        let status = match (going, self.status) {
            (Some(Routed::Stream(_)), status @ (405 | 409)) => status,
            (Some(Routed::Stream(_)), _) => 502,
            _ => reply::status(&error, id),
        };
        Instead { status, outcome, body: error.body(id) }
    }

    fn error(&self) -> UpstreamError {
        let fault = match (self.status, self.media_type) {
            (404, _) if self.source == Source::Proxy => Fault::NoRoute,
            (200..=299, MediaType::Json | MediaType::EventStream) => Fault::NoBody,
            (status @ 200..=299, _) => Fault::NoMessage { status },
            (status, media_type) => refusal(status, media_type, &self.body),
        };
        let mut error = UpstreamError::new(&self.upstream, fault);
        error.status = Some(self.status);
        error.challenge.clone_from(&self.challenge);
        error
    }
}
