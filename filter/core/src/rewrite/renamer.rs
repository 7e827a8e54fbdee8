//! Decides what becomes of each field of an upstream's message for the client.

use std::mem;

use super::dialect::{Dialect, ResultKeys};
use crate::effect::Ending;
use crate::gateway::Upstream;
use crate::json::{Decision, Edit, Leaf, decode};
use crate::mcp::fields::Field;
use crate::mcp::method::Shape;
use crate::mcp::owner_tag::{OwnerTags, TaskTags};
use crate::mcp::uri;

/// Renames the fields of a message of `upstream`, whether the message is held or streams.
#[derive(Debug)]
pub(crate) struct Renamer<'r> {
    pub(crate) upstream: &'r Upstream,
    /// `None` where the upstream can send no request of its own.
    pub(crate) tags: Option<OwnerTags<'r>>,
    /// How its upstream and its client speak, and what its result is.
    pub(crate) dialect: (Dialect, Shape),
    pub(crate) state: &'r mut State,
}

/// What a message has said that decides about what follows.
#[derive(Debug, Default)]
pub(crate) struct State {
    blocks: Blocks,
    keys: ResultKeys,
    /// Whether the error names a resource.
    names_resource: bool,
    /// Whether the result is a task.
    is_task: bool,
    /// Whether there is an id that stays unless it is one.
    waits_for_type: bool,
    /// How a request ends whose response it is.
    pub(crate) ending: Ending,
}

/// The content blocks that are open: one, or one within a `tool_result`.
#[derive(Debug, Default)]
struct Blocks {
    outer: BlockTypes,
    inner: BlockTypes,
}

/// The types that a block claims. If `type` is repeated it counts as each of them, since some readers
/// take the first of repeated members and others the last.
#[derive(Clone, Copy, Debug, Default)]
struct BlockTypes {
    link: bool,
    embedded: bool,
}

impl Renamer<'_> {
    fn uri(&self, raw: &str) -> Decision {
        uri::show(self.upstream, raw).map_or(Decision::Keep, replace)
    }

    /// The id of a task.
    fn task(&self, raw: &str) -> Decision {
        let coded = self.tags.filter(|_| self.dialect.0.is_to_stateless());
        let tags = coded.map_or(TaskTags::Plain, TaskTags::Coded);
        tags.mark(&self.upstream.name, raw).map_or(Decision::Keep, replace)
    }

    /// It decides what a `taskId` before it is. If it is repeated it counts as each of them.
    fn result_type(&mut self, raw: &str) -> Decision {
        if decode(raw).is_none_or(|it| it != "task") {
            return Decision::Keep;
        }
        self.state.is_task = true;
        Decision::Settle
    }

    /// A `type` of the block. It decides what the URIs before it are.
    fn block_type(&mut self, raw: &str) -> Decision {
        let types = &mut self.state.blocks.inner;
        let known = match decode(raw).as_deref() {
            Some("resource_link") => mem::replace(&mut types.link, true),
            Some("resource") => mem::replace(&mut types.embedded, true),
            _ => true,
        };
        if known { Decision::Keep } else { Decision::Settle }
    }

    /// A URI if the type of its block makes it one; otherwise the type may follow.
    fn in_block(&self, is_uri: bool, raw: &str) -> Decision {
        if is_uri { self.uri(raw) } else { Decision::Wait }
    }
}

fn replace(with: String) -> Decision {
    Decision::Replace(with.into_bytes())
}

impl Edit<Field> for Renamer<'_> {
    fn leaf(&mut self, leaf: Leaf<'_, Field>) -> Decision {
        let raw = leaf.raw;
        match leaf.tag {
            Field::Uri => {
                self.state.names_resource = true;
                self.uri(raw)
            }
            Field::ErrorCode => {
                self.state.ending = Ending::of_code(raw.parse().ok());
                let (dialect, shape) = self.dialect;
                dialect.code(shape, raw)
            }
            Field::IsError => {
                if raw == "true" {
                    self.state.ending = Ending::ToolError;
                }
                Decision::Keep
            }
            Field::Task => self.task(raw),
            Field::ResultType => self.result_type(raw),
            Field::CreatedTask if self.state.is_task => self.task(raw),
            Field::CreatedTask => {
                self.state.waits_for_type = true;
                Decision::Wait
            }
            // An id is a string or a number.
            Field::OwnRequest if !raw.starts_with(['n', 't', 'f']) => self
                .tags
                .map_or(Decision::Keep, |tags| replace(tags.scalar(&self.upstream.name, raw))),
            // A context of all servers would show one upstream what belongs to the others.
            Field::IncludeContext if decode(raw).is_some_and(|context| context != "none") => {
                replace(r#""none""#.to_owned())
            }
            Field::BlockType => self.block_type(raw),
            Field::LinkUri => self.in_block(self.state.blocks.inner.link, raw),
            Field::EmbeddedUri => self.in_block(self.state.blocks.inner.embedded, raw),
            Field::Envelope
            | Field::Version
            | Field::Id
            | Field::Result
            | Field::Error
            | Field::OwnRequest
            | Field::IncludeContext
            | Field::Block => Decision::Keep,
        }
    }

    fn settle(&mut self, leaf: Leaf<'_, Field>) -> Decision {
        match leaf.tag {
            Field::ErrorCode => Dialect::settled_code(self.state.names_resource),
            _ => self.leaf(leaf),
        }
    }

    fn begin(&mut self, field: Field) {
        if field == Field::Block {
            self.state.blocks.outer = mem::take(&mut self.state.blocks.inner);
        }
    }

    fn settles(&self, field: Field) -> bool {
        match field {
            Field::Block | Field::Error => true,
            Field::Result => self.state.waits_for_type,
            _ => false,
        }
    }

    fn key(&mut self, object: Field, key: Option<&str>) {
        if object == Field::Result {
            self.state.keys.see(key);
        }
    }

    fn end(&mut self, field: Field) -> Option<Vec<u8>> {
        let (dialect, shape) = self.dialect;
        match field {
            Field::Block => {
                self.state.blocks.inner = mem::take(&mut self.state.blocks.outer);
                None
            }
            Field::Result => dialect.missing(shape, self.state.keys),
            _ => None,
        }
    }
}
