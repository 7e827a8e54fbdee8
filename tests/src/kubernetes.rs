//! What `kind-cluster/` renders, without a cluster: the manifests, and the gateway of theirs in a real Envoy.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::process::output;
use crate::{Envoy, repository, setup, tool, within};

/// Where the pods have what discovery writes.
const RUN: &str = "/run/mcp-mux";

/// The manifests, as `kubectl apply -k kind-cluster` would send them.
pub async fn rendered() -> String {
    let mut kubectl = Command::new(tool("MCP_MUX_KUBECTL", ".tools/bin/kubectl"));
    output(kubectl.arg("kustomize").arg(repository("kind-cluster"))).await
}

/// The documents of a YAML text.
///
/// # Errors
///
/// What is wrong with the first that one of these versions of Kubernetes would not take.
pub async fn documents(yaml: &str, versions: &[&str]) -> Result<Vec<Value>, String> {
    let python = tool("MCP_MUX_KUBERNETES", ".tools/kubernetes").join("bin/python");
    let mut command = Command::new(python);
    command.arg(repository("tests/kubernetes/manifests.py")).args(versions);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("Python starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = within("the check of the manifests", async {
        stdin.write_all(yaml.as_bytes()).await.expect("its input");
        drop(stdin);
        child.wait_with_output().await.expect("its output")
    })
    .await;
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The only document of this kind and name. `ConfigMap`s have a hash behind their names.
#[must_use]
pub fn only<'d>(documents: &'d [Value], kind: &str, name: &str) -> &'d Value {
    let is_it = |it: &&Value| {
        let full = it["metadata"]["name"].as_str().expect("a name");
        let full =
            if kind == "ConfigMap" { full.rsplit_once('-').map_or("", |it| it.0) } else { full };
        it["kind"] == kind && full == name
    };
    let mut found = documents.iter().filter(is_it);
    let first = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
    assert!(found.next().is_none(), "several {kind} {name}");
    first
}

/// This file of the `ConfigMap` of this name.
#[must_use]
pub fn file<'d>(documents: &'d [Value], map: &str, file: &str) -> &'d str {
    only(documents, "ConfigMap", map)["data"][file].as_str().expect("a file")
}

/// The folder that the containers of the gateway's pod share, with what discovery would write.
#[derive(Debug)]
pub struct Run {
    folder: TempDir,
    bootstrap: String,
    settings: Value,
}

/// An MCP server as discovery sees it: the name of its Service, and its address.
pub type Server<'s> = (&'s str, SocketAddr);

impl Run {
    /// The folder of a pod of the rendered manifests, in front of these servers.
    pub async fn of(servers: &[Server<'_>]) -> Self {
        let manifests = documents(&rendered().await, &[]).await.expect("the manifests");
        let settings = file(&manifests, "discovery", "discovery.yaml");
        let settings = documents(settings, &[]).await.expect("the settings").remove(0);
        assert_eq!(settings["output"], RUN, "{settings}");
        let folder = tempfile::tempdir().expect("a temporary directory");
        let bootstrap = file(&manifests, "envoy", "envoy.yaml");
        let bootstrap = bootstrap.replace(RUN, folder.path().to_str().expect("a path in UTF-8"));
        let run = Self { folder, bootstrap, settings };
        run.serve(servers);
        run
    }

    /// Starts an Envoy on it, with a session key of these bytes.
    pub async fn start(&self, key: u8) -> Envoy {
        let key = setup::key(key);
        Envoy::start_file_with(&self.bootstrap, &[("MCP_MUX_SESSION_KEYS", &key)]).await
    }

    /// Has Envoy check its bootstrap without running it; returns what it says.
    pub async fn validate(&self) -> String {
        let file = self.folder.path().join("envoy.yaml");
        std::fs::write(&file, &self.bootstrap).expect("the bootstrap");
        let mut envoy = Command::new(tool("MCP_MUX_ENVOY", ".tools/bin/envoy"));
        envoy.env("MCP_MUX_SESSION_KEYS", setup::key(1));
        output(envoy.args(["--mode", "validate", "-c"]).arg(file)).await
    }

    /// Writes anew what Envoy reads: these are the servers now.
    pub fn serve(&self, servers: &[Server<'_>]) {
        let (clusters, filter): (Vec<_>, _) =
            (servers.iter().map(cluster).collect(), self.filter(servers));
        let mut both = clusters.clone();
        both.extend(
            self.clusters()
                .into_iter()
                .filter(|old| clusters.iter().all(|new| new["name"] != old["name"])),
        );
        // What the filter names has a cluster before and after.
        self.put("clusters.json", &both);
        self.put("filter.json", &[filter]);
    }

    /// Takes away the clusters that these servers have no use for.
    pub fn sweep(&self, servers: &[Server<'_>]) {
        let clusters: Vec<_> = servers.iter().map(cluster).collect();
        self.put("clusters.json", &clusters);
    }

    fn clusters(&self) -> Vec<Value> {
        let file = std::fs::read(self.folder.path().join("clusters.json")).unwrap_or_default();
        let file: Value = serde_json::from_slice(&file).unwrap_or_default();
        file["resources"].as_array().cloned().unwrap_or_default()
    }

    /// Moves a file into place: Envoy would read one that is being written half.
    fn put(&self, name: &str, resources: &[Value]) {
        let next = self.folder.path().join(format!(".{name}"));
        let text = json!({"resources": resources}).to_string();
        std::fs::write(&next, text).expect("a file");
        std::fs::rename(&next, self.folder.path().join(name)).expect("its place");
    }

    fn filter(&self, servers: &[Server<'_>]) -> Value {
        let mut plugin = self.settings["gateway"].clone();
        plugin["upstreams"] = servers.iter().map(upstream).collect();
        let mut machine = self.settings["wasm"]["vm_config"].clone();
        machine["runtime"] = json!("envoy.wasm.runtime.v8");
        machine["code"] = json!({"local": {"filename": tool("MCP_MUX_WASM", "dist/mcp_mux.wasm")}});
        json!({
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "mcp_mux",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "mcp_mux",
                    "allow_on_headers_stop_iteration": true,
                    "failure_policy": "FAIL_RELOAD",
                    "vm_config": machine,
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": plugin.to_string(),
                    },
                },
            },
        })
    }
}

fn cluster((name, address): &Server<'_>) -> Value {
    let address = json!({"address": address.ip().to_string(), "port_value": address.port()});
    let endpoint = json!({"endpoint": {"address": {"socket_address": address}}});
    json!({
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    })
}

fn upstream((name, address): &Server<'_>) -> Value {
    // A server has to take this name of its own for one.
    let authority = format!("{name}.mcp-mux.svc.cluster.local:{}", address.port());
    json!({"name": name, "cluster": name, "authority": authority})
}
