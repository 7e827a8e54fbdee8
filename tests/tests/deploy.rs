//! What `docs/deploy.md` gives to the Envoys of others runs in this one.

use mcp_mux_tests::kubernetes::documents;
use mcp_mux_tests::{Client, Envoy, Upstream, repository, setup, tool};
use serde_json::{Value, json};

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The manifest of this kind that the document shows.
async fn example(kind: &str) -> Value {
    let text = read("docs/deploy.md");
    let examples = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let all = examples.collect::<Vec<_>>().join("\n---\n");
    let all = documents(&all, &[]).await.expect("YAML");
    all.into_iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// Puts a filter and a route into the smallest configuration, in front of a server, in a virtual host of
/// this domain.
async fn start(mut filter: Value, route: &Value, domain: &str, server: &Upstream) -> Envoy {
    let mut config = documents(&read("envoy/minimal.yaml"), &[]).await.expect("YAML").remove(0);
    config["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    let plugin = &mut filter["typed_config"]["config"];
    let wasm = tool("MCP_MUX_WASM", "dist/mcp_mux.wasm");
    plugin["vm_config"]["code"]["local"]["filename"] = json!(wasm);
    let upstream = &plugin["configuration"]["value"]["upstreams"][0];
    assert_eq!(upstream["name"], "everything");
    let cluster = &mut config["static_resources"]["clusters"][0];
    cluster["name"] = upstream["cluster"].clone();
    let assignment = &mut cluster["load_assignment"];
    assignment["cluster_name"] = upstream["cluster"].clone();
    let endpoint = &mut assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    endpoint["address"]["socket_address"]["port_value"] = json!(server.address.port());

    let listener = &mut config["static_resources"]["listeners"][0];
    listener["address"]["socket_address"]["port_value"] = json!(0);
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_filters"][0] = filter;
    let host = &mut manager["route_config"]["virtual_hosts"][0];
    host["routes"][0] = route.clone();
    host["domains"] = json!([domain]);
    let key = setup::key(1);
    let environment = [("MCP_MUX_SESSION_KEYS", key.as_str())];
    Envoy::start_file_with(&config.to_string(), &environment).await
}

/// Has a client call a tool through a filter and a route.
async fn check(filter: Value, route: &Value) {
    let upstream = &filter["typed_config"]["config"]["configuration"]["value"]["upstreams"][0];
    let authority = upstream["authority"].clone();
    let server = Upstream::named("everything").start().await;
    let envoy = start(filter, route, "*", &server).await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["everything__echo"]);
    assert_eq!(client.call_text("everything__echo").await, "everything:echo");
    let call = server.only("tools/call");
    assert_eq!(call.header("host"), authority.as_str());
    assert_eq!(call.header("x-mcp-cluster"), None);
}

#[tokio::test]
async fn what_istio_is_given() {
    let patches = &example("EnvoyFilter").await["spec"]["configPatches"];
    let value = |at: usize| patches[at]["patch"]["value"].clone();
    check(value(0), &value(1)).await;
}

#[tokio::test]
async fn what_envoy_gateway_is_given() {
    let patches = &example("EnvoyPatchPolicy").await["spec"]["jsonPatches"];
    let value = |at: usize| patches[at]["operation"]["value"].clone();
    check(value(0), &value(1)).await;
}

#[tokio::test]
async fn a_virtual_host_of_the_clients_name_alone_lists_tools_that_cannot_be_called() {
    let patches = &example("EnvoyFilter").await["spec"]["configPatches"];
    let value = |at: usize| patches[at]["patch"]["value"].clone();
    let server = Upstream::named("everything").start().await;
    let envoy = start(value(0), &value(1), "127.0.0.*", &server).await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["everything__echo"]);
    let call = client.request("tools/call", json!({"name": "everything__echo"})).await;
    let error = call.error(200, -32603).to_string();
    assert!(error.contains("Envoy has no route to it"), "{error}");
    assert!(server.seen_of("tools/call").is_empty());
}
