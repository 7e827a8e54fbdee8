//! The demo, as a newcomer starts it: real servers, the configuration that is shipped, and the Inspector that lists them.

use std::net::TcpListener;
use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::process::free_port;
use mcp_mux_tests::repository;
use tokio::process::Command;
use tokio::time::timeout;

/// It may wait for a compiler that runs beside the tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// The variables that choose its ports: the last is of a server that the native host alone can speak to.
const PORTS: [&str; 5] = [
    "MCP_MUX_PORT",
    "MCP_MUX_ADMIN_PORT",
    "MCP_MUX_EVERYTHING_PORT",
    "MCP_MUX_FETCH_PORT",
    "MCP_MUX_FILES_PORT",
];

#[tokio::test]
async fn every_server_of_the_demo_is_listed_and_nothing_stays_behind() {
    let servers: &[_] = match Host::tested() {
        Host::Wasm => &["everything", "fetch"],
        Host::Module => &["everything", "fetch", "files"],
    };
    let mut demo = Command::new(repository("scripts/demo"));
    // It builds the filter with the compiler alone, as a newcomer does; the tests' linter would build it anew.
    demo.arg("--check").env_remove("RUSTC_WORKSPACE_WRAPPER");
    demo.env("MCP_MUX_HOST", Host::tested().name());
    let mut ports = Vec::new();
    for name in PORTS {
        let port = free_port().await;
        demo.env(name, port.to_string());
        ports.push(port);
    }
    let ended = timeout(PATIENCE, demo.kill_on_drop(true).output()).await.expect("an end");
    let ended = ended.expect("scripts/demo");
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(ended.status.success(), "{said}");
    for server in servers {
        assert!(said.contains(&format!(" tools of {server}\n")), "{server}: {said}");
    }
    for (name, port) in PORTS.iter().zip(&ports).take(2 + servers.len()) {
        let free = TcpListener::bind(("127.0.0.1", *port));
        assert!(free.is_ok(), "something still listens on {name}: {said}");
    }
    std::fs::remove_dir_all(repository(&format!(".tools/log/demo-{}", ports[0])))
        .expect("its logs");
}
