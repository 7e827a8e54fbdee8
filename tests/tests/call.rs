//! `tools/call`: the owner gets the client's own bytes with the owner's own name for the tool.

use mcp_mux_tests::{Answer, Client, Setup, Upstream};
use serde_json::{Value, json};

/// Sends `body` and returns what the upstream `a` got.
async fn at_upstream(client: &Client<'_>, a: &Upstream, body: &str) -> String {
    a.forget();
    let reply = client.post(body.to_owned()).send().await;
    reply.result();
    let seen = a.only("tools/call");
    let length = seen.header("content-length").map(str::to_owned);
    assert_eq!(length, Some(seen.body.len().to_string()), "the bytes that were sent");
    seen.text().to_owned()
}

#[tokio::test]
async fn only_the_name_changes_and_only_where_it_is_the_name() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@","arguments":{}}}"#,
        // The name's text stands in front of the name, as a key and as a value.
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"name":"a__echo","a__echo":["a__echo"]},"name":"@"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"name":"a__echo","progressToken":"a__echo"},"name":"@","arguments":{"name":"a__echo"}}}"#,
        r#"{"params":{"arguments":{"params":{"name":"a__echo"}},"name":"@"},"name":"a__echo","method":"tools/call","id":"a__echo","jsonrpc":"2.0"}"#,
        // Everything else of the text stays: spaces, numbers, escapes, duplicate keys of others.
        "{ \"jsonrpc\" : \"2.0\",\r\n \"id\": 1,\t\"method\":\"tools/call\",\n\"params\":{ \"name\" : \"@\" ,\"arguments\":{\"n\":1e2,\"m\":1.0,\"k\":12345678901234567890123,\"s\":\"\\u00e9\\/é😀\"} } } \n",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@","arguments":{"x":1,"x":2,"":null}},"x-unknown":[{}]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"text":"\"name\":\"a__echo\""},"name":"@"}}"#,
    ] {
        let sent = body.replace('@', "a__echo");
        let expected = body.replace('@', "echo");
        assert_eq!(at_upstream(&client, &a, &sent).await, expected);
    }
}

#[tokio::test]
async fn an_escaped_name_is_the_name_it_means() {
    let a = Upstream::named("a").tools(&["echo"]).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let head = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"#;
    let tail = r#","arguments":{"name":"a__\u0065cho"}}}"#;
    for (sent, name) in [
        (r#""a__\u0065cho""#, "echo"),
        (r#""\u0061\u005f\u005fecho""#, "echo"),
        (r#""a__sl\/ash""#, "sl/ash"),
        (r#""a__quo\"te""#, "quo\"te"),
        (r#""a__caf\u00e9\ud83d\ude00""#, "café😀"),
        (r#""a__b__c""#, "b__c"),
        (r#""a__a__echo""#, "a__echo"),
    ] {
        let got = at_upstream(&client, &a, &format!("{head}{sent}{tail}")).await;
        let between = got.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
        let between = between.unwrap_or_else(|| panic!("more than the name changed: {got}"));
        assert_eq!(serde_json::from_str::<String>(between).unwrap(), name);
    }
    // Keys may be escaped as well.
    let sent = r#"{"jsonrpc":"2.0","id":1,"\u006dethod":"tools\/call","par\u0061ms":{"n\u0061me":"a__echo"}}"#;
    assert_eq!(at_upstream(&client, &a, sent).await, sent.replace("a__", ""));
}

#[tokio::test]
async fn ids_come_back_exactly_as_they_were_sent() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for id in [
        r#""abc""#,
        r#""1""#,
        r#""""#,
        r#""\u00e9\/é\"""#,
        "1",
        "0",
        "-1",
        "-9007199254740993",
        "9007199254740993",
        "18446744073709551615",
    ] {
        for (method, params) in [
            ("tools/call", r#"{"name":"a__echo"}"#),
            ("tools/list", "{}"),
            ("ping", "{}"),
            ("tools/call", r#"{"name":"nobody__echo"}"#),
            ("no/such/method", "{}"),
        ] {
            let body =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
            let reply = client.post(body).send().await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let echoed = format!(r#""id":{id},"#);
            let echoed = reply.text().contains(&echoed)
                || reply.text().ends_with(&format!(r#""id":{id}}}"#));
            assert!(echoed, "{id} of {method} in {}", reply.text());
        }
    }
    let ids: Vec<String> =
        a.seen_of("tools/call").iter().map(|seen| seen.id().to_owned()).collect();
    assert_eq!(ids.len(), 10);
    assert_eq!(ids[9], "18446744073709551615");
}

#[tokio::test]
async fn each_call_reaches_its_owner_and_nobody_else() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let ab = Upstream::named("a-b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).upstream(&ab).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    for _ in 0..5 {
        for name in ["a", "b", "a-b"] {
            let text = client.call_text(&format!("{name}__echo")).await;
            assert_eq!(text, format!("{name}:echo"));
        }
    }
    for upstream in [&a, &b, &ab] {
        assert_eq!(upstream.seen_of("tools/call").len(), 5);
    }
}

#[tokio::test]
async fn an_unknown_name_goes_nowhere() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for name in ["echo", "b__echo", "a", "a_echo", "A__echo", "__echo", "", "aa__echo"] {
        let error = client.call(name).await.error(200, -32602);
        if !name.is_empty() {
            assert!(error["message"].as_str().is_some_and(|text| text.contains(name)), "{error}");
        }
    }
    for params in [json!({}), json!({"name": 7}), json!({"name": null}), json!(["a__echo"])] {
        client.request("tools/call", params).await.error(200, -32602);
    }
    client.request("tools/call", Value::Null).await.error(200, -32602);
    assert!(a.seen_of("tools/call").is_empty());
}

#[tokio::test]
async fn the_owner_answers_for_names_that_it_does_not_know() {
    let unknown = |seen: &mcp_mux_tests::Seen| {
        let id = seen.id();
        let error = r#"{"code":-32602,"message":"Unknown tool: x","data":{"n":1.0}}"#;
        Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
    };
    let a = Upstream::named("a").on("tools/call", unknown).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.call("a__x").await;
    let error = reply.error(200, -32602);
    assert_eq!(error["message"], "Unknown tool: x");
    assert!(reply.text().contains(r#""data":{"n":1.0}"#), "{reply:?}");
}

#[tokio::test]
async fn a_body_of_five_megabytes_arrives_whole() {
    let a = Upstream::named("a").start().await;
    let limits = json!({"request_body": "8MiB"});
    let envoy = Setup::new().upstream(&a).set("limits", limits).start().await;
    let client = Client::open(&envoy).await;
    let text = "lorem \\u00e9 \\\" ipsum".repeat(5 << 20 >> 4);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"arguments":{{"t":"{text}"}},"name":"@"}}}}"#
    );
    assert!(body.len() > 5 << 20);
    let got = at_upstream(&client, &a, &body.replace('@', "a__echo")).await;
    assert!(got == body.replace('@', "echo"), "the bytes differ");
}

#[tokio::test]
async fn a_chunked_body_arrives_whole() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"x":"é"},"name":"a__echo"}}"#;
    for size in [1, 3, 50] {
        a.forget();
        client.post(body).chunked(size).send().await.result();
        let seen = a.only("tools/call");
        assert_eq!(seen.text(), body.replace("a__", ""));
        let framed = seen.header("content-length").map(str::to_owned);
        let chunked = seen.header("transfer-encoding") == Some("chunked");
        assert!(chunked || framed == Some(seen.body.len().to_string()), "{seen:?}");
    }
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    client.post(list).chunked(5).send().await.result();
}

#[tokio::test]
async fn a_large_answer_comes_back_unchanged() {
    let item = r#"{"type":"text","text":"caf\u00e9 \/ é 😀","n":1.0,"k":12345678901234567890123}"#;
    let items = vec![item; 20_000].join(",\n ");
    let result = format!(r#"{{"content":[{items}],"structuredContent":{{"b":1,"a":1e2}}}}"#);
    assert!(result.len() > 1 << 20);
    let as_json = result.clone();
    let as_sse = result.replace('\n', "");
    let a = Upstream::named("a")
        .on("tools/call", move |seen| Answer::result(seen, &as_json))
        .start()
        .await;
    let sse = as_sse.clone();
    let b = Upstream::named("b")
        .on("tools/call", move |seen| Answer::sse_result(seen, &sse))
        .start()
        .await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let call = |name: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#)
    };
    let reply = client.post(call("a__x")).send().await;
    assert!(reply.complete && reply.header("content-type") == Some("application/json"));
    assert!(reply.text() == format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#));
    let reply = client.post(call("b__x")).send().await;
    assert!(reply.complete && reply.header("content-type") == Some("text/event-stream"));
    let message = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{as_sse}}}"#);
    assert!(reply.text() == mcp_mux_tests::sse::message(&message));
}

#[tokio::test]
async fn an_upstreams_session_id_does_not_leak_in_an_answer() {
    let leaking = |seen: &_| {
        Answer::result(seen, r#"{"content":[]}"#).header("mcp-session-id", "a-session-1")
    };
    let a = Upstream::named("a").on("tools/call", leaking).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let reply = client.call("a__echo").await;
    assert_ne!(reply.header("mcp-session-id"), Some("a-session-1"), "{reply:?}");
}

#[tokio::test]
async fn a_short_answer_says_how_long_it_is() {
    let link = |uri: &str| format!(r#"{{"content":[{{"type":"resource_link","uri":"{uri}"}}]}}"#);
    let plain = r#"{"content":[{"type":"text","text":"no link"}]}"#;
    let answers = [(plain.to_owned(), plain.to_owned()), (link("demo:1"), link("a+demo:1"))];
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for (sent, got) in answers {
        a.answer("tools/call", move |seen| Answer::result(seen, &sent));
        let reply = client.call("a__echo").await;
        assert!(reply.text().ends_with(&format!(r#""result":{got}}}"#)), "{}", reply.text());
        assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
    }
    // An error takes the place of what answers another request.
    a.answer("tools/call", |_| Answer::json(r#"{"jsonrpc":"2.0","id":"another","result":{}}"#));
    let reply = client.call("a__echo").await;
    reply.error(200, -32603);
    assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
}
