//! The program and its Envoy.

use std::path::PathBuf;
use std::process::Stdio;

use mcp_mux_tests::process::finished;
use mcp_mux_tests::{Client, Envoy, repository, tool, within};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::api::Api;
use crate::objects::NAMESPACE;

/// The directory of the files; the program, while it runs.
pub(crate) struct World {
    files: TempDir,
    program: Option<Child>,
}

impl World {
    /// A directory with settings, of which these lines are the gateway's, and a kubeconfig.
    pub(crate) fn new(api: &Api, gateway: &str) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let world = Self { files, program: None };
        std::fs::create_dir(world.path("run")).expect("a directory");
        let wasm = tool("MCP_MUX_WASM", "dist/mcp_mux.wasm");
        let settings = format!(
            "output: {}\nwasm: {{file: {}}}\ngateway: {gateway}\n",
            world.path("run").display(),
            wasm.display()
        );
        std::fs::write(world.path("settings.yaml"), settings).expect("the settings");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{}", api.address)}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{
                "name": "test",
                "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE},
            }],
        });
        std::fs::write(world.path("kubeconfig"), kubeconfig.to_string()).expect("the kubeconfig");
        world
    }

    /// A file of this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-mux-discovery"));
        let log = std::fs::File::options().create(true).append(true).open(self.path("log"));
        command
            .arg("--config")
            .arg(self.path("settings.yaml"))
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "info,kube=debug")
            .stdin(Stdio::null())
            .stderr(log.expect("the log"))
            .kill_on_drop(true);
        command
    }

    /// Runs the program once, as an init container.
    pub(crate) async fn once(&self) {
        let output = finished(self.command().arg("--once")).await;
        assert!(output.status.success(), "{}", self.log());
    }

    /// Starts the program for good.
    pub(crate) fn run(&mut self) {
        self.program = Some(self.command().spawn().expect("the program"));
    }

    /// Runs the program once, then Envoy with the files and the program beside it.
    pub(crate) async fn start(&mut self) -> Envoy {
        self.once().await;
        let bootstrap = std::fs::read_to_string(repository("discovery/envoy.yaml"));
        let run = self.path("run").display().to_string();
        let bootstrap = bootstrap.expect("the bootstrap").replace("/run/mcp-mux", &run);
        let envoy = Envoy::start_file(&bootstrap.replace("0.0.0.0", "127.0.0.1")).await;
        self.run();
        envoy
    }

    /// What the program has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The names of the clusters that were written.
    pub(crate) fn clusters(&self) -> Vec<String> {
        let file = std::fs::read(self.path("run/clusters.json")).unwrap_or_default();
        mcp_mux_discovery::resources::read_clusters(&file).into_keys().collect()
    }

    /// The two files.
    pub(crate) fn written(&self) -> [Vec<u8>; 2] {
        ["run/clusters.json", "run/filter.json"].map(|name| std::fs::read(self.path(name)).unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of the discovery\n{}\n---", self.log());
        }
    }
}

/// Lists tools in the same session until there are these.
pub(crate) async fn lists(client: &Client<'_>, names: &[&str]) {
    within(&format!("a list of {names:?}"), async {
        loop {
            let listed = client.tool_names().await;
            if listed == names {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}
