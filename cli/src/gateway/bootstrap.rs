//! Envoy's bootstrap: with everything in it, for `mcp-mux config`; or with what changes in files, for
//! `mcp-mux run`.

use std::path::Path;

use mcp_mux_envoy_files::observability::{access_log, layered_runtime, stats_config};
use mcp_mux_envoy_files::resources::{Clusters, FILTER, MODULE, STRUCT, WASM, filter, set};
use serde_json::{Value, json};

use super::clusters::without_type;
use super::secrets::secrets;
use super::{Filter, PATH, Upstream};

/// Where Envoy listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// The port of the endpoint, on loopback.
    pub port: u16,
    /// That of the admin page, if there is to be one.
    pub admin: Option<u16>,
}

/// How much of a connection Envoy holds: a little over the filter's `limits.request_body`, so that the filter
/// answers first.
const BUFFER: u32 = 5_242_880;

const TYPES: &str = "type.googleapis.com/envoy.extensions.";

/// All in one file.
#[must_use]
pub fn whole(
    listen: Listen,
    host: &Filter,
    upstreams: &[Upstream],
    plugin: &Value,
    clusters: Clusters,
) -> Value {
    let configuration = json!({"@type": STRUCT, "value": plugin});
    let typed = json!({"name": FILTER, "typed_config": filter(&host.resource(), &configuration)});
    // In the order of the file.
    let mut clusters = clusters;
    let ordered = upstreams.iter().filter_map(|it| clusters.remove(&it.cluster()));
    let mut resources = json!({
        "listeners": [listener(listen, &typed)],
        "clusters": ordered.map(without_type).collect::<Vec<Value>>(),
    });
    let secrets = upstreams.iter().flat_map(secrets);
    let secrets: Vec<Value> = secrets.map(|secret| secret.of_environment()).collect();
    if !secrets.is_empty() {
        set(&mut resources, "secrets", secrets);
    }
    with(listen, &resources)
}

/// The filter and the clusters are in files of this folder, which Envoy watches.
#[must_use]
pub fn of_files(listen: Listen, folder: &Path) -> Value {
    let source = |name: &str| {
        json!({
            "resource_api_version": "V3",
            "path_config_source": {
                "path": folder.join(name),
                "watched_directory": {"path": folder},
            },
        })
    };
    let filter = json!({
        "name": FILTER,
        "config_discovery": {
            "type_urls": [WASM, MODULE],
            "config_source": source("filter.json"),
        },
    });
    let mut bootstrap = with(listen, &json!({"listeners": [listener(listen, &filter)]}));
    set(&mut bootstrap, "dynamic_resources", json!({"cds_config": source("clusters.json")}));
    bootstrap
}

/// A bootstrap with these static resources.
fn with(listen: Listen, resources: &Value) -> Value {
    let node = json!({"id": "mcp-mux", "cluster": "mcp-mux"});
    let mut bootstrap = json!({
        "node": node,
        "static_resources": resources,
        "stats_config": stats_config(),
        "layered_runtime": layered_runtime(),
    });
    if let Some(port) = listen.admin {
        set(&mut bootstrap, "admin", json!({"address": loopback(port)}));
    }
    bootstrap
}

/// The listener with this filter.
fn listener(listen: Listen, filter: &Value) -> Value {
    let typed = |name: &str, mut message: Value| {
        set(&mut message, "@type", json!(format!("{TYPES}{name}")));
        message
    };
    let manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "mcp",
            "stream_idle_timeout": "0s",
            "access_log": access_log(),
            "http_filters": [filter, {
                "name": "envoy.filters.http.router",
                "typed_config": typed("filters.http.router.v3.Router", json!({"suppress_envoy_headers": true})),
            }],
            "route_config": {"virtual_hosts": [{"name": "mcp", "domains": ["*"], "routes": [
                {
                    "match": {"prefix": "/", "headers": [{"name": "x-mcp-cluster", "present_match": true}]},
                    "route": {"cluster_header": "x-mcp-cluster", "timeout": "0s"},
                    "request_headers_to_remove": ["x-mcp-cluster"],
                },
                {
                    "match": {"prefix": "/"},
                    "direct_response": {
                        "status": 404,
                        "body": {"inline_string": format!("The MCP endpoint is {PATH}\n")},
                    },
                },
            ]}]},
        }),
    );
    let chain = json!({"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
    }]});
    json!({
        "name": "mcp",
        "address": loopback(listen.port),
        "per_connection_buffer_limit_bytes": BUFFER,
        "filter_chains": [chain],
    })
}

fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
