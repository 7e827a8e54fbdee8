//! What the discovery makes of many Services, three pods each: bytes and time. docs/scale.md says what follows.
//!
//! ```sh
//! cargo run --release -p mcp-mux-discovery --example many_services
//! ```

use std::time::Instant;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use mcp_mux_discovery::resources;
use mcp_mux_discovery::settings::{Host, Settings};
use mcp_mux_discovery::state::{Holders, derive};
use mcp_mux_envoy_files::resources::clusters_file;
use serde_json::json;

/// A gateway has 64 of them at most; what is above is refused, which takes time, too.
const SERVICES: [usize; 4] = [1, 16, 64, 1000];
const SETTINGS: &str = "output: /run/mcp-mux\nwasm: {file: f}\ngateway: {listen: all}";

fn main() -> Result<()> {
    let settings = Settings::parse(SETTINGS, Some(Host::Module))?;
    for many in SERVICES {
        let services = (0..many).map(service).collect::<Result<Vec<_>>>()?;
        let slices = (0..many).map(slice).collect::<Result<Vec<_>>>()?;
        #[expect(clippy::disallowed_methods, reason = "this measures")]
        let start = Instant::now();
        let state = derive(&settings, &Holders::new(), &services, &slices);
        let plugin = state.plugin(&settings).map_err(|error| anyhow::anyhow!("{error}"))?;
        let clusters = clusters_file(&resources::clusters(&settings, &state.upstreams));
        let filter = resources::filter_file(&settings, &plugin);
        let endpoints: usize =
            state.upstreams.iter().map(|upstream| resources::endpoints_file(upstream).len()).sum();
        let took = start.elapsed();
        let one = services.first().zip(slices.first()).context("a Service")?;
        println!(
            "{many} Services ({} bytes of JSON each, with their slice): {} upstreams; clusters.json {} bytes, endpoints {} \
             bytes, filter.json {} bytes, in {:.2} ms",
            serde_json::to_vec(one.0)?.len() + serde_json::to_vec(one.1)?.len(),
            state.upstreams.len(),
            clusters.len(),
            endpoints,
            filter.len(),
            took.as_secs_f64() * 1e3
        );
    }
    Ok(())
}

fn service(number: usize) -> Result<Service> {
    Ok(serde_json::from_value(json!({
        "metadata": {
            "name": format!("server-{number}"),
            "namespace": "tools",
            "uid": format!("00000000-0000-4000-8000-{number:012}"),
            "resourceVersion": number.to_string(),
            "creationTimestamp": "2026-11-30T00:00:00Z",
            "labels": {"mcp-mux/upstream": "true", "app": format!("server-{number}")},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.10",
            "clusterIPs": ["10.96.0.10"],
            "selector": {"app": format!("server-{number}")},
            "ports": [{"name": "mcp", "port": 80, "targetPort": 3000, "protocol": "TCP"}],
            "ipFamilies": ["IPv4"],
        },
    }))?)
}

fn slice(number: usize) -> Result<EndpointSlice> {
    let endpoint = |pod: usize| {
        json!({
            "addresses": [format!("10.0.{}.{}", number % 250, pod + 1)],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": format!("node-{pod}"),
            "targetRef": {"kind": "Pod", "namespace": "tools", "name": format!("server-{number}-{pod}")},
        })
    };
    Ok(serde_json::from_value(json!({
        "metadata": {
            "name": format!("server-{number}-abcde"),
            "namespace": "tools",
            "labels": {"kubernetes.io/service-name": format!("server-{number}")},
        },
        "addressType": "IPv4",
        "ports": [{"name": "mcp", "port": 3000, "protocol": "TCP"}],
        "endpoints": [endpoint(0), endpoint(1), endpoint(2)],
    }))?)
}
