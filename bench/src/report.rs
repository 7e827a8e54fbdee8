//! The report: what was measured, in Markdown, with plots beside it.

mod beside;
mod cross;
mod eras;
mod growth;
mod initialize;
mod starts;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::args::{Report, Run};
use crate::envoy::repository;
use crate::goals::goals;
use crate::machine::{Machine, date};
use crate::plot;
use crate::readme;
use crate::results::{Kind, Measured, Results, Row, Sample};
use crate::subject::Subject::{self, Joined, Kept, Mux, Native, NativeKept, Plain, Router};
use crate::table::{Table, median, number, spread, times};

const INTRODUCTION: &str = include_str!("report/introduction.md");
const METHOD: &str = include_str!("report/method.md");

/// Writes the results of a run: as data, and as a report.
pub(crate) fn write(results: &Results, run: &Run) -> Result<()> {
    let folder = repository("target/bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("results.json"), serde_json::to_string_pretty(results)?)?;
    let partial = run.quick || !run.only.is_empty();
    let usual = if partial { folder.join("report.md") } else { repository("bench/report.md") };
    render(results, run.report.as_ref().unwrap_or(&usual))?;
    if partial || run.report.is_some() { Ok(()) } else { readme::write(results) }
}

/// Writes the report of a run that was.
pub(crate) fn again(report: &Report) -> Result<()> {
    let from = || report.from.display().to_string();
    let text = std::fs::read_to_string(&report.from).with_context(from)?;
    let results = serde_json::from_str(&text).with_context(from)?;
    render(&results, &report.to)?;
    if report.readme { readme::write(&results) } else { Ok(()) }
}

fn render(results: &Results, file: &PathBuf) -> Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let plots = plot::draw(results, &folder.join("plots"))?;
    let plot = |name: &str| {
        let plot = plots.iter().find(|(file, _)| *file == name);
        plot.map_or_else(String::new, |(file, text)| format!("![{text}](plots/{file})\n\n"))
    };
    let mut text = INTRODUCTION.to_owned();
    text.push_str(&machine(&results.machine, results));
    text.push_str(&others(results));
    text.push_str(&goals_met(results));
    let calls: Vec<&Row> =
        results.rows.iter().filter(|row| matches!(row.kind, Kind::Small | Kind::Large)).collect();
    let of_kind = |kind| results.rows.iter().filter(move |row| row.kind == kind).collect();
    let lists: Vec<&Row> = of_kind(Kind::List);
    let rest: Vec<&Row> = of_kind(Kind::Initialize);
    section(&mut text, "Calls", &[&main_table(&calls), &plot("calls.svg")], calls.is_empty());
    let lists_text = [&list_table(&lists), &plot("lists.svg"), &kept_table(&lists)];
    section(&mut text, "Lists", &lists_text.map(String::as_str), lists.is_empty());
    section(&mut text, "Initialize", &[&initialize::table(&rest)], rest.is_empty());
    let both: Vec<&Row> = of_kind(Kind::Eras);
    section(&mut text, eras::TITLE, &[eras::TEXT, &eras::table(&both)], both.is_empty());
    section(&mut text, "Pings beside lists", &[&beside::pings(results)], results.pings.is_empty());
    let memory = [&beside::memory(results), &plot("memory.svg")];
    section(&mut text, "Memory", &memory.map(String::as_str), results.memory.is_empty());
    let starts = [starts::TEXT, &starts::table(results)];
    section(&mut text, starts::TITLE, &starts, results.starts.is_empty());
    let grown = [growth::TEXT, &growth::text(results)];
    section(&mut text, growth::TITLE, &grown, results.growth.is_empty());
    let cross = cross::table(results);
    section(&mut text, cross::TITLE, &[cross::TEXT, &cross], results.cross.is_empty());
    let all: Vec<&Row> = results.rows.iter().collect();
    section(
        &mut text,
        "Requests per second and latency",
        &[WALL, &wall_table(&all)],
        all.is_empty(),
    );
    text.push_str(METHOD);
    text.push_str(&bottleneck(&all));
    text.push_str(&left_out(&all));
    std::fs::write(file, text.trim_end().to_owned() + "\n")?;
    let others: Vec<&Row> = results.rows.iter().filter(|row| row.kind != Kind::Eras).collect();
    println!("{}", main_table(&others));
    println!("{}", eras::table(&both));
    println!("{}", goals_met(results));
    eprintln!("the report: {}", file.display());
    Ok(())
}

const WALL: &str = "By the wall clock, so with whatever else the machine does; medians of the rounds. The load \
generator, the upstream and Envoy share the cores.\n\n";

fn section(text: &mut String, title: &str, parts: &[&str], empty: bool) {
    if !empty {
        let _ = write!(text, "## {title}\n\n{}", parts.concat());
    }
}

/// What others did on the machine meanwhile: they take nothing from a process's CPU time, but its
/// caches, and with them a good part of it.
fn others(results: &Results) -> String {
    let mut text = results.others().map_or_else(String::new, |others| {
        format!("Others kept {others:.2} cores busy meanwhile (median). ")
    });
    if !results.quiet() {
        text.push_str(
            "**The machine was not quiet**: all times are longer than they need be, and so are \
             their differences. Ratios hold better.",
        );
    }
    text + "\n\n"
}

fn machine(machine: &Machine, results: &Results) -> String {
    format!(
        "{}, {:.0} GiB, Linux {}; load average before and after {} and {}. Envoy \
         {}, {}, the filter of commit {} (wasm {} KiB, native {} KiB). {}, rounds of about {} s each. Numbers are medians \
         of the rounds, with the lowest and the highest behind them.\n\n",
        machine.name(),
        machine.memory_gib,
        machine.kernel,
        machine.load.0,
        machine.load.1,
        machine.envoy,
        machine.h2load,
        machine.commit,
        machine.wasm_kib,
        machine.module_kib,
        date(machine.time),
        results.seconds,
    )
}

fn goals_met(results: &Results) -> String {
    let goals = goals(results);
    if goals.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["goal", "measured", "met"]);
    for goal in goals {
        let met = if goal.met { "yes" } else { "**no**" };
        table.row([goal.text.to_owned(), goal.measured, met.to_owned()]);
    }
    format!("## Goals\n\n{}\n", table.finish())
}

/// What is set against what.
const RATIOS: [(Subject, Subject); 5] =
    [(Mux, Plain), (Native, Plain), (Native, Mux), (Mux, Router), (Native, Router)];

/// What a subject is called in a ratio.
fn short(subject: Subject) -> &'static str {
    match subject {
        Plain => "plain",
        Mux => "wasm",
        Native => "native",
        other => other.title(),
    }
}

fn begin_main_table() -> Table {
    let titles = Subject::ALL.map(Subject::title);
    let compared = RATIOS.map(|(one, other)| format!("{} / {}", short(one), short(other)));
    let head = ["CPU time of Envoy for a request, us"].into_iter().chain(titles);
    let head: Vec<&str> = head.chain(compared.iter().map(String::as_str)).collect();
    Table::new(&head)
}

/// CPU time, which is what this is about.
fn main_table(rows: &[&Row]) -> String {
    let mut table = begin_main_table();
    for row in rows {
        let cells = Subject::ALL.map(|subject| spread(row.cpu(subject)));
        let ratios = RATIOS.map(|(one, other)| times(row.ratio(one, other)));
        table.row([row.title.clone()].into_iter().chain(cells).chain(ratios));
    }
    table.finish() + "\n"
}

fn list_table(rows: &[&Row]) -> String {
    let mut table = Table::new(&[
        "CPU time of Envoy for a list",
        "mcp-mux, wasm, us",
        "for each tool",
        "mcp-mux, native, us",
        "for each tool",
        "mcp_router, us",
        "for each tool",
        "native / wasm",
        "wasm / mcp_router",
        "native / mcp_router",
    ]);
    for row in rows {
        let mut cells = vec![row.title.clone()];
        for subject in Subject::GATEWAYS {
            let each = row.spread(subject, |sample| sample.cpu);
            cells.push(spread(each));
            cells.push(each.map_or("-".into(), |cpu| number(cpu.median / f64::from(row.tools))));
        }
        let ratios = [(Native, Mux), (Mux, Router), (Native, Router)];
        cells.extend(ratios.map(|(one, other)| times(row.ratio(one, other))));
        table.row(cells);
    }
    table.finish() + "\n"
}

/// What a list costs that is served again, without a request to any upstream, and what it costs to carry one.
fn kept_table(rows: &[&Row]) -> String {
    let mut table = Table::new(&[
        "CPU time of Envoy for a list that is served again (`catalog.ttl`)",
        "us",
        "for each tool",
        "made anew, us",
        "a plain route with the same bytes, us",
        "again / anew",
        "again / plain",
        "anew / plain",
    ]);
    let mut empty = true;
    for row in rows {
        for (kept, made) in [(Kept, Mux), (NativeKept, Native)] {
            let Some(cpu) = row.cpu(kept) else { continue };
            let title = format!("{}, {}", row.title, short(made));
            let each = number(cpu.median / f64::from(row.tools));
            let cpus = [Some(cpu), row.cpu(made), row.cpu(Joined)].map(spread);
            let [again, anew, plain] = cpus;
            let ratios = [(kept, made), (kept, Joined), (made, Joined)];
            let ratios = ratios.map(|(one, other)| times(row.ratio(one, other)));
            table.row([title, again, each, anew, plain].into_iter().chain(ratios));
            empty = false;
        }
    }
    if empty { String::new() } else { table.finish() + "\n" }
}

fn wall_table(rows: &[&Row]) -> String {
    let mut table =
        Table::new(&["", "", "per second", "to plain", "to mcp_router", "p50, us", "p99, us"]);
    for row in rows {
        let rate = |subject| row.spread(subject, |sample| sample.per_second);
        for (number, &subject) in row.subjects.keys().enumerate() {
            let to = |other| {
                let both = rate(subject).zip(rate(other));
                both.map_or("-".into(), |(one, other)| format!("{:.2}", one.median / other.median))
            };
            table.row([
                if number == 0 { row.title.clone() } else { String::new() },
                subject.title().into(),
                median(rate(subject)),
                to(Plain),
                to(Router),
                median(row.spread(subject, |sample| sample.p50)),
                median(row.spread(subject, |sample| sample.p99)),
            ]);
        }
    }
    table.finish() + "\n"
}

/// Who else works for a request: to see that it is Envoy that is measured.
fn bottleneck(rows: &[&Row]) -> String {
    let mut table = Table::new(&[
        "CPU time for a request, us (with mcp-mux, wasm)",
        "Envoy",
        "upstreams",
        "h2load",
    ]);
    for row in rows.iter().filter(|row| !row.samples(Mux).is_empty()) {
        let of = |value: fn(&Sample) -> f64| median(row.spread(Mux, value));
        let others = [
            of(|sample| sample.cpu),
            of(|sample| sample.upstream_cpu),
            of(|sample| sample.load_cpu),
        ];
        table.row([row.title.clone()].into_iter().chain(others));
    }
    table.finish() + "\n"
}

fn left_out(rows: &[&Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for (subject, measured) in &row.subjects {
            if let Measured::Unfit(reason) = measured {
                let _ = writeln!(text, "- {} in \"{}\": {reason}", subject.title(), row.title);
            }
        }
    }
    if text.is_empty() {
        return "Every subject gave the right answer in every scenario that it takes part in.\n"
            .into();
    }
    format!("Left out, since they do not give the right answer:\n\n{text}")
}
