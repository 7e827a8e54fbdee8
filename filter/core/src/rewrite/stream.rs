//! An event stream of an upstream on its way to the client.

use std::collections::BTreeSet;

use super::to_client::{self, Origin};
use crate::mark::Place;
use crate::route::Kind;
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
    /// Of which kinds lists have changed.
    pub relisted: BTreeSet<Kind>,
}

impl<'c> Changes<'c> {
    /// Nothing was seen yet.
    #[must_use]
    pub fn of(origin: Origin<'c>, place: &'c Place, strict: bool) -> Self {
        let relisted = BTreeSet::new();
        Self { origin, place, strict, emptied: 0, answered: false, resumable: false, relisted }
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
        let event =
            |id: &str| format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n\n");
        let stream = [event("2"), event("1"), event(r#""1""#)].concat();
        for (request, strict, expected, emptied) in [
            (Some(&id), true, ["data: \n\n", &event("1"), "data: \n\n"].concat(), 2),
            (None, true, "data: \n\n".repeat(3), 3),
            (None, false, stream.clone(), 0),
        ] {
            let upstream = &gateway.upstreams[0];
            let origin = Origin { upstream, marks, request, shape: Shape::Opaque };
            let mut changes = Changes::of(origin, &place, strict);
            let mut out = Vec::new();
            let mut editor = Editor::new(1024);
            if editor.feed(stream.as_bytes(), &mut changes, &mut out) == crate::sse::Passed::AsIs {
                out = stream.clone().into_bytes();
            }
            assert_eq!(String::from_utf8(out).unwrap(), expected);
            assert_eq!((changes.emptied, changes.answered), (emptied, request.is_some()));
        }
    }
}
