//! The host that the filter runs in: the same tests run in both.

use std::path::PathBuf;

use crate::tool;

/// The variable that tells Envoy where modules are.
pub(crate) const MODULES: &str = "ENVOY_DYNAMIC_MODULES_SEARCH_PATH";

/// A host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Envoy's WebAssembly runtime: `dist/mcp_mux.wasm`.
    Wasm,
    /// Envoy's dynamic modules: `dist/libmcp_mux.so`.
    Module,
}

impl Host {
    /// The host that `MCP_MUX_HOST` names, `wasm` or `module`; without it `wasm`.
    #[must_use]
    pub fn tested() -> Self {
        match std::env::var("MCP_MUX_HOST").as_deref() {
            Err(_) | Ok("wasm") => Self::Wasm,
            Ok("module") => Self::Module,
            Ok(other) => panic!("MCP_MUX_HOST is {other:?}; it can be wasm or module"),
        }
    }

    /// What it is called: `wasm` or `module`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Module => "module",
        }
    }

    /// What Envoy has to know in its environment, to find the filter.
    #[must_use]
    pub fn environment(self) -> Option<(&'static str, PathBuf)> {
        let folder = || {
            let mut module = tool("MCP_MUX_MODULE", "dist/libmcp_mux.so");
            module.pop();
            (MODULES, module)
        };
        (self == Self::Module).then(folder)
    }

    /// How many memories so many workers have: one each, or one for all.
    #[must_use]
    pub fn memories(self, workers: usize) -> usize {
        match self {
            Self::Wasm => workers,
            Self::Module => 1,
        }
    }

    /// Whether it makes one stream of those of several upstreams.
    #[must_use]
    pub fn merges(self) -> bool {
        self == Self::Module
    }

    /// What Envoy puts before the names of the filter's metrics.
    #[must_use]
    pub fn metrics(self) -> &'static str {
        match self {
            Self::Wasm => "wasmcustom.",
            Self::Module => "dynamicmodulescustom.",
        }
    }
}
