//! One thread that calls hooks when their time has come: Envoy has no timers for modules.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::host::Scheduler;

/// What is due, the next one first.
static DUE: Mutex<BinaryHeap<Reverse<Alarm>>> = Mutex::new(BinaryHeap::new());
static SOONER: Condvar = Condvar::new();
/// Whether it could be started.
static THREAD: OnceLock<bool> = OnceLock::new();

/// Commits an event after this time; `false` if there is nobody to do that. Nothing happens if what it is for is gone by
/// then.
pub(crate) fn after(time: Duration, scheduler: Arc<Scheduler>, event: u64) -> bool {
    let is_there = *THREAD.get_or_init(|| {
        // Without a thread no stream is kept alive or opened again; requests are served all the same.
        thread::Builder::new().name("mcp-mux timer".to_owned()).spawn(run).is_ok()
    });
    if is_there {
        due().push(Reverse(Alarm { at: now() + time, scheduler, event }));
        SOONER.notify_one();
    }
    is_there
}

#[expect(clippy::disallowed_methods, reason = "a host has the time")]
fn now() -> Instant {
    Instant::now()
}

fn due() -> MutexGuard<'static, BinaryHeap<Reverse<Alarm>>> {
    DUE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run() {
    let mut alarms = due();
    loop {
        let now = now();
        let next = alarms.peek().map(|Reverse(alarm)| alarm.at);
        alarms = match next {
            Some(at) if at <= now => {
                let alarm = alarms.pop();
                drop(alarms);
                if let Some(Reverse(alarm)) = alarm {
                    alarm.scheduler.commit(alarm.event);
                }
                due()
            }
            Some(at) => {
                let woken = SOONER.wait_timeout(alarms, at - now);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => SOONER.wait(alarms).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// An event that is due at some time.
struct Alarm {
    at: Instant,
    scheduler: Arc<Scheduler>,
    event: u64,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
