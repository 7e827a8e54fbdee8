use serde_json::Value;

use super::secrets::{Source, left_out, secrets};
use super::*;
use crate::servers::{Command, Header};

fn remote(url: (&str, u16, bool), headers: Vec<Header>) -> Upstream {
    let (host, port, tls) = url;
    let reached = Reached::Url(Remote {
        sse: false,
        tls,
        host: host.into(),
        port,
        path: "/mcp".into(),
        headers,
    });
    let (name, place) = ("my-server".to_owned(), "mcpServers.My Server".to_owned());
    Upstream { server: Server { name, written: "My Server".into(), place, reached }, port: 0 }
}

fn header(name: &str, value: &str, variable: Option<(&str, &str)>) -> Header {
    let variable = variable.map(|(word, name)| (word.to_owned(), name.to_owned()));
    Header { name: name.into(), value: Some(value.into()), variable }
}

fn cluster(upstream: &Upstream) -> Value {
    let clusters =
        clusters(std::slice::from_ref(upstream), Source::Files("/run/x")).expect("clusters");
    clusters[&upstream.cluster()].clone()
}

#[test]
fn a_certificate_has_to_be_of_the_host_of_the_url() {
    let context = |host: &str| {
        let cluster = cluster(&remote((host, 443, true), Vec::new()));
        (cluster["type"].clone(), cluster["transport_socket"]["typed_config"].clone())
    };
    let names = "/common_tls_context/validation_context/match_typed_subject_alt_names/0";
    let (kind, by_name) = context("mcp.example");
    assert_eq!((&kind, &by_name["sni"]), (&json!("LOGICAL_DNS"), &json!("mcp.example")));
    let wanted = json!({"san_type": "DNS", "matcher": {"exact": "mcp.example"}});
    assert_eq!(by_name.pointer(names), Some(&wanted));
    let (kind, numbered) = context("192.0.2.1");
    assert_eq!((&kind, &numbered["sni"]), (&json!("STATIC"), &Value::Null));
    let wanted = json!({"san_type": "IP_ADDRESS", "matcher": {"exact": "192.0.2.1"}});
    assert_eq!(numbered.pointer(names), Some(&wanted));
    let plain = cluster(&remote(("mcp.example", 80, false), Vec::new()));
    assert_eq!(plain["transport_socket"], Value::Null);
}

#[test]
fn the_value_of_a_header_is_in_its_file_alone() {
    let headers = vec![
        header("authorization", "Bearer s3cret", Some(("Bearer ", "TOKEN"))),
        header("x-key", "s3cret", None),
        header("accept", "s3cret", None),
    ];
    let upstream = remote(("mcp.example", 443, true), headers);
    assert_eq!(left_out(&upstream), ["accept"]);
    let secrets = secrets(&upstream);
    let variables: Vec<_> = secrets.iter().map(|it| it.variable.as_str()).collect();
    assert_eq!(variables, ["TOKEN", "MCP_MUX_MY_SERVER_X_KEY"]);
    assert!(!cluster(&upstream).to_string().contains("s3cret"));
    assert!(!plugin(std::slice::from_ref(&upstream)).to_string().contains("s3cret"));
    let (name, file) = secrets[0].file();
    assert_eq!(name, "secret.mcp_my_server.authorization.json");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    let value = &file["resources"][0]["generic_secret"]["secret"]["inline_string"];
    // The word before it is in the configuration.
    assert_eq!(value, "s3cret");
}

#[test]
fn a_program_is_spoken_to_with_sessions_behind_its_bridge() {
    let command = Command {
        program: "npx".into(),
        arguments: Vec::new(),
        environment: std::collections::BTreeMap::default(),
        folder: None,
    };
    let mut upstream = remote(("unused", 1, false), Vec::new());
    upstream.server.reached = Reached::Command(command);
    upstream.port = 3101;
    let plugin = plugin(std::slice::from_ref(&upstream));
    let entry = &plugin["upstreams"][0];
    assert_eq!(
        (&entry["era"], &entry["authority"]),
        (&json!("handshake"), &json!("127.0.0.1:3101"))
    );
    for host in [Host::Wasm, Host::Module] {
        assert!(read(host, plugin.to_string().as_bytes()).is_ok(), "{host:?}");
    }
    let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let wanted = json!({"address": "127.0.0.1", "port_value": 3101});
    assert_eq!(cluster(&upstream).pointer(address), Some(&wanted));
}
