//! The table of README.md: the few rows that people ask for.

use anyhow::{Context as _, Result};

use crate::envoy::repository;
use crate::machine::date;
use crate::results::{Results, Row};
use crate::subject::Subject::{
    self, Kept, Lazy, Mux, Native, NativeKept, NativeLazy, Plain, Router,
};
use crate::table::{Table, median, number};

/// What is written stands between these.
const BEGIN: &str = "<!-- bench:begin -->\n";
const END: &str = "<!-- bench:end -->\n";

/// Which rows, by their ids.
const ROWS: [&str; 13] = [
    "call-json-c1",
    "call-json-c16",
    "call-sse-c1",
    "call-sse-c16",
    "call-1mb-json-c1",
    "call-1mb-sse-c1",
    "call-1mb-json-uris-c1",
    "call-1mb-sse-uris-c1",
    "call-progress-c1",
    "list-json-10x100",
    "list-json-10x1000",
    "initialize-c1",
    "initialize-c16",
];

/// Writes it.
pub(crate) fn write(results: &Results) -> Result<()> {
    let file = repository("README.md");
    let text = std::fs::read_to_string(&file)?;
    let text = placed(&text, &table(results));
    std::fs::write(&file, text.context("README.md has no marks around the table")?)?;
    Ok(())
}

fn placed(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

fn table(results: &Results) -> String {
    let head = ["CPU time of Envoy for a request, us"];
    let titles = Subject::ALL.map(Subject::title);
    let ratios = ["wasm / plain", "native / plain", "wasm / mcp_router", "native / mcp_router"];
    let mut table = Table::new(&[&head[..], &titles[..], &ratios[..]].concat());
    for row in ROWS.iter().filter_map(|id| results.rows.iter().find(|row| row.id == *id)) {
        let cells = Subject::ALL.map(|subject| median(row.cpu(subject)));
        let ratios = [(Mux, Plain), (Native, Plain), (Mux, Router), (Native, Router)];
        let ratios = ratios.map(|(one, other)| ratio(row, one, other));
        table.row([row.title.clone()].into_iter().chain(cells).chain(ratios));
        for (title, wasm, native) in [
            ("the same, served again (`catalog.ttl`)", Kept, NativeKept),
            ("the same, known (`session.open: lazy`)", Lazy, NativeLazy),
        ] {
            if row.cpu(wasm).is_none() {
                continue;
            }
            let cells = [Plain, wasm, native, Router].map(|it| median(row.cpu(it)));
            let ratios = [(wasm, Plain), (native, Plain), (wasm, Router), (native, Router)];
            let ratios = ratios.map(|(one, other)| ratio(row, one, other));
            table.row([title.to_owned()].into_iter().chain(cells).chain(ratios));
        }
    }
    let machine = &results.machine;
    let noise = if results.quiet() {
        ""
    } else {
        " Others used the machine meanwhile: ratios hold better than times."
    };
    format!(
        "{}\nA ratio is the median of those within each round, not that of the two medians beside it.\n\n\
         Written by `make bench` on {}: {}, the filter of commit {}.{noise}\n",
        table.finish(),
        date(machine.time),
        machine.name().replace("A ", "a "),
        machine.commit,
    )
}

fn ratio(row: &Row, subject: Subject, to: Subject) -> String {
    row.ratio(subject, to).map_or_else(|| "-".into(), |ratio| number(ratio.median))
}

#[cfg(test)]
mod tests {
    use super::placed;

    #[test]
    fn what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n";
        let new = "a\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nb\n";
        assert_eq!(placed(text, "new\n").as_deref(), Some(new));
        assert_eq!(placed("a\n", "new\n"), None);
    }
}
