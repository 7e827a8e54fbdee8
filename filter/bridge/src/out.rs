//! What a connection wants done.

use crate::{Asker, Effect, Part, StreamId};

/// Collects the effects of one event at one server.
#[derive(Debug)]
pub(crate) struct Out<'b> {
    pub(crate) server: usize,
    /// The number of the next stream.
    pub(crate) next: &'b mut u64,
    pub(crate) effects: Vec<Effect>,
}

impl Out<'_> {
    /// Sends a request to the server.
    pub(crate) fn open(&mut self, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> StreamId {
        let stream = StreamId(*self.next);
        *self.next += 1;
        self.effects.push(Effect::Open { stream, server: self.server, headers, body });
        stream
    }

    pub(crate) fn close(&mut self, stream: StreamId) {
        self.effects.push(Effect::Close(stream));
    }

    /// Begins an answer.
    pub(crate) fn head(&mut self, asker: Asker, status: u16, kind: Option<&[u8]>) {
        let headers = kind.map(|kind| ("content-type", kind.to_vec())).into_iter().collect();
        self.answer(asker, Part::Head { status, headers });
    }

    pub(crate) fn answer(&mut self, asker: Asker, part: Part) {
        self.effects.push(Effect::Answer(asker, part));
    }

    /// Answers at once.
    pub(crate) fn whole(&mut self, asker: Asker, status: u16, kind: Option<&[u8]>, body: &[u8]) {
        self.head(asker, status, kind);
        self.body(asker, body);
    }

    /// The whole body of an answer that has begun.
    pub(crate) fn body(&mut self, asker: Asker, body: &[u8]) {
        if !body.is_empty() {
            self.answer(asker, Part::Body(body.to_vec()));
        }
        self.answer(asker, Part::End);
    }

    /// Refuses a request with a status and words, and without an answer of the server.
    pub(crate) fn refuse(&mut self, asker: Asker, status: u16, why: &str) {
        self.whole(asker, status, Some(b"text/plain"), why.as_bytes());
    }

    pub(crate) fn warn(&mut self, line: String) {
        self.effects.push(Effect::Warn { server: self.server, line });
    }
}
