//! Requests of the gateway's own, and what comes of them.

use std::borrow::Cow;
use std::sync::Arc;

use mcp_mux_core::effect::{CallId, CallKey};

use crate::mailbox::Line;

/// A request that is under way.
pub(crate) struct Call {
    /// What the core calls it.
    pub(crate) id: CallId,
    /// How many bytes of its answer may still come; `None` where the answer is a stream.
    pub(crate) room: Option<usize>,
    /// Of one that may be parked.
    pub(crate) line: Option<Parkable>,
}

/// The name of a call that may be parked, and its line from the main thread.
pub(crate) type Parkable = (CallKey, Arc<Line>);

/// A header, borrowed from Envoy or kept.
type Pair<'g> = (Cow<'g, [u8]>, Cow<'g, [u8]>);

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Got<'g> {
    /// The head of the answer; `true` if that is all.
    Head(Vec<Pair<'g>>, bool),
    /// The next bytes of it; `true` if they are the last.
    Body(Vec<Cow<'g, [u8]>>, bool),
    /// The answer is complete.
    End,
    /// There is no answer, or no more of one.
    Lost,
    /// It could not be sent.
    NotSent,
}

impl Got<'_> {
    /// The same, to be kept.
    pub(crate) fn into_owned(self) -> Got<'static> {
        let owned = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        match self {
            Self::Head(headers, end) => {
                let pair = |(name, value)| (owned(name), owned(value));
                Got::Head(headers.into_iter().map(pair).collect(), end)
            }
            Self::Body(chunks, end) => Got::Body(chunks.into_iter().map(owned).collect(), end),
            Self::End => Got::End,
            Self::Lost => Got::Lost,
            Self::NotSent => Got::NotSent,
        }
    }
}
