//! Which revision is spoken: with the client, and with each upstream.

use mcp_mux_tests::mcp::{initialize, unavailable};
use mcp_mux_tests::{Client, Gateway, Request, Setup, Upstream};

#[tokio::test]
async fn the_client_gets_the_revision_it_asks_for_or_the_newest() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    for (asked, answered) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        ("latest", "2025-11-25"),
    ] {
        let client = Client::open_as(&envoy, asked).await;
        assert_eq!(client.revision, answered, "asked for {asked}");
        assert_eq!(client.tool_names().await, ["a__echo"], "in a session of {answered}");
    }
}

/// The body of an `initialize` says what the client speaks. Before it is answered, the header has no
/// meaning, and some clients send what they like best.
#[tokio::test]
async fn the_header_of_an_initialize_is_not_looked_at() {
    let Gateway { a, envoy } = Gateway::start().await;
    for odd in ["2024-11-05", "2099-01-01", "2025-06", "1.0", "latest", ""] {
        let request = Request::post(&envoy, initialize("2025-06-18"));
        let reply = request.header("mcp-protocol-version", odd).send().await;
        let client = Client::of(&envoy, &reply);
        assert_eq!(client.revision, "2025-06-18", "{odd}");
        assert_eq!(client.tool_names().await, ["a__echo"], "{odd}");
        // Nor is it handed on.
        assert_eq!(a.only("initialize").header("mcp-protocol-version"), None, "{odd}");
        a.forget();
        // In the session it has a meaning.
        let ping = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        assert_eq!(ping.header("mcp-protocol-version", odd).send().await.status, 400, "{odd}");
    }
}

/// That revision has no Streamable HTTP, but there are servers of it that answer so, and clients of all
/// SDKs work with them.
#[tokio::test]
async fn an_upstream_may_negotiate_2024_11_05() {
    let old = Upstream::named("old").with(|it| it.revision = Some("2024-11-05".into()));
    let (old, new) = (old.start().await, Upstream::named("new").start().await);
    let envoy = Setup::new().upstream(&old).upstream(&new).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.revision, "2025-11-25");
    assert_eq!(unavailable(&client.initialized), []);
    assert_eq!(client.tool_names().await, ["old__echo", "new__echo"]);
    assert_eq!(client.call_text("old__echo").await, "old:echo");
    assert_eq!(client.http("DELETE").send().await.status, 204);
    for method in ["notifications/initialized", "tools/list", "tools/call", "DELETE"] {
        let seen = old.only(method);
        assert_eq!(seen.header("mcp-protocol-version"), Some("2024-11-05"), "{method}");
    }
}
