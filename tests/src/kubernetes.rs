//! What `kind-cluster/` renders, without a cluster.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::host::Host;
use crate::process::output;
use crate::{repository, tool, within};

/// The manifests of this host, as `kubectl apply -k` would send them.
pub async fn rendered(host: Host) -> String {
    let mut kubectl = Command::new(tool("MCP_MUX_KUBECTL", ".tools/bin/kubectl"));
    let folder = match host {
        Host::Wasm => "kind-cluster",
        Host::Module => "kind-cluster/module",
    };
    output(kubectl.arg("kustomize").arg(repository(folder))).await
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
