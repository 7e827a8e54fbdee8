//! What the requests of one thread have in common.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use mcp_mux_core::gateway::Gateway;

use crate::host::Host;
use crate::shared::Shared;

/// One thread that serves requests, under one configuration: how much memory they take.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    /// How many bytes all exchanges hold.
    held: Cell<usize>,
}

impl Worker {
    /// A thread, and what it has in common with others.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self { shared, held: Cell::new(0) })
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

    /// Notes that a stream holds `now` bytes instead of `before`.
    pub(crate) fn hold(&self, before: usize, now: usize) {
        self.held.set(self.held.get().saturating_sub(before).saturating_add(now));
    }
}
