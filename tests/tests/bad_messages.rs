//! Bodies that are no request: each gets an answer that says why, and no upstream hears of it.

use mcp_mux_tests::{Client, Gateway, Reply, Request, Setup, Upstream};
use serde_json::{Value, json};

/// Sends each body in a session; afterwards the machine is the same and still works.
async fn refuses(gateway: &Gateway, bodies: &[&[u8]], status: u16, code: i32) -> Vec<Reply> {
    let client = Client::open(&gateway.envoy).await;
    let made = gateway.envoy.breakdowns().await;
    gateway.a.forget();
    let mut replies = Vec::new();
    for body in bodies {
        let reply = client.post(body.to_vec()).send().await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
        assert_eq!(reply.status, status, "{shown}: {reply:?}");
        reply.error(status, code);
        replies.push(reply);
    }
    assert!(gateway.a.seen().is_empty(), "{:?}", gateway.a.seen());
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(gateway.envoy.breakdowns().await, made, "a machine was lost");
    replies
}

#[tokio::test]
async fn what_is_not_json_is_a_parse_error() {
    let gateway = Gateway::start().await;
    let bodies: [&[u8]; 9] = [
        b"",
        b" ",
        b"{",
        b"hello",
        br#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","#,
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}",
        br#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
    ];
    for reply in refuses(&gateway, &bodies, 400, -32700).await {
        assert_eq!(reply.message()["id"], Value::Null);
    }
}

#[tokio::test]
async fn what_is_json_but_no_message_is_an_invalid_request() {
    let gateway = Gateway::start().await;
    let bodies: [&[u8]; 15] = [
        b"7",
        b"null",
        b"true",
        br#""text""#,
        b"{}",
        br#"{"id":1,"method":"ping"}"#,
        br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        br#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":null}"#,
        br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","method":null,"params":{}}"#,
    ];
    refuses(&gateway, &bodies, 400, -32600).await;
}

#[tokio::test]
async fn a_null_or_fractional_id_is_an_invalid_request() {
    let gateway = Gateway::start().await;
    let bodies: [&[u8]; 4] = [
        br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"a__echo"}}"#,
        br#"{"jsonrpc":"2.0","id":0.1,"method":"tools/list"}"#,
    ];
    refuses(&gateway, &bodies, 400, -32600).await;
}

#[tokio::test]
async fn an_id_is_at_most_1024_bytes_long() {
    let gateway = Gateway::start().await;
    let ids = ["x".repeat(1023), "x".repeat(100_000), r"\u0041".repeat(171)]
        .map(|id| format!("\"{id}\""));
    let bodies = ids.into_iter().chain(["1".repeat(1025)]).flat_map(|id| {
        ["ping", "tools/list", "tools/call"].map(|method| {
            let params = r#"{"name":"a__echo"}"#;
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
        })
    });
    let bodies: Vec<String> = bodies.collect();
    let bodies: Vec<&[u8]> = bodies.iter().map(String::as_bytes).collect();
    for reply in refuses(&gateway, &bodies, 400, -32600).await {
        assert_eq!(reply.message()["id"], Value::Null);
    }
    let client = Client::open(&gateway.envoy).await;
    let id = "x".repeat(1022);
    for method in ["ping", "tools/list", "tools/call"] {
        let params = json!({"name": "a__echo"});
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = client.post(body.to_string()).send().await;
        assert_eq!(reply.message()["id"], json!(id));
        reply.result();
    }
}

#[tokio::test]
async fn a_batch_is_an_invalid_request() {
    let gateway = Gateway::start().await;
    let bodies: [&[u8]; 4] = [
        b"[]",
        br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        br#" [{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#,
        br#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#,
    ];
    refuses(&gateway, &bodies, 400, -32600).await;
}

#[tokio::test]
async fn a_key_that_comes_twice_where_it_matters_is_an_invalid_request() {
    let gateway = Gateway::start().await;
    let bodies: [&[u8]; 6] = [
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
        br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo"},"params":{"name":"a__x"}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo","name":"a__x"}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo","n\u0061me":"a__x"}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","m\u0065thod":"ping"}"#,
    ];
    refuses(&gateway, &bodies, 400, -32600).await;
}

#[tokio::test]
async fn deep_nesting_does_no_harm() {
    let Gateway { a, envoy } = Gateway::start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.breakdowns().await;
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a__echo","arguments":{{"x":{open}{close}}}}}}}"#
    );
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let as_params = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{objects}}}"#);
    for body in [call.as_str(), &as_params, &open, &objects, &format!("{open}{close}")] {
        // Passed on or refused: both are an answer.
        let reply = client.post(body.to_owned()).send().await;
        assert!(matches!(reply.status, 200 | 400), "{reply:?}");
        assert_eq!(reply.message()["jsonrpc"], "2.0");
    }
    for seen in a.seen_of("tools/call") {
        assert_eq!(seen.text(), call.replace("a__", ""));
    }
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(envoy.breakdowns().await, made);
}

#[tokio::test]
async fn bytes_over_0x7f_in_headers_do_no_harm() {
    let Gateway { a, envoy } = Gateway::start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.breakdowns().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo"}}"#;
    for name in ["x-anything", "accept-language", "user-agent", "cookie"] {
        let reply = client.post(call).header(name, b"\xff\xfe\x80 caf\xe9").send().await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
    }
    for (name, status) in [
        ("mcp-session-id", 404),
        ("mcp-protocol-version", 400),
        ("origin", 403),
        ("accept", 406),
        ("content-type", 415),
    ] {
        let reply = client.post(call).header(name, b"\xff\xfe\x80").send().await;
        assert_eq!(reply.status, status, "{name}: {reply:?}");
        assert_eq!(reply.message()["jsonrpc"], "2.0", "{name}");
    }
    // On other paths, and raw, in a header's name and in the path.
    let reply = Request::new(&envoy, "GET", "/other").header("x-odd", b"\xff").send().await;
    assert_eq!(reply.text(), "nothing is routed here");
    for head in [
        &b"GET /mcp\xff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"[..],
        b"GET /mcp HTTP/1.1\r\nhost: x\xff\r\nconnection: close\r\n\r\n",
        b"GET /mcp HTTP/1.1\r\nhost: x\r\nx-\xff: y\r\nconnection: close\r\n\r\n",
    ] {
        mcp_mux_tests::client::raw(&envoy, head).await;
    }
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(a.seen_of("tools/call").len(), 5);
    assert_eq!(envoy.breakdowns().await, made, "a machine was lost");
}

#[tokio::test]
async fn odd_bytes_in_an_upstreams_headers_do_no_harm() {
    let odd = |seen: &mcp_mux_tests::Seen| {
        mcp_mux_tests::Answer::result(seen, r#"{"tools":[],"content":[]}"#)
            .header("x-odd", "caf\u{e9}")
            .header("x-empty", "")
    };
    let a = Upstream::named("a").on("tools/list", odd).on("tools/call", odd).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.breakdowns().await;
    client.list().await.result();
    client.call("a__echo").await.result();
    assert_eq!(envoy.breakdowns().await, made);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_or_without_a_length() {
    let a = Upstream::named("a").start().await;
    let limits = json!({"request_body": "2KiB"});
    let envoy = Setup::new().upstream(&a).set("limits", limits).start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    let sized = |bytes: usize| {
        let frame =
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo","x":""}}"#;
        let fill = format!(r#""x":"{}""#, "y".repeat(bytes - frame.len()));
        frame.replace(r#""x":"""#, &fill)
    };
    client.post(sized(2049)).send().await.error(413, -32600);
    client.post(sized(100_000)).send().await.error(413, -32600);
    client.post(sized(100_000)).chunked(1000).send().await.error(413, -32600);
    assert!(a.seen().is_empty());
    client.post(sized(2048)).send().await.result();
    client.post(sized(2048)).chunked(1000).send().await.result();
}

#[tokio::test]
async fn a_body_that_envoy_itself_refuses_to_hold_is_a_json_rpc_413_too() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).buffer(64 << 10).start().await;
    let client = Client::open(&envoy).await;
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a__echo","x":"{}"}}}}"#,
        "y".repeat(1 << 20)
    );
    // The filter may also take the whole body, where the host lets it.
    let reply = client.post(long).send().await;
    if reply.status != 200 {
        reply.error(413, -32600);
    }
    assert_eq!(client.call_text("a__echo").await, "a:echo");
}

#[tokio::test]
async fn unknown_methods_are_not_found() {
    let Gateway { a, envoy } = Gateway::start().await;
    let client = Client::open(&envoy).await;
    a.forget();
    for method in [
        "no/such/method",
        "",
        "tools/LIST",
        "prompts/list",
        "resources/list",
        "resources/read",
        "logging/setLevel",
        "completion/complete",
        "tasks/list",
    ] {
        client.request(method, json!({})).await.error(200, -32601);
    }
    assert!(a.seen().is_empty(), "{:?}", a.seen());
}
