//! Several requests of one worker at the same time: what happens next to which of them is chance.

use std::borrow::Cow;
use std::rc::Rc;
use std::task::Waker;

use mcp_mux_core::effect::{CallId, Callout, Counter, HeaderChanges, Reply, Served};
use mcp_mux_core::event::{CallFailure, Source};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_core::host::{Abilities, HostEnv};
use mcp_mux_core::{Headers, ListChanged, Note, Notes, ScopeTag};
use mcp_mux_driver::{Level, NotSent, NotStored, Stream};

use super::host::borrowed;
use super::{Answer, Got, Request, Response, Seen, Way, World, owned};

/// One request and what it waits for.
struct Member {
    stream: Rc<Stream>,
    calls: Vec<(CallId, Answer)>,
    /// Whether it is to be woken up.
    woken: bool,
    answered: bool,
    reply: Option<Reply>,
    counts: Vec<Counter>,
    gone: bool,
}

/// All requests so far, by number.
pub(crate) struct Crowd<'w> {
    pub(crate) world: &'w mut World,
    members: Vec<Member>,
}

impl<'w> Crowd<'w> {
    pub(crate) fn of(world: &'w mut World) -> Self {
        Self { world, members: Vec::new() }
    }

    /// Begins a request; its number.
    pub(crate) fn ask(&mut self, request: &Request) -> usize {
        let at = self.begin(request);
        self.body(at, &request.body, true);
        at
    }

    /// Sends the head of a request; its number.
    pub(crate) fn begin(&mut self, request: &Request) -> usize {
        let at = self.members.len();
        let stream = Stream::new(self.world.worker.clone(), at as u64);
        self.members.push(Member {
            stream,
            calls: Vec::new(),
            woken: false,
            answered: false,
            reply: None,
            counts: Vec::new(),
            gone: false,
        });
        let headers = borrowed(&request.head);
        let (stream, mut host) = self.host(at);
        stream.request_head(&mut host, Headers(&headers), false);
        at
    }

    /// Sends more of a request.
    pub(crate) fn body(&mut self, at: usize, chunk: &[u8], end: bool) {
        let (stream, mut host) = self.host(at);
        stream.request_body(&mut host, chunk.len(), end, || chunk);
        self.wake();
    }

    /// Something happens to somebody; `false` if there is nothing left to happen.
    pub(crate) fn step(&mut self) -> bool {
        let busy = |it: &Member| !it.gone && (it.woken || !it.calls.is_empty());
        let busy: Vec<usize> =
            (0..self.members.len()).filter(|at| busy(&self.members[*at])).collect();
        if busy.is_empty() {
            return false;
        }
        let at = self.world.chance.pick(&busy);
        self.step_of(at);
        true
    }

    /// Something happens to this one; `false` if there is nothing left to happen.
    fn step_of(&mut self, at: usize) -> bool {
        let member = &mut self.members[at];
        if std::mem::take(&mut member.woken) {
            let (stream, mut host) = self.host(at);
            stream.wake(&mut host);
        } else if member.calls.is_empty() {
            return false;
        } else {
            let which = self.world.chance.below(member.calls.len());
            let (call, answer) = member.calls.swap_remove(which);
            self.answer(at, call, answer);
        }
        self.wake();
        true
    }

    /// Lets everything happen to this one while the others stand still.
    pub(crate) fn hurry(&mut self, at: usize) {
        while self.step_of(at) {}
    }

    /// Lets everything happen that still can, and holds all to what they promise.
    pub(crate) fn finish(&mut self) {
        while self.step() {}
        for (at, member) in self.members.iter().enumerate() {
            assert!(member.gone || member.answered, "request {at} has no answer");
            assert!(!member.gone || member.stream.held() == 0, "request {at} holds something");
        }
        assert_eq!(self.world.worker.shared().lists_under_way(), 0, "asks for ever");
    }

    /// The client of a request goes away, and its side calls with it; `false` if it has its answer.
    pub(crate) fn leave(&mut self, at: usize) -> bool {
        if self.members[at].answered {
            return false;
        }
        let (stream, mut host) = self.host(at);
        stream.ended(&mut host);
        self.world.woken.forget(&stream);
        let member = &mut self.members[at];
        member.gone = true;
        member.calls.clear();
        self.wake();
        true
    }

    /// Envoy answers a request by itself, since it takes too long.
    pub(crate) fn overdue(&mut self, at: usize) {
        let head = [(&b":status"[..], &b"504"[..])];
        let (stream, mut host) = self.host(at);
        stream.response_head(&mut host, Headers(&head), Source::Proxy, true);
        self.leave(at);
    }

    /// The answer to a request.
    pub(crate) fn got(&mut self, at: usize) -> Got {
        let member = &mut self.members[at];
        let Reply { status, headers, body } = member.reply.take().expect("an answer");
        let head = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let counts = std::mem::take(&mut member.counts);
        let (faults, warnings) = (Vec::new(), Vec::new());
        let told = Vec::new();
        Got { way: Way::Replied, status, head, body, went: None, counts, faults, warnings, told }
    }

    /// How many bytes a request holds.
    pub(crate) fn held(&self, at: usize) -> usize {
        self.members[at].stream.held()
    }

    /// Whether a request goes on as it comes.
    pub(crate) fn streams_request(&self, at: usize) -> bool {
        self.members[at].stream.streams_request()
    }

    /// How many requests wait for another's list.
    pub(crate) fn waiting(&self) -> usize {
        self.world.worker.shared().waiting()
    }

    fn answer(&mut self, at: usize, call: CallId, answer: Answer) {
        let (stream, mut host) = self.host(at);
        let failure = match answer {
            Answer::Says(Response { status, mut head, body, .. }) => {
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                let (headers, size) = (borrowed(&head), body.len());
                let read = || Cow::Owned(body);
                return stream.call_response(&mut host, call, Headers(&headers), size, read);
            }
            Answer::NotSent => CallFailure::NotSent,
            Answer::Silent => CallFailure::NoAnswer,
            Answer::TooLarge => CallFailure::TooLarge,
        };
        stream.call_failed(&mut host, call, failure);
    }

    /// The stream of a request, and its host for one event.
    fn host(&mut self, at: usize) -> (Rc<Stream>, Host<'_>) {
        let member = &mut self.members[at];
        (member.stream.clone(), Host { world: self.world, member })
    }

    /// Notes who is to be woken up.
    fn wake(&mut self) {
        while let Some(stream) = self.world.woken.next() {
            let at = usize::try_from(stream.id()).expect("a number");
            self.members[at].woken = true;
        }
    }
}

/// What serves one of the requests, for one event.
struct Host<'c> {
    world: &'c mut World,
    member: &'c mut Member,
}

impl HostEnv for Host<'_> {
    fn clock(&self) -> u64 {
        self.world.ambient.now * 1_000_000
    }

    fn now(&self) -> u64 {
        self.world.ambient.now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.world.ambient.fill(bytes);
    }

    fn session_notes(&self, session: ScopeTag) -> Notes {
        self.world.ambient.session_notes(session)
    }

    fn list_changes(&self, lists: ListChanged) -> u64 {
        self.world.ambient.list_changes(lists)
    }

    fn abilities(&self) -> Abilities {
        self.world.abilities
    }
}

impl mcp_mux_driver::Host for Host<'_> {
    fn call(&mut self, call: Callout) -> Result<(), NotSent> {
        let Callout { cluster, headers, body, .. } = call;
        let head = owned(&headers);
        let answer = self.world.ask(&Seen { cluster, routed: false, head, body });
        self.member.calls.push((call.id, answer));
        Ok(())
    }

    fn reply(&mut self, reply: Reply) {
        assert!(!std::mem::replace(&mut self.member.answered, true), "a second reply");
        assert!(!self.member.gone, "an answer to nobody");
        self.member.reply = Some(reply);
    }

    fn note(&mut self, session: ScopeTag, note: Note, expires: u64) -> Result<(), NotStored> {
        self.world.ambient.note(session, note, expires);
        Ok(())
    }

    fn list_changed(&mut self, lists: ListChanged) -> Result<(), NotStored> {
        self.world.ambient.list_changed(lists);
        Ok(())
    }

    fn count(&mut self, _: &Gateway, counter: Counter, by: u64) {
        if matches!(counter, Counter::Fault { .. }) {
            return;
        }
        self.member.counts.extend((0..by).map(|_| counter.clone()));
    }

    // Whose turn it is to be woken up is chance.
    fn waker(&mut self, stream: &Rc<Stream>) -> Waker {
        self.world.woken.waker(stream, || {})
    }
    fn watch_sessions(&mut self) {}

    fn log(&mut self, _: Level, _: &str) {}

    // What goes on its way is not followed.
    fn change_request_head(&mut self, _: &HeaderChanges) {}
    fn replace_request_body(&mut self, _: Vec<u8>) {}
    fn reroute(&mut self) {}
    fn resume_request(&mut self) {}
    fn change_response_head(&mut self, _: &HeaderChanges) {}
    fn replace_response_body(&mut self, _: Vec<u8>) {}
    fn prepend_response_body(&mut self, _: Vec<u8>) {}
}

impl Got {
    /// Where a list came from that may be kept.
    pub(crate) fn served(&self) -> Option<Served> {
        self.counts.iter().find_map(|counter| match counter {
            Counter::Catalog(served) => Some(*served),
            _ => None,
        })
    }
}

impl World {
    /// How often lists of this kind have changed.
    pub(crate) fn changes(&self, kind: mcp_mux_core::Kind) -> u64 {
        self.ambient.list_changes(ListChanged::of(kind).expect("a kind that is kept"))
    }
}
