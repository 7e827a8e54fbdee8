//! What an upstream can do wrong, and what can befall it: one variant for each, so that metrics,
//! retries and tests match on the fault and not on its words. [`Display`](fmt::Display) has the words.
//!
//! The text is read by the client, in an error's `data.reason` and in `_meta["mcp-mux/unavailable"]`,
//! and by the operator, in the log. It follows "Upstream NAME failed: ", so "it" is the upstream.

pub(crate) mod label;

use std::fmt;
use std::time::Duration;

/// Why an upstream contributes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Envoy has no such cluster, or no healthy host in it.
    Unreachable {
        /// The configured cluster.
        cluster: String,
    },
    /// The answer did not arrive, or not to its end.
    NoAnswer {
        /// How long it was waited for.
        within: Duration,
    },
    /// Envoy has no route that reads the cluster from `x-mcp-cluster`.
    NoRoute,
    /// An HTTP status other than 2xx.
    Refused {
        /// The status.
        status: u16,
        /// What its body says, on one line; empty where it has nothing to say.
        said: String,
    },
    /// A redirect; the gateway follows none.
    Redirect {
        /// The status.
        status: u16,
        /// Where it leads, cut short.
        location: String,
    },
    /// A refusal that is likely to be of the `Host` header.
    HostRefused {
        /// The refusal.
        refusal: Box<Fault>,
        /// The configured authority.
        authority: String,
    },
    /// Nothing answers `initialize` at this path.
    NoEndpoint {
        /// The refusal.
        refusal: Box<Fault>,
        /// The configured path.
        path: String,
    },
    /// A JSON-RPC error in answer to a request of the gateway's own.
    RpcError {
        /// The `code`, if it is an integer.
        code: Option<i64>,
        /// The `message`, cut short.
        message: String,
    },
    /// 2xx without a body, to a request.
    NoBody,
    /// 2xx with a body that is neither JSON nor an event stream, to a routed request.
    NoMessage {
        /// The status.
        status: u16,
    },
    /// A body that is neither JSON nor an event stream, to a side call.
    ContentType,
    /// A body that is compressed, which nobody asked for.
    Encoded {
        /// Its `Content-Encoding`.
        coding: String,
    },
    /// JSON in answer to a GET, which is for an event stream.
    NoStream,
    /// JSON that is not the response to the request.
    NotTheResponse,
    /// A response, but to a request with another id.
    OtherId {
        /// The raw id of the response, cut short.
        found: Box<str>,
        /// The raw id of the request.
        asked: Box<str>,
    },
    /// An event stream that ended before the response.
    StreamEnded,
    /// An answer while the request was still being sent, before its id was known.
    TooEarly,
    /// An answer longer than `limits.upstream_body`.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The gateway has no memory left for the answer.
    OverBudget,
    /// A result that is no JSON object.
    ResultNoObject,
    /// A result that has a member twice.
    ResultRepeats,
    /// The result of a list without its array.
    NoArray {
        /// The name of the array.
        member: &'static str,
    },
    /// A `nextCursor` that is no string.
    CursorNoString,
    /// A `nextCursor` that is too long to be carried on.
    CursorTooLong {
        /// The limit, in bytes of JSON.
        limit: usize,
    },
    /// A list whose pages together take up too much.
    ListTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A list of too many pages.
    TooManyPages {
        /// The limit.
        limit: usize,
    },
    /// The result of `initialize` without `protocolVersion`.
    NoRevision,
    /// A revision that the gateway does not speak.
    Revision {
        /// Its begin.
        found: String,
    },
    /// No revision that the gateway speaks is among those that it speaks.
    NoCommonRevision,
    /// It has refused a request as one without a session, and says that it needs none.
    RefusedStateless,
    /// It is not of the era that the configuration says.
    OtherEra,
    /// A session id that cannot be sent back, or is too long to be carried.
    SessionId {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It has not joined the client's session.
    NoSession,
    /// Its session is gone right after it was opened anew.
    LostAgain {
        /// What it answered in the new session.
        then: Box<Fault>,
    },
    /// It lost the session in which it worked on the request whose stream the client resumes.
    LostStream,
    /// It had lost its session, and the request was too large to be kept for a second try.
    LostTooLarge,
    /// It had lost its session, and may have acted on the request before.
    LostUnsure,
    /// It wants something of its client that this one knows nothing of: what, in words.
    Incomplete(String),
    /// Its list is needed to know whose a name is, and is not there.
    NameUnknown {
        /// What became of its list.
        since: Box<Fault>,
    },
}

impl Fault {
    /// The code of a JSON-RPC error.
    pub(crate) const fn rpc_code(&self) -> Option<i64> {
        match self {
            Self::RpcError { code, .. } => *code,
            _ => None,
        }
    }

    /// The status of a refusal, and what its body says.
    #[must_use]
    pub fn refusal(&self) -> Option<(u16, &str)> {
        match self {
            Self::Refused { status, said } => Some((*status, said)),
            Self::HostRefused { refusal, .. } | Self::NoEndpoint { refusal, .. } => {
                refusal.refusal()
            }
            _ => None,
        }
    }
}

/// The likeliest mistake in Envoy's configuration.
const NO_ROUTE: &str = "Envoy has no route to it; in the virtual host that matches the upstream's \
                        authority, the first route has to match on the presence of x-mcp-cluster, \
                        with cluster_header: x-mcp-cluster";

const OTHER_ERA: &str =
    "it is not of the era that the upstream's `era` says; `era: auto` finds out";
const REFUSED_STATELESS: &str =
    "it refused the request for want of a session, though it says that it needs none";
const NO_COMMON_REVISION: &str = "it speaks no revision of MCP that the gateway speaks";

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { cluster } => {
                write!(out, "cluster {cluster} does not exist in Envoy, or has no healthy host")
            }
            Self::NoAnswer { within } => {
                write!(out, "no answer within {within:?}, or the connection broke")
            }
            Self::NoRoute => out.write_str(NO_ROUTE),
            Self::Refused { status, said } => {
                let separator = if said.is_empty() { "" } else { ": " };
                write!(out, "answered HTTP {status}{separator}{said}")
            }
            Self::Redirect { status, location } => write!(
                out,
                "answered HTTP {status}, a redirect to {location}, which is not followed; set the \
                 upstream's `path`, `authority` and cluster to where it leads"
            ),
            Self::HostRefused { refusal, authority } => {
                write!(
                    out,
                    "{refusal} (it was asked for host {authority}; if it serves another name only, set that as \
                     the upstream's `authority`)"
                )
            }
            Self::NoEndpoint { refusal, path } => {
                write!(
                    out,
                    "{refusal} (nothing answers `initialize` at {path}: set the upstream's `path`; a server \
                     that has only the old HTTP+SSE transport needs `transport: sse`, in the native host)"
                )
            }
            Self::RpcError { code: Some(code), message } => {
                write!(out, "JSON-RPC error {code}: {message}")
            }
            Self::RpcError { code: None, message } => write!(out, "JSON-RPC error ?: {message}"),
            Self::NoBody => out.write_str("answered without a body"),
            Self::NoMessage { status } => {
                write!(out, "answered HTTP {status} with neither JSON nor SSE")
            }
            Self::ContentType => {
                out.write_str("its answer is neither application/json nor text/event-stream")
            }
            Self::Encoded { coding } => {
                write!(out, "its answer is encoded ({coding}), which was not asked for")
            }
            Self::NoStream => {
                out.write_str("answered the GET with JSON; an event stream was asked for")
            }
            Self::NotTheResponse => {
                out.write_str("its answer is not a JSON-RPC response to the request")
            }
            Self::OtherId { found, asked } => {
                write!(out, "it answered id {found}, asked was {asked}")
            }
            Self::StreamEnded => out.write_str("its event stream ended before the answer"),
            Self::TooEarly => out.write_str("it answered before it had the whole request"),
            Self::TooLong { limit } => write!(out, "its answer is longer than {limit} bytes"),
            Self::OverBudget => out.write_str("the gateway has no memory left for its answer"),
            Self::ResultNoObject => out.write_str("its result is no object"),
            Self::ResultRepeats => out.write_str("a member of its result is repeated"),
            Self::NoArray { member } => write!(out, "its result has no array `{member}`"),
            Self::CursorNoString => out.write_str("its nextCursor is no string"),
            Self::CursorTooLong { limit } => {
                write!(out, "its nextCursor is longer than {limit} bytes")
            }
            Self::ListTooLong { limit } => write!(out, "its list takes up more than {limit} bytes"),
            Self::TooManyPages { limit } => write!(out, "its list has more than {limit} pages"),
            Self::NoRevision => out.write_str("its result has no protocolVersion"),
            Self::Revision { found } => {
                write!(out, "it speaks revision {found}, which is not supported")
            }
            Self::OtherEra => out.write_str(OTHER_ERA),
            Self::RefusedStateless => out.write_str(REFUSED_STATELESS),
            Self::NoCommonRevision => out.write_str(NO_COMMON_REVISION),
            Self::SessionId { limit } => {
                write!(out, "its session id is not visible ASCII of at most {limit} bytes")
            }
            Self::NoSession => {
                out.write_str("it has not joined this session yet; the next call or list opens it")
            }
            Self::LostAgain { then } => {
                write!(out, "it lost its session right after `initialize`: {then}")
            }
            Self::LostStream => {
                out.write_str("it lost the session in which it worked on this request")
            }
            Self::LostTooLarge => out.write_str(
                "it had lost its session, which is open again; the request was too large to keep: send it \
                 once more",
            ),
            Self::LostUnsure => out.write_str(
                "it had lost its session, which is open again; it may have acted on the request, so that \
                 was not sent again",
            ),
            Self::Incomplete(wants) => out.write_str(wants),
            Self::NameUnknown { since } => {
                write!(out, "{since}; so it is not known which upstream has the name")
            }
        }
    }
}
