//! A world of running processes: upstreams, and an Envoy of each subject before them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hyper::StatusCode;
use tokio::time::{Instant, sleep};

use crate::args::Upstream as Flags;
use crate::client::{Connection, headers, post};
use crate::cpu;
use crate::envoy::{Envoy, Upstreams};
use crate::load::{Load, Outcome};
use crate::results::Sample;
use crate::scenario::{Ask, REVISION, STATELESS};
use crate::subject::Subject;
use crate::verify::verify;

/// How long processes have to fall asleep after the last answer, before their time is read.
pub(crate) const SETTLE: Duration = Duration::from_millis(20);
/// At least as many requests make a measurement.
const FEWEST: u64 = 3;

/// Upstreams, and who stands before them.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) flags: Flags,
    pub(crate) upstreams: Upstreams,
    pub(crate) contenders: Vec<Contender>,
}

/// One subject, with a session if its client has one.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) subject: Subject,
    pub(crate) envoy: Envoy,
    session: Option<String>,
}

impl Running {
    /// Starts all processes and opens a session with each subject.
    pub(crate) async fn start(flags: &Flags, subjects: &[Subject]) -> Result<Self> {
        Self::with_workers(1, flags, subjects).await
    }

    /// The same, with so many workers in each Envoy.
    pub(crate) async fn with_workers(
        workers: u32,
        flags: &Flags,
        subjects: &[Subject],
    ) -> Result<Self> {
        let upstreams = Upstreams::start(flags).await?;
        let mut contenders = Vec::new();
        let (servers, joined) = upstreams.addresses.split_at(flags.listeners as usize);
        for &subject in subjects {
            let servers = if subject == Subject::Joined { joined } else { servers };
            let envoy = Envoy::with_workers(workers, subject, servers).await?;
            contenders.push(Contender::open(subject, envoy).await?);
        }
        Ok(Self { flags: flags.clone(), upstreams, contenders })
    }

    /// One measurement of one subject: so many requests.
    pub(crate) async fn sample(
        &self,
        contender: &Contender,
        load: &Load,
        requests: u64,
    ) -> Result<(Sample, Outcome)> {
        sleep(SETTLE).await;
        let process = &contender.envoy.process;
        let upstream = &self.upstreams.process;
        let machine = (Instant::now(), cpu::machine()?);
        let before = (process.cpu()?, upstream.cpu()?, cpu::ended_children()?);
        let outcome = load.send(requests).await?;
        sleep(SETTLE).await;
        let after = (process.cpu()?, upstream.cpu()?, cpu::ended_children()?);
        let (elapsed, busy) = (machine.0.elapsed(), cpu::machine()? - machine.1);
        let own = (after.0 - before.0) + (after.1 - before.1) + (after.2 - before.2);
        let each = |before: u64, after: u64| (after - before) as f64 / 1000.0 / requests as f64;
        let sample = Sample {
            requests,
            cpu: each(before.0, after.0),
            per_second: requests as f64 / outcome.elapsed.as_secs_f64(),
            p50: outcome.percentile(0.50),
            p99: outcome.percentile(0.99),
            upstream_cpu: each(before.1, after.1),
            load_cpu: each(before.2, after.2),
            others: Some(busy.saturating_sub(own) as f64 / elapsed.as_nanos() as f64),
            bytes: outcome.bytes as f64 / requests as f64,
        };
        Ok((sample, outcome))
    }

    /// Warms a subject up, and says how many requests it answers in this time.
    pub(crate) async fn calibrate(
        &self,
        contender: &Contender,
        load: &Load,
        time: Duration,
    ) -> Result<u64> {
        let mut requests = FEWEST.max(load.connections.into());
        loop {
            let (sample, outcome) = self.sample(contender, load, requests).await?;
            let wanted = (sample.per_second * time.as_secs_f64()) as u64;
            let wanted = wanted.max(FEWEST).max(load.connections.into());
            if outcome.elapsed * 2 >= time || requests >= wanted {
                return Ok(wanted);
            }
            requests = wanted.min(requests * 50);
        }
    }
}

impl Contender {
    /// Opens a session with an Envoy.
    pub(crate) async fn open(subject: Subject, envoy: Envoy) -> Result<Self> {
        let mut contender = Self { subject, envoy, session: None };
        if subject.is_stateless() {
            // From here on the upstreams are known.
            let load = contender.load(Ask::Initialize, 1);
            let reply = post(load.endpoint, &load.headers, load.body).await?;
            reply.messages().with_context(|| format!("server/discover, {}", subject.title()))?;
        } else {
            let (address, path) = contender.envoy.endpoint;
            let session = open(&mut Connection::open(address).await?, path).await;
            let session = session.with_context(|| format!("initialize, {}", subject.title()))?;
            contender.session = Some(session);
        }
        Ok(contender)
    }

    /// The load that asks this of it.
    pub(crate) fn load(&self, ask: Ask, connections: u32) -> Load {
        let session = self.session.as_deref().filter(|_| ask != Ask::Initialize);
        let mut headers = headers(session, REVISION);
        if self.subject.is_stateless() {
            headers.push(("mcp-protocol-version", STATELESS.to_owned()));
            headers.push(("mcp-method", ask.method(self.subject).to_owned()));
            let is_call = matches!(ask, Ask::Call { .. });
            headers.extend(is_call.then(|| ("mcp-name", self.subject.tool_name("tool_0000"))));
        }
        Load {
            endpoint: self.envoy.endpoint,
            headers,
            body: ask.body(self.subject),
            connections,
            steady: false,
        }
    }

    /// Whether it answers as it must; and the length of its answer in bytes.
    pub(crate) async fn verify(&self, ask: Ask, flags: &Flags) -> Result<usize> {
        let load = self.load(ask, 1);
        let reply = post(load.endpoint, &load.headers, load.body).await?;
        verify(self.subject, ask, flags, &reply)?;
        Ok(reply.body.len())
    }
}

/// Opens a session.
pub(crate) async fn open(connection: &mut Connection, path: &'static str) -> Result<String> {
    let body = Ask::Initialize.body(Subject::Plain);
    let reply = connection.post(path, &headers(None, REVISION), body).await?;
    reply.messages()?;
    let session = reply.header("mcp-session-id").context("no session id")?.to_owned();
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let reply = connection.post(path, &headers(Some(&session), REVISION), ready).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "notifications/initialized: {}", reply.status);
    Ok(session)
}
