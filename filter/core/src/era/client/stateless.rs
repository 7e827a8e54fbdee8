//! Clients of the stateless era. Every request says in `_meta` which revision it speaks and what its client can do
//! (2026-07-28, Base Protocol, "_meta"). What its head repeats of that is in [`super::mirrored`].

use crate::era::client::mirrored::Mirror;
use crate::error::ClientError;
use crate::exchange::request::params::Params;
use crate::gateway::ClientFeatures;
use crate::json::{Edits, Scan, decode};
use crate::mcp::capability;
use crate::mcp::fields::RequestField;

use crate::mcp::log_level::LogLevel;
use crate::mcp::revision::Revision;

pub(crate) use crate::mcp::fields::{
    META_CAPABILITIES, META_CLIENT_INFO, META_LOG_LEVEL, META_REVISION,
};

/// The keys of a request's `_meta` that belong to this era alone.
pub(crate) const RESERVED: [&str; 4] =
    [META_REVISION, META_CLIENT_INFO, META_CAPABILITIES, META_LOG_LEVEL];

/// How long a value that is repeated to the client may be, in characters.
const SHOWN: usize = 40;

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
        Mirror::of(header).check("MCP-Protocol-Version", &revision)?;
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

    /// What upstreams of its era are told of what the client can do, as JSON.
    pub(crate) fn relayed(&self) -> String {
        capability::relayed_stateless(&self.capabilities)
    }

    /// What upstreams can ask the client for.
    pub(crate) fn answered(&self) -> Option<String> {
        capability::answered(&self.capabilities)
    }

    /// The same for an upstream with this `offer`.
    pub(crate) fn asked(&self, offer: ClientFeatures) -> Option<String> {
        capability::asked(&self.capabilities, offer)
    }

    /// Whether its client has the tasks extension.
    pub(crate) fn declares_tasks(&self) -> bool {
        capability::declares_tasks(&self.capabilities)
    }
}
