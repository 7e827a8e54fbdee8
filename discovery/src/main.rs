//! The program: its command line, its log, and the connection to the API server.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use kube::{Client, Config};
use mcp_mux_discovery::run;
use mcp_mux_discovery::settings::{Host, Settings};
use mcp_mux_discovery::watch::SILENT;
use tracing_subscriber::EnvFilter;

/// Makes labelled Kubernetes Services upstreams of mcp-mux.
///
/// Watches Services (by default those labelled mcp-mux/upstream=true in its own namespace) and their
/// endpoints, and keeps files that Envoy reads: clusters.json (CDS), one with the endpoints of each
/// cluster (EDS), and filter.json (ECDS).
///
/// Speaks to the API server of the kubeconfig, or else of the pod's service account.
#[derive(Parser)]
#[command(
    version,
    after_help = "RUST_LOG sets what is logged, for instance RUST_LOG=debug.\n\
    discovery/README.md describes the settings, the annotations and the permissions that are needed."
)]
struct Arguments {
    /// The settings, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// The host that runs the filter, whatever the settings say of it.
    #[arg(long, value_enum, env = "MCP_MUX_HOST")]
    host: Option<Host>,

    /// Write the files once and exit, as an init container does before Envoy starts.
    #[arg(long)]
    once: bool,

    /// Check the settings and exit; nothing is watched or written.
    #[arg(long, conflicts_with = "once")]
    check: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .init();
    let settings = Settings::load(&arguments.config, arguments.host)?;
    if arguments.check {
        return Ok(());
    }
    let mut config = Config::infer().await.context(
        "no way to the API server: run in a pod with a service account, or set KUBECONFIG",
    )?;
    config.read_timeout = Some(SILENT);
    let client = Client::try_from(config)?;
    tokio::select! {
        ended = run(client, &settings, arguments.once) => ended,
        () = terminated() => Ok(()),
    }
}

/// Waits for the kubelet, or Ctrl-C, to end it. A half-written file is a temporary one.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
