//! What a host asks of an exchange: which events it needs, and what it holds.

use super::Exchange;
use super::state::{RequestState, ResponseState};

impl Exchange {
    /// Whether the request's body was awaited and nothing of it has come.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        matches!(&self.request, RequestState::Intake(it) if it.body.is_empty())
    }

    /// How many bytes of requests and answers are held for the next event, so that a host can bound
    /// what all its exchanges hold together.
    #[must_use]
    pub fn held(&self) -> usize {
        self.request.held() + self.response.held() + self.fan_out.held()
    }

    /// Whether a request goes on as it comes, so that a host need not have room for it.
    #[must_use]
    pub fn streams_request(&self) -> bool {
        matches!(self.request, RequestState::Streaming(_))
    }

    /// Gives up the copy of a request that goes on: the host has no memory left for more of it.
    pub fn spare(&mut self) {
        if let RequestState::Streaming(stream) = &mut self.request {
            drop(stream.take_copy());
        }
    }

    /// Whether the answer to the request is of interest; a host may spare itself the events if not.
    #[must_use]
    pub fn watches_response(&self) -> bool {
        match self.response {
            ResponseState::Idle => !matches!(self.request, RequestState::Fresh),
            ResponseState::Bypass => false,
            _ => true,
        }
    }

    /// Whether nothing of the request has come: who answers then has not let it get so far.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        matches!((&self.request, &self.response), (RequestState::Fresh, ResponseState::Idle))
    }

    /// Whether the rest of the request is of interest; a host may spare itself the events if not.
    #[must_use]
    pub fn watches_request(&self) -> bool {
        !matches!(self.request, RequestState::Bypass)
    }
}
