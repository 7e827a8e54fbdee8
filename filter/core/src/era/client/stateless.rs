//! Clients of the stateless era: every request says in `_meta` which revision it speaks and what its client
//! can do, and repeats in its head what those need that do not read bodies (2026-07-28, Base Protocol,
//! "_meta"; Streamable HTTP, "Request Headers").

use crate::error::ClientError;
use crate::exchange::request::message::Request;
use crate::http::Headers;
use crate::json::{Members, Raw, decode};
use crate::mcp::capability;
use crate::mcp::header_value::{self, MCP_METHOD, MCP_NAME};
use crate::mcp::log_level::LogLevel;
use crate::mcp::method::{NamedBy, Row};
use crate::mcp::revision::Revision;

/// The revision that a request speaks, in its `_meta`.
pub(crate) const META_REVISION: &str = "io.modelcontextprotocol/protocolVersion";
/// The client's own name and version, in `_meta`.
pub(crate) const META_CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// What the client can do, in `_meta`.
pub(crate) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// From which level on the client wants log messages on the request's stream, in `_meta`.
pub(crate) const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

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
    /// Reads the `_meta` of a request, and whether its head says the same revision: `header` is the value of
    /// `MCP-Protocol-Version`, or `Err` for several.
    ///
    /// # Errors
    ///
    /// [`ClientError::Envelope`] for what is missing or of a wrong type, [`ClientError::Mirror`] for a head
    /// that says something else, [`ClientError::UnservedRevision`].
    pub(crate) fn read(
        request: &Request<'_>,
        header: Result<Option<&[u8]>, ()>,
    ) -> Result<Self, ClientError> {
        let meta = request.members()?.and_then(|params| params.find("_meta"));
        let meta = meta.and_then(Members::read);
        let wrong = |key: &str, what: &str| {
            Err(ClientError::Envelope(format!("`_meta[\"{key}\"]` must be {what}")))
        };
        let find = |key: &str| meta.as_ref().and_then(|meta| meta.find(key));
        let Some(revision) = find(META_REVISION).and_then(|it| decode(it.get())) else {
            return wrong(META_REVISION, "a string");
        };
        let object = |raw: &Raw<'_>| raw.is_object();
        let Some(capabilities) = find(META_CAPABILITIES).filter(object) else {
            return wrong(META_CAPABILITIES, "an object");
        };
        let info = find(META_CLIENT_INFO);
        if info.is_some_and(|info| !info.is_object()) {
            return wrong(META_CLIENT_INFO, "an object");
        }
        let log_level = find(META_LOG_LEVEL).map(|it| LogLevel::of(&decode(it.get())?));
        if log_level == Some(None) {
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
        Ok(Self {
            info: info.map(|info| info.get().to_owned()),
            capabilities: capabilities.get().to_owned(),
            log_level: log_level.flatten(),
        })
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        self.capabilities.capacity() + self.info.as_ref().map_or(0, String::capacity)
    }

    /// Whether the client may know extensions of MCP.
    pub(crate) fn is_extended(&self) -> bool {
        let capabilities = Raw::read(&self.capabilities).and_then(Members::read);
        capabilities.is_none_or(|it| it.find("extensions").is_some())
    }

    /// What upstreams are told of what the client can do, as JSON.
    pub(crate) fn relayed(&self) -> String {
        capability::relayed(&self.capabilities)
    }
}
