//! What the configuration says of one upstream's tools: which exist, under which names, and what
//! is told of them.

use std::collections::BTreeMap;

/// Globs on the upstream's own tool names, and what clients see in place of names and
/// descriptions of its own. At most 256 entries of each kind.
#[derive(Debug, Default)]
pub struct Tools {
    /// `None`: every name. An empty set admits none.
    allow: Option<Vec<glob::Pattern>>,
    /// Wins over `allow`.
    deny: Option<Vec<glob::Pattern>>,
    /// From the upstream's own names to those for clients.
    renamed: BTreeMap<String, String>,
    /// The reverse; the configuration gives each new name to one tool.
    originals: BTreeMap<String, String>,
    /// By the upstream's own names.
    descriptions: BTreeMap<String, String>,
}

/// `*` matches any characters: names are not paths.
const MATCHING: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

impl Tools {
    /// Every tool, as its upstream has it.
    pub(crate) const ALL: Self = Self {
        allow: None,
        deny: None,
        renamed: BTreeMap::new(),
        originals: BTreeMap::new(),
        descriptions: BTreeMap::new(),
    };

    /// The keys of `renamed` and `descriptions` are the upstream's own names; no two values of
    /// `renamed` are equal, and none is its own key.
    pub(crate) fn new(
        allow: Option<Vec<glob::Pattern>>,
        deny: Option<Vec<glob::Pattern>>,
        renamed: BTreeMap<String, String>,
        descriptions: BTreeMap<String, String>,
    ) -> Self {
        let originals = renamed.iter().map(|(old, new)| (new.clone(), old.clone())).collect();
        Self { allow, deny, renamed, originals, descriptions }
    }

    /// Whether clients may see and call the tool that its upstream calls `own`.
    #[must_use]
    pub fn admits(&self, own: &str) -> bool {
        let matches =
            |globs: &Vec<glob::Pattern>| globs.iter().any(|glob| glob.matches_with(own, MATCHING));
        self.allow.as_ref().is_none_or(matches) && !self.deny.as_ref().is_some_and(matches)
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

    /// The description, of 1 to 16384 bytes, that stands in place of the upstream's for the tool
    /// that it calls `own`.
    #[must_use]
    pub fn describes(&self, own: &str) -> Option<&str> {
        self.descriptions.get(own).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renaming(names: &[(&str, &str)]) -> Tools {
        let names = names.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
        Tools::new(None, None, names.collect(), BTreeMap::new())
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
