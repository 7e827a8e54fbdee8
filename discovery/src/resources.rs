//! What Envoy reads of discovered upstreams: their clusters and endpoints, and the filter.

use mcp_mux_envoy_files::resources::{self as shared, Clusters, response, set};
use serde_json::{Value, json};

use crate::settings::{Host, Settings};
use crate::state::Upstream;

const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/// The clusters of upstreams. They have their endpoints from files of their own (EDS): if a cluster
/// changed with them, Envoy would make it anew, and break off the filter's side calls to it.
#[must_use]
pub fn clusters(settings: &Settings, upstreams: &[Upstream]) -> Clusters {
    let cluster = |upstream: &Upstream| {
        let name = upstream.cluster.clone();
        (name, self::cluster(settings, upstream))
    };
    upstreams.iter().map(cluster).collect()
}

fn cluster(settings: &Settings, upstream: &Upstream) -> Value {
    let mut cluster = shared::cluster(&upstream.cluster, shared::IDLE, Vec::new());
    set(&mut cluster, "type", json!("EDS"));
    set(&mut cluster, "connect_timeout", json!(settings.clusters.connect_timeout));
    set(&mut cluster, "lb_policy", json!(settings.clusters.lb_policy));
    set(
        &mut cluster,
        "eds_cluster_config",
        json!({
            "eds_config": {
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": settings.output.join(endpoints_name(&upstream.cluster)),
                    "watched_directory": {"path": settings.output},
                },
            },
        }),
    );
    cluster
}

/// The name of the file with the endpoints of a cluster. Names of namespaces and Services have no dots.
#[must_use]
pub fn endpoints_name(cluster: &str) -> String {
    format!("{}.json", cluster.replace('/', "."))
}

/// The file with the endpoints of an upstream.
#[must_use]
pub fn endpoints_file(upstream: &Upstream) -> Vec<u8> {
    let endpoints = upstream.endpoints.iter().map(|address| {
        let (address, port) = (address.ip().to_string(), address.port());
        json!({"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}})
    });
    let assignment = json!({
        "@type": ENDPOINTS,
        "cluster_name": upstream.cluster,
        "endpoints": [{"lb_endpoints": endpoints.collect::<Vec<_>>()}],
    });
    response(ENDPOINTS, vec![assignment])
}

/// `filter.json`: the filter with this configuration.
#[must_use]
pub fn filter_file(settings: &Settings, plugin: &Value) -> Vec<u8> {
    let host = match settings.host {
        Host::Wasm => shared::Host::Wasm {
            file: settings.wasm.file.clone(),
            vm_config: settings.wasm.vm_config.clone(),
        },
        Host::Module => shared::Host::Module { name: settings.module.name.clone() },
    };
    shared::filter_file(&host, plugin)
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
