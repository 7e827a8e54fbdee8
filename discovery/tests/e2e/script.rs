//! `scripts/kind` without a cluster: what it says where something is missing, and its checks.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use mcp_mux_tests::kubernetes::{documents, only};
use mcp_mux_tests::process::finished;
use mcp_mux_tests::real::{self, everything};
use mcp_mux_tests::{Answer, DEADLINE, Upstream, repository};
use serde_json::json;
use tokio::process::Command;

use crate::api::Api;
use crate::gateway::{NAMESPACE, created};
use crate::objects::{placed, slice, slice_at};
use crate::world::{Manifests, World};

/// A `kind` that has the cluster.
const KIND: (&str, &str) = ("kind", "case $1 in version) echo 0.31.0 ;; get) echo mcp-mux ;; esac");

/// Puts a shell script into a folder, as a program.
fn program(folder: &Path, name: &str, script: &str) {
    let program = folder.join(name);
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a program");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("its mode");
}

/// What `scripts/kind` says where of docker, kind and kubectl only these are there, as these scripts, and
/// with this port in its environment.
async fn said_with(port: Option<&str>, command: &str, there: &[(&str, &str)]) -> String {
    let bin = tempfile::tempdir().expect("a temporary directory");
    for needed in ["bash", "dirname", "grep", "head", "mkdir", "sed", "sort", "tail"] {
        let place = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(needed));
        if let Some(place) = place.iter().find(|place| place.exists()) {
            symlink(place, bin.path().join(needed)).expect("a link");
        }
    }
    for (name, script) in there {
        program(bin.path(), name, script);
    }
    let mut kind = Command::new(repository("scripts/kind"));
    kind.arg(command).env("PATH", bin.path()).env_remove("MCP_MUX_PORT");
    let output = finished(kind.envs(port.map(|port| ("MCP_MUX_PORT", port)))).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

async fn said(command: &str, there: &[(&str, &str)]) -> String {
    said_with(None, command, there).await
}

#[tokio::test]
async fn where_something_is_missing_the_script_says_what_to_do() {
    let docker = ("docker", "exit 0");
    let kind = ("kind", "if [ \"$1\" = version ]; then echo 0.31.0; fi");
    let kubectl = ("kubectl", "exit 1");
    for command in ["up", "test", "down"] {
        assert!(said(command, &[]).await.starts_with("kind: no docker, which kind"), "{command}");
        let stopped = said(command, &[("docker", "exit 1")]).await;
        assert!(stopped.contains("start its daemon"), "{stopped}");
        let no_kind = said(command, &[docker]).await;
        assert!(no_kind.starts_with("kind: no kind: install version 0.25"), "{no_kind}");
    }
    let old = said("up", &[docker, ("kind", "echo 0.9.0")]).await;
    assert!(old.contains("kind 0.9.0 is too old"), "{old}");
    let no_kubectl = said("up", &[docker, kind]).await;
    assert!(no_kubectl.starts_with("kind: no kubectl"), "{no_kubectl}");
    for there in [vec![docker, kind, kubectl], vec![docker, kind, kubectl, ("cc", "exit 1")]] {
        let no_libc = said("up", &there).await;
        assert!(no_libc.starts_with("kind: no C compiler with a static C library"), "{no_libc}");
        assert!(no_libc.contains("apt-get install gcc libc6-dev"), "{no_libc}");
    }
    let no_cluster = said("test", &[docker, kind, kubectl]).await;
    assert!(no_cluster.contains("no cluster mcp-mux: run make kind-up"), "{no_cluster}");
}

#[tokio::test]
async fn a_cluster_that_is_there_has_to_answer_and_keeps_its_port() {
    let docker = ("docker", "if [ \"$1\" = port ]; then echo 127.0.0.1:18080; fi");
    let kubectl = ("kubectl", "exit 0");
    let cc = ("cc", "exit 0");
    for command in ["up", "test"] {
        let there = [docker, KIND, cc, ("kubectl", "echo 'connection refused' >&2; exit 1")];
        let silent = said(command, &there).await;
        assert!(silent.starts_with("  | connection refused\n"), "{silent}");
        assert!(silent.contains("start it (docker start mcp-mux-control-plane;"), "{silent}");
        let other = said_with(Some("8080"), command, &[docker, KIND, cc, kubectl]).await;
        assert!(
            other.contains("8080, but the cluster mcp-mux has port 18080: unset it"),
            "{other}"
        );
        let unmapped = said(command, &[("docker", "exit 0"), KIND, cc, kubectl]).await;
        assert!(unmapped.contains("no port for the gateway"), "{unmapped}");
        for port in ["http", "0", "65536", "8080x"] {
            let none = said_with(Some(port), command, &[docker, KIND, cc, kubectl]).await;
            assert!(none.contains("a number from 1 to 65535"), "{port}: {none}");
        }
    }
}

#[tokio::test]
async fn an_attempt_to_go_round_the_gateway_has_to_be_made_and_to_fail() {
    for (attempt, expected) in [
        ("echo refused", "a server cannot be reached but through the gateway\n"),
        ("echo reached", "any pod reaches a server"),
        ("exit 1", "does not reach the gateway, or does not run"),
        ("exit 0", "any pod reaches a server"),
    ] {
        let script = format!(
            "set -euo pipefail; source scripts/lib.sh; source scripts/kind-checks.sh
             k() {{ case $* in *exec*) ({attempt}) ;; esac }}; check_policies"
        );
        let mut bash = Command::new("bash");
        let bash = bash.current_dir(repository(".")).args(["-c", &script]);
        let output = finished(bash).await;
        assert_eq!(output.status.success(), attempt == "echo refused", "{output:?}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        assert!(said.contains(expected), "{attempt}: {said}");
    }
}

/// A `kubectl` that only notes what it is asked for. Labels are files, for the test to see.
const KUBECTL: &str = r#"
echo "$1 $2 $3 $4 $5 $6 $7 $8" >>"$STATE/asked"
case "$*" in
  *upstream=true) touch "$STATE/labelled" ;;
  *upstream-) rm "$STATE/labelled" ;;
  *exec*) echo refused ;;
esac
"#;

/// The checks of `make kind-test`, in front of the real gateway. What a cluster would do is done here.
#[tokio::test]
async fn the_checks_of_the_walkthrough_find_what_they_look_for() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let (everything, fetch) = tokio::join!(everything(), real::fetch(state.path()));
    let time = Upstream::named("time").tools(&["get_current_time"]);
    let time = time.on("tools/call", |seen| {
        Answer::result(seen, r#"{"content":[{"type":"text","text":"datetime"}]}"#)
    });
    let time = time.start().await;
    let page = Upstream::named("page").on("GET", |seen| match seen.target.as_str() {
        "/page" => Answer::whole(200, "text/plain", "it is there"),
        _ => Answer::whole(404, "text/plain", "no robots.txt"),
    });
    let page = page.start().await;
    let (api, manifests) = tokio::join!(Api::start(), Manifests::read());
    for (name, server) in [("everything", &everything), ("fetch", &fetch)] {
        api.put(created(manifests.service(name)));
        api.put(placed(slice_at(name, server.address, true), NAMESPACE));
    }
    let third = std::fs::read_to_string(repository("kind-cluster/servers/time.yaml"));
    let third = documents(&third.expect("the manifest"), &[]).await.expect("the third server");
    let third = created(only(&third, "Service", "time").clone());
    api.put(placed(slice(&time, true), NAMESPACE));
    let mut world = World::of(&api, &manifests);
    let envoy = world.start().await;

    for (name, script) in [
        ("docker", "if [ \"$1\" = port ]; then echo \"127.0.0.1:$PORT\"; fi"),
        KIND,
        ("kubectl", KUBECTL),
    ] {
        program(state.path(), name, script);
    }
    let path = std::env::var("PATH").expect("PATH");
    let mut kind = Command::new(repository("scripts/kind"));
    kind.arg("test").env("PATH", format!("{}:{path}", state.path().display()));
    kind.env("STATE", state.path()).env("PORT", envoy.address.port().to_string());
    kind.env_remove("MCP_MUX_PORT");
    kind.env("MCP_MUX_PAGE", format!("http://{}/page", page.address));
    let labels = async {
        let mut labelled = None;
        loop {
            let now = state.path().join("labelled").exists();
            if labelled != Some(now) {
                let mut service = third.clone();
                if now {
                    service["metadata"]["labels"]["mcp-mux/upstream"] = json!("true");
                }
                api.put(service);
                labelled = Some(now);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // It starts the Inspector a dozen times, each as slow as Node.js is on a busy machine.
    let ended = tokio::time::timeout(DEADLINE * 4, async {
        tokio::select! {
            ended = kind.kill_on_drop(true).output() => ended.expect("the script runs"),
            () = labels => unreachable!("it does not end"),
        }
    });
    let ended = ended.await.expect("the end of the script");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    for expected in [
        " 1 tools of time\n",
        "everything__echo answers\n",
        "fetch__fetch answers\n",
        "time__get_current_time answers\n",
        "a server cannot be reached but through the gateway\n",
        "and by those that replace them\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(said.ends_with("all is well\n"), "{said}");
    let asked = std::fs::read_to_string(state.path().join("asked")).expect("what was asked");
    for line in asked.lines() {
        assert!(line.starts_with("--context kind-mcp-mux --namespace mcp-mux "), "{line}");
    }
    assert!(asked.contains(" apply -f kind-cluster/servers/time.yaml"), "{asked}");
}
