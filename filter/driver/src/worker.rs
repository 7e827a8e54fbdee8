//! What the requests of one worker share under one configuration.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use mcp_mux_core::config::{self, Environment};
use mcp_mux_core::effect::Callout;
use mcp_mux_core::gateway::{Gateway, KeySource};
use mcp_mux_core::{Answer, Flight, WorkerCache};

use crate::host::{Host, Level};
use crate::stream::{News, Stream};

/// The configuration, what is remembered under it, how much memory is taken, and who waits for whom. One for
/// each thread that serves requests, and for each configuration.
#[derive(Debug)]
pub struct Worker {
    gateway: Rc<Gateway>,
    pub(crate) cache: RefCell<WorkerCache>,
    /// How many bytes all exchanges hold.
    held: Cell<usize>,
    /// Who waits for a list that another stream asks for.
    subscribers: RefCell<Vec<(Flight, Weak<Stream>)>>,
    /// Who is to be woken up, the first one first.
    woken: RefCell<VecDeque<Weak<Stream>>>,
}

impl Worker {
    /// A worker that remembers nothing.
    #[must_use]
    pub fn new(gateway: Rc<Gateway>) -> Rc<Self> {
        Rc::new(Self {
            gateway,
            cache: RefCell::default(),
            held: Cell::new(0),
            subscribers: RefCell::default(),
            woken: RefCell::default(),
        })
    }

    /// A worker with the configuration that a document holds; `None` if that is refused. What came of it is
    /// logged. `build` names the program that runs: its name, version and revision.
    pub fn configured(
        document: &[u8],
        environment: Environment<'_>,
        build: &str,
        log: &mut dyn FnMut(Level, &str),
    ) -> Option<Rc<Self>> {
        match config::compile(document, environment) {
            Ok(gateway) => {
                announce(&gateway, build, log);
                Some(Self::new(Rc::new(gateway)))
            }
            Err(error) => {
                log(Level::Error, &format!("configuration refused: {error}"));
                None
            }
        }
    }

    /// Another worker with the same configuration.
    #[must_use]
    pub fn beside(&self) -> Rc<Self> {
        Self::new(self.gateway.clone())
    }

    /// The configuration.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// How many lists are kept, to be served again.
    #[must_use]
    pub fn lists_kept(&self) -> usize {
        self.cache.borrow().lists.count()
    }

    /// How many lists are being asked for that other streams may wait for.
    #[must_use]
    pub fn lists_under_way(&self) -> usize {
        self.cache.borrow().lists.under_way()
    }

    /// How many streams wait for a list that another one asks for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.subscribers.borrow().len()
    }

    /// The next stream that is to be woken up ([`Stream::wake`]).
    pub fn next_woken(&self) -> Option<Rc<Stream>> {
        loop {
            let next = self.woken.borrow_mut().pop_front()?;
            if let Some(stream) = next.upgrade() {
                return Some(stream);
            }
        }
    }

    /// Whether more streams are to be woken up.
    #[must_use]
    pub fn is_waking(&self) -> bool {
        !self.woken.borrow().is_empty()
    }

    /// The calls that end sessions which nobody uses any more, a few at a time; `now` is in seconds since the
    /// epoch. They are of no stream, and nobody waits for their answers. To be asked for every few seconds for
    /// as long as [`Self::keeps_sessions`].
    pub fn unused_sessions(&self, now: u64) -> Vec<Callout> {
        self.cache.borrow_mut().end_unused_sessions(&self.gateway, now)
    }

    /// Whether there are sessions that will have to end when nobody uses them any more.
    #[must_use]
    pub fn keeps_sessions(&self) -> bool {
        self.cache.borrow().keeps_sessions()
    }

    /// Whether all exchanges together may hold so many bytes more.
    pub(crate) fn has_room(&self, host: &impl Host, bytes: usize) -> bool {
        self.held.get().saturating_add(bytes) <= host.abilities().memory
    }

    /// Notes that a stream holds `now` bytes instead of `before`.
    pub(crate) fn hold(&self, before: usize, now: usize) {
        self.held.set(self.held.get().saturating_sub(before).saturating_add(now));
    }

    /// Lets a stream know when a list is settled.
    pub(crate) fn subscribe(&self, flight: Flight, stream: Weak<Stream>) {
        self.subscribers.borrow_mut().push((flight, stream));
    }

    /// Wakes up soon all who wait for a list, with its answer.
    pub(crate) fn publish(&self, host: &mut impl Host, flight: Flight, answer: Option<&Answer>) {
        let waiting = |(awaited, _): &mut (Flight, Weak<Stream>)| *awaited == flight;
        let reached: Vec<_> = self.subscribers.borrow_mut().extract_if(.., waiting).collect();
        for (_, stream) in reached {
            self.wake(host, stream, News::Published(answer.cloned()));
        }
    }

    /// Wakes up a stream soon.
    pub(crate) fn wake(&self, host: &mut impl Host, stream: Weak<Stream>, news: News) {
        if let Some(it) = stream.upgrade() {
            it.tell(news);
            self.woken.borrow_mut().push_back(stream);
            host.wake_soon(&it);
        }
    }

    /// Forgets what a stream waits for.
    pub(crate) fn unsubscribe(&self, stream: &Weak<Stream>) {
        self.subscribers.borrow_mut().retain(|(_, it)| !it.ptr_eq(stream));
    }
}

fn announce(gateway: &Gateway, build: &str, log: &mut dyn FnMut(Level, &str)) {
    let path = &gateway.path;
    let upstreams = gateway.upstream_names().collect::<Vec<_>>().join(", ");
    log(Level::Info, &format!("{build} serves {path} for upstreams: {upstreams}"));
    if matches!(gateway.key_source, KeySource::Process) {
        let line = "no session keys are configured: sessions end with this process; set session.keys or \
                    session.keys_env";
        log(Level::Warn, line);
    }
}
