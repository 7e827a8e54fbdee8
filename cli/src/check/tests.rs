use super::*;

/// A listener's filter for either host, with a configuration of so many spaces before it.
fn module(configuration: &str) -> String {
    format!(
        "name: mcp_mux\ntyped_config:\n  \"@type\": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter\n  dynamic_module_config: {{name: mcp_mux}}\n  filter_config:\n{configuration}"
    )
}

fn object(fields: &str) -> String {
    module(&format!(
        "    \"@type\": type.googleapis.com/google.protobuf.Struct\n    value:\n{fields}"
    ))
}

fn faults(text: &str) -> Vec<String> {
    check(text).1.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_right_is_told() {
    let text =
        object("      upstreams:\n      - {name: a}\n      - name: b\n        transport: sse\n");
    let (right, faults) = check(&text);
    assert_eq!(faults, []);
    let upstreams = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(
        right,
        [Right { position: Position { line: 8, column: 7 }, host: Host::Module, upstreams }]
    );
}

#[test]
fn a_fault_of_an_object_has_its_line_and_column() {
    for (fields, fault) in [
        (
            "      upstreams:\n      - name: a\n        timeout: 5 parsecs\n",
            "10:18: upstreams[0].timeout: found \"5 parsecs\", expected a duration such as \"5s\" or \"250ms\"",
        ),
        (
            "      upstreams:\n      - name: a\n      - {cluster: b}\n",
            "10:9: upstreams[1].name: found nothing, expected a value, because this field has no default",
        ),
        (
            "      upstreams:\n      - name: a\n        tools: {rename: {a.b: c, \"x[0]\": c}}\n",
            "10:42: upstreams[0].tools.rename.x[0]: found \"c\", the new name of \"a.b\" too, expected a new name of its own for each tool",
        ),
        (
            "      upstreams: [{name: a}]\n      server: {title: on}\n",
            "9:23: server.title: found true, expected a string",
        ),
    ] {
        assert_eq!(faults(&object(fields)), [fault]);
    }
    let unknown = faults(&object("      upstreams:\n      - name: a\n        timeouts: 5s\n"));
    assert!(
        unknown[0].starts_with("10:9: upstreams[0].timeouts: found the unknown field"),
        "{unknown:?}"
    );
}

#[test]
fn a_fault_of_a_json_text_has_its_line_and_column_in_the_file() {
    let text = |value: &str| {
        module(&format!(
            "    \"@type\": type.googleapis.com/google.protobuf.StringValue\n    value: {value}\n"
        ))
    };
    let block = |json: &str| text(&format!("|\n      {}", json.replace('\n', "\n      ")));
    for (text, place) in [
        (
            block("{\n  \"upstreams\": [{\"name\": \"a\", \"era\": \"new\"}]\n}"),
            "9:44: upstreams[0].era",
        ),
        (
            block("{\"upstreams\": [{\"name\": \"a\"}],\n \"x\": 1}"),
            "9:8: x: found the unknown field",
        ),
        (
            block("{\"upstreams\": [\n{\"name\": \"a\",}]}"),
            "9:20: the configuration: found text that is not JSON",
        ),
        (text("'{\"upstreams\": [{\"name\": 1}]}'"), "7:12: upstreams[0].name: found 1"),
    ] {
        let faults = faults(&text);
        assert!(faults.len() == 1 && faults[0].starts_with(place), "{faults:?} is not {place}");
    }
}

#[test]
fn what_the_host_cannot_do_and_what_envoy_lacks_is_told() {
    let wasm = |config: &str, upstream: &str, more: &str| {
        format!(
            "static_resources:\n  clusters:\n  - {{name: a}}\n  listeners:\n  - typed_config:\n      \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n      config:\n        {config}\n        vm_config: {{code: {{local: {{filename: mcp_mux.wasm}}}}{more}}}\n        configuration:\n          \"@type\": type.googleapis.com/google.protobuf.Struct\n          value:\n            session: {{keys_env: KEYS}}\n            upstreams: [{upstream}]\n"
        )
    };
    let (good, handed) = (
        "allow_on_headers_stop_iteration: true",
        ", environment_variables: {host_env_keys: [KEYS]}",
    );
    assert_eq!(faults(&wasm(good, "{name: a}", handed)), [""; 0]);
    let stops = faults(&wasm("name: x", "{name: a}", handed));
    assert_eq!(
        stops,
        ["8:9: config.allow_on_headers_stop_iteration: expected true, or requests hang"]
    );
    let keys = faults(&wasm(good, "{name: a}", ""));
    assert!(
        keys.len() == 1
            && keys[0].starts_with("13:33: session.keys_env: the filter does not see KEYS"),
        "{keys:?}"
    );
    let cluster = faults(&wasm(good, "{name: a, cluster: b}", handed));
    assert!(
        cluster[0].starts_with("14:44: upstreams[0].cluster: no cluster \"b\" in this file"),
        "{cluster:?}"
    );
    let sse = faults(&wasm(good, "{name: a, transport: sse}", handed));
    assert!(sse[0].starts_with("14:46: upstreams[0].transport: found \"sse\""), "{sse:?}");
    let claim = faults(&object("      upstreams: [{name: a}]\n      caller: {claim: sub}\n"));
    assert_eq!(
        claim,
        [
            "9:15: caller.payload_header: found nothing, while Envoy does not let the native host read \
          claims in metadata, expected a header: payload_header: x-jwt-payload here, and \
          forward_payload_header: x-jwt-payload in the provider of jwt_authn"
        ]
    );
}

#[test]
fn a_file_without_the_filter_is_told() {
    assert!(faults("a: 1")[0].starts_with("1:1: no filter of mcp-mux"));
    assert!(faults("a: [")[0].contains("not YAML"));
    assert!(faults(&module("    x: 1\n"))[0].starts_with("6:5: the configuration: expected"));
}

#[test]
fn the_files_that_are_shipped_are_right() {
    for file in ["demo", "minimal", "module", "oauth"].map(|it| format!("../envoy/{it}.yaml")) {
        let text = std::fs::read_to_string(&file).expect("the file");
        let (right, faults) = check(&text);
        assert_eq!((right.len(), faults.len()), (1, 0), "{file}: {faults:?}");
    }
}
