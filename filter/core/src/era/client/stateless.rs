//! Clients of the stateless era: every request says in `_meta` which revision it speaks and what its client
//! can do, and repeats in its head what those need that do not read bodies (2026-07-28, Base Protocol,
//! "_meta"; Streamable HTTP, "Request Headers").

use std::borrow::Cow;

use crate::error::ClientError;
use crate::exchange::request::params::Params;
use crate::http::Headers;
use crate::json::{Edits, Scan, decode};
use crate::mcp::capability;
use crate::mcp::fields::RequestField;
use crate::mcp::header_value::{self, MCP_METHOD, MCP_NAME};
use crate::mcp::log_level::LogLevel;
use crate::mcp::method::{NamedBy, Row};
use crate::mcp::revision::Revision;

pub(crate) use crate::mcp::fields::{
    META_CAPABILITIES, META_CLIENT_INFO, META_LOG_LEVEL, META_REVISION,
};

/// The keys of a request's `_meta` that belong to this era alone.
pub(crate) const RESERVED: [&str; 4] =
    [META_REVISION, META_CLIENT_INFO, META_CAPABILITIES, META_LOG_LEVEL];

/// How long a value that is repeated to the client may be, in characters.
const SHOWN: usize = 40;

/// What a head repeats of the body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mirrored {
    method: Mirror,
    name: Mirror,
}

/// One header that repeats something of the body.
#[derive(Clone, Debug, Default)]
enum Mirror {
    #[default]
    Missing,
    /// Without the blanks around it.
    Once(Vec<u8>),
    /// Several times, so that two readers could see two requests in one.
    Repeated,
    /// Encoded, and not as it has to be.
    Unreadable,
}

impl Mirror {
    fn read(headers: Headers<'_>, name: &str) -> Self {
        let mut values = headers.all(name);
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) => Self::Once(value.trim_ascii().to_vec()),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }

    /// The text that it stands for, where it may be encoded.
    fn decoded(&self) -> Self {
        match self {
            Self::Once(value) => header_value::decode(value)
                .map_or(Self::Unreadable, |text| Self::Once(text.into_owned().into_bytes())),
            other => other.clone(),
        }
    }

    /// Whether it is `text`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Mirror`] with what is wrong.
    fn check(&self, header: &str, text: &str) -> Result<(), ClientError> {
        let wrong = |why: &str| Err(ClientError::Mirror(format!("`{header}` {why}")));
        match self {
            Self::Missing => wrong("is missing"),
            Self::Repeated => wrong("is there several times"),
            Self::Unreadable => wrong("cannot be read"),
            Self::Once(value) if value == text.as_bytes() => Ok(()),
            Self::Once(_) => wrong("says something else than the body"),
        }
    }
}

impl Mirrored {
    /// Reads the head.
    pub(crate) fn read(headers: Headers<'_>) -> Self {
        Self { method: Mirror::read(headers, MCP_METHOD), name: Mirror::read(headers, MCP_NAME) }
    }

    /// The name in the head, if it says one that can be read.
    pub(crate) fn name(&self) -> Option<Cow<'_, str>> {
        match &self.name {
            Mirror::Once(value) => header_value::decode(value),
            Mirror::Missing | Mirror::Repeated | Mirror::Unreadable => None,
        }
    }

    /// The method in the head, if it says one that can be read.
    pub(crate) fn method(&self) -> Option<&str> {
        match &self.method {
            Mirror::Once(value) => std::str::from_utf8(value.trim_ascii()).ok(),
            Mirror::Missing | Mirror::Repeated | Mirror::Unreadable => None,
        }
    }

    /// Whether the head says the same method as the body.
    ///
    /// # Errors
    ///
    /// [`ClientError::Mirror`].
    pub(crate) fn check_method(&self, method: &str) -> Result<(), ClientError> {
        self.method.check("Mcp-Method", method)
    }

    /// Whether the head says the same name as the body; only what is asked for by name has one
    /// (2026-07-28, Streamable HTTP, "Request Headers"; Tasks extension).
    ///
    /// # Errors
    ///
    /// [`ClientError::Mirror`].
    pub(crate) fn check_name(&self, row: &Row, name: Option<&str>) -> Result<(), ClientError> {
        match (row.key(), name) {
            (Some(NamedBy::Name(_) | NamedBy::Uri), Some(name)) => {
                self.name.decoded().check("Mcp-Name", name)
            }
            // There are clients of the extension that leave it out.
            (Some(NamedBy::Task), Some(name)) if !matches!(self.name, Mirror::Missing) => {
                self.name.decoded().check("Mcp-Name", name)
            }
            _ => Ok(()),
        }
    }
}

/// What a request says of its client.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    /// `clientInfo` as JSON, if it is there.
    pub(crate) info: Option<String>,
    /// `clientCapabilities` as JSON.
    pub(crate) capabilities: String,
    /// `logLevel`, if it is there.
    pub(crate) log_level: Option<LogLevel>,
}

impl Declared {
    /// Of a request of which no more is known than its head: one that can do nothing.
    pub(crate) fn unread() -> Self {
        Self { info: None, capabilities: "{}".to_owned(), log_level: None }
    }

    /// Reads what the `_meta` of a request with these params says, and whether its head says the same
    /// revision: `text` is the JSON text of a member of `_meta`, `header` is the value of
    /// `MCP-Protocol-Version`, or `Err` for several.
    ///
    /// # Errors
    ///
    /// [`ClientError::Envelope`] for what is missing or of a wrong type, [`ClientError::Mirror`] for a head
    /// that says something else, [`ClientError::UnservedRevision`].
    pub(crate) fn read<'t>(
        params: Option<&Params>,
        text: impl Fn(RequestField) -> Option<&'t str>,
        header: Result<Option<&[u8]>, ()>,
    ) -> Result<Self, ClientError> {
        let params = params.filter(|params| !params.is_meta_repeated());
        let wrong = |key: &str, what: &str| {
            Err(ClientError::Envelope(format!("`_meta[\"{key}\"]` must be {what}")))
        };
        let has = |key: &str| params.is_some_and(|params| params.meta_has(key));
        let string = |field| params.and_then(|_| text(field)).and_then(decode);
        let object = |field| params.and_then(|_| text(field)).filter(|raw| raw.starts_with('{'));
        let Some(revision) = string(RequestField::Revision) else {
            return wrong(META_REVISION, "a string");
        };
        let Some(capabilities) = object(RequestField::ClientCapabilities) else {
            return wrong(META_CAPABILITIES, "an object");
        };
        let info = object(RequestField::ClientInfo);
        if info.is_none() && has(META_CLIENT_INFO) {
            return wrong(META_CLIENT_INFO, "an object");
        }
        let log_level = string(RequestField::LogLevel).and_then(|level| LogLevel::of(&level));
        if log_level.is_none() && has(META_LOG_LEVEL) {
            return wrong(META_LOG_LEVEL, "a level");
        }
        let mirror = match header {
            Ok(None) => Mirror::Missing,
            Ok(Some(value)) => Mirror::Once(value.trim_ascii().to_vec()),
            Err(()) => Mirror::Repeated,
        };
        mirror.check("MCP-Protocol-Version", &revision)?;
        if Revision::stateless(revision.as_bytes()).is_none() {
            let requested = revision.chars().take(SHOWN).collect();
            return Err(ClientError::UnservedRevision(requested));
        }
        Ok(Self { info: info.map(str::to_owned), capabilities: capabilities.to_owned(), log_level })
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        self.capabilities.capacity() + self.info.as_ref().map_or(0, String::capacity)
    }

    /// The request that says this, as an upstream of its era gets it: without extensions of MCP that the gateway
    /// does not know. `None` where nothing changes.
    pub(crate) fn without_unknown_extensions(&self, body: &[u8]) -> Option<Vec<u8>> {
        let reduced = capability::without_unknown_extensions(&self.capabilities)?;
        let text = std::str::from_utf8(body).ok()?;
        let [params] = Scan::whole(text, |scan| scan.pick(["params"])).ok()??;
        let [meta] = params?.scan().pick(["_meta"]).ok()??;
        let [capabilities] = meta?.scan().pick([META_CAPABILITIES]).ok()??;
        let mut edits = Edits::of(body);
        edits.replace(capabilities?.get(), reduced);
        edits.finish()
    }

    /// What upstreams are told of what the client can do, as JSON.
    pub(crate) fn relayed(&self) -> String {
        capability::relayed(&self.capabilities)
    }
}
