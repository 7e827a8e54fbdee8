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
//! while the client is slow. What comes of a refusal is in [`super::refusal`].

use crate::effect::{CallId, Effect};
use crate::error::UpstreamError;
use crate::event::{CallFailure, Event};
use crate::exchange::Context;
use crate::exchange::fan_out::refusal::RefusalHead;
use crate::exchange::merged::client::ClientSide;
use crate::exchange::merged::open::{self, Opened, Opening, Progress};
use crate::exchange::merged::subscribe::Subscribing;
use crate::exchange::merged::wait::{Backoff, Wait};
use crate::exchange::routed::open_upstream::Ping;
use crate::fault::Fault;
use crate::gateway::UpstreamId;
use crate::http::MediaType;
use crate::peer::Peer;
use crate::sse::EventReader;

/// How much of a refusal is read, in bytes.
const REFUSAL: usize = 16 * 1024;

/// One upstream's part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) upstream: UpstreamId,
    pub(super) course: Course,
    pub(super) backoff: Backoff,
    subscribing: Subscribing,
    /// Whether messages of the upstream may have been lost: then its lists count as changed.
    pub(super) is_lost: bool,
    /// Whether the operator was told of its trouble.
    pub(super) is_told: bool,
    /// Whether the upstream had a stream in its session.
    pub(super) has_streamed: bool,
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
        // What joins a session late has lists that its client has not seen.
        let is_lost = client.wanted.has_ids() && client.caller.expected(upstream).is_none();
        let (course, backoff) = (Course::Paused, Backoff::default());
        let subscribing = Subscribing::default();
        let (is_told, has_streamed) = (false, false);
        Self { upstream, course, backoff, subscribing, is_lost, is_told, has_streamed }
    }

    /// The calls that are under way: that of its course, and one beside it.
    pub(super) fn calls(&self) -> impl Iterator<Item = CallId> + use<> {
        let call = match &self.course {
            Course::Opens(opening) => Some(opening.call()),
            Course::Asked(call) | Course::Refused(call, ..) | Course::Streams(call, ..) => {
                Some(*call)
            }
            Course::Silent | Course::Waits(_) | Course::Paused => None,
        };
        call.into_iter().chain(self.subscribing.call())
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
        if let Some(peer) = client.caller.noted(cx, self.upstream) {
            self.adopt(client, &peer);
        }
        if client.caller.peer(self.upstream).is_none() {
            // It has not been needed so far.
            if client.caller.expected(self.upstream).is_some() {
                return self.fall_silent(cx, client);
            }
            return self.open(cx, client, Ping::only_open());
        }
        match open::stream(cx, client, self.upstream) {
            Some(call) => {
                self.course = Course::Asked(call.id);
                client.effects.push(Effect::Call(call));
            }
            None => self.fall_silent(cx, client),
        }
    }

    /// Opens its upstream's part of the session, or asks whether it is lost.
    pub(super) fn open(&mut self, cx: &mut Context<'_>, client: &mut ClientSide, ping: Ping) {
        let progress = Opening::start(cx, client, self.upstream, ping);
        self.opens(cx, client, progress);
    }

    /// Goes on with what the upstream has agreed to now.
    fn adopt(&mut self, client: &mut ClientSide, peer: &Peer) {
        let had_one = client.caller.peer(self.upstream).is_some();
        if client.adopt(self.upstream, peer) {
            self.is_lost |= had_one;
            self.has_streamed = false;
            self.subscribing.forget(client);
        }
    }

    /// Opens the stream if it is time for that, or if the upstream has another session, in which it may have
    /// one.
    pub(super) fn tick(&mut self, cx: &mut Context<'_>, client: &mut ClientSide) {
        let is_due = match self.course {
            Course::Waits(wait) => wait.left(cx.host.now()) == 0,
            Course::Silent => {
                let noted = client.caller.noted(cx, self.upstream);
                noted.is_some_and(|noted| {
                    let peer = client.caller.peer(self.upstream);
                    peer.is_none_or(|peer| peer.session != noted.session)
                })
            }
            _ => false,
        };
        if is_due {
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
        let (Event::CallHead { call, .. }
        | Event::CallBody { call, .. }
        | Event::CallFailed { call, .. }) = event
        else {
            return;
        };
        if self.subscribing.call() == Some(call) {
            return self.subscribing.handle(cx, client, (self.upstream, &event));
        }
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
        if let Some(peer) = peer {
            self.adopt(client, &peer);
        }
        match failure {
            // It has sessions neither, so this is nothing that it can do.
            Some(UpstreamError { fault: Fault::RefusedStateless, .. }) => {
                self.has_none(cx, client);
            }
            // It was counted as the call that failed.
            Some(error) => {
                self.is_lost = true;
                self.tell(client, error);
                self.wait(cx, client);
            }
            None if is_known => self.has_none(cx, client),
            None => self.begin(cx, client),
        }
    }

    /// The stream has begun.
    fn opened(&mut self, cx: &mut Context<'_>, client: &mut ClientSide, call: CallId) {
        self.count(client, true);
        (self.is_told, self.has_streamed) = (false, true);
        let reader = EventReader::new(cx.gateway.limits.upstream_body);
        self.course = Course::Streams(call, Box::new(reader), cx.host.now());
        self.catch_up(cx, client);
        self.subscribing.begin(cx, client, self.upstream);
    }

    /// The upstream has no stream to go on with, now that it is known whether it has the session. That may be
    /// for the event that it was to go on from.
    pub(super) fn has_none(&mut self, cx: &mut Context<'_>, client: &mut ClientSide) {
        if client.positions.get(self.upstream).is_some() {
            client.forget(self.upstream);
            self.is_lost = true;
            return self.begin(cx, client);
        }
        self.fall_silent(cx, client);
    }

    fn fall_silent(&mut self, cx: &Context<'_>, client: &mut ClientSide) {
        self.course = Course::Silent;
        self.catch_up(cx, client);
    }

    fn catch_up(&mut self, cx: &Context<'_>, client: &mut ClientSide) {
        if std::mem::take(&mut self.is_lost) {
            client.relist(cx, self.upstream);
        }
    }

    /// The stream has ended, which began in this second.
    pub(super) fn ended(&mut self, cx: &Context<'_>, client: &mut ClientSide, since: u64) {
        self.backoff.lived(cx.host.now().saturating_sub(since));
        self.wait(cx, client);
    }

    pub(super) fn wait(&mut self, cx: &Context<'_>, client: &mut ClientSide) {
        client.is_over |= client.caller.is_over(cx);
        self.course = Course::Waits(Wait::new(cx.host.now(), self.backoff.take()));
    }
}
