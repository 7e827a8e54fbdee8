//! What the client tells upstreams without asking any one of them: notifications and the log level.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::process::ClosedPort;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Gate, Seen, Setup, Step, Upstream};
use serde_json::{Value, json};

#[tokio::test]
async fn a_broadcast_reaches_those_that_take_part_and_a_refusal_is_not_the_clients_business() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let refuses = ClosedPort::reserve();
    let setup = Setup::new().upstream(&a).upstream(&b);
    let envoy = setup.upstream_at("down", refuses.address, &json!({})).start().await;
    let client = Client::open(&envoy).await;
    for (method, params) in [
        ("notifications/cancelled", r#","params":{"reason":"\u00fc", "requestId":1.0e1}"#),
        ("notifications/roots/list_changed", ""),
    ] {
        for answer in [Answer::accepted(), Answer::whole(500, "text/plain", "no"), Answer::Reset] {
            a.forget();
            b.forget();
            b.answer(method, move |_| answer.clone());
            let body = format!(r#"{{"jsonrpc":"2.0", "method":"{method}"{params}}}"#);
            let reply = client.post(body.clone()).send().await;
            assert_eq!((reply.status, reply.text()), (202, ""), "{body}");
            for upstream in [&a, &b] {
                assert_eq!(upstream.only(method).text(), body);
            }
        }
    }
    let warns = |line: &str| line.contains("[warning]") && line.contains("roots_list_changed");
    assert!(envoy.log_line("what b refused", warns).await.contains("Upstream b"));
    assert_eq!(envoy.counter("requests.cancelled.ok").await, 3);
}

/// Who is told of a cancellation: each upstream, and the id of the request.
fn told(upstreams: [&Upstream; 3]) -> Vec<(String, Value)> {
    let told = |upstream: &Upstream| {
        let seen = upstream.seen_of("notifications/cancelled").into_iter();
        let name = upstream.name.clone();
        upstream.forget();
        seen.map(move |it| (name.clone(), it.params()["requestId"].clone())).collect::<Vec<_>>()
    };
    upstreams.into_iter().flat_map(told).collect()
}

/// Where all workers have one memory it is known who works on what; elsewhere a worker knows its own requests alone,
/// and those that do not work on it ignore what they are told (2025-11-25, Cancellation, "Behavior Requirements").
#[tokio::test]
async fn a_cancellation_reaches_the_server_that_works_on_the_request_and_others_only_where_nobody_knows()
 {
    let working = |seen: &Seen| {
        let params =
            json!({"progressToken": seen.params()["_meta"]["progressToken"], "progress": 1});
        let message =
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
        let begun = mcp_mux_tests::sse::message(&message.to_string());
        Answer::sse_steps(vec![Step::send(begun), Step::Until(Gate::closed())])
    };
    let start = async |name| Upstream::named(name).on("tools/call", working).start().await;
    let (a, b, c) = (start("a").await, start("b").await, start("c").await);
    let setup = Setup::new().upstream(&a).upstream(&b).upstream(&c);
    let envoy = setup.concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let cancel = async |id: &Value| {
        let params = json!({"requestId": id});
        let message =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        assert_eq!(client.post(message.to_string()).send().await.status, 202);
        told([&a, &b, &c])
    };
    let everybody = |id: &Value| ["a", "b", "c"].map(|name| (name.to_owned(), id.clone()));
    let has_one_memory = Host::tested() == Host::Module;
    for (at, name) in ["b", "c", "b", "a"].into_iter().enumerate() {
        let id = json!(format!("call {at}"));
        let params = json!({"name": format!("{name}__echo"), "_meta": {"progressToken": 1}});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        let mut open = client.post(call.to_string()).open().await;
        open.until("notifications/progress").await;
        told([&a, &b, &c]);
        // Connections are spread over the workers.
        for _ in 0..6 {
            let told = cancel(&id).await;
            let is_exact = told == [(name.to_owned(), id.clone())];
            assert!(is_exact || !has_one_memory && told == everybody(&id), "{told:?}");
        }
        // Of what nobody works on, nobody is told, if that is known.
        let nobody = json!("nobody's");
        let expected = if has_one_memory { Vec::new() } else { everybody(&nobody).to_vec() };
        assert_eq!(cancel(&nobody).await, expected);
    }
}

#[tokio::test]
async fn the_log_level_is_set_at_every_upstream_that_logs() {
    let logs = || can(json!({"tools": {}, "logging": {}}));
    let set = |seen: &_| Answer::result(seen, "{}");
    let a = Upstream::named("a").with(logs()).on("logging/setLevel", set).start().await;
    let b = Upstream::named("b").start().await;
    let c = Upstream::named("c").with(logs()).sse_answers();
    let c = c.on("logging/setLevel", |seen| Answer::sse_result(seen, "{}")).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).upstream(&c).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.initialized["capabilities"], json!({"tools": {}, "logging": {}}));
    let method = "logging/setLevel";
    let levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
    for level in levels {
        a.forget();
        c.forget();
        let params = format!(r#"{{"x":1.0, "level":"{level}"}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let reply = client.post(body).send().await;
        assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        for upstream in [&a, &c] {
            assert!(upstream.only(method).text().contains(&params));
        }
    }

    a.forget();
    for params in [
        json!({"level": "loud"}),
        json!({"level": "Info"}),
        json!({"level": 1}),
        json!({}),
        json!([]),
        Value::Null,
    ] {
        client.request(method, params).await.error(200, -32602);
    }
    assert!(a.seen().is_empty() && b.seen_of(method).is_empty(), "{:?}", a.seen());

    let refusal = r#"{"code":-32000,"message":"not today"}"#;
    c.answer(method, move |seen| Answer::error(seen, refusal));
    let level = json!({"level": "info"});
    assert_eq!(client.request(method, level.clone()).await.result(), json!({}));
    let warns = |line: &str| line.contains("set_level") && line.contains("not today");
    assert!(envoy.log_line("what c refused", warns).await.contains("Upstream c"));
    a.answer(method, |_| Answer::whole(503, "text/plain", "later"));
    let error = client.request(method, level).await.error(200, -32603);
    let reasons = &error["data"]["upstreams"];
    assert_eq!((&reasons[0]["upstream"], &reasons[1]["upstream"]), (&json!("a"), &json!("c")));
}
