//! Real servers of many makers behind one gateway: server-everything, Playwright's in a real browser, and two
//! generations of `FastMCP`.

use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{Service, free_port};
use crate::real::{everything, node};
use crate::{Envoy, Setup, repository, tool};

/// The gateway before all of them.
pub struct Together {
    /// The gateway.
    pub envoy: Envoy,
    _servers: Vec<Service>,
    /// What Playwright writes down of its pages.
    _pages: TempDir,
}

impl Together {
    /// Starts everything, with a gateway of two workers.
    pub async fn start() -> Self {
        let pages = tempfile::tempdir().expect("a temporary directory");
        let (everything, playwright, two, three) = tokio::join!(
            everything(),
            playwright(&pages),
            greeter("fastmcp-2"),
            greeter("fastmcp-3")
        );
        let servers = [
            ("everything", everything),
            ("playwright", playwright),
            ("fastmcp2", two),
            ("fastmcp3", three),
        ];
        // Each answers to its own name alone.
        let authority =
            |it: &Service| json!({"authority": format!("localhost:{}", it.address.port())});
        let add = |setup: Setup, (name, server): &(&str, Service)| {
            setup.upstream_at(name, server.address, &authority(server))
        };
        let setup = servers.iter().fold(Setup::new().concurrency(2), add);
        let envoy = setup.start().await;
        let servers = servers.into_iter().map(|(_, server)| server).collect();
        Self { envoy, _servers: servers, _pages: pages }
    }

    /// The URL of the gateway.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/mcp", self.envoy.address)
    }
}

/// Starts `@playwright/mcp`, with a headless browser.
async fn playwright(pages: &TempDir) -> Service {
    let port = free_port().await;
    let mut command = Command::new("node");
    command.arg(node().join("node_modules/@playwright/mcp/cli.js"));
    command.args(["--headless", "--isolated", "--no-sandbox", "--executable-path"]);
    command.arg(tool("CHROMIUM", ".tools/bin/chromium")).arg("--output-dir").arg(pages.path());
    Service::start(command.args(["--host", "127.0.0.1", "--port", &port.to_string()]), port).await
}

/// Starts a server that asks its client, on this installation of `FastMCP`.
async fn greeter(installed: &str) -> Service {
    let port = free_port().await;
    let mut command = Command::new(servers(installed).join("bin/python"));
    command.arg("-B").arg(repository("tests/servers/greeter.py")).arg(port.to_string());
    command.env("FASTMCP_CHECK_FOR_UPDATES", "off");
    Service::start(&mut command, port).await
}

/// Where a server is installed that has packages of its own.
fn servers(name: &str) -> PathBuf {
    tool("MCP_MUX_SERVERS", ".tools/servers").join(name)
}
