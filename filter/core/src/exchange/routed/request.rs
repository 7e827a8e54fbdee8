//! What goes on to an upstream, and what is kept of it to send it once more if the upstream has lost the session.

use std::sync::Arc;

use crate::caller::Caller;
use crate::effect::{Effect, Step};
use crate::era::upstream::Subject;
use crate::error::{Error, UpstreamError};
use crate::exchange::state::Next;
use crate::exchange::{Turn, reply};
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::mcp::capability::Capabilities;
use crate::mcp::event_id::{Digest, StreamContext};
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::{self, Row, Shape, Target};

/// A request on its way to its upstream, and what it takes to send it once more.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) routed: Routed,
    pub(crate) caller: Caller,
}

impl Outbound {
    /// Goes to its upstream next, which is initialized first if need be.
    pub(crate) fn route(routed: Routed, caller: Caller) -> Turn {
        (Next::Route(Box::new(Self { routed, caller })), Step::hold())
    }
}

/// What goes on.
#[derive(Debug)]
pub(crate) enum Routed {
    /// A request.
    Call(RoutedCall),
    /// A GET, which opens a stream.
    Stream(Stream),
}

/// A request whose owner is known.
#[derive(Debug)]
pub(crate) struct RoutedCall {
    pub(crate) label: &'static str,
    /// Its method.
    pub(crate) method: &'static str,
    /// What the owner calls the thing that it is about, where its head says that, too.
    pub(crate) name: Option<Arc<str>>,
    /// Headers that repeat arguments, with their values.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) id: Id<'static>,
    /// The owner's index.
    pub(crate) upstream: UpstreamId,
    /// What the result is.
    pub(crate) shape: Shape,
    /// An owner without it does not know the method.
    pub(crate) needs: Capabilities,
    /// The message that the owner understands, or its begin.
    pub(crate) body: Vec<u8>,
    pub(crate) sent: Sent,
    /// Whether its upstream has refused it as a request without a session.
    pub(crate) refused_stateless: bool,
    /// Whether its upstream has lost the session that it was made in beside the client's request; it is made so once
    /// more then.
    pub(crate) is_reopened: bool,
    /// Whether it has a `requestState`: its client was asked for something.
    pub(crate) is_retry: bool,
}

/// A stream for what an upstream sends on its own, or for the rest of one that broke off.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) upstream: UpstreamId,
    /// Where to go on: what the stream is, and the upstream's own event id.
    pub(crate) resumed: Option<(StreamContext, Vec<u8>)>,
}

impl Stream {
    /// Whether it goes on with one that broke off.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed.is_some()
    }
}

/// How much of a request goes on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// All of it.
    Whole,
    /// Its begin, and then the rest as it comes; its length, if the client has announced one.
    Begun(Option<usize>),
}

impl RoutedCall {
    /// A request for a method of this row that goes to an upstream as a whole; its head says nothing of the thing
    /// that it is about, unless that is added.
    pub(crate) fn new(
        row: &'static Row,
        upstream: UpstreamId,
        id: Id<'static>,
        body: Vec<u8>,
    ) -> Self {
        let (shape, needs) = match row.target {
            Target::Owned(owned) => (owned.shape, owned.capability),
            _ => (Shape::Opaque, Capabilities::NONE),
        };
        Self {
            label: row.label,
            method: row.method,
            name: None,
            params: Vec::new(),
            id,
            upstream,
            shape,
            needs,
            body,
            sent: Sent::Whole,
            refused_stateless: false,
            is_reopened: false,
            is_retry: false,
        }
    }

    /// What the head says of the request.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { method: self.method, name: self.name.as_deref(), params: &self.params }
    }

    /// Whether it can be made once more.
    pub(crate) fn is_kept(&self) -> bool {
        self.sent == Sent::Whole
    }
}

impl Routed {
    /// The label of the request in counters.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Call(call) => call.label,
            Self::Stream(_) => method::GET,
        }
    }

    /// What the head says of the request.
    pub(crate) fn subject(&self) -> Subject<'_> {
        match self {
            Self::Call(call) => call.subject(),
            Self::Stream(_) => Subject::of(""),
        }
    }

    /// What the owner calls the thing that it is about.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Call(call) => call.name.as_ref(),
            Self::Stream(_) => None,
        }
    }

    /// The index of the upstream.
    pub(crate) fn upstream(&self) -> UpstreamId {
        match self {
            Self::Call(call) => call.upstream,
            Self::Stream(stream) => stream.upstream,
        }
    }

    /// The client's id, if there is one to answer to.
    pub(crate) fn id(&self) -> Option<&Id<'static>> {
        match self {
            Self::Call(call) => Some(&call.id),
            Self::Stream(_) => None,
        }
    }

    /// What a result among the answers is.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Call(call) => call.shape,
            Self::Stream(stream) => {
                stream.resumed.as_ref().map_or(Shape::Opaque, |(place, _)| place.shape)
            }
        }
    }

    /// What the events of the answer say of it; `session` is the upstream's.
    pub(crate) fn place(&self, session: Digest) -> StreamContext {
        match self {
            Self::Stream(Stream { resumed: Some((place, _)), .. }) => place.clone(),
            _ => StreamContext::new(self.shape(), session, self.id().map(|id| id as &Id<'_>)),
        }
    }

    /// How many bytes are kept.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Call(call) => call.body.capacity(),
            Self::Stream(_) => 0,
        }
    }

    /// The answer if it cannot be sent.
    pub(crate) fn refused(&self, error: UpstreamError) -> Vec<Effect> {
        let error = Error::Upstream(error);
        match self {
            Self::Call(call) => reply::error(call.label, Some(&call.id), &error),
            Self::Stream(_) => reply::stream_error(&error, 502),
        }
    }

    /// The same where it is this that failed, and no side call that was counted.
    pub(crate) fn failed(&self, error: UpstreamError) -> Vec<Effect> {
        let fault = reply::count_fault(self.upstream(), &error.fault);
        [fault].into_iter().chain(self.refused(error)).collect()
    }

    /// Its id was seen.
    pub(crate) fn learn(&mut self, id: &Id<'static>) {
        if let Self::Call(call) = self {
            call.id = id.clone();
        }
    }

    /// All of it has gone on, and was kept.
    pub(crate) fn keep(&mut self, body: Vec<u8>) {
        if let Self::Call(call) = self {
            call.body = body;
            call.sent = Sent::Whole;
        }
    }

    /// The answer where it would have to be sent once more, but is not kept.
    pub(crate) fn try_again(&self, upstream: &str) -> Vec<Effect> {
        match self {
            Self::Call(_) => self.failed(UpstreamError::new(upstream, Fault::LostTooLarge)),
            Self::Stream(_) => reply::try_again(),
        }
    }
}
