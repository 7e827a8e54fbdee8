//! Where in a text something is, and what is wrong there.

use std::fmt;

/// A text whose lines are counted.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

/// A place in a text, as editors show it: the first line is 1, and so is the first character of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Text<'_> {
    /// Where a byte of the text is.
    #[must_use]
    pub fn position(self, byte: usize) -> Position {
        let before = self.0.get(..byte).unwrap_or(self.0);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Position { line: before.matches('\n').count() + 1, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What is wrong in a text: one line, `5:7: mcpServers.a.comand: ...; write ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub position: Position,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A text of the file may have a line break in it.
        write!(f, "{}: {}", self.position, self.message.replace(['\n', '\r'], " "))
    }
}

impl std::error::Error for Fault {}

/// The known word that this one is most likely meant to be, if any.
#[must_use]
pub(super) fn similar<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let simple = |word: &str| word.to_lowercase().replace(['-', '_'], "");
    let distance = |other: &&str| strsim::osa_distance(&simple(word), &simple(other));
    // A word of three characters has little in common with one of two others.
    let most = if word.chars().count() < 5 { 1 } else { 2 };
    known.iter().copied().min_by_key(distance).filter(|other| distance(other) <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_characters_are_counted_from_one() {
        let text = Text("a\né{\r\n}");
        for (byte, line, column) in [(0, 1, 1), (2, 2, 1), (4, 2, 2), (7, 3, 1), (99, 3, 2)] {
            assert_eq!(text.position(byte), Position { line, column }, "{byte}");
        }
    }

    #[test]
    fn a_slip_of_the_keyboard_is_recognised_and_another_word_is_not() {
        let known = ["command", "args", "env", "url"];
        for (word, meant) in [
            ("comand", Some("command")),
            ("commnad", Some("command")),
            ("Command", Some("command")),
            ("arg", Some("args")),
            ("ulr", Some("url")),
            ("alwaysAllow", None),
            ("x", None),
        ] {
            assert_eq!(similar(word, &known), meant, "{word}");
        }
    }
}
