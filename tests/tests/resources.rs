//! Resources and templates: their lists are joined, and their URIs carry their owner's mark.

use mcp_mux_tests::exchange::{Exchange, whole};
use mcp_mux_tests::mcp::texts;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Seen, Setup, Step, Upstream};
use serde_json::{Value, json};

/// Answers with one page, or with the second one.
fn pages(first: &'static str, second: &'static str) -> impl Fn(&Seen) -> Answer + Send + Sync {
    move |seen| match seen.params()["cursor"].as_str() {
        None => Answer::result(seen, first),
        Some("c/1") => Answer::sse_result(seen, second),
        Some(other) => panic!("no cursor of mine: {other}"),
    }
}

#[tokio::test]
async fn the_lists_of_all_upstreams_are_joined_page_by_page_and_only_uris_change() {
    let resources = json!({"resources": {}});
    let a = Upstream::named("a")
        .with(can(resources.clone()))
        .on(
            "resources/list",
            pages(
                r#"{"resources":[{"size":1e3, "uri":"file:///\u0061.txt","name":"A","x":{"uri":"x:"}}],"nextCursor":"c/1"}"#,
                r#"{"resources":[{"uri":"ui://app/x","name":"file:///2"}]}"#,
            ),
        )
        .on(
            "resources/templates/list",
            pages(
                r#"{"resourceTemplates":[{"name":"T","uriTemplate":"db://{table}/{+path}{?q*}"}],"nextCursor":"c/1"}"#,
                r#"{"resourceTemplates":[{"uriTemplate":"{all}","name":"all"}]}"#,
            ),
        );
    let b = Upstream::named("b")
        .with(can(resources))
        .on("resources/list", |seen| {
            Answer::sse_result(seen, r#"{"resources":[{"uri":"file:///a.txt","name":"B"}]}"#)
        })
        .on("resources/templates/list", |seen| {
            Answer::sse_result(
                seen,
                r#"{"resourceTemplates":[{"uriTemplate":"b:{x}","name":"b"}]}"#,
            )
        });
    let (a, b, c) = (a.start().await, b.start().await, Upstream::named("c").start().await);
    let fields = json!({"prefix": "B_2"});
    let setup = Setup::new().upstream(&a).upstream_with(&b, &fields).upstream(&c);
    let envoy = setup.set("catalog", json!({"page": {"items": 1}})).start().await;
    let client = Client::open(&envoy).await;

    let reply = client.request("resources/list", Value::Null).await;
    let items = r#"[{"size":1e3, "uri":"a+file:///\u0061.txt","name":"A","x":{"uri":"x:"}},{"uri":"b-2+file:///a.txt","name":"B"}]"#;
    assert!(reply.text().contains(items), "{reply:?}");
    let cursor = reply.result()["nextCursor"].clone();
    let reply = client.request("resources/list", json!({"cursor": cursor})).await;
    let items = r#"{"resources":[{"uri":"ui://a/app/x","name":"file:///2"}]}"#;
    assert!(reply.text().ends_with(&format!("{items}}}")), "{reply:?}");

    let first = client.request("resources/templates/list", Value::Null).await.result();
    let next = json!({"cursor": first["nextCursor"]});
    let second = client.request("resources/templates/list", next).await.result();
    let templates = |result: &Value| texts(result, "resourceTemplates", "uriTemplate");
    assert_eq!(templates(&first), ["a+db://{table}/{+path}{?q*}", "b-2+b:{x}"]);
    assert_eq!(templates(&second), ["a+{all}"]);

    for method in ["resources/list", "resources/templates/list"] {
        let asked = [&a, &b, &c].map(|upstream| upstream.seen_of(method).len());
        assert_eq!(asked, [2, 1, 0], "{method}");
    }
}

#[tokio::test]
async fn of_a_read_and_its_answer_only_uris_change() {
    let a = Upstream::named("a").with(can(json!({"resources": {}}))).start().await;
    let b = Upstream::named("b").with(can(json!({"tools": {}}))).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let method = "resources/read";
    let exchange = Exchange {
        method,
        sent: r#"{"params":{"x":"a+x:", "uri":"a+file:///\u00e9"},"jsonrpc":"2.0","id":9007199254740993,"method":"resources/read"}"#,
        seen: r#"{"params":{"x":"a+x:", "uri":"file:///é"},"jsonrpc":"2.0","id":9007199254740993,"method":"resources/read"}"#,
        answer: r#"{"result":{"contents":[{"n":1.0e5,"uri":"file:///\u00e9","text":"file:///é"}, {"blob":"", "uri":"ui://x/y"}],"uri":"x:","_meta":{"uri":"x:"}},"id":9007199254740993,"jsonrpc":"2.0"}"#,
        got: r#"{"result":{"contents":[{"n":1.0e5,"uri":"a+file:///\u00e9","text":"file:///é"}, {"blob":"", "uri":"ui://a/x/y"}],"uri":"x:","_meta":{"uri":"x:"}},"id":9007199254740993,"jsonrpc":"2.0"}"#,
    };
    exchange.check(&client, &a).await;
    // What an error says is the upstream's, but for the URI that the client has to know again.
    let sent =
        r#"{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"A+file:///b"}}"#;
    let exchange = Exchange {
        method,
        sent,
        seen: r#"{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"file:///b"}}"#,
        answer: r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32002,"message":"no file:///b","data":{"z":1.0,"uri":"file:///b"}}}"#,
        got: r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32002,"message":"no file:///b","data":{"z":1.0,"uri":"a+file:///b"}}}"#,
    };
    exchange.check(&client, &a).await;
    a.answer(method, move |_| Answer::whole(400, "application/json", exchange.answer));
    assert_eq!(client.post(sent).send().await.raw(), exchange.got, "with 400 as well");

    a.forget();
    for uri in ["file:///b", "c+file:///b", "", "a", "ui://b", "ui://c/x"] {
        let error = client.request(method, json!({"uri": uri})).await.error(200, -32002);
        assert_eq!(error["data"], json!({"uri": uri}));
    }
    client.request(method, json!({"uri": "b+file:///b"})).await.error(200, -32601);
    client.request(method, json!({"uri": 1})).await.error(200, -32602);
    client.request(method, Value::Null).await.error(200, -32602);
    assert!(a.seen().is_empty(), "{:?}", a.seen());
}

/// A result of a tool of this many bytes and more, with a link at its end.
fn linked(bytes: usize, uri: &str) -> String {
    let (text, link) = ("ü".repeat(bytes / 2), json!({"type": "resource_link", "uri": uri}));
    let content = format!(r#"[{{"type":"text","text":"{text}"}},{link}]"#);
    format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":{content}}}}}"#)
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a__echo"}}"#;

#[tokio::test]
async fn an_answer_larger_than_envoys_buffer_is_rewritten_to_its_end() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).buffer(1 << 20).start().await;
    let client = Client::open(&envoy).await;
    let expected = linked(5_000_000, "a+x:/end");
    for answer in Answer::forms(&linked(5_000_000, "x:/end"), 100_000) {
        a.answer("tools/call", move |_| answer.clone());
        let reply = client.post(CALL).send().await;
        whole(&reply);
        assert!(reply.raw() == expected, "{} bytes", reply.body.len());
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_rewritten_and_any_other_event_of_that_length_passes() {
    let a = Upstream::named("a").start().await;
    let limits = json!({"upstream_body": "64KiB"});
    let envoy = Setup::new().upstream(&a).set("limits", limits).start().await;
    let client = Client::open(&envoy).await;
    let (message, expected) = (linked(3_000_000, "x:/end"), linked(3_000_000, "a+x:/end"));
    for answer in Answer::forms(&message, 100_000) {
        a.answer("tools/call", move |_| answer.clone());
        let reply = client.post(CALL).send().await;
        whole(&reply);
        assert!(reply.raw() == expected, "{} bytes", reply.body.len());
    }
    // In two lines of data, which nobody writes, it would have to be held whole.
    let folded = message.replacen(',', ",\ndata: ", 1);
    let stream = format!("data: {folded}\n\n");
    let answer = Answer::sse(stream.as_str());
    a.answer("tools/call", move |_| answer.clone());
    let reply = client.post(CALL).send().await;
    whole(&reply);
    assert!(reply.body == stream.as_bytes(), "{} bytes", reply.body.len());
    let said = |line: &str| line.contains("upstream a") && line.contains("limits.upstream_body");
    envoy.log_line("a warning about the limit", said).await;
}

#[tokio::test]
async fn an_answer_that_is_encoded_passes_as_it_is_and_is_warned_of() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let (sent, shown) = (linked(100, "x:/end"), linked(100, "a+x:/end"));
    for coding in ["identity", "Identity"] {
        for answer in Answer::forms(&sent, 7) {
            a.answer("tools/call", move |_| answer.clone().header("content-encoding", coding));
            let reply = client.post(CALL).header("accept-encoding", "gzip").send().await;
            whole(&reply);
            assert_eq!(reply.raw(), shown, "{coding}");
            assert_eq!(
                a.seen().last().and_then(|it| it.header("accept-encoding")),
                Some("identity")
            );
        }
    }
    let warns = |line: &str| line.contains("[warning]") && line.contains("encoded its answer");
    assert!(!envoy.log().lines().any(warns));
    for answer in Answer::forms(&sent, 7) {
        a.answer("tools/call", move |_| answer.clone().header("content-encoding", "br"));
        let reply = client.post(CALL).send().await;
        whole(&reply);
        assert_eq!((reply.header("content-encoding"), reply.raw().as_str()), (Some("br"), &*sent));
    }
    assert!(envoy.log_line("a warning", warns).await.contains("upstream a"));
}

#[tokio::test]
async fn a_json_answer_that_breaks_off_is_never_taken_for_a_whole_one() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let message = linked(1000, "x:/end");
    let half = format!("{}ü", message.split('ü').next().expect("what is before it"));
    let send = || Step::Send(half.as_bytes().to_vec());
    let cut = Answer::steps(200, "application/json", vec![send(), Step::Reset]);
    a.answer("tools/call", move |_| cut.clone());
    let reply = client.post(CALL).send().await;
    assert!(!reply.complete, "{reply:?}");
    // What its upstream ends without a word is told to be no answer, as is any other JSON.
    let ended = Answer::steps(200, "application/json", vec![send(), Step::send("")]);
    let others = [
        r#"{"jsonrpc":"2.0","id":8,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"7","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#,
        r#"{"status":"fine"}"#,
        "[]",
        "null",
        "oops",
    ];
    for answer in others.map(Answer::json).into_iter().chain([ended]) {
        let shown = format!("{answer:.200?}");
        a.answer("tools/call", move |_| answer.clone());
        let reply = client.post(CALL).send().await;
        whole(&reply);
        assert_eq!(reply.message()["id"], 7, "{shown}");
        let error = reply.error(200, -32603);
        assert_eq!(error["data"]["upstream"], "a", "{shown}");
    }
    assert_eq!(client.tool_names().await, ["a__echo"]);
}
