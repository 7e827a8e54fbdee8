//! One client request in Envoy: hands its hooks to the driver.
//!
//! Envoy calls hooks from within its own callbacks, too: that a request could not be sent is told while it is
//! being sent, and that a stream is complete while it is answered. What comes of requests of our own then waits
//! in a queue until the hook at hand is done; everything else is handed over at once.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Wake, Waker};

use mcp_mux_core::effect::{CallId, Verdict};
use mcp_mux_driver::{Stream, Worker};

use crate::calls::{Call, Got};
use crate::envoy::Envoy;
use crate::host::{FilterRef, Scheduler};
use crate::mailbox::Mailbox;
use crate::main_thread;
use crate::plugin::Config;
use crate::routed::Routed;

mod parts;

/// The event of a filter's scheduler that hands over what it was waiting for; others are those of a timer.
pub(crate) const NEWS: u64 = 0;
/// The event that has the mailbox read.
const MAIL: u64 = u64::MAX;
/// The event that says that it is the stream's turn ([`Stream::turn`]).
pub(crate) const TURN: u64 = u64::MAX - 1;

/// One request, and what is known of it in Envoy.
pub(crate) struct Filter {
    pub(crate) config: Arc<Config>,
    pub(crate) worker: Rc<Worker>,
    pub(crate) stream: Rc<Stream>,
    /// Envoy's side; `None` once the stream is complete, when nothing can be asked of it any more.
    pub(crate) envoy: Cell<Option<FilterRef>>,
    /// What was asked of upstreams and is not answered to its end, by Envoy's id.
    pub(crate) calls: RefCell<BTreeMap<u64, Call>>,
    /// What came of it while a hook was running.
    queue: RefCell<VecDeque<(u64, Got<'static>)>>,
    /// How many hooks are running, one inside the other.
    depth: Cell<u32>,
    /// Which part of a message the innermost of them has brought.
    pub(crate) part: Cell<Part>,
    /// Whether the request goes on although the hook that has brought a part of it did not say so.
    pub(crate) resumed: Cell<bool>,
    scheduler: OnceCell<Arc<Scheduler>>,
    /// The number of the timer that counts.
    pub(crate) timer: Cell<u64>,
    /// What becomes of the request if it is for a server of the HTTP+SSE transport.
    pub(crate) routed: Routed,
    mailbox: OnceCell<Arc<Mailbox>>,
    /// What [`Config::replacements`] was when the request came.
    replacements: u64,
    /// Whether a hook has panicked: nothing is done for the request then.
    pub(crate) broken: Cell<bool>,
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// None: a hook of another kind.
    None,
    RequestHead,
    RequestBody,
    RequestTrailers,
    ResponseHead,
    ResponseBody,
    ResponseTrailers,
}

impl Part {
    fn is_of_request(self) -> bool {
        matches!(self, Self::RequestHead | Self::RequestBody | Self::RequestTrailers)
    }
}

impl Filter {
    pub(crate) fn new(config: Arc<Config>, envoy: FilterRef) -> Rc<Self> {
        let worker = config.worker();
        let stream = Stream::new(worker.clone(), 0);
        let replacements = config.replacements.load(Ordering::Relaxed);
        Rc::new(Self {
            config,
            worker,
            stream,
            envoy: Cell::new(Some(envoy)),
            calls: RefCell::default(),
            queue: RefCell::default(),
            depth: Cell::new(0),
            part: Cell::new(Part::None),
            resumed: Cell::new(false),
            scheduler: OnceCell::new(),
            timer: Cell::new(NEWS),
            routed: Routed::default(),
            mailbox: OnceCell::new(),
            replacements,
            broken: Cell::new(false),
        })
    }

    /// What has the stream woken up; what does nothing once that is complete.
    pub(crate) fn waker(&self) -> Waker {
        self.scheduler().map_or(Waker::noop().clone(), |it| Arc::new(News(it.clone())).into())
    }

    /// What wakes this filter up, from whatever thread; `None` once its stream is complete.
    pub(crate) fn scheduler(&self) -> Option<&Arc<Scheduler>> {
        let envoy = self.envoy.get()?;
        Some(self.scheduler.get_or_init(|| Arc::new(envoy.scheduler())))
    }

    /// Something came of a request of ours.
    pub(crate) fn got(&self, id: u64, got: Got<'_>) {
        if self.depth.get() > 0 {
            self.queue.borrow_mut().push_back((id, got.into_owned()));
        } else {
            self.enter(Part::None, |envoy, _| {
                envoy.got(id, got);
                Verdict::Pass
            });
        }
    }

    /// An event of the scheduler.
    pub(crate) fn scheduled(&self, event: u64) {
        if event == MAIL {
            while let Some((id, got)) = self.mailbox.get().and_then(|it| it.next()) {
                self.got(id, got);
            }
            return;
        }
        if event != TURN && main_thread::is_asker(event) {
            return self.timed_out(event);
        }
        self.enter(Part::None, |envoy, _| {
            if event == NEWS {
                self.stream.wake(envoy);
            } else if event == TURN {
                self.stream.turn(envoy);
            } else if event == self.timer.get() {
                if self.config.replacements.load(Ordering::Relaxed) != self.replacements {
                    self.stream.drain(envoy);
                }
                self.stream.woken(envoy);
            }
            Verdict::Pass
        });
    }

    /// A request to the main thread has taken too long.
    fn timed_out(&self, asker: u64) {
        if self.call_id(asker).is_some() {
            self.config.main.gone(asker);
            self.got(asker, Got::Lost);
        }
    }

    /// What came of one of our requests while a hook was running.
    pub(crate) fn take_queued(&self, id: u64) -> Vec<Got<'static>> {
        let queue = std::mem::take(&mut *self.queue.borrow_mut());
        let (of_it, others): (VecDeque<_>, VecDeque<_>) =
            queue.into_iter().partition(|(it, _)| *it == id);
        self.queue.replace(others);
        of_it.into_iter().map(|(_, got)| got).collect()
    }

    /// Where what comes of requests to the main thread is found.
    pub(crate) fn mailbox(&self) -> Option<Arc<Mailbox>> {
        let scheduler = self.scheduler()?.clone();
        Some(self.mailbox.get_or_init(|| Mailbox::new(scheduler, MAIL)).clone())
    }

    /// The client is slow, or is not any more.
    pub(crate) fn backlog(&self, is_full: bool) {
        self.enter(Part::None, |envoy, _| {
            self.stream.backlog(envoy, is_full);
            Verdict::Pass
        });
    }

    /// The stream is over: Envoy cannot be asked for anything after this.
    pub(crate) fn complete(&self) {
        let Some(it) = self.envoy.get() else { return };
        let _last = Last(&self.envoy);
        self.stream.ended(&mut Envoy { filter: self, envoy: it });
        let main = &self.config.main;
        let asked = |id: &&u64| main_thread::is_asker(**id);
        self.calls.borrow().keys().filter(asked).for_each(|id| main.gone(*id));
        self.routed.abandon(main);
        self.calls.borrow_mut().clear();
        self.queue.borrow_mut().clear();
    }

    /// A hook has panicked: the client gets 500, or no more of what it was getting.
    pub(crate) fn give_up(&self) {
        if let Some(envoy) = self.envoy.get().filter(|_| !self.broken.replace(true)) {
            if let Some(counter) = self.config.panics {
                envoy.increment(counter, 1);
            }
            envoy.send_response(500, &[], b"mcp-mux: a fault of the gateway; its log says where\n");
        }
    }

    /// Which call of the core's this is, if it is still awaited.
    pub(crate) fn call_id(&self, id: u64) -> Option<CallId> {
        self.calls.borrow().get(&id).map(|call| call.id)
    }

    /// Runs a hook, and then what came of our requests meanwhile.
    pub(crate) fn enter(
        &self,
        part: Part,
        hook: impl FnOnce(&mut Envoy<'_>, FilterRef) -> Verdict,
    ) -> Verdict {
        let Some(it) = self.envoy.get().filter(|_| !self.broken.get()) else {
            return Verdict::Pass;
        };
        #[cfg(feature = "panics")]
        crate::panics::if_asked(it, part);
        let outer = self.part.replace(part);
        self.depth.set(self.depth.get() + 1);
        let mut envoy = Envoy { filter: self, envoy: it };
        let mut verdict = hook(&mut envoy, it);
        if self.depth.get() == 1 {
            while let Some((id, got)) = self.next() {
                envoy.got(id, got);
            }
        }
        self.depth.set(self.depth.get() - 1);
        self.part.set(outer);
        if part.is_of_request() && self.resumed.take() {
            verdict = Verdict::Pass;
        }
        verdict
    }

    fn next(&self) -> Option<(u64, Got<'static>)> {
        self.queue.borrow_mut().pop_front()
    }
}

/// Has a filter hand its stream the news that this waits for.
struct News(Arc<Scheduler>);

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.0.commit(NEWS);
    }
}

/// Forgets Envoy's side in the end, whatever happens before.
struct Last<'f>(&'f Cell<Option<FilterRef>>);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
