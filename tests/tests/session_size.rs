//! How long a session id gets: it is a header, and Node's `fetch` takes 16 KiB of headers in all, nginx
//! 8 KiB a line.

use mcp_mux_tests::mcp::{initialize, unavailable};
use mcp_mux_tests::real::Sdk;
use mcp_mux_tests::{Answer, Client, Gateway, Request, Setup, Upstream};
use serde_json::{Value, json};

/// An upstream whose session ids have 1250 bytes.
async fn with_long_ids(name: String) -> Upstream {
    let id = format!("{name}-session-{}", "s".repeat(1250 - name.len() - 9));
    let result = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": name, "version": "1"},
    });
    let opens =
        move |seen: &_| Answer::result(seen, &result.to_string()).header("mcp-session-id", &id);
    Upstream::named(&name).on("initialize", opens).start().await
}

#[tokio::test]
async fn many_upstreams_with_long_ids_of_their_own_fit_into_8_kib() {
    let mut upstreams = Vec::new();
    for n in 0..20 {
        upstreams.push(with_long_ids(format!("up{n}")).await);
    }
    let setup = upstreams.iter().fold(Setup::new().keys(b"L"), Setup::upstream);
    let all: Vec<String> = upstreams.iter().map(|it| format!("{}__echo", it.name)).collect();
    let (envoy, other) = (setup.clone().start().await, setup.start().await);
    let client = Client::open(&envoy).await;
    assert_eq!(unavailable(&client.initialized), []);
    assert!(client.session.len() <= 8192, "{}", client.session.len());
    // Nor does it leave room for many more, so as few as possible have to join again.
    assert!(client.session.len() > 8192 - 4 * 1250 / 3, "{}", client.session.len());
    assert_eq!(client.tool_names().await, all);
    for upstream in &upstreams {
        upstream.only("initialize");
    }
    // An Envoy that does not remember those that are not in it opens them when they are needed.
    let moved = client.at(&other);
    assert_eq!(moved.tool_names().await, all);
    for upstream in &upstreams {
        let name = &upstream.name;
        assert_eq!(moved.call_text(&format!("{name}__echo")).await, format!("{name}:echo"));
        assert!(upstream.seen_of("initialize").len() <= 2, "{name}");
    }
    // The clients that could not take the header.
    for sdk in Sdk::ALL {
        let seen = sdk.lists(envoy.address).await;
        assert_eq!(seen["tools"], json!(all), "{sdk:?}: {seen}");
    }
}

#[tokio::test]
async fn an_icon_of_the_client_reaches_the_upstreams_and_not_the_session_id() {
    let Gateway { a, envoy } = Gateway::start().await;
    let mut message: Value = serde_json::from_str(&initialize("2025-11-25")).expect("JSON");
    let info = json!({
        "name": "client",
        "version": "1",
        "description": "a client with an icon",
        "websiteUrl": "https://client.example/",
        "icons": [{"src": format!("data:image/png;base64,{}", "A".repeat(9000))}],
    });
    message["params"]["clientInfo"] = info.clone();
    let reply = Request::post(&envoy, message.to_string()).send().await;
    let client = Client::of(&envoy, &reply);
    assert!(client.session.len() < 1024, "{}", client.session.len());
    assert_eq!(a.only("initialize").params()["clientInfo"], info);
    assert_eq!(client.call_text("a__echo").await, "a:echo");
}
