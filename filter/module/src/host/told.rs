//! What the operator is told by way of Envoy: metrics, and fields of the access log.

use std::ptr::null;

use mcp_mux_driver::MetricKind;

use super::{ConfigRef, FilterRef, lent};
use crate::abi::{self, ModuleBuffer};

/// No family has more labels.
const LABELS: usize = 3;

/// The values of labels as Envoy takes them.
struct Values {
    lent: [ModuleBuffer; LABELS],
    count: usize,
}

impl Values {
    fn lent(values: &[&str]) -> Self {
        debug_assert!(values.len() <= LABELS, "{values:?}");
        let mut lent = [ModuleBuffer { data: null(), length: 0 }; LABELS];
        for (to, value) in lent.iter_mut().zip(values) {
            *to = super::lent(value.as_bytes());
        }
        Self { lent, count: values.len().min(LABELS) }
    }

    fn data(&self) -> *const ModuleBuffer {
        self.lent.as_ptr()
    }
}

impl ConfigRef {
    /// Defines metrics that differ in the values of these labels; only while the configuration is set up.
    pub(crate) fn define(self, kind: MetricKind, name: &str, labels: &[&str]) -> Option<usize> {
        let define = match kind {
            MetricKind::Counter => abi::define_counter,
            MetricKind::Gauge => abi::define_gauge,
            MetricKind::Histogram => abi::define_histogram,
        };
        let mut id = 0;
        let lent_labels: Vec<ModuleBuffer> = labels.iter().map(|it| lent(it.as_bytes())).collect();
        let (name, count) = (lent(name.as_bytes()), lent_labels.len());
        // SAFETY: the pointers live through the call.
        let status = unsafe { define(self.0, name, lent_labels.as_ptr(), count, &raw mut id) };
        (status == 0).then_some(id)
    }
}

impl FilterRef {
    /// Adds to a counter.
    pub(crate) fn increment(self, counter: usize, by: u64) {
        // SAFETY: the filter is valid.
        unsafe { abi::increment_counter(self.0, counter, null(), 0, by) };
    }

    /// Adds a value to a histogram whose labels have these values.
    pub(crate) fn record(self, histogram: usize, values: &[&str], value: u64) {
        let values = Values::lent(values);
        // SAFETY: the filter is valid, and the slices live through the call.
        unsafe { abi::record_histogram(self.0, histogram, values.data(), values.count, value) };
    }

    /// Adds to a gauge, or takes from it.
    pub(crate) fn adjust(self, gauge: usize, values: &[&str], by: i64) {
        let values = Values::lent(values);
        let adjust = if by < 0 { abi::decrement_gauge } else { abi::increment_gauge };
        // SAFETY: as above.
        unsafe { adjust(self.0, gauge, values.data(), values.count, by.unsigned_abs()) };
    }

    /// Sets a gauge.
    pub(crate) fn set(self, gauge: usize, values: &[&str], value: u64) {
        let values = Values::lent(values);
        // SAFETY: as above.
        unsafe { abi::set_gauge(self.0, gauge, values.data(), values.count, value) };
    }

    /// Keeps a text with the stream, where its access log finds it as filter state.
    pub(crate) fn describe(self, name: &str, value: &str) {
        // SAFETY: as above.
        unsafe { abi::set_filter_state(self.0, lent(name.as_bytes()), lent(value.as_bytes())) };
    }
}
