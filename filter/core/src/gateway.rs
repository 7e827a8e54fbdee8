//! The compiled configuration: immutable, checked, ready to be used on the hot path.
//!
//! [`crate::config`] makes it from the plugin's JSON; nothing else does, so whatever holds a
//! [`Gateway`] may rely on every promise that is written here.

use std::time::Duration;

use crate::json::encode;
use crate::seal::KeyRing;

pub mod auth;
mod caller_source;
mod globs;
pub(crate) mod rules;
mod tool_rename;
mod tools;
mod upstream;

pub use auth::Auth;
pub use caller_source::{CallerSource, Claims};
pub use globs::Globs;
pub use rules::{Rule, When};
pub use tool_rename::ToolRename;
pub use tools::{Pins, Tools};
pub use upstream::{
    ClientFeatures, Conflict, Era, PerUpstream, Transport, Upstream, UpstreamId, Upstreams,
};

/// One endpoint and the upstreams behind it.
#[derive(Debug)]
pub struct Gateway {
    /// The endpoint's path, for instance `/mcp`; requests to any other path pass through untouched.
    pub path: String,
    /// What the gateway says of itself in `initialize`.
    pub server: Server,
    /// None while none is discovered; the order is the order of merged lists.
    pub upstreams: Upstreams,
    /// Whose own messages reach clients.
    pub listen: Listen,
    /// Which names of tools and prompts carry their upstream's prefix.
    pub naming: Naming,
    /// Stands between a prefix and a name; never empty.
    pub separator: String,
    /// Seals session ids and cursors.
    pub keys: KeyRing,
    /// Where `keys` came from.
    pub key_source: KeySource,
    /// How long a session id is accepted after it was issued.
    pub session_ttl: Duration,
    /// When upstreams are opened for a client's session.
    pub opening: Opening,
    /// How many sessions are kept for clients that have none.
    pub pool: PoolBound,
    /// Which browser origins may connect besides loopback ones.
    pub origins: Origins,
    /// Where it stands who a caller is; `None` if nobody asks.
    pub caller: Option<CallerSource>,
    /// What clients are told of how to authenticate; `None` if nothing.
    pub auth: Option<Auth>,
    /// Who may do what; `None`: everybody everything. At most 64.
    pub rules: Option<Vec<Rule>>,
    /// Bounds on what is held in memory.
    pub limits: Limits,
    /// Up to where lists are answered as one page.
    pub page: PageBound,
    /// How lists are served again; `None` if they are not.
    pub catalog: Option<Catalog>,
    /// The path of the status page; `None` if there is none.
    pub status: Option<String>,
    /// Whether calls are measured by tool, too.
    pub measures_tools: bool,
}

impl Gateway {
    /// Whether anybody is told of single tools, so that it matters which there are.
    pub(crate) const fn knows_tools(&self) -> bool {
        self.measures_tools || self.status.is_some()
    }

    /// The names of the upstreams in their order, as a log line at start shows them.
    pub fn upstream_names(&self) -> impl Iterator<Item = &str> {
        self.upstreams.iter().map(|(_, upstream)| upstream.name.as_str())
    }

    /// The upstream with this id.
    #[must_use]
    pub fn upstream(&self, id: UpstreamId) -> &Upstream {
        self.upstreams.get(id)
    }

    /// The name of the upstream with this id.
    #[must_use]
    pub fn name(&self, id: UpstreamId) -> &str {
        &self.upstream(id).name
    }
}

/// Whose own messages reach clients, on the stream of a GET or of `subscriptions/listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Nobody's.
    None,
    /// Those of one upstream, whose stream is passed on: the configured one, or the only one.
    One(UpstreamId),
    /// Those of all, whose streams become one. Only in a host that streams
    /// ([`Abilities::streams`](crate::host::Abilities::streams)).
    All,
}

impl Listen {
    /// Whether an upstream's own messages reach clients.
    #[must_use]
    pub fn hears(self, upstream: UpstreamId) -> bool {
        match self {
            Self::None => false,
            Self::One(only) => only == upstream,
            Self::All => true,
        }
    }
}

/// Which names of tools and prompts carry their upstream's prefix towards clients. The URIs of
/// resources carry it always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `always`: all of them. A name alone says whose it is.
    Always,
    /// `on_conflict`: only names that several upstreams have.
    OnConflict,
    /// `never`: none. Of equal names, the first configured upstream's wins.
    Never,
}

/// When upstreams are opened for a client's session (`session.open`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// `eager`: all of them, in `initialize`.
    Eager,
    /// `lazy`: each when it is needed first, if it has said to an earlier session of the same caller what `initialize`
    /// has to answer.
    Lazy,
}

/// How many sessions are kept at upstreams of the handshake era for clients of the stateless era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolBound {
    /// How many in all.
    pub sessions: usize,
    /// For how long one may be idle, in whole seconds.
    pub idle: Duration,
}

/// Where the keys that seal session ids came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// `session.keys`.
    Configured,
    /// `session.keys_env`: this variable of the VM's environment.
    Environment(String),
    /// Neither: a random key of this process. Sessions end with it and mean nothing to other
    /// replicas, which is worth a warning.
    Process,
}

/// The gateway's own `serverInfo` and the head of its `instructions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `serverInfo.name`.
    pub name: String,
    /// `serverInfo.title`.
    pub title: Option<String>,
    /// Put before the instructions of the upstreams.
    pub instructions: Option<String>,
}

impl Server {
    /// The `serverInfo`, as JSON (2025-11-25, Lifecycle; 2026-07-28, Discovery).
    #[must_use]
    pub fn info(&self) -> String {
        let title = self.title.as_deref();
        let title = title.map_or(String::new(), |title| format!(r#","title":{}"#, encode(title)));
        let version = env!("CARGO_PKG_VERSION");
        format!(r#"{{"name":{}{title},"version":"{version}"}}"#, encode(&self.name))
    }
}

/// Which `Origin` headers pass (2025-11-25, Transports, "Security Warning").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// `"*"`: all.
    Any,
    /// Loopback origins and these, compared without regard to case.
    Listed(Vec<String>),
}

/// Bounds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest request body that is read.
    pub request_body: usize,
    /// The longest answer of an upstream that is read whole.
    pub upstream_body: usize,
}

/// How much of a merged list one page has, unless the first pages of the upstreams are more already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageBound {
    /// The most items.
    pub items: usize,
    /// The most bytes of items.
    pub bytes: usize,
}

/// How a merged list is served again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Catalog {
    /// For how long after it was asked for; never zero.
    pub ttl: Duration,
    /// To whom.
    pub scope: CacheScope,
}

/// Whom a list is served to again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheScope {
    /// `session`: the session that it was made for.
    Session,
    /// `public`: every session whose request looks the same to the upstreams; that these answer
    /// such requests alike is the operator's word.
    Public,
}
