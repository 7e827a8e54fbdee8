//! A running Envoy: on ports that the kernel picks, ended or given back when dropped, its log shown when
//! the test fails.

mod admin;
mod lent;
mod process;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use admin::Admin;
use lent::Lent;
use process::Process;

use serde_json::Value;

use crate::host::Host;
use crate::setup::Setup;
use crate::within;

/// The file of a filter that is read again when it is replaced.
const FILTER: &str = "filter.json";

const POLL: Duration = Duration::from_millis(5);

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    /// Where it listens.
    pub address: SocketAddr,
    admin: Admin,
    workers: usize,
    /// There until it is dropped.
    owned: Option<Owned>,
}

/// Whose the process is.
#[derive(Debug)]
enum Owned {
    /// This test's alone.
    Alone(Process),
    /// One test's after the other.
    Lent(Lent),
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // What a test has failed with is not lent again; it shows its log and ends.
        if let Some(Owned::Lent(lent)) = self.owned.take_if(|_| !std::thread::panicking()) {
            lent.give_back();
        }
    }
}

impl Envoy {
    pub(crate) async fn start(setup: &Setup) -> Self {
        // The module is there at once, and what it remembers is the process's: a test would know of the one before.
        if setup.alone || Host::tested() == Host::Module {
            Self::ready(process_of(setup), setup.concurrency).await
        } else {
            let (lent, address) = Lent::start(setup).await;
            Self::new(address, lent.admin, setup.concurrency, Owned::Lent(lent))
        }
    }

    /// Starts Envoy with a configuration that is shipped, on other ports than it says, and with these
    /// variables in its environment.
    pub async fn start_file_with(yaml: &str, environment: &[(&str, &str)]) -> Self {
        let yaml = [8080, 8081, 9901].iter().fold(yaml.to_owned(), |yaml, port| {
            yaml.replace(&format!("port_value: {port}"), "port_value: 0")
        });
        Self::ready(Process::spawn(|_| yaml, 1, environment), 1).await
    }

    async fn ready(mut process: Process, workers: u32) -> Self {
        let admin = process.live().await;
        let address = admin.listens().await;
        Self::new(address, admin, workers, Owned::Alone(process))
    }

    fn new(address: SocketAddr, admin: Admin, workers: u32, owned: Owned) -> Self {
        Self { address, admin, workers: workers as usize, owned: Some(owned) }
    }

    fn process(&self) -> &Process {
        match self.owned.as_ref().expect("a process") {
            Owned::Alone(process) => process,
            Owned::Lent(lent) => &lent.process,
        }
    }

    /// Where the listener of this place in the configuration listens; the first is [`Self::address`].
    pub async fn listener(&self, place: usize) -> Option<SocketAddr> {
        self.admin.listener(place).await
    }

    /// Where the admin interface listens.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.admin.0.port()
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process().log()
    }

    /// What stands on a page of the admin interface.
    pub async fn admin_page(&self, page: &str) -> String {
        self.admin.page(page).await.expect("the admin interface")
    }

    /// Waits until a line of the access log, which goes to its output as JSON, satisfies `wanted`, and returns it.
    pub async fn access(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        within(&format!("an access log line with {what}"), async {
            loop {
                let output = self.process().output();
                let lines = output.lines().filter_map(|line| serde_json::from_str(line).ok());
                if let Some(line) = lines.into_iter().find(&wanted) {
                    return line;
                }
                tokio::time::sleep(POLL).await;
            }
        })
        .await
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

    /// A counter of the filter: what follows `mcp_mux.` in its name.
    pub async fn counter(&self, name: &str) -> u64 {
        self.stat(&format!("{}mcp_mux.{name}", Host::tested().metrics())).await
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
        let stats = self.admin.stats("").await;
        stats.into_iter().filter_map(|(name, value)| Some((name, value.parse().ok()?))).collect()
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

    /// Has the filter configured anew, as this says, and waits until it is; of one that
    /// [reloads](Setup::reloads).
    pub async fn reload(&self, setup: &Setup) {
        let reloads = async || {
            let mut stats = self.stats().await;
            stats.retain(|(name, _)| name.ends_with("mcp_mux.config_reload"));
            stats.first().expect("a filter that is read from a file").1
        };
        let before = reloads().await;
        let new = self.process().file("new");
        std::fs::write(&new, setup.filter_resource()).expect("a file");
        std::fs::rename(new, self.process().file(FILTER)).expect("a file in its place");
        within("a new configuration", async {
            while reloads().await == before {
                tokio::time::sleep(POLL).await;
            }
        })
        .await;
    }

    /// What grows when the filter breaks down: how many virtual machines of it were made since the start, or
    /// how often it has panicked.
    pub async fn breakdowns(&self) -> u64 {
        match Host::tested() {
            Host::Wasm => self.stat("wasm.envoy.wasm.runtime.v8.created").await,
            Host::Module => self.counter("panics").await,
        }
    }

    /// The resident memory of the process, in bytes; of one that is [`Setup::alone`].
    #[must_use]
    pub fn memory(&self) -> u64 {
        assert!(
            matches!(self.owned, Some(Owned::Alone(_))),
            "what other tests have used and given back hides what this one uses: Setup::alone"
        );
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process().id()));
        let status = status.expect("the status of the process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }
}

fn process_of(setup: &Setup) -> Process {
    let bootstrap = |files: &Path| {
        let filter = files.join(FILTER);
        if setup.reloads {
            std::fs::write(&filter, setup.filter_resource()).expect("a file");
        }
        setup.bootstrap(&filter).to_string()
    };
    Process::spawn(bootstrap, setup.concurrency, &setup.process_environment())
}

/// Has Envoy read a configuration that it must refuse; returns its log.
pub(crate) async fn refused(setup: &Setup) -> String {
    if !setup.alone {
        return lent::rejected(setup).await;
    }
    let mut process = process_of(setup);
    let status = within("Envoy to refuse its configuration", async {
        loop {
            if let Some(status) = process.ended() {
                return status;
            }
            assert!(process.admin().await.is_none(), "Envoy took the configuration");
            tokio::time::sleep(POLL).await;
        }
    });
    let status = status.await;
    assert!(!status.success(), "Envoy ended with {status}");
    process.log()
}
