//! Counters in Envoy's stats, which put `wasmcustom.` before their names.

use std::cell::RefCell;
use std::collections::HashMap;

use mcp_mux_core::effect::Counter;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_driver::metric_name;

use crate::host;

/// The ids of the counters that were used so far.
#[derive(Default)]
pub(crate) struct Metrics(RefCell<HashMap<Counter, u32>>);

impl Metrics {
    pub(crate) fn count(&self, gateway: &Gateway, counter: Counter, by: u64) {
        let mut ids = self.0.borrow_mut();
        let id = ids.get(&counter).copied().or_else(|| {
            let id = host::counter(&metric_name(gateway, &counter))?;
            ids.insert(counter, id);
            Some(id)
        });
        if let Some(id) = id {
            host::increment(id, by);
        }
    }
}
