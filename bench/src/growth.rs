//! How cost grows: the same request with more tools, servers, bytes, sessions, open streams or workers.
//!
//! Each size has upstreams and Envoys of its own, but for sessions and streams, which pile up in one ([`held`]).

mod held;

use std::time::Duration;

use anyhow::Result;

use crate::args::Upstream as Flags;
use crate::measure::{Plan, rounds};
use crate::results::{Course, Growth, Kind, Measured, Point, Unit};
use crate::scenario::{Ask, Scenario};
use crate::subject::Subject;
use crate::world::Running;

/// Both hosts.
const SUBJECTS: [Subject; 2] = [Subject::Mux, Subject::Native];
/// A small call.
const CALL: Ask = Ask::Call { bytes: 200 };
/// How long one measurement takes, about: there are many.
const TIME: Duration = Duration::from_millis(150);

/// What is noted of memory.
const AFTER: &str = "resident memory, after these requests";

/// What grows, and what is asked at each size.
struct Axis {
    id: &'static str,
    /// What its plots show: CPU time, and memory.
    title: &'static str,
    memory: &'static str,
    each: &'static str,
    sizes: Vec<Size>,
    asks: &'static [Asked],
}

/// One size of it.
struct Size {
    of: u32,
    upstream: Flags,
    workers: u32,
}

/// A request, and on how many connections.
struct Asked {
    what: &'static str,
    ask: Ask,
    connections: u32,
}

/// Measures all that is asked for, which takes minutes.
pub(crate) async fn measure(plan: &Plan) -> Result<Vec<Growth>> {
    let plan = plan.of_rounds(TIME);
    let mut growth = Vec::new();
    for axis in [tools(), servers(), answers(), workers()] {
        if plan.wants(&format!("grow-{}", axis.id)) {
            growth.extend(along(&axis, &plan).await?);
        }
    }
    if plan.wants("grow-sessions") {
        growth.extend(held::sessions(&plan).await?);
    }
    if plan.wants("grow-streams") {
        growth.extend(held::streams(&plan).await?);
    }
    Ok(growth)
}

fn sizes(of: &[u32], flags: impl Fn(u32) -> Flags) -> Vec<Size> {
    of.iter().map(|&of| Size { of, upstream: flags(of), workers: 1 }).collect()
}

fn tools() -> Axis {
    let upstream = |of| Flags { listeners: 2, tools: of / 2, ..Flags::default() };
    Axis {
        id: "tools",
        title: "CPU time of tools/list of two servers, by the tools of both",
        memory: "Memory of Envoy by the tools of two servers, after lists of them",
        each: "tool",
        sizes: sizes(&[20, 60, 200, 600, 2000, 6000], upstream),
        asks: &[Asked { what: "tools/list", ask: Ask::List, connections: 1 }],
    }
}

fn servers() -> Axis {
    Axis {
        id: "servers",
        title: "CPU time of requests by the number of servers, of ten tools each",
        memory: "Memory of Envoy by the number of servers",
        each: "server",
        sizes: sizes(&[2, 4, 8, 16, 32, 64], |of| Flags { listeners: of, ..Flags::default() }),
        asks: &[
            Asked { what: "initialize", ask: Ask::Initialize, connections: 1 },
            Asked { what: "tools/list", ask: Ask::List, connections: 1 },
            Asked { what: "small call", ask: CALL, connections: 1 },
        ],
    }
}

fn answers() -> Axis {
    let upstream = |of| Flags { listeners: 2, answer_size: of * 1000, ..Flags::default() };
    Axis {
        id: "answers",
        title: "CPU time of a call by the length of its JSON answer",
        memory: "Memory of Envoy by the length of answers",
        each: "KB",
        sizes: sizes(&[1, 10, 100, 1000, 4000], upstream),
        asks: &[Asked { what: "call", ask: CALL, connections: 1 }],
    }
}

fn workers() -> Axis {
    let size = |of| Size { of, upstream: Flags { listeners: 2, ..Flags::default() }, workers: of };
    Axis {
        id: "workers",
        title: "CPU time of a small call on 16 connections by the number of workers, all on one core",
        memory: "Memory of Envoy by the number of workers",
        each: "worker",
        sizes: [1, 2].map(size).into(),
        asks: &[Asked { what: "small call", ask: CALL, connections: 16 }],
    }
}

async fn along(axis: &Axis, plan: &Plan) -> Result<[Growth; 2]> {
    let (mut lines, mut memory) = (Vec::new(), Vec::new());
    for size in &axis.sizes {
        let running = Running::with_workers(size.workers, &size.upstream, &SUBJECTS).await?;
        for asked in axis.asks {
            let scenario = Scenario {
                id: format!("grow-{}-{}", axis.id, size.of),
                title: format!("{}, {} x {}", asked.what, size.of, axis.each),
                kind: Kind::Initialize,
                ask: asked.ask,
                connections: asked.connections,
            };
            eprintln!("{}", scenario.title);
            for (subject, measured) in rounds(&running, &scenario, plan).await?.subjects {
                let Measured::Rounds(samples) = measured else { continue };
                let rounds = samples.iter().map(|sample| sample.cpu).collect();
                add(&mut lines, subject, asked.what, Point { of: size.of.into(), rounds });
            }
        }
        for contender in &running.contenders {
            let rounds = vec![contender.envoy.process.memory()? as f64];
            add(&mut memory, contender.subject, AFTER, Point { of: size.of.into(), rounds });
        }
    }
    Ok(growths(axis.id, [axis.title, axis.memory], axis.each, [lines, memory]))
}

/// CPU time and memory, under the same name.
fn growths(
    id: &str,
    titles: [&str; 2],
    each: &str,
    [cpu, memory]: [Vec<Course>; 2],
) -> [Growth; 2] {
    let growth = |id: String, title: &str, unit, lines| Growth {
        id,
        title: title.to_owned(),
        each: each.to_owned(),
        unit,
        lines,
    };
    [
        growth(id.to_owned(), titles[0], Unit::Microseconds, cpu),
        growth(format!("{id}-memory"), titles[1], Unit::Bytes, memory),
    ]
}

/// Adds a point to the line of this subject and this request.
fn add(lines: &mut Vec<Course>, subject: Subject, what: &str, point: Point) {
    match lines.iter_mut().find(|line| line.subject == subject && line.what == what) {
        Some(line) => line.points.push(point),
        None => lines.push(Course { subject, what: what.to_owned(), points: vec![point] }),
    }
}
