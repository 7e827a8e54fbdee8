//! Levels of log messages (2025-11-25, Logging; RFC 5424).

use serde::{Deserialize, Serialize};

/// How important a log message is, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogLevel(usize);

impl LogLevel {
    /// What the levels are called, the least important first.
    pub const NAMES: [&str; 8] =
        ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.get(self.0).copied().unwrap_or_default()
    }

    /// The level of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|it| *it == name).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_name_and_in_order() {
        let levels = LogLevel::NAMES.map(|name| LogLevel::of(name).unwrap());
        assert!(levels.is_sorted());
        assert_eq!((LogLevel::of("Info"), LogLevel::of("")), (None, None));
    }
}
