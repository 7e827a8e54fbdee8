//! What is kept of a request that has gone on, in case its upstream has lost the session.

use super::forward::{Call, Going};
use super::reply;
use crate::effect::Effect;
use crate::error::UpstreamError;
use crate::jsonrpc::Id;

/// How much of a request goes on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// All of it.
    Whole,
    /// Its begin, and then the rest as it comes; its length, if the client has announced one.
    Begun(Option<usize>),
}

impl Call {
    /// Whether it can be made once more.
    pub(super) fn is_kept(&self) -> bool {
        self.sent == Sent::Whole
    }
}

impl Going {
    /// Its id was seen.
    pub(super) fn learn(&mut self, id: &Id<'static>) {
        if let Self::Call(call) = self {
            call.id = id.clone();
        }
    }

    /// All of it has gone on, and was kept.
    pub(super) fn keep(&mut self, body: Vec<u8>) {
        if let Self::Call(call) = self {
            call.body = body;
            call.sent = Sent::Whole;
        }
    }

    /// The answer where it would have to be sent once more, but is not kept.
    pub(super) fn try_again(&self, upstream: &str) -> Vec<Effect> {
        match self {
            Self::Call(_) => self.refused(UpstreamError::new(
                upstream,
                "it had lost the session, which is open again now; the request was too large to be \
                 kept: send it once more",
            )),
            Self::Stream(_) => reply::try_again(),
        }
    }
}
