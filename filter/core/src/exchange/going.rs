//! What goes on to an upstream, and what is kept of it in case that has lost the session.

use super::reply;
use crate::capability::Capabilities;
use crate::effect::Effect;
use crate::error::{Error, UpstreamError};
use crate::jsonrpc::Id;
use crate::mark::{Digest, Place};
use crate::route::{self, Shape};

/// What goes on.
#[derive(Debug)]
pub(super) enum Going {
    /// A request.
    Call(Call),
    /// A GET, which opens a stream.
    Stream(Stream),
}

/// A request whose owner is known.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) label: &'static str,
    pub(super) id: Id<'static>,
    /// The owner's index.
    pub(super) upstream: usize,
    /// What the result is.
    pub(super) shape: Shape,
    /// An owner without it does not know the method.
    pub(super) needs: Capabilities,
    /// The message that the owner understands, or its begin.
    pub(super) body: Vec<u8>,
    pub(super) sent: Sent,
}

/// A stream for what an upstream sends on its own, or for the rest of one that broke off.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) upstream: usize,
    /// Where to go on: what the stream is, and the upstream's own event id.
    pub(super) resumed: Option<(Place, Vec<u8>)>,
}

impl Stream {
    /// Whether it goes on with one that broke off.
    pub(super) fn is_resumed(&self) -> bool {
        self.resumed.is_some()
    }
}

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
    /// The label of the request in counters.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Call(call) => call.label,
            Self::Stream(_) => route::GET,
        }
    }

    /// The index of the upstream.
    pub(super) fn upstream(&self) -> usize {
        match self {
            Self::Call(call) => call.upstream,
            Self::Stream(stream) => stream.upstream,
        }
    }

    /// The client's id, if there is one to answer to.
    pub(super) fn id(&self) -> Option<&Id<'static>> {
        match self {
            Self::Call(call) => Some(&call.id),
            Self::Stream(_) => None,
        }
    }

    /// What a result among the answers is.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Call(call) => call.shape,
            Self::Stream(stream) => {
                stream.resumed.as_ref().map_or(Shape::Opaque, |(place, _)| place.shape)
            }
        }
    }

    /// What the events of the answer say of it; `session` is the upstream's.
    pub(super) fn place(&self, session: Digest) -> Place {
        match self {
            Self::Stream(Stream { resumed: Some((place, _)), .. }) => place.clone(),
            _ => Place::new(self.shape(), session, self.id().map(|id| id as &Id<'_>)),
        }
    }

    /// How many bytes are kept.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Call(call) => call.body.capacity(),
            Self::Stream(_) => 0,
        }
    }

    /// The answer if the upstream does not serve it, though it knows the session: 405 to a GET for a
    /// stream (2025-11-25, Transports, "Listening for Messages from the Server").
    pub(super) fn unserved(&self, error: UpstreamError) -> Vec<Effect> {
        match self {
            Self::Stream(Stream { resumed: None, .. }) => {
                reply::stream_error(&Error::Upstream(error), 405)
            }
            _ => self.refused(error),
        }
    }

    /// The answer if it cannot be sent.
    pub(super) fn refused(&self, error: UpstreamError) -> Vec<Effect> {
        let error = Error::Upstream(error);
        match self {
            Self::Call(call) => reply::error(call.label, Some(&call.id), &error),
            Self::Stream(_) => reply::stream_error(&error, 502),
        }
    }

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
