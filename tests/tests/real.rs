//! The TypeScript and the Python SDK as clients, and what a real server lists.

use mcp_mux_tests::process::output;
use mcp_mux_tests::real::{World, everything, node, python};
use mcp_mux_tests::{Client, Setup, repository};
use serde_json::{Value, json};
use tokio::process::Command;

/// Checks what a client of an SDK saw.
fn satisfied(seen: &Value) {
    let tools = seen["tools"].as_array().expect("tools");
    let named = |prefix: &str| {
        let of = |tool: &&Value| tool.as_str().is_some_and(|name| name.starts_with(prefix));
        tools.iter().filter(of).count()
    };
    assert!(named("everything__") >= 5, "{seen}");
    assert_eq!(named("fetch__"), 1, "{seen}");
    assert_eq!(seen["echo"], "Echo: héllo", "{seen}");
    assert!(seen["sum"].as_str().is_some_and(|text| text.contains("42")), "{seen}");
    assert!(seen["slow"].as_str().is_some_and(|text| text.contains("completed")), "{seen}");
    assert_eq!(seen["progress"].as_array().map(Vec::len), Some(4), "{seen}");
    assert!(seen["page"].as_str().is_some_and(|text| text.contains("forty-two")), "{seen}");
    let unknown = seen["unknown"]["message"].as_str();
    assert!(unknown.is_some_and(|text| text.contains("nobody__echo")), "{seen}");
}

#[tokio::test]
async fn the_sdks_are_satisfied_in_the_era_that_they_choose() {
    let world = World::start().await;
    let (endpoint, page) = (world.endpoint(), world.page());
    for (mode, era, revision) in
        [("legacy", "legacy", "2025-11-25"), ("auto", "modern", "2026-07-28")]
    {
        let mut command = Command::new("node");
        command.arg(repository("tests/clients/typescript.mjs"));
        command.arg(node()).args([&endpoint, mode, &page]);
        let seen: Value = serde_json::from_str(&output(&mut command).await).expect("JSON");
        satisfied(&seen);
        assert_eq!((&seen["era"], &seen["unknown"]["code"]), (&json!(era), &json!(-32602)));
        assert_eq!(seen["revision"], revision, "{seen}");
        if era == "legacy" {
            assert_eq!(seen["ping"], json!({}), "{seen}");
        }
        let mut command = Command::new(python("python"));
        command.arg(repository("tests/clients/python.py")).args([&endpoint, mode, &page]);
        let seen: Value = serde_json::from_str(&output(&mut command).await).expect("JSON");
        satisfied(&seen);
        assert_eq!(seen["revision"], revision, "{seen}");
    }
}

#[tokio::test]
async fn the_tools_of_a_real_server_are_those_that_it_lists_itself() {
    let everything = everything().await;
    let gateway = Setup::new()
        .upstream_at("everything", everything.address, &json!({"prefix": ""}))
        .start()
        .await;
    let plain = Setup::new().elsewhere_at("everything", everything.address).without_filter();
    let plain = plain.start().await;
    let through = Client::open(&gateway).await;
    let direct = Client::open(&plain).await;
    let (listed, expected) = (through.list().await.result(), direct.list().await.result());
    let names = mcp_mux_tests::mcp::names(&listed);
    assert!(names.len() >= 5, "{names:?}");
    // It has more tools for clients that it can ask back, which is not offered to it yet.
    let mut expected = expected["tools"].as_array().expect("tools").clone();
    expected.retain(|tool| names.iter().any(|name| tool["name"] == *name));
    assert_eq!(listed["tools"].as_array(), Some(&expected));
    assert_eq!(through.http("DELETE").send().await.status, 204);
}
