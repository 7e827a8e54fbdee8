//! Parts of Envoy's configuration, as JSON: what the end-to-end tests and the load measurements have in common.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// A cluster of one endpoint.
#[must_use]
pub fn cluster(name: &str, address: SocketAddr) -> Value {
    let endpoint = json!({"endpoint": {"address": socket_address(address)}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    })
}

/// What speaks HTTP, with these routes and filters.
#[must_use]
pub fn connection_manager(routes: &Value, filters: &Value) -> Value {
    json!({
        "@type": proto("envoy.extensions.filters.network.http_connection_manager.v3.\
                        HttpConnectionManager"),
        "stat_prefix": "main",
        "stream_idle_timeout": "0s",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
        },
        "http_filters": filters,
    })
}

/// A listener on a port of loopback, 0 for any, that holds at most so many bytes of a connection.
#[must_use]
pub fn listener(port: u16, buffer: u64, connection_manager: &Value) -> Value {
    let network_filter = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": connection_manager,
    });
    json!({
        "name": "main",
        "address": at(port),
        "per_connection_buffer_limit_bytes": buffer,
        "filter_chains": [{"filters": [network_filter]}],
    })
}

/// The route of README.md, for requests whose owner the filter has named.
#[must_use]
pub fn owner_route(timeout: &str) -> Value {
    json!({
        "match": {"prefix": "/", "headers": [{"name": "x-mcp-cluster", "present_match": true}]},
        "route": {"cluster_header": "x-mcp-cluster", "timeout": timeout},
        "request_headers_to_remove": ["x-mcp-cluster"],
    })
}

/// The filter with a `PluginConfig`.
#[must_use]
pub fn filter(plugin: &Value) -> Value {
    json!({
        "name": "mcp_mux",
        "typed_config": {
            "@type": proto("envoy.extensions.filters.http.wasm.v3.Wasm"),
            "config": plugin,
        },
    })
}

/// The native host with a configuration, which is an `Any`. Envoy has to find the module: see
/// [`crate::host::Host`].
#[must_use]
pub fn module_filter(configuration: &Value) -> Value {
    json!({
        "name": "mcp_mux",
        "typed_config": {
            "@type": proto("envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter"),
            "dynamic_module_config": {"name": "mcp_mux"},
            "filter_name": "mcp_mux",
            "filter_config": configuration,
        },
    })
}

/// A port of loopback, 0 for any.
#[must_use]
pub fn at(port: u16) -> Value {
    socket_address(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A message of this type.
#[must_use]
pub fn typed(name: &str, mut message: Value) -> Value {
    message["@type"] = proto(name).into();
    message
}

/// What `@type` says of a message of this type.
#[must_use]
pub fn proto(name: &str) -> String {
    format!("type.googleapis.com/{name}")
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {
        "address": address.ip().to_string(),
        "port_value": address.port(),
    }})
}
