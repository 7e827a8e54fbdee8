//! The Envoy bootstrap of a test.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Form, Setup, socket_address};
use crate::tool;

impl Setup {
    /// The Envoy bootstrap.
    #[must_use]
    pub fn bootstrap(&self) -> Value {
        let at = |port| socket_address(SocketAddr::from(([127, 0, 0, 1], port)));
        let mut filters = vec![json!({
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": proto("envoy.extensions.filters.http.router.v3.Router")},
        })];
        if self.filter {
            filters.insert(0, self.filter());
        }
        let mut manager = json!({
            "@type": proto("envoy.extensions.filters.network.http_connection_manager.v3.\
                            HttpConnectionManager"),
            "stat_prefix": "main",
            "stream_idle_timeout": "0s",
            "route_config": {
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": self.routes()}],
            },
            "http_filters": filters,
        });
        manager.as_object_mut().expect("an object").extend(self.manager.clone());
        let network_filter = json!({
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        });
        json!({
            "admin": {"address": at(0)},
            "layered_runtime": {"layers": [{"name": "test", "static_layer": self.runtime}]},
            "static_resources": {
                "clusters": self.clusters,
                "listeners": [{
                    "name": "main",
                    "address": at(self.port),
                    "per_connection_buffer_limit_bytes": self.buffer,
                    "filter_chains": [{"filters": [network_filter]}],
                }],
            },
        })
    }

    fn filter(&self) -> Value {
        let text = self.text.clone().unwrap_or_else(|| self.plugin.to_string());
        let configuration = match self.form {
            Form::Text => json!({"@type": proto("google.protobuf.StringValue"), "value": text}),
            Form::Struct => {
                json!({"@type": proto("google.protobuf.Struct"), "value": self.plugin})
            }
        };
        let code = tool("MCP_MUX_WASM", "dist/mcp_mux.wasm");
        json!({
            "name": "mcp_mux",
            "typed_config": {
                "@type": proto("envoy.extensions.filters.http.wasm.v3.Wasm"),
                "config": {
                    "name": "mcp_mux",
                    "vm_config": {
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": code}},
                        "environment_variables": {"key_values": self.environment},
                    },
                    "configuration": configuration,
                    "failure_policy": "FAIL_RELOAD",
                    "allow_on_headers_stop_iteration": true,
                },
            },
        })
    }

    fn routes(&self) -> Value {
        let mut elsewhere = json!({"match": {"prefix": "/"}});
        if let Some(cluster) = &self.elsewhere {
            elsewhere["route"] = json!({"cluster": cluster, "timeout": "0s"});
        } else {
            let body = json!({"inline_string": "nothing is routed here"});
            elsewhere["direct_response"] = json!({"status": 404, "body": body});
        }
        let owner = json!({
            "match": {"prefix": "/", "headers": [{"name": "x-mcp-cluster", "present_match": true}]},
            "route": {"cluster_header": "x-mcp-cluster", "timeout": self.call_timeout},
            "request_headers_to_remove": ["x-mcp-cluster"],
        });
        if self.route { json!([owner, elsewhere]) } else { json!([elsewhere]) }
    }
}

fn proto(name: &str) -> String {
    format!("type.googleapis.com/{name}")
}
