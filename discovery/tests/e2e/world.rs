//! The program and its Envoy, whose bootstrap is that of `kind-cluster/`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::kubernetes::{documents, file, only, rendered};
use mcp_mux_tests::process::{finished, output};
use mcp_mux_tests::{Client, Envoy, repository, setup, tool, within};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::api::{Api, TOKEN};
use crate::objects::NAMESPACE;

/// Where the pods have what Envoy reads.
const RUN: &str = "/run/mcp-mux";

/// The directory of the files; the program, while it runs.
pub(crate) struct World {
    files: TempDir,
    bootstrap: String,
    program: Option<Child>,
}

/// What `kind-cluster/` renders.
pub(crate) struct Manifests(Vec<Value>);

impl Manifests {
    pub(crate) async fn read() -> Self {
        Self(documents(&rendered(Host::tested()).await, &[]).await.expect("the manifests"))
    }

    /// The Service of this name.
    pub(crate) fn service(&self, name: &str) -> Value {
        only(&self.0, "Service", name).clone()
    }

    /// The pod of the Deployment of this name.
    pub(crate) fn pod(&self, name: &str) -> &Value {
        &only(&self.0, "Deployment", name)["spec"]["template"]["spec"]
    }

    /// This file of the `ConfigMap` of this name.
    pub(crate) fn file(&self, map: &str, file: &str) -> &str {
        self::file(&self.0, map, file)
    }
}

impl World {
    /// With settings of which these lines are the gateway's.
    pub(crate) fn new(api: &Api, gateway: &str) -> Self {
        let settings =
            format!("output: {RUN}\nwasm: {{file: {RUN}/mcp_mux.wasm}}\ngateway: {gateway}\n");
        let bootstrap = std::fs::read_to_string(repository("kind-cluster/gateway/envoy.yaml"));
        Self::with(api, &settings, &bootstrap.expect("the bootstrap"))
    }

    /// The pod of the rendered manifests.
    pub(crate) fn of(api: &Api, manifests: &Manifests) -> Self {
        let settings = manifests.file("discovery", "discovery.yaml");
        Self::with(api, settings, manifests.file("envoy", "envoy.yaml"))
    }

    fn with(api: &Api, settings: &str, bootstrap: &str) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let mut world = Self { files, bootstrap: String::new(), program: None };
        let run = world.path("run");
        std::fs::create_dir(&run).expect("a directory");
        let wasm = tool("MCP_MUX_WASM", "dist/mcp_mux.wasm");
        let settings =
            settings.replace(&format!("{RUN}/mcp_mux.wasm"), &wasm.display().to_string());
        let here = |text: &str| text.replace(RUN, &run.display().to_string());
        std::fs::write(world.path("settings.yaml"), here(&settings)).expect("the settings");
        let (mut cluster, mut user) = (json!({"server": api.url()}), json!({}));
        if let Some(certificate) = &api.certificate {
            std::fs::write(world.path("ca.crt"), certificate).expect("the certificate");
            cluster["certificate-authority"] = json!(world.path("ca.crt"));
            user["token"] = json!(TOKEN);
        }
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{
                "name": "test",
                "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE},
            }],
        });
        std::fs::write(world.path("kubeconfig"), kubeconfig.to_string()).expect("the kubeconfig");
        world.bootstrap = here(bootstrap).replace("0.0.0.0", "127.0.0.1");
        world
    }

    /// Gives Envoy a cluster of its own, with one endpoint.
    pub(crate) fn add_cluster(&mut self, name: &str, address: SocketAddr) {
        let address = json!({"address": address.ip(), "port_value": address.port()});
        let endpoint = json!({"endpoint": {"address": {"socket_address": address}}});
        let assignment = json!({"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]});
        let cluster = json!({"name": name, "load_assignment": assignment});
        let section = "static_resources:\n";
        assert!(self.bootstrap.contains(section), "{}", self.bootstrap);
        let with = format!("{section}  clusters: [{cluster}]\n");
        self.bootstrap = self.bootstrap.replace(section, &with);
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

    /// Starts an Envoy on the files that are there, with a session key of these bytes.
    pub(crate) async fn envoy(&self, key: u8) -> Envoy {
        let key = setup::key(key);
        Envoy::start_file_with(&self.bootstrap, &[("MCP_MUX_SESSION_KEYS", &key)]).await
    }

    /// Runs the program once, then Envoy with the files and the program beside it.
    pub(crate) async fn start(&mut self) -> Envoy {
        self.once().await;
        let envoy = self.envoy(1).await;
        self.run();
        envoy
    }

    /// Has Envoy check its bootstrap without running it.
    pub(crate) async fn validate(&self) {
        let file = self.path("envoy.yaml");
        std::fs::write(&file, &self.bootstrap).expect("the bootstrap");
        let mut envoy = Command::new(tool("MCP_MUX_ENVOY", ".tools/bin/envoy"));
        envoy.env("MCP_MUX_SESSION_KEYS", setup::key(1));
        output(envoy.args(["--mode", "validate", "-c"]).arg(file)).await;
    }

    /// What the program has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The names of the clusters that were written.
    pub(crate) fn clusters(&self) -> Vec<String> {
        let file = std::fs::read(self.path("run/clusters.json")).unwrap_or_default();
        mcp_mux_envoy_files::resources::read_clusters(&file).into_keys().collect()
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
