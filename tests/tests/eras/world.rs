//! Servers of all kinds behind one gateway, which are started again where they were.

use std::net::SocketAddr;

use futures_util::future::join_all;
use mcp_mux_tests::process::{ClosedPort, Service};
use mcp_mux_tests::real::{everything_at, everything_python, everything_typescript};
use mcp_mux_tests::{Envoy, Setup};
use mcp_mux_tests_rmcp as sdk;
use serde_json::json;

/// A server of each kind; the first has more than the others, and knows the handshake alone, the second knows none.
pub(super) const NAMES: [&str; 6] = ["sessions", "stateless", "both", "python", "fastmcp", "rust"];

/// So many servers of each kind: those of [`NAMES`] first, the others with a number behind that.
pub(super) fn names(of_each: usize) -> Vec<String> {
    let copy = |copy: usize| {
        NAMES.map(|name| if copy == 0 { name.to_owned() } else { format!("{name}-{copy}") })
    };
    (0..of_each).flat_map(copy).collect()
}

/// What kind of server has this name.
pub(super) fn kind(name: &str) -> &str {
    name.split_once('-').map_or(name, |(kind, _)| kind)
}

/// The world of a test.
pub(super) struct World {
    servers: Vec<Server>,
    /// Of the gateway.
    port: ClosedPort,
    gateway: Option<Envoy>,
}

/// A server that comes back on its port.
struct Server {
    name: String,
    port: ClosedPort,
    running: Option<Running>,
}

enum Running {
    Process(Service),
    Rust(sdk::Server),
}

impl Server {
    async fn start(name: String) -> Self {
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
        self.running = Some(match kind(&self.name) {
            "sessions" => Running::Process(everything_at(port).await),
            "python" => Running::Process(everything_python("mcp", port).await),
            "fastmcp" => Running::Process(everything_python("fastmcp", port).await),
            "rust" => Running::Rust(sdk::Server::start(port).await),
            eras => Running::Process(everything_typescript(eras, port).await),
        });
    }
}

impl World {
    /// So many servers of each kind.
    pub(super) async fn start(of_each: usize) -> Self {
        let servers = join_all(names(of_each).into_iter().map(Server::start)).await;
        let mut world = Self { servers, port: ClosedPort::reserve(), gateway: None };
        world.restart_gateway().await;
        world
    }

    pub(super) async fn restart_servers(&mut self) {
        join_all(self.servers.iter_mut().map(Server::restart)).await;
    }

    /// Starts one of them again, by its place among the [`names`].
    pub(super) async fn restart_server(&mut self, at: usize) {
        self.servers[at].restart().await;
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
