//! The rows of the routing table.

use super::{Eras, Kind, Listing, NamedBy, Owned, Row, Shape, Target};
use crate::mcp::capability::Capabilities;

use Capabilities as Can;

pub(super) const TOOLS: Listing =
    Listing { method: "tools/list", member: "tools", kind: Kind::Tool, capability: Can::TOOLS };
pub(super) const PROMPTS: Listing = Listing {
    method: "prompts/list",
    member: "prompts",
    kind: Kind::Prompt,
    capability: Can::PROMPTS,
};
pub(super) const RESOURCES: Listing = Listing {
    method: "resources/list",
    member: "resources",
    kind: Kind::Resource,
    capability: Can::RESOURCES,
};
pub(super) const TEMPLATES: Listing = Listing {
    method: "resources/templates/list",
    member: "resourceTemplates",
    kind: Kind::Template,
    capability: Can::RESOURCES,
};
pub(super) const TASKS: Listing = Listing {
    method: "tasks/list",
    member: "tasks",
    kind: Kind::Task,
    capability: Can::TASKS_LIST,
};

const fn owned(key: NamedBy, capability: Capabilities, shape: Shape) -> Target {
    Target::Owned(Owned { key, capability, shape })
}

const fn row(method: &'static str, label: &'static str, target: Target) -> Row {
    Row { method, label, target, eras: Eras::Both }
}

const fn handshake(method: &'static str, label: &'static str, target: Target) -> Row {
    Row { method, label, target, eras: Eras::Handshake }
}

const fn stateless(method: &'static str, label: &'static str, target: Target) -> Row {
    Row { method, label, target, eras: Eras::Stateless }
}

const fn of_task(method: &'static str, label: &'static str) -> Row {
    // A task that was told of is proof enough that its owner has the extension.
    let target = owned(NamedBy::Task, Can::NONE, Shape::Task);
    Row { method, label, target, eras: Eras::TasksExtension }
}

/// The commonest first. Where a method is there twice, it is of two eras.
pub(super) const ROWS: [Row; 26] = [
    row("tools/call", "tools_call", owned(NamedBy::Name(Kind::Tool), Can::TOOLS, Shape::Tool)),
    row("tools/list", "tools_list", Target::List(TOOLS)),
    row("resources/read", "resources_read", owned(NamedBy::Uri, Can::RESOURCES, Shape::Contents)),
    row(
        "prompts/get",
        "prompts_get",
        owned(NamedBy::Name(Kind::Prompt), Can::PROMPTS, Shape::Prompt),
    ),
    handshake("initialize", "initialize", Target::Initialize),
    stateless("server/discover", "discover", Target::Discover),
    stateless("subscriptions/listen", super::LISTEN, Target::Listen),
    handshake("ping", "ping", Target::Ping),
    row("resources/list", "resources_list", Target::List(RESOURCES)),
    row("resources/templates/list", "resource_templates_list", Target::List(TEMPLATES)),
    row("prompts/list", "prompts_list", Target::List(PROMPTS)),
    row(
        "completion/complete",
        "complete",
        owned(NamedBy::Reference, Can::COMPLETIONS, Shape::Opaque),
    ),
    handshake(
        "resources/subscribe",
        "subscribe",
        owned(NamedBy::Uri, Can::RESOURCES_SUBSCRIBE, Shape::Contents),
    ),
    handshake(
        "resources/unsubscribe",
        "unsubscribe",
        owned(NamedBy::Uri, Can::RESOURCES_SUBSCRIBE, Shape::Contents),
    ),
    handshake("logging/setLevel", "set_level", Target::LogLevel),
    handshake("tasks/get", "tasks_get", owned(NamedBy::Task, Can::TASKS, Shape::Task)),
    handshake("tasks/result", "tasks_result", owned(NamedBy::Task, Can::TASKS, Shape::Tool)),
    handshake("tasks/cancel", "tasks_cancel", owned(NamedBy::Task, Can::TASKS_CANCEL, Shape::Task)),
    handshake("tasks/list", "tasks_list", Target::List(TASKS)),
    of_task("tasks/get", "tasks_get"),
    of_task("tasks/update", "tasks_update"),
    of_task("tasks/cancel", "tasks_cancel"),
    handshake("notifications/initialized", "initialized", Target::Broadcast),
    handshake("notifications/cancelled", "cancelled", Target::Cancelled),
    handshake("notifications/roots/list_changed", "roots_list_changed", Target::Broadcast),
    handshake("notifications/progress", "progress", Target::Progress),
];
