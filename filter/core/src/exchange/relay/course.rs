//! What a relayed call is at.

use std::collections::VecDeque;

use super::input::Round;
use crate::effect::CallId;
use crate::exchange::fan_out::answer::AnswerHead;
use crate::exchange::routed::open_upstream::Refused;
use crate::fault::Fault;
use crate::mcp::jsonrpc::Id;
use crate::memory::parked;
use crate::sse::{EventReader, WholeEvent};

/// What it does.
#[derive(Debug)]
pub(super) enum Course {
    /// The head of the answer to the call is awaited.
    Asked(Sent),
    /// What answers it is no stream, and is read to its end.
    Reads(Sent, Box<AnswerHead>, Vec<u8>),
    /// Events go by.
    Streams(Box<Streaming>),
    /// The client is asked.
    Awaits(Round),
    /// It is over.
    Over(Over),
}

/// A call that is under way, and the id of its request.
#[derive(Debug)]
pub(super) struct Sent(pub(super) CallId, pub(super) Id<'static>);

/// An event stream that answers a call.
#[derive(Debug)]
pub(super) struct Streaming {
    pub(super) sent: Sent,
    pub(super) reader: EventReader,
    /// Events that were not looked at.
    pub(super) pending: VecDeque<WholeEvent>,
    /// How it has ended, behind these.
    pub(super) end: Option<End>,
}

#[derive(Debug)]
pub(super) enum End {
    /// With its last byte, or since it broke off.
    Ended(Fault),
    /// An event is over the limit.
    TooLong,
}

/// How it ends.
#[derive(Debug)]
pub(super) enum Over {
    /// The client has its answer.
    Answered,
    /// The upstream has refused the request for its headers.
    WantsOtherHeaders,
    /// The upstream is of the other era.
    IsOfOtherEra,
    /// The upstream has lost the session, or may have.
    MayHaveLost(Box<Refused>),
}

impl Course {
    /// The call whose answer is awaited.
    pub(super) fn sent(&self) -> Option<&Sent> {
        match self {
            Self::Asked(sent) | Self::Reads(sent, ..) => Some(sent),
            Self::Streams(it) => Some(&it.sent),
            Self::Awaits(_) | Self::Over(_) => None,
        }
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Reads(_, _, body) => body.capacity(),
            Self::Streams(it) => it.reader.held() + parked::held(&it.pending),
            Self::Awaits(round) => round.held(),
            Self::Asked(_) | Self::Over(_) => 0,
        }
    }
}
