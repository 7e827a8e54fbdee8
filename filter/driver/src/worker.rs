//! What the requests of one thread have in common.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use mcp_mux_core::gateway::Gateway;

use crate::host::{Host, PAUSE};
use crate::shared::Shared;

/// How long a thread may do what takes long before others have their turn, in microseconds.
const TURN: u64 = 1000;

/// One thread that serves requests, under one configuration: how much memory they take, and whose turn it is.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    /// How many bytes all exchanges hold.
    held: Cell<usize>,
    /// For how long it has done what takes long since it rested, in microseconds.
    worked: Cell<u64>,
    /// Until when, by the host's clock.
    until: Cell<u64>,
}

impl Worker {
    /// A thread, and what it has in common with others.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Rc<Self> {
        let (worked, until) = (Cell::new(0), Cell::new(0));
        Rc::new(Self { shared, held: Cell::new(0), worked, until })
    }

    /// The configuration.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        self.shared.gateway()
    }

    /// What it has in common with the other workers.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether all exchanges together may hold so many bytes more.
    pub(crate) fn has_room(&self, host: &impl Host, bytes: usize) -> bool {
        self.held.get().saturating_add(bytes) <= host.abilities().memory
    }

    /// Whether others have had their turn since it did something that takes long.
    pub(crate) fn is_rested(&self, now: u64) -> bool {
        let pause = u64::try_from(PAUSE.as_micros()).unwrap_or(u64::MAX);
        now.saturating_sub(self.until.get()) >= pause
    }

    /// Whether there is time left for that before they have it again.
    pub(crate) fn has_time(&self) -> bool {
        self.worked.get() < TURN
    }

    /// It has done something that takes long between these two times.
    pub(crate) fn worked(&self, from: u64, to: u64) {
        let before = if self.is_rested(from) { 0 } else { self.worked.get() };
        self.worked.set(before.saturating_add(to.saturating_sub(from)));
        self.until.set(to);
    }

    /// Notes that a stream holds `now` bytes instead of `before`.
    pub(crate) fn hold(&self, before: usize, now: usize) {
        self.held.set(self.held.get().saturating_sub(before).saturating_add(now));
    }
}
