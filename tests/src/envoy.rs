//! A running Envoy: started on ports that the kernel picks, ended when dropped, its log shown when
//! the test fails.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Request;
use crate::setup::Setup;
use crate::{repository, tool, within};

const POLL: Duration = Duration::from_millis(5);

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    /// Where it listens.
    pub address: SocketAddr,
    admin: SocketAddr,
    workers: usize,
    process: Process,
}

/// The child and its files; ends the child when dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    files: TempDir,
}

impl Process {
    fn of(setup: &Setup) -> Self {
        Self::spawn(&setup.bootstrap().to_string(), setup.concurrency, &[])
    }

    /// Starts Envoy with a bootstrap in YAML, of which JSON is a part, and with these variables in its
    /// environment.
    fn spawn(bootstrap: &str, concurrency: u32, environment: &[(&str, &str)]) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        let file = files.path().join("envoy.yaml");
        std::fs::write(&file, bootstrap).expect("the bootstrap");
        let log = File::create(files.path().join("log")).expect("the log");
        let child = Command::new(tool("MCP_MUX_ENVOY", ".tools/bin/envoy"))
            .arg("--config-path")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(files.path().join("admin"))
            .args(["--disable-hot-restart", "--log-level", "warning"])
            .args(["--component-log-level", "wasm:debug"])
            .args(["--concurrency", &concurrency.to_string()])
            .current_dir(repository("."))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Envoy starts");
        Self { child, files }
    }

    fn log(&self) -> String {
        let bytes = std::fs::read(self.files.path().join("log")).expect("the log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of the child")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(60)..];
            eprintln!("--- the end of Envoy's log\n{}\n---", tail.join("\n"));
        }
    }
}

impl Envoy {
    pub(crate) async fn start(setup: &Setup) -> Self {
        Self::ready(Process::of(setup), setup.concurrency).await
    }

    /// Starts Envoy with a configuration that is shipped, on other ports than it says.
    pub async fn start_file(yaml: &str) -> Self {
        Self::start_file_with(yaml, &[]).await
    }

    /// The same with these variables in Envoy's environment.
    pub async fn start_file_with(yaml: &str, environment: &[(&str, &str)]) -> Self {
        let yaml = [8080, 8081, 9901].iter().fold(yaml.to_owned(), |yaml, port| {
            yaml.replace(&format!("port_value: {port}"), "port_value: 0")
        });
        Self::ready(Process::spawn(&yaml, 1, environment), 1).await
    }

    /// Where the listener of this place in the configuration listens; the first is [`Self::address`].
    pub async fn listener(&self, place: usize) -> Option<SocketAddr> {
        listener(self.admin, place).await
    }

    async fn ready(mut process: Process, workers: u32) -> Self {
        let addresses = within("Envoy to listen", async {
            loop {
                if let Some(status) = process.ended() {
                    panic!("Envoy ended with {status}:\n{}", process.log());
                }
                if let Some(addresses) = addresses(process.files.path()).await {
                    break addresses;
                }
                tokio::time::sleep(POLL).await;
            }
        });
        let (admin, address) = addresses.await;
        Self { address, admin, workers: workers as usize, process }
    }

    /// Where the admin interface listens.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.admin.port()
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until a line of the log satisfies `wanted`, and returns it.
    pub async fn log_line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        within(&format!("a log line with {what}"), async {
            loop {
                if let Some(line) = self.log().lines().find(|line| wanted(line)) {
                    return line.to_owned();
                }
                tokio::time::sleep(POLL).await;
            }
        })
        .await
    }

    /// A counter or gauge; 0 where Envoy does not know it (yet).
    pub async fn stat(&self, name: &str) -> u64 {
        let stats = self.stats().await;
        let value = stats.iter().find(|(known, _)| known == name);
        value.map_or(0, |(_, value)| *value)
    }

    /// Waits until a gauge has this value.
    pub async fn gauge_falls_to(&self, name: &str, value: u64) {
        within(&format!("{name} to be {value}"), async {
            while self.stat(name).await != value {
                tokio::time::sleep(POLL).await;
            }
        })
        .await;
    }

    /// All counters and gauges.
    pub async fn stats(&self) -> Vec<(String, u64)> {
        let text = admin(self.admin, "/stats").await.expect("the stats");
        let line = |line: &str| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }

    /// Repeats `check`, which makes connections of its own, until every worker has had several.
    pub async fn on_all_workers(&self, check: impl AsyncFn()) {
        let connections = async || {
            let of_worker =
                |name: &str| name.contains(".worker_") && name.ends_with(".downstream_cx_total");
            let mut stats = self.stats().await;
            stats.retain(|(name, _)| of_worker(name));
            assert_eq!(stats.len(), self.workers, "{stats:?}");
            stats
        };
        let before = connections().await;
        within("a turn for every worker", async {
            loop {
                check().await;
                let now = connections().await;
                if before.iter().zip(&now).all(|(before, now)| now.1 > before.1 + 2) {
                    break;
                }
            }
        })
        .await;
    }

    /// How many virtual machines of the filter were made since the start.
    pub async fn machines_made(&self) -> u64 {
        self.stat("wasm.envoy.wasm.runtime.v8.created").await
    }

    /// The resident memory of the process, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.child.id()));
        let status = status.expect("the status of the process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }
}

/// Starts an Envoy that must end by itself, refusing its configuration; returns its log.
pub(crate) async fn refused(setup: &Setup) -> String {
    let mut process = Process::of(setup);
    let status = within("Envoy to refuse its configuration", async {
        loop {
            if let Some(status) = process.ended() {
                return status;
            }
            let listens = addresses(process.files.path()).await.is_some();
            assert!(!listens, "Envoy took the configuration");
            tokio::time::sleep(POLL).await;
        }
    });
    let status = status.await;
    assert!(!status.success(), "Envoy ended with {status}");
    process.log()
}

/// The addresses of the admin interface and of the listener, once both are there.
async fn addresses(files: &Path) -> Option<(SocketAddr, SocketAddr)> {
    let admin_address = std::fs::read_to_string(files.join("admin")).ok()?.parse().ok()?;
    if !admin(admin_address, "/ready").await?.starts_with("LIVE") {
        return None;
    }
    Some((admin_address, listener(admin_address, 0).await?))
}

async fn listener(admin_address: SocketAddr, place: usize) -> Option<SocketAddr> {
    let listeners = admin(admin_address, "/listeners?format=json").await?;
    let listeners: Value = serde_json::from_str(&listeners).ok()?;
    let listener = &listeners["listener_statuses"][place]["local_address"]["socket_address"];
    let port = u16::try_from(listener["port_value"].as_u64()?).ok().filter(|&port| port > 0)?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// The body of an admin page; `None` while nobody listens.
async fn admin(address: SocketAddr, page: &str) -> Option<String> {
    let reply = Request::at(address, "GET", page).attempt().await?;
    Some(reply.text().to_owned())
}
