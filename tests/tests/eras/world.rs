//! Servers of all kinds behind one gateway, which are started again where they were.

use std::net::SocketAddr;

use mcp_mux_tests::process::{ClosedPort, Service};
use mcp_mux_tests::real::{everything_at, everything_python, everything_typescript};
use mcp_mux_tests::{Envoy, Setup};
use mcp_mux_tests_rmcp as sdk;
use serde_json::json;

/// The servers; the first has more than the others, and knows the handshake alone, the second knows none.
pub(super) const NAMES: [&str; 6] = ["sessions", "stateless", "both", "python", "fastmcp", "rust"];

/// The world of a test.
pub(super) struct World {
    servers: [Server; 6],
    /// Of the gateway.
    port: ClosedPort,
    gateway: Option<Envoy>,
}

/// A server that comes back on its port.
struct Server {
    name: &'static str,
    port: ClosedPort,
    running: Option<Running>,
}

enum Running {
    Process(Service),
    Rust(sdk::Server),
}

impl Server {
    async fn start(name: &'static str) -> Self {
        let mut server = Self { name, port: ClosedPort::reserve(), running: None };
        server.restart().await;
        server
    }

    async fn restart(&mut self) {
        match self.running.take() {
            Some(Running::Process(service)) => service.kill().await,
            Some(Running::Rust(server)) => server.kill().await,
            None => {}
        }
        let port = self.port.address.port();
        self.running = Some(match self.name {
            "sessions" => Running::Process(everything_at(port).await),
            "python" => Running::Process(everything_python("mcp", port).await),
            "fastmcp" => Running::Process(everything_python("fastmcp", port).await),
            "rust" => Running::Rust(sdk::Server::start(port).await),
            eras => Running::Process(everything_typescript(eras, port).await),
        });
    }
}

impl World {
    pub(super) async fn start() -> Self {
        let [sessions, stateless, both, python, fastmcp, rust] = NAMES.map(Server::start);
        let servers = tokio::join!(sessions, stateless, both, python, fastmcp, rust).into();
        let mut world = Self { servers, port: ClosedPort::reserve(), gateway: None };
        world.restart_gateway().await;
        world
    }

    pub(super) async fn restart_servers(&mut self) {
        let [sessions, stateless, both, python, fastmcp, rust] =
            self.servers.each_mut().map(Server::restart);
        tokio::join!(sessions, stateless, both, python, fastmcp, rust);
    }

    /// On its port, with its keys.
    pub(super) async fn restart_gateway(&mut self) {
        self.gateway = None;
        let mut setup = Setup::new().concurrency(2).keys(&[7]).port(self.port.address.port());
        for Server { name, port, .. } in &self.servers {
            // Servers of the SDKs serve a host of their own machine alone.
            let fields = json!({"authority": port.address.to_string()});
            setup = setup.upstream_at(name, port.address, &fields);
        }
        let setup = setup.closes_idle().set("listen", json!("python"));
        self.gateway = Some(setup.start().await);
    }

    pub(super) fn endpoint(&self) -> String {
        let address: SocketAddr = self.port.address;
        format!("http://{address}/mcp")
    }
}
