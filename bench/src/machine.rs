//! The machine, as far as it matters for the numbers, and nothing that says whose it is.

use std::fs;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::envoy::{needed, repository};

/// Where and with what was measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) model: String,
    pub(crate) cores: usize,
    pub(crate) virtualized: bool,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    /// The load averages of a minute, before and after.
    pub(crate) load: (String, String),
    pub(crate) envoy: String,
    pub(crate) h2load: String,
    pub(crate) wasm_kib: u64,
    #[serde(default)]
    pub(crate) module_kib: u64,
    /// The commit of the filter, with `+` if something was changed.
    pub(crate) commit: String,
}

impl Machine {
    /// Looks around.
    pub(crate) async fn describe() -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let field = |name: &str| {
            let line = cpus.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = fs::read_to_string("/proc/meminfo")?;
        let memory = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        let wasm = needed("MCP_MUX_WASM", "dist/mcp_mux.wasm")?;
        let module = needed("MCP_MUX_MODULE", "dist/libmcp_mux.so")?;
        let envoy = output(Command::new(needed("MCP_MUX_ENVOY", ".tools/bin/envoy")?), "--version");
        let h2load =
            output(Command::new(needed("MCP_MUX_H2LOAD", ".tools/bin/h2load")?), "--version");
        let mut git = Command::new("git");
        git.current_dir(repository(".")).args(["describe", "--always", "--dirty=+", "--exclude=*"]);
        #[expect(clippy::disallowed_methods, reason = "a report has a date")]
        let now = SystemTime::now();
        // "<path> version: <hash>/1.40.0/Clean/RELEASE/BoringSSL"
        let envoy = envoy.await.split('/').rev().nth(3).unwrap_or("?").to_owned();
        Ok(Self {
            time: now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            model: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            virtualized: field("flags").is_some_and(|flags| flags.contains("hypervisor")),
            memory_gib: memory.unwrap_or_default() / 1024.0 / 1024.0,
            kernel: release()?,
            load: (load()?, String::new()),
            envoy,
            h2load: h2load.await.trim().to_owned(),
            wasm_kib: fs::metadata(wasm)?.len() / 1024,
            module_kib: fs::metadata(module)?.len() / 1024,
            commit: output(git, "--abbrev=9").await.trim().to_owned(),
        })
    }

    /// What it is, in a few words.
    pub(crate) fn name(&self) -> String {
        let kind = if self.virtualized { "virtual machine" } else { "machine" };
        format!("A {kind} with {} cores ({})", self.cores, self.model)
    }

    /// The run is over.
    pub(crate) fn ends(&mut self) -> Result<()> {
        self.load.1 = load()?;
        Ok(())
    }
}

/// The kernel's version, without what a builder has added.
fn release() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(release.trim().split('-').next().unwrap_or_default().to_owned())
}

fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().context("the load average")?.to_owned())
}

async fn output(mut command: Command, argument: &str) -> String {
    let output = command.arg(argument).output().await;
    output
        .map_or_else(|_| "?".into(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A day, from seconds since 1970 (the civil calendar, by counting days in eras of 400 years).
pub(crate) fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
