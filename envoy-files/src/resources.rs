//! Resources of Envoy, and the `DiscoveryResponse`s that hold them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The name of the filter, in its listener too.
pub const FILTER: &str = "mcp_mux";

/// The type of a cluster.
pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
/// The type of the filter in WebAssembly.
pub const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
/// The type of the filter in the native host.
pub const MODULE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";
/// The type of a configuration that is a JSON text.
pub const TEXT: &str = "type.googleapis.com/google.protobuf.StringValue";
/// The type of a configuration that is an object.
pub const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";
const HTTP: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Envoy's own limit is 1024 connections. An open stream of a client keeps one, and a call over that limit
/// would wait without an end, since calls have no timeout.
const UNLIMITED: u32 = 1_000_000;

/// When Envoy closes an idle connection: before the servers do, which many do after 5 s. A request that
/// meets a closing connection fails.
pub const IDLE: &str = "4s";

/// Clusters by name.
pub type Clusters = BTreeMap<String, Value>;

/// What runs the filter.
#[derive(Clone, Debug)]
pub enum Host {
    /// WebAssembly.
    Wasm {
        /// The path of `mcp_mux.wasm` as Envoy sees it.
        file: String,
        /// Fields of Envoy's `VmConfig` besides the code, as they are.
        vm_config: Map<String, Value>,
    },
    /// The native host.
    Module {
        /// The file is `lib<name>.so`, in the folder that Envoy has in `ENVOY_DYNAMIC_MODULES_SEARCH_PATH`.
        name: String,
    },
}

/// What every cluster of an MCP server has: Envoy closes connections that are idle for so long, and opens as
/// many as there are streams. These filters are run for each request to it.
#[must_use]
pub fn cluster(name: &str, idle: &str, mut filters: Vec<Value>) -> Value {
    let mut options = json!({
        "@type": format!("type.googleapis.com/{HTTP}"),
        "common_http_protocol_options": {"idle_timeout": idle},
        "explicit_http_config": {"http_protocol_options": {}},
    });
    if !filters.is_empty() {
        let codec =
            "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
        let name = "envoy.filters.http.upstream_codec";
        filters.push(json!({"name": name, "typed_config": {"@type": codec}}));
        set(&mut options, "http_filters", filters);
    }
    json!({
        "@type": CLUSTER,
        "name": name,
        "typed_extension_protocol_options": {HTTP: options},
        "circuit_breakers": {"thresholds": [{
            "max_connections": UNLIMITED, "max_pending_requests": UNLIMITED, "max_requests": UNLIMITED,
        }]},
    })
}

/// Sets a field of an object; does nothing to what is none.
pub fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value.into());
    }
}

/// The file with these clusters.
#[must_use]
pub fn clusters_file(clusters: &Clusters) -> Vec<u8> {
    response(CLUSTER, clusters.values().cloned().collect())
}

/// The clusters of a file that was written before; what is none of them is left out.
#[must_use]
pub fn read_clusters(file: &[u8]) -> Clusters {
    let file: Value = serde_json::from_slice(file).unwrap_or_default();
    let clusters = file.get("resources").and_then(Value::as_array).into_iter().flatten();
    let ours = clusters.filter(|it| it.get("@type").is_some_and(|it| it == CLUSTER));
    let named = ours.filter_map(|it| Some((it.get("name")?.as_str()?.to_owned(), it.clone())));
    named.collect()
}

/// The file with the filter of this configuration, as text: numbers and the order of fields arrive as they
/// are here.
#[must_use]
pub fn filter_file(host: &Host, plugin: &Value) -> Vec<u8> {
    let typed_config = filter(host, &json!({"@type": TEXT, "value": plugin.to_string()}));
    let filter = json!({"@type": EXTENSION, "name": FILTER, "typed_config": typed_config});
    response(EXTENSION, vec![filter])
}

/// The filter with a configuration, which is a [`TEXT`] or a [`STRUCT`].
#[must_use]
pub fn filter(host: &Host, configuration: &Value) -> Value {
    match host {
        Host::Wasm { file, vm_config } => {
            let mut machine = vm_config.clone();
            machine.entry("runtime").or_insert_with(|| json!("envoy.wasm.runtime.v8"));
            machine.insert("code".into(), json!({"local": {"filename": file}}));
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
        Host::Module { name } => json!({
            "@type": MODULE,
            "dynamic_module_config": {"name": name},
            "filter_name": FILTER,
            "filter_config": configuration,
        }),
    }
}

/// The file with resources of one type. The version, which Envoy shows in its configuration dump, says no
/// more than what is in it.
#[must_use]
pub fn response(type_url: &str, resources: Vec<Value>) -> Vec<u8> {
    let resources = Value::Array(resources);
    let version = hexadecimal(&resources.to_string());
    let response = json!({"version_info": version, "type_url": type_url, "resources": resources});
    format!("{response:#}\n").into_bytes()
}

/// Tells texts apart, in 16 characters.
#[must_use]
pub fn hexadecimal(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &[u8]) -> Value {
        serde_json::from_slice(file).expect("JSON")
    }

    #[test]
    fn clusters_are_read_as_they_were_written() {
        let clusters = Clusters::from([("a".to_owned(), cluster("a", IDLE, Vec::new()))]);
        assert_eq!(read_clusters(&clusters_file(&clusters)), clusters);
        assert!(read_clusters(b"{").is_empty() && read_clusters(b"[1]").is_empty());
    }

    #[test]
    fn filters_of_a_cluster_end_with_the_codec() {
        let cluster = cluster("a", IDLE, vec![json!({"name": "first"})]);
        let filters = &cluster["typed_extension_protocol_options"][HTTP]["http_filters"];
        assert_eq!(filters[0]["name"], "first");
        assert_eq!(filters[1]["name"], "envoy.filters.http.upstream_codec");
    }

    #[test]
    fn the_filter_has_its_configuration_as_text() {
        let plugin = json!({"upstreams": [{"name": "a"}]});
        let vm_config = json!({"vm_id": "m"}).as_object().expect("an object").clone();
        let file = read(&filter_file(&Host::Wasm { file: "/f.wasm".into(), vm_config }, &plugin));
        let filter = &file["resources"][0];
        assert_eq!(filter["name"], "mcp_mux");
        let config = &filter["typed_config"]["config"];
        assert_eq!(config["configuration"]["value"], plugin.to_string());
        let machine = json!({
            "vm_id": "m", "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": "/f.wasm"}},
        });
        assert_eq!(config["vm_config"], machine);
    }

    #[test]
    fn the_native_host_has_the_same_configuration() {
        let plugin = json!({"upstreams": [{"name": "a"}]});
        let file = read(&filter_file(&Host::Module { name: "mcp_mux_2".into() }, &plugin));
        let expected = json!({
            "@type": MODULE,
            "dynamic_module_config": {"name": "mcp_mux_2"},
            "filter_name": "mcp_mux",
            "filter_config": {"@type": TEXT, "value": plugin.to_string()},
        });
        assert_eq!(file["resources"][0]["typed_config"], expected);
    }

    #[test]
    fn a_version_changes_with_the_content_alone() {
        let version = |plugin: Value| {
            let file = read(&filter_file(&Host::Module { name: "m".into() }, &plugin));
            file["version_info"].as_str().expect("a version").to_owned()
        };
        assert_eq!(version(json!({"a": 1})), version(json!({"a": 1})));
        assert_ne!(version(json!({"a": 1})), version(json!({"a": 2})));
        assert_eq!(version(json!({})).len(), 16);
    }
}
