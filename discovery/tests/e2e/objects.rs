//! Services and their slices, as JSON.

use std::net::SocketAddr;

use mcp_mux_tests::Upstream;
use serde_json::{Value, json};

/// The namespace of everything.
pub(crate) const NAMESPACE: &str = "tools";

/// A Service with one port; labelled as an upstream or not.
pub(crate) fn service(name: &str, labelled: bool) -> Value {
    let labels = if labelled { json!({"mcp-mux/upstream": "true"}) } else { json!({}) };
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": format!("uid-{name}"),
            "labels": labels, "annotations": {}, "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"type": "ClusterIP", "ports": [{"name": "mcp", "port": 80}]},
    })
}

/// The slice of an upstream's Service, whose only endpoint is where the upstream listens.
pub(crate) fn slice(upstream: &Upstream, ready: bool) -> Value {
    slice_at(&upstream.name, upstream.address, ready)
}

/// The slice of a Service with one endpoint.
pub(crate) fn slice_at(service: &str, address: SocketAddr, ready: bool) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{service}-x"), "namespace": NAMESPACE, "uid": format!("slice-{service}"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": "mcp", "port": address.port(), "protocol": "TCP"}],
        "endpoints": [{"addresses": [address.ip().to_string()], "conditions": {"ready": ready}}],
    })
}

/// An object in another namespace.
pub(crate) fn placed(mut object: Value, namespace: &str) -> Value {
    object["metadata"]["namespace"] = json!(namespace);
    object
}
