//! What a call says and asks on its way, and how it ends.

use std::sync::{Arc, Mutex};

use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::script::response;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Client, Open, Reply};
use serde_json::{Value, json};

use super::{before, is_served, world};

/// Opens a call of the tool `echo`.
async fn called(client: &Client<'_>, id: &Value) -> Open {
    let params = json!({"name": "old__echo", "_meta": {"progressToken": "t"}});
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    client.post(call.to_string()).open().await
}

/// The messages of an event stream.
fn messages(reply: &Reply) -> Vec<Value> {
    let events = reply.events().into_iter();
    events.map(|event| serde_json::from_str(&event.data).expect("JSON")).collect()
}

#[tokio::test]
async fn a_call_streams_what_the_server_says_of_it() {
    let Some((server, envoy)) = world().await else { return };
    server.on("tools/call", |seen| {
        let token = &seen.params()["_meta"]["progressToken"];
        assert_eq!(token.to_string(), seen.id());
        let progress = |n| {
            let params = json!({"progressToken": token, "progress": n});
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
                .to_string()
        };
        let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":1}}"#;
        vec![progress(1), log.to_owned(), progress(2), response(seen, r#"{"content":[]}"#)]
    });
    let client = Client::open(&envoy).await;
    for id in [json!("a/b"), json!(7)] {
        let reply = called(&client, &id).await.rest().await;
        assert!(reply.complete && reply.status == 200, "{reply:?}");
        let said = messages(&reply);
        let progress =
            |at: usize| (&said[at]["params"]["progressToken"], &said[at]["params"]["progress"]);
        assert_eq!(progress(0), (&json!("t"), &json!(1)));
        assert_eq!(said[1]["params"]["data"], 1);
        assert_eq!(progress(2), (&json!("t"), &json!(2)));
        assert_eq!((&said[3]["id"], said.len()), (&id, 4));
    }
}

#[tokio::test]
async fn a_server_asks_the_client_during_a_call() {
    for ask in ["elicitation/create", "sampling/createMessage", "roots/list", "ping"] {
        let Some((server, envoy)) = world().await else { return };
        let id = Arc::new(Mutex::new(String::new()));
        let call = id.clone();
        server.on("tools/call", move |seen| {
            seen.id().clone_into(&mut call.lock().expect("the id"));
            vec![json!({"jsonrpc": "2.0", "id": "q", "method": ask}).to_string()]
        });
        // A response has no method.
        server.on("", move |seen| {
            let answer: Value = serde_json::from_slice(&seen.body).expect("JSON");
            assert_eq!((&answer["id"], &answer["result"]), (&json!("q"), &json!({"x": 1})));
            let id = id.lock().expect("the id").clone();
            vec![format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[]}}}}"#)]
        });
        let client = Client::open(&envoy).await;
        let mut open = called(&client, &json!("c")).await;
        open.until(ask).await;
        open.until("\n\n").await;
        let asked: Value = serde_json::from_str(&open.events()[0].data).expect("JSON");
        let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"x": 1}});
        assert_eq!(client.post(answer.to_string()).send().await.status, 202, "{ask}");
        let reply = open.rest().await;
        assert_eq!(messages(&reply).last().expect("a response")["id"], "c", "{ask}");
    }
}

#[tokio::test]
async fn a_get_has_what_belongs_to_no_call() {
    let Some((server, envoy)) = world().await else { return };
    server.change(can(json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}})));
    let client = Client::open(&envoy).await;
    // Kept until somebody reads it.
    server.say(0, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    let mut get = client.http("GET").open().await;
    assert_eq!(get.status, 200);
    get.until("list_changed").await;
    let updated =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:/1"}}"#;
    server.say(0, updated);
    get.until("old+x:/1").await;
    server.say(0, r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#);
    get.until(r#""method":"ping""#).await;
    drop(get);
    // Somebody is there all the same.
    let answered = async || {
        server.say(0, r#"{"jsonrpc":"2.0","id":6,"method":"ping"}"#);
        server.seen_of("POST").iter().any(|seen| seen.text().contains(r#""id":6,"result":{}"#))
    };
    mcp_mux_tests::within("an answer to a ping", async {
        while !answered().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let Some((server, envoy)) = world().await else { return };
    server.on("tools/call", |_| {
        vec![r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#.to_owned()]
    });
    let client = Client::open(&envoy).await;
    let mut open = called(&client, &json!(1)).await;
    open.until("notifications/message").await;
    drop(open);
    server.wait_for("notifications/cancelled", 1).await;
    let cancelled = server.seen_of("notifications/cancelled");
    assert_eq!(
        cancelled[0].params()["requestId"].to_string(),
        server.seen_of("tools/call")[0].id()
    );
    assert_eq!(client.tool_names().await, ["old__echo"]);
    server.open(1).await;
    assert_eq!(server.seen_of("initialize").len(), 1);
}

#[tokio::test]
async fn a_client_cancels_its_call() {
    let Some((server, envoy)) = world().await else { return };
    server.on("tools/call", |_| Vec::new());
    let client = Client::open(&envoy).await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "c"}});
    let id = json!("c");
    let (open, ()) = tokio::join!(called(&client, &id), async {
        server.wait_for("tools/call", 1).await;
        assert_eq!(client.post(cancel.to_string()).send().await.status, 202);
    });
    open.rest().await;
    let cancelled = server.seen_of("notifications/cancelled");
    assert_eq!(
        cancelled[0].params()["requestId"].to_string(),
        server.seen_of("tools/call")[0].id()
    );
}

#[tokio::test]
async fn large_requests_and_answers_pass() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    server.on("tools/call", |seen| vec![response(seen, &seen.params().to_string())]);
    let envoy = before(&server).buffer(64 << 10).start().await;
    let client = Client::open(&envoy).await;
    let long = "ü".repeat(1_000_000);
    let params = json!({"name": "old__echo", "arguments": {"x": long}});
    for chunk in [None, Some(10_000)] {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = client.post(call.to_string());
        let request = match chunk {
            None => request,
            Some(size) => request.chunked(size),
        };
        let result = request.send().await.result();
        assert_eq!(result["arguments"]["x"].as_str().map(str::len), Some(2_000_000));
        assert_eq!(result["name"], "echo");
    }
    let call = |size: usize| {
        let params = json!({"name": "old__echo", "arguments": {"x": "x".repeat(size)}});
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
    };
    assert_eq!(client.post(call(5 << 20)).send().await.status, 413);
    assert_eq!(client.call("old__echo").await.status, 200);
}
