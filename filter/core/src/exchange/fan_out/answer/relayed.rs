//! What of an upstream's whole answer goes on to clients: all of it, or the news that it brings.

use std::collections::BTreeSet;

use super::Answer;
use crate::bytes::Passed;
use crate::effect::Ending;
use crate::exchange::fan_out::refusal::is_protocol_status;
use crate::http::MediaType;
use crate::mcp::batch;
use crate::mcp::event_id::{StreamContext, digest};
use crate::mcp::method::{Kind, Shape};
use crate::mcp::owner_tag::OwnerTags;
use crate::rewrite::stream::{Changes, Flowing};
use crate::rewrite::to_client::{self, Origin};
use crate::seal::KeyRing;
use crate::sse;

/// How long a message may be, in bytes, that is looked at for news beside an answer.
const NEWS: usize = 16 * 1024;

/// An answer as the client gets it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) content_type: &'static str,
    /// How the client's request ends with it.
    pub(crate) ending: Ending,
    pub(crate) body: Vec<u8>,
}

impl Answer<'_> {
    /// The answer as a client may be given it; `shape` is what a result is.
    pub(crate) fn whole(&self, keys: &KeyRing, shape: Shape) -> Option<Whole> {
        let content_type = match self.head.refusal.media_type {
            _ if !is_protocol_status(self.head.refusal.status) => return None,
            MediaType::Json => "application/json",
            MediaType::EventStream => "text/event-stream",
            MediaType::Plain | MediaType::Other => return None,
        };
        let (scope, own) = (self.scope, self.session.as_deref());
        let (upstream, request) = (self.upstream, Some(self.id));
        let (tags, dialect) = (OwnerTags { keys, scope }, self.dialect);
        let origin = Origin { upstream, tags, request, shape, dialect };
        let (changed, ending) = if self.head.refusal.media_type == MediaType::Json {
            let message = to_client::message(origin, self.body);
            if !message.answers {
                return None;
            }
            (message.changed, message.ending)
        } else {
            let place = StreamContext::new(shape, digest(own), Some(self.id));
            let mut out = Vec::new();
            let mut editor = sse::Editor::new(self.limits.upstream_body);
            let mut flowing = Flowing::default();
            let limit = self.limits.upstream_body;
            let mut changes = Changes::of(origin, &place, true, (&mut flowing, limit));
            let passed = editor.feed(self.body, &mut changes, &mut out);
            // The rest of a stream that has ids is the client's to ask for.
            if !changes.answered && !changes.resumable {
                return None;
            }
            let ending = changes.ending;
            out.extend(editor.finish().held);
            ((passed == Passed::Changed).then_some(out), ending)
        };
        let body = changed.unwrap_or_else(|| self.body.to_vec());
        Some(Whole { content_type, ending, body })
    }

    /// Of which kinds it says, beside what was asked, that lists have changed. There are servers that say so
    /// on whatever stream is open.
    pub(crate) fn relisted(&self, keys: &KeyRing) -> BTreeSet<Kind> {
        let tags = OwnerTags { keys, scope: self.scope };
        let (upstream, shape, dialect) = (self.upstream, Shape::Opaque, self.dialect);
        let origin = Origin { upstream, tags, request: None, shape, dialect };
        let mut kinds = BTreeSet::new();
        let mut hear = |data: &[u8]| {
            if data.len() <= NEWS {
                kinds.extend(to_client::message(origin, data).relisted);
            }
        };
        match self.head.refusal.media_type {
            MediaType::Json if batch::is_batch(self.body) => hear(self.body),
            MediaType::EventStream => {
                let mut reader = sse::Reader::new(self.limits.upstream_body);
                reader.feed(self.body, &mut |event| {
                    if event.is_message() {
                        hear(event.data);
                    }
                });
            }
            MediaType::Json | MediaType::Plain | MediaType::Other => {}
        }
        kinds
    }
}
