//! A refused configuration: where, what was found, what was expected.
//!
//! Promise: an error never shows a session key or the value of a header, wherever in the document
//! it stands, and stays within a few lines however long the document is.

use std::fmt;

/// The longest piece of the document that an error repeats, in characters.
const SHOWN: usize = 60;

/// The longest path that an error repeats, in characters: names of unknown fields are part of it.
const SHOWN_PATH: usize = 160;

/// Why a configuration was refused.
///
/// Displayed as `upstreams[1].timeout: found "5 parsecs", expected a duration such as "5s"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where in the document, such as `upstreams[1].timeout`; empty for the document itself.
    pub path: String,
    /// What stands there, shortened; of secrets only their kind and length.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

impl ConfigError {
    pub(super) fn new(
        path: impl AsRef<str>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let path = shortened(path.as_ref(), SHOWN_PATH).escape_debug().to_string();
        Self { path, found: found.into(), expected: expected.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the configuration" } else { &self.path };
        write!(f, "{path}: found {}, expected {}", self.found, self.expected)
    }
}

impl std::error::Error for ConfigError {}

/// `text` in quotes, escaped and shortened.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text, SHOWN))
}

fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "...",
        None => text.to_owned(),
    }
}

/// What may be said of a secret.
pub(super) fn kind_of_secret(text: &str) -> String {
    format!("a string of {} characters", text.chars().count())
}

/// Whether what stands at `path` may be a secret. The objects around secrets are included: a key
/// written one level too high, or in the place of a variable's name, is still a key.
pub(super) fn holds_secret(path: &str) -> bool {
    path == "session"
        || path.starts_with("session.keys")
        || path.ends_with("].headers")
        || path.contains("].headers.set")
        // Its query may carry a key.
        || path.ends_with("].path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_shortened_and_escaped() {
        assert_eq!(quoted("a\"b\n"), r#""a\"b\n""#);
        assert_eq!(quoted(&"é".repeat(60)), format!("\"{}\"", "é".repeat(60)));
        assert_eq!(quoted(&"é".repeat(61)), format!("\"{}...\"", "é".repeat(60)));
    }

    #[test]
    fn a_path_is_one_short_line() {
        let error = ConfigError::new("a\nb".repeat(1000), "x", "y");
        assert!(error.path.starts_with("a\\nba\\nb") && error.path.len() < 2 * SHOWN_PATH);
        assert_eq!(
            ConfigError::new("", "x", "y").to_string(),
            "the configuration: found x, expected y"
        );
    }

    #[test]
    fn secrets_are_known_by_their_place() {
        for path in [
            "session",
            "session.keys",
            "session.keys[0]",
            "session.keys_env",
            "upstreams[0].headers",
            "upstreams[12].headers.set",
            "upstreams[0].headers.set.authorization",
        ] {
            assert!(holds_secret(path), "{path}");
        }
        for path in ["", "session.ttl", "upstreams[0].headers.forward[0]"] {
            assert!(!holds_secret(path), "{path}");
        }
    }
}
