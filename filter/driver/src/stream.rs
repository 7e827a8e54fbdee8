//! One client request: hands what happens to it to the core, and what the core wants to the host.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use mcp_mux_core::effect::{Effect, HeaderChanges, Verdict};
use mcp_mux_core::event::{Event, Source};
use mcp_mux_core::gateway::auth::CHALLENGE;
use mcp_mux_core::{Context, Exchange, Flight, Headers, Inbox};

use crate::host::Host;
use crate::mailbox::{Mailbox, News};
use crate::worker::Worker;

mod act;
mod callouts;
mod tell;
mod turns;

use turns::Turns;

pub use tell::field;

/// One client request, from its head to the end of its answer.
///
/// # Order of events
///
/// 1. [`request_head`](Self::request_head), once and first.
/// 2. [`request_body`](Self::request_body) for each chunk, and
///    [`request_trailers`](Self::request_trailers) if there are any.
/// 3. Of a request that went on: [`response_head`](Self::response_head),
///    [`response_body`](Self::response_body) and [`response_trailers`](Self::response_trailers). They may
///    begin before the request is complete.
/// 4. [`ended`](Self::ended), once and last, also if the client is gone.
///
/// At any time between the first and the last: what comes of each callout
/// ([`call_response`](Self::call_response), or [`call_head`](Self::call_head),
/// [`call_body`](Self::call_body) and perhaps [`call_complete`](Self::call_complete), or
/// [`call_failed`](Self::call_failed)), [`wake`](Self::wake), and [`turn`](Self::turn).
///
/// # Verdicts
///
/// What brings a part of a message returns what the host does with it. On [`Verdict::Pass`] the part goes on
/// its way, with the changes that the host was asked for meanwhile. On [`Verdict::Hold`] it stays, and so
/// does the rest of the message; the bytes are the stream's then, so the host drops its own copy. A request
/// that is held goes on with [`Host::resume_request`], or is answered with [`Host::reply`].
///
/// # Events from within
///
/// A host may hand over events while one of its own methods runs. What the core wants done in return is
/// queued behind what is being done, so the order stays; only an event that brings a part of a message, whose
/// verdict cannot wait, has all that is queued done before it returns.
#[derive(Debug)]
pub struct Stream {
    id: u64,
    this: Weak<Self>,
    worker: Rc<Worker>,
    exchange: RefCell<Exchange>,
    /// What is still to be done.
    effects: RefCell<VecDeque<Effect>>,
    /// Whether it is being done.
    is_acting: Cell<bool>,
    /// Whether it waits for what comes into an inbox of its exchange.
    is_awaiting: Cell<bool>,
    /// Where the news comes that it waits for.
    mailbox: RefCell<Option<Arc<Mailbox>>>,
    /// How many bytes the exchange holds.
    held: Cell<usize>,
    /// What is done in turns.
    turns: RefCell<Turns>,
}

impl Stream {
    /// A request that begins. `id` is what the host knows it by.
    #[must_use]
    pub fn new(worker: Rc<Worker>, id: u64) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            id,
            this: this.clone(),
            worker,
            exchange: RefCell::default(),
            effects: RefCell::default(),
            is_acting: Cell::new(false),
            is_awaiting: Cell::new(false),
            mailbox: RefCell::default(),
            held: Cell::new(0),
            turns: RefCell::default(),
        })
    }

    /// What the host knows it by.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The request's head; `end` if no body follows.
    pub fn request_head(&self, host: &mut impl Host, headers: Headers<'_>, end: bool) -> Verdict {
        self.handle(host, Event::RequestHead { headers, end })
    }

    /// The next `size` bytes of the request's body; `end` if they are the last. They are read only if they
    /// are of interest and there is room for them.
    pub fn request_body<B: AsRef<[u8]>>(
        &self,
        host: &mut impl Host,
        size: usize,
        end: bool,
        read: impl FnOnce() -> B,
    ) -> Verdict {
        if !self.watches_request() {
            return Verdict::Pass;
        }
        if !self.worker.has_room(host, size) {
            if !self.exchange.borrow().streams_request() {
                return self.handle(host, Event::OverBudget);
            }
            self.exchange.borrow_mut().spare();
        }
        self.handle(host, Event::RequestBody { chunk: read().as_ref(), end })
    }

    /// The request ended with trailers.
    pub fn request_trailers(&self, host: &mut impl Host) -> Verdict {
        self.handle(host, Event::RequestTrailers)
    }

    /// Whether an answer that comes now may be a refusal of a request that has not come so far, which the gateway has
    /// something to add to: [`refused`](Self::refused).
    #[must_use]
    pub fn awaits_refusal(&self) -> bool {
        self.exchange.borrow().is_unseen() && self.worker.gateway().auth.is_some()
    }

    /// The head of an answer to a request that was refused before it has come so far, and the head of that request. The
    /// answer goes on its way, with the challenge that the client needs.
    pub fn refused(&self, host: &mut impl Host, request: Headers<'_>, answer: Headers<'_>) {
        if let Some(challenge) = self.worker.gateway().challenge(request, answer) {
            let mut changes = HeaderChanges::default();
            changes.set(CHALLENGE, challenge.as_bytes());
            host.change_response_head(&changes);
        }
    }

    /// The head of an answer that is not the stream's own, and who made it; `end` if no body follows.
    pub fn response_head(
        &self,
        host: &mut impl Host,
        headers: Headers<'_>,
        source: Source,
        end: bool,
    ) -> Verdict {
        if !self.watches_response() {
            return Verdict::Pass;
        }
        self.handle(host, Event::ResponseHead { headers, source, end })
    }

    /// The next `size` bytes of that answer; as [`request_body`](Self::request_body).
    pub fn response_body<B: AsRef<[u8]>>(
        &self,
        host: &mut impl Host,
        size: usize,
        end: bool,
        read: impl FnOnce() -> B,
    ) -> Verdict {
        if !self.watches_response() {
            return Verdict::Pass;
        }
        if !self.worker.has_room(host, size) {
            return self.handle(host, Event::OverBudget);
        }
        self.handle(host, Event::ResponseBody { chunk: read().as_ref(), end })
    }

    /// That answer ended with trailers.
    pub fn response_trailers(&self, host: &mut impl Host) -> Verdict {
        if !self.watches_response() {
            return Verdict::Pass;
        }
        self.handle(host, Event::ResponseTrailers)
    }

    /// Goes on if it was to be woken up; see [`Host::waker`].
    pub fn wake(&self, host: &mut impl Host) {
        let news = self.mailbox.borrow().as_ref().and_then(|mailbox| mailbox.take());
        if news.is_some() {
            self.mailbox.take();
        }
        match news {
            Some(News::Published(answer)) => {
                self.handle(host, Event::Published(answer.as_ref()));
            }
            Some(News::Woken) => {
                self.handle(host, Event::Woken);
            }
            None if self.is_awaiting.get() => {
                self.handle(host, Event::Answered);
            }
            None => {}
        }
    }

    /// Goes on, as it wanted to after some time ([`Host::wake_after`]).
    pub fn woken(&self, host: &mut impl Host) {
        self.handle(host, Event::Woken);
    }

    /// Requests are served by another configuration from now on, of another [`Shared`](crate::Shared).
    pub fn drain(&self, host: &mut impl Host) {
        self.handle(host, Event::Drain);
    }

    /// The client takes an answer in parts more slowly than it comes, or has taken most of it again.
    pub fn backlog(&self, host: &mut impl Host, is_full: bool) {
        if !self.paces(host, is_full) {
            self.handle(host, Event::Backlog(is_full));
        }
    }

    /// The stream is over, whether or not it was answered.
    pub fn ended(&self, host: &mut impl Host) {
        if let Some(mailbox) = self.mailbox.take()
            && let Some(flight) = mailbox.flight
        {
            self.worker.shared().unsubscribe(flight, &mailbox);
        }
        self.turns.borrow_mut().clear();
        self.handle(host, Event::Gone);
    }

    /// Whether the rest of the request is of interest; the host may spare itself the events if not.
    #[must_use]
    pub fn watches_request(&self) -> bool {
        self.exchange.borrow().watches_request()
    }

    /// Whether the answer to the request is of interest; the host may spare itself the events if not.
    #[must_use]
    pub fn watches_response(&self) -> bool {
        self.exchange.borrow().watches_response()
    }

    /// Whether the request's body was awaited and nothing of it has come.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        self.exchange.borrow().is_starved()
    }

    /// Whether a request goes on as it comes: the host need not have room for it.
    #[must_use]
    pub fn streams_request(&self) -> bool {
        self.exchange.borrow().streams_request()
    }

    /// Whether its worker has memory left for so many bytes more.
    #[must_use]
    pub fn has_room(&self, host: &impl Host, size: usize) -> bool {
        self.worker.has_room(host, size)
    }

    /// How many bytes of requests and answers it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// Waits for a list, or to go on.
    fn await_news(&self, host: &mut impl Host, flight: Option<Flight>) -> Option<Arc<Mailbox>> {
        let mailbox = Arc::new(Mailbox::new(flight, host.waker(&self.this.upgrade()?)));
        self.mailbox.replace(Some(mailbox.clone()));
        Some(mailbox)
    }

    /// Waits for what comes into an inbox.
    fn await_answers(&self, host: &mut impl Host, inbox: &Inbox) {
        if let Some(this) = self.this.upgrade() {
            self.is_awaiting.set(true);
            inbox.wake_with(&host.waker(&this));
        }
    }

    /// Hands an event to the core and does what that wants.
    fn handle(&self, host: &mut impl Host, event: Event<'_>) -> Verdict {
        let may_wait = event.is_call();
        let step = {
            let shared = self.worker.shared();
            let mut cx = Context::new(shared.gateway(), host, &shared.memory);
            let mut exchange = self.exchange.borrow_mut();
            let step = exchange.handle(&mut cx, event);
            if cx.has_new_sessions() {
                host.watch_sessions();
            }
            let held = exchange.held() + self.turns.borrow().held();
            self.worker.hold(self.held.replace(held), held);
            step
        };
        if !step.effects.is_empty() {
            let mut effects = self.effects.borrow_mut();
            if effects.is_empty() {
                *effects = step.effects.into();
            } else {
                effects.extend(step.effects);
            }
        }
        if !(may_wait && self.is_acting.get()) {
            let outer = self.is_acting.replace(true);
            while let Some(effect) = self.next_effect() {
                self.act(host, effect);
            }
            self.is_acting.set(outer);
        }
        step.verdict
    }

    /// Takes note of how many bytes it holds.
    fn weigh(&self) {
        let held = self.exchange.borrow().held() + self.turns.borrow().held();
        self.worker.hold(self.held.replace(held), held);
    }

    fn next_effect(&self) -> Option<Effect> {
        self.effects.borrow_mut().pop_front()
    }
}
