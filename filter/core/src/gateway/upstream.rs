//! The upstreams of a gateway, each found by an id that cannot be wrong.

use std::fmt;
use std::time::Duration;

use super::{Globs, Tools};
use crate::seal::ScopeTag;

/// Which upstream of a gateway is meant: its place in the configured order.
///
/// Only a gateway's [`Upstreams`] hand out ids, and they never change. So an id always leads to its
/// upstream, as long as it is used with the gateway that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamId(usize);

impl UpstreamId {
    /// That of the first upstream, before all others.
    pub(crate) const FIRST: Self = Self(0);

    /// Its place in the configured order, counted from zero.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }

    /// The upstream at this place, for tests of what holds ids but needs no gateway.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) const fn at(index: usize) -> Self {
        Self(index)
    }
}

/// The upstreams of one gateway, in configured order.
#[derive(Debug, Default)]
pub struct Upstreams(Vec<Upstream>);

/// What an id of another gateway leads to: an upstream without a name, whose cluster does not exist.
static NOBODY: Upstream = Upstream {
    name: String::new(),
    cluster: String::new(),
    path: String::new(),
    authority: String::new(),
    timeout: Duration::ZERO,
    call_timeout: Duration::ZERO,
    joined_prefix: String::new(),
    uri_scheme: String::new(),
    set_headers: Vec::new(),
    forward_headers: Vec::new(),
    tools: Tools::ALL,
    prompts: Globs::ALL,
    resources: Globs::ALL,
    offer: ClientFeatures::ALL,
    roots_in_calls: false,
    transport: Transport::StreamableHttp,
    era: Era::Auto,
    era_tag: ScopeTag::NONE,
};

impl Upstreams {
    /// No two of `upstreams` may be in [`Upstream::conflict`].
    pub(crate) const fn new(upstreams: Vec<Upstream>) -> Self {
        Self(upstreams)
    }

    /// The upstream with this id.
    #[must_use]
    pub fn get(&self, id: UpstreamId) -> &Upstream {
        self.0.get(id.0).unwrap_or(&NOBODY)
    }

    /// Every upstream with its id.
    pub fn iter(&self) -> impl Iterator<Item = (UpstreamId, &Upstream)> {
        self.ids().zip(&self.0)
    }

    /// Every id.
    pub fn ids(&self) -> impl Iterator<Item = UpstreamId> + use<> {
        (0..self.0.len()).map(UpstreamId)
    }

    /// What `make` says of each upstream.
    pub fn map<T>(&self, make: impl FnMut((UpstreamId, &Upstream)) -> T) -> PerUpstream<T> {
        PerUpstream(self.iter().map(make).collect())
    }

    /// The id of the upstream with this name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<UpstreamId> {
        self.iter().find(|(_, it)| it.name.as_bytes() == name).map(|(id, _)| id)
    }

    /// Leaves `roots` in the offer of those of whom `hears` says so.
    pub(crate) fn offer_roots(&mut self, hears: impl Fn(UpstreamId) -> bool) {
        for (index, upstream) in self.0.iter_mut().enumerate() {
            upstream.offer.roots &= hears(UpstreamId(index));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One MCP server: an Envoy cluster and how to speak to it.
pub struct Upstream {
    /// Unique; `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 32 bytes.
    pub name: String,
    /// The Envoy cluster.
    pub cluster: String,
    /// Over which transport.
    pub transport: Transport,
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
    /// Which prompts exist for clients, by its own names.
    pub prompts: Globs,
    /// Which resources and templates exist for clients, by its own URIs.
    pub resources: Globs,
    /// What a client can do that this upstream may ask for.
    pub offer: ClientFeatures,
    /// Whether it may ask for `roots` where nobody hears the stream of its session: most ask on that.
    pub roots_in_calls: bool,
    /// How it is spoken to.
    pub era: Era,
    /// Where the workers note of which era it is; see [`crate::era::upstream::known`].
    pub(crate) era_tag: ScopeTag,
}

impl Upstream {
    /// What a client can do that this upstream may ask for in a session of which nobody hears the stream.
    pub(crate) fn offer_in_calls(&self) -> ClientFeatures {
        ClientFeatures { roots: self.roots_in_calls, ..self.offer }
    }
}

/// Over which transport an upstream is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Streamable HTTP (from 2025-03-26).
    #[default]
    StreamableHttp,
    /// HTTP+SSE (2024-11-05), of which the host makes Streamable HTTP.
    Sse,
}

/// How an upstream is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Era {
    /// As it can be: that is found out when it is first needed.
    #[default]
    Auto,
    /// With `initialize` and a session (up to 2025-11-25).
    Handshake,
    /// Without sessions (from 2026-07-28).
    Stateless,
}

/// Features of a client that an upstream may ask for (2025-11-25, Lifecycle, "Capability Negotiation").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientFeatures {
    /// `elicitation/create`.
    pub elicitation: bool,
    /// `roots/list`.
    pub roots: bool,
    /// `sampling/createMessage`.
    pub sampling: bool,
}

impl ClientFeatures {
    /// All of them.
    pub const ALL: Self = Self { elicitation: true, roots: true, sampling: true };

    /// Whether a client's capability of this name is offered; others than these features always are.
    #[must_use]
    pub fn admits(self, capability: &str) -> bool {
        match capability {
            "elicitation" => self.elicitation,
            "roots" => self.roots,
            "sampling" => self.sampling,
            _ => true,
        }
    }
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

/// Something for each upstream of a gateway, found by the upstream's id.
#[derive(Clone, Debug)]
pub struct PerUpstream<T>(Vec<T>);

impl<T> PerUpstream<T> {
    /// What there is for this upstream; `None` if the id is another gateway's.
    #[must_use]
    pub fn get(&self, id: UpstreamId) -> Option<&T> {
        self.0.get(id.0)
    }

    /// Whether the gateway has no upstreams.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of all upstreams, in configured order.
    pub fn ids(&self) -> impl Iterator<Item = UpstreamId> + use<T> {
        (0..self.0.len()).map(UpstreamId)
    }
}

impl From<Upstreams> for Vec<Upstream> {
    fn from(upstreams: Upstreams) -> Self {
        upstreams.0
    }
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
