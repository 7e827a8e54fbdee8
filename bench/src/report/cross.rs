//! The table of the scenarios that were measured once more, with other tools.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cross::PROXY;
use crate::results::{Cross, Results, Spread};
use crate::subject::Subject::{self, Mux, Native, Plain, Router};
use crate::table::{Table, median, times};

pub(super) const TITLE: &str = "Once more, with other tools";
pub(super) const TEXT: &str = "\
The same with nothing of this repository on either side: [wrk](https://github.com/wg/wrk) sends, servers of
the official [TypeScript SDK](https://www.npmjs.com/package/@modelcontextprotocol/sdk) answer. `mcp-proxy` is
[a gateway of the same purpose in Rust](https://crates.io/crates/mcp-proxy), without Envoy; its lists come
from memory. CPU time for a request in us, three rounds in turn; a ratio in brackets is the one above.

";

/// Program by program, and the ratios beside those of h2load and the own upstream.
pub(super) fn table(results: &Results) -> String {
    let programs = Subject::ALL.map(Subject::title).into_iter().chain([PROXY]);
    let programs: Vec<&str> = programs.collect();
    let ratios = [
        "wasm / plain",
        "wasm / mcp_router",
        "wasm / mcp-proxy",
        "native / plain",
        "native / mcp_router",
        "native / mcp-proxy",
    ];
    let mut table = Table::new(&[&[""], &programs[..], &ratios[..]].concat());
    let mut unfit = String::new();
    for cross in &results.cross {
        let row = results.rows.iter().find(|row| row.id == cross.id);
        let title = row.map_or(&cross.id, |row| &row.title).clone();
        let cells = programs.iter().map(|program| median(spread(rounds(cross, program))));
        let ratio = |subject: Subject, to: Option<Subject>| {
            let above = to.and_then(|to| row?.ratio(subject, to));
            let above = above.map_or_else(String::new, |it| format!(" ({:.2})", it.median));
            times(by_round(cross, subject, to.map_or(PROXY, Subject::title))) + &above
        };
        let ratios = [Mux, Native]
            .into_iter()
            .flat_map(|subject| [Some(Plain), Some(Router), None].map(|to| ratio(subject, to)));
        table.row([title.clone()].into_iter().chain(cells).chain(ratios));
        for (program, reason) in left_out(&cross.subjects) {
            let _ = writeln!(unfit, "- {program} is left out of \"{title}\": {reason}");
        }
    }
    format!("{}\n{unfit}{}", table.finish(), if unfit.is_empty() { "" } else { "\n" })
}

fn rounds<'c>(cross: &'c Cross, program: &str) -> &'c [f64] {
    match cross.subjects.get(program) {
        Some(Ok(samples)) => samples,
        _ => &[],
    }
}

fn spread(samples: &[f64]) -> Option<Spread> {
    Spread::of(samples.iter().copied())
}

fn by_round(cross: &Cross, subject: Subject, to: &str) -> Option<Spread> {
    let rounds = rounds(cross, subject.title()).iter().zip(rounds(cross, to));
    Spread::of(rounds.map(|(one, other)| one / other))
}

fn left_out(
    subjects: &BTreeMap<String, Result<Vec<f64>, String>>,
) -> impl Iterator<Item = (&String, &String)> {
    subjects.iter().filter_map(|(program, samples)| Some((program, samples.as_ref().err()?)))
}
