//! `mcpdo`, the Inspector's client that keeps a connection open between its commands.

use mcp_mux_tests::mcp::names;
use mcp_mux_tests::process::{Printing, output};
use mcp_mux_tests::real::{World, node};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A connection to the gateway, held by a daemon of its own that ends with it.
struct Connection {
    home: TempDir,
}

impl Connection {
    async fn open(world: &World) -> Self {
        let connection = Self { home: tempfile::tempdir().expect("a temporary directory") };
        let arguments = ["connect", "@it", &world.endpoint(), "--transport", "http"];
        let opened = connection.run(&arguments).await;
        assert_eq!(opened["protocolEra"], "legacy", "{opened}");
        connection
    }

    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(node().join("node_modules/.bin/mcpdo"));
        let home = self.home.path();
        command.env("HOME", home).env("MCP_INSPECTOR_DAEMON_DIR", home.join("daemon"));
        // There is no keychain, and it is not to look for one.
        command.env("MCP_INSPECTOR_SECRET_STORE", "file");
        command.args(["--format", "json"]);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Value {
        let mut command = self.command();
        command.args(arguments);
        let printed = output(&mut command.into()).await;
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Calls a method on the connection and returns what is printed.
    async fn call(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--connection", "it"], arguments].concat()).await
    }

    /// Calls a method that prints what comes until it is stopped.
    fn follow(&self, arguments: &[&str]) -> Printing {
        let mut command = self.command();
        command.args(["--connection", "it"]).args(arguments);
        Printing::start(&mut command.into())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.command().args(["daemon", "stop"]).output();
    }
}

#[tokio::test]
async fn one_session_serves_many_commands() {
    let world = World::start().await;
    let connection = Connection::open(&world).await;
    let listed = names(&connection.call(&["tools/list"]).await);
    for expected in ["everything__echo", "everything__get-sum", "fetch__fetch"] {
        assert!(listed.iter().any(|name| name == expected), "{expected}: {listed:?}");
    }
    let sum = connection.call(&["tools/call", "everything__get-sum", "a:=40", "b:=2"]).await;
    assert!(sum.to_string().contains("42"), "{sum}");
    let url = format!("url:={}", world.page());
    let page = connection.call(&["tools/call", "fetch__fetch", &url]).await;
    assert!(page.to_string().contains("forty-two"), "{page}");
    let initialized = world.envoy.counter("requests.initialize.ok").await;
    assert_eq!(initialized, 1);
}

#[tokio::test]
async fn arguments_of_prompts_and_of_resource_templates_are_completed() {
    let world = World::start().await;
    let connection = Connection::open(&world).await;
    let template = "everything+demo://resource/dynamic/text/{resourceId}";
    for (kind, of, argument, value, expected) in [
        ("ref/prompt", "everything__completable-prompt", "department", "E", "Engineering"),
        ("ref/resource", template, "resourceId", "1", "1"),
    ] {
        let reference = ["--complete-ref-type", kind, "--complete-ref", of];
        let argument = ["--complete-arg-name", argument, "--complete-arg-value", value];
        let complete = [&["prompts/complete"], &reference[..], &argument[..]].concat();
        let completed = connection.call(&complete).await;
        assert_eq!(completed["values"], json!([expected]), "{of}: {completed}");
    }
}

#[tokio::test]
async fn updates_of_a_resource_and_the_log_arrive_on_the_connection() {
    let world = World::start().await;
    let connection = Connection::open(&world).await;
    let uri = "everything+demo://resource/dynamic/text/1";
    let mut updates = connection.follow(&["resources/subscribe", "--uri", uri]);
    updates.until("\"subscribed\"").await;
    connection.call(&["tools/call", "everything__toggle-subscriber-updates"]).await;
    updates.until("\"resources/updated\"").await;
    updates.until(uri).await;

    let mut log = connection.follow(&["logging/tail"]);
    connection.call(&["logging/setLevel", "debug"]).await;
    connection.call(&["tools/call", "everything__toggle-simulated-logging"]).await;
    log.until("-level message").await;
}
