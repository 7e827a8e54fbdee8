//! One upstream's part of a merged stream.
//!
//! ```text
//!   Opens ──▶ Asked ──▶ Streams ──ended──▶ Waits ──▶ Asked ...
//!     ▲         │                            ▲
//!     │         └──refused──▶ Refused ──in trouble
//!     │                         │ │
//!     └──has lost the session───┘ └──has no stream──▶ Silent
//! ```
//!
//! It begins with Opens where the upstream takes no part in the session yet. What waits for an answer is Paused
//! while the client is slow.

use crate::effect::{CallId, Counter, Effect};
use crate::era::Era;
use crate::error::UpstreamError;
use crate::event::{CallFailure, Event};
use crate::exchange::fan_out::refusal::{RefusalHead, SessionState};
use crate::exchange::fan_out::unavailable::warnings;
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::open::{self, Opened, Opening, Progress};
use crate::exchange::merged::wait::{Backoff, Wait};
use crate::exchange::routed::open_upstream::Ping;
use crate::exchange::{Context, reply};
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::http::MediaType;
use crate::mcp::method;
use crate::sse::EventReader;

/// How much of a refusal is read, in bytes.
const REFUSAL: usize = 16 * 1024;

/// One upstream's part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) upstream: UpstreamId,
    pub(super) course: Course,
    pub(super) backoff: Backoff,
    /// Whether messages of the upstream may have been lost: then its lists count as changed.
    pub(super) is_lost: bool,
    /// Whether the operator was told of its trouble.
    is_told: bool,
}

/// What a part does.
#[derive(Debug)]
pub(super) enum Course {
    /// Nothing: its upstream has no stream.
    Silent,
    /// Its upstream's part of the session is being opened, or asked for.
    Opens(Opening),
    /// The head of the stream is awaited.
    Asked(CallId),
    /// What came instead is being read.
    Refused(CallId, Box<RefusalHead>, Vec<u8>),
    /// The stream goes by, since this second.
    Streams(CallId, Box<EventReader>, u64),
    /// It will be opened again.
    Waits(Wait),
    /// The same, when the client is ready for it.
    Paused,
}

impl Part {
    pub(super) fn new(client: &ClientSide, upstream: UpstreamId) -> Self {
        // What joins late has lists that the client has not seen.
        let is_lost = client.caller.peer(upstream).is_none();
        let (course, backoff) = (Course::Paused, Backoff::default());
        Self { upstream, course, backoff, is_lost, is_told: false }
    }

    /// The call that is under way.
    pub(super) fn call(&self) -> Option<CallId> {
        match &self.course {
            Course::Opens(opening) => Some(opening.call()),
            Course::Asked(call) | Course::Refused(call, ..) | Course::Streams(call, ..) => {
                Some(*call)
            }
            Course::Silent | Course::Waits(_) | Course::Paused => None,
        }
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        match &self.course {
            Course::Opens(opening) => opening.held(),
            Course::Refused(.., body) => body.capacity(),
            Course::Streams(_, reader, _) => reader.held(),
            Course::Silent | Course::Asked(_) | Course::Waits(_) | Course::Paused => 0,
        }
    }

    /// For how many seconds it still waits.
    pub(super) fn waits(&self, now: u64) -> Option<u64> {
        match self.course {
            Course::Waits(wait) => Some(wait.left(now)),
            _ => None,
        }
    }

    /// Opens the stream, from where it was.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, client: &mut ClientSide) {
        self.course = Course::Paused;
        if client.is_slow {
            return;
        }
        // Another request may have opened its part of the session again.
        if let Some(peer) = client.caller.noted(cx, self.upstream)
            && client.adopt(self.upstream, &peer)
        {
            self.is_lost = true;
        }
        match client.caller.peer(self.upstream) {
            Some(peer) if peer.era() == Era::Stateless => self.fall_silent(cx, client),
            Some(_) => {
                if let Some(get) = open::get(cx, client, self.upstream) {
                    self.course = Course::Asked(get.id);
                    client.effects.push(Effect::Call(get));
                }
            }
            None => {
                let progress = Opening::start(cx, client, self.upstream, Ping::only_open());
                self.opens(cx, client, progress);
            }
        }
    }

    /// Opens the stream if it is time for that.
    pub(super) fn tick(&mut self, cx: &mut Context<'_>, client: &mut ClientSide) {
        if self.waits(cx.host.now()) == Some(0) {
            self.begin(cx, client);
        }
    }

    /// The client is slow: the upstream keeps what it has to say, if it can.
    pub(super) fn pause(&mut self, client: &mut ClientSide) {
        if let Course::Asked(call) | Course::Refused(call, ..) | Course::Streams(call, ..) =
            &self.course
        {
            client.effects.push(Effect::CancelCall(*call));
            self.is_lost |= client.positions.get(self.upstream).is_none();
            self.course = Course::Paused;
        }
    }

    /// The client is ready again.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>, client: &mut ClientSide) {
        if matches!(self.course, Course::Paused) {
            self.begin(cx, client);
        }
    }

    /// Takes an event of its call.
    pub(super) fn handle(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        event: Event<'_>,
    ) {
        match (std::mem::replace(&mut self.course, Course::Paused), event) {
            (Course::Opens(opening), event) => {
                let progress = opening.handle(cx, client, event);
                self.opens(cx, client, progress);
            }
            (Course::Asked(call), Event::CallHead { headers, .. }) => {
                let head = RefusalHead::read(headers);
                let is_stream = (200..300).contains(&head.status)
                    && head.media_type == MediaType::EventStream
                    && head.coding.is_none();
                if is_stream {
                    self.opened(cx, client, call);
                } else {
                    self.course = Course::Refused(call, Box::new(head), Vec::new());
                }
            }
            (Course::Refused(call, head, mut body), Event::CallBody { chunk, end, .. }) => {
                let room = REFUSAL - body.len().min(REFUSAL);
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if !end && body.len() < REFUSAL {
                    self.course = Course::Refused(call, head, body);
                    return;
                }
                if !end {
                    client.effects.push(Effect::CancelCall(call));
                }
                self.refused(cx, client, &head, &body);
            }
            (Course::Streams(call, reader, since), Event::CallBody { chunk, end, .. }) => {
                self.streams(cx, client, (call, reader, since), (&chunk, end));
            }
            (Course::Streams(_, _, since), Event::CallFailed { .. }) => {
                self.is_lost = true;
                self.ended(cx, client, since);
            }
            (Course::Asked(_) | Course::Refused(..), Event::CallFailed { failure, .. }) => {
                self.failed(cx, client, failure);
            }
            (Course::Asked(_), Event::CallBody { .. }) => {
                self.failed(cx, client, CallFailure::NoAnswer);
            }
            (course, _) => self.course = course,
        }
    }

    /// Goes on with what has become of its upstream's part of the session.
    fn opens(&mut self, cx: &mut Context<'_>, client: &mut ClientSide, progress: Progress) {
        let Opened { peer, is_known, failure } = match progress {
            Progress::Open(opening) => {
                self.course = Course::Opens(opening);
                return;
            }
            Progress::Ended(Some(opened)) => opened,
            Progress::Ended(None) => return self.wait(cx, client),
        };
        if let Some(peer) = peer
            && client.adopt(self.upstream, &peer)
        {
            self.is_lost = true;
        }
        match failure {
            // It was counted as the call that failed.
            Some(error) => {
                self.tell(client, error);
                self.wait(cx, client);
            }
            None if is_known => self.fall_silent(cx, client),
            None => self.begin(cx, client),
        }
    }

    /// The stream has begun.
    fn opened(&mut self, cx: &Context<'_>, client: &mut ClientSide, call: CallId) {
        self.count(client, true);
        self.is_told = false;
        let reader = EventReader::new(cx.gateway.limits.upstream_body);
        self.course = Course::Streams(call, Box::new(reader), cx.host.now());
        self.catch_up(cx, client);
    }

    /// The upstream has no stream, now that it is known whether it has the session.
    fn fall_silent(&mut self, cx: &Context<'_>, client: &mut ClientSide) {
        self.course = Course::Silent;
        self.catch_up(cx, client);
    }

    fn catch_up(&mut self, cx: &Context<'_>, client: &mut ClientSide) {
        if std::mem::take(&mut self.is_lost) {
            client.relist(cx.gateway, self.upstream);
        }
    }

    /// What came in place of a stream. What a server answers that has none to give should be 405 (2025-11-25,
    /// Transports, "Listening for Messages from the Server"); some have other words for it, which may mean
    /// that it has lost the session as well.
    fn refused(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientSide,
        head: &RefusalHead,
        body: &[u8],
    ) {
        let session = client.caller.peer(self.upstream).and_then(|peer| peer.session.clone());
        let state = if session.is_some() { head.session_state(body) } else { SessionState::Known };
        match (head.status, state) {
            (..=404 | 406.., SessionState::Lost | SessionState::Doubtful) => {
                let progress = Opening::start(cx, client, self.upstream, Ping::doubting(session));
                self.opens(cx, client, progress);
            }
            (200..=299 | 400 | 404 | 405 | 406 | 415 | 422 | 501, _) => {
                self.count(client, true);
                self.fall_silent(cx, client);
            }
            _ => {
                let fault = head.fault(cx.gateway.upstream(self.upstream), body);
                self.trouble(cx, client, fault);
            }
        }
    }

    fn failed(&mut self, cx: &Context<'_>, client: &mut ClientSide, failure: CallFailure) {
        let upstream = cx.gateway.upstream(self.upstream);
        let fault = match failure {
            CallFailure::NotSent => Fault::Unreachable { cluster: upstream.cluster.clone() },
            CallFailure::NoAnswer => Fault::NoAnswer { within: upstream.timeout },
            CallFailure::TooLarge => Fault::TooLong { limit: cx.gateway.limits.upstream_body },
            CallFailure::OverBudget => Fault::OverBudget,
        };
        self.trouble(cx, client, fault);
    }

    /// The stream could not be opened.
    fn trouble(&mut self, cx: &Context<'_>, client: &mut ClientSide, fault: Fault) {
        self.count(client, false);
        client.effects.push(reply::count_fault(self.upstream, &fault));
        self.tell(client, UpstreamError::new(cx.gateway.name(self.upstream), fault));
        self.wait(cx, client);
    }

    /// Tells the operator, once until the upstream is back.
    fn tell(&mut self, client: &mut ClientSide, error: UpstreamError) {
        if !std::mem::replace(&mut self.is_told, true) {
            client.effects.extend(warnings(method::GET, &[error]));
        }
    }

    fn count(&self, client: &mut ClientSide, ok: bool) {
        let counter = Counter::SideCall { upstream: self.upstream, ok };
        client.effects.push(Effect::Count(counter, 1));
    }

    /// The stream has ended, which began in this second.
    pub(super) fn ended(&mut self, cx: &Context<'_>, client: &mut ClientSide, since: u64) {
        self.backoff.lived(cx.host.now().saturating_sub(since));
        self.wait(cx, client);
    }

    fn wait(&mut self, cx: &Context<'_>, client: &mut ClientSide) {
        client.is_over |= client.caller.is_over(cx);
        self.course = Course::Waits(Wait::new(cx.host.now(), self.backoff.take()));
    }
}
