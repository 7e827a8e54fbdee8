//! The status page.

use std::time::Duration;

use mcp_mux_tests::process::output;
use mcp_mux_tests::real::node;
use mcp_mux_tests::{Answer, Client, Envoy, Reply, Request, Step, Upstream, repository, tool};
use serde_json::{Value, json};
use tokio::process::Command;

use super::world::Shipped;

/// A name that a server has chosen.
const HOSTILE: &str = r#"<img src=x onerror=alert(1)>"'&"#;

/// One server is slow, one tool of the other fails, and another tool has a hostile name.
async fn in_trouble() -> Shipped {
    let hostile = json!({"name": HOSTILE, "inputSchema": {"type": "object"}}).to_string();
    let everything = Upstream::named("everything")
        .pages(&[&[r#"{"name":"echo"}"#, r#"{"name":"report"}"#, &hostile]])
        .on("tools/call", |seen| match seen.name().as_str() {
            "report" => Answer::result(seen, r#"{"content":[],"isError":true}"#),
            _ => Answer::result(seen, r#"{"content":[]}"#),
        })
        .start()
        .await;
    let fetch = Upstream::named("fetch").tools(&["fetch"]).on("tools/call", |seen| {
        let body = mcp_mux_tests::script::response(seen, r#"{"content":[]}"#);
        let slowly = vec![Step::Pause(Duration::from_millis(1500)), Step::send(body)];
        Answer::steps(200, "application/json", slowly)
    });
    let shipped = Shipped::start(everything, fetch.start().await).await;
    let client = Client::open(&shipped.envoy).await;
    client.list().await.result();
    for _ in 0..4 {
        client.call("everything__echo").await.result();
        client.call("everything__report").await.result();
    }
    client.call(&format!("everything__{HOSTILE}")).await.result();
    let calls = (0..8).map(|_| client.call("fetch__fetch"));
    for call in calls {
        call.await.result();
    }
    shipped
}

async fn page(envoy: &Envoy, accept: &str) -> Reply {
    Request::new(envoy, "GET", "/mcp/status").header("accept", accept).send().await
}

#[tokio::test]
async fn whoever_looks_sees_which_server_is_slow_and_which_tool_fails() {
    let shipped = in_trouble().await;
    let json = page(&shipped.envoy, "application/json").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    let status: Value = serde_json::from_str(json.text()).expect("JSON");
    let warnings = status["warnings"].as_array().expect("warnings");
    let about = |server: &str, tool: &str| {
        let found = warnings.iter().filter(|it| it["server"] == server && it["tool"] == tool);
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 1, "{server} {tool}: {status:#}");
        let text = |field: &str| found[0][field].as_str().expect("text").to_owned();
        (text("what"), text("advice"))
    };
    let (what, advice) = about("everything", "report");
    assert!(what.starts_with("4 of its last 4 calls failed") && what.contains("isError"), "{what}");
    assert!(advice.contains("access log"), "{advice}");
    let (what, advice) = about("fetch", "");
    assert!(what.contains("took 1.5 s or more"), "{what}");
    assert!(advice.contains("mcp_mux_upstream_ms"), "{advice}");
    assert_eq!(warnings.len(), 2, "nothing else is the matter: {status:#}");
    let server = |name: &str| {
        status["servers"]
            .as_array()
            .expect("servers")
            .iter()
            .find(|it| it["name"] == name)
            .expect("it")
    };
    assert_eq!(server("fetch")["state"], "slow", "{status:#}");
    let everything = server("everything");
    assert_eq!(
        (&everything["state"], &everything["tools"]),
        (&json!("ok"), &json!(3)),
        "{status:#}"
    );
    assert_eq!(everything["revision"], "2025-11-25");
    assert_eq!(everything["era"], "handshake");

    let line =
        shipped.envoy.access("the failing tool", |line| line["mcp_outcome"] == "tool_error").await;
    assert_eq!(
        (&line["mcp_name"], &line["mcp_upstream"]),
        (&json!("report"), &json!("everything"))
    );
    let slow = |line: &Value| line["duration_ms"].as_u64().is_some_and(|it| it >= 1400);
    assert_eq!(shipped.envoy.access("the slow server", slow).await["mcp_upstream"], "fetch");
}

#[tokio::test]
async fn a_server_that_is_away_is_named_with_what_to_do() {
    let (everything, fetch) =
        (Upstream::named("everything").start(), Upstream::named("fetch").start());
    let Shipped { envoy, everything: _everything, fetch } =
        Shipped::start(everything.await, fetch.await).await;
    let client = Client::open(&envoy).await;
    drop(fetch);
    client.list().await.result();
    let status: Value =
        serde_json::from_str(page(&envoy, "application/json").await.text()).expect("JSON");
    let server = &status["servers"][1];
    assert_eq!(
        (&server["name"], &server["state"]),
        (&json!("fetch"), &json!("failing")),
        "{status:#}"
    );
    assert!(server["last_error"].as_str().is_some_and(|it| !it.is_empty()), "{status:#}");
    let advice = status["warnings"][0]["advice"].to_string();
    assert!(advice.contains("mcp_fetch") && advice.contains("/clusters"), "{status:#}");
}

#[tokio::test]
async fn the_page_is_safe_and_shows_no_secret() {
    let shipped = in_trouble().await;
    let html = page(&shipped.envoy, "text/html,*/*").await;
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = html.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(html.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(html.header("cache-control"), Some("no-store"));
    let text = html.text();
    assert!(
        text.contains("&lt;img src=x onerror=alert(1)&gt;") && !text.contains("<img"),
        "{text}"
    );
    assert!(!text.contains("<script") && !text.contains("javascript:"), "{text}");
    for foreign in ["https://evil.example", "http://192.0.2.1"] {
        let asked = Request::new(&shipped.envoy, "GET", "/mcp/status").header("origin", foreign);
        asked.send().await.error(403, -32600);
    }
    let posted = Request::new(&shipped.envoy, "POST", "/mcp/status").body("x").send().await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
}

/// What a person sees in a browser, and the folder's file with a picture of that.
async fn looked_at(url: &str, scheme: &str) -> Value {
    let artifacts = repository("target/artifacts");
    std::fs::create_dir_all(&artifacts).expect("the folder of artifacts");
    let picture = artifacts.join(format!("status-{scheme}.png"));
    let mut user = Command::new("node");
    user.arg(repository("tests/clients/status-page.mjs")).arg(node());
    user.arg(tool("CHROMIUM", ".tools/bin/chromium")).args([url, scheme]).arg(&picture);
    let seen: Value = serde_json::from_str(&output(&mut user).await).expect("JSON");
    let image = std::fs::read(&picture).expect("the picture");
    assert!(image.starts_with(b"\x89PNG") && image.len() > 10_000, "{} bytes", image.len());
    seen
}

#[tokio::test]
async fn a_browser_shows_it_light_and_dark_and_runs_nothing() {
    let shipped = in_trouble().await;
    let url = format!("http://{}/mcp/status", shipped.envoy.address);
    let mut colours = Vec::new();
    for scheme in ["light", "dark"] {
        let seen = looked_at(&url, scheme).await;
        assert_eq!(seen["errors"], json!([]), "{seen}");
        assert_eq!(seen["dialogs"], json!([]), "{seen}");
        let text = seen["warnings"].as_str().expect("text");
        assert!(text.contains("report of everything: 4 of its last 4 calls failed"), "{text}");
        assert!(text.contains("fetch: half of its last"), "{text}");
        assert!(seen["tools"].as_str().is_some_and(|it| it.contains(HOSTILE)), "{seen}");
        assert_eq!(seen["overflows"], false, "{seen}");
        // WCAG 2.2, 1.4.3, "Contrast (Minimum)".
        let contrast = seen["contrast"].as_f64().expect("a number");
        assert!(contrast >= 4.5, "{scheme}: {contrast}");
        colours.push(seen["background"].clone());
    }
    assert_ne!(colours[0], colours[1]);
}
