//! Real servers of the HTTP+SSE transport, of all SDKs, behind one gateway. In the native host alone.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::{names, texts};
use mcp_mux_tests::process::{ClosedPort, Service};
use mcp_mux_tests::real::{Sdk, everything_sse};
use mcp_mux_tests::{Client, Envoy, Setup};
use serde_json::{Value, json};

/// The servers: of the TypeScript SDK, the same over stdio behind a bridge, and of both SDKs of Python.
const NAMES: [&str; 4] = ["typescript", "supergateway", "mcp", "fastmcp"];

/// A gateway to servers of these names at these ports.
async fn before(ports: &[ClosedPort; 4]) -> Envoy {
    let mut setup = Setup::new().concurrency(2);
    for (name, port) in NAMES.iter().zip(ports) {
        // Servers of the SDKs serve a host of their own machine alone.
        let fields = json!({"transport": "sse", "authority": port.address.to_string()});
        setup = setup.upstream_at(name, port.address, &fields);
    }
    setup.closes_idle().set("listen", json!("typescript")).start().await
}

async fn servers(ports: &[ClosedPort; 4]) -> Vec<Service> {
    let start = |at: usize| everything_sse(NAMES[at], ports[at].address.port());
    let (a, b, c, d) = tokio::join!(start(0), start(1), start(2), start(3));
    vec![a, b, c, d]
}

async fn text_of(client: &Client<'_>, tool: String, arguments: Value) -> String {
    let result = client.request("tools/call", json!({"name": tool, "arguments": arguments})).await;
    let result = result.result();
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}

/// Takes every step at a server.
async fn steps(client: &Client<'_>, name: &str) {
    let said = text_of(client, format!("{name}__echo"), json!({"message": "héllo"})).await;
    assert_eq!(said, "Echo: héllo", "{name}");

    let arguments = json!({"duration": 0.4, "steps": 4});
    let tool = format!("{name}__trigger-long-running-operation");
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
    let call = json!({"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": params});
    let reply = client.post(call.to_string()).send().await;
    let messages = reply.events().into_iter();
    let messages: Vec<Value> =
        messages.map(|event| serde_json::from_str(&event.data).expect("JSON")).collect();
    let progress = messages.iter().filter(|it| it["method"] == "notifications/progress");
    let progress: Vec<_> = progress
        .map(|it| (it["params"]["progressToken"].as_str(), it["params"]["progress"].as_f64()))
        .collect();
    let made = [1.0, 2.0, 3.0, 4.0].map(|step| (Some("p"), Some(step)));
    assert_eq!(progress, made, "{name}: {messages:#?}");
    let last = messages.last().expect("a response");
    assert_eq!(
        (&last["id"], last["result"]["isError"].as_bool().unwrap_or(false)),
        (&json!("w"), false)
    );

    let params = json!({"name": format!("{name}__args-prompt"), "arguments": {"city": "Bonn", "state": "x"}});
    let prompt = client.request("prompts/get", params).await.result();
    assert_eq!(prompt["messages"][0]["content"]["text"], "What's weather in Bonn, x?", "{name}");

    let uri = format!("{name}+demo://resource/dynamic/text/1");
    let read = client.request("resources/read", json!({"uri": uri})).await.result();
    let text = read["contents"][0]["text"].as_str().expect("text");
    assert!(text.starts_with("Resource 1"), "{name}: {read}");
    assert_eq!(read["contents"][0]["uri"], uri, "{name}");
}

#[tokio::test]
async fn real_servers_of_all_sdks_are_served() {
    if Host::tested() != Host::Module {
        return;
    }
    let ports = NAMES.map(|_| ClosedPort::reserve());
    let running = servers(&ports).await;
    let envoy = before(&ports).await;
    let client = Client::open(&envoy).await;
    for name in NAMES {
        steps(&client, name).await;
    }
    let [one, two, three] = Sdk::ALL.map(|sdk| sdk.lists(envoy.address));
    let (one, two, three) = tokio::join!(one, two, three);
    for seen in [one, two, three] {
        for name in NAMES {
            let has = |kind: &str, item: String| {
                assert!(
                    seen[kind].as_array().expect("a list").contains(&json!(item)),
                    "{item}: {seen}"
                );
            };
            has("tools", format!("{name}__echo"));
            has("prompts", format!("{name}__simple-prompt"));
            has("resources", format!("{name}+demo://resource/static/document/features.md"));
        }
    }
    // The client stays as it is.
    for server in running {
        server.kill().await;
    }
    let _running = servers(&ports).await;
    for name in NAMES {
        steps(&client, name).await;
    }
    let listed = names(&client.list().await.result());
    assert!(NAMES.iter().all(|name| listed.contains(&format!("{name}__echo"))), "{listed:?}");
    assert_eq!(client.http("DELETE").send().await.status, 204);
    for name in ["typescript", "mcp"] {
        envoy.gauge_falls_to(&format!("cluster.{name}.upstream_rq_active"), 0).await;
    }
}

#[tokio::test]
async fn a_real_server_asks_and_is_answered() {
    if Host::tested() != Host::Module {
        return;
    }
    let port = ClosedPort::reserve();
    let _server = everything_sse("typescript", port.address.port()).await;
    let envoy = Setup::new()
        .concurrency(2)
        .upstream_at("everything", port.address, &json!({"transport": "sse", "prefix": ""}))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    let asked = async |tool: &str, arguments: Value, answer: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let mut open = client.post(call.to_string()).open().await;
        open.until("\n\n").await;
        let question: Value = serde_json::from_str(&open.events()[0].data).expect("JSON");
        let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": answer});
        assert_eq!(client.post(answer.to_string()).send().await.status, 202);
        open.rest().await.result().to_string()
    };
    let said = asked("trigger-elicitation-request", json!({}), json!({"action": "decline"})).await;
    assert!(said.contains("declined"), "{said}");
    let answer = json!({"model": "m", "role": "assistant", "content": {"type": "text", "text": "forty-two"}});
    let said = asked("trigger-sampling-request", json!({"prompt": "x"}), answer).await;
    assert!(said.contains("forty-two"), "{said}");

    // Its updates of resources come on the GET.
    let mut get = client.http("GET").open().await;
    let resources = client.request("resources/list", Value::Null).await.result();
    let uri = texts(&resources, "resources", "uri").remove(0);
    let subscribed = client.request("resources/subscribe", json!({"uri": uri})).await;
    subscribed.result();
    client.call("toggle-subscriber-updates").await.result();
    get.until("notifications/resources/updated").await;
}
