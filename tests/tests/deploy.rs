//! What `docs/deploy.md` gives to the Envoys of others runs in this one.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::kubernetes::documents;
use mcp_mux_tests::{Client, Envoy, Upstream, repository, setup, tool};
use serde_json::{Value, json};

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The example of the document where this field has this value.
async fn example(field: &str, is: &str) -> Value {
    let text = read("docs/deploy.md");
    let examples = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let all = examples.collect::<Vec<_>>().join("\n---\n");
    let all = documents(&all, &[]).await.expect("YAML");
    all.into_iter().find(|it| it[field] == is).unwrap_or_else(|| panic!("no {is}"))
}

/// The filter's own configuration in one for WebAssembly.
fn configuration(filter: &mut Value) -> &mut Value {
    &mut filter["typed_config"]["config"]["configuration"]
}

/// The filter of an example for this host: the native one takes its place, as the document says.
async fn hosted(host: Host, mut filter: Value) -> Value {
    match host {
        Host::Wasm => {
            let wasm = tool("MCP_MUX_WASM", "dist/mcp_mux.wasm");
            let machine = &mut filter["typed_config"]["config"]["vm_config"];
            machine["code"]["local"]["filename"] = json!(wasm);
            filter
        }
        Host::Module => {
            let mut native = example("name", "mcp_mux").await;
            native["typed_config"]["filter_config"] = configuration(&mut filter).clone();
            native
        }
    }
}

/// Puts a filter and a route into the smallest configuration, in front of a server, in a virtual host of
/// this domain.
async fn start(
    host: Host,
    mut filter: Value,
    route: &Value,
    domain: &str,
    server: &Upstream,
) -> Envoy {
    let mut config = documents(&read("envoy/minimal.yaml"), &[]).await.expect("YAML").remove(0);
    config["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    let upstream = configuration(&mut filter)["value"]["upstreams"][0].clone();
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
    manager["http_filters"][0] = hosted(host, filter).await;
    let names = &mut manager["route_config"]["virtual_hosts"][0];
    names["routes"][0] = route.clone();
    names["domains"] = json!([domain]);
    let key = setup::key(1);
    let (variable, folder) = Host::Module.environment().expect("where the module is");
    let folder = folder.to_str().expect("UTF-8");
    let environment = [("MCP_MUX_SESSION_KEYS", key.as_str()), (variable, folder)];
    Envoy::start_file_with(&config.to_string(), &environment).await
}

/// Has a client call a tool through a filter and a route.
async fn check(filter: Value, route: &Value) {
    let upstream = &filter["typed_config"]["config"]["configuration"]["value"]["upstreams"][0];
    let authority = upstream["authority"].clone();
    let server = Upstream::named("everything").start().await;
    let envoy = start(Host::tested(), filter, route, "*", &server).await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["everything__echo"]);
    assert_eq!(client.call_text("everything__echo").await, "everything:echo");
    let call = server.only("tools/call");
    assert_eq!(call.header("host"), authority.as_str());
    assert_eq!(call.header("x-mcp-cluster"), None);
}

#[tokio::test]
async fn what_istio_is_given() {
    let patches = &example("kind", "EnvoyFilter").await["spec"]["configPatches"];
    let value = |at: usize| patches[at]["patch"]["value"].clone();
    check(value(0), &value(1)).await;
}

#[tokio::test]
async fn what_envoy_gateway_is_given() {
    let patches = &example("kind", "EnvoyPatchPolicy").await["spec"]["jsonPatches"];
    let value = |at: usize| patches[at]["operation"]["value"].clone();
    check(value(0), &value(1)).await;
}

#[tokio::test]
async fn a_session_goes_on_in_the_other_host() {
    let patches = &example("kind", "EnvoyFilter").await["spec"]["configPatches"];
    let value = |at: usize| patches[at]["patch"]["value"].clone();
    let server = Upstream::named("everything").start().await;
    let route = value(1);
    let start = |host| start(host, value(0), &route, "*", &server);
    let (wasm, module) = tokio::join!(start(Host::Wasm), start(Host::Module));
    for (one, other) in [(&wasm, &module), (&module, &wasm)] {
        let client = Client::open(one).await;
        assert_eq!(client.at(other).call_text("everything__echo").await, "everything:echo");
    }
    assert_eq!(server.seen_of("initialize").len(), 2);
}

#[tokio::test]
async fn a_virtual_host_of_the_clients_name_alone_lists_tools_that_cannot_be_called() {
    let patches = &example("kind", "EnvoyFilter").await["spec"]["configPatches"];
    let value = |at: usize| patches[at]["patch"]["value"].clone();
    let server = Upstream::named("everything").start().await;
    let envoy = start(Host::tested(), value(0), &value(1), "127.0.0.*", &server).await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["everything__echo"]);
    let call = client.request("tools/call", json!({"name": "everything__echo"})).await;
    let error = call.error(200, -32603).to_string();
    assert!(error.contains("Envoy has no route to it"), "{error}");
    assert!(server.seen_of("tools/call").is_empty());
}
