//! What the user is told, on stderr: results are on stdout, for who reads them there.

use anstyle::{AnsiColor, Style};

const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LOUD: Style = Style::new().bold();

/// A line that may be of interest.
pub fn note(text: &str) {
    anstream::eprintln!("{DIM}{text}{DIM:#}");
}

/// A line that is.
pub fn say(text: &str) {
    anstream::eprintln!("{text}");
}

/// Something is well.
pub fn good(text: &str) {
    anstream::eprintln!("{GOOD}✓{GOOD:#} {text}");
}

/// Something is not.
pub fn bad(text: &str) {
    anstream::eprintln!("{BAD}✗{BAD:#} {text}");
}

/// Why the program ends.
pub fn error(text: &str) {
    anstream::eprintln!("{BAD}error:{BAD:#} {text}");
}

/// A text that stands out.
#[must_use]
pub fn loud(text: &str) -> String {
    format!("{LOUD}{text}{LOUD:#}")
}
