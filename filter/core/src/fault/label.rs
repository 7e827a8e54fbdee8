//! What faults are called where they are counted.

use super::Fault;

/// Every name of a fault, each once.
pub(crate) const LABELS: [&str; 28] = [
    "unreachable",
    "no_answer",
    "no_route",
    "refused",
    "redirect",
    "host_refused",
    "no_endpoint",
    "rpc_error",
    "no_body",
    "content_type",
    "encoded",
    "no_stream",
    "not_the_response",
    "other_id",
    "stream_ended",
    "too_early",
    "too_long",
    "over_budget",
    "invalid_result",
    "invalid_cursor",
    "list_too_long",
    "revision",
    "other_era",
    "session_id",
    "no_session",
    "lost_session",
    "incomplete",
    "name_unknown",
];

impl Fault {
    /// Its name in a counter: lower case and `_`. Faults that the operator mends in the same way share one.
    #[must_use]
    pub(crate) fn label(&self) -> &'static str {
        let label = match self {
            Self::Unreachable { .. } => "unreachable",
            Self::NoAnswer { .. } => "no_answer",
            Self::NoRoute => "no_route",
            Self::Refused { .. } => "refused",
            Self::Redirect { .. } => "redirect",
            Self::HostRefused { .. } => "host_refused",
            Self::NoEndpoint { .. } => "no_endpoint",
            Self::RpcError { .. } => "rpc_error",
            Self::NoBody => "no_body",
            Self::NoMessage { .. } | Self::ContentType => "content_type",
            Self::Encoded { .. } => "encoded",
            Self::NoStream => "no_stream",
            Self::NotTheResponse => "not_the_response",
            Self::OtherId { .. } => "other_id",
            Self::StreamEnded => "stream_ended",
            Self::TooEarly => "too_early",
            Self::TooLong { .. } => "too_long",
            Self::OverBudget => "over_budget",
            Self::ResultNoObject | Self::ResultRepeats | Self::NoArray { .. } => "invalid_result",
            Self::CursorNoString | Self::CursorTooLong { .. } => "invalid_cursor",
            Self::ListTooLong { .. } | Self::TooManyPages { .. } => "list_too_long",
            Self::NoRevision | Self::Revision { .. } | Self::NoCommonRevision => "revision",
            Self::OtherEra | Self::RefusedStateless => "other_era",
            Self::SessionId { .. } => "session_id",
            Self::NoSession => "no_session",
            Self::LostAgain { .. } | Self::LostStream | Self::LostTooLarge | Self::LostUnsure => {
                "lost_session"
            }
            Self::Incomplete(_) => "incomplete",
            Self::NameUnknown { .. } => "name_unknown",
        };
        debug_assert!(LABELS.contains(&label), "{label}");
        label
    }
}
