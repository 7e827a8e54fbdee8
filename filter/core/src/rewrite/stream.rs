//! An event stream of an upstream on its way to the client.

use std::collections::BTreeSet;

use super::long::{Long, Standing};
use super::to_client::{self, Origin};
use crate::mark::Place;
use crate::route::Kind;
use crate::sse::{Edit, Event, Passed};

/// An event that is too long to be held.
#[derive(Debug, Default)]
pub enum Flowing {
    /// None is.
    #[default]
    Nothing,
    /// Its data go by.
    Data(Box<Long>),
    /// They have; whether they are the answer to the client's request. To a client they are nothing
    /// before the event has ended, too.
    Rest(bool),
}

impl Flowing {
    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        match self {
            Self::Data(long) => long.held(),
            Self::Nothing | Self::Rest(_) => 0,
        }
    }

    /// Ends it where it breaks off; what was held back.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Data(long) => long.finish(),
            Self::Nothing | Self::Rest(_) => Vec::new(),
        }
    }
}

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
        place: &'c Place,
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
            Standing::Strays => self.strict,
            Standing::Broken => true,
            Standing::Open | Standing::Answers => false,
        }
    }
}

impl Edit for Changes<'_> {
    fn data(&mut self, event: Event<'_>) -> Option<Vec<u8>> {
        if !event.is_message() {
            return None;
        }
        let message = to_client::message(self.origin, event.data);
        self.answered |= message.answers;
        self.relisted.extend(message.relisted);
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
        } else {
            *self.flowing = Flowing::Data(Box::new(long));
        }
        true
    }

    fn more(&mut self, part: &[u8], ends: bool, out: &mut Vec<u8>) -> Passed {
        // What is refused stays back to its end, so that it is no JSON to the client.
        let Flowing::Data(long) = self.flowing else { return Passed::Changed };
        let passed = long.feed(self.origin, part, out);
        let standing = long.standing();
        if self.refuses(standing) {
            self.emptied += 1;
            *self.flowing = Flowing::Nothing;
            out.clear();
            return Passed::Changed;
        }
        if !ends {
            return passed;
        }
        let rest = Flowing::Rest(standing == Standing::Answers);
        // What is held back of data that break off goes with them.
        let held = std::mem::replace(self.flowing, rest).finish();
        if held.is_empty() {
            return passed;
        }
        if passed == Passed::AsIs {
            out.extend_from_slice(part);
        }
        out.extend(held);
        Passed::Changed
    }

    fn end(&mut self) {
        self.answered |= matches!(std::mem::take(self.flowing), Flowing::Rest(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::jsonrpc::Id;
    use crate::mark::{Marks, digest};
    use crate::route::Shape;
    use crate::seal::Tag;
    use crate::sse::Editor;

    #[test]
    fn what_answers_another_request_is_emptied_where_that_is_known() {
        let gateway = fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b"}]}"#);
        let marks = Marks { keys: &gateway.keys, session: Tag::NONE };
        let id = Id::from_raw("1").unwrap();
        let place = Place::new(Shape::Opaque, digest(None), Some(&id));
        let event = |id: &str, text: &str| {
            let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"z":"{text}"}}}}"#);
            format!("data: {message}\n\n")
        };
        let long = "z".repeat(2000);
        for (text, chunk) in [("z", 10_000), (&long, 10_000), (&long, 700), (&long, 1)] {
            let (first, second) = (event("1", text), event("2", text));
            let stream = [&second, &first, &event(r#""1""#, text)].map(String::as_str).concat();
            for (request, strict, expected, emptied) in [
                (Some(&id), true, ["data: \n\n", &first, "data: \n\n"].concat(), 2),
                (None, true, "data: \n\n".repeat(3), 3),
                (None, false, stream.clone(), 0),
            ] {
                let upstream = &gateway.upstreams[0];
                let origin = Origin { upstream, marks, request, shape: Shape::Opaque };
                let (mut out, mut counted, mut answered) = (Vec::new(), 0, false);
                let (mut editor, mut flowing) = (Editor::new(1024), Flowing::default());
                for part in stream.as_bytes().chunks(chunk) {
                    let going = (&mut flowing, 1024);
                    let mut changes = Changes::of(origin, &place, strict, going);
                    if editor.feed(part, &mut changes, &mut out) == Passed::AsIs {
                        out.extend_from_slice(part);
                    }
                    counted += changes.emptied;
                    answered |= changes.answered;
                }
                assert_eq!(String::from_utf8(out).unwrap(), expected);
                assert_eq!((counted, answered), (emptied, request.is_some()));
            }
        }
    }
}
