//! Real servers of many makers behind one endpoint: the Inspector lists and calls the tools of all, and in its web UI a
//! user answers what they ask.

use mcp_mux_tests::inspector::Inspector;
use mcp_mux_tests::mcp::names;
use mcp_mux_tests::process::output;
use mcp_mux_tests::real::node;
use mcp_mux_tests::together::Together;
use mcp_mux_tests::{repository, tool};
use serde_json::{Value, json};
use tokio::process::Command;

#[tokio::test]
async fn all_are_listed_and_called() {
    let world = Together::start().await;
    let inspector = Inspector::of(world.endpoint());
    let listed = names(&inspector.call(&["tools/list"]).await);
    for (tool, argument, expected) in [
        ("everything__get-sum", "a=2", "5"),
        (
            "playwright__browser_navigate",
            "url=data:text/html,<title>forty-two</title>",
            "forty-two",
        ),
        ("fastmcp2__version", "", "FastMCP 2."),
        ("fastmcp3__version", "", "FastMCP 3."),
    ] {
        assert!(listed.iter().any(|name| name == tool), "{tool}: {listed:?}");
        let mut arguments = vec!["tools/call", "--tool-name", tool];
        if !argument.is_empty() {
            arguments.extend(["--tool-arg", argument]);
        }
        if tool.ends_with("get-sum") {
            arguments.push("b=3");
        }
        let called = inspector.call(&arguments).await;
        assert!(called["content"].to_string().contains(expected), "{tool}: {called}");
    }
}

#[tokio::test]
async fn a_user_of_the_web_ui_answers_what_servers_ask() {
    let world = Together::start().await;
    let inspector = Inspector::of(world.endpoint());
    let (_web, url) = inspector.web("legacy").await;
    let mut user = Command::new("node");
    user.arg(repository("tests/clients/inspector-asked.mjs")).arg(node());
    user.arg(tool("CHROMIUM", ".tools/bin/chromium")).arg(&url);
    let seen: Value = serde_json::from_str(&output(&mut user).await).expect("JSON");
    assert_eq!(seen["errors"], json!([]), "{seen}");
    let says = |call: &str, text: &str| {
        let result = seen[call].as_str().expect("text");
        assert!(result.contains(text), "{call}: {seen}");
    };
    says("elicited", "Ann of the browser");
    says("sampled", "words of the browser");
    for generation in ["fastmcp2", "fastmcp3"] {
        says(generation, "Ann of the browser: words of the browser");
    }
}
