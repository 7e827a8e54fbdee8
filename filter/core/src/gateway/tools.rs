//! What the configuration says of one upstream's tools: which exist, what they are called
//! ([`tool_rename`](super::tool_rename)), and how they are described.

use std::collections::BTreeMap;

use super::{Globs, ToolRename};
use crate::catalog::ToolDigest;

/// Globs on the upstream's own tool names, and what clients see in place of names and
/// descriptions of its own. At most 256 entries of each kind.
#[derive(Debug, Default)]
pub struct Tools {
    globs: Globs,
    /// What clients see in place of names of its own.
    pub rename: ToolRename,
    /// By the upstream's own names.
    descriptions: BTreeMap<String, String>,
    /// What tools were when they were looked at, by the upstream's own names.
    pins: Pins,
}

/// Digests of tools, by the upstream's own names, and what becomes of one that has changed since.
#[derive(Debug, Default)]
pub struct Pins {
    /// At most 256.
    pub(crate) digests: BTreeMap<String, ToolDigest>,
    /// Whether one that has changed does not exist, or is reported alone.
    pub(crate) blocks: bool,
}

impl Tools {
    /// Every tool, as its upstream has it.
    pub(crate) const ALL: Self = Self {
        globs: Globs::ALL,
        rename: ToolRename::NONE,
        descriptions: BTreeMap::new(),
        pins: Pins { digests: BTreeMap::new(), blocks: false },
    };

    /// The keys of `descriptions` are the upstream's own names.
    pub(crate) fn new(
        globs: Globs,
        rename: ToolRename,
        descriptions: BTreeMap<String, String>,
        pins: Pins,
    ) -> Self {
        Self { globs, rename, descriptions, pins }
    }

    /// Whether clients may see and call the tool that its upstream calls `own`.
    #[must_use]
    pub fn admits(&self, own: &str) -> bool {
        self.globs.admits(own)
    }

    /// The digest that the tool was pinned with that its upstream calls `own`.
    #[must_use]
    pub fn pin(&self, own: &str) -> Option<ToolDigest> {
        self.pins.digests.get(own).copied()
    }

    /// Whether a pinned tool that has changed does not exist for clients.
    #[must_use]
    pub fn blocks_changed(&self) -> bool {
        self.pins.blocks
    }

    /// The description, of 1 to 16384 bytes, that stands in place of the upstream's for the tool
    /// that it calls `own`.
    #[must_use]
    pub fn describes(&self, own: &str) -> Option<&str> {
        self.descriptions.get(own).map(String::as_str)
    }
}
