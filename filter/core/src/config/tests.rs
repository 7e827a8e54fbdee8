//! Whole configurations: what is taken, value by value; what is refused, word by word.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::fixture;
use crate::gateway::{
    CacheScope, Catalog, Era, KeySource, Limits, Listen, Naming, Origins, PageBound, Server,
    Transport, Upstream, UpstreamId,
};

mod access;
mod bounds;
mod catalog;
mod listen;
mod naming;
mod opening;

/// 32 zero bytes.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn variable(name: &str) -> Option<String> {
    let keys = vec![KEY; 17].join(",");
    match name {
        "KEYS" => Some(format!(" {KEY} , {}\n", KEY.trim_end_matches('='))),
        "EMPTY" => Some(" \n".to_owned()),
        "SHORT" => Some(format!("{KEY},AAAA")),
        "TRAILING" => Some(format!("{KEY},")),
        "MANY" => Some(keys),
        _ => None,
    }
}

fn compiled(bytes: &[u8]) -> Result<Gateway, ConfigError> {
    let process_key = || Ok(Key::new([7; 32]));
    compile(
        bytes,
        Environment {
            variable: &variable,
            process_key: &process_key,
            streams: false,
            claims: true,
            bridges: true,
        },
    )
}

fn taken(document: &Value) -> Gateway {
    compiled(document.to_string().as_bytes()).expect("taken")
}

fn refusal(document: &str) -> String {
    compiled(document.as_bytes()).expect_err(document).to_string()
}

/// Every field of the configuration.
fn full() -> Value {
    json!({
        "path": "/gateway",
        "server": {"name": "tools", "title": "All tools", "instructions": "Call them."},
        "upstreams": [
            {
                "name": "everything",
                "cluster": "mcp_everything",
                "path": "/mcp/v1?key=k",
                "authority": "everything:3001",
                "timeout": "2.5s",
                "call_timeout": "1h",
                "prefix": "Every.thing",
                "headers": {
                    "set": {"Authorization": "Bearer a", "x-team": ""},
                    "forward": ["X-Request-Id", "traceparent"]
                },
                "tools": {
                    "allow": ["get_*", "list"],
                    "deny": ["*_admin"],
                    "rename": {"get_a": "read", "get_é": "Read_.-2"},
                    "describe": {"get_a": "Reads \"a\".\n", "nothing": "No such tool."}
                },
                "prompts": {"allow": ["p*"]},
                "resources": {"deny": ["file:///etc/*"]}
            },
            {"name": "fetch", "prefix": ""}
        ],
        "listen": "fetch",
        "naming": {"separator": "::", "prefix": "on_conflict"},
        "session": {"keys": [KEY, KEY], "ttl": "30m"},
        "origins": {"allow": ["https://App.example", "null"]},
        "limits": {"request_body": "1MiB", "upstream_body": 2_097_152},
        "catalog": {"ttl": "30s", "scope": "public", "page": {"items": 10, "bytes": "1MiB"}},
        "status": "/gateway/status",
        "metrics": {"tools": true}
    })
}

#[test]
fn every_field_arrives() {
    let gateway = taken(&full());
    assert_eq!(gateway.path, "/gateway");
    let server = Server {
        name: "tools".to_owned(),
        title: Some("All tools".to_owned()),
        instructions: Some("Call them.".to_owned()),
    };
    assert_eq!(gateway.server, server);
    assert_eq!(gateway.upstream_names().collect::<Vec<_>>(), ["everything", "fetch"]);
    assert_eq!(gateway.listen, Listen::One(UpstreamId::at(1)));
    assert_eq!((gateway.separator.as_str(), gateway.naming), ("::", Naming::OnConflict));
    assert_eq!(gateway.key_source, KeySource::Configured);
    assert_eq!(gateway.session_ttl, Duration::from_secs(1800));
    let listed = ["https://app.example", "null"].map(str::to_owned).to_vec();
    assert_eq!(gateway.origins, Origins::Listed(listed));
    let limits = Limits { request_body: 1_048_576, upstream_body: 2_097_152 };
    assert_eq!(gateway.limits, limits);
    let catalog = Catalog { ttl: Duration::from_secs(30), scope: CacheScope::Public };
    assert_eq!(gateway.page, PageBound { items: 10, bytes: 1 << 20 });
    assert_eq!(gateway.catalog, Some(catalog));
    assert_eq!(gateway.status.as_deref(), Some("/gateway/status"));
    assert!(gateway.measures_tools);

    let everything = fixture::first(&gateway);
    assert_eq!(everything.name, "everything");
    assert_eq!(everything.cluster, "mcp_everything");
    assert_eq!(everything.path, "/mcp/v1?key=k");
    assert_eq!(everything.authority, "everything:3001");
    assert_eq!(everything.timeout, Duration::from_millis(2500));
    assert_eq!(everything.call_timeout, Duration::from_secs(3600));
    assert_eq!(everything.joined_prefix, "Every.thing::");
    assert_eq!(everything.uri_scheme, "every.thing+");
    let bare = gateway.upstream(UpstreamId::at(1));
    assert_eq!([bare.joined_prefix.as_str(), &bare.uri_scheme], ["", ""]);
    let set = [("authorization", "Bearer a"), ("x-team", "")];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sorted = |mut headers: Vec<_>| {
        headers.sort();
        headers
    };
    assert_eq!(sorted(everything.set_headers.clone()), set);
    assert_eq!(everything.forward_headers, ["x-request-id", "traceparent"]);
    let admitted = ["get_a", "get_/a", "list", "get_admin", "lists", "x"]
        .map(|name| everything.tools.admits(name));
    assert_eq!(admitted, [true, true, true, false, false, false]);
    let shown = ["get_a", "get_é", "list"].map(|own| everything.tools.rename.shown(own));
    assert_eq!(shown, ["read", "Read_.-2", "list"]);
    assert_eq!(everything.tools.rename.own("read"), Some("get_a"));
    assert_eq!(everything.tools.describes("get_a"), Some("Reads \"a\".\n"));
    assert_eq!(everything.tools.describes("read"), None, "a new name is no key");
    assert!(!format!("{gateway:?}").contains("Bearer"));
}

#[test]
fn the_least_configuration_gets_the_defaults() {
    let gateway = taken(&json!({"upstreams": [{"name": "everything"}]}));
    assert_eq!(gateway.path, "/mcp");
    let server = Server { name: "mcp-mux".to_owned(), title: None, instructions: None };
    assert_eq!(gateway.server, server);
    assert_eq!(gateway.listen, Listen::One(UpstreamId::at(0)));
    assert_eq!((gateway.separator.as_str(), gateway.naming), ("__", Naming::Always));
    assert_eq!(gateway.key_source, KeySource::Process);
    assert_eq!(gateway.session_ttl, Duration::from_secs(86_400));
    assert_eq!(gateway.origins, Origins::Listed(Vec::new()));
    let limits = Limits { request_body: 4 * 1024 * 1024, upstream_body: 16 * 1024 * 1024 };
    assert_eq!(gateway.limits, limits);
    assert_eq!((gateway.status.as_deref(), gateway.measures_tools), (None, false));
    let Upstream { cluster, path, authority, timeout, call_timeout, .. } = fixture::first(&gateway);
    assert_eq!([cluster.as_str(), path, authority], ["everything", "/mcp", "everything"]);
    assert_eq!([timeout.as_secs(), call_timeout.as_secs()], [10, 300]);
    assert_eq!(fixture::first(&gateway).joined_prefix, "everything__");
    assert!(fixture::first(&gateway).set_headers.is_empty());
    assert!(fixture::first(&gateway).forward_headers.is_empty());
    let tools = &fixture::first(&gateway).tools;
    assert!(tools.admits("anything") && !tools.rename.is_renamed("anything"));
    assert_eq!(
        (tools.rename.shown("x"), tools.rename.own("x"), tools.describes("x")),
        ("x", Some("x"), None)
    );
}

#[test]
fn a_struct_says_what_json_says() {
    let bytes = protobuf_struct::bytes_of(&full());
    assert_eq!(document::read(&bytes), Ok(full()));
    let (from_struct, from_json) = (compiled(&bytes).expect("taken"), taken(&full()));
    assert_eq!(format!("{from_struct:?}"), format!("{from_json:?}"));

    let bytes = protobuf_struct::bytes_of(&json!({"upstreams": [{"name": "a", "timeout": 5}]}));
    assert_eq!(
        compiled(&bytes).expect_err("refused").to_string(),
        r#"upstreams[0].timeout: found 5, expected a duration such as "5s" or "250ms""#
    );
}

#[test]
fn keys_come_from_one_of_three_sources() {
    let keys_env = |name| json!({"upstreams": [{"name": "a"}], "session": {"keys_env": name}});
    let source = KeySource::Environment("KEYS".to_owned());
    assert_eq!(taken(&keys_env("KEYS")).key_source, source);

    let unasked = || -> Result<Key, String> { panic!("asked for a key without need") };
    let surroundings = Environment {
        variable: &variable,
        process_key: &unasked,
        streams: false,
        claims: true,
        bridges: true,
    };
    assert!(compile(full().to_string().as_bytes(), surroundings).is_ok());

    let refused = || Err("no randomness".to_owned());
    let surroundings = Environment {
        variable: &variable,
        process_key: &refused,
        streams: false,
        claims: true,
        bridges: true,
    };
    assert_eq!(
        compile(br#"{"upstreams": [{"name": "a"}]}"#, surroundings).expect_err("").to_string(),
        "session: found neither keys nor keys_env, and no key could be made (no randomness), \
         expected one of them"
    );
}

#[test]
fn a_server_of_the_older_transport_has_its_path_and_era() {
    let of = |entry: Value| {
        let gateway = taken(&json!({"upstreams": [entry]}));
        let Upstream { transport, path, era, .. } = fixture::first(&gateway);
        (*transport, path.clone(), *era)
    };
    let sse = json!({"name": "a", "transport": "sse"});
    assert_eq!(of(sse.clone()), (Transport::Sse, "/sse".to_owned(), Era::Handshake));
    let named = json!({"name": "a", "transport": "sse", "path": "/x/sse", "era": "auto"});
    assert_eq!(of(named), (Transport::Sse, "/x/sse".to_owned(), Era::Handshake));
    let newer = json!({"name": "a", "transport": "streamable_http"});
    assert_eq!(of(newer), (Transport::StreamableHttp, "/mcp".to_owned(), Era::Auto));

    let process_key = || Ok(Key::new([1; 32]));
    let surroundings = Environment {
        variable: &variable,
        process_key: &process_key,
        streams: false,
        claims: true,
        bridges: false,
    };
    let document = json!({"upstreams": [sse]}).to_string();
    assert_eq!(
        compile(document.as_bytes(), surroundings).expect_err("").to_string(),
        r#"upstreams[0].transport: found "sse", which needs the native host, see docs/hosts.md, expected "streamable_http""#
    );
}

#[test]
fn an_empty_allow_list_admits_nothing_and_an_empty_deny_list_everything() {
    let admits = |tools: Value| {
        taken(&json!({"upstreams": [{"name": "a", "tools": tools}]}))
            .upstream(UpstreamId::at(0))
            .tools
            .admits("x")
    };
    assert!(!admits(json!({"allow": []})));
    assert!(admits(json!({"deny": []})));
    assert!(admits(json!({"allow": ["x", "y"], "deny": ["?x", "[!x]"]})));
    assert!(!admits(json!({"allow": ["*"], "deny": ["?"]})));
}

#[test]
fn a_star_among_the_origins_allows_any() {
    let document = json!({"upstreams": [{"name": "a"}], "origins": {"allow": ["http://a", "*"]}});
    assert_eq!(taken(&document).origins, Origins::Any);
}

#[test]
fn wrong_configurations_are_refused_in_the_words_of_the_table() {
    let mut section = "";
    let mut lines = include_str!("refusals.txt").lines();
    let mut refused = 0;
    while let Some(line) = lines.next() {
        let document = match (line.get(..2), section) {
            (None | Some("# "), _) => continue,
            (Some("=="), _) => {
                section = line;
                continue;
            }
            (_, "== documents") => line.to_owned(),
            (_, "== fields beside upstreams") => {
                format!(r#"{{"upstreams": [{{"name": "a"}}], {line}}}"#)
            }
            (_, "== fields of upstreams[1]") => {
                format!(r#"{{"upstreams": [{{"name": "z"}}, {{"name": "a", {line}}}]}}"#)
            }
            _ => panic!("{section}"),
        };
        let message = lines.next().expect("a refusal below each configuration").trim_start();
        assert_eq!(refusal(&document), message);
        refused += 1;
    }
    assert!(refused > 90, "{refused}");
}

#[test]
fn the_documented_json_and_refusals_are_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(path).expect("the page of the configuration");
    let (_, json) = page.split_once("value: |\n").expect("a StringValue");
    let (json, _) = json.split_once("```").expect("its end");
    assert_eq!(compiled(json.as_bytes()).expect("taken").upstreams.len(), 2);

    let shown = page.split_once("```text\n").and_then(|(_, text)| text.split_once("\n```"));
    let (shown, _) = shown.expect("refusals");
    let table = include_str!("refusals.txt");
    for line in shown.lines().filter(|line| !line.starts_with("the configuration")) {
        assert!(table.contains(line), "{line}");
    }
}
