//! What the configuration says of one upstream's tools: which exist, what they are called
//! ([`tool_rename`](super::tool_rename)), and how they are described.

use std::collections::BTreeMap;

use super::ToolRename;

/// Globs on the upstream's own tool names, and what clients see in place of names and
/// descriptions of its own. At most 256 entries of each kind.
#[derive(Debug, Default)]
pub struct Tools {
    /// `None`: every name. An empty set admits none.
    allow: Option<Vec<glob::Pattern>>,
    /// Wins over `allow`.
    deny: Option<Vec<glob::Pattern>>,
    /// What clients see in place of names of its own.
    pub rename: ToolRename,
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
    pub(crate) const ALL: Self =
        Self { allow: None, deny: None, rename: ToolRename::NONE, descriptions: BTreeMap::new() };

    /// The keys of `descriptions` are the upstream's own names.
    pub(crate) fn new(
        allow: Option<Vec<glob::Pattern>>,
        deny: Option<Vec<glob::Pattern>>,
        rename: ToolRename,
        descriptions: BTreeMap<String, String>,
    ) -> Self {
        Self { allow, deny, rename, descriptions }
    }

    /// Whether clients may see and call the tool that its upstream calls `own`.
    #[must_use]
    pub fn admits(&self, own: &str) -> bool {
        let matches =
            |globs: &Vec<glob::Pattern>| globs.iter().any(|glob| glob.matches_with(own, MATCHING));
        self.allow.as_ref().is_none_or(matches) && !self.deny.as_ref().is_some_and(matches)
    }

    /// The description, of 1 to 16384 bytes, that stands in place of the upstream's for the tool
    /// that it calls `own`.
    #[must_use]
    pub fn describes(&self, own: &str) -> Option<&str> {
        self.descriptions.get(own).map(String::as_str)
    }
}
