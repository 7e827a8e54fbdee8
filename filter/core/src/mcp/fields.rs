//! Where names, URIs and ids stand in messages: the only table of that.
//!
//! A message that is there as a whole and one that streams are both read by these rows, so that they
//! cannot be read in two ways. What no row names keeps its bytes: `structuredContent`, `arguments`, the
//! `tools` of a sampling request, and members that nobody here knows.
//!
//! A member that is repeated is looked at each time, since some readers take the first and others the
//! last.

mod request;

use crate::json::Interest;
use crate::mcp::method::Shape;

pub(crate) use request::{CLIENT_REQUEST, NAMES, REFERENCE, RequestField};

/// The key of `_meta` that says which task a message belongs to (2025-11-25, Tasks).
pub(crate) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// What becomes of a task (Tasks extension, "Task Status Notifications").
pub(crate) const TASK_NOTIFICATION: &str = "notifications/tasks";

/// The revision that a request speaks, in its `_meta` (2026-07-28, Base Protocol, "_meta").
pub(crate) const META_REVISION: &str = "io.modelcontextprotocol/protocolVersion";
/// The client's own name and version, in `_meta`.
pub(crate) const META_CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// What the client can do, in `_meta`.
pub(crate) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// From which level on the client wants log messages on the request's stream, in `_meta`.
pub(crate) const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// The trace that a request is part of, in its `_meta` (SEP-414), and as a header (W3C Trace Context).
pub(crate) const TRACE_PARENT: &str = "traceparent";
/// What goes with that.
pub(crate) const TRACE_STATE: &str = "tracestate";

/// What stands at a place in a message of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
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
    /// Whether the result of a call is an error of the tool.
    IsError,
    /// A URI or a URI template.
    Uri,
    /// The id of a task.
    Task,
    /// The id of the task that a result is, if that is one (Tasks extension).
    CreatedTask,
    /// What kind of result it is (2026-07-28, Base Protocol, "Results").
    ResultType,
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

type Row = Interest<Field>;
type Members<T> = &'static [(&'static str, Interest<T>)];

const fn leaf<T: Copy>(field: T) -> Interest<T> {
    Interest { leaf: Some(field), ..Interest::NONE }
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
pub(crate) static ITEM_META: Row = ANY_META;

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

const CONTENT: (&str, Row) = ("content", each(&BLOCK));

const IS_ERROR: (&str, Row) = ("isError", leaf(Field::IsError));

static TOOL: Row = response_of(&[
    VERSION,
    ID,
    result(&[META, CONTENT, IS_ERROR, ("task", object(&[TASK_ID]))]),
    ERROR,
]);
static STATELESS_TOOL: Row = response_of(&[
    VERSION,
    ID,
    result(&[
        META,
        CONTENT,
        IS_ERROR,
        ("resultType", leaf(Field::ResultType)),
        ("taskId", leaf(Field::CreatedTask)),
    ]),
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
/// What a task has come to: the result of the call (Tasks extension).
const OUTCOME: (&str, Row) = ("result", object(&[META, CONTENT]));
static TASK: Row = response_of(&[VERSION, ID, result(&[META, TASK_ID, OUTCOME]), ERROR]);
static OPAQUE: Row = response_of(&[VERSION, ID, result(&[META]), ERROR]);

/// A response of a server, by what its result is. The result of a call may be a task, in another way in each
/// era; `is_stateless` is whether both parties are of the stateless one.
#[must_use]
pub(crate) const fn response(shape: Shape, is_stateless: bool) -> &'static Row {
    match shape {
        Shape::Tool if is_stateless => &STATELESS_TOOL,
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
pub(crate) fn server_request(method: &str) -> &'static Row {
    match method {
        "sampling/createMessage" => &SAMPLING,
        _ => &REQUEST,
    }
}

static CANCELLED: Row = object(&[META, ("requestId", leaf(Field::OwnRequest))]);
static RESOURCE_UPDATED: Row = object(&[META, ("uri", leaf(Field::Uri))]);
static TASK_STATUS: Row = object(&[META, TASK_ID]);
static DETAILED_TASK: Row = object(&[META, TASK_ID, OUTCOME]);
static URI: Row = leaf(Field::Uri);
static TASK_TEXT: Row = leaf(Field::Task);
static ACKNOWLEDGED: Row = object(&[
    META,
    (
        "notifications",
        object(&[("resourceSubscriptions", each(&URI)), ("taskIds", each(&TASK_TEXT))]),
    ),
]);
static NOTIFICATION: Row = object(&[META]);

/// The `params` of a server's notification.
#[must_use]
pub(crate) fn server_notification(method: &str) -> &'static Row {
    match method {
        "notifications/cancelled" => &CANCELLED,
        "notifications/resources/updated" => &RESOURCE_UPDATED,
        "notifications/subscriptions/acknowledged" => &ACKNOWLEDGED,
        "notifications/tasks/status" => &TASK_STATUS,
        TASK_NOTIFICATION => &DETAILED_TASK,
        _ => &NOTIFICATION,
    }
}
