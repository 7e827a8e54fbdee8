//! What `mcp-mux run` says: as text for people, or as JSON, an event a line.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use mcp_mux_envoy_files::resources::set;
use serde_json::{Value, json};

use super::wait::Server;
use crate::report;
use crate::table::{counted, table};

/// Who listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// Whether that is a program.
    pub(super) json: bool,
}

impl Words {
    fn event(self, event: &str, fields: Value) {
        if !self.json {
            return;
        }
        let mut line = fields;
        set(&mut line, "event", json!(event));
        // Not worth an end that nobody reads it.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Something that the user should know.
    pub(super) fn note(self, text: &str) {
        if self.json { self.event("note", json!({"text": text})) } else { report::note(text) }
    }

    /// Something has gone wrong, and is dealt with.
    pub(super) fn warn(self, text: &str) {
        if self.json { self.event("warning", json!({"text": text})) } else { report::bad(text) }
    }

    /// A server answers, or does not.
    pub(super) fn server(self, server: &Server) {
        if self.json {
            return self.event("server", json!({"server": fields(server)}));
        }
        let name = &server.name;
        match &server.fault {
            None => report::good(&format!("{name} answers ({:.1} s)", server.took.as_secs_f32())),
            Some(fault) => report::bad(&format!("{name}: {fault}")),
        }
    }

    /// Who is waited for. On a terminal the line is written over until there is nobody left.
    pub(super) fn waiting(self, names: &[&str], seconds: u64) {
        if self.json || !std::io::stderr().is_terminal() {
            return;
        }
        let mut stderr = std::io::stderr();
        let text = format!("waiting for {} ... {seconds} s", names.join(", "));
        let text: String = text.chars().take(100).collect();
        let _ = write!(stderr, "\r\x1b[2K{}", if names.is_empty() { "" } else { &text });
        let _ = stderr.flush();
    }

    /// All servers have answered, or have not.
    pub(super) fn ready(self, (endpoint, status): (&str, &str), servers: &[Server], logs: &Path) {
        if self.json {
            let servers: Vec<Value> = servers.iter().map(fields).collect();
            let fields =
                json!({"endpoint": endpoint, "status": status, "servers": servers, "logs": logs});
            return self.event("ready", fields);
        }
        anstream::print!("\n{}", rows(servers));
        anstream::println!("{}", how_to(endpoint, status, logs));
    }

    /// A changed file was taken up.
    pub(super) fn changed(self, endpoint: &str, servers: &[Server]) {
        if self.json {
            let servers: Vec<Value> = servers.iter().map(fields).collect();
            return self.event("changed", json!({"endpoint": endpoint, "servers": servers}));
        }
        anstream::print!("\n{}", rows(servers));
    }

    /// A changed file has a fault.
    pub(super) fn refused(self, lines: &[String]) {
        for line in lines {
            if self.json {
                self.event("refused", json!({"line": line}));
            } else {
                report::bad(line);
                report::say("  what ran before runs on");
            }
        }
    }

    /// All is stopped.
    pub(super) fn stopping(self, count: usize) {
        if self.json {
            self.event("stopping", json!({}));
        } else {
            report::say(&format!("\nstopping Envoy and {}", counted(count, "server")));
        }
    }
}

fn fields(server: &Server) -> Value {
    json!({
        "name": server.name, "written": server.written, "at": server.at, "era": server.era,
        "tools": server.counts.tools, "prompts": server.counts.prompts,
        "resources": server.counts.resources, "fault": server.fault,
    })
}

fn rows(servers: &[Server]) -> String {
    let row = |server: &Server| {
        let count = |number: usize| match &server.fault {
            None => number.to_string(),
            Some(_) => "-".to_owned(),
        };
        let counts = &server.counts;
        let state = if server.fault.is_none() { "ok" } else { "not there" };
        [
            server.name.clone(),
            state.to_owned(),
            server.era.clone().unwrap_or_else(|| "-".to_owned()),
            count(counts.tools),
            count(counts.prompts),
            count(counts.resources),
            server.at.clone(),
        ]
    };
    let rows: Vec<[String; 7]> = servers.iter().map(row).collect();
    table(["SERVER", "STATE", "ERA", "TOOLS", "PROMPTS", "RESOURCES", "WHERE"], &rows)
}

/// What to put into clients.
fn how_to(endpoint: &str, status: &str, logs: &Path) -> String {
    let loud = report::loud(endpoint);
    let server = |fields: Value| json!({"mcp-mux": fields});
    let by_url = json!({"mcpServers": server(json!({"url": endpoint}))});
    let code = json!({"servers": server(json!({"type": "http", "url": endpoint}))});
    let bridged = json!({"command": "npx", "args": ["-y", "mcp-remote", endpoint]});
    let desktop = json!({"mcpServers": server(bridged)});
    format!(
        "
The endpoint for any MCP client (Streamable HTTP):  {loud}

Claude Code:     claude mcp add --transport http mcp-mux {endpoint}
Cursor:          {by_url}
VS Code:         {code}
Claude Desktop:  {desktop}

How they do:     {status}
Logs:            {} (access.log: a line for each request)

Ctrl-C stops everything. A change of the file is taken up at once.",
        logs.display()
    )
}
