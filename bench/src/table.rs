//! Tables and numbers in Markdown.

use std::fmt::Write as _;

use crate::results::Spread;

/// A table whose columns after the first are numbers.
#[derive(Debug)]
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(columns.iter().map(ToString::to_string));
        let rule = columns.iter().enumerate().map(|(n, _)| if n == 0 { "---" } else { "---:" });
        table.row(rule.map(str::to_owned));
        table
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for cell in cells {
            let _ = write!(self.0, "| {cell} ");
        }
        self.0.push_str("|\n");
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// A number with as many digits as mean something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 10_000.0 => {
            let digits = format!("{value:.0}");
            let (sign, digits) =
                digits.strip_prefix('-').map_or(("", &*digits), |rest| ("-", rest));
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .filter_map(|group| std::str::from_utf8(group).ok())
                .collect();
            format!("{sign}{}", groups.join(","))
        }
        large if large >= 100.0 => format!("{value:.0}"),
        large if large >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median, and from where to where the rounds went.
pub(crate) fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(dash, |spread| {
        let (low, high) = (number(spread.low), number(spread.high));
        format!("{} <sub>{low}..{high}</sub>", number(spread.median))
    })
}

/// The median alone.
pub(crate) fn median(spread: Option<Spread>) -> String {
    spread.map_or_else(dash, |spread| number(spread.median))
}

/// How many times something else it is.
pub(crate) fn times(spread: Option<Spread>) -> String {
    spread.map_or_else(dash, |spread| {
        format!("{:.2} <sub>{:.2}..{:.2}</sub>", spread.median, spread.low, spread.high)
    })
}

/// Nothing to compare.
fn dash() -> String {
    "-".into()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_few_digits() {
        let numbers = [0.123, 12.345, 123.45, 1234.5, 12_345.6, 1_234_567.0, -12_345.0].map(number);
        assert_eq!(numbers, ["0.12", "12.3", "123", "1234", "12,346", "1,234,567", "-12,345"]);
    }
}
