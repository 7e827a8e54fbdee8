//! The end of a configuration.
//!
//! Envoy ends one on the thread of its last request, and resets what is left of its streams there. But these are
//! the main thread's: it would go on with them meanwhile. So they are closed on that thread first, which is woken
//! up through another configuration, since this one cannot be any more.
//!
//! That other configuration also tells upstreams what has ended: calls that waited for their clients, and sessions that
//! were kept for them. If there is none, nobody does: the process ends, or serves no MCP any more.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use mcp_mux_core::effect::Callout;

use crate::host::{ConfigRef, Scheduler};
use crate::plugin::{self, Config};
use crate::timer;

/// The event of every configuration's scheduler that has streams closed, and upstreams told.
pub(crate) const CLOSE: u64 = (1 << 62) + 2;

/// How long the main thread is waited for: when the process ends, it waits for the others itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many upstreams are told at a time, and when others are: clients' requests need connections, too.
const AT_ONCE: usize = 32;
const PAUSE: Duration = Duration::from_millis(100);

/// How many wait to be told. One beyond that finds out by itself.
const WAITING: usize = 4096;

static MAIN: OnceLock<ThreadId> = OnceLock::new();
static SCHEDULERS: Mutex<Vec<Weak<Scheduler>>> = Mutex::new(Vec::new());
static ENDING: Mutex<Vec<(Arc<Config>, Sender<()>)>> = Mutex::new(Vec::new());
static LAST_WORDS: Mutex<VecDeque<Callout>> = Mutex::new(VecDeque::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A configuration begins; on the main thread.
pub(crate) fn begins(scheduler: &Arc<Scheduler>) {
    MAIN.get_or_init(|| thread::current().id());
    let mut all = lock(&SCHEDULERS);
    all.retain(|it| it.strong_count() > 0);
    all.push(Arc::downgrade(scheduler));
}

/// A configuration ends, on whatever thread.
pub(crate) fn ends(config: &Arc<Config>) {
    let has_words = leave(config.last_words());
    let is_main = MAIN.get() == Some(&thread::current().id());
    let closing = (!is_main && config.has_streams()).then(mpsc::channel);
    if !has_words && closing.is_none() {
        return;
    }
    let (done, closed) = closing.unzip();
    if let Some(done) = done {
        lock(&ENDING).push((config.clone(), done));
    }
    let schedulers: Vec<_> = lock(&SCHEDULERS).iter().filter_map(Weak::upgrade).collect();
    for scheduler in schedulers {
        scheduler.commit(CLOSE);
    }
    let Some(closed) = closed else { return };
    // Whether or not it was done: after this nothing of the configuration may be touched.
    let _ = closed.recv_timeout(PATIENCE);
    lock(&ENDING).retain(|(it, _)| !Arc::ptr_eq(it, config));
}

/// Has upstreams told soon; `false` if there is nothing to tell.
fn leave(words: Vec<Callout>) -> bool {
    let mut waiting = lock(&LAST_WORDS);
    let room = WAITING - waiting.len().min(WAITING);
    let before = waiting.len();
    waiting.extend(words.into_iter().take(room));
    waiting.len() > before
}

/// Closes the streams of configurations that end, and tells upstreams in the name of these; on the main thread.
pub(crate) fn close(envoy: ConfigRef, scheduler: &Arc<Scheduler>) {
    {
        // Held meanwhile, so that nobody goes on before it is done.
        let mut ending = lock(&ENDING);
        for (config, done) in ending.drain(..) {
            config.close_streams();
            // It may have run out of patience.
            let _ = done.send(());
        }
    }
    let (now, is_more) = {
        let mut waiting = lock(&LAST_WORDS);
        let now: Vec<_> = (0..AT_ONCE).map_while(|_| waiting.pop_front()).collect();
        (now, !waiting.is_empty())
    };
    for callout in now {
        plugin::send(envoy, callout);
    }
    if is_more {
        timer::after(PAUSE, scheduler.clone(), CLOSE);
    }
}
