//! Envoys that serve one test after the other, and never two at once.
//!
//! To compile the filter takes Envoy two seconds of a core, at each start of a process. So a test gets a
//! process that is there already, if one is idle that was started alike: it adds a listener and clusters
//! (Envoy reads both from files), and takes them away at its end. The filter runs in virtual machines that
//! are new for each test, and V8 takes the compiled code of the one that a bootstrap extension keeps.
//!
//! A test begins when Envoy has forgotten the one before: its listener, clusters, virtual machines and
//! statistics. What a process cannot forget is its memory; [`Setup::alone`] is for those who look at that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::POLL;
use super::admin::Admin;
use super::process::Process;
use crate::setup::Setup;
use crate::within;

/// What is fixed at the start of a process: the workers, and the runtime as JSON.
type Shape = (u32, String);

/// As many idle processes of a shape are kept; each takes 70 MB.
const IDLE: usize = 8;

static LENT: Mutex<BTreeMap<Shape, Vec<Lent>>> = Mutex::new(BTreeMap::new());

/// What of a test's configuration may be rejected, with the prefix of its statistics.
const CLUSTERS: Kind = Kind { file: "clusters.json", stats: "cluster_manager.cds" };
const LISTENERS: Kind = Kind { file: "listeners.json", stats: "listener_manager.lds" };

struct Kind {
    file: &'static str,
    stats: &'static str,
}

/// A process, and what is needed to lend it again.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) process: Process,
    pub(super) admin: Admin,
    shape: Shape,
    /// The number of the last configuration.
    version: u64,
}

/// Envoy did not take a configuration; its log says why.
#[derive(Debug)]
struct Rejected;

impl Lent {
    /// Borrows a process, which listens as the test wants it; returns where.
    pub(super) async fn start(setup: &Setup) -> (Self, SocketAddr) {
        let mut lent = Self::borrow(setup).await;
        if let Err(Rejected) = lent.configure(setup).await {
            panic!("Envoy rejected the configuration:\n{}", lent.process.log());
        }
        let address = lent.admin.listens().await;
        (lent, address)
    }

    /// A process that knows nothing of another test.
    async fn borrow(setup: &Setup) -> Self {
        let shape = (setup.concurrency, setup.runtime_json());
        let idle = LENT.lock().expect("the idle processes").get_mut(&shape).and_then(Vec::pop);
        let mut lent = match idle {
            Some(idle) => idle,
            None => Self::new(setup, shape).await,
        };
        within("Envoy to forget a test", lent.forgotten()).await;
        lent.process.forget_log();
        lent
    }

    async fn new(setup: &Setup, shape: Shape) -> Self {
        let bootstrap = |files: &Path| {
            for kind in [CLUSTERS, LISTENERS] {
                std::fs::write(files.join(kind.file), response(0, &[])).expect("a file");
            }
            setup
                .bootstrap_of_files(&files.join(CLUSTERS.file), &files.join(LISTENERS.file))
                .to_string()
        };
        let mut process = Process::spawn(bootstrap, setup.concurrency, &[]);
        let admin = process.live().await;
        Self { process, admin, shape, version: 0 }
    }

    /// Has Envoy take clusters and a listener.
    async fn configure(&mut self, setup: &Setup) -> Result<(), Rejected> {
        self.version += 1;
        // A machine is shared by all with the same id, and so is what it stores.
        let machine = self.version.to_string();
        self.publish(CLUSTERS, &setup.cluster_resources()).await?;
        self.publish(LISTENERS, &[setup.listener_resource(&machine)]).await
    }

    async fn publish(&mut self, kind: Kind, resources: &[Value]) -> Result<(), Rejected> {
        let rejected = format!("{}.update_rejected", kind.stats);
        let before = self.value(&rejected).await;
        self.write(&kind, resources);
        within("Envoy to read its configuration", async {
            loop {
                if self.has_read(&kind).await {
                    return Ok(());
                }
                if self.value(&rejected).await != before {
                    return Err(Rejected);
                }
                self.process.runs();
                tokio::time::sleep(POLL).await;
            }
        })
        .await
    }

    /// Renamed into place, as Envoy expects it.
    fn write(&self, kind: &Kind, resources: &[Value]) {
        let new = self.process.file("new");
        std::fs::write(&new, response(self.version, resources)).expect("a file");
        std::fs::rename(new, self.process.file(kind.file)).expect("a file in its place");
    }

    async fn value(&self, name: &str) -> Option<String> {
        let stats = self.admin.stats(&format!("^{name}$")).await;
        stats.into_iter().next().map(|(_, value)| value)
    }

    async fn has_read(&self, kind: &Kind) -> bool {
        let version = self.value(&format!("{}.version_text", kind.stats)).await;
        version == Some(format!("\"{}\"", self.version))
    }

    /// Waits until nothing is left of the last test.
    async fn forgotten(&mut self) {
        // Which statistics are only there for a listener, for its machines, for a cluster.
        const LEFT: &str =
            "^(http[.]main|listener[.]127|wasmcustom|dynamicmodulescustom|cluster)[.]";
        loop {
            self.process.runs();
            let read = self.has_read(&CLUSTERS).await && self.has_read(&LISTENERS).await;
            if read && self.admin.stats(LEFT).await.is_empty() {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Gives the process back. It is forgotten what it was configured for while nobody waits.
    pub(super) fn give_back(mut self) {
        self.version += 1;
        self.write(&LISTENERS, &[]);
        self.write(&CLUSTERS, &[]);
        let mut lent = LENT.lock().expect("the idle processes");
        let idle = lent.entry(self.shape.clone()).or_default();
        if idle.len() < IDLE {
            idle.push(self);
        }
    }
}

/// What Envoy reads from a file.
fn response(version: u64, resources: &[Value]) -> String {
    json!({"version_info": version.to_string(), "resources": resources}).to_string()
}

/// Has a lent Envoy read a configuration that it must reject; returns its log.
pub(super) async fn rejected(setup: &Setup) -> String {
    let mut lent = Lent::borrow(setup).await;
    let taken = lent.configure(setup).await.is_ok();
    let log = lent.process.log();
    lent.give_back();
    assert!(!taken, "Envoy took the configuration");
    log
}
