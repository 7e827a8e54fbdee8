//! Pings beside lists, and memory.

use std::fmt::Write as _;

use crate::results::{Ping, Results, Spread};
use crate::table::{Table, median, times};

/// How long pings take.
pub(super) fn pings(results: &Results) -> String {
    let mut table =
        Table::new(&["us", "idle p50", "idle p95", "busy p50", "busy p95", "p95 busy / idle"]);
    for (subject, pings) in &results.pings {
        let of = |value: fn(&Ping) -> f64| Spread::of(pings.iter().map(value));
        table.row([
            subject.title().into(),
            median(of(|ping| ping.idle_p50)),
            median(of(|ping| ping.idle_p95)),
            median(of(|ping| ping.busy_p50)),
            median(of(|ping| ping.busy_p95)),
            times(of(|ping| ping.busy_p95 / ping.idle_p95)),
        ]);
    }
    let text = "40 pings a second, from as many clients; busy: one more client lists 10 x 1000 tools, again and again.";
    format!("{text}\n\n{}\n", table.finish())
}

/// The memory over calls and over lists.
pub(super) fn memory(results: &Results) -> String {
    let mut text = String::from(
        "Resident memory of the whole Envoy, one worker, in MiB; right after its start first. Answers that Envoy holds count as well.\n\n",
    );
    for memory in &results.memory {
        let steps: Vec<u64> =
            memory.subjects.values().next().into_iter().flatten().map(|point| point.0).collect();
        let head = [format!("after so many {}", memory.title)];
        let head: Vec<String> =
            head.into_iter().chain(steps.iter().map(|&n| n.to_string())).collect();
        let mut table = Table::new(&head.iter().map(String::as_str).collect::<Vec<_>>());
        for (subject, points) in &memory.subjects {
            let cells = points.iter().map(|point| (point.1 >> 20).to_string());
            table.row([subject.title().to_owned()].into_iter().chain(cells));
        }
        let _ = writeln!(text, "{}", table.finish());
    }
    text
}
