use serde_json::json;

use super::*;

const LEAST: &str = "output: /run/mcp-mux\nwasm: {file: /etc/mcp_mux.wasm}\n";

fn refusal(more: &str) -> String {
    format!("{:#}", Settings::parse(&format!("{LEAST}{more}"), None).expect_err(more))
}

#[test]
fn little_has_to_be_said() {
    let settings = Settings::parse(LEAST, None).expect("taken");
    assert_eq!(settings.selector, "mcp-mux/upstream=true");
    assert_eq!(settings.namespaces, Namespaces::Own);
    assert_eq!(settings.cluster_domain, "cluster.local");
    assert_eq!(settings.clusters.connect_timeout, "2s");
    assert_eq!(settings.gateway.with(&[]), json!({"upstreams": []}));
}

#[test]
fn json_is_taken_too() {
    let text = json!({
        "output": "/x",
        "wasm": {"file": "f", "vm_config": {"environment_variables": {"host_env_keys": ["K"]}}},
        "namespaces": ["b", "a", "b"],
        "gateway": {"session": {"keys_env": "K"}, "upstreams": [{"name": "a"}]},
        "clusters": {"lb_policy": "RANDOM", "connect_timeout": "0.5s"},
    });
    let settings = Settings::parse(&text.to_string(), None).expect("taken");
    assert_eq!(settings.namespaces, Namespaces::Listed(vec!["a".into(), "b".into()]));
    assert_eq!(settings.clusters.lb_policy, LbPolicy::Random);
    assert_eq!(settings.gateway.check(Host::Wasm, &[]).expect("taken").upstreams.len(), 1);
    let all = Settings::parse(&format!("{LEAST}namespaces: ['*']"), None).expect("taken");
    assert_eq!(all.namespaces, Namespaces::All);
}

#[test]
fn what_is_wrong_is_named() {
    for (more, words) in [
        ("namespaces: []", "at least one"),
        ("namespaces: ['*', a]", "alone"),
        ("selectr: x", "selectr"),
        ("selector: ''", "selector: found nothing"),
        ("clusters: {connect_timeout: 2}", "connect_timeout"),
        ("clusters: {connect_timeout: 250ms}", "expected seconds"),
        ("clusters: {connect_timeout: 1e3s}", "expected seconds"),
        ("clusters: {connect_timeout: +2s}", "expected seconds"),
        ("clusters: {connect_timeout: .5s}", "expected seconds"),
        ("clusters: {connect_timeout: 0.0s}", "expected seconds"),
        ("clusters: {connect_timeout: 0.0123456789s}", "expected seconds"),
        ("clusters: {connect_timeout: 1000000s}", "expected seconds"),
        ("clusters: {lb_policy: MAGLEV}", "MAGLEV"),
        ("namespaces: [a b]", "names of namespaces"),
        ("namespaces: [-a]", "names of namespaces"),
        ("cluster_domain: a b", "cluster_domain: found \"a b\""),
        ("cluster_domain: ''", "cluster_domain: found \"\""),
        ("gateway: {listen: Not a name}", "gateway.listen: found \"Not a name\", expected 1 to 32"),
        ("gateway: {listen: 1}", "gateway.listen: found 1"),
        ("gateway: {upstreams: [{name: A}]}", "gateway.upstreams[0].name: found \"A\""),
        ("gateway: {pth: /x}", "gateway.pth"),
        ("gateway: {upstreams: {}}", "gateway.upstreams: found an object"),
    ] {
        let refusal = refusal(more);
        assert!(refusal.contains(words), "{more}: {refusal}");
    }
    let relative = Settings::parse("output: x\nwasm: {file: f}", None).expect_err("refused");
    assert!(relative.to_string().contains("no absolute path"), "{relative}");
    let nothing = Settings::parse("output: /x\nwasm: {file: ''}", None).expect_err("refused");
    assert!(nothing.to_string().contains("wasm.file: found nothing"), "{nothing}");
    let long = "i".repeat(500_000);
    let long = refusal(&format!("gateway: {{server: {{instructions: {long}}}}}"));
    assert!(long.contains("gateway: found 500"), "{long}");
    let code = "output: /x\nwasm: {file: f, vm_config: {code: {}}}";
    assert!(Settings::parse(code, None).is_err());
}

#[test]
fn the_command_line_names_the_host_or_else_the_file_does() {
    let parse = |more: &str, host| Settings::parse(&format!("output: /x\n{more}"), host);
    let taken = |more: &str, host| {
        let settings = parse(more, host).expect("taken");
        (settings.host, settings.module.name)
    };
    assert_eq!(taken("wasm: {file: f}", None), (Host::Wasm, "mcp_mux".to_owned()));
    assert_eq!(taken("host: module", None).0, Host::Module);
    assert_eq!(taken("wasm: {file: f}", Some(Host::Module)).0, Host::Module);
    assert_eq!(taken("host: module\nwasm: {file: f}", Some(Host::Wasm)).0, Host::Wasm);
    let named = "host: module\nmodule: {name: mcp_mux_2}";
    assert_eq!(taken(named, None), (Host::Module, "mcp_mux_2".to_owned()));
    for (more, words) in [
        ("", "wasm.file: found nothing"),
        ("host: native", "native"),
        ("host: module\nmodule: {name: ''}", "module.name: found \"\""),
        ("host: module\nmodule: {name: ../x}", "module.name: found \"../x\""),
        ("host: module\nmodule: {file: x}", "file"),
    ] {
        let refused = format!("{:#}", parse(more, None).expect_err(more));
        assert!(refused.contains(words), "{more}: {refused}");
    }
}

#[test]
fn an_upstream_to_listen_to_may_be_away() {
    let settings = Settings::parse(&format!("{LEAST}gateway: {{listen: b}}"), None).expect("taken");
    assert_eq!(settings.gateway.with(&[]).get("listen"), None);
    assert_eq!(settings.gateway.with(&[json!({"name": "b"})])["listen"], "b");
}

#[test]
fn the_example_in_the_readme_is_taken() {
    let readme = include_str!("../README.md");
    let examples = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let settings = examples
        .filter(|text| text.starts_with("selector:"))
        .map(|text| Settings::parse(text, None));
    let settings: Vec<_> = settings.map(|it| it.expect("taken")).collect();
    assert_eq!(settings.len(), 1);
    assert_eq!(settings[0].gateway.check(Host::Wasm, &[]).expect("taken").upstreams.len(), 1);
}
