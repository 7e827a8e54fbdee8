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
    /// The same, where servers that are known are opened when they are needed (`session.open: lazy`).
    Lazy,
    /// This filter as a dynamic module of Envoy.
    Native,
    /// The same, where lists are served again.
    NativeKept,
    /// The same, where servers that are known are opened when they are needed.
    NativeLazy,
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
    /// Those that can join the answers of several upstreams, and what `initialize` costs where these are known.
    pub(crate) const OPENERS: [Self; 5] =
        [Self::Mux, Self::Lazy, Self::Native, Self::NativeLazy, Self::Router];
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
            Self::Lazy => "mcp-mux, wasm, lazy",
            Self::NativeLazy => "mcp-mux, native, lazy",
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
        let (eager, lazy) = ("eager", "lazy");
        let mux = |ttl, era, open| mux(wasm, &configuration(upstreams, (ttl, era, open)));
        let native = |ttl, open| {
            envoy_config::module_filter(&configuration(upstreams, (ttl, "handshake", open)))
        };
        match self {
            Self::Plain | Self::Joined => json!([router]),
            Self::Mux | Self::ToSessions => json!([mux("0s", "handshake", eager), router]),
            Self::Kept => json!([mux("24h", "handshake", eager), router]),
            Self::Lazy => json!([mux("0s", "handshake", lazy), router]),
            Self::Native => json!([native("0s", eager), router]),
            Self::NativeKept => json!([native("24h", eager), router]),
            Self::NativeLazy => json!([native("0s", lazy), router]),
            Self::Stateless | Self::ToStateless => {
                json!([mux("0s", "stateless", eager), router])
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
fn configuration(upstreams: usize, (ttl, era, open): (&str, &str, &str)) -> Value {
    let names = (0..upstreams).map(|number| json!({"name": upstream_name(number), "era": era}));
    let names: Vec<Value> = names.collect();
    json!({
        "@type": proto("google.protobuf.Struct"),
        "value": {
            "path": PATH,
            "upstreams": names,
            "catalog": {"ttl": ttl},
            "session": {"open": open},
        },
    })
}

fn mux(wasm: &Path, configuration: &Value) -> Value {
    envoy_config::filter(&json!({
        "name": "mcp_mux",
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": wasm}},
        },
        "configuration": configuration,
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
