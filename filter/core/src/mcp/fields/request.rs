//! Where names, URIs and ids stand in requests of clients.

use super::{
    META_CAPABILITIES, META_CLIENT_INFO, META_LOG_LEVEL, META_REVISION, Members, RELATED_TASK,
    TRACE_PARENT, TRACE_STATE, leaf, watched,
};
use crate::json::Interest;

/// What stands at a place in a request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestField {
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
    /// The trace that the request is part of (W3C Trace Context; SEP-414).
    TraceParent,
    /// What goes with that.
    TraceState,
}

/// An object, or a leaf in its place.
const fn value<T: Copy>(field: T) -> Interest<T> {
    Interest { leaf: Some(field), whole: Some(field), ..Interest::NONE }
}

/// The members of `params` that name what a request is about, and those of a reference.
pub(crate) const NAMES: [&str; 4] = ["name", "uri", "taskId", "ref"];
/// The members of a reference.
pub(crate) const REFERENCE: [&str; 3] = ["type", "name", "uri"];

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
                (TRACE_PARENT, leaf(RequestField::TraceParent)),
                (TRACE_STATE, leaf(RequestField::TraceState)),
            ],
        ),
    ),
];

/// A request of a client.
pub(crate) static CLIENT_REQUEST: Interest<RequestField> = watched(
    RequestField::Envelope,
    &[
        ("jsonrpc", leaf(RequestField::Version)),
        ("id", leaf(RequestField::Id)),
        ("method", leaf(RequestField::Method)),
        ("params", watched(RequestField::Params, PARAMS)),
    ],
);
