//! `mcp-mux tools` and `mcp-mux pin`, with scripted servers.

use mcp_mux_tests::{Answer, Upstream};
use serde_json::Value;

use crate::program::ended;

fn url(server: &Upstream) -> String {
    format!("http://{}/mcp", server.address)
}

#[tokio::test]
async fn an_endpoint_with_sessions_lists_all_its_pages() {
    let server = Upstream::named("a")
        .pages(&[&[r#"{"name":"one"}"#], &[r#"{"name":"two"}"#], &[r#"{"name":"three"}"#]])
        .start()
        .await;
    let text = ended(&["tools", &url(&server), "-H", "x-key: k"]).await;
    assert_eq!(text.code, 0, "{}", text.stderr);
    for words in ["2025-11-25 (with sessions)", "3 tools", "one", "two", "three"] {
        assert!(text.stdout.contains(words), "{words} is not in\n{}", text.stdout);
    }
    let pages = server.seen_of("tools/list");
    assert_eq!(pages.len(), 3);
    assert!(pages.iter().all(|seen| seen.header("x-key") == Some("k")));
    assert_eq!(server.seen_of("initialize").len(), 1);
    let json = ended(&["tools", &url(&server), "--json"]).await;
    let read: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(read["era"], "handshake");
    assert_eq!(read["tools"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn an_endpoint_without_sessions_is_asked_without_one() {
    let discover = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}"#;
    let list = r#"{"resultType":"complete","tools":[{"name":"now","description":"The\ntime"}],"ttlMs":0,"cacheScope":"private"}"#;
    let server = Upstream::named("a").start().await;
    for (method, result) in [("server/discover", discover), ("tools/list", list)] {
        server.answer(method, move |seen| {
            let id = seen.id();
            Answer::whole(
                200,
                "application/json",
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
            )
        });
    }
    let json = ended(&["tools", &url(&server), "--json"]).await;
    let read: Value =
        serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{}", json.stderr));
    assert_eq!(
        (read["era"].as_str(), read["revision"].as_str()),
        (Some("stateless"), Some("2026-07-28"))
    );
    assert_eq!(read["tools"][0]["name"], "now");
    assert!(server.seen_of("initialize").is_empty());
    assert_eq!(server.only("tools/list").header("mcp-method"), Some("tools/list"));
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_gets_one_line() {
    let closed = mcp_mux_tests::process::ClosedPort::reserve();
    let url = format!("http://{}/mcp?key=s3cret", closed.address);
    let failed = ended(&["tools", &url]).await;
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("Connection refused") && failed.stderr.lines().count() == 1);
    assert!(!failed.stderr.contains("s3cret"));
    let server = Upstream::named("a").start().await;
    for method in ["server/discover", "initialize"] {
        server.answer(method, |_| Answer::whole(401, "text/plain", "who are you?"));
    }
    let failed = ended(&["pin", &self::url(&server)]).await;
    assert!(
        failed.stderr.contains("401 Unauthorized: give it the credentials"),
        "{}",
        failed.stderr
    );
}

#[tokio::test]
async fn digests_are_of_tools_as_the_server_gives_them() {
    let server = Upstream::named("a").start().await;
    server.answer("tools/list", |seen| {
        let (id, tool) =
            (seen.id(), r#"{"size":1.0, "name":"echo","inputSchema":{"type":"object"}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tool}]}}}}"#);
        Answer::whole(200, "application/json", body)
    });
    // sha256 of {"inputSchema":{"type":"object"},"name":"echo","size":1}
    let digest = "2227924ff5daed44da0a6299e872d2ea813c960a1870866ecd6d685cfc5ebbf4";
    let pinned = ended(&["pin", &url(&server)]).await;
    assert_eq!(pinned.stdout, format!("pin:\n  \"echo\": {digest}\n"), "{}", pinned.stderr);
    let json: Value =
        serde_json::from_str(&ended(&["pin", &url(&server), "--json"]).await.stdout).expect("JSON");
    assert_eq!(json["echo"], digest);
}
