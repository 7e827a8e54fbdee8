//! The world of a test: the plugin's configuration and the Envoy bootstrap around it.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::upstream::Upstream;
use crate::{Envoy, envoy, tool};

/// The endpoint.
pub const PATH: &str = "/mcp";

/// How the plugin's configuration stands in Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A `google.protobuf.StringValue` that holds JSON.
    Text,
    /// A `google.protobuf.Struct`.
    Struct,
}

/// An Envoy to be: one listener, the filter, a cluster for each upstream.
#[derive(Debug, Clone)]
pub struct Setup {
    plugin: Value,
    text: Option<String>,
    form: Form,
    filter: bool,
    route: bool,
    clusters: Vec<Value>,
    environment: Map<String, Value>,
    call_timeout: String,
    elsewhere: Option<String>,
    buffer: u64,
    pub(crate) concurrency: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// No upstreams yet; one worker; a configuration that says nothing but the path.
    #[must_use]
    pub fn new() -> Self {
        Self {
            plugin: json!({"path": PATH, "upstreams": []}),
            text: None,
            form: Form::Text,
            filter: true,
            route: true,
            clusters: Vec::new(),
            environment: Map::new(),
            call_timeout: "0s".into(),
            elsewhere: None,
            buffer: 16 << 20,
            concurrency: 1,
        }
    }

    /// Adds an upstream and its cluster.
    #[must_use]
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.upstream_with(upstream, &json!({}))
    }

    /// Adds an upstream with these fields, and its cluster.
    #[must_use]
    pub fn upstream_with(self, upstream: &Upstream, fields: &Value) -> Self {
        self.upstream_at(&upstream.name, upstream.address, fields)
    }

    /// Adds an upstream that is at this address.
    #[must_use]
    pub fn upstream_at(self, name: &str, address: SocketAddr, fields: &Value) -> Self {
        self.entry(name, fields).cluster(name, address)
    }

    /// Adds an upstream to the plugin's configuration only.
    #[must_use]
    pub fn entry(mut self, name: &str, fields: &Value) -> Self {
        let mut entry = json!({"name": name});
        let fields = fields.as_object().expect("fields");
        entry.as_object_mut().expect("an object").extend(fields.clone());
        self.plugin["upstreams"].as_array_mut().expect("upstreams").push(entry);
        self
    }

    /// Adds a cluster to Envoy's configuration only.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        let endpoint = json!({"endpoint": {"address": socket_address(address)}});
        self.clusters.push(json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "2s",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        }));
        self
    }

    /// Sets a field at the top of the plugin's configuration.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.plugin[field] = value;
        self
    }

    /// Uses session keys made of these bytes, repeated; the first seals.
    #[must_use]
    pub fn keys(self, keys: &[u8]) -> Self {
        let keys: Vec<String> = keys.iter().map(|&byte| key(byte)).collect();
        self.set("session", json!({"keys": keys}))
    }

    /// Uses this text as the plugin's configuration, whatever it is.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// Hands the plugin's configuration over in this form.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Runs as many workers.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Sets a variable in the environment of the filter.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets the timeout of the route that calls take; without it they may take for ever.
    #[must_use]
    pub fn call_timeout(mut self, timeout: &str) -> Self {
        timeout.clone_into(&mut self.call_timeout);
        self
    }

    /// Sends what is not for the endpoint to this upstream; without it Envoy answers 404.
    #[must_use]
    pub fn elsewhere(self, upstream: &Upstream) -> Self {
        self.elsewhere_at(&upstream.name, upstream.address)
    }

    /// The same for a server at this address.
    #[must_use]
    pub fn elsewhere_at(mut self, name: &str, address: SocketAddr) -> Self {
        self.elsewhere = Some(name.to_owned());
        self.cluster(name, address)
    }

    /// Sets how many bytes of a body Envoy holds; 16 MiB without this.
    #[must_use]
    pub fn buffer(mut self, bytes: u64) -> Self {
        self.buffer = bytes;
        self
    }

    /// Leaves the filter out: a plain Envoy.
    #[must_use]
    pub fn without_filter(mut self) -> Self {
        self.filter = false;
        self
    }

    /// Forgets the route for the calls that the filter sends on.
    #[must_use]
    pub fn without_route(mut self) -> Self {
        self.route = false;
        self
    }

    /// Starts Envoy and waits until it listens.
    pub async fn start(self) -> Envoy {
        Envoy::start(&self).await
    }

    /// Starts Envoy, which must refuse the configuration, and returns its log.
    pub async fn refused(self) -> String {
        envoy::refused(&self).await
    }

    /// The Envoy bootstrap.
    #[must_use]
    pub fn bootstrap(&self) -> Value {
        let any_port = socket_address(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut filters = vec![json!({
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": proto("envoy.extensions.filters.http.router.v3.Router")},
        })];
        if self.filter {
            filters.insert(0, self.filter());
        }
        let manager = json!({
            "@type": proto("envoy.extensions.filters.network.http_connection_manager.v3.\
                            HttpConnectionManager"),
            "stat_prefix": "main",
            "stream_idle_timeout": "0s",
            "route_config": {
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": self.routes()}],
            },
            "http_filters": filters,
        });
        let network_filter = json!({
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        });
        json!({
            "admin": {"address": any_port},
            "static_resources": {
                "clusters": self.clusters,
                "listeners": [{
                    "name": "main",
                    "address": any_port,
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

/// A session key of 32 equal bytes, as the configuration writes it.
#[must_use]
pub fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn proto(name: &str) -> String {
    format!("type.googleapis.com/{name}")
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {
        "address": address.ip().to_string(),
        "port_value": address.port(),
    }})
}
