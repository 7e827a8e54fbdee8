//! The addresses of a Service that requests can go to.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use kube::ResourceExt as _;

use crate::service::Port;

/// The label that says whose a slice is.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The ready endpoints of a Service for its port: each once, in order.
#[must_use]
pub fn ready<'s>(
    service: &Service,
    port: &Port,
    slices: impl IntoIterator<Item = &'s EndpointSlice>,
) -> BTreeSet<SocketAddr> {
    let name = service.name_any();
    let its = |slice: &&EndpointSlice| {
        slice.namespace() == service.namespace() && slice.labels().get(SERVICE_NAME) == Some(&name)
    };
    let slices: Vec<&EndpointSlice> = slices.into_iter().filter(its).collect();
    let of = |family: Option<&str>| -> BTreeSet<SocketAddr> {
        let slices =
            slices.iter().filter(|it| family.is_none_or(|family| family == it.address_type));
        slices.flat_map(|slice| addresses(slice, port)).collect()
    };
    // A dual-stack Service has each pod twice; its first family is the one that it prefers.
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.as_ref());
    let preferred = of(families.and_then(|families| families.first()).map(String::as_str));
    if preferred.is_empty() { of(None) } else { preferred }
}

fn addresses(slice: &EndpointSlice, port: &Port) -> Vec<SocketAddr> {
    let Some(number) = number(slice.ports.as_deref().unwrap_or_default(), port) else {
        return Vec::new();
    };
    let ready = slice.endpoints.iter().filter(|endpoint| is_ready(endpoint));
    // All addresses of an endpoint are the same one; names (of type FQDN) are none.
    let address = |endpoint: &Endpoint| endpoint.addresses.first()?.parse::<IpAddr>().ok();
    ready.filter_map(address).map(|address| SocketAddr::new(address, number)).collect()
}

fn number(ports: &[EndpointPort], port: &Port) -> Option<u16> {
    let named = ports.iter().find(|it| it.name.as_deref().unwrap_or_default() == port.name);
    let found = match (named, ports) {
        (Some(named), _) => named,
        // The Service's only port was renamed a moment ago, which its slices do not know yet.
        (None, [only]) if port.is_only => only,
        _ => return None,
    };
    u16::try_from(found.port?).ok()
}

/// Ready if nothing else is said, as the API has it. A pod that ends takes no new work, even where
/// its Service publishes addresses that are not ready.
fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().is_none_or(|conditions| {
        conditions.ready.unwrap_or(true) && !conditions.terminating.unwrap_or(false)
    })
}
