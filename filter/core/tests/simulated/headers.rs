//! Heads: what of the client's reaches an upstream, and what the gateway adds.

use serde_json::{Value, json};

use crate::world::{Request, Response, Seen, Server, Way, World, config, event, gateway, value};

const SECRETS: [(&str, &str); 3] = [
    ("authorization", "Bearer client"),
    ("cookie", "session=client"),
    ("proxy-authorization", "Basic client"),
];

/// A request with everything that a client might send and an upstream must not see.
fn laden(request: Request) -> Request {
    let mut request = request;
    for (name, secret) in SECRETS {
        request = request.with(name, secret).and(name, "and another one of the client");
    }
    request
        .with("x-mcp-cluster", "forged")
        .and("x-mcp-cluster", "twice")
        .with("origin", "http://localhost:1")
        .with("accept-encoding", "gzip")
        .with("traceparent", "00-1")
        .with("x-team", b"\xff\x80")
}

/// Every kind of request that reaches upstreams, each within this session.
fn every_kind(session: &str) -> Vec<Request> {
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    [
        Request::rpc("initialize", crate::world::INITIALIZE),
        Request::post(notification),
        Request::rpc("tools/list", "{}"),
        Request::rpc("tools/call", r#"{"name":"a__t"}"#),
        Request::get(),
        Request::delete(),
    ]
    .into_iter()
    .map(|request| laden(request.within(session)))
    .collect()
}

/// Answers everything without looking at the head.
fn anybody(seen: &Seen) -> crate::world::Answer {
    let body = match seen.method().as_str() {
        "initialize" => r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}"#,
        "tools/list" => r#"{"tools":[]}"#,
        _ => "{}",
    };
    if seen.header(":method").as_deref() == Some("GET") {
        return Response::new(200, "text/event-stream", ":\n").says();
    }
    let id = crate::world::raw_member(&seen.body, "id").unwrap_or("1".to_owned());
    let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{body}}}"#);
    Response::new(200, "application/json", body).with("mcp-session-id", "s").says()
}

#[test]
fn credentials_and_the_route_header_of_the_client_reach_no_upstream() {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("a");
    let mut world = World::new(&plan);
    world.script("a", anybody);
    world.script("b", anybody);
    let session = world.open();
    world.seen.clear();
    for request in every_kind(&session) {
        let got = world.send(&request);
        assert!((200..300).contains(&got.status), "{}", got.text());
    }
    assert_eq!(world.seen.len(), 10);
    for seen in &world.seen {
        let shown = format!("{seen:?}");
        for (name, _) in SECRETS {
            assert_eq!(seen.header(name), None, "{shown}");
        }
        for name in ["x-mcp-cluster", "origin"] {
            assert_eq!(seen.header(name), None, "{name}: {shown}");
        }
        let encoding: Vec<_> = seen.head.iter().filter(|it| it.0 == "accept-encoding").collect();
        assert_eq!(encoding, [&("accept-encoding".to_owned(), b"identity".to_vec())], "{shown}");
        assert!(!seen.head.iter().any(|(_, it)| it == session.as_bytes()), "{shown}");
        // The client's own request says who it is, if it likes to.
        let agent = concat!("mcp-mux/", env!("CARGO_PKG_VERSION"));
        let agent = if seen.routed { None } else { Some(agent) };
        assert_eq!(seen.header("user-agent").as_deref(), agent, "{shown}");
        assert_eq!(seen.header("traceparent").as_deref(), Some("00-1"), "{shown}");
        assert_eq!(value(&seen.head, "x-team").is_some(), seen.routed, "{shown}");
        assert_eq!(seen.header(":authority"), Some(seen.cluster.clone()));
        assert_eq!(seen.head.iter().filter(|(name, _)| name == ":path").count(), 1);
    }
}

#[test]
fn headers_that_are_configured_to_be_forwarded_or_set_arrive_on_every_path() {
    let mut world = World::new(&json!({"listen": "a", "upstreams": [
        {"name": "a", "path": "/v1", "authority": "a.example:1", "headers": {
            "forward": ["Authorization", "x-team", "cookie"], "set": {"X-Key": "of a"}}},
        {"name": "b", "headers": {"set": {"authorization": "Bearer of b", "traceparent": "set"}}},
    ]}));
    world.script("a", anybody);
    world.script("b", anybody);
    let session = world.open();
    world.seen.clear();
    let mut requests = every_kind(&session);
    requests.insert(0, laden(Request::rpc("tools/call", r#"{"name":"b__t"}"#).within(&session)));
    for request in requests {
        world.send(&request);
    }
    assert_eq!(world.seen.len(), 11);
    for seen in &world.seen {
        let all = |name: &str| -> Vec<String> {
            let of = seen.head.iter().filter(|(key, _)| key == name);
            of.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
        };
        assert!(all("proxy-authorization").is_empty() && all("x-mcp-cluster").is_empty());
        if seen.cluster == "a" {
            assert_eq!(all("authorization"), ["Bearer client", "and another one of the client"]);
            assert_eq!(all("cookie"), ["session=client", "and another one of the client"]);
            assert_eq!(value(&seen.head, "x-team"), Some(&b"\xff\x80"[..]));
            assert_eq!(all("x-key"), ["of a"]);
            assert_eq!((all(":path"), all(":authority")), {
                (vec!["/v1".to_owned()], vec!["a.example:1".to_owned()])
            });
        } else {
            assert_eq!(all("authorization"), ["Bearer of b"], "{seen:?}");
            assert_eq!(all("traceparent"), ["set"]);
            assert!(all("cookie").is_empty() && all("x-key").is_empty());
        }
    }
}

#[test]
fn other_paths_pass_untouched_but_for_a_forged_route() {
    let mut world = World::new(&config(&["a"]));
    for seed in 0..60_u64 {
        world.chance = crate::world::Chance::new(seed);
        let paths = ["/", "/mcp/", "/mcpx", "/MCP", "/other?/mcp", "mcp", "", "/%6dcp"];
        let path = world.chance.pick(&paths);
        let body: Vec<u8> = (0..seed * 9).map(|_| world.chance.byte()).collect();
        let mut request = Request::post(body).with(":path", path).with("origin", "https://evil");
        if seed % 5 == 0 {
            request.trailers = true;
        }
        for secret in SECRETS {
            request = request.with(secret.0, secret.1);
        }
        let got = world.send(&request);
        let went = got.went.as_ref().expect("a request");
        assert_eq!((got.way, &went.head, &went.body), (Way::Passed, &request.head, &request.body));
        assert_eq!(got.text(), "<p>another application</p>");
        assert!(got.counts.is_empty());
        let forged = request.clone().with("x-mcp-cluster", "a").and("x-mcp-cluster", "b");
        let went = world.send(&forged).went.expect("a request");
        assert_eq!((went.cluster.as_str(), &went.head), ("", &request.head));
    }
    assert!(world.seen.is_empty());
}

#[test]
fn a_query_belongs_to_the_endpoint() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let request = Request::rpc("ping", "{}").within(&session).with(":path", "/mcp?x=/other");
    let got = world.send(&request);
    assert_eq!(got.json(), json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    let request = Request::rpc("tools/call", r#"{"name":"a__t"}"#).within(&session);
    let went = world.send(&request.with(":path", "/mcp?x=1")).went.expect("a request");
    assert_eq!(went.header(":path").as_deref(), Some("/mcp"));
}

#[test]
fn private_headers_of_an_upstream_do_not_reach_the_client() {
    for (status, kind) in
        [(200, "application/json"), (200, "text/event-stream"), (500, "text/html"), (404, "")]
    {
        let mut world = World::of(&["a"]);
        let session = world.open();
        world.script_method("a", "tools/call", move |_| {
            Response::new(status, kind, "data: x\n\n")
                .with("mcp-session-id", "session-of-a")
                .with("set-cookie", "a=b")
                .with("x-kept", "yes")
                .says()
        });
        let got = world.call(&session, "\"a__t\"");
        for name in ["mcp-session-id", "set-cookie", "x-mcp-cluster"] {
            assert_eq!(got.header(name), None, "{status} {kind}");
        }
    }
}

#[test]
fn the_listening_upstream_alone_gets_the_stream() {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("b");
    let mut world = World::new(&plan);
    world.serve("a", Server::new("a"));
    world.serve("b", Server::new("b").revision("2025-03-26"));
    let session = world.open();
    let resumed = |id: &str| Request::get().within(&session).with("last-event-id", id);
    let got = world.send(&resumed(&event("b", 'o', "session-of-b", "", "7")));
    let went = got.went.as_ref().expect("a request");
    assert_eq!((went.cluster.as_str(), got.text().as_str()), ("b", ": open\n\n"));
    assert_eq!(went.header("last-event-id").as_deref(), Some("7"));
    assert_eq!(went.header("mcp-session-id").as_deref(), Some("session-of-b"));
    // An id that no stream of the gateway had says nothing, to nobody.
    let odd = [('?', "b"), ('o', "c"), ('o', "")];
    let odd = odd.map(|(letter, owner)| event(owner, letter, "session-of-b", "", "7"));
    let short = ["7", "", "b", "b:7", "b:o:7", "b:o12345678:7", "b:o12345678:9:7"];
    for id in short.iter().copied().chain(odd.iter().map(String::as_str)) {
        let went = world.send(&resumed(id)).went.expect("a request");
        assert_eq!((went.cluster.as_str(), went.header("last-event-id")), ("b", None), "{id}");
    }
    // What is no stream would be taken for one with status 200.
    world.script("b", |_| Response::new(405, "", "").says());
    assert_eq!(world.send(&Request::get().within(&session)).status, 405);
    world.script("b", |_| Response::new(200, "application/json", "{}").says());
    assert_eq!(world.send(&Request::get().within(&session)).status, 502);
    world.configure(gateway(&config(&["a", "b"])));
    let got = world.send(&Request::get().within(&session));
    assert_eq!((got.status, got.header("allow").as_deref()), (405, Some("POST, DELETE")));
}

#[test]
fn the_only_upstream_is_listened_to_without_a_word_of_configuration() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let got = world.send(&Request::get().within(&session));
    let went = got.went.as_ref().expect("a request");
    assert_eq!((went.cluster.as_str(), got.text().as_str()), ("a", ": open\n\n"));
    assert_eq!(world.send(&Request::get()).refusal(), (405, -32600, Value::Null));
    let got = world.send(&Request::get().within(&session).with("accept", "application/json"));
    assert_eq!(got.refusal(), (406, -32600, Value::Null));
    let got = world.send(&Request::post("{}").with(":method", "PUT"));
    let allow = got.header("allow");
    assert_eq!((got.status, allow.as_deref()), (405, Some("POST, GET, DELETE")));
}

#[test]
fn no_upstream_may_choose_an_encoding() {
    for client in [None, Some("gzip"), Some("identity"), Some("")] {
        let mut world = World::of(&["a"]);
        let session = world.open();
        let call = Request::rpc("tools/call", r#"{"name":"a__t"}"#).within(&session);
        let call = match client {
            Some(value) => call.with("accept-encoding", value),
            None => call,
        };
        world.send(&call);
        let head = &world.seen.last().expect("a call").head;
        let found: Vec<_> = head.iter().filter(|(name, _)| name == "accept-encoding").collect();
        assert_eq!(found, [&("accept-encoding".to_owned(), b"identity".to_vec())], "{client:?}");
    }
}

#[test]
fn the_configuration_says_who_the_gateway_is() {
    let mut world = World::new(&json!({"upstreams": [
        {"name": "a", "headers": {"set": {"user-agent": "of the operator"}}},
        {"name": "b", "headers": {"forward": ["user-agent"]}},
    ]}));
    world.script("a", anybody);
    world.script("b", anybody);
    let initialize = Request::rpc("initialize", crate::world::INITIALIZE);
    world.send(&initialize.clone().with("user-agent", "of the client"));
    world.send(&initialize);
    let agents: Vec<_> =
        world.seen.iter().map(|seen| (&*seen.cluster, seen.header("user-agent"))).collect();
    let own = concat!("mcp-mux/", env!("CARGO_PKG_VERSION"));
    let expected =
        [("a", "of the operator"), ("b", "of the client"), ("a", "of the operator"), ("b", own)];
    assert_eq!(agents, expected.map(|(name, agent)| (name, Some(agent.to_owned()))));
}
