//! `mcp-mux`, the command-line program: the MCP servers that the user already has, behind one endpoint.
//!
//! ```text
//! file of servers --servers--> Server --gateway--> what Envoy reads --run--> Envoy, bridges of stdio servers
//! ```
//!
//! `check`, `tools` and `pin` stand beside that.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]

pub mod args;
pub mod check;
pub mod client;
pub mod commands;
pub mod gateway;
pub mod locate;
pub mod report;
pub mod run;
pub mod servers;
pub mod table;
