//! The filter's own configuration, checked by the filter's own reader.

use mcp_mux_core::Key;
use mcp_mux_core::config::{ConfigError, Environment, compile};
use mcp_mux_core::gateway::Gateway;
use mcp_mux_envoy_files::resources::set;
use serde_json::{Value, json};

use super::{Host, KEYS, PATH, STATUS, Upstream};
use crate::servers::Reached;

/// 32 zero bytes: stands for the keys that only Envoy has in its environment.
const ANY_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// How long the first answer of a program may take: `npx` and `uvx` may have to load it first.
const START: &str = "60s";

/// The configuration with these upstreams.
#[must_use]
pub fn plugin(upstreams: &[Upstream]) -> Value {
    let entries: Vec<Value> = upstreams.iter().map(entry).collect();
    json!({"path": PATH, "session": {"keys_env": KEYS}, "upstreams": entries})
}

/// The same with a status page at [`STATUS`], for an endpoint that nobody reaches but whoever uses this machine.
#[must_use]
pub fn plugin_with_status(upstreams: &[Upstream]) -> Value {
    let mut plugin = plugin(upstreams);
    set(&mut plugin, "status", STATUS);
    plugin
}

fn entry(upstream: &Upstream) -> Value {
    let mut entry = json!({"name": upstream.server.name, "cluster": upstream.cluster()});
    match &upstream.server.reached {
        Reached::Url(remote) => {
            set(&mut entry, "path", json!(remote.path));
            set(&mut entry, "authority", json!(remote.authority()));
            if remote.sse {
                set(&mut entry, "transport", json!("sse"));
            }
        }
        Reached::Command(_) => {
            set(&mut entry, "authority", json!(format!("127.0.0.1:{}", upstream.port)));
            set(&mut entry, "timeout", json!(START));
            // A program that is asked without a session is started for each request.
            set(&mut entry, "era", json!("handshake"));
        }
    }
    entry
}

/// Reads a configuration as the filter will, in this host. Variables of the environment are taken to be there:
/// only Envoy has them.
///
/// # Errors
///
/// What the filter would say.
pub fn read(host: Host, configuration: &[u8]) -> Result<Gateway, ConfigError> {
    let surroundings = Environment {
        variable: &|_| Some(ANY_KEY.to_owned()),
        process_key: &|| Ok(Key::new([0; 32])),
        streams: host == Host::Module,
        bridges: host == Host::Module,
        claims: host != Host::Module,
    };
    compile(configuration, surroundings)
}

/// Whether the filter lets a header be set: others belong to the gateway.
#[must_use]
pub(super) fn may_be_set(header: &str) -> bool {
    let headers = json!({"set": {header: "x"}});
    let configuration = json!({"upstreams": [{"name": "a", "headers": headers}]});
    read(Host::Module, configuration.to_string().as_bytes()).is_ok()
}
