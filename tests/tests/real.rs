//! Servers and clients that nobody here wrote: server-everything over Streamable HTTP, a stdio
//! fetch server behind `fastmcp run`, the MCP Inspector, the TypeScript and the Python SDK.

use mcp_mux_tests::process::{Service, free_port, output};
use mcp_mux_tests::{Answer, Client, Envoy, Setup, Upstream, repository};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// The gateway before both servers, and a page for the fetch server.
struct World {
    envoy: Envoy,
    page: Upstream,
    _everything: Service,
    _fetch: Service,
    _files: TempDir,
}

impl World {
    async fn start() -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        let (everything, fetch) = tokio::join!(everything(), fetch(&files));
        let page = Upstream::named("page").on("GET", |seen| match seen.target.as_str() {
            "/page" => Answer::whole(200, "text/html", "<p>The answer is <b>forty-two</b>.</p>"),
            _ => Answer::whole(404, "text/plain", "no robots.txt"),
        });
        let page = page.start().await;
        let envoy = Setup::new()
            .upstream_at("everything", everything.address, &json!({}))
            .upstream_at("fetch", fetch.address, &json!({}))
            .start()
            .await;
        Self { envoy, page, _everything: everything, _fetch: fetch, _files: files }
    }

    fn endpoint(&self) -> String {
        format!("http://{}/mcp", self.envoy.address)
    }

    fn page(&self) -> String {
        format!("http://{}/page", self.page.address)
    }

    /// Checks what a client of an SDK saw.
    fn satisfied(seen: &Value) {
        assert_eq!(seen["revision"], "2025-11-25", "{seen}");
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
}

async fn everything() -> Service {
    let port = free_port().await;
    let mut command = Command::new("node");
    // Given a port alone it would listen on every interface.
    command.arg("--require").arg(repository("scripts/node/loopback.cjs"));
    let server = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    command.arg(node().join(server)).arg("streamableHttp").env("PORT", port.to_string());
    Service::start(&mut command, port).await
}

async fn fetch(files: &TempDir) -> Service {
    let port = free_port().await;
    let servers = files.path().join("servers.json");
    let fetch = json!({"command": python("mcp-server-fetch"), "args": ["--allow-private-ips"]});
    let text = json!({"mcpServers": {"fetch": fetch}}).to_string();
    std::fs::write(&servers, text).expect("the servers file");
    let mut command = Command::new(python("fastmcp"));
    command.arg("run").arg(servers).env("FASTMCP_CHECK_FOR_UPDATES", "off");
    command.args(["--transport", "http", "--host", "127.0.0.1", "--no-banner", "--port"]);
    Service::start(command.arg(port.to_string()), port).await
}

fn node() -> std::path::PathBuf {
    mcp_mux_tests::tool("MCP_MUX_NODE", ".tools/node")
}

fn python(program: &str) -> std::path::PathBuf {
    mcp_mux_tests::tool("MCP_MUX_PYTHON", ".tools/py").join("bin").join(program)
}

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

#[tokio::test]
async fn the_sdks_are_satisfied_and_fall_back_from_the_revision_that_is_refused() {
    let world = World::start().await;
    let (endpoint, page) = (world.endpoint(), world.page());
    for mode in ["legacy", "auto"] {
        let refused = world.envoy.stat("http.main.downstream_rq_4xx").await;
        let mut command = Command::new("node");
        command.arg(repository("tests/clients/typescript.mjs"));
        command.arg(node()).args([&endpoint, mode, &page]);
        let seen: Value = serde_json::from_str(&output(&mut command).await).expect("JSON");
        World::satisfied(&seen);
        assert_eq!((&seen["era"], &seen["unknown"]["code"]), (&json!("legacy"), &json!(-32602)));
        assert_eq!(seen["ping"], json!({}), "{seen}");
        if mode == "auto" {
            // Otherwise this client has not tried.
            assert!(world.envoy.stat("http.main.downstream_rq_4xx").await > refused);
        }
        let mut command = Command::new(python("python"));
        command.arg(repository("tests/clients/python.py")).args([&endpoint, mode, &page]);
        let seen: Value = serde_json::from_str(&output(&mut command).await).expect("JSON");
        World::satisfied(&seen);
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
