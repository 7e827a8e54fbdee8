//! What the requests of one thread have in common.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use mcp_mux_core::gateway::Gateway;

use crate::host::{Host, PAUSE};
use crate::shared::Shared;

/// How long a thread may do what takes long before others have their turn, in microseconds.
const TURN: u64 = 1000;

/// A thread that has done nothing of the kind for so long has let others have their turn, in microseconds. It is far longer
/// than a host takes to read what has come from one server: with ten at hand it reads all, and only then looks for others.
const IDLE: u64 = 20_000;

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

    /// Begins a turn, between which and the last one others had theirs; `false` if it is too soon for that.
    pub(crate) fn rest(&self, now: u64) -> bool {
        let pause = u64::try_from(PAUSE.as_micros()).unwrap_or(u64::MAX);
        let is_rested = now.saturating_sub(self.until.get()) >= pause;
        if is_rested {
            self.worked.set(0);
        }
        is_rested
    }

    /// Whether there is time left for what takes long before others have their turn again.
    pub(crate) fn has_time(&self) -> bool {
        self.worked.get() < TURN
    }

    /// The same, outside a turn.
    pub(crate) fn has_time_at(&self, now: u64) -> bool {
        self.has_time() || now.saturating_sub(self.until.get()) >= IDLE
    }

    /// It has done something that takes long between these two times.
    pub(crate) fn worked(&self, from: u64, to: u64) {
        let is_idle = from.saturating_sub(self.until.get()) >= IDLE;
        let before = if is_idle { 0 } else { self.worked.get() };
        self.worked.set(before.saturating_add(to.saturating_sub(from)));
        self.until.set(to);
    }

    /// Notes that a stream holds `now` bytes instead of `before`.
    pub(crate) fn hold(&self, before: usize, now: usize) {
        self.held.set(self.held.get().saturating_sub(before).saturating_add(now));
    }
}
