//! A response that is too long to be held, changed as it goes by.
//!
//! Makes the changes of [`super::to_client`]; what it cannot do is take back what has gone out. So
//! whether it answers the client's request is known of most responses before their result begins, of
//! others only at their end: one that answers none is then cut off, so that no client takes it for an
//! answer.

use super::to_client::Origin;
use crate::bytes::Passed;
use crate::json::stream::{Decision, Edit, Editor, Leaf, State};
use crate::json::{decode, imitated};
use crate::mcp::jsonrpc::{ENVELOPE, Id};
use crate::mcp::method::Shape;
use crate::mcp::owner_tag;
use crate::mcp::uri;

mod table;
#[cfg(test)]
mod tests;

use table::{Tag, table};

/// How many bytes of an answer or an event are held to be looked at as a whole. A longer response is
/// changed as it goes by; other messages of this length are rare, and are held.
pub const HELD: usize = 64 * 1024;

/// A response that goes by.
#[derive(Debug)]
pub struct Long {
    editor: Editor<Tag>,
    seen: Seen,
}

/// What is known of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it.
    Open,
    /// It is complete, and answers the client's request.
    Answers,
    /// It answers another request.
    Mismatched,
    /// It is no response.
    Broken,
}

/// What has been seen of the envelope, and of the block that goes by.
#[derive(Debug, Default)]
struct Seen {
    version: bool,
    /// Whether the id is that of the client's request, once it is known.
    id: Option<bool>,
    /// Members of the envelope, by their place in [`ENVELOPE`].
    members: [bool; ENVELOPE.len()],
    /// A member is repeated, or imitated.
    odd: bool,
    kind: Option<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Link,
    Resource,
    Other,
}

impl Long {
    /// `limit` bounds what is held back, in bytes: a name that is not complete, and a block whose URI
    /// comes before its type.
    #[must_use]
    pub fn new(shape: Shape, limit: usize) -> Self {
        Self { editor: Editor::new(table(shape), limit), seen: Seen::default() }
    }

    /// Takes the next bytes, and appends to `out` what may go on, unless that is just `part`.
    pub fn feed(&mut self, origin: Origin<'_>, part: &[u8], out: &mut Vec<u8>) -> Passed {
        let mut editing = Editing { origin, seen: &mut self.seen };
        let passed = self.editor.feed(part, &mut editing, out);
        if let State::Ended(at) = self.editor.state() {
            let behind = usize::try_from(self.editor.offset() - at).unwrap_or(usize::MAX);
            let from = part.len().saturating_sub(behind);
            self.seen.odd |= !part.get(from..).unwrap_or_default().trim_ascii().is_empty();
        }
        passed
    }

    /// Whether what has come so far shows that it is a response.
    #[must_use]
    pub fn is_response(&self) -> bool {
        let [.., method, _, result, error] = self.seen.members;
        (result || error) && !method && self.editor.state() != State::Malformed
    }

    /// What is known of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let [.., method, _, result, error] = self.seen.members;
        match (self.editor.state(), self.seen.id) {
            (State::Malformed, _) => Standing::Broken,
            _ if self.seen.odd || method || result && error => Standing::Broken,
            (_, Some(false)) => Standing::Mismatched,
            (State::Open, _) => Standing::Open,
            _ if !result && !error => Standing::Broken,
            (State::Ended(_), Some(true)) if self.seen.version => Standing::Answers,
            (State::Ended(_), _) => Standing::Broken,
        }
    }

    /// How many names went out as they were because they are too long.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.editor.skipped()
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.editor.held()
    }

    /// Whether all of it has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.editor.state(), State::Ended(_))
    }

    /// Lets go of what is held back: names in it stay as they are.
    pub fn release(&mut self, out: &mut Vec<u8>) {
        self.editor.release(out);
    }

    /// Ends it where it breaks off; what was held back.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.editor.finish()
    }
}

struct Editing<'e> {
    origin: Origin<'e>,
    seen: &'e mut Seen,
}

impl Editing<'_> {
    fn shown(&self, raw: &str) -> Option<Vec<u8>> {
        uri::show(self.origin.upstream, raw).map(String::into_bytes)
    }

    /// A URI that is one if the block is of a kind.
    fn in_block(&self, wanted: Block, raw: &str) -> Decision {
        match self.seen.kind {
            Some(kind) if kind == wanted => decided(self.shown(raw)),
            Some(_) => Decision::Keep,
            None => Decision::Wait,
        }
    }
}

fn decided(change: Option<Vec<u8>>) -> Decision {
    change.map_or(Decision::Keep, Decision::Replace)
}

impl Edit<Tag> for Editing<'_> {
    fn leaf(&mut self, leaf: Leaf<'_, Tag>) -> Decision {
        let raw = leaf.raw;
        match leaf.tag {
            Tag::Version => self.seen.version = decode(raw).as_deref() == Some("2.0"),
            Tag::Id => {
                let id = Id::of_response(raw);
                let known = self.origin.request.zip(id.as_ref());
                self.seen.id = Some(known.is_some_and(|(request, id)| id.matches(request)));
            }
            Tag::Kind => {
                self.seen.kind = Some(match decode(raw).as_deref() {
                    Some("resource_link") => Block::Link,
                    Some("resource") => Block::Resource,
                    _ => Block::Other,
                });
                return Decision::Settle;
            }
            Tag::Uri => return decided(self.shown(raw)),
            Tag::Task if raw.starts_with('"') => {
                let marked = owner_tag::text(&self.origin.upstream.name, raw);
                return Decision::Replace(marked.into_bytes());
            }
            Tag::LinkUri => return self.in_block(Block::Link, raw),
            Tag::ResourceUri => return self.in_block(Block::Resource, raw),
            Tag::Task | Tag::Envelope | Tag::Block => {}
        }
        Decision::Keep
    }

    fn settle(&mut self, leaf: Leaf<'_, Tag>) -> Option<Vec<u8>> {
        let wanted = if leaf.tag == Tag::LinkUri { Block::Link } else { Block::Resource };
        (self.seen.kind == Some(wanted)).then(|| self.shown(leaf.raw))?
    }

    fn begin(&mut self, tag: Tag) {
        if tag == Tag::Block {
            self.seen.kind = None;
        }
    }

    fn key(&mut self, object: Tag, key: Option<&str>) {
        if let (Tag::Envelope, Some(key)) = (object, key) {
            let at = ENVELOPE.iter().position(|name| *name == key);
            match at.and_then(|at| self.seen.members.get_mut(at)) {
                Some(seen) => self.seen.odd |= std::mem::replace(seen, true),
                None => self.seen.odd |= imitated(key, &ENVELOPE).is_some(),
            }
        }
    }

    fn end(&mut self, tag: Tag) -> bool {
        tag == Tag::Block
    }
}
