//! What piles up in one Envoy: sessions that have been opened, streams that are open.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hyper::StatusCode;
use hyper::body::Incoming;
use tokio::time::sleep;

use super::{CALL, SUBJECTS, add, growths};
use crate::args::Upstream as Flags;
use crate::client::{Connection, headers};
use crate::measure::Plan;
use crate::results::{Course, Growth, Kind, Point};
use crate::scenario::REVISION;
use crate::subject::Subject;
use crate::world::{Contender, Running, SETTLE, open};

/// What is remembered of sessions is bounded, and that bound is passed on the way.
const SESSIONS: [u32; 4] = [250, 500, 1000, 2000];
/// Envoy has 1024 connections to a server at most, unless told otherwise.
const STREAMS: [u32; 5] = [50, 100, 200, 400, 800];
/// How long nothing is asked, to see what open streams cost by themselves.
const SILENCE: Duration = Duration::from_secs(1);

/// What came of one Envoy: its CPU time and its memory, step by step.
#[derive(Default)]
struct Piles {
    cpu: Vec<Course>,
    memory: Vec<Course>,
}

impl Piles {
    /// Notes what the Envoy has taken for so many, all together, and what a call costs beside them.
    async fn step(
        &mut self,
        running: &Running,
        contender: &Contender,
        (of, what): (u32, [&str; 3]),
        taken: f64,
        plan: &Plan,
    ) -> Result<()> {
        let subject = contender.subject;
        let [all, beside, resident] = what;
        let one = |value| Point { of: of.into(), rounds: vec![value] };
        add(&mut self.cpu, subject, all, one(taken));
        add(&mut self.memory, subject, resident, one(contender.envoy.process.memory()? as f64));
        let load = contender.load(CALL, 1);
        let requests = running.calibrate(contender, &load, plan.time).await?;
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds(Kind::Small) {
            rounds.push(running.sample(contender, &load, requests).await?.0.cpu);
        }
        eprintln!("  {:<16} {of}: {taken:.0} us of CPU, a call {rounds:.1?} us", subject.title());
        add(&mut self.cpu, subject, beside, Point { of: of.into(), rounds });
        Ok(())
    }
}

/// Sessions with a call in each, and nothing after that.
pub(super) async fn sessions(plan: &Plan) -> Result<[Growth; 2]> {
    eprintln!("sessions");
    let flags = Flags { listeners: 2, ..Flags::default() };
    let running = Running::start(&flags, &SUBJECTS).await?;
    let mut piles = Piles::default();
    for contender in &running.contenders {
        let endpoint = contender.envoy.endpoint;
        let (mut opened, mut taken) = (0, 0.0);
        for step in SESSIONS {
            let mut connection = Connection::open(endpoint.0).await?;
            let before = contender.envoy.process.cpu()?;
            while opened < step {
                let session = open(&mut connection, endpoint.1).await?;
                let body = CALL.body(contender.subject);
                let headers = headers(Some(&session), REVISION);
                connection.post(endpoint.1, &headers, body).await?.messages()?;
                opened += 1;
            }
            taken += cpu_since(contender, before).await?;
            let what = ["all opened, with a call in each", "a small call then", "resident memory"];
            piles.step(&running, contender, (step, what), taken, plan).await?;
        }
    }
    let titles = [
        "CPU time by sessions: all of them opened, and a call in one of them",
        "Memory of Envoy by sessions that were opened",
    ];
    Ok(growths("sessions", titles, "session", [piles.cpu, piles.memory]))
}

/// Clients that listen, each in a session of its own; to two servers at once in the native host.
pub(super) async fn streams(plan: &Plan) -> Result<[Growth; 2]> {
    eprintln!("open streams");
    let mut piles = Piles::default();
    for subject in SUBJECTS {
        // WebAssembly has one server to listen to.
        let listeners = if subject == Subject::Native { 2 } else { 1 };
        let flags = Flags { listeners, streams: true, ..Flags::default() };
        let running = Running::start(&flags, &[subject]).await?;
        for contender in &running.contenders {
            listen(&running, contender, plan, &mut piles).await?;
        }
    }
    let titles = [
        "CPU time by open streams: all of them opened, and what it costs while they are",
        "Memory of Envoy by open streams",
    ];
    Ok(growths("streams", titles, "stream", [piles.cpu, piles.memory]))
}

async fn listen(
    running: &Running,
    contender: &Contender,
    plan: &Plan,
    piles: &mut Piles,
) -> Result<()> {
    let endpoint = contender.envoy.endpoint;
    let mut taken = 0.0;
    let mut held: Vec<(Connection, Incoming)> = Vec::new();
    for step in STREAMS {
        let before = contender.envoy.process.cpu()?;
        while held.len() < step as usize {
            let mut connection = Connection::open(endpoint.0).await?;
            let session = open(&mut connection, endpoint.1).await?;
            let (answer, body) =
                connection.get(endpoint.1, &headers(Some(&session), REVISION)).await?.into_parts();
            ensure!(answer.status == StatusCode::OK, "GET: {}", answer.status);
            held.push((connection, body));
        }
        taken += cpu_since(contender, before).await?;
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds(Kind::Small) {
            let before = contender.envoy.process.cpu()?;
            sleep(SILENCE).await;
            rounds.push(cpu_since(contender, before).await? / SILENCE.as_secs_f64());
        }
        let point = Point { of: step.into(), rounds };
        add(&mut piles.cpu, contender.subject, "a second of silence", point);
        let what = ["all opened, each in a session", "a small call beside them", "resident memory"];
        piles.step(running, contender, (step, what), taken, plan).await?;
    }
    let ended = held.iter().filter(|(connection, _)| connection.is_closed()).count();
    ensure!(ended == 0, "{ended} of {} streams have ended", held.len());
    Ok(())
}

/// Envoy's CPU time since it was so many nanoseconds, in microseconds.
async fn cpu_since(contender: &Contender, before: u64) -> Result<f64> {
    sleep(SETTLE).await;
    let now = contender.envoy.process.cpu()?;
    let taken = now.checked_sub(before).context("a clock that goes backwards")?;
    Ok(taken as f64 / 1000.0)
}
