//! What is compared: configurations of the same Envoy.

use std::net::SocketAddr;
use std::path::Path;

use mcp_mux_tests::envoy_config::{self, proto};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where MCP is served, by every subject and every upstream.
pub(crate) const PATH: &str = "/mcp";

/// Far over every body of the measurements, so that no limit is measured.
const BUFFER: u64 = 64 << 20;

/// One of the Envoys that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Subject {
    /// A route to one upstream and no filter: the limit.
    Plain,
    /// The same route, to a server that lists all the tools of the others: what it takes to carry a joined list.
    Joined,
    /// This filter, as WebAssembly.
    Mux,
    /// The same, where lists are served again (`catalog.ttl`).
    Kept,
    /// This filter as a dynamic module of Envoy.
    Native,
    /// The same, where lists are served again.
    NativeKept,
    /// This filter, as WebAssembly, of the stateless era (2026-07-28): the client and its upstreams.
    Stateless,
    /// A client with a session before stateless upstreams.
    ToStateless,
    /// A stateless client before upstreams with sessions.
    ToSessions,
    /// `envoy.filters.http.mcp` and `envoy.filters.http.mcp_router`, native code of the same binary.
    Router,
}

impl Subject {
    /// All of them, in the order of the report.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Mux, Self::Native, Self::Router];
    /// Those that join lists, what a list costs that is served again, and what it costs to carry one.
    pub(crate) const LISTERS: [Self; 6] =
        [Self::Joined, Self::Mux, Self::Kept, Self::Native, Self::NativeKept, Self::Router];
    /// Those that can join the answers of several upstreams.
    pub(crate) const GATEWAYS: [Self; 3] = [Self::Mux, Self::Native, Self::Router];

    /// This filter before clients and upstreams of both eras.
    pub(crate) const ERAS: [Self; 4] =
        [Self::Mux, Self::Stateless, Self::ToStateless, Self::ToSessions];

    /// Whether its client has no session.
    pub(crate) const fn is_stateless(self) -> bool {
        matches!(self, Self::Stateless | Self::ToSessions)
    }

    /// What it is called in the report.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Plain => "plain Envoy",
            Self::Joined => "plain Envoy, joined list",
            Self::Mux => "mcp-mux, wasm",
            Self::Kept => "mcp-mux, wasm, again",
            Self::Native => "mcp-mux, native",
            Self::NativeKept => "mcp-mux, native, again",
            Self::Stateless => "stateless client and servers",
            Self::ToStateless => "client with a session, stateless servers",
            Self::ToSessions => "stateless client, servers with sessions",
            Self::Router => "mcp_router",
        }
    }

    /// Whether it serves lists again, without a request to any upstream.
    pub(crate) const fn keeps_lists(self) -> bool {
        matches!(self, Self::Kept | Self::NativeKept)
    }

    /// What its clients call a tool of the first upstream.
    pub(crate) fn tool_name(self, tool: &str) -> String {
        match self {
            Self::Plain | Self::Joined => tool.to_owned(),
            _ => format!("{}__{tool}", upstream_name(0)),
        }
    }

    /// The bootstrap of its Envoy, in front of these upstreams.
    pub(crate) fn bootstrap(self, upstreams: &[SocketAddr], wasm: &Path) -> Value {
        let cluster = |(number, &address)| envoy_config::cluster(&upstream_name(number), address);
        let clusters: Vec<Value> = upstreams.iter().enumerate().map(cluster).collect();
        let filters = self.filters(upstreams.len(), wasm);
        let manager = envoy_config::connection_manager(&self.routes(), &filters);
        json!({
            "admin": {"address": envoy_config::at(0)},
            "static_resources": {
                "clusters": clusters,
                "listeners": [envoy_config::listener(0, BUFFER, &manager)],
            },
        })
    }

    fn routes(self) -> Value {
        let first = json!({
            "match": {"prefix": "/"},
            "route": {"cluster": upstream_name(0), "timeout": "0s"},
        });
        // `mcp_router` ignores its routes, but needs one.
        let owner = envoy_config::owner_route("0s");
        let nothing = json!({"match": {"prefix": "/"}, "direct_response": {"status": 404}});
        let is_mux = !matches!(self, Self::Plain | Self::Joined | Self::Router);
        if is_mux { json!([owner, nothing]) } else { json!([first]) }
    }

    fn filters(self, upstreams: usize, wasm: &Path) -> Value {
        let router = json!({
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": proto("envoy.extensions.filters.http.router.v3.Router")},
        });
        match self {
            Self::Plain | Self::Joined => json!([router]),
            Self::Mux | Self::ToSessions => {
                json!([mux(upstreams, wasm, "0s", "handshake"), router])
            }
            Self::Kept => json!([mux(upstreams, wasm, "24h", "handshake"), router]),
            Self::Native => json!([native(upstreams, "0s"), router]),
            Self::NativeKept => json!([native(upstreams, "24h"), router]),
            Self::Stateless | Self::ToStateless => {
                json!([mux(upstreams, wasm, "0s", "stateless"), router])
            }
            Self::Router => json!([mcp(), mcp_router(upstreams)]),
        }
    }
}

/// The name of an upstream, which is that of its cluster too.
pub(crate) fn upstream_name(number: usize) -> String {
    format!("up{number}")
}

/// The filter's own configuration, for both hosts.
fn configuration(upstreams: usize, ttl: &str, era: &str) -> Value {
    let names = (0..upstreams).map(|number| json!({"name": upstream_name(number), "era": era}));
    let names: Vec<Value> = names.collect();
    json!({
        "@type": proto("google.protobuf.Struct"),
        "value": {"path": PATH, "upstreams": names, "catalog": {"ttl": ttl}},
    })
}

fn native(upstreams: usize, ttl: &str) -> Value {
    envoy_config::module_filter(&configuration(upstreams, ttl, "handshake"))
}

fn mux(upstreams: usize, wasm: &Path, ttl: &str, era: &str) -> Value {
    envoy_config::filter(&json!({
        "name": "mcp_mux",
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": wasm}},
        },
        "configuration": configuration(upstreams, ttl, era),
        "failure_policy": "FAIL_RELOAD",
        "allow_on_headers_stop_iteration": true,
    }))
}

/// Its default bound on bodies, 8 KiB, would refuse the long call.
fn mcp() -> Value {
    json!({
        "name": "envoy.filters.http.mcp",
        "typed_config": {
            "@type": proto("envoy.extensions.filters.http.mcp.v3.Mcp"),
            "max_request_body_size": 4 << 20,
        },
    })
}

fn mcp_router(upstreams: usize) -> Value {
    let server = |number| {
        let name = upstream_name(number);
        json!({
            "name": name,
            "mcp_cluster": {"cluster": name, "path": PATH, "timeout": "60s"},
        })
    };
    let servers: Vec<Value> = (0..upstreams).map(server).collect();
    json!({
        "name": "envoy.filters.http.mcp_router",
        "typed_config": {
            "@type": proto("envoy.extensions.filters.http.mcp_router.v3.McpRouter"),
            "servers": servers,
        },
    })
}
