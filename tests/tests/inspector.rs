//! The MCP Inspector as a client: its web UI in a browser, and its CLI.

use std::path::PathBuf;

use mcp_mux_tests::inspector::Inspector;
use mcp_mux_tests::mcp::names;
use mcp_mux_tests::process::output;
use mcp_mux_tests::real::{World, node};
use mcp_mux_tests::{repository, tool};
use serde_json::{Value, json};
use tokio::process::Command;

/// What a user of the web UI sees, and the folder's file with a picture of that.
async fn web_ui(world: &World, era: &str, picture: &str) -> (Value, PathBuf) {
    let inspector = Inspector::of(world.endpoint());
    let (_web, url) = inspector.web(era).await;
    let artifacts = repository("target/artifacts");
    std::fs::create_dir_all(&artifacts).expect("the folder of artifacts");
    let screenshot = artifacts.join(picture);
    let _ = std::fs::remove_file(&screenshot);
    let mut user = Command::new("node");
    user.arg(repository("tests/clients/inspector-ui.mjs")).arg(node());
    user.arg(tool("CHROMIUM", ".tools/bin/chromium")).args([&url, &world.page()]).arg(&screenshot);
    let seen: Value = serde_json::from_str(&output(&mut user).await).expect("JSON");
    assert_eq!((&seen["server"], &seen["errors"]), (&json!("mcp-mux"), &json!([])), "{seen}");
    (seen, screenshot)
}

#[tokio::test]
async fn the_web_ui_works_without_a_session() {
    let world = World::start().await;
    let (seen, _) = web_ui(&world, "modern", "inspector-modern.png").await;
    let text = |field: &str| seen[field].as_str().expect("text");
    assert!(text("echo").contains("Echo: hello from a browser"), "{seen}");
    assert!(text("page").contains("forty-two"), "{seen}");
    let sent = seen["messages"].to_string().to_lowercase();
    assert!(sent.contains("server/discover") && !sent.contains("initialize"), "{sent}");
}

#[tokio::test]
async fn the_web_ui_lists_and_calls_the_tools_of_both_servers() {
    let world = World::start().await;
    let (seen, screenshot) = web_ui(&world, "legacy", "inspector.png").await;
    let listed = seen["tools"].as_array().expect("tools");
    assert_eq!(seen["heading"], format!("Tools ({})", listed.len()));
    for expected in ["everything__echo", "everything__get-sum", "fetch__fetch"] {
        assert!(listed.iter().any(|name| name == expected), "{expected}: {seen}");
    }
    let text = |field: &str| seen[field].as_str().expect("text");
    assert!(text("echo").contains("Echo: hello from a browser"), "{seen}");
    assert!(text("page").contains("forty-two"), "{seen}");
    for message in seen["messages"].as_array().expect("messages") {
        let message = message.as_str().expect("text");
        assert!(message.contains(" OK ") || message.starts_with("NOTIFICATIONS/"), "{seen}");
    }
    // The process that serves the page speaks with the gateway, so the browser asks for no CORS.
    assert!(!seen["elsewhere"].as_array().expect("hosts").contains(&json!("127.0.0.1")), "{seen}");
    let image = std::fs::read(&screenshot).expect("the screenshot");
    assert!(image.starts_with(b"\x89PNG") && image.len() > 10_000, "{} bytes", image.len());
}

#[tokio::test]
async fn the_cli_lists_and_calls_the_tools_of_both_servers() {
    let world = World::start().await;
    let inspector = Inspector::of(world.endpoint());
    let server = inspector.call(&["initialize"]).await;
    assert_eq!(server["serverInfo"]["name"], "mcp-mux", "{server}");
    assert_eq!(server["protocolVersion"], "2025-11-25", "{server}");
    assert!(server["instructions"].to_string().contains("Everything Server"), "{server}");

    let listed = names(&inspector.call(&["tools/list"]).await);
    for expected in ["everything__echo", "everything__get-sum", "fetch__fetch"] {
        assert!(listed.iter().any(|name| name == expected), "{expected}: {listed:?}");
    }
    let echo = inspector.tool("everything__echo", "message=hello").await;
    assert!(echo.contains("Echo: hello"), "{echo}");
    let page = inspector.tool("fetch__fetch", &format!("url={}", world.page())).await;
    assert!(page.contains("forty-two"), "{page}");

    let load = ["--load", "--load-requests", "200", "--load-concurrency", "10"];
    let echo = ["tools/call", "--tool-name", "everything__echo", "--tool-arg", "message=hello"];
    let load = inspector.call(&[&echo[..], &load[..]].concat()).await;
    let counts = [&load["ok"], &load["toolErrors"], &load["errors"]];
    assert_eq!(counts, [&json!(200), &json!(0), &json!(0)], "{load}");
}

#[tokio::test]
async fn the_cli_says_what_went_wrong_in_either_era() {
    let world = World::start().await;
    let inspector = Inspector::of(world.endpoint());
    for (era, revision) in
        [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("modern", "2026-07-28")]
    {
        let server = inspector.call(&["initialize", "--protocol-era", era]).await;
        assert_eq!(server["protocolVersion"], revision, "{server}");
        let listed = inspector.call(&["tools/list", "--protocol-era", era]).await;
        assert!(names(&listed).iter().any(|name| name == "fetch__fetch"), "{era}: {listed}");
    }

    let no_argument = ["tools/call", "--tool-name", "everything__echo"];
    let (status, error) = inspector.failure(&no_argument).await;
    assert_eq!((status, &error["code"]), (5, &json!("tool_is_error")), "{error}");
    let unknown = ["tools/call", "--tool-name", "nobody__echo"];
    let (status, error) = inspector.failure(&unknown).await;
    assert_eq!((status, &error["code"]), (5, &json!("tool_not_found")), "{error}");

    // Methods of an extension that no server here declares: it does not even ask.
    for arguments in [
        &["skills/list"][..],
        &["skills/get", "--uri", "skill://one"],
        &["resources/directory/read", "--uri", "skill://one"],
    ] {
        let (_, error) = inspector.failure(arguments).await;
        assert!(error["message"].to_string().contains("modelcontextprotocol/skills"), "{error}");
    }
}

#[tokio::test]
async fn the_cli_lists_and_gets_the_prompts_of_both_servers() {
    let world = World::start().await;
    let inspector = Inspector::of(world.endpoint());
    let listed = inspector.call(&["prompts/list"]).await;
    let listed = members(&listed["prompts"], "name");
    for expected in ["everything__simple-prompt", "everything__args-prompt", "fetch__fetch"] {
        assert!(listed.iter().any(|name| name == expected), "{expected}: {listed:?}");
    }
    let text = async |prompt: &str, arguments: &[&str]| {
        let get = ["prompts/get", "--prompt-name", prompt];
        inspector.call(&[&get[..], arguments].concat()).await["messages"][0]["content"].to_string()
    };
    let simple = text("everything__simple-prompt", &[]).await;
    assert!(simple.contains("a simple prompt without arguments"), "{simple}");
    let arguments = ["--prompt-args", "city=Paris", "state=Texas"];
    let weather = text("everything__args-prompt", &arguments).await;
    assert!(weather.contains("Paris, Texas"), "{weather}");
    let page = text("fetch__fetch", &["--prompt-args", &format!("url={}", world.page())]).await;
    assert!(page.contains("forty-two"), "{page}");

    let unknown = ["prompts/get", "--prompt-name", "everything__nothing"];
    let (_, error) = inspector.failure(&unknown).await;
    assert!(error["message"].to_string().contains("not found"), "{error}");
}

#[tokio::test]
async fn the_cli_lists_and_reads_resources_and_sets_the_level_of_the_log() {
    let world = World::start().await;
    let inspector = Inspector::of(world.endpoint());
    let server = inspector.call(&["initialize"]).await;
    for capability in ["tools", "prompts", "resources", "completions", "logging"] {
        assert!(server["capabilities"][capability].is_object(), "{capability}: {server}");
    }
    assert_eq!(inspector.call(&["logging/setLevel", "--log-level", "debug"]).await, json!({}));

    let listed = inspector.call(&["resources/list"]).await;
    let document = "everything+demo://resource/static/document/features.md";
    let listed = members(&listed["resources"], "uri");
    assert!(listed.iter().any(|uri| uri == document), "{listed:?}");
    let templates = inspector.call(&["resources/templates/list"]).await;
    let templates = members(&templates["resourceTemplates"], "uriTemplate");
    let template = "everything+demo://resource/dynamic/text/{resourceId}";
    assert!(templates.iter().any(|uri| uri == template), "{templates:?}");

    let text = "everything+demo://resource/dynamic/text/1";
    let blob = "everything+demo://resource/dynamic/blob/1";
    for (uri, kind, part) in [
        (document, "text", "# Everything Server"),
        (text, "text", "Resource 1: "),
        (blob, "blob", ""),
    ] {
        let read = inspector.call(&["resources/read", "--uri", uri]).await;
        let content = read["contents"][0][kind].as_str();
        assert!(content.is_some_and(|content| content.contains(part)), "{uri}: {read}");
    }
    for unknown in ["everything+demo://nothing", "nobody+demo://nothing"] {
        let (_, error) = inspector.failure(&["resources/read", "--uri", unknown]).await;
        assert!(error["message"].to_string().contains("not"), "{unknown}: {error}");
    }
}

/// This member of every item of a list.
fn members(list: &Value, member: &str) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item[member].as_str().expect("text").to_owned()).collect()
}
