//! Holds an answer that a client could not use, an HTTP error or a page of HTML, and turns it into
//! a JSON-RPC error with the request's id; or makes the call once more, if the upstream has lost the
//! session.

mod again;
mod replacement;
mod session;

use crate::effect::{Effect, HeaderChanges, Outcome, Reply, Step};
use crate::event::Source;
use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::exchange::response::error::replacement::Instead;
use crate::exchange::response::first_look::LooksFor;
use crate::exchange::routed::await_response::{Served, private};
use crate::exchange::routed::request::{Outbound, Routed};
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::http::{Headers, MediaType};
use crate::mcp::method;

/// How much of the answer is read, in bytes; a JSON-RPC error is shorter.
const LIMIT: usize = 64 * 1024;

/// An answer that is held.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    /// `None` for a request that Envoy refused before it was read.
    forward: Option<Box<Outbound>>,
    head: RefusalHead,
    source: Source,
    /// How much of its body is read.
    reads: Reads,
    /// Whether that is a page of HTML.
    is_page: bool,
    retry_after: Option<Vec<u8>>,
    /// Changes to the head, whatever the body turns out to be.
    changes: HeaderChanges,
    body: Vec<u8>,
    /// How it goes on if its first bytes show that it is no refusal.
    served: Option<(Served, LooksFor)>,
}

/// How much of the body is read before the client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Nothing,
    /// The first bytes that arrive.
    Begin,
    /// All of it, up to the limit.
    Whole,
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
        let mut response = Self::new(forward, headers, source);
        (response.is_page, response.changes) = (is_html(headers), private(headers));
        for name in ["www-authenticate", "location", "content-encoding", "transfer-encoding"] {
            if headers.has(name) {
                response.changes.remove(name);
            }
        }
        response.reads = if end { Reads::Whole } else { response.awaited(headers) };
        if response.reads != Reads::Nothing && !end {
            (Next::ErrorResponse(Box::new(response)), Step::hold())
        } else {
            response.reply(cx)
        }
    }

    /// Takes the head of an answer that is no refusal by its status, and may be one by its first bytes.
    pub(crate) fn look(
        forward: Box<Outbound>,
        headers: Headers<'_>,
        served: Served,
        wanted: LooksFor,
    ) -> Turn {
        let mut response = Self::new(Some(forward), headers, Source::Upstream);
        (response.reads, response.served) = (Reads::Whole, Some((served, wanted)));
        (Next::ErrorResponse(Box::new(response)), Step::hold())
    }

    fn new(forward: Option<Box<Outbound>>, headers: Headers<'_>, source: Source) -> Self {
        Self {
            forward,
            head: RefusalHead::read(headers),
            source,
            reads: Reads::Nothing,
            is_page: false,
            retry_after: headers.first("retry-after").map(<[u8]>::to_vec),
            changes: HeaderChanges::default(),
            body: Vec::new(),
            served: None,
        }
    }

    /// How much of the body is waited for, which says what happened: JSON-RPC, Envoy's own words, or a
    /// text. An upstream's text may never end, and if it breaks off while its head is held, Envoy
    /// answers by itself, past the filter: so one that does not announce its length is not waited for,
    /// but for its first bytes where they may say that the session is lost.
    fn awaited(&self, headers: Headers<'_>) -> Reads {
        let refused = !(200..300).contains(&self.head.status);
        match (self.head.media_type, headers.content_length()) {
            (MediaType::Json, _) => Reads::Whole,
            (MediaType::Plain, _) if self.source != Source::Upstream => Reads::Whole,
            _ if !refused || self.is_page => Reads::Nothing,
            (_, Some(length)) if length <= LIMIT => Reads::Whole,
            (_, None) if self.may_be_about_session() => Reads::Begin,
            _ => Reads::Nothing,
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn body(mut self: Box<Self>, cx: &mut Context<'_>, chunk: &[u8], end: bool) -> Turn {
        if let Some(served) = self.served.take() {
            return self.first_bytes(cx, served, chunk, end);
        }
        let room = LIMIT.saturating_sub(self.body.len());
        self.body.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        if !end {
            if self.reads == Reads::Begin && !self.body.is_empty() {
                return self.begun(cx);
            }
            let full = self.body.len() >= LIMIT;
            return if full { self.reply(cx) } else { (Next::ErrorResponse(self), Step::hold()) };
        }
        self.reads = Reads::Whole;
        let state = self.session_state();
        if state != SessionState::Known {
            return self.reopen(cx, state);
        }
        if self.wants_other_params() {
            return self.list_again(cx);
        }
        let Instead { status, outcome, ending, body } = self.instead(cx);
        let fault = self.count_fault(cx, outcome);
        let count = reply::ended(self.label(), outcome, ending);
        let mut changes = self.changes;
        changes.set(":status", status.to_string().as_bytes());
        if status == 405 {
            changes.set("allow", reply::ALLOW.as_bytes());
        }
        changes.set("content-type", b"application/json");
        changes.set("content-length", body.len().to_string().as_bytes());
        let mut effects = vec![Effect::ResponseHead(changes), Effect::ResponseBody(body)];
        effects.extend(fault);
        effects.push(count);
        (Next::Bypass, Step::pass_with(effects))
    }

    /// Takes the first bytes of a text that may go on for ever. Unless they say that the session is lost,
    /// they count for nothing, since they may be half a sentence.
    fn begun(mut self, cx: &mut Context<'_>) -> Turn {
        if self.head.session_state(&self.body) != SessionState::Lost {
            self.reads = Reads::Nothing;
            self.body = Vec::new();
        }
        self.reply(cx)
    }

    /// There is no memory for the next bytes: what is held has to do.
    pub(crate) fn over_budget(mut self, cx: &mut Context<'_>) -> Turn {
        let Some((served, _)) = self.served.take() else { return self.reply(cx) };
        let mut effects = served.into_changes().into_effects();
        effects.push(Effect::ResponseLead(std::mem::take(&mut self.body)));
        effects.push(reply::count(self.label(), Outcome::Ok));
        (Next::Bypass, Step::pass_with(effects))
    }

    /// Answers at once with what is known, where the body cannot be replaced: there is none, or it
    /// ended with trailers. The head has not been sent, so a whole answer can be.
    pub(crate) fn reply(self, cx: &mut Context<'_>) -> Turn {
        let state = self.session_state();
        if state != SessionState::Known {
            return self.reopen(cx, state);
        }
        if self.wants_other_params() {
            return self.list_again(cx);
        }
        if self.asks_again(cx) {
            return self.ask_again(cx);
        }
        reply::now(self.answer(cx))
    }

    /// The whole answer that the client gets instead.
    fn answer(&self, cx: &Context<'_>) -> Vec<Effect> {
        let Instead { status, outcome, ending, body } = self.instead(cx);
        let count = reply::ended(self.label(), outcome, ending);
        let mut headers = vec![("content-type", b"application/json".to_vec())];
        headers.extend(self.retry_after.clone().map(|value| ("retry-after", value)));
        if status == 405 {
            headers.push(("allow", reply::ALLOW.as_bytes().to_vec()));
        }
        let reply = Effect::Reply(Reply { status, headers, body });
        self.count_fault(cx, outcome).into_iter().chain([count, reply]).collect()
    }

    /// How many bytes are held: the error page, which is cut short, and the call.
    pub(crate) fn held(&self) -> usize {
        self.body.capacity() + self.forward.as_ref().map_or(0, |it| it.routed.held())
    }

    /// What it is the answer to.
    pub(crate) fn routed(&mut self) -> Option<&mut Routed> {
        self.forward.as_mut().map(|it| &mut it.routed)
    }

    fn label(&self) -> &'static str {
        self.forward.as_ref().map_or(method::OTHER, |it| it.routed.label())
    }
}

/// Whether the body is a page for people.
fn is_html(headers: Headers<'_>) -> bool {
    headers.text("content-type").is_some_and(|it| it.to_ascii_lowercase().contains("html"))
}
