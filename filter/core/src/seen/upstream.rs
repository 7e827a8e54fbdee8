//! How one upstream has done lately, and each of its tools.

use std::collections::BTreeMap;

use crate::effect::Ending;
use crate::mcp::revision::Revision;

/// How many answers are remembered, to tell how things are now.
const RECENT: usize = 32;
/// How many tools of an upstream are known by name.
pub(crate) const TOOLS: usize = 1000;
/// How much is kept of a name or an error, in characters.
const LONGEST: usize = 300;

/// The last answers of an upstream or a tool.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    /// How long each took, in microseconds.
    took: [u32; RECENT],
    /// Whether each failed, by its place in `took`.
    failed: u32,
    count: u64,
    failures: u64,
}

impl Default for Recent {
    fn default() -> Self {
        Self { took: [0; RECENT], failed: 0, count: 0, failures: 0 }
    }
}

impl Recent {
    fn add(&mut self, took: u64, failed: bool) {
        let at = usize::try_from(self.count % RECENT as u64).unwrap_or_default();
        if let Some(place) = self.took.get_mut(at) {
            *place = u32::try_from(took).unwrap_or(u32::MAX);
        }
        let bit = 1_u32.rotate_left(u32::try_from(at).unwrap_or_default());
        self.failed = if failed { self.failed | bit } else { self.failed & !bit };
        self.count += 1;
        self.failures += u64::from(failed);
    }

    /// How many there were in all.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many of these failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// How many are remembered, and how many of them failed.
    pub(crate) fn lately(&self) -> (usize, usize) {
        let count = usize::try_from(self.count).unwrap_or(RECENT).min(RECENT);
        (count, self.failed.count_ones() as usize)
    }

    /// Half of those that are remembered took longer than this, in microseconds.
    pub(crate) fn median(&self) -> Option<u64> {
        let (count, _) = self.lately();
        let mut took: Vec<u32> = self.took.iter().take(count).copied().collect();
        took.sort_unstable();
        took.get(count / 2).map(|it| u64::from(*it))
    }

    /// Whether the last one failed.
    pub(crate) fn has_failed_last(&self) -> bool {
        let last = u32::try_from(self.count.saturating_sub(1) % RECENT as u64).unwrap_or_default();
        self.count > 0 && self.failed.rotate_right(last) & 1 == 1
    }
}

/// How a tool has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolSeen {
    pub(crate) recent: Recent,
    /// How the last call ended that failed.
    pub(crate) last_failure: Option<Ending>,
}

/// How an upstream has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpstreamSeen {
    pub(crate) recent: Recent,
    /// When it answered last, by the host's clock.
    pub(crate) last_answer: Option<u64>,
    /// When it failed last, and how.
    pub(crate) last_error: Option<(u64, String)>,
    /// The revision that was agreed with it last.
    pub(crate) revision: Option<Revision>,
    /// How many items of its lists were left out, or had the name of another's.
    pub(crate) left_out: u64,
    /// What it has listed, as it was listed.
    listed: Vec<String>,
    /// The tools that it has listed, and how their calls ended.
    tools: BTreeMap<String, ToolSeen>,
    /// Whether it has listed its tools.
    has_listed: bool,
}

impl UpstreamSeen {
    /// It has answered, or has not, a call of this tool or another request.
    pub(crate) fn answered(&mut self, called: Option<&str>, ending: Ending, took: u64, at: u64) {
        if ending == Ending::Cancelled {
            return;
        }
        self.recent.add(took, ending.is_failure());
        if !ending.is_failure() {
            self.last_answer = Some(at);
        }
        if let Some(seen) = called.and_then(|name| self.tools.get_mut(name)) {
            let failed = ending != Ending::Ok;
            seen.recent.add(took, failed);
            if failed {
                seen.last_failure = Some(ending);
            }
        }
    }

    /// What it has done wrong, or what befell it.
    pub(crate) fn failed(&mut self, what: &str, at: u64) {
        self.last_error = Some((at, what.chars().take(LONGEST).collect()));
    }

    /// It has listed these tools: its whole list, or the part that it begins with, or a later part.
    pub(crate) fn lists(&mut self, names: Vec<String>, is_later: bool) {
        if is_later {
            for name in names {
                if self.listed.len() < TOOLS && !self.tools.contains_key(&name) {
                    self.tools.insert(name.clone(), ToolSeen::default());
                    self.listed.push(name);
                }
            }
        } else if !self.has_listed || self.listed != names {
            let mut before = std::mem::take(&mut self.tools);
            let kept = |name: &String| (name.clone(), before.remove(name).unwrap_or_default());
            self.tools = names.iter().map(kept).collect();
            self.listed = names;
        }
        self.has_listed = true;
    }

    /// Items of its lists were left out.
    pub(crate) fn left_out(&mut self, by: u64) {
        self.left_out = self.left_out.saturating_add(by);
    }

    /// Whether it has listed a tool of this name.
    pub(crate) fn has_tool(&self, name: &str) -> bool {
        self.tools.contains_key(name)
    }

    /// How many tools it has listed; `None` if it has not listed any yet.
    pub(crate) fn tool_count(&self) -> Option<usize> {
        self.has_listed.then_some(self.listed.len())
    }

    /// The tools that were called.
    pub(crate) fn called_tools(&self) -> impl Iterator<Item = (&str, &ToolSeen)> {
        let tools = self.tools.iter().filter(|(_, seen)| seen.recent.count() > 0);
        tools.map(|(name, seen)| (name.as_str(), seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lately_is_what_counts() {
        let mut recent = Recent::default();
        assert_eq!((recent.median(), recent.has_failed_last()), (None, false));
        for at in 0..100 {
            recent.add(at, at < 70);
        }
        assert_eq!((recent.count(), recent.failures()), (100, 70));
        assert_eq!((recent.lately(), recent.median()), ((32, 2), Some(84)));
        assert!(!recent.has_failed_last());
        recent.add(1, true);
        assert!(recent.has_failed_last());
    }

    #[test]
    fn only_tools_that_are_listed_are_known_and_no_more_than_so_many() {
        let mut seen = UpstreamSeen::default();
        seen.answered(Some("t"), Ending::ToolError, 5, 0);
        assert_eq!((seen.called_tools().count(), seen.tool_count()), (0, None));
        seen.lists(vec!["t".to_owned(), "u".to_owned()], false);
        seen.answered(Some("t"), Ending::ToolError, 5, 0);
        seen.answered(Some("v"), Ending::ToolError, 5, 0);
        seen.lists(vec!["t".to_owned(), "w".to_owned()], false);
        let called: Vec<_> = seen.called_tools().collect();
        assert_eq!((called.len(), called[0].0), (1, "t"), "what it was is still known");
        assert!(!seen.has_tool("u") && seen.recent.failures() == 0, "it has answered");
        seen.lists((0..5000).map(|at| at.to_string()).collect(), true);
        assert_eq!(seen.tool_count(), Some(TOOLS));
    }
}
