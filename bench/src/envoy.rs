//! The processes that are measured: Envoys and their upstreams. Each is killed when dropped.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::args::Upstream as Flags;
use crate::client::Endpoint;
use crate::subject::{PATH, Subject};
use crate::{client, cpu};

/// How long a process may take to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// A path in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file that is needed: the one that the variable names, or one in the repository.
pub(crate) fn needed(variable: &str, path: &str) -> Result<PathBuf> {
    let file = std::env::var_os(variable).map_or_else(|| repository(path), PathBuf::from);
    let hint = || format!("{} is not there: run `make bench`, or set {variable}", file.display());
    file.canonicalize().with_context(hint)
}

/// The command of a program on a part of the cores: Envoys have the last one, upstreams and the load
/// generator share the others. Left to the scheduler, a request that wakes its peer on the same core
/// costs two thirds of one that does not, and which of them it is changes from round to round.
pub(crate) fn on_cores(program: &Path, envoy: bool) -> Command {
    // Whatever ends this process, a kill or a panic, ends the program too. Both of these become what
    // they start, so that the process is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    let cores = cores();
    if let Some((last, others)) = cores.split_last().filter(|(_, others)| !others.is_empty()) {
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        let list = if envoy { last.to_string() } else { others.join(",") };
        command.args(["taskset", "--cpu-list", &list]);
    }
    command.arg(program);
    command
}

/// The cores that this process may use, by number.
fn cores() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?)
    };
    allowed.unwrap_or_default().trim().split(',').filter_map(range).flatten().collect()
}

/// A process, killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: u32,
}

impl Process {
    /// Starts a program that ends with this one.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let what = format!("{}", command.as_std().get_program().display());
        let child = command.kill_on_drop(true).spawn().with_context(|| what.clone())?;
        let pid = child.id().with_context(|| format!("{what} has no id"))?;
        Ok(Self { child, pid })
    }

    /// Its CPU time so far, in nanoseconds.
    pub(crate) fn cpu(&self) -> Result<u64> {
        cpu::nanoseconds(self.pid)
    }

    /// Its resident memory, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        cpu::memory(self.pid)
    }

    /// Ends it, and returns when it is gone.
    pub(crate) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

/// The servers behind the Envoys: one process, a port each.
#[derive(Debug)]
pub(crate) struct Upstreams {
    pub(crate) process: Process,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Upstreams {
    /// Starts them: this program again, with other arguments.
    pub(crate) async fn start(flags: &Flags) -> Result<Self> {
        let mut command = on_cores(&std::env::current_exe()?, false);
        command.args(flags.to_args());
        Self::of(command, flags.listeners + u32::from(flags.joined)).await
    }

    /// Starts a program that prints the address of each of its listeners, a line each.
    pub(crate) async fn of(mut command: Command, listeners: u32) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let output = process.child.stdout.take().context("the output of the upstream")?;
        let mut lines = BufReader::new(output).lines();
        let mut addresses = Vec::new();
        while addresses.len() < listeners as usize {
            let line = lines.next_line().await?.context("the upstream has ended")?;
            addresses.push(line.parse().with_context(|| format!("not an address: {line}"))?);
        }
        Ok(Self { process, addresses })
    }
}

/// One subject's Envoy.
#[derive(Debug)]
pub(crate) struct Envoy {
    pub(crate) process: Process,
    pub(crate) endpoint: Endpoint,
    /// Its configuration and its log.
    _files: TempDir,
}

impl Envoy {
    /// Another program in the place of an Envoy.
    pub(crate) fn other(process: Process, endpoint: Endpoint, files: TempDir) -> Self {
        Self { process, endpoint, _files: files }
    }

    /// Starts an Envoy with one worker, and waits until it listens.
    pub(crate) async fn start(subject: Subject, upstreams: &[SocketAddr]) -> Result<Self> {
        Self::with_workers(1, subject, upstreams).await
    }

    /// Starts an Envoy with so many workers, and waits until it listens.
    pub(crate) async fn with_workers(
        workers: u32,
        subject: Subject,
        upstreams: &[SocketAddr],
    ) -> Result<Self> {
        let wasm = needed("MCP_MUX_WASM", "dist/mcp_mux.wasm")?;
        let module = needed("MCP_MUX_MODULE", "dist/libmcp_mux.so")?;
        let program = needed("MCP_MUX_ENVOY", ".tools/bin/envoy")?;
        let files = tempfile::tempdir().context("a temporary folder")?;
        let bootstrap = files.path().join("envoy.json");
        std::fs::write(&bootstrap, subject.bootstrap(upstreams, &wasm).to_string())?;
        let log = files.path().join("log");
        let mut command = on_cores(&program, true);
        command.arg("--config-path").arg(&bootstrap);
        command.arg("--admin-address-path").arg(files.path().join("admin"));
        command.args(["--disable-hot-restart", "--log-level", "error"]);
        command.args(["--concurrency", &workers.to_string()]);
        command.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", module.parent().context("a folder")?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let mut process = Process::start(&mut command)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(address) = listener(files.path()).await {
                return Ok(Self { process, endpoint: (address, PATH), _files: files });
            }
            let ended = process.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                let title = subject.title();
                let state = if ended.is_some() { "ended" } else { "does not listen" };
                bail!("the Envoy of {title} {state}:\n{log}");
            }
            sleep(POLL).await;
        }
    }
}

/// Where the Envoy with these files listens, once it is ready.
async fn listener(files: &Path) -> Option<SocketAddr> {
    let admin = std::fs::read_to_string(files.join("admin")).ok()?.parse().ok()?;
    if !client::get(admin, "/ready").await.ok()?.status.is_success() {
        return None;
    }
    let listeners = client::get(admin, "/listeners?format=json").await.ok()?;
    let listeners: Value = serde_json::from_slice(&listeners.body).ok()?;
    let listener = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
    let port = u16::try_from(listener["port_value"].as_u64()?).ok().filter(|&port| port > 0)?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}
