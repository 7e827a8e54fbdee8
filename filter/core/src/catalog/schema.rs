//! What clients take for an item of a list: which members MCP's schema knows, and what they may be.
//!
//! Client SDKs check a list as a whole, and reject all of it for one item that is not as the schema says.
//! These are the rules of the SDKs for TypeScript (1.x and 2.x) and Python, where they differ the
//! stricter one: `null` for a member that may be missing, for instance, is only taken by Python's. What
//! they let pass is left alone: unknown members, unknown values of `taskSupport`, and whatever is in a
//! schema below the members named here.

use crate::mcp::method::Kind;

/// A member that the schema knows.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: &'static str,
    pub(super) need: Need,
    pub(super) is: Is,
}

/// Whether a member may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It may not.
    Required,
    /// It may, and null says the same.
    Optional,
    /// It may, but null is something else.
    NotNull,
}

/// What a member may be.
#[derive(Debug)]
pub(super) enum Is {
    Anything,
    Text,
    Flag,
    Number,
    /// A number, or null.
    NumberOrNull,
    /// A number without a fraction that 64 bits can hold, or digits alone.
    Integer,
    /// A number from 0 to 1.
    Fraction,
    /// A date and time of RFC 3339 with seconds, in upper case.
    Timestamp,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object; its members that are not named here may be anything.
    Object(&'static [Member]),
    /// A list.
    List(&'static Is),
    /// The `properties` of a schema: an object of schemas, which are objects, or true or false.
    Properties,
}

/// How many members the schema of any kind has at most.
pub(super) const MOST_MEMBERS: usize = 9;

const fn required(key: &'static str, is: Is) -> Member {
    Member { key, need: Need::Required, is }
}

const fn optional(key: &'static str, is: Is) -> Member {
    Member { key, need: Need::Optional, is }
}

const fn not_null(key: &'static str, is: Is) -> Member {
    Member { key, need: Need::NotNull, is }
}

const TITLE: Member = optional("title", Is::Text);
const DESCRIPTION: Member = optional("description", Is::Text);
const MIME_TYPE: Member = optional("mimeType", Is::Text);
const META: Member = optional("_meta", Is::Object(&[]));
const ICONS: Member = optional("icons", Is::List(&Is::Object(&ICON)));
const ANNOTATIONS: Member = optional("annotations", Is::Object(&RESOURCE_HINTS));

const ICON: [Member; 4] = [
    required("src", Is::Text),
    MIME_TYPE,
    optional("sizes", Is::List(&Is::Text)),
    optional("theme", Is::OneOf(&["light", "dark"])),
];

/// `Annotations`.
const RESOURCE_HINTS: [Member; 3] = [
    optional("audience", Is::List(&Is::OneOf(&["user", "assistant"]))),
    optional("priority", Is::Fraction),
    optional("lastModified", Is::Timestamp),
];

/// `ToolAnnotations`.
const TOOL_HINTS: [Member; 5] = [
    TITLE,
    optional("readOnlyHint", Is::Flag),
    optional("destructiveHint", Is::Flag),
    optional("idempotentHint", Is::Flag),
    optional("openWorldHint", Is::Flag),
];

/// `inputSchema` and `outputSchema`, up to 2025-11-25.
const SCHEMA: [Member; 4] = [
    required("type", Is::OneOf(&["object"])),
    optional("properties", Is::Properties),
    optional("required", Is::List(&Is::Text)),
    optional("$schema", Is::Text),
];

/// `PromptArgument`.
const ARGUMENT: [Member; 4] =
    [required("name", Is::Text), TITLE, DESCRIPTION, optional("required", Is::Flag)];

const TOOL: [Member; 9] = [
    required("name", Is::Text),
    // The configuration may put another in its place.
    optional("description", Is::Anything),
    required("inputSchema", Is::Object(&SCHEMA)),
    TITLE,
    optional("annotations", Is::Object(&TOOL_HINTS)),
    META,
    optional("outputSchema", Is::Object(&SCHEMA)),
    // What is no text there is replaced where the upstream has no tasks.
    optional("execution", Is::Object(&[optional("taskSupport", Is::Anything)])),
    ICONS,
];

const PROMPT: [Member; 6] = [
    required("name", Is::Text),
    DESCRIPTION,
    optional("arguments", Is::List(&Is::Object(&ARGUMENT))),
    TITLE,
    META,
    ICONS,
];

const RESOURCE: [Member; 9] = [
    required("name", Is::Text),
    required("uri", Is::Text),
    DESCRIPTION,
    MIME_TYPE,
    TITLE,
    ANNOTATIONS,
    META,
    optional("size", Is::Integer),
    ICONS,
];

const TEMPLATE: [Member; 8] = [
    required("name", Is::Text),
    required("uriTemplate", Is::Text),
    DESCRIPTION,
    MIME_TYPE,
    TITLE,
    ANNOTATIONS,
    META,
    ICONS,
];

/// All but `taskId` may be missing here: the drafts of tasks had less, and clients that check a list of
/// tasks are few.
const TASK: [Member; 8] = [
    required("taskId", Is::Text),
    not_null("status", Is::Text),
    optional("statusMessage", Is::Text),
    not_null("createdAt", Is::Text),
    not_null("lastUpdatedAt", Is::Text),
    not_null("ttl", Is::NumberOrNull),
    optional("pollInterval", Is::Number),
    // The schema of a task has none, so clients pass over it.
    optional("_meta", Is::Anything),
];

/// The members of an item of this kind, the commonest first.
pub(super) const fn members(kind: Kind) -> &'static [Member] {
    match kind {
        Kind::Tool => &TOOL,
        Kind::Prompt => &PROMPT,
        Kind::Resource => &RESOURCE,
        Kind::Template => &TEMPLATE,
        Kind::Task => &TASK,
    }
}
