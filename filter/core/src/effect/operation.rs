//! What became of a request, as metrics, the access log and the status page tell it.

use std::sync::Arc;

use crate::effect::Outcome;
use crate::error::{Error, UpstreamError};
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::session::ScopeTag;

/// How a request ended, as whoever sent it sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With a result.
    #[default]
    Ok,
    /// With a result of a tool that says `isError` (2025-11-25, Tools, "Error Handling").
    ToolError,
    /// With a JSON-RPC error of this code.
    Error(i32),
    /// The upstream did not answer in time.
    Timeout,
    /// The upstream was not reached, or what it answered is no MCP.
    Transport,
    /// The gateway held as much as it may for other requests.
    Busy,
    /// Not at all: the client left first, or the proxy gave up.
    Cancelled,
}

/// The codes that have a label of their own.
const CODES: [(i32, &str); 11] = [
    (-32700, "-32700"),
    (-32603, "-32603"),
    (-32602, "-32602"),
    (-32601, "-32601"),
    (-32600, "-32600"),
    (-32042, "-32042"),
    (-32022, "-32022"),
    (-32021, "-32021"),
    (-32020, "-32020"),
    (-32002, "-32002"),
    (-32000, "-32000"),
];

impl Ending {
    /// Its name in metrics and logs: `ok`, `tool_error`, `timeout`, `transport`, `busy`, `cancelled`, a code of
    /// JSON-RPC or MCP, or `error` for any other code. So there is a bounded number of them.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::Error(code) => {
                CODES.iter().find(|(known, _)| *known == code).map_or("error", |(_, label)| label)
            }
        }
    }

    /// How an answer with this JSON-RPC error ends; `None`: its code is no integer of 32 bits.
    pub(crate) fn of_code(code: Option<i64>) -> Self {
        Self::Error(code.and_then(|code| i32::try_from(code).ok()).unwrap_or_default())
    }

    /// How a request ends whose upstream has done this.
    pub(crate) fn of_fault(fault: &Fault) -> Self {
        match fault {
            Fault::NoAnswer { .. } | Fault::Refused { status: 408 | 504, .. } => Self::Timeout,
            Fault::RpcError { code, .. } => Self::of_code(*code),
            Fault::Incomplete(_) => Self::Error(-32603),
            Fault::OverBudget => Self::Busy,
            _ => Self::Transport,
        }
    }

    /// How a request ends that gets this error.
    pub(crate) fn of_error(error: &Error) -> Self {
        match error {
            Error::Client(_) | Error::Stateless(_) => Self::Error(error.wire().1),
            Error::Upstream(UpstreamError { fault, .. }) => Self::of_fault(fault),
            Error::AllUpstreams(errors) => {
                errors.first().map_or(Self::Transport, |error| Self::of_fault(&error.fault))
            }
            Error::NoUpstream => Self::Transport,
            Error::Busy => Self::Busy,
        }
    }

    /// Whether the upstream failed: not if it has answered, though with an error.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Timeout | Self::Transport)
    }

    /// The code of the JSON-RPC error that the client gets, if it gets one.
    #[must_use]
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Ok | Self::ToolError | Self::Cancelled => None,
            Self::Error(code) => Some(code),
            Self::Timeout | Self::Transport | Self::Busy => Some(-32603),
        }
    }
}

/// A request of a client that is answered, or never will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The label of its row in the routing table, for instance `tools_call`.
    pub method: &'static str,
    /// Who is at fault.
    pub outcome: Outcome,
    /// How it ended.
    pub ending: Ending,
    /// The upstream that it went on to, if it was one.
    pub upstream: Option<UpstreamId>,
    /// What it is about, as that upstream calls it: the name of a tool or a prompt, or a URI.
    pub name: Option<Arc<str>>,
    /// Whether that is a tool.
    pub is_tool: bool,
    /// Whether it is measured by that, which the upstream has listed then.
    pub is_measured: bool,
    /// Who has sent it, as Envoy says: at most 200 characters, none of them a control character. `None` if the gateway
    /// does not ask for that, or was not told.
    pub caller: Option<Arc<str>>,
    /// `handshake` or `stateless`; empty if that was not found out.
    pub era: &'static str,
    /// Tells the client's session from others; `None` without one.
    pub session: Option<ScopeTag>,
    /// How long it took, from its head on, in microseconds.
    pub took: u64,
    /// How long of that the upstream had it, in microseconds.
    pub upstream_took: Option<u64>,
    /// How many bytes the request's body has.
    pub request_bytes: u64,
    /// How many bytes of the answer's body there are so far.
    pub response_bytes: u64,
}

impl Operation {
    /// A request that ended so; the rest is not known here.
    pub(crate) fn new(method: &'static str, outcome: Outcome, ending: Ending) -> Self {
        Self {
            method,
            outcome,
            ending,
            upstream: None,
            name: None,
            is_tool: false,
            is_measured: false,
            caller: None,
            era: "",
            session: None,
            took: 0,
            upstream_took: None,
            request_bytes: 0,
            response_bytes: 0,
        }
    }
}

/// A request of the gateway's own to an upstream that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whose it is.
    pub upstream: UpstreamId,
    /// The label of its method.
    pub method: &'static str,
    /// Whether it served its purpose.
    pub ok: bool,
    /// How it ended.
    pub ending: Ending,
    /// How long it took, in microseconds.
    pub took: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_have_a_bounded_number_of_labels() {
        for code in [-32700, -32600, -32601, -32602, -32603, -32000, -32002, -32020, -32042] {
            assert_eq!(Ending::Error(code).label(), code.to_string());
        }
        for code in [0, 1, i32::MIN, i32::MAX, -32099] {
            assert_eq!(Ending::Error(code).label(), "error");
        }
        assert_eq!(Ending::of_code(Some(i64::MAX)).label(), "error");
        assert_eq!(Ending::of_code(None).label(), "error");
    }
}
