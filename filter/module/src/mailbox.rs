//! How filters find what comes of requests that the main thread sends: each has a mailbox, and each of its requests a
//! line that leads there. The line of a request that was parked leads nowhere: what comes is kept until another filter
//! adopts it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::calls::Got;
use crate::host::Scheduler;

/// How many bytes of one request are kept, and of all of a configuration.
const ONE: usize = 1 << 20;
const ALL: usize = 64 << 20;

/// Where a filter finds what comes of its requests.
pub(crate) struct Mailbox {
    got: Mutex<VecDeque<(u64, Got<'static>)>>,
    scheduler: Arc<Scheduler>,
    event: u64,
}

impl Mailbox {
    /// A mailbox of a filter, which this event of its scheduler has look into it.
    pub(crate) fn new(scheduler: Arc<Scheduler>, event: u64) -> Arc<Self> {
        Arc::new(Self { got: Mutex::default(), scheduler, event })
    }

    /// What came first.
    pub(crate) fn next(&self) -> Option<(u64, Got<'static>)> {
        lock(&self.got).pop_front()
    }

    fn put(&self, id: u64, got: Got<'static>) {
        let was_empty = {
            let mut all = lock(&self.got);
            all.push_back((id, got));
            all.len() == 1
        };
        if was_empty {
            self.scheduler.commit(self.event);
        }
    }

    /// All that came of one request.
    fn take(&self, id: u64) -> Vec<Got<'static>> {
        let mut all = lock(&self.got);
        let (of_it, others) = mem::take(&mut *all).into_iter().partition(|(it, _)| *it == id);
        *all = others;
        let of_it: VecDeque<(u64, Got<'static>)> = of_it;
        of_it.into_iter().map(|(_, got)| got).collect()
    }
}

/// Leads from one request to the mailbox of the filter that waits for it.
pub(crate) struct Line {
    id: u64,
    end: Mutex<End>,
    /// How many bytes are kept of all requests.
    all: Arc<AtomicUsize>,
}

/// Where it leads.
struct End {
    to: Option<Arc<Mailbox>>,
    /// What has come while it leads nowhere.
    kept: VecDeque<Got<'static>>,
    size: usize,
}

/// More has come than is kept.
#[derive(Debug)]
pub(crate) struct Full;

impl Line {
    /// Of the request with this number to a mailbox; `all` counts what is kept of all requests.
    pub(crate) fn new(id: u64, to: Arc<Mailbox>, all: Arc<AtomicUsize>) -> Arc<Self> {
        let end = Mutex::new(End { to: Some(to), kept: VecDeque::new(), size: 0 });
        Arc::new(Self { id, end, all })
    }

    /// The number of the request.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Something came of the request.
    ///
    /// # Errors
    ///
    /// [`Full`] if nobody waits for it, and more has come than is kept: then it is as if the request had been lost.
    pub(crate) fn put(&self, got: Got<'static>) -> Result<(), Full> {
        let mut end = lock(&self.end);
        // Whoever takes one of these may not want the next.
        for one in single(got) {
            match &end.to {
                Some(mailbox) => mailbox.put(self.id, one),
                None => self.keep(&mut end, one)?,
            }
        }
        Ok(())
    }

    fn keep(&self, end: &mut End, got: Got<'static>) -> Result<(), Full> {
        let size = size(&got);
        if end.size + size > ONE || self.all.load(Ordering::Relaxed) + size > ALL {
            self.forget(end);
            end.kept.push_back(Got::Lost);
            return Err(Full);
        }
        end.size += size;
        self.all.fetch_add(size, Ordering::Relaxed);
        end.kept.push_back(got);
        Ok(())
    }

    fn forget(&self, end: &mut End) -> VecDeque<Got<'static>> {
        self.all.fetch_sub(mem::take(&mut end.size), Ordering::Relaxed);
        mem::take(&mut end.kept)
    }

    /// Nobody waits for it from now on; `before` came first, and was not looked at.
    ///
    /// # Errors
    ///
    /// As [`Self::put`].
    pub(crate) fn park(&self, before: Vec<Got<'static>>) -> Result<(), Full> {
        let mut end = lock(&self.end);
        let Some(mailbox) = end.to.take() else { return Ok(()) };
        let got = before.into_iter().chain(mailbox.take(self.id));
        for one in got {
            self.keep(&mut end, one)?;
        }
        Ok(())
    }

    /// Another filter waits for it from now on.
    pub(crate) fn adopt(&self, by: Arc<Mailbox>) {
        let mut end = lock(&self.end);
        for got in self.forget(&mut end) {
            by.put(self.id, got);
        }
        end.to = Some(by);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let end = self.end.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.all.fetch_sub(mem::take(&mut end.size), Ordering::Relaxed);
    }
}

/// The same in parts that are one thing each.
fn single(got: Got<'static>) -> Vec<Got<'static>> {
    let (mut parts, is_end) = match got {
        Got::Head(headers, end) => (vec![Got::Head(headers, false)], end),
        Got::Body(chunks, end) => {
            (chunks.into_iter().map(|it| Got::Body(vec![it], false)).collect(), end)
        }
        other => (vec![other], false),
    };
    parts.extend(is_end.then_some(Got::End));
    parts
}

/// How many bytes it takes, about.
fn size(got: &Got<'_>) -> usize {
    let bytes: usize = match got {
        Got::Head(headers, _) => headers.iter().map(|(name, value)| name.len() + value.len()).sum(),
        Got::Body(chunks, _) => chunks.iter().map(|it: &Cow<'_, [u8]>| it.len()).sum(),
        Got::End | Got::Lost | Got::NotSent => 0,
    };
    bytes + size_of::<Got<'_>>()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
