//! What it costs to open a session.

use super::{RATIOS, begin_main_table};
use crate::results::Row;
use crate::subject::Subject::{self, Lazy, Mux, Native, NativeLazy};
use crate::table::{spread, times};

/// What stands in for this filter where servers that are known are opened when they are needed.
fn lazy(subject: Subject) -> Subject {
    match subject {
        Mux => Lazy,
        Native => NativeLazy,
        other => other,
    }
}

/// The table, in which each row is followed by the same with servers that are known.
pub(super) fn table(rows: &[&Row]) -> String {
    let mut table = begin_main_table();
    for row in rows {
        let same: fn(Subject) -> Subject = |subject| subject;
        let known = "the same, known (`session.open: lazy`)".to_owned();
        for (title, of) in [(row.title.clone(), same), (known, lazy)] {
            if row.cpu(of(Mux)).is_none() {
                continue;
            }
            let cells = Subject::ALL.map(|subject| spread(row.cpu(of(subject))));
            let ratios = RATIOS.map(|(one, other)| times(row.ratio(of(one), of(other))));
            table.row([title].into_iter().chain(cells).chain(ratios));
        }
    }
    table.finish() + "\n"
}
