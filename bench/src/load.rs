//! The load: h2load, run once for each measurement.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::Endpoint;
use crate::envoy::{Process, needed, on_cores};

/// No single run of the load generator takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to send, again and again: everything but how often.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) connections: u32,
    /// One request a second on each connection, evenly spread, whether or not others are answered;
    /// without it, on each connection as fast as answers come.
    pub(crate) steady: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The time of each request to the end of its answer, in microseconds, sorted.
    pub(crate) latencies: Vec<u64>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Bytes of all answers' bodies.
    pub(crate) bytes: u64,
}

impl Load {
    /// Sends so many requests, each of which must be answered with 2xx.
    pub(crate) async fn send(&self, requests: u64) -> Result<Outcome> {
        let files = tempfile::tempdir().context("a temporary folder")?;
        let output = self.command(&files, requests)?.kill_on_drop(true).output();
        let output = timeout(PATIENCE, output)
            .await
            .with_context(|| format!("{requests} requests took longer than {PATIENCE:?}"))??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "h2load: {}\n{text}\n{errors}", output.status);
        let succeeded = number_before(&text, " succeeded");
        ensure!(succeeded == Some(requests), "not all requests were answered:\n{text}");
        let successes = number_before(&text, " 2xx");
        ensure!(successes == Some(requests), "not all answers were 2xx:\n{text}");
        let bytes = text.lines().find(|line| line.starts_with("traffic:"));
        let bytes = bytes.and_then(|line| line.rsplit_once('(')?.1.split(')').next()?.parse().ok());
        let bytes = bytes.with_context(|| format!("no count of bytes:\n{text}"))?;
        let (latencies, elapsed) = read(&files.path().join("requests"))?;
        Ok(Outcome { latencies, elapsed, bytes })
    }

    /// Sends requests for as long as the process is kept.
    pub(crate) fn keep_sending(&self) -> Result<(Process, TempDir)> {
        let files = tempfile::tempdir().context("a temporary folder")?;
        let process = Process::start(&mut self.command(&files, 100_000_000)?)?;
        Ok((process, files))
    }

    /// Where it goes.
    pub(crate) fn url(&self) -> String {
        let (address, path) = self.endpoint;
        format!("http://{address}{path}")
    }

    fn command(&self, files: &TempDir, requests: u64) -> Result<Command> {
        let body = files.path().join("body");
        std::fs::write(&body, &self.body)?;
        let mut command = on_cores(&needed("MCP_MUX_H2LOAD", ".tools/bin/h2load")?, false);
        command.args(["--h1", "--threads=1"]);
        command.arg(format!("--requests={requests}"));
        command.arg(format!("--clients={}", self.connections));
        command.arg("--data").arg(body);
        command.arg("--log-file").arg(files.path().join("requests"));
        if self.steady {
            // Each connection opens a little after the one before, and keeps its distance.
            let apart = 1000 / self.connections.max(1);
            command.args(["--rps=1", "--rate=1"]).arg(format!("--rate-period={apart}ms"));
        }
        for (name, value) in &self.headers {
            command.arg(format!("--header={name}: {value}"));
        }
        command.arg(self.url());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}

/// The number that stands before a word.
fn number_before(text: &str, word: &str) -> Option<u64> {
    text.split(word).next()?.rsplit([' ', ',']).next()?.parse().ok()
}

/// Reads the log: a line for each request, with its start (microseconds since 1970), its status and
/// the microseconds that it took.
fn read(log: &Path) -> Result<(Vec<u64>, Duration)> {
    let text = std::fs::read_to_string(log)?;
    let (mut latencies, mut first, mut last) = (Vec::new(), u64::MAX, 0);
    for line in text.lines() {
        let mut fields = line.split('\t').map(str::parse);
        let (Some(Ok(start)), Some(Ok(200)), Some(Ok(took))) =
            (fields.next(), fields.next(), fields.next())
        else {
            bail!("a line of h2load's log that is not understood: {line}")
        };
        latencies.push(took);
        first = first.min(start);
        last = last.max(start + took);
    }
    ensure!(!latencies.is_empty(), "h2load has logged nothing");
    latencies.sort_unstable();
    Ok((latencies, Duration::from_micros(last - first)))
}

impl Outcome {
    /// The latency that this share of the requests did not exceed, in microseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let rank = ((self.latencies.len() as f64 * share).ceil() as usize).max(1) - 1;
        self.latencies.get(rank).map_or(0.0, |&latency| latency as f64)
    }
}
