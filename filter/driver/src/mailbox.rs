//! How a stream hears, on its own thread, of what others know on theirs.

use std::task::Waker;

use mcp_mux_core::{Answer, Flight, Guarded};

/// What a stream is woken up with.
#[derive(Debug)]
pub(crate) enum News {
    /// What it waits for is settled.
    Published(Option<Answer>),
    /// It may go on, as it wanted to.
    Woken,
}

/// What one stream waits for, one thing at a time.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// The list that it waits for, if it does not just go on soon.
    pub(crate) flight: Option<Flight>,
    news: Guarded<Option<News>>,
    waker: Waker,
}

impl Mailbox {
    /// Of a stream that this wakes up.
    pub(crate) const fn new(flight: Option<Flight>, waker: Waker) -> Self {
        Self { flight, news: Guarded::new(None), waker }
    }

    /// Leaves the news and has the stream woken up.
    pub(crate) fn deliver(&self, news: News) {
        self.news.with(|it| *it = Some(news));
        self.waker.wake_by_ref();
    }

    /// What there is.
    pub(crate) fn take(&self) -> Option<News> {
        self.news.with(Option::take)
    }
}
