//! What the operator was told already.

use std::collections::BTreeSet;

/// How many reports are remembered, so that each is made once; there are no more after that.
const REPORTS: usize = 1024;

/// Reports that were made.
#[derive(Debug, Default)]
pub(crate) struct Reports(BTreeSet<String>);

impl Reports {
    /// Whether `report` is made for the first time.
    pub(crate) fn is_news(&mut self, report: &str) -> bool {
        self.0.len() < REPORTS && self.0.insert(report.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_made_once_and_there_are_so_many_at_most() {
        let mut reports = Reports::default();
        for number in 0..2 * REPORTS {
            assert_eq!(reports.is_news(&number.to_string()), number < REPORTS);
        }
        assert!(!reports.is_news("0"));
    }
}
