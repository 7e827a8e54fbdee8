//! What it takes until an Envoy is ready.

use crate::results::{Results, Spread};
use crate::table::{Table, median, number};

pub(super) const TITLE: &str = "Start";
pub(super) const TEXT: &str = "\
Until Envoy is ready, with half a second more for what is compiled in the background; its memory then.\n\n";

/// Subject by subject, for each number of workers.
pub(super) fn table(results: &Results) -> String {
    let mut table = Table::new(&["", "workers", "s of CPU", "s by the clock", "MiB"]);
    for start in &results.starts {
        let of = |values: &[f64]| median(Spread::of(values.iter().copied()));
        let memory = Spread::of(start.memory.iter().map(|&bytes| bytes as f64 / 1_048_576.0));
        table.row([
            start.subject.title().to_owned(),
            start.workers.to_string(),
            of(&start.cpu),
            of(&start.wall),
            memory.map_or("-".into(), |memory| number(memory.median)),
        ]);
    }
    table.finish() + "\n"
}
