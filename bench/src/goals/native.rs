//! The goals of the native host.

use super::{Goal, MEBIBYTE, worst};
use crate::results::{Results, Row, Spread};
use crate::subject::Subject::{Joined, Mux, Native, NativeKept, Plain, Router};

/// Those that something was measured for.
pub(super) fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let calls = |connections: &str| -> Vec<&Row> {
        let is_meant = |row: &&Row| {
            ["json", "sse"].iter().any(|it| row.id == format!("call-{it}-{connections}"))
        };
        results.rows.iter().filter(is_meant).collect()
    };
    let to_plain = |row: &Row| Some(row.ratio(Native, Plain)?.median);
    let to_router = |row: &Row| Some(row.ratio(Native, Router)?.median);
    let to_wasm = |row: &Row| Some(row.ratio(Native, Mux)?.median);
    let (many, one) = (calls("c16"), calls("c1"));
    let lists: Vec<&Row> =
        results.rows.iter().filter(|row| row.id == "list-json-10x1000").collect();
    let text = "native, small calls, 16 connections: at most 1.3 times plain Envoy";
    goals.extend(worst(text, &many, 1.3, "times", to_plain));
    let text = "native, small calls, 16 connections: at most 0.65 times `mcp_router`";
    goals.extend(worst(text, &many, 0.65, "times", to_router));
    let text = "native, small calls, 1 connection: at most 1.25 times plain Envoy";
    goals.extend(worst(text, &one, 1.25, "times", to_plain));
    let text = "native, small calls, 1 connection: at most 0.85 times `mcp_router`";
    goals.extend(worst(text, &one, 0.85, "times", to_router));
    let text = "native, tools/list of 10 x 1000 tools: at most 0.5 times wasm";
    goals.extend(worst(text, &lists, 0.5, "times", to_wasm));
    let joined = |row: &Row| Some(row.ratio(Native, Joined)?.median);
    let text = "native, tools/list of 10 x 1000 tools: at most 2.5 times a plain route that carries the same bytes";
    goals.extend(worst(text, &lists, 2.5, "times", joined));
    let again = |row: &Row| Some(row.ratio(NativeKept, Joined)?.median);
    let text = "native, the same served again: at most 1.25 times such a route";
    goals.extend(worst(text, &lists, 1.25, "times", again));
    goals.extend(memory(results));
    goals.extend(starts(results));
    goals
}

fn memory(results: &Results) -> Option<Goal> {
    let lists = results.memory.iter().find(|memory| memory.title.starts_with("lists"))?;
    let points = lists.subjects.get(&Native)?;
    let most = points.iter().map(|point| point.1).max()? as f64 / MEBIBYTE;
    Some(Goal {
        text: "native, memory: at most 105 MiB after lists of 10 x 1000 tools",
        measured: format!("{most:.0} MiB"),
        met: most <= 105.0,
    })
}

fn starts(results: &Results) -> Vec<Goal> {
    let of =
        |workers| results.starts.iter().find(|it| it.subject == Native && it.workers == workers);
    let memory = |workers| {
        let start = of(workers)?;
        Some(Spread::of(start.memory.iter().map(|&bytes| bytes as f64 / MEBIBYTE))?.median)
    };
    let mut goals = Vec::new();
    if let (Some(one), Some(four)) = (memory(1), memory(4)) {
        goals.push(Goal {
            text: "native, memory: at most 70 MiB idle, and at most 5 MiB more with four workers",
            measured: format!("{one:.0} MiB, {four:.0} MiB with four workers"),
            met: one <= 70.0 && four <= one + 5.0,
        });
    }
    if let Some(cpu) = of(1).and_then(|start| Spread::of(start.cpu.iter().copied())) {
        goals.push(Goal {
            text: "native, start: at most 0.1 s of CPU until ready",
            measured: format!("{:.2} s", cpu.median),
            met: cpu.median <= 0.1,
        });
    }
    goals
}
