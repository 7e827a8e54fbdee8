//! One session: its GET, its endpoint, and what is on its way.
//!
//! ```text
//!   Connecting ──endpoint──▶ Ready ──GET ends, DELETE, too long unused──▶ Closed
//!       └──────refused, no endpoint, nobody waits──────────────────────────▲
//! ```
//!
//! # Where messages of the server go
//!
//! | message | to |
//! |---|---|
//! | response, `notifications/progress` | the call that it names; nobody if that is over |
//! | `.../list_changed`, `resources/updated` | a GET of the gateway |
//! | `ping` while nothing else is open | answered here: somebody is there |
//! | `notifications/message` beside several calls | a GET, or else the newest call |
//! | any other | the newest call, or else a GET |
//!
//! While no GET is open, its messages are kept ([`Kept`]).

use std::collections::BTreeMap;

use mcp_mux_core::EventReader;

use crate::call::Calls;
use crate::kept::Kept;
use crate::message::{CANCELLED, Kind, Message};
use crate::out::Out;
use crate::post::{Post, Refusal};
use crate::{Asker, Part, Request, StreamId, head};

mod incoming;

/// A session with a server.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) server: usize,
    /// The session's id towards the gateway.
    pub(crate) session: String,
    /// When it was last used, in seconds.
    pub(crate) used: u64,
    get: StreamId,
    state: State,
    /// Taken out while it reads.
    reader: Option<EventReader>,
    calls: Calls,
    posts: BTreeMap<StreamId, Post>,
    /// Open GETs of the gateway; messages go to the newest.
    listeners: Vec<Asker>,
    kept: Kept,
    /// Whether it was said that events are no messages.
    has_warned: bool,
    /// The head of what opened it, for messages of the bridge's own.
    headers: Vec<(String, Vec<u8>)>,
}

#[derive(Debug)]
enum State {
    /// The endpoint is awaited.
    Connecting { asker: Asker, body: Vec<u8> },
    /// The GET was answered with something else.
    Refused { asker: Asker, refusal: Refusal },
    /// Messages are posted there.
    Ready { endpoint: String },
    /// It is over.
    Closed,
}

impl Connection {
    /// Opens a session for `initialize`. Events have at most `event_bytes`; `first_id` is random.
    pub(crate) fn open(
        out: &mut Out<'_>,
        session: String,
        asker: Asker,
        request: Request,
        (event_bytes, now, first_id): (usize, u64, u32),
    ) -> Self {
        let Request { server, headers, body } = request;
        let get = out.open(head::get(&headers), Vec::new());
        Self {
            server,
            session,
            used: now,
            get,
            state: State::Connecting { asker, body },
            reader: Some(EventReader::new(event_bytes)),
            calls: Calls::counted_from(first_id),
            posts: BTreeMap::new(),
            listeners: Vec::new(),
            kept: Kept::default(),
            has_warned: false,
            headers,
        }
    }

    /// Whether the session is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether nothing more can come of it.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_over() && self.posts.is_empty()
    }

    /// Whether nobody waits for anything.
    pub(crate) fn is_idle(&self) -> bool {
        let is_ready = matches!(self.state, State::Ready { .. });
        is_ready && self.calls.is_empty() && self.listeners.is_empty()
    }

    /// A request in the session, with the whole body.
    pub(crate) fn ask(&mut self, out: &mut Out<'_>, asker: Asker, request: &Request) {
        let Request { headers, body, .. } = request;
        match head::method(headers) {
            "GET" => self.listen(out, asker),
            "DELETE" => {
                out.whole(asker, 200, None, &[]);
                self.close(out);
            }
            "POST" => match Message::read(body) {
                Some(message) => self.send(out, asker, headers, &message),
                None => out.refuse(asker, 400, "no JSON-RPC message"),
            },
            _ => out.refuse(asker, 405, "no method of Streamable HTTP"),
        }
    }

    fn listen(&mut self, out: &mut Out<'_>, asker: Asker) {
        out.head(asker, 200, Some(b"text/event-stream"));
        for event in self.kept.take() {
            out.answer(asker, Part::Body(event));
        }
        self.listeners.push(asker);
    }

    fn send(
        &mut self,
        out: &mut Out<'_>,
        asker: Asker,
        headers: &[(String, Vec<u8>)],
        message: &Message<'_>,
    ) {
        if let Some((call, body)) = self.calls.add(asker, message, false) {
            return self.post(out, headers, body, Some(call), None);
        }
        let Kind::Notification { method, about: Some(id) } = &message.kind else {
            return self.post(out, headers, message.with(&[]), None, Some(asker));
        };
        if method != CANCELLED {
            return self.post(out, headers, message.with(&[]), None, Some(asker));
        }
        // What is over cannot be cancelled, and what others have asked for is not to be.
        let Some(call) = self.calls.named(id) else { return out.whole(asker, 202, None, &[]) };
        let body = message.with(&[(*id, &call.to_string())]);
        self.post(out, headers, body, None, Some(asker));
        self.calls.give_up(out, call);
    }

    fn post(
        &mut self,
        out: &mut Out<'_>,
        headers: &[(String, Vec<u8>)],
        body: Vec<u8>,
        call: Option<u64>,
        asker: Option<Asker>,
    ) {
        let State::Ready { endpoint } = &self.state else { return };
        let stream = out.open(head::post(headers, endpoint), body);
        self.posts.insert(stream, Post { call, asker, refusal: None });
    }

    /// Posts a message that no client has sent.
    fn say(&mut self, out: &mut Out<'_>, message: String) {
        let headers = std::mem::take(&mut self.headers);
        self.post(out, &headers, message.into_bytes(), None, None);
        self.headers = headers;
    }

    /// Whoever has made this request waits for it no longer.
    pub(crate) fn gone(&mut self, out: &mut Out<'_>, asker: Asker) {
        match &self.state {
            State::Connecting { asker: it, .. } | State::Refused { asker: it, .. }
                if *it == asker =>
            {
                return self.close(out);
            }
            _ => {}
        }
        if let Some(call) = self.calls.of(asker) {
            if self.calls.remove(call).is_some_and(|call| call.opens) {
                return self.close(out);
            }
            let of_call =
                |(stream, post): (&StreamId, &Post)| (post.call == Some(call)).then_some(*stream);
            let posted = self.posts.iter().find_map(of_call);
            if let Some(stream) = posted.filter(|_| self.is_over()) {
                self.posts.remove(&stream);
                out.close(stream);
            }
            let params = format!(r#"{{"requestId":{call},"reason":"the client is gone"}}"#);
            self.say(
                out,
                format!(r#"{{"jsonrpc":"2.0","method":"{CANCELLED}","params":{params}}}"#),
            );
        }
        self.listeners.retain(|it| *it != asker);
        let theirs =
            |(stream, post): (&StreamId, &Post)| (post.asker == Some(asker)).then_some(*stream);
        if let Some(stream) = self.posts.iter().find_map(theirs) {
            self.posts.remove(&stream);
            out.close(stream);
        }
    }

    /// The server is no server of this transport.
    fn refuse(&mut self, out: &mut Out<'_>, why: &str) {
        if let State::Connecting { asker, .. } = self.state {
            out.warn(why.to_owned());
            out.refuse(asker, 502, &format!("the server {why}"));
            self.state = State::Closed;
            out.close(self.get);
        }
    }

    /// Ends the session, and all that is on its way. Who waits for an answer hears that there is none.
    pub(crate) fn close(&mut self, out: &mut Out<'_>) {
        self.finish(out, &[]);
        self.calls.lose(out, &[]);
        for (stream, post) in std::mem::take(&mut self.posts) {
            out.close(stream);
            if let Some(asker) = post.asker {
                out.answer(asker, Part::Lost);
            }
        }
    }

    /// Breaks off messages on their way that nobody waits for, once the session is over: a server that never ends
    /// its answer to one would keep what is left of the session for good.
    pub(crate) fn settle(&mut self, out: &mut Out<'_>) {
        if !self.is_over() {
            return;
        }
        let idle = |(_, post): &(&StreamId, &Post)| post.call.is_none() && post.asker.is_none();
        let idle: Vec<StreamId> =
            self.posts.iter().filter(idle).map(|(stream, _)| *stream).collect();
        for stream in idle {
            self.posts.remove(&stream);
            out.close(stream);
        }
    }

    /// The server has lost the session. A message on its way may be refused yet: then the server has not
    /// looked at it.
    fn lose(&mut self, out: &mut Out<'_>) {
        let on_their_way: Vec<u64> = self.posts.values().filter_map(|post| post.call).collect();
        self.finish(out, &on_their_way);
    }

    /// Ends the session, but for messages on their way: these calls are among them.
    fn finish(&mut self, out: &mut Out<'_>, on_their_way: &[u64]) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => return,
            State::Connecting { asker, .. } | State::Refused { asker, .. } => {
                out.answer(asker, Part::Lost);
            }
            State::Ready { .. } => {}
        }
        out.close(self.get);
        self.calls.lose(out, on_their_way);
        for listener in self.listeners.drain(..) {
            out.answer(listener, Part::End);
        }
    }
}
