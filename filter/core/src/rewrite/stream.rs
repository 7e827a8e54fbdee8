//! An event stream of an upstream on its way to the client.

use super::to_client::{self, Origin};
use crate::mark::Place;
use crate::sse::{Edit, Event};

/// What is changed in a stream, and what was seen in it.
#[derive(Debug)]
pub struct Changes<'c> {
    /// Whose stream it is.
    origin: Origin<'c>,
    /// What its events say of it.
    place: &'c Place,
    /// Whether answers to other requests are emptied: they may be those of other upstreams.
    strict: bool,
    /// How many were.
    pub emptied: usize,
    /// Whether the answer to the client's request went by.
    pub answered: bool,
    /// Whether an event had an id.
    pub resumable: bool,
}

impl<'c> Changes<'c> {
    /// Nothing was seen yet.
    #[must_use]
    pub fn of(origin: Origin<'c>, place: &'c Place, strict: bool) -> Self {
        Self { origin, place, strict, emptied: 0, answered: false, resumable: false }
    }
}

impl Edit for Changes<'_> {
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>> {
        if !event.is_message() {
            return None;
        }
        let message = to_client::message(self.origin, event.data);
        self.answered |= message.answers;
        if message.strays && self.strict {
            self.emptied += 1;
            return Some(Vec::new());
        }
        message.changed
    }

    fn id(&mut self, id: &[u8]) -> Option<Vec<u8>> {
        self.resumable = true;
        Some(self.place.event(&self.origin.upstream.name, id))
    }
}
