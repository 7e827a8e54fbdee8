//! Requests of the client that the server has not answered yet.

use std::collections::BTreeMap;

use crate::message::{Kind, Message, event, same_id};
use crate::out::Out;
use crate::post::Refusal;
use crate::{Asker, Part, head};

/// One of them.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) asker: Asker,
    /// Its id as the client has it. At the server it has one of the bridge's own: several clients may share a
    /// session, and all answers come on one stream.
    id: String,
    /// Its progress token as the client has it; the server is given the id instead.
    token: Option<String>,
    /// Whether it opens the session.
    pub(crate) opens: bool,
    /// Whether its answer has begun.
    begun: bool,
}

/// All of a session, by their ids at the server.
#[derive(Debug)]
pub(crate) struct Calls {
    calls: BTreeMap<u64, Call>,
    last: u64,
}

impl Calls {
    /// None. Sessions begin to count far from each other: there are servers that send an answer to all of
    /// their clients.
    pub(crate) fn counted_from(random: u32) -> Self {
        Self { calls: BTreeMap::new(), last: u64::from(random) << 20 }
    }

    /// Takes a request, if it is one, and returns its id at the server and what is sent there.
    pub(crate) fn add(
        &mut self,
        asker: Asker,
        message: &Message<'_>,
        opens: bool,
    ) -> Option<(u64, Vec<u8>)> {
        let Kind::Request { id, token, .. } = message.kind else { return None };
        self.last += 1;
        let own = self.last.to_string();
        let changes = [(id, own.as_str())].into_iter().chain(token.map(|token| (token, &*own)));
        let body = message.with(&changes.collect::<Vec<_>>());
        let (id, token) = (id.to_owned(), token.map(str::to_owned));
        self.calls.insert(self.last, Call { asker, id, token, opens, begun: false });
        Some((self.last, body))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(crate) fn is_opening(&self, call: u64) -> bool {
        self.calls.get(&call).is_some_and(|call| call.opens)
    }

    pub(crate) fn remove(&mut self, call: u64) -> Option<Call> {
        self.calls.remove(&call)
    }

    /// The call that a request of the gateway is.
    pub(crate) fn of(&self, asker: Asker) -> Option<u64> {
        self.calls.iter().find(|(_, call)| call.asker == asker).map(|(id, _)| *id)
    }

    /// The newest call with this id of the client's.
    pub(crate) fn named(&self, id: &str) -> Option<u64> {
        self.calls.iter().rev().find(|(_, call)| same_id(&call.id, id)).map(|(id, _)| *id)
    }

    /// The newest call whose answer is a stream, and whether it is the only one.
    pub(crate) fn newest(&self) -> Option<(u64, bool)> {
        let mut streams = self.calls.iter().filter(|(_, call)| !call.opens).rev();
        let newest = streams.next().map(|(id, _)| *id)?;
        Some((newest, streams.next().is_none()))
    }

    /// Its answer will be a stream.
    pub(crate) fn begin(&mut self, out: &mut Out<'_>, call: u64) {
        if let Some(call) = self.calls.get_mut(&call).filter(|call| !call.opens && !call.begun) {
            call.begun = true;
            out.head(call.asker, 200, Some(b"text/event-stream"));
        }
    }

    /// Adds a message to the stream of a call.
    pub(crate) fn tell(&mut self, out: &mut Out<'_>, id: u64, message: Vec<u8>) {
        self.begin(out, id);
        if let Some(call) = self.calls.get(&id) {
            out.answer(call.asker, Part::Body(event(message)));
        }
    }

    /// Adds a message of progress to the stream of the call that its token names.
    pub(crate) fn progress<'m>(
        &mut self,
        out: &mut Out<'_>,
        message: &Message<'m>,
        token: &'m str,
    ) {
        let id = number(token).unwrap_or(0);
        if let Some(own) = self.calls.get(&id).and_then(|call| call.token.clone()) {
            self.tell(out, id, message.with(&[(token, own.as_str())]));
        }
    }

    /// Ends the answer of a call with its response. `Some(false)`: the session does not open for it.
    pub(crate) fn respond<'m>(
        &mut self,
        out: &mut Out<'_>,
        message: &Message<'m>,
        (id, is_error): (&'m str, bool),
        session: &str,
    ) -> Option<bool> {
        let number = number(id)?;
        let response = message.with(&[(id, self.calls.get(&number)?.id.as_str())]);
        if self.is_opening(number) {
            let asker = self.remove(number)?.asker;
            if is_error {
                out.head(asker, 200, Some(b"application/json"));
            } else {
                out.answer(asker, Part::Head { status: 200, headers: head::opened(session) });
            }
            out.answer(asker, Part::Body(response));
            out.answer(asker, Part::End);
            return Some(!is_error);
        }
        self.tell(out, number, response);
        let asker = self.remove(number)?.asker;
        out.answer(asker, Part::End);
        Some(true)
    }

    /// Ends the answer of a call without a response: the client wants none any more.
    pub(crate) fn give_up(&mut self, out: &mut Out<'_>, call: u64) {
        self.begin(out, call);
        if let Some(call) = self.remove(call) {
            out.answer(call.asker, if call.opens { Part::Lost } else { Part::End });
        }
    }

    /// The server did not take a call, or says so.
    pub(crate) fn refuse(&mut self, out: &mut Out<'_>, call: u64, refusal: Option<&Refusal>) {
        match (self.remove(call), refusal) {
            (Some(call), Some(refusal)) if !call.begun => refusal.answer(out, call.asker),
            (Some(call), _) => call.lose(out),
            (None, _) => {}
        }
    }

    /// The server is lost: no call will be answered but these.
    pub(crate) fn lose(&mut self, out: &mut Out<'_>, but: &[u64]) {
        for (id, call) in std::mem::take(&mut self.calls) {
            if but.contains(&id) && !call.begun {
                self.calls.insert(id, call);
            } else {
                call.lose(out);
            }
        }
    }
}

impl Call {
    /// There will be no answer. A stream that has begun says so.
    fn lose(self, out: &mut Out<'_>) {
        if self.begun {
            let error = r#""error":{"code":-32000,"message":"the server did not answer: its event stream has ended, or it took no messages"}"#;
            let message = format!(r#"{{"jsonrpc":"2.0","id":{},{error}}}"#, self.id);
            out.answer(self.asker, Part::Body(event(message.into_bytes())));
            out.answer(self.asker, Part::End);
        } else {
            out.answer(self.asker, Part::Lost);
        }
    }
}

/// An id of the bridge's own, in the words of a server: some write numbers as strings.
fn number(id: &str) -> Option<u64> {
    id.trim_matches('"').parse().ok()
}
