//! What a server can do, as it declared in `initialize` (2025-11-25, Lifecycle, "Capability
//! Negotiation"), reduced to what the gateway acts upon.
//!
//! Reading is lenient: members that are unknown or of a wrong type are ignored, so that a server
//! that is careless with one capability keeps the others. `[]` is an empty object in PHP, and `true` says
//! what is meant, so both declare a capability.

mod client;

use std::ops::BitOr;

use serde::{Deserialize, Serialize};

use crate::json::{Members, Raw, Scan};

pub(crate) use client::{
    answered, asked, declares_tasks, of_session, of_session_asked, offered, relayed,
    relayed_stateless, without_unknown_extensions,
};

/// A set of server capabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(u16);

impl Capabilities {
    /// `tools`
    pub const TOOLS: Self = Self(1);
    /// `tools.listChanged`
    pub const TOOLS_LIST_CHANGED: Self = Self(1 << 1);
    /// `prompts`
    pub const PROMPTS: Self = Self(1 << 2);
    /// `prompts.listChanged`
    pub const PROMPTS_LIST_CHANGED: Self = Self(1 << 3);
    /// `resources`
    pub const RESOURCES: Self = Self(1 << 4);
    /// `resources.subscribe`
    pub const RESOURCES_SUBSCRIBE: Self = Self(1 << 5);
    /// `resources.listChanged`
    pub const RESOURCES_LIST_CHANGED: Self = Self(1 << 6);
    /// `completions`
    pub const COMPLETIONS: Self = Self(1 << 7);
    /// `logging`
    pub const LOGGING: Self = Self(1 << 8);
    /// `tasks` (2025-11-25)
    pub const TASKS: Self = Self(1 << 9);
    /// `tasks.list`
    pub const TASKS_LIST: Self = Self(1 << 10);
    /// `tasks.cancel`
    pub const TASKS_CANCEL: Self = Self(1 << 11);
    /// `tasks.requests.tools.call`
    pub const TASKS_CALL: Self = Self(1 << 12);

    /// `extensions["io.modelcontextprotocol/ui"]` (MCP Apps)
    pub const APPS: Self = Self(1 << 13);
    /// `extensions["io.modelcontextprotocol/tasks"]` (Tasks extension), which is of the stateless era
    pub const TASKS_EXTENSION: Self = Self(1 << 14);

    /// The extensions that the gateway knows.
    pub const EXTENSIONS: Self = Self(Self::APPS.0 | Self::TASKS_EXTENSION.0);

    /// One bit for each.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Everything about tasks of 2025-11-25.
    pub const TASKS_ALL: Self =
        Self(Self::TASKS.0 | Self::TASKS_LIST.0 | Self::TASKS_CANCEL.0 | Self::TASKS_CALL.0);

    /// This set without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Everything that clients of both eras may ask for.
    pub const REQUESTS: Self =
        Self(Self::TOOLS.0 | Self::PROMPTS.0 | Self::RESOURCES.0 | Self::COMPLETIONS.0);

    /// No capability.
    pub const NONE: Self = Self(0);

    /// Reads a `capabilities` object. What is not an object has no capabilities, nor has one that
    /// names one of them twice.
    #[must_use]
    pub fn read(json: &[u8]) -> Self {
        let names =
            ["tools", "prompts", "resources", "completions", "logging", "tasks", "extensions"];
        let text = std::str::from_utf8(json).unwrap_or_default();
        let Ok(Some(declared)) = Scan::whole(text, |scan| scan.pick(names)) else {
            return Self::NONE;
        };
        let [tools, prompts, resources, completions, logging, tasks, extensions] = declared;
        let [tools, prompts, resources] = [tools, prompts, resources].map(Flags::read);
        let tasks = tasks.and_then(|raw| pick(raw, ["list", "cancel", "requests"]));
        let [list, cancel, requests] = tasks.unwrap_or_default();
        let call = requests.and_then(|it| member(member(it, "tools")?, "call"));
        let extensions = extensions.and_then(|raw| pick(raw, [APPS, TASKS]));
        let [apps, extended] = extensions.unwrap_or_default();
        [
            (tools.is_some(), Self::TOOLS),
            (tools.is_some_and(|f| f.list_changed), Self::TOOLS_LIST_CHANGED),
            (prompts.is_some(), Self::PROMPTS),
            (prompts.is_some_and(|f| f.list_changed), Self::PROMPTS_LIST_CHANGED),
            (resources.is_some(), Self::RESOURCES),
            (resources.is_some_and(|f| f.subscribe), Self::RESOURCES_SUBSCRIBE),
            (resources.is_some_and(|f| f.list_changed), Self::RESOURCES_LIST_CHANGED),
            (is_object(completions), Self::COMPLETIONS),
            (is_object(logging), Self::LOGGING),
            (tasks.is_some(), Self::TASKS),
            (is_object(list), Self::TASKS_LIST),
            (is_object(cancel), Self::TASKS_CANCEL),
            (is_object(call), Self::TASKS_CALL),
            (is_object(apps), Self::APPS),
            (is_object(extended), Self::TASKS_EXTENSION),
        ]
        .into_iter()
        .filter(|(declared, _)| *declared)
        .fold(Self::NONE, |all, (_, capability)| all | capability)
    }

    /// Whether every capability of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The `capabilities` of a gateway before upstreams that have `each` of these: all that it can
/// deliver. `heard` are those of the upstream whose own messages reach the client.
#[must_use]
pub(crate) fn joined(each: &[Capabilities], heard: Capabilities) -> String {
    type Can = Capabilities;
    const CHANGES: &str = r#""listChanged":true"#;
    let any = |wanted: Can| each.iter().any(|it| it.contains(wanted));
    let flag = |wanted: Can, text: &'static str| heard.contains(wanted).then_some(text);
    let object = |flags: &[Option<&str>]| {
        format!("{{{}}}", flags.iter().copied().flatten().collect::<Vec<_>>().join(","))
    };
    let resources = [
        flag(Can::RESOURCES_SUBSCRIBE, r#""subscribe":true"#),
        flag(Can::RESOURCES_LIST_CHANGED, CHANGES),
    ];
    // Whatever task there is can be listed, or none can (2025-11-25, Tasks).
    let listed = each.iter().all(|it| !it.contains(Can::TASKS) || it.contains(Can::TASKS_LIST));
    let tasks = [
        listed.then_some(r#""list":{}"#),
        any(Can::TASKS_CANCEL).then_some(r#""cancel":{}"#),
        any(Can::TASKS_CALL).then_some(r#""requests":{"tools":{"call":{}}}"#),
    ];
    let extensions = [
        any(Can::APPS).then_some(r#""io.modelcontextprotocol/ui":{}"#),
        any(Can::TASKS_EXTENSION).then_some(r#""io.modelcontextprotocol/tasks":{}"#),
    ];
    let is_extended = extensions.iter().any(Option::is_some);
    let members = [
        (any(Can::TOOLS), "tools", object(&[flag(Can::TOOLS_LIST_CHANGED, CHANGES)])),
        (any(Can::PROMPTS), "prompts", object(&[flag(Can::PROMPTS_LIST_CHANGED, CHANGES)])),
        (any(Can::RESOURCES), "resources", object(&resources)),
        (any(Can::COMPLETIONS), "completions", object(&[])),
        (any(Can::LOGGING), "logging", object(&[])),
        (any(Can::TASKS), "tasks", object(&tasks)),
        (is_extended, "extensions", object(&extensions)),
    ];
    let members = members.iter().filter(|(is_there, ..)| *is_there);
    let members: Vec<String> =
        members.map(|(_, key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// MCP Apps: all that it needs is URIs, in either era.
const APPS: &str = "io.modelcontextprotocol/ui";
/// The tasks extension, of the stateless era alone.
const TASKS: &str = "io.modelcontextprotocol/tasks";

impl BitOr for Capabilities {
    type Output = Self;

    /// The union.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a capability may declare of itself.
#[derive(Clone, Copy)]
struct Flags {
    list_changed: bool,
    subscribe: bool,
}

impl Flags {
    /// Those of a capability; `None` where it is no object, and so not declared.
    fn read(capability: Option<Raw<'_>>) -> Option<Self> {
        if capability.is_some_and(is_careless) {
            return Some(Self { list_changed: false, subscribe: false });
        }
        let [list_changed, subscribe] = pick(capability?, ["listChanged", "subscribe"])?;
        let is_true = |flag: Option<Raw<'_>>| flag.is_some_and(|raw| raw.get() == "true");
        Some(Self { list_changed: is_true(list_changed), subscribe: is_true(subscribe) })
    }
}

fn pick<'j, const N: usize>(raw: Raw<'j>, keys: [&str; N]) -> Option<[Option<Raw<'j>>; N]> {
    raw.scan().pick(keys).ok()?
}

fn member<'j>(raw: Raw<'j>, key: &str) -> Option<Raw<'j>> {
    Members::read(raw)?.find(key)
}

fn is_object(raw: Option<Raw<'_>>) -> bool {
    raw.is_some_and(|raw| raw.is_object() || is_careless(raw))
}

/// Whether it is meant to be an empty object.
fn is_careless(raw: Raw<'_>) -> bool {
    let inner = raw.get().strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    raw.get() == "true" || inner.is_some_and(|it| it.trim().is_empty())
}

#[cfg(test)]
mod tests;
