//! `tools.rename`: the names under which clients see the tools of one upstream, in place of its own.
//!
//! Lists show the new name ([`ToolRename::shown`]), and a call of it goes out with the upstream's own
//! ([`ToolRename::own`]). Prefixes are put before either ([`crate::mcp::name`]).

use std::collections::BTreeMap;

/// New names, in both directions.
#[derive(Debug, Default)]
pub struct ToolRename {
    /// From the upstream's own names to those for clients.
    renamed: BTreeMap<String, String>,
    /// The reverse; the configuration gives each new name to one tool.
    originals: BTreeMap<String, String>,
}

impl ToolRename {
    /// Every tool has its own name.
    pub(crate) const NONE: Self = Self { renamed: BTreeMap::new(), originals: BTreeMap::new() };

    /// From the upstream's own names to those for clients: no two of these are equal, and none is its own
    /// key.
    pub(crate) fn new(renamed: BTreeMap<String, String>) -> Self {
        let originals = renamed.iter().map(|(old, new)| (new.clone(), old.clone())).collect();
        Self { renamed, originals }
    }

    /// The name, without a prefix, that clients see of the tool that its upstream calls `own`.
    ///
    /// A name that the configuration gave to another tool is not taken from that: an upstream may
    /// have a tool with a name that is a new name here, and clients cannot reach it. Of such a tool
    /// `own(shown(name))` is another one.
    #[must_use]
    pub fn shown<'a>(&'a self, own: &'a str) -> &'a str {
        self.renamed.get(own).map_or(own, String::as_str)
    }

    /// What the upstream calls the tool that clients see as `shown`; `None` for the old name of a
    /// renamed tool, unless it is another tool's new name.
    #[must_use]
    pub fn own<'a>(&'a self, shown: &'a str) -> Option<&'a str> {
        match self.originals.get(shown) {
            Some(own) => Some(own),
            None => (!self.is_renamed(shown)).then_some(shown),
        }
    }

    /// Whether clients see the tool that its upstream calls `own` under another name.
    #[must_use]
    pub fn is_renamed(&self, own: &str) -> bool {
        self.renamed.contains_key(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renaming(names: &[(&str, &str)]) -> ToolRename {
        let names = names.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
        ToolRename::new(names.collect())
    }

    #[test]
    fn a_renamed_tool_has_its_new_name_alone() {
        let tools = renaming(&[("old", "new")]);
        assert_eq!([tools.shown("old"), tools.shown("x")], ["new", "x"]);
        assert_eq!(tools.own("new"), Some("old"));
        assert_eq!(tools.own("old"), None);
        assert_eq!([tools.own("x"), tools.own("")], [Some("x"), Some("")]);
        assert_eq!(["old", "new", "x"].map(|own| tools.is_renamed(own)), [true, false, false]);
    }

    #[test]
    fn a_tool_whose_name_was_given_to_another_is_known_by_the_way_back() {
        let tools = renaming(&[("old", "new")]);
        assert_ne!(tools.own(tools.shown("new")), Some("new"));
        assert_eq!(tools.own(tools.shown("old")), Some("old"));
        assert_eq!(tools.own(tools.shown("x")), Some("x"));
    }

    #[test]
    fn names_can_be_swapped_and_passed_on() {
        let swapped = renaming(&[("a", "b"), ("b", "a")]);
        assert_eq!([swapped.own("a"), swapped.own("b")], [Some("b"), Some("a")]);
        let passed_on = renaming(&[("a", "b"), ("b", "c")]);
        let own = ["a", "b", "c"].map(|shown| passed_on.own(shown));
        assert_eq!(own, [None, Some("a"), Some("b")]);
        for tools in [swapped, passed_on] {
            for own in ["a", "b"] {
                assert_eq!(tools.own(tools.shown(own)), Some(own));
            }
        }
    }
}
