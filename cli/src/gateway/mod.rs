//! What Envoy reads, made of servers: the filter's configuration, the clusters, the bootstrap.

pub mod bootstrap;
mod clusters;
mod plugin;
pub mod secrets;
#[cfg(test)]
mod tests;
pub mod yaml;

use std::path::PathBuf;

use clap::ValueEnum;
use mcp_mux_envoy_files::resources;
use serde_json::json;

pub use clusters::{clusters, system_roots};
pub use plugin::{plugin, plugin_with_status, read};

use crate::servers::{Reached, Remote, Server};

/// The path of the endpoint.
pub const PATH: &str = "/mcp";

/// The path of the status page.
pub const STATUS: &str = "/mcp/status";

/// The variable with the key of the sessions.
pub const KEYS: &str = "MCP_MUX_SESSION_KEYS";

/// What runs the filter.
#[allow(clippy::doc_markdown, reason = "users are shown these as they are")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Host {
    /// WebAssembly: dist/mcp_mux.wasm, in any Envoy
    Wasm,
    /// Native: dist/libmcp_mux.so, in Envoy 1.38 to 1.40; it does more (docs/hosts.md)
    Module,
}

/// The filter: which one, and where its file is.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Which of the two.
    pub host: Host,
    /// `mcp_mux.wasm` or `libmcp_mux.so`, as Envoy sees it.
    pub file: PathBuf,
}

impl Filter {
    /// As Envoy has it.
    pub(crate) fn resource(&self) -> resources::Host {
        match self.host {
            Host::Wasm => resources::Host::Wasm {
                file: self.file.display().to_string(),
                // The filter sees no other variable of Envoy's environment.
                vm_config: [("environment_variables".to_owned(), json!({"host_env_keys": [KEYS]}))]
                    .into_iter()
                    .collect(),
            },
            Host::Module => {
                let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
                let name = stem.strip_prefix("lib").unwrap_or(&stem).to_owned();
                resources::Host::Module { name }
            }
        }
    }
}

/// A server, and where Envoy finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// What the file says of it.
    pub server: Server,
    /// The port of loopback that its bridge listens on, for one that is a program.
    pub port: u16,
}

impl Upstream {
    /// Its cluster.
    #[must_use]
    pub fn cluster(&self) -> String {
        format!("mcp_{}", self.server.name.replace('-', "_"))
    }

    /// Where it is, if it has a URL.
    #[must_use]
    pub fn remote(&self) -> Option<&Remote> {
        match &self.server.reached {
            Reached::Url(remote) => Some(remote),
            Reached::Command(_) => None,
        }
    }

    /// The URL of its endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.server.reached {
            Reached::Url(remote) => remote.url(),
            Reached::Command(_) => format!("http://127.0.0.1:{}{PATH}", self.port),
        }
    }
}
