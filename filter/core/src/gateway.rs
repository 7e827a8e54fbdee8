//! The compiled configuration: immutable, checked, ready to be used on the hot path.
//!
//! [`crate::config`] makes it from the plugin's JSON; nothing else does, so whatever holds a
//! [`Gateway`] may rely on every promise that is written here.

use std::fmt;
use std::time::Duration;

use crate::seal::KeyRing;

mod tools;

pub use tools::Tools;

/// One endpoint and the upstreams behind it.
#[derive(Debug)]
pub struct Gateway {
    /// The endpoint's path, for instance `/mcp`; requests to any other path pass through untouched.
    pub path: String,
    /// What the gateway says of itself in `initialize`.
    pub server: Server,
    /// None while none is discovered; the order is the order of merged lists.
    pub upstreams: Vec<Upstream>,
    /// The index of the upstream whose GET stream is passed on: the configured one, or the only one.
    pub listen: Option<usize>,
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
    /// Which browser origins may connect besides loopback ones.
    pub origins: Origins,
    /// Bounds on what is held in memory.
    pub limits: Limits,
    /// How lists are served again; `None` if they are not.
    pub catalog: Option<Catalog>,
}

impl Gateway {
    /// The names of the upstreams in their order, as a log line at start shows them.
    pub fn upstream_names(&self) -> impl Iterator<Item = &str> {
        self.upstreams.iter().map(|upstream| upstream.name.as_str())
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

/// One MCP server: an Envoy cluster and how to speak to it.
pub struct Upstream {
    /// Unique; `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 32 bytes.
    pub name: String,
    /// The Envoy cluster.
    pub cluster: String,
    /// The path of its MCP endpoint, starting with `/`, with its query if it has one.
    pub path: String,
    /// Sent as `:authority`.
    pub authority: String,
    /// For each side call of a fan-out.
    pub timeout: Duration,
    /// For the one buffered retry of a call after a lost session.
    pub call_timeout: Duration,
    /// The prefix and the separator, as they stand before a name: `everything__`; empty for none.
    /// No upstream's joined prefix starts with another's, and at most one is empty.
    pub joined_prefix: String,
    /// What stands before the URI of a resource: the prefix as the beginning of a URI's scheme
    /// (RFC 3986, section 3.1), and a `+`: `everything+`; empty for no prefix.
    ///
    /// Schemes have no case and no `_`: the prefix is in lower case, with `-` for each `_`, and with
    /// `x-` before it if it does not begin with a letter. Differs from upstream to upstream; at
    /// most 67 bytes, of which the `+` is the last and the only one.
    pub uri_scheme: String,
    /// Headers added to every request to this upstream; names in lower case.
    pub set_headers: Vec<(String, String)>,
    /// Names, in lower case, of client headers that side calls and routed calls pass on.
    pub forward_headers: Vec<String>,
    /// Which tools exist for clients, and as what.
    pub tools: Tools,
}

/// What two upstreams of one gateway cannot share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The name.
    Name,
    /// The prefix.
    Prefix,
    /// The beginning: one's prefix is the beginning of the other's.
    Beginning,
    /// The prefix as it stands before URIs.
    Scheme,
}

impl Upstream {
    /// What keeps both from being upstreams of one gateway: a name says which upstream is meant, and so
    /// does the beginning of a tool's name or of a resource's URI.
    #[must_use]
    pub fn conflict(&self, other: &Self) -> Option<Conflict> {
        let (one, two) = (&self.joined_prefix, &other.joined_prefix);
        let begins = |one: &str, two: &str| !two.is_empty() && one.starts_with(two);
        if self.name == other.name {
            Some(Conflict::Name)
        } else if one == two {
            Some(Conflict::Prefix)
        } else if begins(one, two) || begins(two, one) {
            Some(Conflict::Beginning)
        } else {
            (self.uri_scheme == other.uri_scheme).then_some(Conflict::Scheme)
        }
    }
}

impl fmt::Debug for Upstream {
    /// Without the header values, which are credentials more often than not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.name)
            .field("cluster", &self.cluster)
            .field("joined_prefix", &self.joined_prefix)
            .finish_non_exhaustive()
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
