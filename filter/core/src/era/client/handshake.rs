//! Clients of the handshake era: they send `initialize` and are given a session, which every later
//! request names (2025-11-25, Lifecycle; Transports, "Session Management").

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::era::upstream::handshake::Offer;
use crate::error::ClientError;
use crate::exchange::request::message::Request;
use crate::json::{Members, Raw, decode, encode};
use crate::mcp::capability;
use crate::mcp::revision::Revision;

/// The header that carries the session id, in lower case.
pub(crate) const SESSION_ID: &str = "mcp-session-id";

/// The version header, in lower case (2025-06-18, Transports, "Protocol Version Header").
pub(crate) const REVISION: &str = "mcp-protocol-version";

/// The client's capabilities and info travel in the session id, which is a header: what is kept of them
/// may have this many bytes together.
const CLIENT_LIMIT: usize = 5 * 1024;

/// Over so many bytes, `clientInfo` is kept without what only people look at.
const PLAIN_INFO: usize = 1024;

/// What a client says of itself in `initialize`.
#[derive(Debug)]
pub(crate) struct InitializeParams {
    /// What upstreams are offered on its behalf.
    pub(crate) offer: Offer,
    /// What is kept of its `capabilities`: those that upstreams are offered, as JSON.
    pub(crate) capabilities: String,
    /// What is kept of its `clientInfo`, as JSON.
    pub(crate) info: String,
}

impl InitializeParams {
    /// Reads the params of an `initialize`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Params`] for what is missing, of the wrong type or too long.
    pub(crate) fn read(request: &Request<'_>) -> Result<Self, ClientError> {
        let malformed = |why: &str| ClientError::Params(why.to_owned());
        let params = request.members()?.ok_or_else(|| malformed("`params` is missing"))?;
        let object = |key: &str| {
            let value = params.find(key).filter(|value| value.get().starts_with('{'));
            value.map(Raw::get).ok_or_else(|| malformed(&format!("`{key}` must be an object")))
        };
        let capabilities = object("capabilities")?;
        let info = object("clientInfo")?;
        let relayed = capability::relayed(capabilities);
        let kept = kept_info(info);
        if relayed.len() + kept.len() > CLIENT_LIMIT {
            let limit = format!("at most {CLIENT_LIMIT} bytes");
            let why = format!("`capabilities` and `clientInfo` may have {limit} together");
            return Err(malformed(&why));
        }
        let asked = params.find("protocolVersion").and_then(|raw| decode(raw.get()));
        let asked = asked.ok_or_else(|| malformed("`protocolVersion` must be a string"))?;
        let mut rest = String::new();
        for (key, value) in params.iter() {
            // A progress token would be shared by all upstreams, and its values must increase.
            if !matches!(key, "protocolVersion" | "capabilities" | "_meta") {
                let _ = write!(rest, ",{}:{}", encode(key), value.get());
            }
        }
        // The newest revision is offered to a client that asks for an unknown one (2025-11-25,
        // Lifecycle, "Version Negotiation").
        let revision = Revision::parse(asked.as_bytes()).unwrap_or(Revision::NEWEST);
        Ok(Self {
            capabilities: relayed.clone(),
            offer: Offer { revision, capabilities: relayed, rest, is_unheard: false },
            info: kept.into_owned(),
        })
    }
}

/// What is kept of a `clientInfo`: all of a short one; of a longer one what is no decoration (2025-11-25,
/// `Implementation`).
fn kept_info(info: &str) -> Cow<'_, str> {
    let members = Raw::read(info).and_then(Members::read);
    let Some(members) = members.filter(|_| info.len() > PLAIN_INFO) else {
        return Cow::Borrowed(info);
    };
    let kept =
        members.iter().filter(|(key, _)| !matches!(*key, "icons" | "description" | "websiteUrl"));
    let kept: Vec<String> =
        kept.map(|(key, value)| format!("{}:{}", encode(key), value.get())).collect();
    Cow::Owned(format!("{{{}}}", kept.join(",")))
}
