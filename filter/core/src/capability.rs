//! What a server can do, as it declared in `initialize` (2025-11-25, Lifecycle, "Capability
//! Negotiation"), reduced to what the gateway acts upon.
//!
//! Reading is lenient: members that are unknown or of a wrong type are ignored, so that a server
//! that is careless with one capability keeps the others.

use std::ops::BitOr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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

    /// No capability.
    pub const NONE: Self = Self(0);

    /// Reads a `capabilities` object. What is not an object has no capabilities, nor has one that
    /// names one of them twice.
    #[must_use]
    pub fn read(json: &[u8]) -> Self {
        let Some(declared) = object::<Declared<'_>>(json) else {
            return Self::NONE;
        };
        let tools = flags(declared.tools);
        let prompts = flags(declared.prompts);
        let resources = flags(declared.resources);
        [
            (tools.is_some(), Self::TOOLS),
            (tools.is_some_and(|f| is_true(f.list_changed)), Self::TOOLS_LIST_CHANGED),
            (prompts.is_some(), Self::PROMPTS),
            (prompts.is_some_and(|f| is_true(f.list_changed)), Self::PROMPTS_LIST_CHANGED),
            (resources.is_some(), Self::RESOURCES),
            (resources.is_some_and(|f| is_true(f.subscribe)), Self::RESOURCES_SUBSCRIBE),
            (resources.is_some_and(|f| is_true(f.list_changed)), Self::RESOURCES_LIST_CHANGED),
            (flags(declared.completions).is_some(), Self::COMPLETIONS),
            (flags(declared.logging).is_some(), Self::LOGGING),
            (flags(declared.tasks).is_some(), Self::TASKS),
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

impl BitOr for Capabilities {
    type Output = Self;

    /// The union.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[derive(Deserialize)]
struct Declared<'j> {
    #[serde(borrow)]
    tools: Option<&'j RawValue>,
    #[serde(borrow)]
    prompts: Option<&'j RawValue>,
    #[serde(borrow)]
    resources: Option<&'j RawValue>,
    #[serde(borrow)]
    completions: Option<&'j RawValue>,
    #[serde(borrow)]
    logging: Option<&'j RawValue>,
    #[serde(borrow)]
    tasks: Option<&'j RawValue>,
}

#[derive(Deserialize, Clone, Copy)]
struct Flags<'j> {
    #[serde(borrow, rename = "listChanged")]
    list_changed: Option<&'j RawValue>,
    #[serde(borrow)]
    subscribe: Option<&'j RawValue>,
}

fn flags(capability: Option<&RawValue>) -> Option<Flags<'_>> {
    object(capability?.get().as_bytes())
}

fn is_true(flag: Option<&RawValue>) -> bool {
    flag.is_some_and(|raw| raw.get() == "true")
}

/// Reads an object and nothing else: a derived struct would take an array for one.
fn object<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Option<T> {
    let json = json.trim_ascii_start();
    if !json.starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    const ALL: &str = r#"{
        "tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
        "completions": {}, "logging": {}, "tasks": {"requests": {"tools": {"call": {}}}},
        "experimental": {"x": [1]}
    }"#;

    fn read(json: &str) -> Capabilities {
        Capabilities::read(json.as_bytes())
    }

    #[test]
    fn everything_is_read() {
        assert_eq!(read(ALL), Capabilities(0b11_1111_1111));
        assert_eq!(read("{}"), Capabilities::NONE);
        assert_eq!(
            read(r#" {"logging":{}}	"#.replace("\\t", "\t").as_str()),
            Capabilities::LOGGING
        );
        assert_eq!(
            read(r#"{"tools":{},"resources":{"subscribe":true,"listChanged":false}}"#),
            Capabilities::TOOLS | Capabilities::RESOURCES | Capabilities::RESOURCES_SUBSCRIBE,
        );
        assert_eq!(read(r#"{"\u0074ools":{"list\u0043hanged":true}}"#), {
            Capabilities::TOOLS | Capabilities::TOOLS_LIST_CHANGED
        });
    }

    #[test]
    fn wrong_types_are_ignored() {
        for wrong in ["null", "true", "1", "\"x\"", "[]", "[true,true]"] {
            let json = format!(r#"{{"tools":{wrong},"prompts":{{"listChanged":{wrong}}}}}"#);
            let flag = if wrong == "true" {
                Capabilities::PROMPTS_LIST_CHANGED
            } else {
                Capabilities::NONE
            };
            assert_eq!(read(&json), Capabilities::PROMPTS | flag, "{json}");
            assert_eq!(read(wrong), Capabilities::NONE, "{wrong}");
        }
        assert_eq!(read("[{},{},{},{},{},{}]"), Capabilities::NONE);
        for broken in ["", "{", r#"{"tools":{}"#, r#"{"tools":{}} x"#, r#"{"tools":{},"tools":{}}"#]
        {
            assert_eq!(read(broken), Capabilities::NONE, "{broken}");
        }
        assert_eq!(
            read(r#"{"tools":{"listChanged":false,"listChanged":true},"logging":{}}"#),
            Capabilities::LOGGING,
        );
    }

    #[test]
    fn sets_contain_their_parts() {
        let all = read(ALL);
        let some = Capabilities::TOOLS | Capabilities::TASKS;
        assert!(all.contains(some) && some.contains(some) && !some.contains(all));
        assert!(some.contains(Capabilities::NONE) && !Capabilities::NONE.contains(some));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        let mut chance = Chance::new(3);
        for _ in 0..20_000 {
            let mut json = ALL.as_bytes().to_vec();
            for _ in 0..chance.below(4) {
                let at = chance.below(json.len());
                json[at] = chance.pick(b"{}[]\",:\\ tx0\xff");
            }
            json.truncate(chance.below(2 * json.len()));
            assert!(read(ALL).contains(Capabilities::read(&json)));
            let _ = Capabilities::read(&chance.bytes(60));
        }
    }
}
