//! What Envoy reads: `DiscoveryResponse`s as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::hexadecimal;
use crate::settings::{Host, Settings};
use crate::state::Upstream;

/// The name of the filter, in its listener too.
pub const FILTER: &str = "mcp_mux";

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const MODULE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";
const TEXT: &str = "type.googleapis.com/google.protobuf.StringValue";

/// Envoy's own limit is 1024 connections. An open stream of a client keeps one, and a call over that limit
/// would wait without an end, since calls have no timeout.
const UNLIMITED: u32 = 1_000_000;

/// Clusters by name.
pub type Clusters = BTreeMap<String, Value>;

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

const HTTP: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// When Envoy closes an idle connection: before the servers do, which many do after 5 s. A request that
/// meets a closing connection fails.
const IDLE: &str = "4s";

fn cluster(settings: &Settings, upstream: &Upstream) -> Value {
    json!({
        "@type": CLUSTER,
        "name": upstream.cluster,
        "type": "EDS",
        "connect_timeout": settings.clusters.connect_timeout,
        "lb_policy": settings.clusters.lb_policy,
        "typed_extension_protocol_options": {HTTP: {
            "@type": format!("type.googleapis.com/{HTTP}"),
            "common_http_protocol_options": {"idle_timeout": IDLE},
            "explicit_http_config": {"http_protocol_options": {}},
        }},
        "circuit_breakers": {"thresholds": [{
            "max_connections": UNLIMITED, "max_pending_requests": UNLIMITED, "max_requests": UNLIMITED,
        }]},
        "eds_cluster_config": {
            "eds_config": {
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": settings.output.join(endpoints_name(&upstream.cluster)),
                    "watched_directory": {"path": settings.output},
                },
            },
        },
    })
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

/// `clusters.json`.
#[must_use]
pub fn clusters_file(clusters: &Clusters) -> Vec<u8> {
    response(CLUSTER, clusters.values().cloned().collect())
}

/// The clusters of a `clusters.json` that was written before; what is none of them is left out.
#[must_use]
pub fn read_clusters(file: &[u8]) -> Clusters {
    let file: Value = serde_json::from_slice(file).unwrap_or_default();
    let clusters = file.get("resources").and_then(Value::as_array).into_iter().flatten();
    let ours = clusters.filter(|it| it.get("@type").is_some_and(|it| it == CLUSTER));
    let named = ours.filter_map(|it| Some((it.get("name")?.as_str()?.to_owned(), it.clone())));
    named.collect()
}

/// `filter.json`: the filter with this configuration.
#[must_use]
pub fn filter_file(settings: &Settings, plugin: &Value) -> Vec<u8> {
    // As text: numbers and the order of fields arrive as they are here.
    let configuration = json!({"@type": TEXT, "value": plugin.to_string()});
    let typed_config = match settings.host {
        Host::Wasm => wasm(settings, &configuration),
        Host::Module => json!({
            "@type": MODULE,
            "dynamic_module_config": {"name": settings.module.name},
            "filter_name": FILTER,
            "filter_config": configuration,
        }),
    };
    let filter = json!({"@type": EXTENSION, "name": FILTER, "typed_config": typed_config});
    response(EXTENSION, vec![filter])
}

fn wasm(settings: &Settings, configuration: &Value) -> Value {
    let mut machine = settings.wasm.vm_config.clone();
    machine.entry("runtime").or_insert_with(|| json!("envoy.wasm.runtime.v8"));
    machine.insert("code".into(), json!({"local": {"filename": settings.wasm.file}}));
    json!({
        "@type": WASM,
        "config": {
            "name": FILTER,
            "allow_on_headers_stop_iteration": true,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": machine,
            "configuration": configuration,
        },
    })
}

/// The version, which Envoy shows in its configuration dump, says no more than what is in it.
fn response(type_url: &str, resources: Vec<Value>) -> Vec<u8> {
    let resources = Value::Array(resources);
    let version = hexadecimal(&resources.to_string());
    let response = json!({"version_info": version, "type_url": type_url, "resources": resources});
    format!("{response:#}\n").into_bytes()
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
