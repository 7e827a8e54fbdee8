//! Where each message of a client goes: the only routing table.
//!
//! | message | goes to |
//! |---|---|
//! | `initialize` | all upstreams, joined; opens the session |
//! | `server/discover` | all upstreams, joined |
//! | `ping` | answered here |
//! | a list | all upstreams that have the capability, joined |
//! | a request about one thing | the one upstream that owns the tool, prompt, URI or task |
//! | `subscriptions/listen` | the upstream that is listened to |
//! | `logging/setLevel` | all upstreams that log, joined |
//! | a broadcast | all upstreams; the client gets 202 |
//! | a cancellation | the upstreams that work on the request; 202 |
//! | progress of, and a response to, a server's request | the upstream that asked; 202 |
//! | any other notification | nowhere; the client gets 202 |
//! | any other request | nowhere; -32601 |

mod rows;

use crate::mcp::capability::Capabilities;

use rows::{PROMPTS, RESOURCES, ROWS, TASKS, TEMPLATES, TOOLS};

/// A row: a method, its label in counters, and what is done with it.
#[derive(Debug)]
pub(crate) struct Row {
    /// The method as it stands in the message.
    pub method: &'static str,
    /// The method in the names of counters.
    pub label: &'static str,
    /// Where it goes.
    pub target: Target,
    /// In which eras it exists.
    pub eras: Eras,
}

/// The eras in which a method exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eras {
    /// Up to 2025-11-25.
    Handshake,
    /// From 2026-07-28 on.
    Stateless,
    /// The same, for clients that declare the tasks extension.
    TasksExtension,
    /// All.
    Both,
}

impl Row {
    /// What a request names its object by, if it is about one.
    #[must_use]
    pub(crate) const fn key(&self) -> Option<NamedBy> {
        match self.target {
            Target::Owned(owned) => Some(owned.key),
            _ => None,
        }
    }

    /// The row of its method in the stateless era, if it exists there.
    #[must_use]
    pub(crate) fn stateless(&'static self) -> Option<&'static Self> {
        let is_there = |row: &Self| row.eras != Eras::Handshake;
        let same = |row: &&Self| row.method == self.method && is_there(row);
        if is_there(self) { Some(self) } else { ROWS.iter().find(same) }
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The handshake.
    Initialize,
    /// What is served, in the stateless era.
    Discover,
    /// The upstream that is listened to, in the stateless era.
    Listen,
    /// Answered by the gateway alone.
    Ping,
    /// Every upstream with the capability; their lists become one.
    List(Listing),
    /// The upstream that owns what the request is about.
    Owned(Owned),
    /// Every upstream that logs.
    LogLevel,
    /// Every upstream of the session; a notification.
    Broadcast,
    /// The upstreams that work on the request which it names; a notification.
    Cancelled,
    /// The upstream that a progress token belongs to; a notification.
    Progress,
}

/// A kind of list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// The method to ask upstreams with.
    pub method: &'static str,
    /// The member of the result that holds the items.
    pub member: &'static str,
    /// What the items are.
    pub kind: Kind,
    /// Upstreams without it are not asked.
    pub capability: Capabilities,
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Has a `name`.
    Tool,
    /// Has a `name`.
    Prompt,
    /// Has a `uri`.
    Resource,
    /// Has a `uriTemplate`.
    Template,
    /// Has a `taskId`.
    Task,
}

impl Kind {
    /// What a log line calls one of them.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "resource template",
            Self::Task => "task",
        }
    }
}

/// A request about one thing, which one upstream owns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    /// What it is about.
    pub key: NamedBy,
    /// An owner without it does not know the method.
    pub capability: Capabilities,
    /// What the result is.
    pub shape: Shape,
}

/// What a request names its object by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `params.name` of a tool or a prompt.
    Name(Kind),
    /// `params.uri` of a resource.
    Uri,
    /// `params.ref`: a prompt's name or a template's URI.
    Reference,
    /// `params.taskId`.
    Task,
}

impl NamedBy {
    /// Whether the head of a request says the name, too (2026-07-28, Streamable HTTP, "Request Headers").
    #[must_use]
    pub(crate) const fn is_in_head(self) -> bool {
        !matches!(self, Self::Reference)
    }

    /// The kind whose names may be needed to know the owner.
    #[must_use]
    pub(crate) const fn named(self) -> Option<Kind> {
        match self {
            Self::Name(kind) => Some(kind),
            Self::Reference => Some(Kind::Prompt),
            Self::Uri | Self::Task => None,
        }
    }
}

/// What a result is, by where in it URIs and tasks are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `CallToolResult`, or `CreateTaskResult` in its place.
    Tool,
    /// `GetPromptResult`.
    Prompt,
    /// `ReadResourceResult`, and what errors of requests about a URI hold.
    Contents,
    /// `Task`; of the extension, `DetailedTask`.
    Task,
    /// Nothing in it is the gateway's business.
    Opaque,
}

impl Shape {
    /// Every shape.
    pub(crate) const ALL: [Self; 5] =
        [Self::Tool, Self::Prompt, Self::Contents, Self::Task, Self::Opaque];

    /// Stands for it in the ids of events.
    #[must_use]
    pub(crate) const fn letter(self) -> u8 {
        match self {
            Self::Tool => b't',
            Self::Prompt => b'p',
            Self::Contents => b'c',
            Self::Task => b'k',
            Self::Opaque => b'o',
        }
    }

    /// The shape that a letter stands for.
    #[must_use]
    pub(crate) fn of_letter(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.letter() == letter)
    }
}

/// The label of requests that have no row.
pub(crate) const OTHER: &str = "other";
/// The label of the stream that a GET opens.
pub(crate) const GET: &str = "get";
/// The label of `subscriptions/listen`.
pub(crate) const LISTEN: &str = "listen";
/// The label of the DELETE that ends a session.
pub(crate) const DELETE: &str = "delete";
/// The label of answers to servers' requests.
pub(crate) const RESPONSE: &str = "response";

/// Every label, each once.
pub(crate) fn labels() -> impl Iterator<Item = &'static str> {
    let first =
        |(at, row): &(usize, &Row)| ROWS.iter().position(|it| it.label == row.label) == Some(*at);
    let rows = ROWS.iter().enumerate().filter(first).map(|(_, row)| row.label);
    rows.chain([OTHER, GET, DELETE, RESPONSE])
}

/// The list that has the names of a kind.
#[must_use]
pub(crate) const fn listing(kind: Kind) -> Listing {
    match kind {
        Kind::Tool => TOOLS,
        Kind::Prompt => PROMPTS,
        Kind::Resource => RESOURCES,
        Kind::Template => TEMPLATES,
        Kind::Task => TASKS,
    }
}

/// The kind of the lists that a notification of an upstream says have changed (2025-11-25, "List
/// Changed Notification" of each kind). Templates change with resources.
#[must_use]
pub(crate) fn changed(method: &str) -> Option<Kind> {
    match method {
        "notifications/tools/list_changed" => Some(Kind::Tool),
        "notifications/prompts/list_changed" => Some(Kind::Prompt),
        "notifications/resources/list_changed" => Some(Kind::Resource),
        _ => None,
    }
}

/// The label of a method.
pub(crate) fn label_of(method: &str) -> &'static str {
    row_of(method).map_or(OTHER, |row| row.label)
}

/// The row of a method; of one that is another thing in each era, that of the handshake era.
#[must_use]
pub(crate) fn row_of(method: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.method == method)
}
