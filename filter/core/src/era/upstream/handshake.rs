//! Upstreams of the handshake era. Before one is asked anything it gets two messages, `initialize` and
//! `notifications/initialized` (2025-11-25, Lifecycle, "Initialization"): for a client's `initialize`,
//! and again if it has lost the session or comes late. Each later request names the session and the
//! revision that were agreed (2025-11-25, Transports, "Session Management").

use crate::era::client::handshake::{REVISION, SESSION_ID};
use crate::era::client::stateless::Declared;
use crate::era::upstream::Introduction;
use crate::error::UpstreamError;
use crate::exchange::fan_out::answer::Answer;
use crate::fault::Fault;
use crate::gateway::Upstream;
use crate::json::{Members, Raw, decode};
use crate::mcp::cache_hints::CacheHints;
use crate::mcp::capability::{self, Capabilities};
use crate::mcp::revision::Revision;
use crate::peer::Peer;
use crate::session::Session;

/// Tells an upstream that it may begin.
pub(crate) const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// What a client says of itself in `initialize`.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// The revision that it is answered with, and upstreams are offered.
    pub(crate) revision: Revision,
    /// Its `capabilities`, reduced to what the gateway relays.
    pub(crate) capabilities: String,
    /// The params besides revision and capabilities, as `,"key":value` and so on.
    pub(crate) rest: String,
    /// Whether it is for a session of which nobody hears the stream.
    pub(crate) is_unheard: bool,
}

impl Offer {
    /// What the client said when it opened `session`.
    pub(crate) fn of(session: &Session) -> Self {
        let rest = format!(r#","clientInfo":{}"#, session.client_info);
        let capabilities = capability::relayed(&session.client_capabilities);
        Self { revision: session.revision, capabilities, rest, is_unheard: false }
    }

    /// For a client that has no session, of which the upstream can ask no more than these `capabilities`.
    pub(crate) fn of_stateless(declared: &Declared, capabilities: String) -> Self {
        let own = || format!(r#"{{"name":"mcp-mux","version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
        let info = declared.info.clone().unwrap_or_else(own);
        let rest = format!(r#","clientInfo":{info}"#);
        Self { revision: Revision::NEWEST, capabilities, rest, is_unheard: true }
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        self.rest.capacity()
    }

    /// The client's `clientInfo` as JSON.
    pub(crate) fn info(&self) -> Option<String> {
        let params = format!("{{{}}}", self.rest.strip_prefix(',')?);
        let info = Raw::read(&params).and_then(Members::read)?.find("clientInfo")?;
        Some(info.get().to_owned())
    }

    /// The request to this upstream.
    pub(crate) fn request(&self, upstream: &Upstream, id: u64) -> Vec<u8> {
        let Self { revision, capabilities, rest, is_unheard } = self;
        let revision = revision.as_str();
        let offer = if *is_unheard { upstream.offer_in_calls() } else { upstream.offer };
        let capabilities = capability::offered(capabilities, offer);
        let params =
            format!(r#"{{"protocolVersion":"{revision}","capabilities":{capabilities}{rest}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{params}}}"#)
            .into_bytes()
    }
}

/// The headers of every request to an upstream after `initialize`: the revision, and the session if
/// it gave one.
pub(crate) fn headers(peer: &Peer) -> impl Iterator<Item = (&'static str, &str)> {
    let session = peer.session.as_deref().map(|session| (SESSION_ID, session));
    [(REVISION, peer.revision.as_str())].into_iter().chain(session)
}

/// Reads an upstream's answer to `initialize`.
pub(crate) fn read(answer: &Answer<'_>) -> Result<Introduction, UpstreamError> {
    let id = answer.session()?;
    let taken = answer.result(|scan| scan.value().map(|result| taken(id.clone(), result)));
    taken.map_err(|error| UpstreamError { fault: without_endpoint(answer, error.fault), ..error })
}

/// 404 and 405 to `initialize`: what a server answers that has MCP elsewhere, or speaks HTTP+SSE alone
/// (2024-11-05, Transports).
fn without_endpoint(answer: &Answer<'_>, fault: Fault) -> Fault {
    match fault {
        refused @ Fault::Refused { status: 404 | 405, .. } => {
            Fault::NoEndpoint { refusal: Box::new(refused), path: answer.upstream.path.clone() }
        }
        fault => fault,
    }
}

fn taken(id: Option<String>, result: Raw<'_>) -> Result<Introduction, Fault> {
    let result = Members::read(result).ok_or(Fault::ResultNoObject)?;
    let text = |key| result.find(key).and_then(|raw| decode(raw.get()));
    let revision = text("protocolVersion").ok_or(Fault::NoRevision)?;
    let revision = Revision::of_upstream(revision.as_bytes())
        .ok_or_else(|| Fault::Revision { found: revision.chars().take(40).collect() })?;
    let capabilities = result.find("capabilities").map_or("{}", Raw::get);
    let capabilities = Capabilities::read(capabilities.as_bytes());
    let peer = Peer { revision, capabilities, session: id, init_fingerprint: None };
    let instructions = text("instructions").filter(|text| !text.trim().is_empty());
    let instructions = instructions.map(std::borrow::Cow::into_owned);
    Ok(Introduction { peer, instructions, hints: CacheHints::NONE })
}
