//! Metrics in Envoy's stats, which put `wasmcustom.` before their names.

use std::cell::RefCell;
use std::collections::HashMap;

use mcp_mux_core::effect::Counter;
use mcp_mux_core::gateway::Gateway;
use mcp_mux_driver::{Metric, MetricKind, metric_name};

use crate::host;

/// The ids of the metrics that were used so far.
#[derive(Default)]
pub(crate) struct Metrics {
    counters: RefCell<HashMap<Counter, u32>>,
    others: RefCell<Others>,
}

/// Those that have no key but their names.
#[derive(Default)]
struct Others {
    ids: HashMap<String, u32>,
    /// The name that is looked for.
    name: String,
}

impl Metrics {
    pub(crate) fn count(&self, gateway: &Gateway, counter: Counter, by: u64) {
        let mut ids = self.counters.borrow_mut();
        let id = ids.get(&counter).copied().or_else(|| {
            let id = host::metric(MetricKind::Counter, &metric_name(gateway, &counter))?;
            ids.insert(counter, id);
            Some(id)
        });
        if let Some(id) = id {
            host::increment(id, i64::try_from(by).unwrap_or(i64::MAX));
        }
    }

    /// The id of a histogram or a gauge.
    pub(crate) fn id(&self, metric: Metric<'_>) -> Option<u32> {
        let Others { ids, name } = &mut *self.others.borrow_mut();
        name.clear();
        metric.write_name(name);
        if let Some(id) = ids.get(name.as_str()) {
            return Some(*id);
        }
        let id = host::metric(metric.family.kind, name)?;
        ids.insert(name.clone(), id);
        Some(id)
    }
}
