use std::collections::BTreeSet;

use super::*;

fn settings() -> Settings {
    let text =
        "output: /x\nwasm: {file: /f.wasm, vm_config: {vm_id: m}}\nclusters: {lb_policy: RANDOM}";
    Settings::parse(text, None).expect("settings")
}

fn upstream() -> Upstream {
    Upstream {
        name: "a".into(),
        entry: json!({"name": "a"}),
        cluster: "mcp-mux/n/a".into(),
        endpoints: BTreeSet::from([
            ([10, 0, 0, 1], 80).into(),
            ([0, 0, 0, 0, 0, 0, 0, 1], 81).into(),
        ]),
    }
}

#[test]
fn a_cluster_has_its_endpoints_and_the_settings() {
    let clusters = clusters(&settings(), &[upstream()]);
    let cluster = &clusters["mcp-mux/n/a"];
    let source = &cluster["eds_cluster_config"]["eds_config"]["path_config_source"];
    assert_eq!(source["path"], "/x/mcp-mux.n.a.json");
    assert_eq!(cluster["lb_policy"], "RANDOM");
    assert_eq!(cluster["connect_timeout"], "2s");
    let file: Value = serde_json::from_slice(&endpoints_file(&upstream())).expect("JSON");
    assert_eq!(file["resources"][0]["cluster_name"], "mcp-mux/n/a");
    let endpoints = &file["resources"][0]["endpoints"][0]["lb_endpoints"];
    let address = |n: usize| &endpoints[n]["endpoint"]["address"]["socket_address"];
    assert_eq!(address(0), &json!({"address": "10.0.0.1", "port_value": 80}));
    assert_eq!(address(1), &json!({"address": "::1", "port_value": 81}));
    assert_eq!(read_clusters(&clusters_file(&clusters)), clusters);
    assert!(read_clusters(b"{").is_empty() && read_clusters(b"[1]").is_empty());
}

#[test]
fn the_filter_has_its_configuration_as_text() {
    let plugin = json!({"upstreams": [{"name": "a"}]});
    let file: Value = serde_json::from_slice(&filter_file(&settings(), &plugin)).expect("JSON");
    let filter = &file["resources"][0];
    assert_eq!(filter["name"], "mcp_mux");
    let config = &filter["typed_config"]["config"];
    assert_eq!(config["configuration"]["value"], plugin.to_string());
    let machine = json!({
        "vm_id": "m", "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": "/f.wasm"}},
    });
    assert_eq!(config["vm_config"], machine);
}

#[test]
fn the_native_host_has_the_same_configuration() {
    let text = "output: /x\nhost: module\nmodule: {name: mcp_mux_2}";
    let settings = Settings::parse(text, None).expect("settings");
    let plugin = json!({"upstreams": [{"name": "a"}]});
    let file: Value = serde_json::from_slice(&filter_file(&settings, &plugin)).expect("JSON");
    let filter = &file["resources"][0];
    assert_eq!(filter["name"], "mcp_mux");
    let expected = json!({
        "@type": MODULE,
        "dynamic_module_config": {"name": "mcp_mux_2"},
        "filter_name": "mcp_mux",
        "filter_config": {"@type": TEXT, "value": plugin.to_string()},
    });
    assert_eq!(filter["typed_config"], expected);
}

#[test]
fn a_version_changes_with_the_content_alone() {
    let version = |plugin: Value| {
        let file: Value = serde_json::from_slice(&filter_file(&settings(), &plugin)).expect("JSON");
        file["version_info"].as_str().expect("a version").to_owned()
    };
    assert_eq!(version(json!({"a": 1})), version(json!({"a": 1})));
    assert_ne!(version(json!({"a": 1})), version(json!({"a": 2})));
    assert_eq!(version(json!({})).len(), 16);
}
