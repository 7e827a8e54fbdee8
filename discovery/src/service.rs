//! What one Service says of itself.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use kube::ResourceExt as _;
use serde_json::{Map, Value, json};

/// The annotation with the upstream's name; without it, the Service's own.
const NAME: &str = "mcp-mux/name";

/// The annotation with the `Host` of its requests; without it, the Service's DNS name and port.
const AUTHORITY: &str = "mcp-mux/authority";

/// The annotations that are fields of the filter's configuration, and these fields.
const FIELDS: [(&str, &str); 5] = [
    ("mcp-mux/transport", "transport"),
    ("mcp-mux/path", "path"),
    ("mcp-mux/prefix", "prefix"),
    ("mcp-mux/timeout", "timeout"),
    ("mcp-mux/call-timeout", "call_timeout"),
];

/// What tells an MCP port from the others of a Service: its name or its `appProtocol`.
const MCP: &str = "mcp";

/// Why a Service is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// One word, as Kubernetes Events have it.
    pub word: &'static str,
    /// What is wrong and what to do, for a person.
    pub note: String,
}

/// A Service that wants to be an upstream.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its entry of `upstreams` in the filter's configuration.
    pub entry: Value,
    /// The name of its Envoy cluster.
    pub cluster: String,
    /// Where MCP is spoken.
    pub port: Port,
}

/// A port of a Service, as its slices know it.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name; empty for none.
    pub name: String,
    /// Whether the Service has no other.
    pub is_only: bool,
}

/// The annotation that a field of an entry comes from.
#[must_use]
pub fn annotation(field: &str) -> Option<&'static str> {
    let fixed = [(NAME, "name"), (AUTHORITY, "authority")];
    let mut all = FIELDS.into_iter().chain(fixed);
    all.find(|(_, known)| *known == field).map(|(annotation, _)| annotation)
}

/// The name of a Service's Envoy cluster.
#[must_use]
pub fn cluster_name(service: &Service) -> String {
    format!("mcp-mux/{}/{}", service.namespace().unwrap_or_default(), service.name_any())
}

/// Reads a Service. The values of its annotations are left to the filter's own parser.
///
/// # Errors
///
/// Why it cannot be an upstream.
pub fn claim(service: &Service, domain: &str) -> Result<Claim, Reason> {
    let spec = service.spec.clone().unwrap_or_default();
    if spec.type_.as_deref() == Some("ExternalName") {
        let note = "Services of type ExternalName have no endpoints: configure the server as a \
                    static upstream with a cluster of its own";
        return Err(Reason { word: "ExternalName", note: note.to_owned() });
    }
    let ports = spec.ports.unwrap_or_default();
    let is_only = ports.len() == 1;
    let port = port(ports)?;
    let (namespace, name) = (service.namespace().unwrap_or_default(), service.name_any());
    let said: &BTreeMap<String, String> = service.annotations();
    let cluster = cluster_name(service);
    let upstream = said.get(NAME).unwrap_or(&name);
    let authority = || format!("{name}.{namespace}.svc.{domain}:{}", port.port);
    let mut entry = Map::new();
    entry.insert("name".into(), json!(upstream));
    entry.insert("cluster".into(), json!(cluster));
    entry.insert("authority".into(), json!(said.get(AUTHORITY).cloned().unwrap_or_else(authority)));
    for (annotation, field) in FIELDS {
        if let Some(value) = said.get(annotation) {
            entry.insert(field.into(), json!(value));
        }
    }
    let port = Port { name: port.name.unwrap_or_default(), is_only };
    Ok(Claim { entry: Value::Object(entry), cluster, port })
}

/// The port that MCP is spoken on.
fn port(ports: Vec<ServicePort>) -> Result<ServicePort, Reason> {
    let tcp = |port: &ServicePort| port.protocol.as_deref().is_none_or(|it| it == "TCP");
    let mut ports: Vec<ServicePort> = ports.into_iter().filter(tcp).collect();
    if let Some(named) = ports.iter().position(|port| port.name.as_deref() == Some(MCP)) {
        return Ok(ports.swap_remove(named));
    }
    let declared = |port: &ServicePort| port.app_protocol.as_deref() == Some(MCP);
    if ports.iter().any(declared) {
        ports.retain(declared);
    }
    match ports.pop() {
        Some(only) if ports.is_empty() => Ok(only),
        found => {
            let found = if found.is_some() { "several TCP ports" } else { "no TCP port" };
            let note =
                format!("{found}: name one of them {MCP:?}, or give one appProtocol {MCP:?}");
            Err(Reason { word: "NoPort", note })
        }
    }
}
