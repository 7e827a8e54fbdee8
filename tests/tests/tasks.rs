//! Tasks (2025-11-25): each keeps its owner's mark, wherever it is named.

use mcp_mux_tests::exchange::Exchange;
use mcp_mux_tests::mcp::texts;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Gate, Seen, Setup, Step, Upstream, marks, script, sse};
use serde_json::{Value, json};

fn all() -> Value {
    let call = json!({"tools": {"call": {}}});
    json!({"tools": {}, "tasks": {"list": {}, "cancel": {}, "requests": call}})
}

fn pages(seen: &Seen) -> Answer {
    match seen.params()["cursor"].as_str() {
        None => {
            let page =
                r#"{"tasks":[{"ttl":1e3, "taskId":"t\u00e9"},{"taskId":7}],"nextCursor":"2"}"#;
            Answer::result(seen, page)
        }
        _ => Answer::sse_result(seen, r#"{"tasks":[{"taskId":"last","status":"working"}]}"#),
    }
}

#[tokio::test]
async fn a_task_is_known_by_its_owner_from_its_creation_to_its_result() {
    let tool = r#"{"name":"t","execution":{"taskSupport":"optional"}}"#;
    let a = Upstream::named("a").with(can(all())).pages(&[&[tool]]).on("tasks/list", pages);
    let b = Upstream::named("b").with(can(json!({"tools": {}, "tasks": {"list": {}}})));
    let b = b.on("tasks/list", |seen| Answer::result(seen, r#"{"tasks":[{"taskId":"té"}]}"#));
    let required = r#"{"execution": {"taskSupport" : "required","x":1}, "name":"t"}"#;
    let c = Upstream::named("c").pages(&[&[required]]);
    let (a, b, c) = (a.start().await, b.start().await, c.start().await);
    let setup = Setup::new().upstream(&a).upstream(&b).upstream(&c);
    let envoy = setup.set("catalog", json!({"page": {"items": 1}})).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.initialized["capabilities"], all());

    // A tool of an upstream without tasks says so itself, since the gateway says that it has them.
    let reply = client.list().await;
    for item in [
        r#"{"name":"a__t","execution":{"taskSupport":"optional"},"#,
        r#"{"execution": {"taskSupport" : "forbidden","x":1}, "name":"c__t","#,
    ] {
        assert!(reply.text().contains(item), "{reply:?}");
    }

    let created = Exchange {
        method: "tools/call",
        sent: r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__t","task":{"ttl":6e4},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a:t0"}}}}"#,
        seen: r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{"ttl":6e4},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t0"}}}}"#,
        answer: r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"status":"working","taskId":"t\u00e9:1","ttl":6e4},"taskId":"x"}}"#,
        got: r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"status":"working","taskId":"a:t\u00e9:1","ttl":6e4},"taskId":"x"}}"#,
    };
    created.check(&client, &a).await;
    for method in ["tasks/get", "tasks/cancel"] {
        let named = |id: &str| {
            let params = format!(r#"{{"taskId":"{id}", "x":"a:1"}}"#);
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
        };
        Exchange {
            method,
            sent: &named(r"a:t\u00e9:1"),
            seen: &named("té:1"),
            answer: r#"{"jsonrpc":"2.0","id":1,"result":{"status":"cancelled", "taskId":"té:1","statusMessage":"té:1"}}"#,
            got: r#"{"jsonrpc":"2.0","id":1,"result":{"status":"cancelled", "taskId":"a:té:1","statusMessage":"té:1"}}"#,
        }
        .check(&client, &a)
        .await;
    }
    let result = Exchange {
        method: "tasks/result",
        sent: r#"{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{"taskId":"a:1"}}"#,
        seen: r#"{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{"taskId":"1"}}"#,
        answer: r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"resource_link","uri":"x:/1"}],"structuredContent":{"taskId":"1","uri":"x:/1"},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}}"#,
        got: r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"resource_link","uri":"a+x:/1"}],"structuredContent":{"taskId":"1","uri":"x:/1"},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a:1"}}}}"#,
    };
    result.check(&client, &a).await;

    let reply = client.request("tasks/list", Value::Null).await;
    let items = r#"[{"ttl":1e3, "taskId":"a:t\u00e9"},{"taskId":"b:té"}]"#;
    assert!(reply.text().contains(items), "{reply:?}");
    let next = json!({"cursor": reply.result()["nextCursor"]});
    let last = client.request("tasks/list", next).await.result();
    assert_eq!(texts(&last, "tasks", "taskId"), ["a:last"]);

    a.forget();
    for (method, id, code) in [
        ("tasks/get", "1", -32602),
        ("tasks/get", "d:1", -32602),
        ("tasks/result", "", -32602),
        ("tasks/get", "c:1", -32601),
        ("tasks/cancel", "b:1", -32601),
    ] {
        client.request(method, json!({"taskId": id})).await.error(200, code);
    }
    client.request("tasks/get", json!({})).await.error(200, -32602);
    assert!(a.seen().is_empty() && c.seen_of("tasks/get").is_empty());
}

#[tokio::test]
async fn a_task_is_marked_in_what_its_owner_says_of_it_and_unmarked_in_the_answers() {
    const STATUS: &str = r#"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"status":"input_required","taskId":"OWN1"}}"#;
    const ASK: &str = r#"{"jsonrpc":"2.0","id":ID,"method":"elicitation/create","params":{"message":"?","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"OWN1"}}}}"#;
    const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1,"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"OWN1"}}}}"#;
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |seen: &Seen| {
        let own = [STATUS, ASK, PROGRESS].map(|it| it.replace("OWN", "").replace("ID", "1"));
        let stream = Step::send(own.map(|message| sse::message(&message)).concat());
        let end = Step::send(sse::message(&script::response(seen, "{}")));
        Answer::sse_steps(vec![stream, Step::Until(held.clone()), end])
    };
    let a = Upstream::named("a").with(can(all())).on("tasks/result", script).start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let params = r#"{"taskId":"a:1"}"#;
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{params}}}"#);
    let mut open = client.post(body).open().await;
    open.until("progressToken").await;
    open.until("}}}}\n\n").await;
    let own = |it: &str| it.replace("OWN", "a:").replace("ID", r#""a:CODE:1""#);
    let shown = [STATUS, ASK, PROGRESS].map(|it| sse::message(&own(it)));
    assert_eq!(marks::hide_codes("a", open.text()), shown.concat());
    let asked: Value = serde_json::from_str(&open.events()[1].data).expect("JSON");
    let id = asked["id"].to_string();
    let answer = |id: &str, task: &str, other: &str| {
        let task = format!(r#"{{"taskId":"{task}"}}"#);
        let meta = format!(r#"{{"io.modelcontextprotocol/related-task":{task}}}"#);
        let content = format!(r#"{{"taskId":"{other}"}}"#);
        let result = format!(r#"{{"action":"accept","content":{content},"_meta":{meta}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
    };
    assert_eq!(client.post(answer(&id, "a:1", "a:1")).send().await.status, 202);
    assert_eq!(a.only("POST").text(), answer("1", "1", "a:1"));
    assert!(b.seen_of("POST").is_empty());
    gate.open();
    assert!(open.rest().await.complete);
}
