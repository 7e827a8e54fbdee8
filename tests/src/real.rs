//! The servers that nobody here wrote, and the gateway before them: server-everything over
//! Streamable HTTP and a stdio fetch server behind `fastmcp run`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::mcp::initialize;
use crate::process::{Service, free_port, output};
use crate::{Answer, Envoy, Request, Setup, Upstream, repository, tool};

/// The gateway before both servers, and a page for the fetch server.
pub struct World {
    /// The gateway.
    pub envoy: Envoy,
    page: Upstream,
    _everything: Service,
    _fetch: Service,
    _files: TempDir,
}

impl World {
    /// Starts everything.
    pub async fn start() -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        let (everything, fetch) = tokio::join!(everything(), fetch(files.path()));
        let page = Upstream::named("page").on("GET", |seen| match seen.target.as_str() {
            "/page" => Answer::whole(200, "text/html", "<p>The answer is <b>forty-two</b>.</p>"),
            _ => Answer::whole(404, "text/plain", "no robots.txt"),
        });
        let page = page.start().await;
        let envoy = Setup::new()
            .upstream_at("everything", everything.address, &json!({}))
            .upstream_at("fetch", fetch.address, &json!({}))
            .set("listen", json!("everything"))
            .start()
            .await;
        Self { envoy, page, _everything: everything, _fetch: fetch, _files: files }
    }

    /// The URL of the gateway.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/mcp", self.envoy.address)
    }

    /// The URL of a page that says `forty-two`.
    #[must_use]
    pub fn page(&self) -> String {
        format!("http://{}/page", self.page.address)
    }
}

/// Starts server-everything.
pub async fn everything() -> Service {
    everything_at(free_port().await).await
}

/// Starts server-everything on this port.
pub async fn everything_at(port: u16) -> Service {
    let mut command = Command::new("node");
    // Given a port alone it would listen on every interface.
    command.arg("--require").arg(repository("scripts/node/loopback.cjs"));
    let server = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    command.arg(node().join(server)).arg("streamableHttp").env("PORT", port.to_string());
    Service::start(&mut command, port).await
}

/// Starts a server of the TypeScript SDK that has a part of what server-everything has and serves these
/// eras: `both` or `stateless`.
pub async fn everything_typescript(eras: &str, port: u16) -> Service {
    let mut command = Command::new("node");
    command.arg(repository("tests/servers/everything.mjs"));
    command.arg(node()).args([&port.to_string(), eras]);
    Service::start(&mut command, port).await
}

/// Starts the like of Python, which serves both eras, on this SDK: `mcp` or `fastmcp`.
pub async fn everything_python(sdk: &str, port: u16) -> Service {
    let mut command = Command::new(python("python"));
    command.arg("-B").arg(repository("tests/servers/everything.py"));
    command.args([sdk, &port.to_string()]).env("FASTMCP_CHECK_FOR_UPDATES", "off");
    Service::start(&mut command, port).await
}

/// Starts an OAuth authorization server on this port, whose tokens are for this resource.
pub async fn authorization_server(port: u16, resource: &str) -> Service {
    let mut command = Command::new("node");
    command.arg(repository("tests/servers/authorization.mjs"));
    command.arg(tool("MCP_MUX_OIDC", ".tools/oidc")).args([&port.to_string(), resource]);
    Service::start(&mut command, port).await
}

/// Starts a server over the HTTP+SSE transport: server-everything on its own (`typescript`) or over stdio
/// behind `supergateway`, or a part of it on this SDK of Python (`mcp`, `fastmcp`).
pub async fn everything_sse(kind: &str, port: u16) -> Service {
    let mut command = match kind {
        "typescript" | "supergateway" => Command::new(newer_node()),
        _ => Command::new(python("python")),
    };
    let server = node().join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    // Given a port alone both would listen on every interface.
    let loopback = repository("scripts/node/loopback.cjs");
    match kind {
        "typescript" => {
            command.arg("--require").arg(loopback).arg(server).arg("sse");
            command.env("PORT", port.to_string());
        }
        "supergateway" => {
            command.arg("--require").arg(loopback);
            command.arg(node().join("node_modules/supergateway/dist/index.js"));
            command.args(["--stdio", &format!("node {} stdio", server.display())]);
            command.args(["--outputTransport", "sse", "--port", &port.to_string()]);
        }
        sdk => {
            command.arg("-B").arg(repository("tests/servers/everything.py"));
            command.args([sdk, &port.to_string(), "sse"]).env("FASTMCP_CHECK_FOR_UPDATES", "off");
        }
    }
    Service::start(&mut command, port).await
}

/// Starts the fetch server; what it reads stays in this directory, which has to outlive it.
pub async fn fetch(files: &Path) -> Service {
    let port = free_port().await;
    let servers = files.join("servers.json");
    let fetch = json!({"command": python("mcp-server-fetch"), "args": ["--allow-private-ips"]});
    let text = json!({"mcpServers": {"fetch": fetch}}).to_string();
    std::fs::write(&servers, text).expect("the servers file");
    let mut command = Command::new(python("fastmcp"));
    command.arg("run").arg(servers).env("FASTMCP_CHECK_FOR_UPDATES", "off");
    command.args(["--transport", "http", "--host", "127.0.0.1", "--no-banner", "--port"]);
    serving_fetch(command.arg(port.to_string()), port).await
}

/// Starts the fetch server with this command and waits until it has answered an `initialize`. Its bridge
/// starts it for each session, and the first start, on a busy machine, takes longer than the gateway waits.
pub async fn serving_fetch(command: &mut Command, port: u16) -> Service {
    let service = Service::start(command, port).await;
    let opened = Request::at(service.address, "POST", "/mcp")
        .header("host", service.address.to_string())
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(initialize("2025-11-25"))
        .send()
        .await;
    assert_eq!(opened.status, 200, "{opened:?}");
    service
}

/// The Node.js that some programs ask for, which is newer than the one that the repository asks for.
#[must_use]
pub fn newer_node() -> PathBuf {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let installed = node().join(format!("node_modules/node-linux-{architecture}/bin/node"));
    if installed.exists() { installed } else { PathBuf::from("node") }
}

/// Where an agent framework is installed.
#[must_use]
pub fn agent(framework: &str) -> PathBuf {
    tool("MCP_MUX_AGENTS", ".tools/agents").join(framework)
}

/// The SDKs whose clients are run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// TypeScript, the first generation.
    TypeScript1,
    /// TypeScript, the second generation.
    TypeScript2,
    /// Python.
    Python,
}

impl Sdk {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TypeScript1, Self::TypeScript2, Self::Python];

    /// Runs the script of this name in `tests/clients/`, which is there for both languages.
    #[must_use]
    pub fn run(self, script: &str) -> Command {
        let script = |ending| repository(&format!("tests/clients/{script}.{ending}"));
        let generation = match self {
            Self::TypeScript1 => "v1",
            Self::TypeScript2 => "v2",
            Self::Python => {
                let mut command = Command::new(python("python"));
                // Leaves no compiled modules in the repository.
                command.arg("-B").arg(script("py"));
                return command;
            }
        };
        let mut command = Command::new("node");
        command.arg(script("mjs")).arg(node()).arg(generation);
        command
    }

    /// What its client lists of each kind: names and URIs, or why that failed.
    pub async fn lists(self, address: SocketAddr) -> Value {
        let printed = output(self.run("lists").arg(format!("http://{address}/mcp"))).await;
        // An SDK may print advice before.
        let seen = printed.lines().last().expect("a line");
        serde_json::from_str(seen).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}

/// Where the packages for Node.js are installed.
#[must_use]
pub fn node() -> PathBuf {
    tool("MCP_MUX_NODE", ".tools/node")
}

/// A program of the Python packages.
#[must_use]
pub fn python(program: &str) -> PathBuf {
    tool("MCP_MUX_PYTHON", ".tools/py").join("bin").join(program)
}
