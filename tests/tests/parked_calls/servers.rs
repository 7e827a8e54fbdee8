//! Servers of another transport, and real ones.

use std::sync::Arc;
use std::time::Duration;

use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::real::node;
use mcp_mux_tests::{Setup, repository, within};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{ASKS, DONE, call, carries};

#[tokio::test]
async fn a_server_of_the_old_transport_asks_in_the_same_way() {
    if !carries() {
        return;
    }
    let a = SseServer::named("a").await;
    let call_id = Arc::new(std::sync::Mutex::new(Value::Null));
    let called = call_id.clone();
    a.on("tools/call", move |seen| {
        *called.lock().expect("the id") = serde_json::from_str(seen.id()).expect("JSON");
        vec![ASKS.to_owned()]
    });
    let settings = json!({"transport": "sse", "path": "/sse", "call_timeout": "3s"});
    let envoy = Setup::new().upstream_at("a", a.address, &settings).concurrency(2).start().await;
    let first = call(&envoy, 1, &json!({})).send().await;
    let question = first.result().clone();
    let [(key, input)] =
        &question["inputRequests"].as_object().expect("one").iter().collect::<Vec<_>>()[..]
    else {
        panic!("one question: {question}")
    };
    assert_eq!(input["method"], "elicitation/create");
    let given = json!({"action": "accept", "content": {"name": "Ann"}});
    let back = json!({"inputResponses": {(*key).clone(): given}, "requestState": question["requestState"]});
    let request = call(&envoy, 2, &back);
    let reply = tokio::spawn(request.send());
    within("the answer at the upstream", async {
        while !a.seen_of("POST").iter().any(|it| it.rpc_method().is_none()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let id = call_id.lock().expect("the id").clone();
    a.say_to_all(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{DONE}}}"#));
    let reply = reply.await.expect("an answer");
    assert_eq!(reply.result()["content"][0]["text"], "done");
}

#[tokio::test]
async fn real_clients_without_sessions_are_asked_by_a_real_server_with() {
    if !carries() {
        return;
    }
    let port = free_port().await;
    let mut server = Command::new("node");
    server.arg(repository("tests/servers/asking_in_session.mjs")).arg(node()).arg(port.to_string());
    let server = Service::start(&mut server, port).await;
    let offer = json!({"offer": ["elicitation", "roots", "sampling"]});
    let envoy = Setup::new().upstream_at("a", server.address, &offer).concurrency(2).start().await;
    let endpoint = format!("http://{}/mcp", envoy.address);
    for (sdk, mode) in [("v2", "2026-07-28"), ("v2", "legacy"), ("v1", "legacy")] {
        let mut client = Command::new("node");
        client.arg(repository("tests/clients/greet.mjs")).arg(node());
        let printed = output(client.args([sdk, &endpoint, "a__greet", mode])).await;
        let seen: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(seen["said"], "Ann in file:///home: <Greet Ann>", "{sdk} {mode}");
        let asked = ["elicitation/create", "roots/list", "sampling/createMessage"];
        assert_eq!(seen["asked"], json!(asked), "{sdk} {mode}");
    }
}
