//! Where names, URIs and ids stand in messages: the only table of that.
//!
//! A message that is there as a whole and one that streams are both read by these rows, so that they
//! cannot be read in two ways. What no row names keeps its bytes: `structuredContent`, `arguments`, the
//! `tools` of a sampling request, and members that nobody here knows.
//!
//! A member that is repeated is looked at each time, since some readers take the first and others the
//! last.

use crate::json::Interest;
use crate::mcp::method::Shape;

/// The key of `_meta` that says which task a message belongs to (2025-11-25, Tasks).
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// The revision that a request speaks, in its `_meta` (2026-07-28, Base Protocol, "_meta").
pub const META_REVISION: &str = "io.modelcontextprotocol/protocolVersion";
/// The client's own name and version, in `_meta`.
pub const META_CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// What the client can do, in `_meta`.
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// From which level on the client wants log messages on the request's stream, in `_meta`.
pub const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// What stands at a place in a message of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A JSON-RPC message.
    Envelope,
    /// Its `jsonrpc`.
    Version,
    /// Its `id`, if it is a response.
    Id,
    /// The result of a response.
    Result,
    /// The error of a response.
    Error,
    /// Its `code`.
    ErrorCode,
    /// A URI or a URI template.
    Uri,
    /// The id of a task.
    Task,
    /// The id or the progress token of a request that the server has sent.
    OwnRequest,
    /// Whose context a sampling request asks for.
    IncludeContext,
    /// A content block (2025-11-25, Schema, `ContentBlock` and `SamplingMessageContentBlock`).
    Block,
    /// Its `type`.
    BlockType,
    /// Its `uri`, which is one if it is a `resource_link`.
    LinkUri,
    /// The `uri` of its `resource`, which is one if it is a `resource`.
    EmbeddedUri,
}

/// What stands at a place in a request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestField {
    /// A JSON-RPC message.
    Envelope,
    /// Its `jsonrpc`.
    Version,
    /// Its `id`.
    Id,
    /// Its `method`.
    Method,
    /// Its `params`, and what names the thing that the request is about.
    Params,
    /// The name of a tool or a prompt.
    Name,
    /// The URI of a resource.
    Uri,
    /// The id of a task.
    TaskId,
    /// What a completion is for (2025-11-25, Completion, "Reference Types").
    Reference,
    /// `ref/prompt` or `ref/resource`.
    ReferenceType,
    /// The name of a prompt.
    ReferenceName,
    /// The URI template of a resource.
    ReferenceUri,
    /// `_meta`.
    Meta,
    /// The task that the request belongs to.
    RelatedTask,
    /// Its id.
    RelatedTaskId,
    /// Which revision the request speaks (2026-07-28, Base Protocol, "_meta").
    Revision,
    /// Who the client is.
    ClientInfo,
    /// What the client can do.
    ClientCapabilities,
    /// From which level on the client wants log messages.
    LogLevel,
}

type Row = Interest<Field>;
type Members<T> = &'static [(&'static str, Interest<T>)];

const fn leaf<T: Copy>(field: T) -> Interest<T> {
    Interest { leaf: Some(field), ..Interest::NONE }
}

/// An object, or a leaf in its place.
const fn value<T: Copy>(field: T) -> Interest<T> {
    Interest { leaf: Some(field), whole: Some(field), ..Interest::NONE }
}

const fn object(members: Members<Field>) -> Row {
    Row { members, ..Row::NONE }
}

const fn watched<T: Copy>(field: T, members: Members<T>) -> Interest<T> {
    Interest { object: Some(field), members, ..Interest::NONE }
}

/// A list of these, or the one that stands in its place.
const fn each(element: &'static Row) -> Row {
    Row {
        leaf: element.leaf,
        object: element.object,
        whole: element.whole,
        members: element.members,
        elements: Some(element),
    }
}

const TYPE: (&str, Row) = ("type", leaf(Field::BlockType));
const LINK: (&str, Row) = ("uri", leaf(Field::LinkUri));
const RESOURCE: (&str, Row) = ("resource", object(&[("uri", leaf(Field::EmbeddedUri))]));

static BLOCK: Row = watched(
    Field::Block,
    // Of a `tool_result`.
    &[TYPE, LINK, RESOURCE, ("content", each(&INNER_BLOCK))],
);
/// A block in a `tool_result`, which holds no other one.
static INNER_BLOCK: Row = watched(Field::Block, &[TYPE, LINK, RESOURCE]);
static MESSAGE: Row = object(&[("content", each(&BLOCK))]);
static CONTENTS: Row = object(&[("uri", leaf(Field::Uri))]);

const TASK_ID: (&str, Row) = ("taskId", leaf(Field::Task));

const RELATED: (&str, Row) = (RELATED_TASK, object(&[TASK_ID]));
/// What shows a tool's results (MCP Apps, "Resource Discovery"), as it is now, as it was, and as it
/// was before that extension.
const UI: (&str, Row) = ("ui", object(&[("resourceUri", leaf(Field::Uri))]));
const UI_RESOURCE: (&str, Row) = ("ui/resourceUri", leaf(Field::Uri));
const OUTPUT_TEMPLATE: (&str, Row) = ("openai/outputTemplate", leaf(Field::Uri));

const ANY_META: Row = object(&[RELATED, UI, UI_RESOURCE, OUTPUT_TEMPLATE]);
const META: (&str, Row) = ("_meta", ANY_META);

/// The `_meta` of an item in a list.
pub static ITEM_META: Row = ANY_META;

const fn response_of(members: Members<Field>) -> Row {
    watched(Field::Envelope, members)
}

const fn result(members: Members<Field>) -> (&'static str, Row) {
    ("result", watched(Field::Result, members))
}

const CODE: (&str, Row) = ("code", leaf(Field::ErrorCode));
const ERROR: (&str, Row) = ("error", watched(Field::Error, &[CODE]));

const VERSION: (&str, Row) = ("jsonrpc", leaf(Field::Version));
const ID: (&str, Row) = ("id", leaf(Field::Id));

static TOOL: Row = response_of(&[
    VERSION,
    ID,
    result(&[META, ("content", each(&BLOCK)), ("task", object(&[TASK_ID]))]),
    ERROR,
]);
static PROMPT: Row =
    response_of(&[VERSION, ID, result(&[META, ("messages", each(&MESSAGE))]), ERROR]);
static READ: Row = response_of(&[
    VERSION,
    ID,
    result(&[META, ("contents", each(&CONTENTS))]),
    ("error", watched(Field::Error, &[CODE, ("data", object(&[("uri", leaf(Field::Uri))]))])),
]);
static TASK: Row = response_of(&[VERSION, ID, result(&[META, TASK_ID]), ERROR]);
static OPAQUE: Row = response_of(&[VERSION, ID, result(&[META]), ERROR]);

/// A response of a server, by what its result is.
#[must_use]
pub const fn response(shape: Shape) -> &'static Row {
    match shape {
        Shape::Tool => &TOOL,
        Shape::Prompt => &PROMPT,
        Shape::Contents => &READ,
        Shape::Task => &TASK,
        Shape::Opaque => &OPAQUE,
    }
}

const REQUEST_META: (&str, Row) = (
    "_meta",
    object(&[
        RELATED,
        UI,
        UI_RESOURCE,
        OUTPUT_TEMPLATE,
        ("progressToken", leaf(Field::OwnRequest)),
    ]),
);
static SAMPLING: Row = object(&[
    REQUEST_META,
    ("includeContext", leaf(Field::IncludeContext)),
    ("messages", each(&MESSAGE)),
]);
static REQUEST: Row = object(&[REQUEST_META]);

/// The `params` of a server's own request.
#[must_use]
pub fn server_request(method: &str) -> &'static Row {
    match method {
        "sampling/createMessage" => &SAMPLING,
        _ => &REQUEST,
    }
}

static CANCELLED: Row = object(&[META, ("requestId", leaf(Field::OwnRequest))]);
static RESOURCE_UPDATED: Row = object(&[META, ("uri", leaf(Field::Uri))]);
static TASK_STATUS: Row = object(&[META, TASK_ID]);
static URI: Row = leaf(Field::Uri);
static ACKNOWLEDGED: Row =
    object(&[META, ("notifications", object(&[("resourceSubscriptions", each(&URI))]))]);
static NOTIFICATION: Row = object(&[META]);

/// The `params` of a server's notification.
#[must_use]
pub fn server_notification(method: &str) -> &'static Row {
    match method {
        "notifications/cancelled" => &CANCELLED,
        "notifications/resources/updated" => &RESOURCE_UPDATED,
        "notifications/subscriptions/acknowledged" => &ACKNOWLEDGED,
        "notifications/tasks/status" => &TASK_STATUS,
        _ => &NOTIFICATION,
    }
}

/// The members of `params` that name what a request is about, and those of a reference.
pub const NAMES: [&str; 4] = ["name", "uri", "taskId", "ref"];
/// The members of a reference.
pub const REFERENCE: [&str; 3] = ["type", "name", "uri"];

const REFERENCE_MEMBERS: Members<RequestField> = &[
    (REFERENCE[0], leaf(RequestField::ReferenceType)),
    (REFERENCE[1], leaf(RequestField::ReferenceName)),
    (REFERENCE[2], leaf(RequestField::ReferenceUri)),
];
const RELATED_TASK_MEMBERS: Members<RequestField> =
    &[("taskId", leaf(RequestField::RelatedTaskId))];
const PARAMS: Members<RequestField> = &[
    (NAMES[0], leaf(RequestField::Name)),
    (NAMES[1], leaf(RequestField::Uri)),
    (NAMES[2], leaf(RequestField::TaskId)),
    (NAMES[3], watched(RequestField::Reference, REFERENCE_MEMBERS)),
    (
        "_meta",
        watched(
            RequestField::Meta,
            &[
                (RELATED_TASK, watched(RequestField::RelatedTask, RELATED_TASK_MEMBERS)),
                (META_REVISION, leaf(RequestField::Revision)),
                (META_CLIENT_INFO, value(RequestField::ClientInfo)),
                (META_CAPABILITIES, value(RequestField::ClientCapabilities)),
                (META_LOG_LEVEL, leaf(RequestField::LogLevel)),
            ],
        ),
    ),
];

/// A request of a client.
pub static CLIENT_REQUEST: Interest<RequestField> = watched(
    RequestField::Envelope,
    &[
        ("jsonrpc", leaf(RequestField::Version)),
        ("id", leaf(RequestField::Id)),
        ("method", leaf(RequestField::Method)),
        ("params", watched(RequestField::Params, PARAMS)),
    ],
);
