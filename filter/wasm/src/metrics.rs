//! Counters: the core's, under names in Envoy's stats.
//!
//! Envoy shows them as `wasmcustom.mcp_mux.requests.<method>.<outcome>`,
//! `wasmcustom.mcp_mux.side_calls.<upstream>.<ok|failed>`, `wasmcustom.mcp_mux.catalog.<hit|miss|shared>`
//! and `wasmcustom.mcp_mux.<items_dropped|names_in_conflict|odd_names>.<upstream>`. Methods are labels of the routing table and
//! upstreams those of the configuration, so their number is bounded.

use std::cell::RefCell;
use std::collections::HashMap;

use mcp_mux_core::effect::{Counter, Outcome, Served};
use mcp_mux_core::gateway::Gateway;

use crate::host;

/// The ids of the counters that were used so far.
#[derive(Default)]
pub(crate) struct Metrics(RefCell<HashMap<Counter, u32>>);

impl Metrics {
    pub(crate) fn count(&self, gateway: &Gateway, counter: Counter, by: u64) {
        let mut ids = self.0.borrow_mut();
        let id = ids.get(&counter).copied().or_else(|| {
            let id = host::counter(&name(gateway, &counter))?;
            ids.insert(counter, id);
            Some(id)
        });
        if let Some(id) = id {
            host::increment(id, by);
        }
    }
}

fn name(gateway: &Gateway, counter: &Counter) -> String {
    let upstream = |index: usize| gateway.upstreams.get(index).map_or("", |it| it.name.as_str());
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
        Counter::SideCall { upstream: index, ok } => {
            let outcome = if ok { "ok" } else { "failed" };
            format!("mcp_mux.side_calls.{}.{outcome}", upstream(index))
        }
        Counter::ItemDropped { upstream: index } => {
            format!("mcp_mux.items_dropped.{}", upstream(index))
        }
        Counter::NameConflict { upstream: index } => {
            format!("mcp_mux.names_in_conflict.{}", upstream(index))
        }
        Counter::Catalog(served) => {
            let served = match served {
                Served::Hit => "hit",
                Served::Miss => "miss",
                Served::Shared => "shared",
            };
            format!("mcp_mux.catalog.{served}")
        }
        Counter::OddName { upstream: index } => {
            format!("mcp_mux.odd_names.{}", upstream(index))
        }
    }
}
