//! From Services and `EndpointSlices` to upstreams: a pure function.
//!
//! Promises: the same objects give the same state, in whatever order they come; the filter takes it; no
//! Service can push out a static upstream, or one that was there before it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use k8s_openapi::api::core::v1::{ObjectReference, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource as _, ResourceExt as _};
use mcp_mux_core::config::{ConfigError, MOST_UPSTREAMS};
use mcp_mux_core::gateway::{self, Conflict};
use serde_json::Value;

use crate::endpoints::{self, SERVICE_NAME};
use crate::service::{Claim, Reason, annotation, claim, cluster_name};
use crate::settings::{Gateway, Host, Settings};

/// What the Services amount to.
#[derive(Debug, Default)]
pub struct State {
    /// In order of name.
    pub upstreams: Vec<Upstream>,
    /// Services that are left out.
    pub refused: Vec<Refused>,
    /// Who has a name now.
    pub holders: Holders,
}

/// The clusters of the Services that have a name, and whether these have ready endpoints.
pub type Holders = BTreeMap<String, bool>;

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

impl State {
    /// The filter's configuration with the upstreams.
    ///
    /// # Errors
    ///
    /// The filter would refuse it; nothing may be written then.
    pub fn plugin(&self, settings: &Settings) -> Result<Value, ConfigError> {
        let entries: Vec<Value> = self.upstreams.iter().map(|it| it.entry.clone()).collect();
        settings.gateway.check(settings.host, &entries)?;
        Ok(settings.gateway.with(&entries))
    }
}

/// Derives the state from complete lists, and from who had a name before.
pub fn derive<'a>(
    settings: &Settings,
    before: &Holders,
    services: impl IntoIterator<Item = &'a Service>,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
) -> State {
    let mut services: Vec<&Service> = services.into_iter().collect();
    // Whoever serves goes on, whoever has a name keeps it. Of the others the oldest comes first, on which all
    // replicas agree.
    services.sort_by_cached_key(|it| {
        let serves = before.get(&cluster_name(it)).copied();
        (Reverse(serves), it.creation_timestamp(), it.namespace(), it.name_any())
    });
    // With a look for each Service at each slice, a cluster of ten times as much would take a hundred times as long.
    let mut of_service: BTreeMap<(Option<String>, &str), Vec<&EndpointSlice>> = BTreeMap::new();
    for slice in slices {
        if let Some(name) = slice.labels().get(SERVICE_NAME) {
            of_service.entry((slice.namespace(), name)).or_default().push(slice);
        }
    }
    let mut state = State::default();
    let mut claims = Claims::new(settings);
    for service in services {
        let claim = claim(service, &settings.cluster_domain);
        let upstream = claim.and_then(|claim| {
            // A name is held with ready endpoints or without: it must not change hands whenever a pod
            // starts again.
            let name = claims.add(service, &claim)?;
            let (namespace, own_name) = (service.namespace(), service.name_any());
            let slices = of_service.get(&(namespace, own_name.as_str()));
            let slices = slices.into_iter().flatten().copied();
            let endpoints = endpoints::ready(service, &claim.port, slices);
            let room = claims.statics.len() + state.upstreams.len() < MOST_UPSTREAMS;
            if !endpoints.is_empty() && !room {
                return Err(too_many());
            }
            let Claim { entry, cluster, .. } = claim;
            state.holders.insert(cluster.clone(), !endpoints.is_empty());
            Ok((!endpoints.is_empty()).then_some(Upstream { name, entry, cluster, endpoints }))
        });
        match upstream {
            Ok(upstream) => state.upstreams.extend(upstream),
            Err(reason) => {
                state.refused.push(Refused { service: service.object_ref(&()), reason });
            }
        }
    }
    state.upstreams.sort_by(|a, b| a.name.cmp(&b.name));
    state
}

/// The upstreams so far, as the filter reads them, whether they have ready endpoints or not.
struct Claims {
    /// What a claim is read with.
    gateway: Gateway,
    host: Host,
    statics: Vec<gateway::Upstream>,
    /// Each with its Service.
    earlier: Vec<(gateway::Upstream, String)>,
}

impl Claims {
    fn new(settings: &Settings) -> Self {
        // They were read before.
        let statics =
            settings.gateway.check(settings.host, &[]).map_or(Vec::new(), |it| it.upstreams.into());
        let gateway = settings.gateway.without_upstreams();
        Self { gateway, host: settings.host, statics, earlier: Vec::new() }
    }

    /// Reads a claim and holds it against the static upstreams and those of the Services before it, as the
    /// filter does; its name.
    fn add(&mut self, service: &Service, claim: &Claim) -> Result<String, Reason> {
        let alone = self
            .gateway
            .check(self.host, std::slice::from_ref(&claim.entry))
            .map_err(|it| bad(&it))?;
        let [upstream] = <[gateway::Upstream; 1]>::try_from(Vec::from(alone.upstreams))
            .map_err(|_| too_many())?;
        let statics = self.statics.iter().map(|it| (it, "a static upstream"));
        let earlier = self.earlier.iter().map(|(it, owner)| (it, owner.as_str()));
        for (other, owner) in statics.chain(earlier) {
            if let Some(conflict) = upstream.conflict(other) {
                return Err(taken(conflict, &upstream, other, owner));
            }
        }
        let name = upstream.name.clone();
        let (namespace, service) = (service.namespace().unwrap_or_default(), service.name_any());
        self.earlier.push((upstream, format!("the Service {namespace}/{service}")));
        Ok(name)
    }
}

fn too_many() -> Reason {
    let note = format!(
        "there are {MOST_UPSTREAMS} other upstreams, which is the most: remove one of them"
    );
    Reason { word: "TooMany", note }
}

/// What the filter says of an entry, in terms of annotations.
fn bad(error: &ConfigError) -> Reason {
    let field = error.path.rsplit_once("].").map_or("", |(_, field)| field);
    let place = annotation(field).unwrap_or(&error.path);
    // Without an annotation both are the Service's own name, so both ways out are said.
    let or = if matches!(field, "name" | "prefix") { " or the Service's name" } else { "" };
    let note =
        format!("annotation {place}{or}: found {}, expected {}", error.found, error.expected);
    Reason { word: "BadAnnotation", note }
}

fn taken(
    conflict: Conflict,
    upstream: &gateway::Upstream,
    other: &gateway::Upstream,
    owner: &str,
) -> Reason {
    let (prefix, theirs) = (&upstream.joined_prefix, &other.joined_prefix);
    let (what, field) = match conflict {
        Conflict::Name => (format!("{:?} is the name of {owner}", upstream.name), "name"),
        Conflict::Prefix => {
            (format!("{prefix:?} stands before the names of {owner} too"), "prefix")
        }
        Conflict::Beginning | Conflict::Scheme => {
            (format!("{prefix:?} cannot be told from {theirs:?}, the prefix of {owner}"), "prefix")
        }
    };
    let place = annotation(field).unwrap_or_default();
    Reason {
        word: "Conflict",
        note: format!("{what}: give this one another, by the annotation {place}"),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
