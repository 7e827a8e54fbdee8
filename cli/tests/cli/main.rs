//! The real program: with real servers, the real Envoy and the real filter, in the host that `MCP_MUX_HOST` names.

mod config;
mod endpoint;
mod program;
mod run;
