//! From Services and `EndpointSlices` to upstreams: a pure function.
//!
//! Promises: the same objects give the same state, in whatever order they come; the filter takes it;
//! no Service can push out an older one or a static upstream.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use k8s_openapi::api::core::v1::{ObjectReference, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource as _, ResourceExt as _};
use mcp_mux_core::config::ConfigError;
use serde_json::Value;

use crate::endpoints;
use crate::service::{Claim, Reason, annotation, claim};
use crate::settings::{Gateway, MOST, Settings};

/// What the Services amount to.
#[derive(Debug, Default)]
pub struct State {
    /// In order of name.
    pub upstreams: Vec<Upstream>,
    /// The filter's configuration with them; `None` if it is refused, so that nothing may be written.
    pub plugin: Option<Value>,
    /// Services that are left out, the oldest first.
    pub refused: Vec<Refused>,
}

/// A Service that is an upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Its entry of `upstreams` in the filter's configuration.
    pub entry: Value,
    /// The name of its Envoy cluster.
    pub cluster: String,
    /// At least one.
    pub endpoints: BTreeSet<SocketAddr>,
}

/// A Service that is none.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which.
    pub service: ObjectReference,
    /// Why.
    pub reason: Reason,
}

/// Derives the state from complete lists.
pub fn derive<'a>(
    settings: &Settings,
    services: impl IntoIterator<Item = &'a Service>,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
) -> State {
    let mut services: Vec<&Service> = services.into_iter().collect();
    services.sort_by_key(|it| (it.creation_timestamp(), it.namespace(), it.name_any()));
    let slices: Vec<&EndpointSlice> = slices.into_iter().collect();
    let (mut state, gateway) = (State::default(), settings.gateway.without_upstreams());
    let mut claims = Claims { settings, gateway, earlier: Vec::new() };
    for service in services {
        let claim = claim(service, &settings.cluster_domain);
        let upstream = claim.and_then(|claim| {
            // A name belongs to the oldest Service that claims it, with ready endpoints or without:
            // it must not change hands whenever a pod starts again.
            claims.add(service, &claim)?;
            let endpoints = endpoints::ready(service, &claim.port, slices.iter().copied());
            let Claim { name, entry, cluster, .. } = claim;
            let room = settings.gateway.statics() + state.upstreams.len() < MOST;
            match (endpoints.is_empty(), room) {
                (true, _) => Ok(None),
                (false, true) => Ok(Some(Upstream { name, entry, cluster, endpoints })),
                (false, false) => Err(too_many()),
            }
        });
        match upstream {
            Ok(upstream) => state.upstreams.extend(upstream),
            Err(reason) => {
                state.refused.push(Refused { service: service.object_ref(&()), reason });
            }
        }
    }
    state.upstreams.sort_by(|a, b| a.name.cmp(&b.name));
    let entries: Vec<Value> = state.upstreams.iter().map(|it| it.entry.clone()).collect();
    match settings.gateway.check(&entries) {
        Ok(plugin) => state.plugin = Some(plugin),
        Err(error) => tracing::error!(%error, "the filter would refuse the upstreams together"),
    }
    state
}

/// The Services that have a name, each with its entry, the oldest first.
struct Claims<'a> {
    settings: &'a Settings,
    /// The same configuration without its static upstreams: there may be more claims than upstreams.
    gateway: Gateway,
    earlier: Vec<(String, Value)>,
}

impl Claims<'_> {
    /// Holds a claim against the static upstreams and those of older Services, as the filter does.
    fn add(&mut self, service: &Service, claim: &Claim) -> Result<(), Reason> {
        if self.settings.gateway.statics() >= MOST {
            return Err(too_many());
        }
        let alone = self.settings.gateway.check(std::slice::from_ref(&claim.entry));
        alone.map_err(|error| reason(&error, "a static upstream"))?;
        for (owner, entry) in &self.earlier {
            let both = self.gateway.check(&[entry.clone(), claim.entry.clone()]);
            both.map_err(|error| reason(&error, owner))?;
        }
        let owner = format!(
            "the older Service {}/{}",
            service.namespace().unwrap_or_default(),
            service.name_any()
        );
        self.earlier.push((owner, claim.entry.clone()));
        Ok(())
    }
}

fn too_many() -> Reason {
    let note = format!("there are {MOST} older upstreams, which is the most: remove one of them");
    Reason { word: "TooMany", note }
}

/// The filter's refusal in terms of annotations and of the one whose place is taken.
fn reason(error: &ConfigError, owner: &str) -> Reason {
    let field = error.path.rsplit_once("].").map_or("", |(_, field)| field);
    let place = annotation(field).unwrap_or(&error.path);
    // Without an annotation both are the Service's own name, so both ways out are said.
    let or = if matches!(field, "name" | "prefix") { " or the Service's name" } else { "" };
    let conflict = error.found.contains(", the name of ") || error.found.contains(" before the ");
    let (found, index) = error.found.split_once(", the name of ").unwrap_or((&error.found, ""));
    let taken = if index.is_empty() { String::new() } else { format!(", the name of {owner}") };
    let found = format!("{found}{taken}");
    let note = format!("annotation {place}{or}: found {found}, expected {}", error.expected);
    Reason { word: if conflict { "Conflict" } else { "BadAnnotation" }, note }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
