//! A run: world after world, subject after subject, round after round.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::args::Run;
use crate::beside;
use crate::cross;
use crate::growth;
use crate::load::Load;
use crate::machine::Machine;
use crate::results::{Kind, Measured, Results, Row, Sample};
use crate::scenario::{Scenario, World, worlds};
use crate::world::{Contender, Running};
use crate::{envoy, report};

/// How a run is done.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How often, if it was said.
    rounds: Option<u32>,
    pub(crate) time: Duration,
    pub(crate) only: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) memory_calls: u64,
}

impl Plan {
    fn of(run: &Run) -> Self {
        let milliseconds = if run.quick { 200 } else { 400 };
        Self {
            rounds: run.rounds,
            time: run.time.unwrap_or(Duration::from_millis(milliseconds)),
            only: run.only.clone(),
            quick: run.quick,
            memory_calls: run.memory_calls,
        }
    }

    /// How often: calls differ by little from each other, and by more from round to round.
    pub(crate) fn rounds(&self, kind: Kind) -> u32 {
        let call = matches!(kind, Kind::Small | Kind::Large);
        self.rounds.unwrap_or(if call && !self.quick { 5 } else { 3 })
    }

    /// The same, but for how long one measurement takes, three rounds at most.
    pub(crate) fn of_rounds(&self, time: Duration) -> Self {
        let rounds = Some(self.rounds.unwrap_or(3).min(3));
        Self { rounds, time, ..self.clone() }
    }

    /// Is this scenario wanted?
    pub(crate) fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| id.contains(part.as_str()))
    }
}

/// Measures all that is asked for, and writes the report.
pub(crate) async fn run(run: &Run) -> Result<()> {
    // A filter that is not built, or a tool that is missing, is said at once.
    envoy::needed("MCP_MUX_WASM", "dist/mcp_mux.wasm")?;
    envoy::needed("MCP_MUX_MODULE", "dist/libmcp_mux.so")?;
    envoy::needed("MCP_MUX_H2LOAD", ".tools/bin/h2load")?;
    let plan = Plan::of(run);
    let mut machine = Machine::describe().await?;
    let mut rows = Vec::new();
    for mut world in worlds(plan.quick) {
        world.scenarios.retain(|scenario| plan.wants(&scenario.id));
        if !world.scenarios.is_empty() {
            rows.extend(measure(&world, &plan).await?);
        }
    }
    let pings = if plan.quick { BTreeMap::new() } else { beside::pings(&plan).await? };
    let memory = if plan.quick { Vec::new() } else { beside::watch(&plan).await? };
    let starts = if plan.quick { Vec::new() } else { beside::starts(&plan).await? };
    let growth = if plan.quick { Vec::new() } else { growth::measure(&plan).await? };
    let cross = if run.cross_check { cross::check(&plan).await? } else { Vec::new() };
    machine.ends()?;
    let seconds = plan.time.as_secs_f64();
    let results = Results { machine, seconds, rows, pings, memory, starts, growth, cross };
    report::write(&results, run)
}

async fn measure(world: &World, plan: &Plan) -> Result<Vec<Row>> {
    let running = Running::start(&world.upstream, world.subjects).await?;
    let mut rows = Vec::new();
    for scenario in &world.scenarios {
        eprintln!("{}", scenario.title);
        let row = rounds(&running, scenario, plan).await;
        rows.push(row.with_context(|| scenario.id.clone())?);
    }
    Ok(rows)
}

/// What ten upstreams take at least for a list of a hundred tools each, in us.
const ASKED: f64 = 300.0;

/// A subject that is fit to be measured in a scenario.
struct Entry<'r> {
    contender: &'r Contender,
    load: Load,
    requests: u64,
    /// The length of a right answer.
    bytes: usize,
    samples: Vec<Sample>,
}

/// Measures a scenario, round by round.
pub(crate) async fn rounds(running: &Running, scenario: &Scenario, plan: &Plan) -> Result<Row> {
    let mut subjects = BTreeMap::new();
    let mut entries = Vec::new();
    for contender in &running.contenders {
        match contender.verify(scenario.ask, &running.flags).await {
            Err(error) => {
                eprintln!("  {} is left out: {error:#}", contender.subject.title());
                subjects.insert(contender.subject, Measured::Unfit(format!("{error:#}")));
            }
            Ok(bytes) => {
                let load = contender.load(scenario.ask, scenario.connections);
                let requests = running.calibrate(contender, &load, plan.time).await?;
                entries.push(Entry { contender, load, requests, bytes, samples: Vec::new() });
            }
        }
    }
    for round in 0..plan.rounds(scenario.kind) {
        // Everybody is first once: what one leaves behind in caches falls on all of them.
        let first = round as usize % entries.len().max(1);
        entries.rotate_left(first);
        for entry in &mut entries {
            let sample = running.sample(entry.contender, &entry.load, entry.requests).await?.0;
            let expected = entry.bytes as f64;
            ensure!(
                (sample.bytes - expected).abs() <= expected * 0.02 + 64.0,
                "{} answers with {} bytes instead of {expected}",
                entry.contender.subject.title(),
                sample.bytes
            );
            ensure!(
                !entry.contender.subject.keeps_lists() || sample.upstream_cpu < ASKED,
                "a list that is served again takes {:.0} us of the upstreams",
                sample.upstream_cpu
            );
            entry.samples.push(sample);
        }
        entries.rotate_right(first);
    }
    for entry in entries {
        let cpu = entry.samples.iter().map(|sample| format!("{:.1}", sample.cpu));
        let cpu: Vec<String> = cpu.collect();
        eprintln!(
            "  {:<16} {} us of CPU a request",
            entry.contender.subject.title(),
            cpu.join(" ")
        );
        subjects.insert(entry.contender.subject, Measured::Rounds(entry.samples));
    }
    Ok(Row {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        kind: scenario.kind,
        upstreams: running.flags.listeners,
        tools: running.flags.listeners * running.flags.tools,
        sse: running.flags.sse,
        subjects,
    })
}
