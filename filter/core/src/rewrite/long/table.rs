//! Where names stand in a response, by what its result is.

use crate::json::stream::Interest;
use crate::mcp::method::Shape;
use crate::rewrite::RELATED_TASK;

/// What is told of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Envelope,
    Version,
    Id,
    /// A URI or a template.
    Uri,
    Task,
    /// A block of content, its type, and the URIs that depend on that.
    Block,
    Kind,
    LinkUri,
    ResourceUri,
}

type Row = Interest<Tag>;

const fn leaf(tag: Tag) -> Row {
    Row { leaf: Some(tag), ..Row::NONE }
}

const fn object(members: &'static [(&'static str, Row)]) -> Row {
    Row { members, ..Row::NONE }
}

/// A list of these, or the one that stands in its place.
const fn each(element: &'static Row) -> Row {
    Row {
        leaf: element.leaf,
        object: element.object,
        members: element.members,
        elements: Some(element),
    }
}

static BLOCK: Row = Row {
    object: Some(Tag::Block),
    members: &[
        ("type", leaf(Tag::Kind)),
        ("uri", leaf(Tag::LinkUri)),
        ("resource", object(&[("uri", leaf(Tag::ResourceUri))])),
    ],
    ..Row::NONE
};
static PROMPT_MESSAGE: Row = object(&[("content", each(&BLOCK))]);
static CONTENTS: Row = object(&[("uri", leaf(Tag::Uri))]);

const META: Row = object(&[
    (RELATED_TASK, object(&[("taskId", leaf(Tag::Task))])),
    ("ui", object(&[("resourceUri", leaf(Tag::Uri))])),
    ("ui/resourceUri", leaf(Tag::Uri)),
]);

const fn envelope(members: &'static [(&'static str, Row)]) -> Row {
    Row { object: Some(Tag::Envelope), members, ..Row::NONE }
}

const VERSION: (&str, Row) = ("jsonrpc", leaf(Tag::Version));
const ID: (&str, Row) = ("id", leaf(Tag::Id));

static TOOL: Row = envelope(&[
    VERSION,
    ID,
    (
        "result",
        object(&[
            ("_meta", META),
            ("content", each(&BLOCK)),
            ("task", object(&[("taskId", leaf(Tag::Task))])),
        ]),
    ),
]);
static PROMPT: Row = envelope(&[
    VERSION,
    ID,
    ("result", object(&[("_meta", META), ("messages", each(&PROMPT_MESSAGE))])),
]);
static READ: Row = envelope(&[
    VERSION,
    ID,
    ("result", object(&[("_meta", META), ("contents", each(&CONTENTS))])),
    ("error", object(&[("data", object(&[("uri", leaf(Tag::Uri))]))])),
]);
static TASK: Row =
    envelope(&[VERSION, ID, ("result", object(&[("_meta", META), ("taskId", leaf(Tag::Task))]))]);
static OPAQUE: Row = envelope(&[VERSION, ID, ("result", object(&[("_meta", META)]))]);

/// That of a shape.
pub(super) const fn table(shape: Shape) -> &'static Row {
    match shape {
        Shape::Tool => &TOOL,
        Shape::Prompt => &PROMPT,
        Shape::Contents => &READ,
        Shape::Task => &TASK,
        Shape::Opaque => &OPAQUE,
    }
}
