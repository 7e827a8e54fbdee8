//! What counters are called.

use mcp_mux_core::effect::{Counter, Outcome, Served};
use mcp_mux_core::gateway::Gateway;

/// The name of a counter, its parts between dots: `mcp_mux.requests.<method>.<outcome>`,
/// `mcp_mux.side_calls.<upstream>.<ok|failed>`, `mcp_mux.faults.<upstream>.<fault>`,
/// `mcp_mux.catalog.<hit|miss|shared>` or
/// `mcp_mux.<items_dropped|names_in_conflict|odd_names|tools_changed>.<upstream>`. Methods and faults are labels
/// of the core's own and upstreams those of the configuration, so there is a bounded number of them.
#[must_use]
pub fn metric_name(gateway: &Gateway, counter: &Counter) -> String {
    match *counter {
        Counter::Request { method, outcome } => {
            let outcome = match outcome {
                Outcome::Ok => "ok",
                Outcome::ClientError => "client_error",
                Outcome::UpstreamError => "upstream_error",
                Outcome::Busy => "busy",
            };
            format!("mcp_mux.requests.{method}.{outcome}")
        }
        Counter::SideCall { upstream, ok } => {
            let outcome = if ok { "ok" } else { "failed" };
            format!("mcp_mux.side_calls.{}.{outcome}", gateway.name(upstream))
        }
        Counter::Fault { upstream, fault } => {
            format!("mcp_mux.faults.{}.{fault}", gateway.name(upstream))
        }
        Counter::ItemDropped { upstream } => {
            format!("mcp_mux.items_dropped.{}", gateway.name(upstream))
        }
        Counter::NameConflict { upstream } => {
            format!("mcp_mux.names_in_conflict.{}", gateway.name(upstream))
        }
        Counter::Catalog(served) => {
            let served = match served {
                Served::Hit => "hit",
                Served::Miss => "miss",
                Served::Shared => "shared",
            };
            format!("mcp_mux.catalog.{served}")
        }
        Counter::ToolChanged { upstream } => {
            format!("mcp_mux.tools_changed.{}", gateway.name(upstream))
        }
        Counter::OddName { upstream } => {
            format!("mcp_mux.odd_names.{}", gateway.name(upstream))
        }
    }
}
