//! Histograms of what is most frequent by far: calls of tools that are answered with a result.
//!
//! Envoy looks a histogram with labels up by their texts for each value, which costs it several times what all else does
//! that is told of a call. These have the labels in their names, as counters have, are there from the start, and are found
//! here. Labels are made of the names by the same rules (docs/metrics.md).

use std::collections::HashMap;

use mcp_mux_core::gateway::Gateway;
use mcp_mux_driver::{FAMILIES, Family, Metric, MetricKind};

use crate::host::ConfigRef;

/// The method, and how it ends.
const METHOD: &str = "tools_call";
const OUTCOME: &str = "ok";

/// What Envoy knows them by. The families are few, and told apart by their addresses.
#[derive(Default)]
pub(crate) struct Frequent {
    /// Those that differ in the method alone.
    of_method: Vec<(&'static Family, usize)>,
    /// Those that differ in the method, the upstream and the outcome, by the upstream's name.
    of_upstream: Vec<(&'static Family, HashMap<String, usize>)>,
}

impl Frequent {
    /// Defines them; only while the configuration is set up.
    pub(crate) fn define(envoy: ConfigRef, gateway: &Gateway) -> Self {
        let define = |family: &'static Family, values: &[&str]| {
            let mut name = String::new();
            Metric { family, values }.write_name(&mut name);
            envoy.define(family.kind, &name, &[])
        };
        let mut frequent = Self::default();
        for family in FAMILIES.into_iter().filter(|it| it.kind == MetricKind::Histogram) {
            match family.labels {
                ["mcp_method"] => {
                    frequent.of_method.extend(Some(family).zip(define(family, &[METHOD])));
                }
                ["mcp_method", "mcp_upstream", "mcp_outcome"] => {
                    let of = |name: &str| {
                        Some((name.to_owned(), define(family, &[METHOD, name, OUTCOME])?))
                    };
                    let all = gateway.upstream_names().filter_map(of).collect();
                    frequent.of_upstream.push((family, all));
                }
                _ => {}
            }
        }
        frequent
    }

    /// What Envoy knows a histogram by, if it is one of these.
    pub(crate) fn find(&self, metric: Metric<'_>) -> Option<usize> {
        let is = |family: &Family| std::ptr::eq(family, metric.family);
        match metric.values {
            [METHOD] => self.of_method.iter().find(|(it, _)| is(it)).map(|(_, id)| *id),
            [METHOD, upstream, OUTCOME] => {
                self.of_upstream.iter().find(|(it, _)| is(it))?.1.get(*upstream).copied()
            }
            _ => None,
        }
    }
}
