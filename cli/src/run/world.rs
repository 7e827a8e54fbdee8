//! What runs: Envoy, a bridge for each program, and the files between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcp_mux_envoy_files::files::Files;
use mcp_mux_envoy_files::resources::filter_file;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::commands;
use super::process::{Event, Kept, Spec};
use crate::commands::Ending;
use crate::commands::config::refused;
use crate::gateway::bootstrap::{Listen, of_files};
use crate::gateway::secrets::{Source, secrets};
use crate::gateway::{Filter, KEYS, PATH, STATUS, Upstream, clusters, plugin_with_status, read};
use crate::locate::Root;
use crate::servers::{Reached, Server, Servers};

/// What runs, and what it is made of.
#[derive(Debug)]
pub(super) struct World {
    root: Root,
    filter: Filter,
    listen: Listen,
    file: PathBuf,
    /// Where the logs are.
    pub(super) logs: PathBuf,
    /// What Envoy reads: there are secrets in it, so it is this user's alone, and goes with this program.
    folder: TempDir,
    files: Files,
    /// The servers that run.
    pub(super) upstreams: Vec<Upstream>,
    bridges: BTreeMap<String, Kept>,
    envoy: Option<Kept>,
    events: mpsc::UnboundedSender<Event>,
}

/// The most that is shown of a log, in characters.
const SHOWN: usize = 300;

impl World {
    /// Nothing runs yet.
    ///
    /// # Errors
    ///
    /// A folder that cannot be made.
    pub(super) fn new(
        root: Root,
        filter: Filter,
        listen: Listen,
        file: &Path,
        events: mpsc::UnboundedSender<Event>,
    ) -> anyhow::Result<Self> {
        let logs = root.tool(&format!("log/run-{}", listen.port));
        std::fs::create_dir_all(&logs)
            .with_context(|| format!("{} cannot be made", logs.display()))?;
        let folder = tempfile::Builder::new().prefix("mcp-mux-").tempdir()?;
        let files = Files::new(folder.path(), true);
        let (upstreams, bridges) = (Vec::new(), BTreeMap::new());
        let file = file.to_owned();
        Ok(Self {
            root,
            filter,
            listen,
            file,
            logs,
            folder,
            files,
            upstreams,
            bridges,
            envoy: None,
            events,
        })
    }

    /// The URL of the endpoint.
    #[must_use]
    pub(super) fn endpoint(&self) -> String {
        endpoint(self.listen.port)
    }

    /// The URL of the status page.
    #[must_use]
    pub(super) fn status(&self) -> String {
        format!("http://127.0.0.1:{}{STATUS}", self.listen.port)
    }

    /// Makes upstreams of servers, and starts the programs among them that do not run yet. What runs is left alone.
    ///
    /// # Errors
    ///
    /// What the filter would refuse, before anything is started; a bridge that cannot be started.
    pub(super) async fn prepare(&mut self, servers: &Servers) -> Result<Vec<Upstream>, Ending> {
        let mut upstreams: Vec<Upstream> = Vec::new();
        for server in &servers.servers {
            let same = self.upstreams.iter().find(|it| it.server == *server);
            let port = match (same, &server.reached) {
                (Some(same), _) => same.port,
                (None, Reached::Command(_)) => free_port().await?,
                (None, Reached::Url(_)) => 0,
            };
            upstreams.push(Upstream { server: server.clone(), port });
        }
        read(self.filter.host, plugin_with_status(&upstreams).to_string().as_bytes())
            .map_err(|error| refused(&self.file, &upstreams, &error))?;
        let mut started = Vec::new();
        for upstream in &upstreams {
            if self.upstreams.contains(upstream) {
                continue;
            }
            if let Reached::Command(program) = &upstream.server.reached {
                started
                    .push((key(upstream), self.bridge(&upstream.server, program, upstream.port)?));
            }
        }
        self.bridges.extend(started);
        Ok(upstreams)
    }

    /// Has Envoy take these upstreams, and stops the programs that are none of them any more.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(super) async fn take(&mut self, upstreams: Vec<Upstream>) -> anyhow::Result<()> {
        let folder = self.folder.path().display().to_string();
        let secrets: Vec<_> =
            upstreams.iter().flat_map(secrets).map(|secret| secret.file()).collect();
        let clusters = clusters(&upstreams, Source::Files(&folder)).map_err(anyhow::Error::msg)?;
        let filter = filter_file(&self.filter.resource(), &plugin_with_status(&upstreams));
        self.files.put(&secrets, &clusters, &filter).await?;
        self.forget_secrets(&secrets);
        self.upstreams = upstreams;
        self.stop_others().await;
        Ok(())
    }

    /// Stops the programs that are of no upstream.
    pub(super) async fn stop_others(&mut self) {
        let needed: Vec<String> = self.upstreams.iter().map(key).collect();
        let all = std::mem::take(&mut self.bridges);
        let (kept, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(key, _)| needed.contains(key));
        self.bridges = kept;
        stop_all(others.into_values()).await;
    }

    fn forget_secrets(&self, needed: &[(String, Vec<u8>)]) {
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("secret.") && !needed.iter().any(|(it, _)| *it == name) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn bridge(
        &self,
        server: &Server,
        program: &crate::servers::Command,
        port: u16,
    ) -> anyhow::Result<Kept> {
        let (root, program) = (self.root.clone(), program.clone());
        let spec = Spec {
            name: server.name.clone(),
            command: Box::new(move || commands::bridge(&root, &program, port)),
            log: self.logs.join(format!("{}.log", server.name)),
            is_bridge: true,
        };
        Kept::start(spec, self.events.clone())
    }

    /// Starts Envoy, which reads what [`World::take`] has written.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(super) fn start_envoy(&mut self, program: &Path) -> anyhow::Result<()> {
        let bootstrap = self.folder.path().join("bootstrap.json");
        let text = of_files(self.listen, self.folder.path()).to_string();
        std::fs::write(&bootstrap, text)?;
        let (program, filter, keys) = (program.to_owned(), self.filter.clone(), self.keys()?);
        let access = self.logs.join("access.log");
        let command = move || {
            let log = std::fs::File::create(&access).map_or_else(|_| Stdio::null(), Stdio::from);
            commands::envoy(&program, &bootstrap, &filter, &keys, log)
        };
        let log = self.logs.join("envoy.log");
        let spec = Spec { name: "Envoy".into(), command: Box::new(command), log, is_bridge: false };
        self.envoy = Some(Kept::start(spec, self.events.clone())?);
        Ok(())
    }

    /// The key of the sessions: that of the environment, or one that is kept.
    fn keys(&self) -> anyhow::Result<String> {
        if let Ok(keys) = std::env::var(KEYS) {
            return Ok(keys);
        }
        let file = self.root.tool("run-session-key");
        if let Ok(key) = std::fs::read_to_string(&file) {
            return Ok(key.trim().to_owned());
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("no random key for sessions")?;
        let key = STANDARD.encode(key);
        let mut options = std::fs::OpenOptions::new();
        let options =
            std::os::unix::fs::OpenOptionsExt::mode(options.create(true).write(true), 0o600);
        let written = options
            .open(&file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, key.as_bytes()));
        written.with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(key)
    }

    /// Why a server does not answer, with what its program has said last; `None` if it has not said anything yet.
    #[must_use]
    pub(super) fn reason(&self, name: &str, fault: &str) -> Option<String> {
        let mut bridges =
            self.bridges.iter().filter(|(key, _)| key.split(':').next() == Some(name));
        let Some((_, kept)) = bridges.next_back() else { return Some(fault.to_owned()) };
        let said: String = kept.last_line().chars().take(SHOWN).collect();
        let reason = || format!("{fault}: {said} (its log: {})", kept.log.display());
        (!said.is_empty()).then(reason)
    }

    /// What Envoy said last, if it does not run as it should.
    #[must_use]
    pub(super) fn envoy_said(&self) -> String {
        self.envoy.as_ref().map(Kept::last_line).unwrap_or_default()
    }

    /// Stops all of it.
    pub(super) async fn stop(self) {
        stop_all(self.bridges.into_values().chain(self.envoy)).await;
    }
}

/// The URL of the endpoint at a port.
#[must_use]
pub(super) fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}{PATH}")
}

/// A changed server has a bridge of its own while the old one still runs.
fn key(upstream: &Upstream) -> String {
    format!("{}:{}", upstream.server.name, upstream.port)
}

async fn stop_all(kept: impl IntoIterator<Item = Kept>) {
    let stops = kept.into_iter().map(|kept| tokio::spawn(kept.stop()));
    for stop in stops.collect::<Vec<_>>() {
        let _ = stop.await;
    }
}

/// A port that was free a moment ago.
async fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
    Ok(listener.local_addr()?.port())
}
