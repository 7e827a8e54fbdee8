//! The gateway of `kind-cluster/` without a cluster: the Services, the settings and the bootstrap of the
//! manifests, in front of local servers.

use mcp_mux_tests::mcp::names;
use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::real::{everything, node, python, serving_fetch};
use mcp_mux_tests::{Client, Envoy, Request, Upstream};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::api::Api;
use crate::objects::{placed, slice, slice_at};
use crate::world::{Manifests, World, lists};

/// The namespace of the manifests.
pub(crate) const NAMESPACE: &str = "mcp-mux";

/// A manifest's object as the API server has it.
pub(crate) fn created(mut object: Value) -> Value {
    let uid = format!("uid-{}", object["metadata"]["name"]);
    object["metadata"]["uid"] = uid.into();
    object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
    object
}

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
async fn fetch(manifests: &Manifests, files: &TempDir) -> Service {
    let bin = python("fastmcp").parent().expect("a folder").to_str().expect("UTF-8").to_owned();
    let port = free_port().await;
    let container = &manifests.pod("fetch")["containers"][0];
    let here = |text: &str| {
        let text = text.replace("/srv/py/bin", &bin).replace("0.0.0.0", "127.0.0.1");
        let text = text.replace("/etc/mcp", files.path().to_str().expect("UTF-8"));
        if text == "3002" { port.to_string() } else { text }
    };
    let servers = here(manifests.file("fetch", "fetch.json"));
    std::fs::write(files.path().join("fetch.json"), servers).expect("the servers file");
    let arguments = |field: &str| container[field].as_array().expect("a list").clone();
    let line = [arguments("command"), arguments("args")].concat();
    let is_older = line.contains(&"sse".into());
    let mut line = line.iter().map(|it| here(it.as_str().expect("text")));
    let mut command = Command::new(line.next().expect("a program"));
    // The image has no Node.js, and nothing else of this machine.
    command.args(line).env_clear().env("PATH", &bin).env("HOME", files.path());
    let command = command.env("FASTMCP_CHECK_FOR_UPDATES", "off");
    // Only the newer transport takes a request of no session.
    if is_older { Service::start(command, port).await } else { serving_fetch(command, port).await }
}

#[tokio::test]
async fn the_inspector_lists_and_calls_the_tools_of_both_servers() {
    let files = tempfile::tempdir().expect("a temporary directory");
    let (api, manifests) = tokio::join!(Api::start(), Manifests::read());
    let (everything, fetch) = tokio::join!(everything(), fetch(&manifests, &files));
    for (name, server) in [("everything", &everything), ("fetch", &fetch)] {
        api.put(created(manifests.service(name)));
        api.put(placed(slice_at(name, server.address, true), NAMESPACE));
    }
    let mut world = World::of(&api, &manifests);
    let envoy = world.start().await;
    world.validate().await;

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
    let (api, manifests) = tokio::join!(Api::start(), Manifests::read());
    let fetch = fetch(&manifests, &files).await;
    api.put(created(manifests.service("fetch")));
    api.put(placed(slice_at("fetch", fetch.address, true), NAMESPACE));
    let page = Upstream::named("page").start().await;
    let mut world = World::of(&api, &manifests);
    let envoy = world.start().await;
    let client = Client::open(&envoy).await;
    let url = format!("http://{}/page", page.address);
    let call = serde_json::json!({"name": "fetch__fetch", "arguments": {"url": url}});
    let answer = client.request("tools/call", call).await.text().to_owned();
    assert!(answer.contains("private") || answer.contains("not allowed"), "{answer}");
    assert!(page.seen().is_empty(), "{:?}", page.seen());
}

#[tokio::test]
async fn a_session_is_served_by_every_replica_and_outlives_them() {
    let a = Upstream::named("everything").tools(&["one"]).start().await;
    let (api, manifests) = tokio::join!(Api::start(), Manifests::read());
    api.put(created(manifests.service("everything")));
    api.put(placed(slice(&a, true), NAMESPACE));
    let world = World::of(&api, &manifests);
    world.once().await;
    let (first, second) = tokio::join!(world.envoy(1), world.envoy(1));
    let client = Client::open(&first).await;
    lists(&client.at(&second), &["everything__one"]).await;
    let stranger = world.envoy(2).await;
    assert_eq!(client.at(&stranger).list().await.status, 404);
    let session = client.at(&second);
    drop(first);
    assert_eq!(session.call_text("everything__one").await, "everything:one");
    assert_eq!(a.seen_of("initialize").len(), 1);
}

#[tokio::test]
async fn the_probes_see_an_envoy_that_serves_and_nothing_else_is_there_for_them() {
    let (api, manifests) = tokio::join!(Api::start(), Manifests::read());
    let mut world = World::of(&api, &manifests);
    let envoy = world.start().await;
    let ready = envoy.listener(1).await.expect("the listener for probes");
    assert_ne!(ready, envoy.address);
    assert_eq!(Request::at(ready, "GET", "/ready").send().await.status, 200);
    assert_eq!(Request::at(ready, "GET", "/stats").send().await.status, 404);
    assert_eq!(Request::new(&envoy, "GET", "/ready").send().await.status, 404);
}

#[tokio::test]
async fn a_pod_that_is_about_to_end_sends_its_clients_elsewhere() {
    let (api, manifests) = tokio::join!(Api::start(), Manifests::read());
    let mut world = World::of(&api, &manifests);
    let envoy = world.start().await;
    let ready = envoy.listener(1).await.expect("the listener for probes");
    let answer = Request::new(&envoy, "GET", "/mcp").send().await;
    assert_eq!((answer.status, answer.header("connection")), (405, None));

    let pod = manifests.pod("gateway");
    let stop = &pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"];
    let admin = format!("/127.0.0.1/{}\n", envoy.admin_port());
    let here =
        |text: &str| text.replace("/127.0.0.1/9901\n", &admin).replace("sleep 20", "sleep 0");
    let line = stop.as_array().expect("a command").iter();
    let mut line = line.map(|it| here(it.as_str().expect("text")));
    output(Command::new(line.next().expect("a program")).args(line)).await;

    assert_eq!(Request::at(ready, "GET", "/ready").send().await.status, 503);
    let answer = Request::new(&envoy, "GET", "/mcp").send().await;
    assert_eq!((answer.status, answer.header("connection")), (405, Some("close")));
    let patience = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
    assert!(patience >= 30, "{patience}");
}
