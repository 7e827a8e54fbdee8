//! End to end: starts the real Envoy with the real filter between scripted MCP servers and a client
//! that can misbehave.
//!
//! ```text
//!   client::Request ---> envoy::Envoy (Envoy + mcp_mux.wasm) ---> upstream::Upstream "a"
//!   mcp::Client                                              \--> upstream::Upstream "b"
//! ```
//!
//! A test says what is special about its world and nothing else:
//!
//! ```no_run
//! # async fn example() {
//! use mcp_mux_tests::{Client, Setup, Upstream};
//!
//! let a = Upstream::named("a").tools(&["echo"]).start().await;
//! let envoy = Setup::new().upstream(&a).start().await;
//! let client = Client::open(&envoy).await;
//! assert_eq!(client.tool_names().await, ["a__echo"]);
//! # }
//! ```
//!
//! A test has its Envoy for itself, but the process has served other tests before: to compile the filter
//! takes longer than most tests. [`Setup::alone`] asks for a process of its own.
//!
//! Everything listens on loopback ports that the kernel picks, so tests run in parallel. Nothing
//! sleeps to let something happen: what is waited for is a condition, with a deadline.
#![expect(clippy::missing_panics_doc, reason = "a harness reports by panicking")]

pub mod client;
pub mod conformance;
pub mod connection;
pub mod envoy;
pub mod envoy_config;
pub mod exchange;
pub mod gateway;
pub mod host;
pub mod http_sse;
pub mod inspector;
pub mod kubernetes;
pub mod marks;
pub mod mcp;
pub mod process;
pub mod real;
pub mod script;
pub mod seen;
pub mod server;
pub mod setup;
pub mod shipped;
pub mod sse;
pub mod talk;
pub mod talker;
pub mod tls;
pub mod together;
pub mod token;
pub mod upstream;
pub mod wire;

use std::path::PathBuf;
use std::time::Duration;

pub use client::{Open, Reply, Request};
pub use envoy::Envoy;
pub use gateway::Gateway;
pub use mcp::Client;
pub use script::{Answer, Gate, Step};
pub use seen::Seen;
pub use setup::Setup;
pub use shipped::Shipped;
pub use talker::Talker;
pub use upstream::{Builder, Upstream};
pub use wire::{Peer, Wire};

/// How long anything may take before the test fails: far more than it needs on a busy machine, where
/// a browser has been seen to take 16 s.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for `what`, at most [`DEADLINE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: nothing within {DEADLINE:?}"))
}

/// A path in the repository, for instance `repository("dist/mcp_mux.wasm")`.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The path that the environment variable names, or else one in the repository.
#[must_use]
pub fn tool(variable: &str, path: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| repository(path), PathBuf::from);
    assert!(path.exists(), "{} is not there: run `make build` or set {variable}", path.display());
    path
}
