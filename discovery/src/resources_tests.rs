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
}

#[test]
fn the_filter_is_that_of_the_host() {
    let plugin = json!({"upstreams": [{"name": "a"}]});
    let module = "output: /x\nhost: module\nmodule: {name: mcp_mux_2}";
    let module = Settings::parse(module, None).expect("settings");
    let typed = |settings: &Settings| -> Value {
        let file: Value = serde_json::from_slice(&filter_file(settings, &plugin)).expect("JSON");
        file["resources"][0]["typed_config"].clone()
    };
    let machine = json!({
        "vm_id": "m", "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": "/f.wasm"}},
    });
    assert_eq!(typed(&settings())["config"]["vm_config"], machine);
    assert_eq!(typed(&module)["dynamic_module_config"], json!({"name": "mcp_mux_2"}));
}
