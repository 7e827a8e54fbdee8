//! What is not counted by requests: how long others wait for a long list, memory, and the start.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::args::Upstream as Flags;
use crate::envoy::{Envoy, Upstreams};
use crate::load::Load;
use crate::measure::Plan;
use crate::results::{Kind, Memory, Ping, Start};
use crate::scenario::{Ask, largest_list};
use crate::subject::Subject;
use crate::world::{Contender, Running};

/// Pings come at a steady rate, one a second from each client: a client that waits does not keep the
/// others from asking, or waits that are long would be counted seldom.
const PINGING: u32 = 40;
const PINGS: u64 = 100;
/// So many requests are sent by one run of the load generator, which logs each.
const AT_ONCE: u64 = 50_000;
/// The numbers of workers that starts are looked at with.
const WORKERS: [u32; 2] = [1, 4];
/// How long the lists have to get going.
const HEAD_START: Duration = Duration::from_millis(500);

/// Pings while another client lists, again and again.
pub(crate) async fn pings(plan: &Plan) -> Result<BTreeMap<Subject, Vec<Ping>>> {
    let mut pings: BTreeMap<Subject, Vec<Ping>> = BTreeMap::new();
    if !plan.wants("ping") {
        return Ok(pings);
    }
    eprintln!("ping while another client lists 10 x 1000 tools");
    let running = Running::start(&largest_list(), &Subject::GATEWAYS).await?;
    for contender in &running.contenders {
        contender.verify(Ask::Ping, &running.flags).await?;
        contender.load(Ask::List, 1).send(5).await?;
    }
    for _ in 0..plan.rounds(Kind::List) {
        for contender in &running.contenders {
            let ping = ping(contender).await?;
            eprintln!("  {:<16} {ping:?}", contender.subject.title());
            pings.entry(contender.subject).or_default().push(ping);
        }
    }
    Ok(pings)
}

async fn ping(contender: &Contender) -> Result<Ping> {
    let load = Load { steady: true, ..contender.load(Ask::Ping, PINGING) };
    let idle = load.send(PINGS).await?;
    let (lister, files) = contender.load(Ask::List, 1).keep_sending()?;
    sleep(HEAD_START).await;
    let busy = load.send(PINGS).await;
    lister.kill().await;
    drop(files);
    let busy = busy?;
    Ok(Ping {
        idle_p50: idle.percentile(0.50),
        idle_p95: idle.percentile(0.95),
        busy_p50: busy.percentile(0.50),
        busy_p95: busy.percentile(0.95),
    })
}

/// Memory over many calls, and over long lists.
pub(crate) async fn watch(plan: &Plan) -> Result<Vec<Memory>> {
    let mut memory = Vec::new();
    if plan.wants("memory-calls") {
        let calls = plan.memory_calls;
        let steps = [calls / 20, calls / 4, calls / 2, calls * 3 / 4, calls];
        let flags = Flags { listeners: 2, ..Flags::default() };
        let ask = Ask::Call { bytes: 200 };
        memory.push(grow("small calls", &flags, &Subject::ALL, ask, 16, &steps).await?);
    }
    if plan.wants("memory-lists") {
        let steps = [1, 5, 10, 20, 40];
        let title = "lists of 10 x 1000 tools";
        let (flags, subjects) = (largest_list(), Subject::GATEWAYS);
        memory.push(grow(title, &flags, &subjects, Ask::List, 1, &steps).await?);
    }
    Ok(memory)
}

/// Sends until so many requests were sent, and looks at the memory at each step.
async fn grow(
    title: &str,
    flags: &Flags,
    subjects: &[Subject],
    ask: Ask,
    connections: u32,
    steps: &[u64],
) -> Result<Memory> {
    eprintln!("memory over {title}");
    let running = Running::start(flags, subjects).await?;
    let mut subjects = BTreeMap::new();
    for contender in &running.contenders {
        let process = &contender.envoy.process;
        let load = contender.load(ask, connections);
        let mut points = vec![(0, process.memory()?)];
        let mut sent = 0;
        for &step in steps {
            while sent < step {
                let next = (step - sent).min(AT_ONCE);
                load.send(next).await?;
                sent += next;
            }
            points.push((sent, process.memory()?));
        }
        let mebibytes = points.iter().map(|point| (point.1 >> 20).to_string());
        let mebibytes: Vec<String> = mebibytes.collect();
        eprintln!("  {:<16} {} MiB", contender.subject.title(), mebibytes.join(" "));
        subjects.insert(contender.subject, points);
    }
    Ok(Memory { title: title.to_owned(), subjects })
}

/// What a start takes, and the memory right after it.
pub(crate) async fn starts(plan: &Plan) -> Result<Vec<Start>> {
    let mut starts = Vec::new();
    if !plan.wants("start") {
        return Ok(starts);
    }
    eprintln!("starts");
    let upstreams = Upstreams::start(&Flags { listeners: 2, ..Flags::default() }).await?;
    for workers in WORKERS {
        for subject in Subject::ALL {
            let (mut cpu, mut wall, mut memory) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..plan.rounds(Kind::List) {
                let begin = Instant::now();
                let envoy = Envoy::with_workers(workers, subject, &upstreams.addresses).await?;
                wall.push(begin.elapsed().as_secs_f64());
                // What was compiled in the background is a part of it.
                sleep(HEAD_START).await;
                cpu.push(envoy.process.cpu()? as f64 / 1e9);
                memory.push(envoy.process.memory()?);
                envoy.process.kill().await;
            }
            let title = subject.title();
            eprintln!("  {title:<16} {workers} workers: {cpu:.2?} s of CPU, {wall:.2?} s");
            starts.push(Start { subject, workers, cpu, wall, memory });
        }
    }
    Ok(starts)
}
