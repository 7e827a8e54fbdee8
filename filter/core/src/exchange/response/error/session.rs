//! Whether a refusal says that the upstream has lost the session.

use super::{ErrorResponse, Reads};
use crate::era::Era;
use crate::event::Source;
use crate::exchange::fan_out::refusal::SessionState;
use crate::exchange::routed::list_again;
use crate::exchange::routed::request::{Outbound, Routed};
use crate::http::MediaType;
use crate::mcp::error_code::HEADER_MISMATCH;

impl ErrorResponse {
    /// Whether the upstream knows the session that the request was sent in.
    pub(super) fn session_state(&self) -> SessionState {
        if self.is_of_other_era() {
            return SessionState::Lost;
        }
        if !self.is_of_session() {
            return SessionState::Known;
        }
        let state = self.head.session_state(&self.body);
        // It may have said so in what was not read.
        let is_open =
            self.reads == Reads::Nothing && !self.is_page && self.head.challenge.is_none();
        match self.head.status {
            401 | 403 | 422 if is_open && state == SessionState::Known => SessionState::Doubtful,
            _ => state,
        }
    }

    /// Whether an upstream that was taken to have no sessions refuses the request for want of one.
    pub(super) fn is_of_other_era(&self) -> bool {
        let stateless = |it: &Outbound| {
            let is_call = matches!(it.routed, Routed::Call(_));
            is_call
                && it
                    .caller
                    .peer(it.routed.upstream())
                    .is_some_and(|peer| peer.era() == Era::Stateless)
        };
        // What is said in a text is no matter, so that need not have been read.
        let is_text = matches!(self.head.media_type, MediaType::Plain | MediaType::Other);
        self.source == Source::Upstream
            && (self.reads == Reads::Whole || is_text)
            && self.forward.as_deref().is_some_and(stateless)
            && self.head.wants_handshake(&self.body)
    }

    /// Whether an upstream has refused a call, and done nothing for it, since its head does not repeat the
    /// arguments as the upstream wants (2026-07-28, Streamable HTTP, "Server Validation"). Clients of its own
    /// era see to that themselves.
    pub(super) fn wants_other_params(&self) -> bool {
        let Some(Outbound { routed: Routed::Call(call), caller }) = self.forward.as_deref() else {
            return false;
        };
        self.source == Source::Upstream
            && self.head.status == 400
            && list_again::may_help(caller, call)
            && self.head.rpc_error(&self.body).and_then(|it| it.rpc_code()) == Some(HEADER_MISMATCH)
    }

    /// Whether an upstream refuses a request that was sent in a session.
    fn is_of_session(&self) -> bool {
        let in_session = |it: &Outbound| {
            it.caller.peer(it.routed.upstream()).is_some_and(|peer| peer.session.is_some())
        };
        self.source == Source::Upstream && self.forward.as_deref().is_some_and(in_session)
    }

    /// Whether the words of the refusal may be about the session, where its status alone does not tell.
    pub(super) fn may_be_about_session(&self) -> bool {
        let by_words = matches!(self.head.status, 400..=499 | 503)
            && !matches!(self.head.status, 404 | 410 | 429);
        by_words && self.head.challenge.is_none() && self.is_of_session()
    }
}
