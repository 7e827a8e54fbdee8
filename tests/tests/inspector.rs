//! The MCP Inspector as a client.

use mcp_mux_tests::process::output;
use mcp_mux_tests::real::{World, node};
use serde_json::Value;
use tokio::process::Command;

async fn inspector(world: &World, arguments: &[&str]) -> Value {
    let mut command = Command::new(node().join("node_modules/.bin/mcp-inspector"));
    command.args(["--cli", &world.endpoint(), "--transport", "http", "--method"]).args(arguments);
    let printed = output(&mut command).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[tokio::test]
async fn the_inspector_lists_and_calls_the_tools_of_both_servers() {
    let world = World::start().await;
    let listed = inspector(&world, &["tools/list"]).await;
    let names = mcp_mux_tests::mcp::names(&listed);
    for expected in ["everything__echo", "everything__get-sum", "fetch__fetch"] {
        assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
    }
    let call = |tool: &'static str, argument: String| {
        let world = &world;
        async move {
            let arguments = ["tools/call", "--tool-name", tool, "--tool-arg", &argument];
            inspector(world, &arguments).await["content"][0]["text"].to_string()
        }
    };
    let echo = call("everything__echo", "message=hello".into()).await;
    assert!(echo.contains("Echo: hello"), "{echo}");
    let page = call("fetch__fetch", format!("url={}", world.page())).await;
    assert!(page.contains("forty-two"), "{page}");
}
