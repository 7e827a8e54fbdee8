//! The MCP Inspector, which is a client: its web UI, and its CLI.

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{Service, finished, free_port, output};
use crate::real::{newer_node, node};

/// The Inspector for one endpoint, with an empty home to keep its files in.
#[derive(Debug)]
pub struct Inspector {
    endpoint: String,
    home: TempDir,
}

impl Inspector {
    /// The Inspector for the endpoint at this URL.
    #[must_use]
    pub fn of(endpoint: String) -> Self {
        Self { endpoint, home: tempfile::tempdir().expect("a temporary directory") }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(newer_node());
        let launcher = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";
        command.arg(node().join("node_modules").join(launcher));
        // What it is compiled to, for the next of its processes.
        command.env("NODE_COMPILE_CACHE", self.home.path().join("compiled"));
        // There is no keychain, and it is not to look for one.
        command.env("HOME", self.home.path()).env("MCP_INSPECTOR_SECRET_STORE", "memory");
        command
    }

    /// Starts the web UI, which speaks to the endpoint in this era (`legacy`, `auto` or `modern`); its URL has
    /// the token in it.
    pub async fn web(&self, era: &str) -> (Service, String) {
        let port = free_port().await;
        let mut command = self.command();
        command.args(["--web", "--transport", "http", "--server-url", &self.endpoint]);
        command.args(["--protocol-era", era]);
        command.env("HOST", "127.0.0.1").env("CLIENT_PORT", port.to_string());
        // Pages of MCP apps have origins of their own, here on ports that the kernel picks.
        command.env("MCP_SANDBOX_PORT", "0").env("MCP_APP_ORIGIN_PORT", "0");
        command.env("MCP_AUTO_OPEN_ENABLED", "false").env("MCP_INSPECTOR_API_TOKEN", "letmein");
        let service = Service::start(&mut command, port).await;
        let url = format!("http://{}/?MCP_INSPECTOR_API_TOKEN=letmein", service.address);
        (service, url)
    }

    fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["--cli", &self.endpoint, "--transport", "http", "--method"]);
        command.args(arguments);
        command
    }

    /// Calls a method from the command line and returns what is printed.
    pub async fn call(&self, arguments: &[&str]) -> Value {
        let printed = output(&mut self.cli(arguments)).await;
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Calls a tool and returns the text of its result.
    pub async fn tool(&self, tool: &str, argument: &str) -> String {
        let arguments = ["tools/call", "--tool-name", tool, "--tool-arg", argument];
        self.call(&arguments).await["content"][0]["text"].to_string()
    }

    /// Calls a method that must fail: the status of the process and what it says of the error.
    pub async fn failure(&self, arguments: &[&str]) -> (i32, Value) {
        let output = finished(self.cli(arguments).arg("--quiet")).await;
        let said = serde_json::from_slice::<Value>(&output.stderr);
        let said = said.unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code().expect("an exit status"), said["error"].clone())
    }
}
