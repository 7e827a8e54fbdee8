//! `mcp-mux config`: Envoy's configuration, to be read and kept.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::Ending;
use crate::args::{Config, Place};
use crate::gateway::bootstrap::{self, Listen};
use crate::gateway::secrets::{Source, left_out, secrets};
use crate::gateway::{Host, KEYS, Upstream, clusters, plugin, read, yaml};
use crate::servers::variables::{Missing, Variables, project};
use crate::servers::{Reached, Servers, load};
use crate::{locate, report};

/// Prints it.
///
/// # Errors
///
/// The file is wrong, or the filter is not there.
pub fn run(arguments: &Config) -> Result<(), Ending> {
    let variables = Variables {
        environment: &|name| std::env::var(name).ok(),
        input: &|id| Err(format!("the input {id:?} cannot be asked for here")),
        folder: project(&arguments.file),
        missing: Missing::Left,
    };
    let servers = load(&arguments.file, &variables).map_err(Ending::wrong)?;
    let mut port = arguments.bridge_port;
    let ports = std::iter::from_fn(|| {
        let next = port;
        port = port.checked_add(1)?;
        Some(next)
    });
    let upstreams = upstreams(&servers, ports);
    let listen = Listen { port: arguments.port, admin: Some(arguments.admin_port) };
    let text = print(&arguments.file, listen, &arguments.place, &upstreams)?;
    servers.notes.iter().for_each(|note| report::note(note));
    anstream::print!("{text}");
    Ok(())
}

/// Gives each program a port of these.
pub(crate) fn upstreams(servers: &Servers, mut ports: impl Iterator<Item = u16>) -> Vec<Upstream> {
    let of = |server: &crate::servers::Server| {
        let is_program = matches!(server.reached, Reached::Command(_));
        let port = if is_program { ports.next().unwrap_or_default() } else { 0 };
        Upstream { server: server.clone(), port }
    };
    servers.servers.iter().map(of).collect()
}

/// The whole text.
///
/// # Errors
///
/// What the filter would refuse; the filter is not there.
pub(crate) fn print(
    file: &Path,
    listen: Listen,
    place: &Place,
    upstreams: &[Upstream],
) -> Result<String, Ending> {
    let filter = locate::filter(place)?;
    let plugin = plugin(upstreams);
    read(place.host, plugin.to_string().as_bytes())
        .map_err(|error| refused(file, upstreams, &error))?;
    let clusters = clusters(upstreams, Source::Environment).map_err(anyhow::Error::msg)?;
    let document = bootstrap::whole(listen, &filter, upstreams, &plugin, clusters);
    Ok(head(file, &filter.file, place.host, upstreams)
        + &yaml::print(&document, &comments(&document, upstreams)))
}

/// What the filter refuses of a file: the server that it means, and what to do.
pub(crate) fn refused(
    file: &Path,
    upstreams: &[Upstream],
    error: &mcp_mux_core::config::ConfigError,
) -> Ending {
    let number = error.path.strip_prefix("upstreams[").and_then(|rest| rest.split_once(']'));
    let upstream = number.and_then(|(number, _)| upstreams.get(number.parse::<usize>().ok()?));
    let place = upstream.map_or("the servers", |upstream| upstream.server.place.as_str());
    if error.path.ends_with("].transport") {
        let line = format!("{place}: a server of the HTTP+SSE transport needs --host module");
        return Ending::wrong(format!("{}: {line}", file.display()));
    }
    Ending::wrong(format!("{}: {place}: {error}", file.display()))
}

fn head(file: &Path, filter: &Path, host: Host, upstreams: &[Upstream]) -> String {
    let mut head = format!("# Envoy with mcp-mux before the servers of {}.\n#\n", file.display());
    let mut line = |text: &str| {
        let _ = writeln!(head, "#{}{text}", if text.is_empty() { "" } else { " " });
    };
    line("Envoy needs in its environment:");
    line(&format!(
        "  {KEYS}: the key that seals session ids; make it once, and keep it: openssl rand -base64 32"
    ));
    if host == Host::Module {
        let folder = filter.parent().unwrap_or(Path::new(".")).display();
        line(&format!("  ENVOY_DYNAMIC_MODULES_SEARCH_PATH={folder}"));
    }
    for secret in upstreams.iter().flat_map(secrets) {
        let what = if secret.named { "the variable of" } else { "the value of" };
        line(&format!("  {}: {what} {}", secret.variable, secret.place));
    }
    let programs = upstreams.iter().filter(|upstream| upstream.remote().is_none());
    for (number, upstream) in programs.enumerate() {
        if number == 0 {
            line("");
            line(
                "Servers that speak over stdio need a bridge each, such as supergateway (`mcp-mux run` starts them):",
            );
        }
        let port = upstream.port;
        line(&format!(
            "  {}: npx supergateway@4 --outputTransport streamableHttp --stateful --port {port} \\",
            upstream.server.place
        ));
        line("    --stdio '<its command>'");
    }
    head + "\n"
}

/// What is worth a word, where it stands.
fn comments(document: &Value, upstreams: &[Upstream]) -> yaml::Comments {
    let listener = "/static_resources/listeners/0";
    let manager = format!("{listener}/filter_chains/0/filters/0/typed_config");
    let mut comments = yaml::Comments::new();
    let mut comment = |path: String, text: String| {
        if document.pointer(&path).is_some() {
            comments.insert(path, text);
        }
    };
    comment(
        format!("{listener}/per_connection_buffer_limit_bytes"),
        "A request's body is held until its route is known: a little over the filter's limits.request_body.".into(),
    );
    comment(format!("{manager}/stream_idle_timeout"), "A tool may be quiet while it works.".into());
    let filter = format!("{manager}/http_filters/0/typed_config");
    for field in ["config/configuration", "filter_config"] {
        comment(
            format!("{filter}/{field}"),
            "The filter's own configuration: docs/configuration.md.".into(),
        );
    }
    comment(
        format!("{filter}/config/allow_on_headers_stop_iteration"),
        "Needed: the filter reads a request's body before it lets the head go.".into(),
    );
    comment(
        format!("{manager}/route_config/virtual_hosts/0/routes/0"),
        "A call goes to the cluster that the filter has named, and takes as long as it takes."
            .into(),
    );
    comment(
        format!("{manager}/route_config/virtual_hosts/0/routes/1"),
        "All other paths: your own routes go here.".into(),
    );
    for (number, upstream) in upstreams.iter().enumerate() {
        let mut text = format!("{}: ", upstream.server.place);
        let at = match &upstream.server.reached {
            Reached::Url(remote) => remote.shown(),
            Reached::Command(command) => format!("{} behind its bridge", command.program),
        };
        text += &at;
        if upstream.remote().is_some_and(|remote| remote.path.contains('?')) {
            text += "\nIts URL has a query, which is in the filter's configuration below `path`.";
        }
        let left_out = left_out(upstream);
        if !left_out.is_empty() {
            let _ = write!(
                text,
                "\nLeft out, since the gateway writes them itself: {}.",
                left_out.join(", ")
            );
        }
        comment(format!("/static_resources/clusters/{number}"), text);
    }
    comment(
        format!("{manager}/access_log"),
        "For operators, a line for each request: docs/observability.md.".into(),
    );
    comment(
        "/stats_config".into(),
        "For operators, the labels of /stats/prometheus: docs/metrics.md.".into(),
    );
    comment("/layered_runtime".into(), "So that metrics are mcp_mux_* in both hosts.".into());
    comment(
        "/static_resources/secrets".into(),
        "Headers that servers get. The values are in Envoy's environment, not here.".into(),
    );
    comments
}
