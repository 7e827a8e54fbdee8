//! Everything that goes wrong, sorted by who is at fault, and the one table that puts it on the
//! wire as an HTTP status and a JSON-RPC code.
//!
//! A request that was understood is answered with HTTP 200 and a JSON-RPC error: client SDKs turn
//! any other status into a transport error and lose the message. Statuses below 500 are kept for
//! what the protocol gives them for, and 404 for "this session is gone" alone.

use std::fmt::{self, Write as _};

use crate::fault::Fault;
use crate::json::encode;
use crate::mcp::jsonrpc::Id;
use crate::mcp::revision::Revision;

/// Why a request gets no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The client must change something.
    Client(ClientError),
    /// The same of a client of the stateless era, which has other words for it.
    Stateless(ClientError),
    /// One upstream is in trouble.
    Upstream(UpstreamError),
    /// Every upstream that was asked is.
    AllUpstreams(Vec<UpstreamError>),
    /// No upstream is configured: none that is discovered has joined yet.
    NoUpstream,
    /// The gateway holds as much as it may for other requests.
    Busy,
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The body is not JSON.
    NotJson,
    /// The body is JSON but no single JSON-RPC message.
    NotJsonRpc(&'static str),
    /// The body is longer than `limits.request_body`, in bytes.
    TooLarge(usize),
    /// The body is longer than what Envoy may hold of a request.
    Overflow,
    /// The request ends with trailers, which MCP has no use for.
    Trailers,
    /// A browser's page of another origin.
    ForeignOrigin,
    /// Nothing says who sends it.
    NoCaller,
    /// An HTTP method that the endpoint does not serve; with the ones that it does.
    Method(&'static str),
    /// `Accept` leaves out a type that the answer may have.
    NotAcceptable(&'static str),
    /// The body is not declared as plain JSON; with the header that says so.
    MediaType(&'static str),
    /// `MCP-Protocol-Version` names a revision that is not served.
    Revision(String),
    /// No `Mcp-Session-Id` where one is needed.
    NoSession,
    /// A session id that cannot be opened, has expired or was deleted.
    SessionGone(&'static str),
    /// No such method here.
    UnknownMethod(String),
    /// No tool, prompt or task (the first says which) of this name, or one that is hidden.
    Unknown(&'static str, String),
    /// No upstream has this URI.
    UnknownResource(String),
    /// The parameters are not what the method needs.
    Params(String),
    /// `_meta` does not say what every request of the stateless era has to say (2026-07-28, Base Protocol).
    Envelope(String),
    /// A header does not repeat what the body says (2026-07-28, Streamable HTTP, "Server Validation").
    Mirror(String),
    /// A revision that is not served without sessions (2026-07-28, Versioning).
    UnservedRevision(String),
    /// An answer to what a server wanted to know, for which no call waits; with the reason.
    NotWaiting(&'static str),
}

/// What became of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// Its configured name.
    pub upstream: String,
    /// What happened.
    pub fault: Fault,
    /// Its HTTP status, where it answered with one that matters.
    pub status: Option<u16>,
    /// Its `WWW-Authenticate`: reported, not relayed, since it is not the gateway's challenge.
    pub challenge: Option<String>,
    /// Its `Retry-After`, which is passed on as a header.
    pub retry_after: Option<String>,
}

impl UpstreamError {
    /// An error that has no more to say than its fault.
    #[must_use]
    pub fn new(upstream: &str, fault: Fault) -> Self {
        let upstream = upstream.to_owned();
        Self { upstream, fault, status: None, challenge: None, retry_after: None }
    }

    /// `{"upstream": ..., "reason": ...}` and what else is known.
    fn data(&self) -> String {
        let Self { upstream, fault, status, challenge, .. } = self;
        let reason = encode(&fault.to_string());
        let mut data = format!(r#"{{"upstream":{},"reason":{reason}"#, encode(upstream));
        if let Some(status) = status {
            let _ = write!(data, r#","status":{status}"#);
        }
        if let Some(challenge) = challenge {
            let _ = write!(data, r#","challenge":{}"#, encode(challenge));
        }
        data.push('}');
        data
    }
}

/// A JSON array of `{upstream, reason}`, as `_meta["mcp-mux/unavailable"]` holds it.
#[must_use]
pub(crate) fn list_data(errors: &[UpstreamError]) -> String {
    let items: Vec<String> = errors.iter().map(UpstreamError::data).collect();
    format!("[{}]", items.join(","))
}

impl Error {
    /// The table: HTTP status and JSON-RPC code.
    #[must_use]
    pub fn wire(&self) -> (u16, i32) {
        use ClientError as C;
        match self {
            Self::Client(C::NotJson) => (400, -32700),
            Self::Client(C::NotJsonRpc(_) | C::Trailers | C::NoSession) => (400, -32600),
            // Not -32022: that is how a server of 2026-07-28 answers, and a client of both eras
            // must see that this one wants a handshake.
            Self::Client(C::Revision(_)) => (400, -32000),
            Self::Client(C::NoCaller) => (401, -32600),
            Self::Client(C::ForeignOrigin) => (403, -32600),
            // Code and message are those that the Python SDK makes of a bare 404: some agents open a
            // new session for nothing else.
            Self::Client(C::SessionGone(_)) => (404, -32600),
            Self::Client(C::Method(_)) => (405, -32600),
            Self::Client(C::NotAcceptable(_)) => (406, -32600),
            Self::Client(C::TooLarge(_) | C::Overflow) => (413, -32600),
            Self::Client(C::MediaType(_)) => (415, -32600),
            Self::Client(C::UnknownMethod(_)) => (200, -32601),
            Self::Client(C::Unknown(..) | C::Params(_) | C::NotWaiting(_))
            | Self::Stateless(C::UnknownResource(_)) => (200, -32602),
            Self::Client(C::UnknownResource(_)) => (200, -32002),
            Self::Client(C::Envelope(_)) => (400, -32602),
            Self::Client(C::Mirror(_)) => (400, -32020),
            Self::Client(C::UnservedRevision(_)) => (400, -32022),
            Self::Stateless(C::UnknownMethod(_)) => (404, -32601),
            Self::Stateless(error) => Self::Client(error.clone()).wire(),
            Self::Upstream(_) | Self::AllUpstreams(_) => (200, -32603),
            Self::NoUpstream | Self::Busy => (503, -32603),
        }
    }

    /// The JSON-RPC error that answers `id`.
    #[must_use]
    pub fn body(&self, id: Option<&Id<'_>>) -> Vec<u8> {
        let (_, code) = self.wire();
        let id = id.map_or("null", Id::as_raw);
        let message = encode(&self.to_string());
        let data = match self {
            Self::Client(ClientError::UnservedRevision(requested))
            | Self::Stateless(ClientError::UnservedRevision(requested)) => {
                let served = Revision::SERVED.map(|it| encode(it.as_str())).join(",");
                format!(r#","data":{{"supported":[{served}],"requested":{}}}"#, encode(requested))
            }
            Self::Client(ClientError::UnknownResource(uri))
            | Self::Stateless(ClientError::UnknownResource(uri)) => {
                format!(r#","data":{{"uri":{}}}"#, encode(uri))
            }
            // Other agents look for the status in the text of the error.
            Self::Client(ClientError::SessionGone(why)) => {
                let reason = format!("HTTP 404: {why}; send `initialize` without a session id");
                format!(r#","data":{{"reason":{}}}"#, encode(&reason))
            }
            Self::Client(ClientError::NotWaiting(why))
            | Self::Stateless(ClientError::NotWaiting(why)) => {
                format!(r#","data":{{"reason":{}}}"#, encode(why))
            }
            Self::Client(_) | Self::Stateless(_) | Self::NoUpstream | Self::Busy => String::new(),
            Self::Upstream(error) => format!(r#","data":{}"#, error.data()),
            Self::AllUpstreams(errors) => {
                format!(r#","data":{{"upstreams":{}}}"#, list_data(errors))
            }
        };
        let error = format!(r#"{{"code":{code},"message":{message}{data}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) | Self::Stateless(error) => error.fmt(out),
            Self::Upstream(error) => error.fmt(out),
            Self::AllUpstreams(errors) => {
                out.write_str("No upstream answered: ")?;
                for (index, error) in errors.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(out, "{separator}{}: {}", error.upstream, error.fault)?;
                }
                Ok(())
            }
            Self::NoUpstream => out.write_str(
                "No MCP server has joined this gateway yet; try again, and if this lasts, \
                 see that `upstreams` is not empty or that a server is there to be discovered",
            ),
            Self::Busy => out.write_str("The gateway is busy with too much data; try again"),
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Upstream {} failed: {}", self.upstream, self.fault)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => out.write_str("Parse error: the body is not JSON"),
            Self::NotJsonRpc(why) => write!(out, "Invalid request: {why}"),
            Self::TooLarge(limit) => {
                write!(out, "Invalid request: the body is longer than {limit} bytes")
            }
            Self::Overflow => out.write_str(
                "Invalid request: the body is longer than Envoy's buffer; its \
                 per_connection_buffer_limit_bytes should be no less than limits.request_body",
            ),
            Self::Trailers => out.write_str("Invalid request: trailers are not supported"),
            Self::ForeignOrigin => out.write_str(
                "Forbidden: this Origin is not allowed; list it in the gateway's `origins.allow`",
            ),
            Self::NoCaller => out.write_str(
                "Unauthorized: the request does not say who sends it; authenticate with the gateway",
            ),
            Self::Method(allow) => write!(out, "Method not allowed: use {allow}"),
            Self::NotAcceptable(needed) => {
                write!(out, "Not acceptable: `Accept` must cover {needed}")
            }
            Self::MediaType(needed) => write!(out, "Unsupported media type: {needed}"),
            Self::Revision(found) => {
                let served: Vec<&str> =
                    Revision::ALL.iter().map(|served| served.as_str()).collect();
                let served = served.join(", ");
                write!(
                    out,
                    "Bad Request: Unsupported protocol version: {found} (supported versions: {served})"
                )
            }
            Self::NoSession => out.write_str(
                "Bad Request: Mcp-Session-Id is missing; send `initialize` first and echo the id",
            ),
            Self::SessionGone(_) => out.write_str("Session terminated"),
            Self::UnknownMethod(method) => write!(out, "Method not found: {method}"),
            Self::Unknown(what, name) => write!(out, "Unknown {what}: {name}"),
            Self::UnknownResource(uri) => write!(out, "Resource not found: {uri}"),
            Self::Params(why) | Self::Envelope(why) => write!(out, "Invalid params: {why}"),
            Self::Mirror(why) => write!(out, "Header mismatch: {why}"),
            Self::NotWaiting(_) => out.write_str(
                "Invalid params: `requestState` names no call that waits for this answer",
            ),
            Self::UnservedRevision(found) => {
                write!(out, "Unsupported protocol version: {found}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
