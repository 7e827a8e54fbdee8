//! Changes an event stream of an upstream for the client.

use std::collections::BTreeSet;

use super::dialect::EventIds;
use super::long::{Long, Standing};
use super::to_client::{self, Origin};
use crate::bytes::Passed;
use crate::effect::Ending;
use crate::mcp::event_id::StreamContext;
use crate::mcp::method::Kind;
use crate::sse::{Edit, Event};

/// An event that is too long to be held, so that its data stream through.
#[derive(Debug, Default)]
pub(crate) enum Flowing {
    /// No such event is open.
    #[default]
    Nothing,
    /// Its data stream: the line in progress has not ended, or other data lines may follow.
    Data(Box<Long>),
    /// The client must not take its data for an answer: the rest is dropped, which leaves invalid JSON.
    Refused,
    /// Its message is complete, the event is not: whether the message answers the client's request. It
    /// counts once the event ends, since a client ignores an event that breaks off; and how the request ends.
    Rest(bool, Ending),
}

impl Flowing {
    /// How many bytes are held back.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Data(long) => long.held(),
            Self::Nothing | Self::Refused | Self::Rest(..) => 0,
        }
    }

    /// Ends it where the stream breaks off, and returns what was held back.
    #[must_use]
    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Data(long) => long.finish(),
            Self::Nothing | Self::Refused | Self::Rest(..) => Vec::new(),
        }
    }
}

/// Changes the events of a stream, and notes what it sees.
#[derive(Debug)]
pub(crate) struct Changes<'c> {
    /// Whose stream it is.
    origin: Origin<'c>,
    /// What the ids of its events say of the stream.
    place: &'c StreamContext,
    /// Whether answers to other requests are emptied: they may be those of other upstreams.
    strict: bool,
    /// How many answers were emptied.
    pub emptied: usize,
    /// Whether the answer to the client's request was seen.
    pub answered: bool,
    /// How the request ends then.
    pub ending: Ending,
    /// Whether an event had an id by which the client can have the rest of the stream.
    pub resumable: bool,
    /// The event that streams, if one does.
    flowing: &'c mut Flowing,
    /// How much of it may be held back, in bytes.
    limit: usize,
    /// The kinds whose lists have changed, as the upstream says.
    pub relisted: BTreeSet<Kind>,
}

impl<'c> Changes<'c> {
    /// Before anything was seen. `limit` bounds what may be held back of a streaming event, in bytes.
    #[must_use]
    pub(crate) fn of(
        origin: Origin<'c>,
        place: &'c StreamContext,
        strict: bool,
        (flowing, limit): (&'c mut Flowing, usize),
    ) -> Self {
        let relisted = BTreeSet::new();
        let (emptied, answered, resumable, ending) = (0, false, false, Ending::Ok);
        Self {
            origin,
            place,
            strict,
            emptied,
            answered,
            ending,
            resumable,
            flowing,
            limit,
            relisted,
        }
    }

    /// Whether a response of this standing, or the rest of it, is withheld from the client.
    fn refuses(&self, standing: Standing) -> bool {
        match standing {
            Standing::Mismatched => self.strict,
            Standing::Broken => true,
            Standing::Open | Standing::Answers => false,
        }
    }

    /// The last data lines of a streaming event, complete. Returns what takes their place, or `None` if
    /// they do not change.
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
        *self.flowing = Flowing::Rest(standing == Standing::Answers, long.ending());
        out.extend(long.finish());
        // The line feed only joins this line to the one before.
        let out = out.split_off(out.len().min(1));
        (out != data).then_some(out)
    }
}

impl Edit for Changes<'_> {
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>> {
        match std::mem::take(self.flowing) {
            Flowing::Nothing => {}
            Flowing::Data(long) => return self.rest(long, event.data),
            // The message is complete, or withheld: more data would follow it.
            ended @ (Flowing::Refused | Flowing::Rest(..)) => {
                *self.flowing = ended;
                return Some(Vec::new());
            }
        }
        if !event.is_message() {
            return None;
        }
        let message = to_client::message(self.origin, event.data);
        if message.answers && !message.withheld {
            (self.answered, self.ending) = (true, message.ending);
        }
        self.relisted.extend(message.relisted);
        if message.withheld {
            return Some(Vec::new());
        }
        if message.mismatched && self.strict {
            self.emptied += 1;
            return Some(Vec::new());
        }
        message.changed
    }

    fn keeps_ids(&self) -> bool {
        self.origin.dialect.event_ids() != EventIds::TakenOut
    }

    fn id(&mut self, id: &[u8]) -> Option<Vec<u8>> {
        if self.origin.dialect.event_ids() != EventIds::Marked {
            return None;
        }
        self.resumable = true;
        Some(self.place.event(&self.origin.upstream.name, id))
    }

    fn begin(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> bool {
        if !event.is_message() {
            return false;
        }
        let mut long = Long::new(self.origin.shape, self.origin.dialect, self.limit);
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
        let (standing, complete, ending) = (long.standing(), long.is_complete(), long.ending());
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
            *self.flowing = Flowing::Rest(standing == Standing::Answers, ending);
            return passed;
        }
        // Other data lines may follow, but need not.
        if passed == Passed::AsIs {
            out.extend_from_slice(part);
        }
        if let Flowing::Data(long) = self.flowing {
            long.release(out);
        }
        Passed::Changed
    }

    fn end(&mut self) {
        if let Flowing::Rest(true, ending) = std::mem::take(self.flowing) {
            (self.answered, self.ending) = (true, ending);
        }
    }
}

#[cfg(test)]
mod tests;
