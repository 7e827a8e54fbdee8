//! An event stream of an upstream on its way to the client.

use std::collections::BTreeSet;

use super::long::{Long, Standing};
use super::to_client::{self, Origin};
use crate::bytes::Passed;
use crate::mcp::event_id::StreamContext;
use crate::mcp::method::Kind;
use crate::sse::{Edit, Event};

/// An event that is too long to be held.
#[derive(Debug, Default)]
pub enum Flowing {
    /// None is.
    #[default]
    Nothing,
    /// Its data go by, a line that is not at its end or that others follow.
    Data(Box<Long>),
    /// They are none that may go by: what is left of them stays back, so that they are no JSON to the
    /// client.
    Refused,
    /// They have gone by; whether they are the answer to the client's request. To a client they are nothing
    /// before the event has ended, too.
    Rest(bool),
}

impl Flowing {
    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        match self {
            Self::Data(long) => long.held(),
            Self::Nothing | Self::Refused | Self::Rest(_) => 0,
        }
    }

    /// Ends it where it breaks off; what was held back.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Data(long) => long.finish(),
            Self::Nothing | Self::Refused | Self::Rest(_) => Vec::new(),
        }
    }
}

/// What is changed in a stream, and what was seen in it.
#[derive(Debug)]
pub struct Changes<'c> {
    /// Whose stream it is.
    origin: Origin<'c>,
    /// What its events say of it.
    place: &'c StreamContext,
    /// Whether answers to other requests are emptied: they may be those of other upstreams.
    strict: bool,
    /// How many were.
    pub emptied: usize,
    /// Whether the answer to the client's request went by.
    pub answered: bool,
    /// Whether an event had an id.
    pub resumable: bool,
    /// The event that goes by, if one does.
    flowing: &'c mut Flowing,
    /// How much of that may be held back, in bytes.
    limit: usize,
    /// Of which kinds lists have changed.
    pub relisted: BTreeSet<Kind>,
}

impl<'c> Changes<'c> {
    /// Nothing was seen yet.
    #[must_use]
    pub fn of(
        origin: Origin<'c>,
        place: &'c StreamContext,
        strict: bool,
        (flowing, limit): (&'c mut Flowing, usize),
    ) -> Self {
        let relisted = BTreeSet::new();
        let (emptied, answered, resumable) = (0, false, false);
        Self { origin, place, strict, emptied, answered, resumable, flowing, limit, relisted }
    }

    /// Whether a response of this standing stays back, or what is left of it.
    fn refuses(&self, standing: Standing) -> bool {
        match standing {
            Standing::Mismatched => self.strict,
            Standing::Broken => true,
            Standing::Open | Standing::Answers => false,
        }
    }

    /// More of data that went by, in lines of its own: the last of them. What goes on in their place,
    /// if that is something else.
    fn rest(&mut self, mut long: Box<Long>, data: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for part in [b"\n", data] {
            if long.feed(self.origin, part, &mut out) == Passed::AsIs {
                out.extend_from_slice(part);
            }
        }
        let standing = long.standing();
        if self.refuses(standing) {
            self.emptied += 1;
            *self.flowing = Flowing::Refused;
            return Some(Vec::new());
        }
        *self.flowing = Flowing::Rest(standing == Standing::Answers);
        out.extend(long.finish());
        // The line feed is what joins lines.
        let out = out.split_off(out.len().min(1));
        (out != data).then_some(out)
    }
}

impl Edit for Changes<'_> {
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>> {
        match std::mem::take(self.flowing) {
            Flowing::Nothing => {}
            Flowing::Data(long) => return self.rest(long, event.data),
            // It is complete, or not to be completed.
            ended @ (Flowing::Refused | Flowing::Rest(_)) => {
                *self.flowing = ended;
                return Some(Vec::new());
            }
        }
        if !event.is_message() {
            return None;
        }
        let message = to_client::message(self.origin, event.data);
        self.answered |= message.answers;
        self.relisted.extend(message.relisted);
        if message.mismatched && self.strict {
            self.emptied += 1;
            return Some(Vec::new());
        }
        message.changed
    }

    fn id(&mut self, id: &[u8]) -> Option<Vec<u8>> {
        self.resumable = true;
        Some(self.place.event(&self.origin.upstream.name, id))
    }

    fn begin(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> bool {
        if !event.is_message() {
            return false;
        }
        let mut long = Long::new(self.origin.shape, self.limit);
        if long.feed(self.origin, event.data, out) == Passed::AsIs {
            out.extend_from_slice(event.data);
        }
        if !long.is_response() {
            out.clear();
            return false;
        }
        if self.refuses(long.standing()) {
            out.clear();
            self.emptied += 1;
            *self.flowing = Flowing::Refused;
        } else {
            *self.flowing = Flowing::Data(Box::new(long));
        }
        true
    }

    fn more(&mut self, part: &[u8], ends: bool, out: &mut Vec<u8>) -> Passed {
        let Flowing::Data(long) = &mut *self.flowing else { return Passed::Changed };
        let passed = long.feed(self.origin, part, out);
        let (standing, complete) = (long.standing(), long.is_complete());
        if !ends && !self.refuses(standing) {
            return passed;
        }
        if self.refuses(standing) {
            self.emptied += 1;
            *self.flowing = Flowing::Refused;
            out.clear();
            return Passed::Changed;
        }
        if complete {
            *self.flowing = Flowing::Rest(standing == Standing::Answers);
            return passed;
        }
        // Other lines may follow, but need not.
        if passed == Passed::AsIs {
            out.extend_from_slice(part);
        }
        if let Flowing::Data(long) = self.flowing {
            long.release(out);
        }
        Passed::Changed
    }

    fn end(&mut self) {
        self.answered |= matches!(std::mem::take(self.flowing), Flowing::Rest(true));
    }
}

#[cfg(test)]
mod tests;
