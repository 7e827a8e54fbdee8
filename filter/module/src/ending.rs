//! The end of a configuration.
//!
//! Envoy ends one on the thread of its last request, and resets what is left of its streams there. But these are
//! the main thread's: it would go on with them meanwhile. So they are closed on that thread first, which is woken
//! up through another configuration, since this one cannot be any more.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::host::Scheduler;
use crate::plugin::Config;

/// The event of every configuration's scheduler that has streams closed.
pub(crate) const CLOSE: u64 = (1 << 62) + 2;

/// How long the main thread is waited for: when the process ends, it waits for the others itself.
const PATIENCE: Duration = Duration::from_secs(1);

static MAIN: OnceLock<ThreadId> = OnceLock::new();
static SCHEDULERS: Mutex<Vec<Weak<Scheduler>>> = Mutex::new(Vec::new());
static ENDING: Mutex<Vec<(Arc<Config>, Sender<()>)>> = Mutex::new(Vec::new());

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
    let is_main = MAIN.get() == Some(&thread::current().id());
    if is_main || !config.has_streams() {
        return;
    }
    let (done, closed) = mpsc::channel();
    lock(&ENDING).push((config.clone(), done));
    let schedulers: Vec<_> = lock(&SCHEDULERS).iter().filter_map(Weak::upgrade).collect();
    for scheduler in schedulers {
        scheduler.commit(CLOSE);
    }
    // Whether or not it was done: after this nothing of the configuration may be touched.
    let _ = closed.recv_timeout(PATIENCE);
    lock(&ENDING).retain(|(it, _)| !Arc::ptr_eq(it, config));
}

/// Closes the streams of configurations that end; on the main thread.
pub(crate) fn close() {
    // Held meanwhile, so that nobody goes on before it is done.
    let mut ending = lock(&ENDING);
    for (config, done) in ending.drain(..) {
        config.close_streams();
        // It may have run out of patience.
        let _ = done.send(());
    }
}
