//! What the filter is meant to cost, and what it does cost.

mod growth;
mod native;

use crate::results::{Kind, Memory, Results, Row};
use crate::subject::Subject::{
    self, Joined, Kept, Lazy, Mux, Native, NativeLazy, Plain, Router, Stateless, ToSessions,
    ToStateless,
};

const MEBIBYTE: f64 = 1_048_576.0;

/// One goal.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) text: &'static str,
    /// What was measured, in words.
    pub(crate) measured: String,
    pub(crate) met: bool,
}

/// All goals that something was measured for.
pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let small: Vec<&Row> = of_kind(results, Kind::Small).collect();
    let large: Vec<&Row> = of_kind(results, Kind::Large).collect();
    let over = |row: &Row| Some(row.over(Mux, Plain)?.median);
    let to_plain = |row: &Row| Some(row.ratio(Mux, Plain)?.median);
    let to_router = |row: &Row| Some(row.ratio(Mux, Router)?.median);
    goals.extend(worst(
        "small calls: at most 20 us of CPU over plain Envoy",
        &small,
        20.0,
        "us",
        over,
    ));
    goals.extend(worst(
        "small calls: at most 1.4 times plain Envoy",
        &small,
        1.4,
        "times",
        to_plain,
    ));
    goals.extend(worst(
        "long and streamed calls: at most 1.2 times plain Envoy",
        &large,
        1.2,
        "times",
        to_plain,
    ));
    goals.extend(eras(results));
    let rows: Vec<&Row> = results.rows.iter().collect();
    goals.extend(worst("less CPU than `mcp_router`, everywhere", &rows, 1.0, "times", to_router));
    goals.extend(lists(results));
    goals.extend(initialize(results));
    let text =
        "ping while another client lists 10 x 1000 tools: p95 at most 22 times its idle value";
    goals.extend(ping(results, Mux, text, 22.0));
    let text = "native, ping while another client lists: p95 at most 8 times its idle value";
    goals.extend(ping(results, Native, text, 8.0));
    goals.extend(memory(results));
    goals.extend(native::goals(results));
    goals.extend(growth::goals(results));
    goals
}

fn of_kind(results: &Results, kind: Kind) -> impl Iterator<Item = &Row> {
    results.rows.iter().filter(move |row| row.kind == kind)
}

/// The row that is farthest from the goal decides.
fn worst(
    text: &'static str,
    rows: &[&Row],
    bound: f64,
    unit: &str,
    value: fn(&Row) -> Option<f64>,
) -> Option<Goal> {
    let values = rows.iter().filter_map(|row| Some((value(row)?, row)));
    let values: Vec<(f64, &&Row)> = values.collect();
    let (worst, row) = values.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let within = values.iter().filter(|(value, _)| *value <= bound).count();
    let measured =
        format!("{within} of {} rows; worst: {worst:.2} {unit} ({})", values.len(), row.title);
    Some(Goal { text, measured, met: within == values.len() })
}

fn eras(results: &Results) -> Vec<Goal> {
    let called = |row: &&Row| row.id.starts_with("eras-call");
    let calls: Vec<&Row> = of_kind(results, Kind::Eras).filter(called).collect();
    let ratio = |text, bound, value| worst(text, &calls, bound, "times", value);
    let text = "a stateless call: at most 0.9 times one in a session";
    let stateless = ratio(text, 0.9, |row| Some(row.ratio(Stateless, Mux)?.median));
    let text = "a translated call: at most 1.15 times one in a session";
    let translated = ratio(text, 1.15, |row| {
        let ratio = |subject| Some(row.ratio(subject, Mux)?.median);
        Some(ratio(ToStateless)?.max(ratio(ToSessions)?))
    });
    stateless.into_iter().chain(translated).collect()
}

fn lists(results: &Results) -> Vec<Goal> {
    let long: Vec<&Row> = of_kind(results, Kind::List).filter(|row| row.tools >= 1000).collect();
    let per_tool = |row: &Row| Some(row.cpu(Mux)?.median / f64::from(row.tools));
    let mut goals = Vec::new();
    let text = "tools/list: at most 3 us of CPU for each tool, from 1000 tools on";
    goals.extend(worst(text, &long, 3.0, "us", per_tool));
    let again = |row: &Row| Some(row.cpu(Kept)?.median / f64::from(row.tools));
    let text = "a catalog served again: at most 0.3 us of CPU for each tool, from 1000 tools on";
    goals.extend(worst(text, &long, 0.3, "us", again));
    let text = "tools/list: at most 4 times a plain route that carries the same bytes";
    goals.extend(worst(text, &long, 4.0, "times", |row| Some(row.ratio(Mux, Joined)?.median)));
    let by_size = |tools| long.iter().find(|row| row.tools == tools && !row.sse);
    if let (Some(less), Some(more)) = (by_size(1000), by_size(10_000))
        && let (Some(less), Some(more)) = (per_tool(less), per_tool(more))
    {
        goals.push(Goal {
            text: "tools/list: linear: a tool of 10,000 costs at most 1.25 times one of 1000",
            measured: format!("{:.2} times ({less:.2} us, {more:.2} us)", more / less),
            met: more / less <= 1.25,
        });
    }
    goals
}

fn initialize(results: &Results) -> Vec<Goal> {
    let rows: Vec<&Row> = of_kind(results, Kind::Initialize).collect();
    let latency = |row: &Row| Some(row.spread(Mux, |sample| sample.p50)?.median / 1000.0);
    let cpu = |row: &Row| Some(row.cpu(Mux)?.median);
    let mut goals = Vec::new();
    let text = "initialize of 10 upstreams of 20 ms: at most 25 ms (median)";
    goals.extend(worst(text, &rows, 25.0, "ms", latency));
    let text = "initialize of 10 upstreams: at most 400 us of CPU";
    goals.extend(worst(text, &rows, 400.0, "us", cpu));
    let known = |row: &Row| Some(row.cpu(Lazy)?.median.max(row.cpu(NativeLazy)?.median));
    let text = "initialize of 10 known upstreams (`session.open: lazy`): at most 100 us of CPU";
    goals.extend(worst(text, &rows, 100.0, "us", known));
    goals
}

fn ping(results: &Results, subject: Subject, text: &'static str, bound: f64) -> Option<Goal> {
    let pings = results.pings.get(&subject)?;
    let times = pings.iter().map(|ping| ping.busy_p95 / ping.idle_p95);
    let times = crate::results::Spread::of(times)?.median;
    Some(Goal { text, measured: format!("{times:.1} times"), met: times <= bound })
}

fn memory(results: &Results) -> Vec<Goal> {
    let points = |memory: &Memory, subject: Subject| memory.subjects.get(&subject).cloned();
    let mut goals = Vec::new();
    let Some(calls) = results.memory.first() else { return goals };
    let (Some(mux), Some(plain)) = (points(calls, Mux), points(calls, Plain)) else { return goals };
    if let ([_, _, quarter, ..], Some(end)) = (&*mux, mux.last()) {
        let growth = (end.1 as f64 - quarter.1 as f64) / MEBIBYTE;
        goals.push(Goal {
            text: "memory: flat over many calls (at most 2 MiB more at the end than after a quarter)",
            measured: format!("{growth:+.1} MiB over {} calls", end.0 - quarter.0),
            met: growth <= 2.0,
        });
    }
    // V8 and the compiled filter are there once for all workers, before anything is asked of them.
    let ends = results.memory.iter().filter_map(|memory| Some((memory, points(memory, Mux)?)));
    for (memory, points) in ends {
        let most = points.iter().map(|point| point.1).max().unwrap_or_default();
        let idle = points.first().map_or(most, |point| point.1);
        let most = most.saturating_sub(idle) as f64 / MEBIBYTE;
        goals.push(Goal {
            text: "memory: a worker takes at most 64 MiB (one worker, over an idle Envoy with the filter)",
            measured: format!("{most:.0} MiB ({})", memory.title),
            met: most <= 64.0,
        });
    }
    let idle = |points: &[(u64, u64)]| points.first().map_or(0.0, |point| point.1 as f64);
    let machine = (idle(&mux) - idle(&plain)) / MEBIBYTE;
    goals.push(Goal {
        text: "memory: the filter itself takes at most 64 MiB, once for all workers",
        measured: format!("{machine:.0} MiB over plain Envoy, idle"),
        met: machine <= 64.0,
    });
    goals
}
