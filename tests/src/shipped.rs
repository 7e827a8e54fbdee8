//! A configuration that is shipped, in the host that is tested.

use serde_json::{Value, json};

use crate::envoy_config::module_filter;
use crate::host::Host;
use crate::kubernetes::documents;
use crate::{repository, tool};

/// What speaks HTTP in it.
const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// A configuration that is shipped for WebAssembly. In the native host the filter takes the place of the other one,
/// with the same configuration of its own, and nothing else changes.
#[derive(Debug, Clone)]
pub struct Shipped(Value);

impl Shipped {
    /// The one in this file of the repository, with these texts in place of others.
    pub async fn read(file: &str, replaced: &[(&str, String)]) -> Self {
        let mut text = std::fs::read_to_string(repository(file)).expect(file);
        if Host::tested() == Host::Wasm {
            let wasm = tool("MCP_MUX_WASM", "dist/mcp_mux.wasm");
            text = text.replace("dist/mcp_mux.wasm", wasm.to_str().expect("UTF-8"));
        }
        let text = replaced.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{file} lacks {from}");
            text.replace(from, to)
        });
        let text = text.replace("port_value: 9901", "port_value: 0");
        let mut shipped = Self(documents(&text, &[]).await.expect("YAML").remove(0));
        if Host::tested() == Host::Module {
            let filter = shipped.filter();
            *filter = module_filter(&filter["typed_config"]["config"]["configuration"]);
            // By which metrics have the same names.
            let flag =
                json!({"envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix": true});
            let layer = json!({"name": "mcp_mux", "static_layer": flag});
            shipped.0["layered_runtime"] = json!({"layers": [layer]});
        }
        shipped
    }

    /// Envoy's HTTP connection manager.
    pub fn manager(&mut self) -> &mut Value {
        self.0.pointer_mut(MANAGER).expect("a connection manager")
    }

    /// A filter in it.
    pub fn filter_named(&mut self, name: &str) -> &mut Value {
        let filters = self.manager()["http_filters"].as_array_mut().expect("filters").iter_mut();
        let mut found = filters.filter(|filter| filter["name"] == name);
        found.next().unwrap_or_else(|| panic!("no filter {name}"))
    }

    fn filter(&mut self) -> &mut Value {
        self.filter_named("mcp_mux")
    }

    /// The filter's own configuration.
    pub fn plugin(&mut self) -> &mut Value {
        let filter = &mut self.filter()["typed_config"];
        let configuration = match Host::tested() {
            Host::Wasm => &mut filter["config"]["configuration"],
            Host::Module => &mut filter["filter_config"],
        };
        &mut configuration["value"]
    }

    /// The whole, as Envoy reads it.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}
