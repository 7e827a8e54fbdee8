//! What comes from the server: answers to messages, and the events of the GET.

use super::{Connection, State};
use crate::message::{Kind, Message, PROGRESS, event};
use crate::out::Out;
use crate::post::{Head, Post, Refusal};
use crate::{Part, StreamId, endpoint, head};

impl Connection {
    /// The head of an answer of the server.
    pub(crate) fn head(&mut self, out: &mut Out<'_>, stream: StreamId, head: Head<'_>) {
        if stream == self.get {
            return self.connected(out, head);
        }
        let (status, ..) = head;
        let is_over = self.is_over();
        if is_over && (400..500).contains(&status) && self.posts.contains_key(&stream) {
            // The server has lost the session, too, and has not looked at the message.
            out.close(stream);
            return self.refused(out, stream, Some(Refusal::session_lost()));
        }
        let Some(post) = self.posts.get_mut(&stream) else { return };
        if !(200..300).contains(&status) {
            post.refusal = Some(Refusal::new(head));
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

    fn connected(&mut self, out: &mut Out<'_>, head: Head<'_>) {
        let (status, kind, _) = head;
        let State::Connecting { asker, .. } = self.state else { return };
        let essence = kind.unwrap_or_default().split(|byte| *byte == b';').next();
        let is_stream = |it: &[u8]| it.trim_ascii().eq_ignore_ascii_case(b"text/event-stream");
        if !(200..300).contains(&status) {
            self.state = State::Refused { asker, refusal: Refusal::new(head) };
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

    /// The server has named its endpoint.
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

    /// The server says a message.
    fn message(&mut self, out: &mut Out<'_>, bytes: &[u8]) {
        if !matches!(self.state, State::Ready { .. }) {
            return;
        }
        let Some(message) = Message::read(bytes) else {
            if !std::mem::replace(&mut self.has_warned, true) {
                out.warn("events without a JSON-RPC message are dropped".to_owned());
            }
            return;
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
}
