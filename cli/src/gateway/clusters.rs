//! The clusters of servers.

use std::net::IpAddr;
use std::path::PathBuf;

use mcp_mux_envoy_files::resources::{CLUSTER, Clusters, IDLE, cluster, set};
use serde_json::{Value, json};

use super::Upstream;
use super::secrets::{Source, secrets};
use crate::servers::Remote;

/// When Envoy closes an idle connection over TLS, which takes long to make: before load balancers do, of which
/// the common ones wait for a minute or more.
const IDLE_TLS: &str = "50s";

/// The roots that this machine trusts, as one file: what `SSL_CERT_FILE` names, or where systems have it.
#[must_use]
pub fn system_roots() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from).filter(|file| file.is_file());
    named.or_else(|| openssl_probe::probe().cert_file)
}

/// The clusters by name.
///
/// # Errors
///
/// There is a server with TLS, and nothing that this machine trusts.
pub fn clusters(upstreams: &[Upstream], source: Source<'_>) -> Result<Clusters, String> {
    upstreams.iter().map(|it| Ok((it.cluster(), of(it, source)?))).collect()
}

fn of(upstream: &Upstream, source: Source<'_>) -> Result<Value, String> {
    let filters = secrets(upstream).iter().map(|secret| secret.filter(source)).collect();
    let tls = upstream.remote().is_some_and(|remote| remote.tls);
    let idle = if tls { IDLE_TLS } else { IDLE };
    let mut cluster = cluster(&upstream.cluster(), idle, filters);
    let (host, port) = match upstream.remote() {
        Some(remote) => (remote.host.as_str(), remote.port),
        None => ("127.0.0.1", upstream.port),
    };
    let address = host.parse::<IpAddr>();
    set(&mut cluster, "connect_timeout", json!("5s"));
    set(&mut cluster, "type", json!(if address.is_ok() { "STATIC" } else { "LOGICAL_DNS" }));
    if address.is_err() {
        // Whichever of IPv4 and IPv6 answers first.
        set(&mut cluster, "dns_lookup_family", json!("ALL"));
    }
    let socket = json!({"socket_address": {"address": host, "port_value": port}});
    set(
        &mut cluster,
        "load_assignment",
        json!({
            "cluster_name": upstream.cluster(),
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket}}]}],
        }),
    );
    if let Some(remote) = upstream.remote().filter(|remote| remote.tls) {
        set(&mut cluster, "transport_socket", tls_socket(remote, address.is_ok())?);
    }
    Ok(cluster)
}

/// The certificate has to be of the host that the URL names, and signed by a root of the system.
fn tls_socket(remote: &Remote, is_address: bool) -> Result<Value, String> {
    let roots = system_roots().ok_or_else(|| {
        format!(
            "{}: this machine has no trusted certificates: install ca-certificates, or set SSL_CERT_FILE",
            remote.shown()
        )
    })?;
    let kind = if is_address { "IP_ADDRESS" } else { "DNS" };
    let mut context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {"validation_context": {
            "trusted_ca": {"filename": roots},
            "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": remote.host}}],
        }},
    });
    if !is_address {
        set(&mut context, "sni", json!(remote.host));
    }
    Ok(json!({"name": "envoy.transport_sockets.tls", "typed_config": context}))
}

/// A cluster as a bootstrap has it, where its type is known.
#[must_use]
pub(super) fn without_type(mut cluster: Value) -> Value {
    if cluster.get("@type").is_some_and(|it| it == CLUSTER)
        && let Some(fields) = cluster.as_object_mut()
    {
        fields.remove("@type");
    }
    cluster
}
