//! Requests of upstreams to the client: shown with their owner's mark, answered to their owner alone.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{
    Answer, Client, Gate, Open, Reply, Seen, Setup, Step, Upstream, marks, script, sse,
};
use serde_json::{Value, json};

/// What an upstream asks during a call, and how the client is to see it: `OWN` is a name of the
/// upstream's, which the client sees with its mark.
const ASKED: [(&str, &str); 6] = [
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"includeContext":"thisServer","tools":[{"name":"echo"}],"messages":[{"role":"user","content":{"type":"resource_link","uri":"x:/1"}}],"maxTokens":1e2,"_meta":{"progressToken":5,"uri":"x:"}}}"#,
        r#"{"jsonrpc":"2.0","id":"OWN:CODE:1","method":"sampling/createMessage","params":{"includeContext":"none","tools":[{"name":"echo"}],"messages":[{"role":"user","content":{"type":"resource_link","uri":"OWN+x:/1"}}],"maxTokens":1e2,"_meta":{"progressToken":"OWN:CODE:5","uri":"x:"}}}"#,
    ),
    (
        r#"{"method":"elicitation/create", "params":{"message":"x:/1","requestedSchema":{"type":"object","properties":{"uri":{"type":"string"}}},"_meta":{"progressToken":"5"}},"id":"1","jsonrpc":"2.0"}"#,
        r#"{"method":"elicitation/create", "params":{"message":"x:/1","requestedSchema":{"type":"object","properties":{"uri":{"type":"string"}}},"_meta":{"progressToken":"OWN:CODE:\"5\""}},"id":"OWN:CODE:\"1\"","jsonrpc":"2.0"}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":-9007199254740993,"method":"roots/list"}"#,
        r#"{"jsonrpc":"2.0","id":"OWN:CODE:-9007199254740993","method":"roots/list"}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":"caf\u00e9 \"ü\"","method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":"OWN:CODE:\"caf\\u00e9 \\\"ü\\\"\"","method":"ping"}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"OWN"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"OWN:CODE:1","reason":"OWN"}}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x:/1"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x:/1"}}"#,
    ),
];

/// An upstream whose calls ask the client for all that, and end when the gate opens.
async fn asking(name: &str, gate: &Gate) -> Upstream {
    let gate = gate.clone();
    let script = move |seen: &Seen| {
        let asked = ASKED.map(|(asked, _)| Step::send(sse::message(asked)));
        let end =
            [Step::Until(gate.clone()), Step::send(sse::message(&script::response(seen, "{}")))];
        Answer::sse_steps(asked.into_iter().chain(end).collect())
    };
    Upstream::named(name).on("tools/call", script).start().await
}

/// Opens a call and reads until everything was asked.
async fn asked(client: &Client<'_>, owner: &str) -> Open {
    let params = format!(r#"{{"name":"{owner}__echo"}}"#);
    let call = format!(r#"{{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{params}}}"#);
    let mut open = client.post(call).open().await;
    open.until("notifications/message").await;
    open.until("}}\n\n").await;
    open
}

/// What is at this place in the messages on a stream, as the client has it to repeat.
fn shown(open: &Open, place: &str) -> Vec<Value> {
    let messages = open.events().into_iter();
    let messages = messages.map(|event| serde_json::from_str::<Value>(&event.data).expect("JSON"));
    messages.filter_map(|message| message.pointer(place).cloned()).collect()
}

async fn accepted(client: &Client<'_>, message: Value) {
    let reply: Reply = client.post(message.to_string()).send().await;
    assert_eq!((reply.status, reply.text()), (202, ""), "{message}");
}

#[tokio::test]
async fn equal_ids_of_two_upstreams_come_back_to_whoever_asked() {
    let gate = Gate::closed();
    let (a, b) = (asking("a", &gate).await, asking("b", &gate).await);
    let envoy = Setup::new().upstream(&a).upstream(&b).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let (call_a, call_b) = tokio::join!(asked(&client, "a"), asked(&client, "b"));
    for (owner, open) in [("a", &call_a), ("b", &call_b)] {
        let events = open.events().into_iter();
        let shown: Vec<String> =
            events.map(|event| marks::hide_codes(owner, &event.data)).collect();
        let expected = ASKED.map(|(_, shown)| shown.replace("OWN:", &format!("{owner}:")));
        assert_eq!(shown, expected.map(|it| it.replace("OWN+", &format!("{owner}+"))));
    }

    // The answers come on connections of their own, to any worker, in any order.
    envoy
        .on_all_workers(async || {
            a.forget();
            b.forget();
            for (of_a, of_b) in shown(&call_a, "/id").into_iter().zip(shown(&call_b, "/id")) {
                accepted(&client, json!({"id": of_b, "jsonrpc": "2.0", "result": {"to": "b"}}))
                    .await;
                let error = json!({"code": -1, "message": "to a"});
                accepted(&client, json!({"error": error, "id": of_a, "jsonrpc": "2.0"})).await;
            }
            let originals = ["1", r#""1""#, "-9007199254740993", r#""caf\u00e9 \"ü\"""#];
            let answers = |answer: fn(&str) -> String| originals.map(answer);
            let texts = |upstream: &Upstream| -> Vec<String> {
                upstream.seen_of("POST").iter().map(|seen| seen.text().to_owned()).collect()
            };
            let of_a = |id: &str| {
                format!(r#"{{"error":{{"code":-1,"message":"to a"}},"id":{id},"jsonrpc":"2.0"}}"#)
            };
            let of_b = |id: &str| format!(r#"{{"id":{id},"jsonrpc":"2.0","result":{{"to":"b"}}}}"#);
            assert_eq!(texts(&a), answers(of_a));
            assert_eq!(texts(&b), answers(of_b));
            for seen in b.seen() {
                assert_eq!(seen.header("mcp-session-id"), Some("b-session-1"));
            }
        })
        .await;

    a.forget();
    b.forget();
    let method = "notifications/progress";
    let progress = |token: Value| json!({"jsonrpc": "2.0", "method": method, "params": {"progressToken": token}});
    let tokens = shown(&call_b, "/params/_meta/progressToken");
    assert_eq!(tokens.len(), 2);
    for (token, marked) in ["5", r#""5""#].into_iter().zip(&tokens) {
        b.forget();
        accepted(&client, progress(marked.clone())).await;
        let params = format!(r#"{{"progressToken":{token}}}"#);
        let sent = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
        assert_eq!(b.only(method).text(), sent);
    }
    b.forget();
    // What is another's, in another's session, or changed, is nobody's.
    let stranger = Client::open(&envoy).await;
    b.forget();
    a.forget();
    accepted(&stranger, progress(tokens[0].clone())).await;
    let id = shown(&call_b, "/id")[0].as_str().expect("text").to_owned();
    accepted(&stranger, json!({"jsonrpc": "2.0", "id": id, "result": {}})).await;
    let changed = [id.replace("b:", "a:"), id.replace("b:", "c:"), format!("{id}0")];
    let nobodys = ["1", "c:1", "A:1", "a:", "a:x", "b:1", "b:CODECODE:1"];
    let nobodys = nobodys.map(str::to_owned).into_iter().chain(changed).map(Value::from);
    for nobodys in nobodys.chain([json!(1)]) {
        accepted(&client, json!({"jsonrpc": "2.0", "id": nobodys, "result": {}})).await;
        accepted(&client, progress(nobodys)).await;
    }
    assert!(a.seen().is_empty() && b.seen().is_empty(), "{:?} {:?}", a.seen(), b.seen());

    gate.open();
    for open in [call_a, call_b] {
        let reply = open.rest().await;
        assert_eq!((reply.complete, reply.message()["id"].as_str()), (true, Some("c")));
    }
}

/// Calls the tool of `a`, which asks with this head of a message; returns the id that the client has
/// to repeat: the last one, as parsers of JSON have it.
async fn asked_of(client: &Client<'_>, a: &Upstream, head: String) -> Value {
    a.answer("tools/call", move |seen| {
        let ask = format!(r#"{{{head},"jsonrpc":"2.0","method":"ping"}}"#);
        let answer = script::response(seen, "{}");
        Answer::sse_steps([ask, answer].map(|it| Step::send(sse::message(&it))).into())
    });
    let call = r#"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"a__echo"}}"#;
    let events = client.post(call).send().await.events();
    serde_json::from_str::<Value>(&events[0].data).expect("JSON")["id"].take()
}

#[tokio::test]
async fn an_id_that_is_made_to_look_like_anothers_is_answered_to_nobody() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let own = asked_of(&client, &a, r#""id":1"#.to_owned()).await;
    let own = own.as_str().expect("text");
    // The best that `a` can know: the code of an id of its own, which it makes the client repeat.
    for forged in ["b:1".to_owned(), own.replace("a:", "b:"), format!("b:{own}")] {
        let forged = json!(forged);
        for head in [
            format!(r#""id":1,"id":{forged}"#),
            format!(r#""id":{forged},"id":{forged}"#),
            format!(r#""id":1,"\u0069d":{forged}"#),
            format!(r#""\u0069d":{forged},"\u0069d":{forged}"#),
        ] {
            let id = asked_of(&client, &a, head.clone()).await;
            a.forget();
            b.forget();
            accepted(&client, json!({"jsonrpc": "2.0", "id": id, "result": {}})).await;
            assert!(a.seen().is_empty() && b.seen().is_empty(), "{head}: {id}");
        }
        // Once only, it is an id as any other.
        let id = asked_of(&client, &a, format!(r#""id":{forged}"#)).await;
        a.forget();
        accepted(&client, json!({"jsonrpc": "2.0", "id": id, "result": {}})).await;
        let answer = format!(r#"{{"id":{forged},"jsonrpc":"2.0","result":{{}}}}"#);
        assert_eq!(a.only("POST").text(), answer);
        assert!(b.seen().is_empty(), "{forged}");
    }
}

#[tokio::test]
async fn upstreams_are_offered_what_the_client_has_and_the_gateway_relays() {
    let (a, b) = (Upstream::named("a"), Upstream::named("b").with(can(json!({}))));
    let (a, b) = (a.start().await, b.start().await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let ui = json!({"mimeTypes": ["text/html;profile=mcp-app"]});
    let declared = json!({
        "roots": {"listChanged": true, "x": 1}, "sampling": {"tools": {}, "context": {}},
        "elicitation": {"form": {}, "url": {}}, "experimental": {"x": {}},
        "tasks": {"requests": {"sampling": {"createMessage": {}}}},
        "extensions": {"io.modelcontextprotocol/ui": ui, "com.example/x": {}},
    });
    let mut relayed = json!({
        "sampling": {"tools": {}, "context": {}},
        "elicitation": {"form": {}, "url": {}},
        "extensions": {"io.modelcontextprotocol/ui": ui},
    });
    // Roots are asked for on the GET stream, which clients of several upstreams have in one host alone.
    if Host::tested().merges() {
        relayed["roots"] = declared["roots"].clone();
    }
    let nothing = json!({});
    for (declared, relayed) in [(&declared, &relayed), (&nothing, &nothing)] {
        a.forget();
        b.forget();
        let hello = mcp_mux_tests::mcp::initialize_with("2025-11-25", declared);
        let reply = mcp_mux_tests::Request::post(&envoy, hello).send().await;
        let client = Client::of(&envoy, &reply);
        for upstream in [&a, &b] {
            assert_eq!(&upstream.only("initialize").params()["capabilities"], relayed);
        }
        // An upstream that has lost its part is offered the same again.
        a.restart(Answer::whole(404, "text/plain", "gone"));
        a.forget();
        assert_eq!(client.call_text("a__echo").await, "a:echo");
        assert_eq!(&a.only("initialize").params()["capabilities"], relayed);
    }
}
