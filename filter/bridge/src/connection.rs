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
use crate::message::{CANCELLED, Kind, Message, PROGRESS, event};
use crate::out::Out;
use crate::post::{Post, Refusal};
use crate::{Asker, Part, Request, StreamId, endpoint, head};

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

    /// The head of an answer of the server.
    pub(crate) fn head(
        &mut self,
        out: &mut Out<'_>,
        stream: StreamId,
        status: u16,
        kind: Option<&[u8]>,
    ) {
        if stream == self.get {
            return self.connected(out, status, kind);
        }
        let is_over = self.is_over();
        if is_over && (400..500).contains(&status) && self.posts.contains_key(&stream) {
            // The server has lost the session, too, and has not looked at the message.
            out.close(stream);
            return self.refused(out, stream, Some(Refusal::session_lost()));
        }
        let Some(post) = self.posts.get_mut(&stream) else { return };
        if !(200..300).contains(&status) {
            post.refusal = Some(Refusal::new(status, kind));
        } else if let Some(asker) = post.asker.take() {
            out.whole(asker, 202, None, &[]);
        } else if let Some(call) = post.call.take() {
            if is_over {
                self.calls.refuse(out, call, None);
            } else {
                self.calls.begin(out, call);
            }
        }
    }

    fn connected(&mut self, out: &mut Out<'_>, status: u16, kind: Option<&[u8]>) {
        let State::Connecting { asker, .. } = self.state else { return };
        let essence = kind.unwrap_or_default().split(|byte| *byte == b';').next();
        let is_stream = |it: &[u8]| it.trim_ascii().eq_ignore_ascii_case(b"text/event-stream");
        if !(200..300).contains(&status) {
            self.state = State::Refused { asker, refusal: Refusal::new(status, kind) };
        } else if !essence.is_some_and(is_stream) {
            self.refuse(out, "answers GET with something else than an event stream");
        }
    }

    /// The next bytes of an answer of the server.
    pub(crate) fn data(&mut self, out: &mut Out<'_>, stream: StreamId, bytes: &[u8]) {
        if stream != self.get {
            let refusal = self.posts.get_mut(&stream).and_then(|post| post.refusal.as_mut());
            if let Some(refusal) = refusal {
                refusal.add(bytes);
            }
            return;
        }
        if let State::Refused { refusal, .. } = &mut self.state {
            return refusal.add(bytes);
        }
        let Some(mut reader) = self.reader.take() else { return };
        reader.feed(bytes, &mut |event| match event.name {
            b"endpoint" => self.endpoint(out, event.data),
            b"message" => self.message(out, event.data),
            _ => {}
        });
        if reader.skipped() > 0 {
            out.warn(
                "an event is longer than limits.upstream_body: its session is closed".to_owned(),
            );
            self.close(out);
        }
        self.reader = Some(reader);
    }

    /// The answer of the server is complete, or broken off.
    pub(crate) fn end(&mut self, out: &mut Out<'_>, stream: StreamId, is_whole: bool) {
        if stream == self.get {
            if let State::Refused { asker, refusal } = &self.state {
                refusal.answer(out, *asker);
                self.state = State::Closed;
            }
            return self.lose(out);
        }
        let refusal = self.posts.get_mut(&stream).and_then(|post| post.refusal.take());
        if is_whole && refusal.is_none() {
            self.posts.remove(&stream);
        } else {
            self.refused(out, stream, refusal);
        }
    }

    /// A message was not taken; without a refusal, that is not known.
    fn refused(&mut self, out: &mut Out<'_>, stream: StreamId, refusal: Option<Refusal>) {
        let Some(Post { call, asker, .. }) = self.posts.remove(&stream) else { return };
        let opens = call.is_some_and(|call| self.calls.is_opening(call));
        if let Some(call) = call {
            self.calls.refuse(out, call, refusal.as_ref());
        }
        match (asker, &refusal) {
            (Some(asker), Some(refusal)) => refusal.answer(out, asker),
            (Some(asker), None) => out.answer(asker, Part::Lost),
            (None, _) => {}
        }
        if opens {
            self.close(out);
        } else if refusal.is_some_and(|it| it.is_loss()) {
            self.lose(out);
        }
    }

    fn endpoint(&mut self, out: &mut Out<'_>, reference: &[u8]) {
        let State::Connecting { asker, body } = &mut self.state else { return };
        let (asker, body) = (*asker, std::mem::take(body));
        let (authority, path) = (head::authority(&self.headers), head::path(&self.headers));
        match endpoint::resolve(reference, authority, path) {
            Err(why) => self.refuse(out, &why),
            Ok(endpoint) => {
                self.state = State::Ready { endpoint };
                let message = Message::read(&body);
                let call = message.and_then(|message| self.calls.add(asker, &message, true));
                if let Some((call, body)) = call {
                    let headers = std::mem::take(&mut self.headers);
                    self.post(out, &headers, body, Some(call), None);
                    self.headers = headers;
                }
            }
        }
    }

    fn message(&mut self, out: &mut Out<'_>, bytes: &[u8]) {
        if !matches!(self.state, State::Ready { .. }) {
            return;
        }
        let Some(message) = Message::read(bytes) else {
            return out.warn("an event holds no JSON-RPC message".to_owned());
        };
        let newest = self.calls.newest();
        match &message.kind {
            Kind::Response { id, is_error } => {
                let opened = self.calls.respond(out, &message, (*id, *is_error), &self.session);
                if opened == Some(false) {
                    self.close(out);
                }
            }
            Kind::Notification { method, about: Some(token) } if method == PROGRESS => {
                self.calls.progress(out, &message, token);
            }
            Kind::Notification { method, .. } => {
                let is_of_session = method.ends_with("/list_changed")
                    || method == "notifications/resources/updated";
                let is_log = method == "notifications/message";
                let listens = !self.listeners.is_empty();
                match newest {
                    Some((call, only)) if !is_of_session && (only || !is_log || !listens) => {
                        self.calls.tell(out, call, message.with(&[]));
                    }
                    _ => self.tell_listener(out, message.with(&[])),
                }
            }
            Kind::Request { id, method, .. } => match newest {
                Some((call, _)) => self.calls.tell(out, call, message.with(&[])),
                None if method == "ping" && self.listeners.is_empty() => {
                    self.say(out, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
                }
                None => self.tell_listener(out, message.with(&[])),
            },
        }
    }

    fn tell_listener(&mut self, out: &mut Out<'_>, message: Vec<u8>) {
        let event = event(message);
        if let Some(listener) = self.listeners.last() {
            out.answer(*listener, Part::Body(event));
        } else if self.kept.push(event) {
            out.warn("messages that nobody reads (GET) are dropped, the oldest first".to_owned());
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
