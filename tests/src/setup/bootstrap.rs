//! The Envoy bootstrap of a test.

use std::path::Path;

use serde_json::{Value, json};

use super::{Form, Setup};
use crate::envoy_config::{self, at, connection_manager, proto, typed};
use crate::host::Host;
use crate::tool;

impl Setup {
    /// The bootstrap of an Envoy that has all this from its start, but for a filter that it reads from this
    /// file again and again.
    pub(crate) fn bootstrap(&self, filter: &Path) -> Value {
        let mut bootstrap = self.bootstrap_of_none();
        let filter = if self.reloads { read_from(filter) } else { self.filter("") };
        bootstrap["static_resources"] =
            json!({"clusters": self.clusters, "listeners": [self.listener(filter)]});
        bootstrap
    }

    /// The filter as Envoy reads it from a file.
    pub(crate) fn filter_resource(&self) -> String {
        let filter = typed("envoy.config.core.v3.TypedExtensionConfig", self.filter(""));
        json!({"resources": [filter]}).to_string()
    }

    /// The bootstrap of an Envoy that reads its clusters and listeners from these files, in which they are
    /// [resources](Self::cluster_resources). It keeps the filter compiled meanwhile.
    pub(crate) fn bootstrap_of_files(&self, clusters: &Path, listeners: &Path) -> Value {
        let source = |path: &Path| json!({"resource_api_version": "V3", "path_config_source": {"path": path}});
        let mut bootstrap = self.bootstrap_of_none();
        bootstrap["dynamic_resources"] =
            json!({"cds_config": source(clusters), "lds_config": source(listeners)});
        if Host::tested() == Host::Module {
            return bootstrap;
        }
        let nothing = json!({"path": "/", "upstreams": []}).to_string();
        let service = json!({
            "@type": proto("envoy.extensions.wasm.v3.WasmService"),
            "singleton": true,
            "config": plugin("keeper", &Value::Null, &text(&nothing)),
        });
        bootstrap["bootstrap_extensions"] =
            json!([{"name": "envoy.bootstrap.wasm", "typed_config": service}]);
        bootstrap
    }

    fn bootstrap_of_none(&self) -> Value {
        json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": at(0)},
            "layered_runtime": {"layers": [{"name": "test", "static_layer": self.runtime}]},
        })
    }

    /// The clusters as Envoy reads them from a file.
    pub(crate) fn cluster_resources(&self) -> Vec<Value> {
        let typed = |cluster: &Value| typed("envoy.config.cluster.v3.Cluster", cluster.clone());
        self.clusters.iter().map(typed).collect()
    }

    /// The listener as Envoy reads it from a file, the filter in a virtual machine with this id.
    pub(crate) fn listener_resource(&self, machine: &str) -> Value {
        typed("envoy.config.listener.v3.Listener", self.listener(self.filter(machine)))
    }

    fn listener(&self, filter: Value) -> Value {
        let mut filters = vec![json!({
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": proto("envoy.extensions.filters.http.router.v3.Router"),
                "suppress_envoy_headers": true,
            },
        })];
        if self.filter {
            filters.insert(0, filter);
        }
        filters.splice(0..0, self.before.iter().cloned());
        let mut manager = connection_manager(&self.routes(), &filters.into());
        manager.as_object_mut().expect("an object").extend(self.manager.clone());
        envoy_config::listener(self.port, self.buffer, &manager)
    }

    fn filter(&self, machine: &str) -> Value {
        let configuration = match (&self.text, self.form) {
            (Some(text), Form::Text) => self::text(text),
            (None, Form::Text) => text(&self.plugin.to_string()),
            (_, Form::Struct) => {
                json!({"@type": proto("google.protobuf.Struct"), "value": self.plugin})
            }
        };
        if Host::tested() == Host::Module {
            return envoy_config::module_filter(&configuration);
        }
        let environment = json!({"key_values": self.environment});
        let mut config = plugin(machine, &environment, &configuration);
        config["allow_on_headers_stop_iteration"] = json!(true);
        envoy_config::filter(&config)
    }

    fn routes(&self) -> Value {
        let mut elsewhere = json!({"match": {"prefix": "/"}});
        if let Some(cluster) = &self.elsewhere {
            elsewhere["route"] = json!({"cluster": cluster, "timeout": "0s"});
        } else {
            let body = json!({"inline_string": "nothing is routed here"});
            elsewhere["direct_response"] = json!({"status": 404, "body": body});
        }
        let owner = envoy_config::owner_route(&self.call_timeout);
        if self.route { json!([owner, elsewhere]) } else { json!([elsewhere]) }
    }
}

/// The filter, which is in this file.
fn read_from(file: &Path) -> Value {
    let kind = match Host::tested() {
        Host::Wasm => "envoy.extensions.filters.http.wasm.v3.Wasm",
        Host::Module => "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
    };
    let source = json!({"resource_api_version": "V3", "path_config_source": {"path": file}});
    json!({
        "name": "mcp_mux",
        "config_discovery": {"type_urls": [proto(kind)], "config_source": source},
    })
}

/// The filter in a virtual machine with this id, which it shares with nothing that has another.
fn plugin(machine: &str, environment: &Value, configuration: &Value) -> Value {
    json!({
        "name": "mcp_mux",
        "vm_config": {
            "vm_id": machine,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": tool("MCP_MUX_WASM", "dist/mcp_mux.wasm")}},
            "environment_variables": environment,
        },
        "configuration": configuration,
        "failure_policy": "FAIL_RELOAD",
    })
}

fn text(text: &str) -> Value {
    json!({"@type": proto("google.protobuf.StringValue"), "value": text})
}
