//! The addresses of a Service that requests can go to.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use kube::ResourceExt as _;

/// The label that says whose a slice is.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The ready endpoints of a Service for its port of this name: each once, in order.
#[must_use]
pub fn ready<'s>(
    service: &Service,
    port: &str,
    slices: impl IntoIterator<Item = &'s EndpointSlice>,
) -> BTreeSet<SocketAddr> {
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.clone());
    // A dual-stack Service has each pod twice; its first family is the one that it prefers.
    let family = families.and_then(|families| families.into_iter().next());
    let name = service.name_any();
    let its = |slice: &&EndpointSlice| {
        slice.namespace() == service.namespace()
            && slice.labels().get(SERVICE_NAME) == Some(&name)
            && family.as_ref().is_none_or(|family| *family == slice.address_type)
    };
    slices.into_iter().filter(its).flat_map(|slice| addresses(slice, port)).collect()
}

fn addresses(slice: &EndpointSlice, name: &str) -> Vec<SocketAddr> {
    let mut ports = slice.ports.iter().flatten();
    let port = ports.find(|port| port.name.as_deref().unwrap_or_default() == name);
    let Some(port) = port.and_then(|port| u16::try_from(port.port?).ok()) else {
        return Vec::new();
    };
    let ready = slice.endpoints.iter().filter(|endpoint| is_ready(endpoint));
    // All addresses of an endpoint are the same one; names (of type FQDN) are none.
    let address = |endpoint: &Endpoint| endpoint.addresses.first()?.parse::<IpAddr>().ok();
    ready.filter_map(address).map(|address| SocketAddr::new(address, port)).collect()
}

/// Ready if nothing else is said, as the API has it. A pod that ends takes no new work, even where
/// its Service publishes addresses that are not ready.
fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().is_none_or(|conditions| {
        conditions.ready.unwrap_or(true) && !conditions.terminating.unwrap_or(false)
    })
}
