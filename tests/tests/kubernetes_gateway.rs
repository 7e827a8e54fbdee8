//! The gateway of `kind-cluster/` without a cluster: its bootstrap in the real Envoy, on local servers, with
//! the files that discovery writes.

use mcp_mux_tests::kubernetes::{Run, documents, file, only, rendered};
use mcp_mux_tests::mcp::names;
use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::real::{everything, node, python};
use mcp_mux_tests::{Client, Envoy, Request, Upstream, within};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// Calls a method of the gateway with the Inspector's CLI and returns what is printed.
async fn inspect(envoy: &Envoy, arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(node().join("node_modules/.bin/mcp-inspector"));
    command.env("HOME", home.path()).env("MCP_INSPECTOR_SECRET_STORE", "memory");
    command.args(["--cli", &format!("http://{}/mcp", envoy.address), "--transport", "http"]);
    let printed = output(command.arg("--method").args(arguments)).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// Runs the fetch server as its Deployment does, but for the places of its files and on loopback.
async fn fetch(files: &TempDir) -> Service {
    let manifests = documents(&rendered().await, &[]).await.expect("the manifests");
    let bin = python("fastmcp").parent().expect("a folder").to_str().expect("UTF-8").to_owned();
    let port = free_port().await;
    let pod = &only(&manifests, "Deployment", "fetch")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let here = |text: &str| {
        let text = text.replace("/srv/py/bin", &bin).replace("0.0.0.0", "127.0.0.1");
        let text = text.replace("/etc/mcp", files.path().to_str().expect("UTF-8"));
        if text == "3002" { port.to_string() } else { text }
    };
    let servers = here(file(&manifests, "fetch", "fetch.json"));
    std::fs::write(files.path().join("fetch.json"), servers).expect("the servers file");
    let arguments = |field: &str| container[field].as_array().expect("a list").clone();
    let line = [arguments("command"), arguments("args")].concat();
    let mut line = line.iter().map(|it| here(it.as_str().expect("text")));
    let mut command = Command::new(line.next().expect("a program"));
    // The image has no Node.js, and nothing else of this machine.
    command.args(line).env_clear().env("PATH", &bin).env("HOME", files.path());
    Service::start(command.env("FASTMCP_CHECK_FOR_UPDATES", "off"), port).await
}

async fn until_tools_are(client: &Client<'_>, wanted: &[&str]) {
    within(&format!("the tools to be {wanted:?}"), async {
        while client.tool_names().await != wanted {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_inspector_lists_and_calls_the_tools_of_both_servers() {
    let files = tempfile::tempdir().expect("a temporary directory");
    let (everything, fetch) = tokio::join!(everything(), fetch(&files));
    let servers = [("everything", everything.address), ("fetch", fetch.address)];
    let run = Run::of(&servers).await;
    run.validate().await;
    let envoy = run.start(1).await;

    let listed = names(&inspect(&envoy, &["tools/list"]).await);
    for expected in ["everything__echo", "everything__get-sum", "fetch__fetch"] {
        assert!(listed.iter().any(|name| name == expected), "{expected}: {listed:?}");
    }
    let call = async |tool: &str, argument: &str| {
        let arguments = ["tools/call", "--tool-name", tool, "--tool-arg", argument];
        inspect(&envoy, &arguments).await["content"][0]["text"].to_string()
    };
    let echo = call("everything__echo", "message=hello").await;
    assert!(echo.contains("Echo: hello"), "{echo}");
}

#[tokio::test]
async fn the_fetch_server_of_the_manifests_reads_nothing_within_the_cluster() {
    let files = tempfile::tempdir().expect("a temporary directory");
    let fetch = fetch(&files).await;
    let page = Upstream::named("page").start().await;
    let run = Run::of(&[("fetch", fetch.address)]).await;
    let envoy = run.start(1).await;
    let client = Client::open(&envoy).await;
    let url = format!("http://{}/page", page.address);
    let call = serde_json::json!({"name": "fetch__fetch", "arguments": {"url": url}});
    let answer = client.request("tools/call", call).await.text().to_owned();
    assert!(answer.contains("private") || answer.contains("not allowed"), "{answer}");
    assert!(page.seen().is_empty(), "{:?}", page.seen());
}

#[tokio::test]
async fn servers_come_and_go_below_an_open_session() {
    let a = Upstream::named("a").tools(&["one"]).start().await;
    let b = Upstream::named("b").tools(&["two"]).start().await;
    let c = Upstream::named("c").tools(&["three"]).start().await;
    let (a, b, c) = (("a", a.address), ("b", b.address), ("c", c.address));
    let run = Run::of(&[a, b]).await;
    let envoy = run.start(1).await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["a__one", "b__two"]);
    run.serve(&[a, b, c]);
    until_tools_are(&client, &["a__one", "b__two", "c__three"]).await;
    assert_eq!(client.call_text("c__three").await, "c:three");
    run.serve(&[a, c]);
    until_tools_are(&client, &["a__one", "c__three"]).await;
    client.call("b__two").await.error(200, -32602);
    run.sweep(&[a, c]);
    envoy.gauge_falls_to("cluster_manager.active_clusters", 2).await;
    assert_eq!(client.call_text("a__one").await, "a:one");
}

#[tokio::test]
async fn a_session_is_served_by_every_replica_and_outlives_them() {
    let a = Upstream::named("a").tools(&["one"]).start().await;
    let run = Run::of(&[("a", a.address)]).await;
    let (first, second) = tokio::join!(run.start(1), run.start(1));
    let client = Client::open(&first).await;
    assert_eq!(client.at(&second).call_text("a__one").await, "a:one");
    let stranger = run.start(2).await;
    assert_eq!(client.at(&stranger).list().await.status, 404);
    let session = client.at(&second);
    drop(first);
    assert_eq!(session.call_text("a__one").await, "a:one");
    assert_eq!(a.seen_of("initialize").len(), 1);
}

#[tokio::test]
async fn the_probes_see_an_envoy_that_serves_and_nothing_else_is_there_for_them() {
    let a = Upstream::named("a").start().await;
    let envoy = Run::of(&[("a", a.address)]).await.start(1).await;
    let ready = envoy.listener(1).await.expect("the listener for probes");
    assert_ne!(ready, envoy.address);
    assert_eq!(Request::at(ready, "GET", "/ready").send().await.status, 200);
    assert_eq!(Request::at(ready, "GET", "/stats").send().await.status, 404);
    assert_eq!(Request::new(&envoy, "GET", "/ready").send().await.status, 404);
}
