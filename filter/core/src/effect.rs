//! Every output of an exchange, as data.

mod counters;
mod head;
mod operation;

use crate::gateway::UpstreamId;
use std::time::Duration;

use crate::catalog::cache::{Answer, Flight, ListChanged};
use crate::memory::questions::Inbox;
use crate::pieces::Pieces;
use crate::session::ScopeTag;
use crate::session::notes::Note;

pub use head::{HeaderChange, HeaderChanges, HeaderList};
pub use operation::{Answered, Ending, Operation};

/// What the host does with the message that the event was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep it back. Body bytes that are held belong to the exchange: the host drops its own copy.
    Hold,
    /// Let it go on its way.
    Pass,
}

/// The answer to an event.
#[derive(Debug)]
pub struct Step {
    /// Whether the message goes on.
    pub verdict: Verdict,
    /// What the host does, in this order.
    pub effects: Vec<Effect>,
}

impl Step {
    /// Nothing to do, and the message stays.
    #[must_use]
    pub fn hold() -> Self {
        Self { verdict: Verdict::Hold, effects: Vec::new() }
    }

    /// Nothing to do, and the message goes on.
    #[must_use]
    pub fn pass() -> Self {
        Self { verdict: Verdict::Pass, effects: Vec::new() }
    }

    /// The message stays while the effects are carried out.
    #[must_use]
    pub fn hold_with(effects: Vec<Effect>) -> Self {
        Self { verdict: Verdict::Hold, effects }
    }

    /// The message goes on with these changes.
    #[must_use]
    pub fn pass_with(effects: Vec<Effect>) -> Self {
        Self { verdict: Verdict::Pass, effects }
    }

    /// How many bytes its answer to the client has.
    pub(crate) fn held(&self) -> usize {
        let length = |effect: &Effect| match effect {
            Effect::Reply(reply) => reply.body.len(),
            Effect::LongReply(_, body) => body.len(),
            _ => 0,
        };
        self.effects.iter().map(length).sum()
    }
}

/// Names a side call within its exchange; minted by the core, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub usize);

impl CallId {
    /// Of a call whose answer nobody waits for.
    pub const UNAWAITED: Self = Self(usize::MAX);
}

/// Names a side call that may outlive its exchange, for all exchanges of this configuration; 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub [u8; 16]);

/// One thing for the host to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a side call; its answer, or its failure, comes back as an event.
    Call(Callout),
    /// Let the proxy choose the route again, now that the request's head has changed.
    Reroute,
    /// Change the head of the request that is held.
    RequestHead(HeaderChanges),
    /// The bytes of the request's body, in place of all that was held, or of those that have come now.
    RequestBody(Vec<u8>),
    /// Change the head of the response that is held.
    ResponseHead(HeaderChanges),
    /// The bytes of the response's body, in place of all that was held, or of those that have come
    /// now.
    ResponseBody(Vec<u8>),
    /// Bytes to put before those of the response's body that have come now.
    ResponseLead(Vec<u8>),
    /// Answer the client; nothing else of the exchange goes anywhere. A request that goes on is broken
    /// off, and so is an answer that has begun: the proxy resets what it cannot take back.
    Reply(Reply),
    /// The same with a long answer: what others have of it as well need not be copied, and a host that streams can
    /// send it in parts.
    LongReply(ReplyHead, Pieces),
    /// Begin an answer to the client in parts, which [`Self::ReplyData`] goes on with and
    /// [`Self::ReplyEnd`] ends. Only for a host that streams ([`Abilities`](crate::host::Abilities)), as the
    /// seven that follow, and only in answer to the request, in place of any other one.
    ReplyHead(ReplyHead),
    /// The next bytes of the answer that was begun.
    ReplyData(Vec<u8>),
    /// The end of the answer that was begun.
    ReplyEnd,
    /// Tell the end of a side call's answer once more ([`Event::CallBody`](crate::event::Event::CallBody), without
    /// bytes) when others have had their turn: it is long, and a part of it was read.
    Continue(CallId),
    /// Break a side call off: nothing more comes of it.
    CancelCall(CallId),
    /// Let a side call with a [key](Callout::key) be nobody's from now on: what comes of it is kept until another
    /// exchange [adopts](Self::Adopt) it, or it is [given up](crate::Memory::give_up_calls). A host keeps at most
    /// 1 MiB of one call; beyond that it breaks the call off.
    Park(CallId),
    /// Take over a side call that was parked: what was kept of it, and what comes of it from now on, arrives as
    /// that of `call`. If there is none of this key, the call has failed
    /// ([`CallFailure::NotSent`](crate::event::CallFailure::NotSent)).
    Adopt {
        /// Names it among all that were parked.
        key: CallKey,
        /// Names it in this exchange.
        call: CallId,
    },
    /// Let the exchange go on ([`Event::Woken`](crate::event::Event::Woken)) after this time. There is
    /// one timer: the last one asked for counts.
    WakeAfter(Duration),
    /// Add to a counter.
    Count(Counter, u64),
    /// The client's request is answered, or never will be: once for each.
    Operation(Operation),
    /// A request of the gateway's own has ended.
    Answered(Answered),
    /// An upstream has done something wrong, or something befell it.
    Fault {
        /// Whose it is.
        upstream: UpstreamId,
        /// The fault's label, for instance `unreachable`.
        fault: &'static str,
        /// It in words; "it" is the upstream.
        what: String,
    },
    /// An event stream to the client has begun (`true`) or is over.
    Stream(StreamKind, bool),
    /// An upstream has shown of which era it is.
    Era(UpstreamId, &'static str),
    /// Tell the operator that something is not as it should be.
    Warn(String),
    /// Tell the operator what is good to know.
    Inform(String),
    /// Let all workers know something of a session.
    Note {
        /// The session.
        session: ScopeTag,
        /// What to know.
        note: Note,
        /// When the session expires, in seconds since the epoch.
        expires: u64,
    },
    /// Let the request go on that was held while side calls were under way.
    Resume,
    /// Let the exchange know when this list is settled, which another exchange asks for. It may be on another
    /// thread, and have settled it already: then the exchange is to know as well, with `None`.
    Subscribe(Flight),
    /// Hand this to every exchange that awaits the list; `None`: nobody asks for it any more.
    Publish(Flight, Option<Answer>),
    /// Let the exchange go on soon, when it may send calls. It cannot while another exchange is
    /// being served.
    Wake,
    /// Let the exchange go on ([`Event::Answered`](crate::event::Event::Answered)) whenever something comes into
    /// this inbox, from whatever thread. Only for a host that streams.
    Await(Inbox),
    /// Let all workers know that these lists have changed.
    ListChanged(ListChanged),
}

/// A request of the gateway's own to an upstream's cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Callout {
    /// Names it in the events that answer it.
    pub id: CallId,
    /// The Envoy cluster.
    pub cluster: String,
    /// All headers, pseudo headers first.
    pub headers: HeaderList,
    /// May be empty.
    pub body: Vec<u8>,
    /// For the whole answer. `None`: it is a stream, which ends when either side ends it; its length has no
    /// bound then, and only a host that streams sends it.
    pub timeout: Option<Duration>,
    /// Of a call that may outlive the exchange that sends it ([`Effect::Park`]); only for a host that streams.
    pub key: Option<CallKey>,
}

/// The begin of an answer that is sent in parts.
#[derive(Debug, PartialEq, Eq)]
pub struct ReplyHead {
    /// The HTTP status.
    pub status: u16,
    /// Without `:status` and `content-length`.
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

/// A whole answer to the client.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Without `:status` and `content-length`.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// May be empty.
    pub body: Vec<u8>,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// A request that was answered.
    Request {
        /// The label of its row in the routing table, for instance `tools_call`.
        method: &'static str,
        /// How it ended.
        outcome: Outcome,
    },
    /// A side call that ended.
    SideCall {
        /// Whose it is.
        upstream: UpstreamId,
        /// Whether it served its purpose.
        ok: bool,
    },
    /// Something befell a session of a client.
    Session(SessionEvent),
    /// An upstream had lost its part of a session, and has another one.
    SessionRecovered {
        /// Whose it is.
        upstream: UpstreamId,
    },
    /// What an upstream did wrong, or what befell it, so that an answer is an error or goes without it.
    Fault {
        /// Whose it is.
        upstream: UpstreamId,
        /// The fault's label, for instance `unreachable`.
        fault: &'static str,
    },
    /// An item of an upstream's list that cannot be passed on.
    ItemDropped {
        /// Whose it is.
        upstream: UpstreamId,
    },
    /// A name that another upstream has, too, and that was left out therefore.
    NameConflict {
        /// Whose it is.
        upstream: UpstreamId,
    },
    /// A list that may be kept was asked for.
    Catalog(Served),
    /// A tool that is not the one that was pinned, in a list.
    ToolChanged {
        /// Whose it is.
        upstream: UpstreamId,
    },
    /// A tool's name that some clients will refuse.
    OddName {
        /// Whose it is.
        upstream: UpstreamId,
    },
}

/// What befell a session of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionEvent {
    /// It was opened.
    Opened,
    /// Its client has ended it.
    Ended,
    /// Its id was not accepted: it is no such id, has expired, or was deleted.
    Refused,
}

/// What an event stream to a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// The answer to a request.
    Answer,
    /// What servers send on their own: a GET, or `subscriptions/listen`.
    Listen,
}

/// Where a list came from that may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Served {
    /// It was kept.
    Hit,
    /// The upstreams were asked.
    Miss,
    /// They were being asked already, for another request.
    Shared,
}

/// How a request ended, by who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With an answer.
    Ok,
    /// With an error that the client can mend.
    ClientError,
    /// With an error that is an upstream's.
    UpstreamError,
    /// Not at all: the gateway is at its limit.
    Busy,
    /// Not at all: the client left first, or the proxy gave up.
    Cancelled,
}

impl Outcome {
    /// Each of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Ok, Self::ClientError, Self::UpstreamError, Self::Busy, Self::Cancelled];
}
