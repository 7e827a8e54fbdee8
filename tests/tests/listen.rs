//! Streams that a GET opens: what an upstream sends on its own, and the rest of a stream that ended.

use mcp_mux_tests::exchange::Exchange;
use mcp_mux_tests::host::Host;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Gate, Seen, Setup, Step, Upstream, marks};
use serde_json::{Value, json};

/// Sent one after the other, each when its gate is open; and how the client is to see it.
const SENT: [(&str, &str); 6] = [
    ("id: 1\nretry: 10\ndata:\n\n", "id: LISTEN1\nretry: 10\ndata:\n\n"),
    (": alive\n\n", ": alive\n\n"),
    (
        "id: 2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"x:/1\"}}\n\n",
        "id: LISTEN2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"a+x:/1\"}}\n\n",
    ),
    (
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\"}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\"}\n\n",
    ),
    (
        "data: {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"roots/list\"}\r\n\r\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":\"a:CODE:0\",\"method\":\"roots/list\"}\r\n\r\n",
    ),
    ("event: other\ndata: x:/1\n\n", "event: other\ndata: x:/1\n\n"),
];

#[tokio::test]
async fn what_an_upstream_sends_on_its_own_is_marked_and_arrives_at_once() {
    let gates = [(); SENT.len()].map(|()| Gate::closed());
    let held = gates.clone();
    let stream = move |_: &_| {
        let steps = held.iter().zip(SENT);
        let steps = steps.map(|(gate, (sent, _))| [Step::Until(gate.clone()), Step::send(sent)]);
        Answer::sse_steps([Step::send(": hi\n\n")].into_iter().chain(steps.flatten()).collect())
    };
    let capabilities = json!({"resources": {"subscribe": true, "listChanged": true}});
    let a = Upstream::named("a").with(can(capabilities.clone())).on("GET", stream).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.initialized["capabilities"], capabilities);
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        let sent = format!(
            r#"{{"params":{{"uri":"a+x:/1"}},"jsonrpc":"2.0","id":1,"method":"{method}"}}"#
        );
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        let seen = &sent.replace("a+x", "x");
        Exchange { method, sent: &sent, seen, answer, got: answer }.check(&client, &a).await;
    }

    let mut open = client.http("GET").open().await;
    assert_eq!(open.status, 200);
    let mut expected = ": hi\n\n".to_owned();
    open.until(&expected).await;
    let mark = marks::event("a", 'o', "a-session-1", "");
    for (gate, (_, shown)) in gates.iter().zip(SENT) {
        let shown = shown.replace("LISTEN", &mark);
        let tail = shown.split("CODE").last().expect("some text");
        assert!(!open.has(tail));
        gate.open();
        expected.push_str(&shown);
        open.until(tail).await;
        assert_eq!(marks::hide_codes("a", open.text()), expected);
    }
    a.forget();
    let asked = open.events().into_iter().find(|event| event.data.contains("roots/list"));
    let asked: Value = serde_json::from_str(&asked.expect("a request").data).expect("JSON");
    let answer = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"roots":[]}}}}"#);
    assert_eq!(client.post(answer(&asked["id"].to_string())).send().await.status, 202);
    assert_eq!(a.only("POST").text(), answer("0"));
    let reply = open.rest().await;
    assert!(reply.complete);
    assert_eq!(marks::hide_codes("a", reply.text()), expected);
}

#[tokio::test]
async fn a_stream_is_resumed_at_its_owner_and_goes_on_as_it_would_have() {
    let all = || can(json!({"tools": {}, "prompts": {}, "resources": {}}));
    let a = Upstream::named("a").with(all()).start().await;
    let b = Upstream::named("b").with(all()).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let link = r#"{"type":"resource_link","uri":"x:/1"}"#;
    for (method, params, letter, result) in [
        ("tools/call", json!({"name": "b__echo"}), 't', format!(r#"{{"content":[{link}]}}"#)),
        (
            "prompts/get",
            json!({"name": "b__p"}),
            'p',
            format!(r#"{{"messages":[{{"role":"user","content":{link}}}]}}"#),
        ),
        (
            "resources/read",
            json!({"uri": "b+x:/1"}),
            'c',
            r#"{"contents":[{"uri":"x:/1","text":""}]}"#.to_owned(),
        ),
    ] {
        for (id, request) in [("1", "5"), ("a:t:1", r#""é:\u00e9""#), ("é ü", r#""5:""#)] {
            b.forget();
            // What is no plain text is not repeated in a header.
            let plain = if request.is_ascii() { request } else { "" };
            let mark = marks::event("b", letter, "b-session-1", plain);
            let begin = format!("id: {id}\nretry: 0\ndata:\n\n");
            b.answer(method, move |_| {
                Answer::sse_steps(vec![Step::send(begin.clone()), Step::send("")])
            });
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":{request},"method":"{method}","params":{params}}}"#
            );
            let reply = client.post(call).send().await;
            let shown = format!("id: {mark}{id}\nretry: 0\ndata:\n\n");
            assert_eq!((reply.complete, reply.text()), (true, shown.as_str()));

            let answer = format!(r#"{{"jsonrpc":"2.0","id":{request},"result":{result}}}"#);
            let rest = format!("id: next\ndata: {answer}\n\n");
            b.answer("GET", move |_| Answer::sse(rest.clone()));
            let last = format!("{mark}{id}");
            let reply = client.http("GET").header("last-event-id", &last).send().await;
            let answer = answer.replace("x:/1", "b+x:/1");
            assert_eq!(reply.text(), format!("id: {mark}next\ndata: {answer}\n\n"));
            let seen = b.only("GET");
            assert_eq!(seen.header("last-event-id"), Some(id));
            assert_eq!(seen.header("mcp-session-id"), Some("b-session-1"));
        }
    }
    let ours = marks::event("b", 't', "b-session-1", "5");
    let nobodys = [ours.replace("b:", "c:"), ours.replace(":t", ":z"), ours.replace(":1:", ":9:")];
    let nobodys = nobodys.iter().map(String::as_str);
    for nobodys in nobodys.chain(["1", "", "c:t:1", "b:1", "b:t:1", "b"]) {
        let request = client.http("GET").header("last-event-id", nobodys);
        if Host::tested().merges() {
            // That of all, from its beginning.
            assert_eq!(request.open().await.status, 200, "{nobodys:?}");
            continue;
        }
        let reply = request.send().await;
        reply.error(405, -32600);
        assert_eq!(reply.header("allow"), Some("POST, DELETE"), "{nobodys:?}");
    }
    for seen in a.seen_of("GET") {
        assert!(Host::tested().merges(), "{seen:?}");
        assert_eq!(seen.header("last-event-id"), None);
    }
}

#[tokio::test]
async fn a_get_into_a_lost_session_is_to_be_made_again_and_other_refusals_are_said() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let setup = Setup::new().upstream(&a).upstream(&b).set("listen", json!("b"));
    let envoy = setup.concurrency(2).start().await;
    let client = Client::open(&envoy).await;
    let stream = |seen: &Seen| match seen.header("mcp-session-id") {
        Some("b-session-1") => Answer::whole(404, "text/plain", "gone"),
        _ => Answer::sse(": hi\n\n"),
    };
    b.answer("GET", stream);
    b.restart(Answer::whole(404, "text/plain", "gone"));
    b.forget();
    let reply = client.http("GET").send().await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!((reply.header("mcp-session-id"), reply.text()), (None, ""));
    let methods: Vec<Option<String>> = b.seen().iter().map(Seen::rpc_method).collect();
    let reopened = ["ping", "initialize", "notifications/initialized"];
    let reopened = reopened.map(|it| Some(it.to_owned()));
    assert_eq!(methods[1..], reopened);
    envoy
        .on_all_workers(async || {
            b.forget();
            let get = || client.http("GET");
            let event = marks::event("b", 't', "b-session-2", "1") + "1";
            for request in [get(), get().header("last-event-id", event)] {
                let reply = request.send().await;
                assert_eq!((reply.status, reply.text()), (200, ": hi\n\n"));
            }
            let seen = b.seen();
            let header = |name: &str| seen.iter().map(|it| it.header(name)).collect::<Vec<_>>();
            assert_eq!(header("mcp-session-id"), [Some("b-session-2"); 2]);
            assert_eq!(header("last-event-id"), [None, Some("1")]);
        })
        .await;
    for (answer, status) in [
        (Answer::whole(405, "text/plain", "no"), 405),
        (Answer::whole(405, "application/json", "{}"), 405),
        (Answer::whole(405, "text/html", "no").header("allow", "POST"), 405),
        (Answer::whole(409, "application/json", "{}"), 409),
        (Answer::whole(409, "text/plain", "one stream only"), 409),
        (Answer::whole(200, "text/html", "<h1>MCP</h1>"), 405),
        (Answer::whole(202, "", ""), 405),
        (Answer::whole(400, "text/plain", "Bad Request"), 405),
        (Answer::whole(406, "application/json", "{}"), 405),
        (Answer::whole(501, "", ""), 405),
        (Answer::whole(500, "text/html", "<h1>no</h1>"), 502),
        (Answer::json("{}"), 502),
        (Answer::Reset, 502),
    ] {
        b.answer("GET", move |_| answer.clone());
        let reply = client.http("GET").send().await;
        let error = reply.error(status, -32603);
        assert_eq!(error["data"]["upstream"], "b", "{error}");
        let allow = (status == 405).then_some("POST, DELETE");
        assert_eq!(reply.header("allow"), allow, "{reply:?}");
    }
    assert!(a.seen_of("GET").is_empty());
}

#[tokio::test]
async fn the_rest_of_an_answer_that_went_with_its_session_is_an_error() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let setup = || Setup::new().upstream(&a).upstream(&b).keys(b"A").concurrency(2);
    let envoy = setup().set("listen", json!("a")).start().await;
    let deaf = setup().start().await;
    let client = Client::open(&envoy).await;
    let last = |letter, session: &str, request: &str| {
        let event = marks::event("b", letter, session, request) + "7";
        client.http("GET").header("last-event-id", event)
    };
    // Nobody knows yet that the session is lost.
    b.restart(Answer::whole(404, "text/plain", "gone"));
    b.answer("GET", |_| Answer::whole(404, "text/plain", "gone"));
    assert_eq!(last('t', "b-session-1", "5").send().await.status, 503);
    a.answer("GET", |_| Answer::sse(": hi\n\n"));
    envoy
        .on_all_workers(async || {
            b.forget();
            for request in ["5", "-7", r#""5""#, r#""b:t:1""#, r#""""#] {
                let reply = last('t', "b-session-1", request).send().await;
                assert_eq!(reply.events().len(), 1, "{reply:?}");
                assert_eq!(reply.message()["id"].to_string(), request);
                let error = reply.error(200, -32603);
                assert_eq!(error["data"]["upstream"], "b", "{error}");
                assert!(reply.complete);
            }
            // One that answers no request is the one that the gateway offers, from its beginning.
            a.forget();
            assert_eq!(last('o', "b-session-1", "").send().await.text(), ": hi\n\n");
            assert_eq!(a.only("GET").header("last-event-id"), None);
            assert!(b.seen().is_empty(), "{:?}", b.seen());
        })
        .await;
    if Host::tested().merges() {
        // None is deaf.
        return;
    }
    let client = client.at(&deaf);
    client.call_text("b__echo").await;
    b.forget();
    let event = marks::event("b", 'o', "b-session-1", "");
    let reply = client.http("GET").header("last-event-id", event).send().await;
    reply.error(405, -32600);
    assert_eq!(reply.header("allow"), Some("POST, DELETE"));
    assert!(b.seen().is_empty(), "{:?}", b.seen());
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_ends_it_at_the_upstream() {
    let gate = Gate::closed();
    let stream = move |_: &_| {
        Answer::sse_steps(vec![Step::send("id: 1\ndata:\n\n"), Step::Until(gate.clone())])
    };
    let a = Upstream::named("a").on("GET", stream).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.breakdowns().await;
    let mut open = client.http("GET").open().await;
    open.until(&format!("id: {}1\n", marks::event("a", 'o', "a-session-1", ""))).await;
    assert_eq!(envoy.stat("cluster.a.upstream_rq_active").await, 1);
    drop(open);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(envoy.breakdowns().await, made);
}
