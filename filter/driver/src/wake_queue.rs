//! Streams of one thread that are to be woken up, for a host that does so from a timer of that thread.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Wake, Waker};

use mcp_mux_core::Guarded;

use crate::stream::Stream;

/// Streams by their ids ([`Stream::id`]), of which no two may be the same. One that is over is to be
/// [forgotten](Self::forget).
#[derive(Debug, Default)]
pub struct WakeQueue {
    /// Those that may be woken up.
    streams: RefCell<BTreeMap<u64, Weak<Stream>>>,
    woken: Arc<Woken>,
}

/// Who is to be woken up, the first one first.
type Woken = Guarded<VecDeque<u64>>;

impl WakeQueue {
    /// What puts a stream into the queue. `tell` is called whenever that happens, on whichever thread: the owner of
    /// the queue asks for [`next`](Self::next) soon.
    pub fn waker(&self, stream: &Rc<Stream>, tell: fn()) -> Waker {
        self.streams.borrow_mut().insert(stream.id(), Rc::downgrade(stream));
        Arc::new(Entry { id: stream.id(), woken: self.woken.clone(), tell }).into()
    }

    /// The next stream that is to be woken up ([`Stream::wake`]).
    pub fn next(&self) -> Option<Rc<Stream>> {
        loop {
            let id = self.woken.with(VecDeque::pop_front)?;
            let stream = self.streams.borrow().get(&id).and_then(Weak::upgrade);
            if stream.is_some() {
                return stream;
            }
        }
    }

    /// Whether there are more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.woken.with(|woken| woken.is_empty())
    }

    /// Forgets a stream that is over.
    pub fn forget(&self, stream: &Stream) {
        self.streams.borrow_mut().remove(&stream.id());
    }
}

#[derive(Debug)]
struct Entry {
    id: u64,
    woken: Arc<Woken>,
    tell: fn(),
}

impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.with(|woken| woken.push_back(self.id));
        (self.tell)();
    }
}
