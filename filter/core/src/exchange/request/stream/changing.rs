//! What changes in a large request as it streams through: names of its upstream's own things.

use super::announced::{Announced, DeclaredTexts};
use crate::exchange::request::validator::RequestValidator;
use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Decision, Edit, Leaf, Visit as _};
use crate::mcp::capability;
use crate::mcp::fields::RequestField;
use crate::mcp::owner_tag::TaskTags;
use crate::rewrite::to_upstream;

/// The changes to one chunk.
pub(super) struct Changing<'p> {
    pub(super) gateway: &'p Gateway,
    pub(super) seen: &'p mut RequestValidator,
    pub(super) upstream: UpstreamId,
    pub(super) announced: Option<&'p mut Announced>,
    pub(super) declared: &'p mut DeclaredTexts,
    /// Whether spaces make up for what a change leaves out.
    pub(super) pads: bool,
}

impl Changing<'_> {
    /// Puts a text that is no longer in place of a leaf.
    fn replace(&self, leaf: Leaf<'_, RequestField>, text: String) -> Decision {
        let mut text = text.into_bytes();
        if self.pads {
            text.resize(text.len().max(leaf.raw.len()), b' ');
        }
        Decision::Replace(text)
    }
}

impl Edit<RequestField> for Changing<'_> {
    fn leaf(&mut self, leaf: Leaf<'_, RequestField>) -> Decision {
        self.seen.leaf(leaf);
        self.declared.see(leaf);
        match (leaf.tag, &mut self.announced) {
            // Whether it is clear what it is shows at the end of `_meta`.
            (RequestField::RelatedTaskId, _) => Decision::Wait,
            (RequestField::ClientCapabilities, Some(_)) => {
                let reduced = capability::without_unknown_extensions(leaf.raw);
                reduced.map_or(Decision::Keep, |text| self.replace(leaf, text))
            }
            (_, Some(announced)) => announced.rename(leaf, self.pads),
            (_, None) => Decision::Keep,
        }
    }

    /// A task loses its mark, which only makes it shorter.
    fn settle(&mut self, leaf: Leaf<'_, RequestField>) -> Decision {
        if self.seen.params.is_unclear() {
            return Decision::Keep;
        }
        let tags = self.announced.as_ref().map_or(TaskTags::Plain, |it| it.tasks(self.gateway));
        let own = to_upstream::task(self.gateway, tags, self.upstream, leaf.raw);
        own.map_or(Decision::Keep, |own| self.replace(leaf, own))
    }

    fn begin(&mut self, object: RequestField) {
        self.seen.begin(object);
    }

    fn key(&mut self, object: RequestField, key: Option<&str>) {
        self.seen.key(object, key);
    }

    fn settles(&self, object: RequestField) -> bool {
        object == RequestField::Meta
    }

    fn end(&mut self, object: RequestField) -> Option<Vec<u8>> {
        self.seen.end(object, 0);
        None
    }
}
