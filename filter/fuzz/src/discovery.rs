//! Services and `EndpointSlices`, as an API server may hand them over, and settings.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use mcp_mux_discovery::settings::{Host, Settings};
use mcp_mux_discovery::state::{Holders, derive};
use mcp_mux_discovery::{resources, state};
use mcp_mux_envoy_files::resources::{clusters_file, read_clusters};
use serde::Deserialize;

const SETTINGS: &str = "output: /x\nwasm: {file: f}\n\
    gateway: {upstreams: [{name: own, cluster: own}], listen: all}";

#[derive(Deserialize)]
struct Objects {
    #[serde(default)]
    services: Vec<Service>,
    #[serde(default)]
    slices: Vec<EndpointSlice>,
}

/// The first byte says what is read: settings, objects of the API server, or a file that was written before.
pub fn discovery(input: &[u8]) {
    let Some((what, bytes)) = input.split_first() else { return };
    if what % 4 == 0 {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        for host in [None, Some(Host::Wasm), Some(Host::Module)] {
            if let Err(error) = Settings::parse(text, host) {
                assert!(!format!("{error:#}").is_empty());
            }
        }
        return;
    }
    if what % 4 == 1 {
        let clusters = read_clusters(bytes);
        let again = read_clusters(&clusters_file(&clusters));
        assert_eq!(again, clusters, "written and read again");
        return;
    }
    let Ok(objects) = serde_json::from_slice::<Objects>(bytes) else { return };
    let host = if what % 4 == 2 { Host::Wasm } else { Host::Module };
    let settings = Settings::parse(SETTINGS, Some(host)).expect("settings");
    let fresh = derive(&settings, &Holders::new(), &objects.services, &objects.slices);
    hold(&settings, &fresh);
    // Whoever had a name keeps it, in whatever order the objects come.
    let again = derive(
        &settings,
        &fresh.holders,
        objects.services.iter().rev(),
        objects.slices.iter().rev(),
    );
    hold(&settings, &again);
    if distinct(&objects.services) {
        assert_eq!(again.holders, fresh.holders, "the holders");
        assert_eq!(again.upstreams, fresh.upstreams, "the upstreams");
    }
}

/// What was derived is taken by the filter, and becomes files.
fn hold(settings: &Settings, state: &state::State) {
    let plugin = state.plugin(settings).expect("the filter takes it");
    let clusters = resources::clusters(settings, &state.upstreams);
    assert_eq!(clusters.len(), state.upstreams.len(), "a cluster each");
    let written = clusters_file(&clusters);
    assert_eq!(read_clusters(&written), clusters, "written and read again");
    let mut files = vec![resources::filter_file(settings, &plugin)];
    for upstream in &state.upstreams {
        assert!(!upstream.endpoints.is_empty());
        files.push(resources::endpoints_file(upstream));
    }
    for file in files {
        serde_json::from_slice::<serde_json::Value>(&file).expect("JSON");
    }
    for refused in &state.refused {
        assert!(!refused.reason.word.is_empty() && !refused.reason.note.is_empty());
    }
}

/// As an API server has them: no two Services of the same name.
fn distinct(services: &[Service]) -> bool {
    let name = |it: &Service| (it.metadata.namespace.clone(), it.metadata.name.clone());
    let mut names: Vec<_> = services.iter().map(name).collect();
    names.sort();
    names.dedup();
    names.len() == services.len()
        && names.iter().all(|(space, name)| space.is_some() && name.is_some())
}
