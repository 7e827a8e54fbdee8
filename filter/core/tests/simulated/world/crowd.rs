//! Several requests of one worker at the same time: what happens next to which of them is chance.

use std::borrow::Cow;
use std::collections::VecDeque;

use mcp_mux_core::catalog::cache::{self, Flight};
use mcp_mux_core::effect::{CallId, Counter, Effect, Reply, Served};
use mcp_mux_core::event::{CallFailure, Event};
use mcp_mux_core::exchange::Exchange;
use mcp_mux_core::http::Headers;
use mcp_mux_core::session::store;

use super::host::borrowed;
use super::{Answer, Got, Request, Response, Seen, Way, World};

/// One request and what it waits for.
#[derive(Default)]
struct Member {
    exchange: Exchange,
    calls: Vec<(CallId, Answer)>,
    awaits: Option<Flight>,
    /// Whether it wants to go on.
    again: bool,
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
        self.members.push(Member::default());
        let at = self.members.len() - 1;
        let headers = borrowed(&request.head);
        self.handle(at, Event::RequestHead { headers: Headers(&headers), end: false });
        self.handle(at, Event::RequestBody { chunk: &request.body, end: true });
        at
    }

    /// Something happens to somebody; `false` if there is nothing left to happen.
    pub(crate) fn step(&mut self) -> bool {
        let busy = |it: &Member| !it.gone && (it.again || !it.calls.is_empty());
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
        if std::mem::take(&mut member.again) {
            self.handle(at, Event::Woken);
        } else if member.calls.is_empty() {
            return false;
        } else {
            let which = self.world.chance.below(member.calls.len());
            let (call, answer) = member.calls.swap_remove(which);
            self.answer(at, call, answer);
        }
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
            assert!(!member.gone || member.exchange.held() == 0, "request {at} holds something");
        }
        assert_eq!(self.world.memory.kept.under_way(), 0, "asks for ever");
    }

    /// The client of a request goes away, and its side calls with it; `false` if it has its answer.
    pub(crate) fn leave(&mut self, at: usize) -> bool {
        if self.members[at].answered {
            return false;
        }
        self.handle(at, Event::Gone);
        let member = &mut self.members[at];
        member.gone = true;
        member.calls.clear();
        member.awaits = None;
        true
    }

    /// Envoy answers a request by itself, since it takes too long.
    pub(crate) fn overdue(&mut self, at: usize) {
        let head = [(&b":status"[..], &b"504"[..])];
        let source = mcp_mux_core::event::Source::Proxy;
        self.handle(at, Event::ResponseHead { headers: Headers(&head), source, end: true });
        self.leave(at);
    }

    /// The answer to a request.
    pub(crate) fn got(&mut self, at: usize) -> Got {
        let member = &mut self.members[at];
        let Reply { status, headers, body } = member.reply.take().expect("an answer");
        let head = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let counts = std::mem::take(&mut member.counts);
        Got { way: Way::Replied, status, head, body, went: None, counts, warnings: Vec::new() }
    }

    /// How many bytes a request holds.
    pub(crate) fn held(&self, at: usize) -> usize {
        self.members[at].exchange.held()
    }

    /// How many requests wait for another's list.
    pub(crate) fn waiting(&self) -> usize {
        self.members.iter().filter(|it| it.awaits.is_some()).count()
    }

    fn answer(&mut self, at: usize, call: CallId, answer: Answer) {
        let failure = match answer {
            Answer::Says(Response { status, mut head, body, .. }) => {
                head.insert(0, (":status".to_owned(), status.to_string().into_bytes()));
                let headers = borrowed(&head);
                self.handle(at, Event::CallHead { call, headers: Headers(&headers) });
                self.handle(at, Event::CallBody { call, chunk: Cow::Borrowed(&body), end: true });
                return;
            }
            Answer::NotSent => CallFailure::NotSent,
            Answer::Silent => CallFailure::NoAnswer,
            Answer::TooLarge => CallFailure::TooLarge,
        };
        self.handle(at, Event::CallFailed { call, failure });
    }

    /// Hands an event over and carries out what comes back.
    fn handle(&mut self, at: usize, event: Event<'_>) {
        let exchange = &mut self.members[at].exchange;
        let mut effects = VecDeque::from(exchange.handle(&mut self.world.cx(), event).effects);
        while let Some(effect) = effects.pop_front() {
            let member = &mut self.members[at];
            match effect {
                Effect::Call(call) => {
                    let (cluster, head, body) = (call.cluster, call.headers, call.body);
                    let answer = self.world.ask(&Seen { cluster, routed: false, head, body });
                    member.calls.push((call.id, answer));
                }
                Effect::Subscribe(flight) => {
                    assert!(member.awaits.replace(flight).is_none(), "waits twice");
                }
                Effect::Publish(flight, answer) => {
                    for waiter in 0..self.members.len() {
                        if self.members[waiter].awaits == Some(flight) {
                            self.members[waiter].awaits = None;
                            self.handle(waiter, Event::Published(answer.as_ref()));
                        }
                    }
                }
                Effect::Wake => member.again = true,
                Effect::Changed(kind) => self.world.ambient.changed(kind),
                Effect::Reply(reply) => {
                    assert!(!std::mem::replace(&mut member.answered, true), "a second reply");
                    assert!(!member.gone, "an answer to nobody");
                    member.reply = Some(reply);
                }
                Effect::Count(counter, by) => {
                    member.counts.extend((0..by).map(|_| counter.clone()));
                }
                Effect::Note { session, note, expires } => {
                    let ambient = &mut self.world.ambient;
                    let slot = ambient.shared.entry(store::slot_key(session)).or_default();
                    *slot = store::add(slot, session, &note, expires, ambient.now);
                }
                Effect::Warn(_) => {}
                other => panic!("not of a list: {other:?}"),
            }
        }
    }
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
    pub(crate) fn changes(&self, kind: mcp_mux_core::mcp::method::Kind) -> u64 {
        let key = cache::changes_key(kind).expect("a kind that is kept");
        self.ambient.shared.get(key).map_or(0, |bytes| cache::changes(bytes))
    }
}
