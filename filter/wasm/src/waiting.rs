//! Streams that wait for a list that another stream of the worker asks for.
//!
//! ```text
//!   a stream's callback ── Settle, Again ──▶ the timer ──▶ the root context ──▶ the streams go on
//! ```
//!
//! The SDK hands the answer to a side call to whom it was calling when the side call was made. So a
//! stream that is woken up in another one's callback could not get its answers, least of all when that
//! other one is about to go. In the root context it can: that one looks for the stream by the call.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};

use mcp_mux_core::catalog::cache::{Answer, Flight};
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

/// How many streams are woken up in one callback. Envoy sends what they answer when the callback is over,
/// and each answer, being a callback itself, from within the one before: three hundred fill the stack.
const AT_ONCE: usize = 32;

/// What a stream is woken up with.
enum News {
    /// What it waits for is settled.
    Settled(Option<Answer>),
    /// It may go on, as it wanted to.
    Again,
}

/// The streams of a worker that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    /// By context id: what each waits for.
    lists: RefCell<BTreeMap<u32, (Flight, Sleeper)>>,
    /// Those that are to be woken up, the first one first.
    due: RefCell<VecDeque<(Sleeper, News)>>,
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

    /// Hands the answer soon to all who wait for it.
    pub(crate) fn settle(&self, flight: Flight, answer: Option<&Answer>) {
        self.lists.borrow_mut().retain(|_, (awaited, stream)| {
            let settled = *awaited == flight;
            if settled {
                self.call(stream.clone(), News::Settled(answer.cloned()));
            }
            !settled
        });
    }

    /// Lets the stream go on soon.
    pub(crate) fn again(&self, stream: Sleeper) {
        self.call(stream, News::Again);
    }

    fn call(&self, stream: Sleeper, news: News) {
        self.due.borrow_mut().push_back((stream, news));
        host::tick_every(1);
    }

    /// Wakes up those whose turn it is; called in the root context.
    pub(crate) fn tick(&self) {
        let due: Vec<_> = {
            let mut due = self.due.borrow_mut();
            let count = due.len().min(AT_ONCE);
            due.drain(..count).collect()
        };
        for (stream, news) in due {
            let Some(stream) = stream.upgrade() else { continue };
            wake(&stream, &news);
            self.led.borrow_mut().push(Rc::downgrade(&stream));
        }
        self.tidy();
        if self.due.borrow().is_empty() {
            host::tick_every(0);
        }
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

/// Hands news over in the context of the stream, whose callback it is not.
fn wake(stream: &Rc<RefCell<Stream>>, news: &News) {
    let mut stream = stream.borrow_mut();
    host::enter(stream.id());
    let event = match news {
        News::Settled(answer) => Event::Published(answer.as_ref()),
        News::Again => Event::Woken,
    };
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
