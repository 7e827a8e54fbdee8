//! The shapes of the document: its fields, their defaults, and the rules that need one field only.
//!
//! What needs two fields or more is left to [`super::check`].

use std::time::Duration;

use glob::Pattern as Glob;
use serde::Deserialize;
use serde::de::Deserializer;

use super::access::{Auth, Caller, Filter, RawRules};
use super::collections::{ByTool, List, SetHeaders};
use super::keys::{self, KeyBytes, Opening, Variable};
use super::pins::{OnChange, Pin};
use super::text::{
    Authority, Cluster, Description, HeaderName, NewName, Origin, Path, Prefix, Separator,
    ServerName, Target, UpstreamName, text,
};
use super::{MOST_UPSTREAMS, units};
use crate::gateway;

/// The whole document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct Document {
    #[serde(default = "default_path")]
    pub(super) path: Path,
    #[serde(default)]
    pub(super) server: Server,
    pub(super) upstreams: List<Upstream, MOST_UPSTREAMS>,
    pub(super) listen: Option<UpstreamName>,
    pub(super) caller: Option<Caller>,
    pub(super) rules: Option<RawRules>,
    pub(super) auth: Option<Auth>,
    #[serde(default)]
    pub(super) naming: Naming,
    #[serde(default)]
    pub(super) session: Session,
    #[serde(default)]
    pub(super) origins: Origins,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) catalog: Catalog,
    pub(super) status: Option<Path>,
    #[serde(default)]
    pub(super) metrics: Metrics,
}

/// `metrics`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with tools")]
pub(super) struct Metrics {
    pub(super) tools: bool,
}

/// `server`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(super) struct Server {
    pub(super) name: ServerName,
    pub(super) title: Option<String>,
    pub(super) instructions: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self { name: ServerName("mcp-mux".to_owned()), title: None, instructions: None }
    }
}

/// One of `upstreams`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Upstream {
    pub(super) name: UpstreamName,
    pub(super) cluster: Option<Cluster>,
    #[serde(default)]
    pub(super) transport: Transport,
    pub(super) path: Option<Target>,
    pub(super) authority: Option<Authority>,
    #[serde(default = "default_timeout", deserialize_with = "units::timeout")]
    pub(super) timeout: Duration,
    #[serde(default = "default_call_timeout", deserialize_with = "units::call_timeout")]
    pub(super) call_timeout: Duration,
    pub(super) prefix: Option<Prefix>,
    #[serde(default)]
    pub(super) headers: Headers,
    #[serde(default)]
    pub(super) tools: Tools,
    #[serde(default)]
    pub(super) prompts: Filter,
    #[serde(default)]
    pub(super) resources: Filter,
    pub(super) offer: Option<List<ClientFeature, 3>>,
    #[serde(default)]
    pub(super) era: Era,
}

/// `upstreams[].transport`.
#[derive(Default)]
pub(super) struct Transport(pub(super) gateway::Transport);

impl<'de> Deserialize<'de> for Transport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const TRANSPORT: &str = r#""streamable_http" or "sse""#;
        text(deserializer, TRANSPORT, |text| match text {
            "streamable_http" => Ok(Self(gateway::Transport::StreamableHttp)),
            "sse" => Ok(Self(gateway::Transport::Sse)),
            _ => Err(TRANSPORT.into()),
        })
    }
}

/// `upstreams[].era`.
#[derive(Default)]
pub(super) struct Era(pub(super) gateway::Era);

impl<'de> Deserialize<'de> for Era {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ERA: &str = r#""auto", "handshake" or "stateless""#;
        text(deserializer, ERA, |text| match text {
            "auto" => Ok(Self(gateway::Era::Auto)),
            "handshake" => Ok(Self(gateway::Era::Handshake)),
            "stateless" => Ok(Self(gateway::Era::Stateless)),
            _ => Err(ERA.into()),
        })
    }
}

/// One of `upstreams[].offer`.
#[derive(PartialEq)]
pub(super) enum ClientFeature {
    Elicitation,
    Roots,
    Sampling,
}

impl<'de> Deserialize<'de> for ClientFeature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const FEATURE: &str = r#""elicitation", "roots" or "sampling""#;
        text(deserializer, FEATURE, |text| match text {
            "elicitation" => Ok(Self::Elicitation),
            "roots" => Ok(Self::Roots),
            "sampling" => Ok(Self::Sampling),
            _ => Err(FEATURE.into()),
        })
    }
}

fn default_path() -> Path {
    Path("/mcp".to_owned())
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

fn default_call_timeout() -> Duration {
    Duration::from_secs(300)
}

/// `upstreams[].headers`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with set, forward or both")]
pub(super) struct Headers {
    pub(super) set: SetHeaders,
    pub(super) forward: List<HeaderName, 256>,
}

/// `upstreams[].tools`. An empty `allow` admits nothing; none at all admits everything.
#[derive(Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "an object with allow, deny, rename, describe, pin or on_change"
)]
pub(super) struct Tools {
    pub(super) allow: Option<List<Pattern, 256>>,
    pub(super) deny: Option<List<Pattern, 256>>,
    pub(super) rename: ByTool<NewName>,
    pub(super) describe: ByTool<Description>,
    pub(super) pin: ByTool<Pin>,
    pub(super) on_change: OnChange,
}

/// `naming`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(super) struct Naming {
    pub(super) separator: Separator,
    pub(super) prefix: PrefixMode,
}

impl Default for Naming {
    fn default() -> Self {
        let prefix = PrefixMode(gateway::Naming::Always);
        Self { separator: Separator("__".to_owned()), prefix }
    }
}

/// `session`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(super) struct Session {
    pub(super) keys: Option<List<KeyBytes, { keys::MOST }>>,
    pub(super) keys_env: Option<Variable>,
    #[serde(deserialize_with = "units::ttl")]
    pub(super) ttl: Duration,
    pub(super) open: Opening,
    #[serde(deserialize_with = "units::idle")]
    pub(super) idle: Duration,
    #[serde(deserialize_with = "units::items")]
    pub(super) pool: usize,
}

impl Default for Session {
    fn default() -> Self {
        let (ttl, idle) = (Duration::from_secs(24 * 60 * 60), Duration::from_secs(5 * 60));
        let open = Opening(gateway::Opening::Eager);
        Self { keys: None, keys_env: None, ttl, open, idle, pool: 1024 }
    }
}

/// `origins`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(super) struct Origins {
    pub(super) allow: List<Origin, 256>,
}

/// `limits`, in bytes.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(super) struct Limits {
    #[serde(deserialize_with = "units::byte_size")]
    pub(super) request_body: usize,
    #[serde(deserialize_with = "units::byte_size")]
    pub(super) upstream_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request_body: 4 * 1024 * 1024, upstream_body: 16 * 1024 * 1024 }
    }
}

/// `catalog`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(super) struct Catalog {
    #[serde(deserialize_with = "units::kept")]
    pub(super) ttl: Duration,
    pub(super) scope: CacheScope,
    pub(super) page: Page,
}

impl Default for Catalog {
    fn default() -> Self {
        let scope = CacheScope(gateway::CacheScope::Session);
        Self { ttl: Duration::ZERO, scope, page: Page::default() }
    }
}

/// `catalog.page`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with items, bytes or both")]
pub(super) struct Page {
    #[serde(deserialize_with = "units::items")]
    pub(super) items: usize,
    #[serde(deserialize_with = "units::byte_size")]
    pub(super) bytes: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { items: 1000, bytes: 4 * 1024 * 1024 }
    }
}

/// `catalog.scope`.
pub(super) struct CacheScope(pub(super) gateway::CacheScope);

impl<'de> Deserialize<'de> for CacheScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const SCOPE: &str = r#""session" or "public""#;
        text(deserializer, SCOPE, |text| match text {
            "session" => Ok(Self(gateway::CacheScope::Session)),
            "public" => Ok(Self(gateway::CacheScope::Public)),
            _ => Err(SCOPE.into()),
        })
    }
}

/// A glob on names or URIs: `*` matches any characters, `/` too.
pub(super) struct Pattern(pub(super) Glob);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const GLOB: &str = r#"a glob of 1 to 256 bytes, such as "get_*""#;
        text(deserializer, GLOB, |text| {
            if !(1..=256).contains(&text.len()) {
                return Err(GLOB.into());
            }
            Glob::new(text).map(Self).map_err(|error| format!("a glob ({})", error.msg).into())
        })
    }
}

/// `naming.prefix`.
pub(super) struct PrefixMode(pub(super) gateway::Naming);

impl<'de> Deserialize<'de> for PrefixMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const MODE: &str = r#""always", "on_conflict" or "never""#;
        text(deserializer, MODE, |text| match text {
            "always" => Ok(Self(gateway::Naming::Always)),
            "on_conflict" => Ok(Self(gateway::Naming::OnConflict)),
            "never" => Ok(Self(gateway::Naming::Never)),
            _ => Err(MODE.into()),
        })
    }
}
