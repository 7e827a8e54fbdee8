//! Streams that wait for a list that another stream of the worker asks for.
//!
//! ```text
//!   a stream's callback ── Settle ──▶ every stream that awaits it, in the context of that one
//!   a stream's callback ── Again ───▶ the timer ──▶ the root context ──▶ the stream goes on
//! ```
//!
//! The SDK hands the answer to a side call to whom it was calling when the side call was made. So a
//! stream that is woken up in another one's callback could not get its answers, least of all when that
//! other one is about to go. In the root context it can: that one looks for the stream by the call.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};

use mcp_mux_core::catalog::kept::{Answer, Flight};
use mcp_mux_core::event::Event;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host;
use crate::plugin::Ready;
use crate::stream::Stream;

/// A stream, for the SDK to call and for others to wake up.
pub(crate) struct Handle(Rc<RefCell<Stream>>);

/// A stream, if it is still there.
type Sleeper = Weak<RefCell<Stream>>;

/// The streams of a worker that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    /// By context id: what each waits for.
    lists: RefCell<BTreeMap<u32, (Flight, Sleeper)>>,
    /// Those that want to go on.
    again: RefCell<VecDeque<Sleeper>>,
    /// Those that went on, as long as their calls are under way.
    led: RefCell<Vec<Sleeper>>,
}

impl Waiting {
    /// Notes what the stream with this context id waits for.
    pub(crate) fn add(&self, id: u32, flight: Flight, stream: Sleeper) {
        self.lists.borrow_mut().insert(id, (flight, stream));
    }

    /// The stream is gone.
    pub(crate) fn forget(&self, id: u32) {
        self.lists.borrow_mut().remove(&id);
    }

    /// Hands the answer to all who wait for it.
    pub(crate) fn settle(&self, flight: Flight, answer: Option<&Answer>) {
        let mut waiters = Vec::new();
        self.lists.borrow_mut().retain(|_, (awaited, stream)| {
            let settled = *awaited == flight;
            if settled {
                waiters.push(stream.clone());
            }
            !settled
        });
        for stream in waiters.iter().filter_map(Weak::upgrade) {
            wake(&stream, Event::Settled(answer));
        }
    }

    /// Lets the stream go on soon.
    pub(crate) fn again(&self, stream: Sleeper) {
        self.again.borrow_mut().push_back(stream);
        host::tick_every(1);
    }

    /// Lets those go on that want to; called in the root context.
    pub(crate) fn tick(&self) {
        host::tick_every(0);
        let sleepers = std::mem::take(&mut *self.again.borrow_mut());
        for stream in sleepers.iter().filter_map(Weak::upgrade) {
            wake(&stream, Event::Again);
            self.led.borrow_mut().push(Rc::downgrade(&stream));
        }
        self.tidy();
    }

    /// An answer to a call of one of those; called in the root context.
    pub(crate) fn answered(&self, token: u32, headers: usize, size: usize) {
        let calling = |stream: &Rc<RefCell<Stream>>| stream.borrow().has_called(token);
        let led = self.led.borrow().iter().filter_map(Weak::upgrade).find(calling);
        if let Some(stream) = led {
            let mut stream = stream.borrow_mut();
            host::enter(stream.id());
            stream.on_http_call_response(token, headers, size, 0);
        }
        self.tidy();
    }

    /// Forgets those whose calls have ended.
    fn tidy(&self) {
        let calls = |it: &Sleeper| it.upgrade().is_some_and(|stream| stream.borrow().is_calling());
        self.led.borrow_mut().retain(calls);
    }
}

/// Hands an event over in the context of the stream, whose callback it is not.
fn wake(stream: &Rc<RefCell<Stream>>, event: Event<'_>) {
    let mut stream = stream.borrow_mut();
    host::enter(stream.id());
    stream.handle(event, None);
}

impl Handle {
    pub(crate) fn new(id: u32, ready: Option<Rc<Ready>>) -> Self {
        Self(Rc::new_cyclic(|me| RefCell::new(Stream::new(id, me.clone(), ready))))
    }

    fn stream(&self) -> RefMut<'_, Stream> {
        self.0.borrow_mut()
    }
}

impl Context for Handle {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, trailers: usize) {
        self.stream().on_http_call_response(token, headers, size, trailers);
    }
}

impl HttpContext for Handle {
    fn on_http_request_headers(&mut self, count: usize, end: bool) -> Action {
        self.stream().on_http_request_headers(count, end)
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.stream().on_http_request_body(size, end)
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        self.stream().on_http_request_trailers(count)
    }

    fn on_http_response_headers(&mut self, count: usize, end: bool) -> Action {
        self.stream().on_http_response_headers(count, end)
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.stream().on_http_response_body(size, end)
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        self.stream().on_http_response_trailers(count)
    }

    fn on_log(&mut self) {
        self.stream().on_log();
    }
}
