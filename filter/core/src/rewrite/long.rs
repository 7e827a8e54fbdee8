//! Changes a response that is too long to be held while it streams.
//!
//! It makes the changes of [`super::to_client`], but cannot take back what was sent. Most responses show
//! before their result begins whether they answer the client's request; some show it only at their end. If one
//! turns out to answer another request, it is cut off, so that no client takes it for an answer.

use super::dialect::Dialect;
use super::renamer::{Renamer, State};
use super::to_client::Origin;
use crate::bytes::Passed;
use crate::effect::Ending;
use crate::json::stream::{Editor, Skipping, Status};
use crate::json::{Decision, Edit, Leaf};
use crate::mcp::fields::{self, Field};
use crate::mcp::jsonrpc::{Envelope, Id, Kind};
use crate::mcp::method::Shape;

#[cfg(test)]
mod tests;

/// How many bytes of an answer or an event are held, to be changed as a whole. A longer response is
/// changed while it streams; other messages of this length are rare, and are held.
pub(crate) const HELD: usize = 64 * 1024;

/// A response that streams.
#[derive(Debug)]
pub(crate) struct Long {
    editor: Editor<Field>,
    seen: Seen,
    state: State,
}

/// What is known of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing speaks against it.
    Open,
    /// It is complete, and answers the client's request.
    Answers,
    /// It answers another request.
    Mismatched,
    /// It is no response.
    Broken,
}

/// What the response has said of itself.
#[derive(Debug, Default)]
struct Seen {
    envelope: Envelope,
    /// Whether its id is that of the client's request; `None` before the id was read.
    id: Option<bool>,
    /// Whether something follows the message.
    trailing: bool,
}

impl Long {
    /// `limit` bounds what is held back, in bytes: an incomplete name, and what precedes that which says what
    /// it is (the URI of a content block, the id of a task).
    #[must_use]
    pub(crate) fn new(shape: Shape, dialect: Dialect, limit: usize) -> Self {
        let fields = fields::response(shape, dialect.is_stateless());
        Self {
            editor: Editor::new(fields, limit, Skipping::Trusting),
            seen: Seen::default(),
            state: State::default(),
        }
    }

    /// Takes the next bytes, and appends to `out` what may be sent, unless that is exactly `part`.
    pub(crate) fn feed(&mut self, origin: Origin<'_>, part: &[u8], out: &mut Vec<u8>) -> Passed {
        let Self { seen, state, .. } = self;
        let (upstream, tags) = (origin.upstream, Some(origin.tags));
        let dialect = (origin.dialect, origin.shape);
        let renamer = Renamer { upstream, tags, dialect, state };
        let mut editing = Editing { request: origin.request, seen, renamer };
        let passed = self.editor.feed(part, &mut editing, out);
        if let Status::Ended(at) = self.editor.status() {
            let behind = usize::try_from(self.editor.offset() - at).unwrap_or(usize::MAX);
            let from = part.len().saturating_sub(behind);
            self.seen.trailing |= !part.get(from..).unwrap_or_default().trim_ascii().is_empty();
        }
        passed
    }

    /// Whether the bytes so far show that it is a response.
    #[must_use]
    pub(crate) fn is_response(&self) -> bool {
        self.seen.envelope.responds() && self.editor.status() != Status::Malformed
    }

    /// What is known of it.
    #[must_use]
    pub(crate) fn standing(&self) -> Standing {
        let Seen { envelope, id, trailing } = &self.seen;
        let broken = envelope.invalid().is_some() || envelope.is_ambiguous() || *trailing;
        match (self.editor.status(), id) {
            (Status::Malformed, _) => Standing::Broken,
            _ if broken => Standing::Broken,
            (_, Some(false)) => Standing::Mismatched,
            (Status::Open, _) => Standing::Open,
            (Status::Ended(_), Some(true)) if envelope.finish() == Ok(Kind::Response) => {
                Standing::Answers
            }
            (Status::Ended(_), _) => Standing::Broken,
        }
    }

    /// How the request ends that it answers.
    #[must_use]
    pub(crate) fn ending(&self) -> Ending {
        self.state.ending
    }

    /// How many names were sent unchanged because they are too long.
    #[must_use]
    pub(crate) fn skipped(&self) -> usize {
        self.editor.skipped()
    }

    /// How many bytes are held back.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.editor.held()
    }

    /// Whether it was received to its end.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.editor.status(), Status::Ended(_))
    }

    /// Appends what is held back to `out`; names in it stay as they are.
    pub(crate) fn release(&mut self, out: &mut Vec<u8>) {
        self.editor.release(out);
    }

    /// Ends it where the stream breaks off, and returns what was held back.
    #[must_use]
    pub(crate) fn finish(self) -> Vec<u8> {
        self.editor.finish()
    }
}

struct Editing<'e> {
    request: Option<&'e Id<'e>>,
    seen: &'e mut Seen,
    renamer: Renamer<'e>,
}

impl Edit<Field> for Editing<'_> {
    fn leaf(&mut self, leaf: Leaf<'_, Field>) -> Decision {
        let raw = leaf.raw;
        match leaf.tag {
            Field::Version => self.seen.envelope.version(raw),
            Field::Id => {
                self.seen.envelope.id(raw);
                let id = Id::of_response(raw);
                let known = self.request.zip(id.as_ref());
                self.seen.id = Some(known.is_some_and(|(request, id)| id.matches(request)));
            }
            _ => return self.renamer.leaf(leaf),
        }
        Decision::Keep
    }

    fn settle(&mut self, leaf: Leaf<'_, Field>) -> Decision {
        self.renamer.settle(leaf)
    }

    fn begin(&mut self, field: Field) {
        self.renamer.begin(field);
    }

    fn key(&mut self, object: Field, key: Option<&str>) {
        // A key too long to be reported is none of an envelope's.
        match (object, key) {
            (Field::Envelope, Some(key)) => {
                self.seen.envelope.key(key);
            }
            _ => self.renamer.key(object, key),
        }
    }

    fn settles(&self, field: Field) -> bool {
        self.renamer.settles(field)
    }

    fn end(&mut self, field: Field) -> Option<Vec<u8>> {
        self.renamer.end(field)
    }
}
