//! What Envoy reads from files while it runs: the filter (ECDS) and its clusters (CDS), as JSON; and what lets operators
//! see what the filter tells.
//!
//! [`resources`] makes them, [`files`] puts them where Envoy watches. [`observability`] is of the bootstrap. Knows nothing of where upstreams come
//! from: `mcp-mux-discovery` has them of Kubernetes, `mcp-mux run` of a file of servers.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unreachable, clippy::todo))]

pub mod files;
pub mod observability;
pub mod resources;
