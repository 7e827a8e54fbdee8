//! Upstreams of the HTTP+SSE transport (2024-11-05): clients do not notice. In the native host alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::mcp::{initialize, unavailable};
use mcp_mux_tests::script::response;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Client, Open, Reply, Request, Seen, Setup, Upstream};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Whether the host that is tested speaks to such servers.
fn is_served() -> bool {
    Host::tested() == Host::Module
}

/// A gateway to this server.
fn before(server: &SseServer) -> Setup {
    Setup::new().upstream_at(&server.name, server.address, &json!({"transport": "sse"}))
}

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
async fn the_other_host_says_what_it_needs() {
    if is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let log = before(&server).refused().await;
    assert!(
        log.contains(r#"found "sse", which needs the native host, see docs/hosts.md"#),
        "{log}"
    );
}

#[tokio::test]
async fn lists_and_calls_are_as_of_any_server() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let fields = json!({"transport": "sse", "headers": {"set": {"x-key": "k"}}});
    let envoy = Setup::new().upstream_at("old", server.address, &fields).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["old__echo"]);
    for _ in 0..3 {
        assert_eq!(client.call_text("old__echo").await, "old:echo");
    }
    server.open(1).await;
    let [get] = &server.seen_of("GET")[..] else { panic!("one GET") };
    assert_eq!((get.target.as_str(), get.header("accept")), ("/sse", Some("text/event-stream")));
    assert_eq!(get.header("x-key"), Some("k"));
    let calls = server.seen_of("tools/call");
    assert_eq!(calls.len(), 3);
    for call in &calls {
        assert_eq!(call.target, "/messages?session=0");
        assert_eq!(call.header("content-type"), Some("application/json"));
        assert_eq!(call.header("x-key"), Some("k"));
        for name in ["mcp-session-id", "x-mcp-cluster", "mcp-protocol-version"] {
            assert_eq!(call.header(name), None, "{name}");
        }
    }
    assert_eq!(client.http("DELETE").send().await.status, 204);
    server.open(0).await;
}

#[tokio::test]
async fn two_clients_have_sessions_of_their_own_on_any_worker() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let envoy = before(&server).concurrency(2).start().await;
    let clients = [Client::open(&envoy).await, Client::open(&envoy).await];
    server.open(2).await;
    let check = async || {
        let [one, two] = &clients;
        let (one, two) = tokio::join!(one.call_text("old__echo"), two.call_text("old__echo"));
        assert_eq!([one, two], ["old:echo"; 2]);
    };
    Box::pin(envoy.on_all_workers(check)).await;
    assert_eq!(server.seen_of("GET").len(), 2);
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in server.seen_of("tools/call") {
        *calls.entry(call.target).or_default() += 1;
    }
    let counts: Vec<usize> = calls.into_values().collect();
    assert!(counts.len() == 2 && counts[0] > 2 && counts[0] == counts[1], "{counts:?}");
    // What one client ends is not the other's.
    assert_eq!(clients[0].http("DELETE").send().await.status, 204);
    server.open(1).await;
    assert_eq!(clients[1].call_text("old__echo").await, "old:echo");
}

#[tokio::test]
async fn a_call_streams_what_the_server_says_of_it() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
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
    let envoy = before(&server).start().await;
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
    if !is_served() {
        return;
    }
    for ask in ["elicitation/create", "sampling/createMessage", "roots/list", "ping"] {
        let server = SseServer::named("old").await;
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
        let envoy = before(&server).concurrency(2).start().await;
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
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    server.change(can(json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}})));
    let envoy = before(&server).start().await;
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
async fn a_server_that_starts_again_gets_a_new_session() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let envoy = before(&server).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    for _ in 0..4 {
        server.restart();
        assert_eq!(client.call_text("old__echo").await, "old:echo");
        server.restart();
        assert_eq!(client.tool_names().await, ["old__echo"]);
    }
    server.open(1).await;
    assert_eq!(server.seen_of("initialize").len(), 9);
}

#[tokio::test]
async fn a_call_that_a_server_takes_to_its_grave_ends_with_an_error() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    server.on("tools/call", |_| Vec::new());
    let envoy = before(&server).start().await;
    let client = Client::open(&envoy).await;
    let called = async { client.call("old__echo").await };
    let (reply, ()) = tokio::join!(called, async {
        server.wait_for("tools/call", 1).await;
        server.restart();
    });
    let message = reply.message();
    assert!(message["error"]["message"].is_string(), "{reply:?}");
    assert_eq!(server.seen_of("tools/call").len(), 1);
    assert_eq!(client.tool_names().await, ["old__echo"]);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    server.on("tools/call", |_| {
        vec![r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#.to_owned()]
    });
    let envoy = before(&server).start().await;
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
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    server.on("tools/call", |_| Vec::new());
    let envoy = before(&server).start().await;
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
async fn an_endpoint_of_another_origin_is_refused() {
    if !is_served() {
        return;
    }
    let (a, other) = (Upstream::named("a").start().await, Upstream::named("other").start().await);
    let server = SseServer::named("old").await;
    server.endpoint(&format!("http://{}/messages?session={{}}", other.address));
    let envoy = before(&server).upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.list().await.result());
    let [(name, reason)] = &missing[..] else { panic!("{missing:?}") };
    assert_eq!(name, "old");
    assert!(reason.contains("502"), "{reason}");
    let line = |line: &str| line.contains("upstream old: has its endpoint at another origin");
    envoy.log_line("the other origin", line).await;
    assert!(other.seen().is_empty());
    // Its own origin may be named, by the authority that the configuration has for it.
    server.endpoint("http://old/messages?session={}");
    assert_eq!(client.tool_names().await, ["old__echo", "a__echo"]);
}

#[tokio::test]
async fn what_is_no_such_server_is_said() {
    if !is_served() {
        return;
    }
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let silent = SseServer::named("silent").await;
    silent.on("initialize", |_| Vec::new());
    let envoy = Setup::new()
        .upstream(&a)
        .upstream_with(&b, &json!({"transport": "sse"}))
        .upstream_at("silent", silent.address, &json!({"transport": "sse", "timeout": "300ms"}))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    let missing = unavailable(&client.list().await.result());
    let [(b, refused), (silent_name, late)] = &missing[..] else { panic!("{missing:?}") };
    assert_eq!((b.as_str(), silent_name.as_str()), ("b", "silent"));
    assert!(refused.contains("405"), "{refused}");
    assert!(!late.is_empty());
    // Nothing is left of what did not open.
    silent.open(0).await;
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

#[tokio::test]
async fn clients_without_sessions_are_served() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let slow: fn(&Seen) -> Vec<String> = |seen| {
        let text = json!({"content": [{"type": "text", "text": seen.params()["arguments"]["x"]}]});
        vec![response(seen, &text.to_string())]
    };
    server.on("tools/call", slow);
    let envoy = before(&server).start().await;
    let call = async |x: u64| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": "old__echo", "arguments": {"x": x}, "_meta": meta});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = Request::post(&envoy, call.to_string()).header("mcp-method", "tools/call");
        let request = request.header("mcp-name", "old__echo");
        request.header("mcp-protocol-version", "2026-07-28").send().await.result()
    };
    call(0).await;
    let (one, two, three) = tokio::join!(call(1), call(2), call(3));
    for (at, result) in [one, two, three].iter().enumerate() {
        assert_eq!(result["content"][0]["text"], at + 1, "{result}");
    }
}

#[tokio::test]
async fn a_client_is_told_a_revision_that_it_knows() {
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    let envoy = before(&server).start().await;
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let reply = Request::post(&envoy, initialize(revision)).send().await;
        assert_eq!(reply.result()["protocolVersion"], revision);
    }
}

#[tokio::test]
async fn many_clients_at_once_get_what_is_theirs() {
    const CLIENTS: u64 = 12;
    const CALLS: u64 = 20;
    if !is_served() {
        return;
    }
    let server = SseServer::named("old").await;
    server.on("tools/call", |seen| vec![response(seen, &seen.params().to_string())]);
    let envoy = before(&server).concurrency(2).start().await;
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        sessions.push(Client::open(&envoy).await);
    }
    server.open(12).await;
    let mut calls = JoinSet::new();
    for (who, client) in (0..CLIENTS).zip(&sessions) {
        for at in 0..CALLS {
            // All clients use the same ids.
            let params = json!({"name": "old__echo", "arguments": {"x": [who, at]}});
            let call =
                json!({"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": params});
            let call = client.post(call.to_string());
            calls.spawn(async move { (who, at, call.send().await) });
        }
    }
    while let Some(done) = calls.join_next().await {
        let (who, at, reply) = done.expect("an answer");
        assert_eq!(reply.message()["id"], at, "{reply:?}");
        assert_eq!(reply.result()["arguments"]["x"], json!([who, at]));
    }
    for client in &sessions {
        assert_eq!(client.http("DELETE").send().await.status, 204);
    }
    server.open(0).await;
    assert_eq!(envoy.breakdowns().await, 0);
}
