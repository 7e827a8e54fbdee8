//! What takes long is done in turns, so that other requests of the same thread have theirs in between: a long answer
//! is read in one, and a long answer of the gateway's own is given in many.
//!
//! A thread does so much at once, and then leaves the rest for later; [`Host::take_turn`] says when that is.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use mcp_mux_core::Pieces;
use mcp_mux_core::effect::{CallId, Reply, ReplyHead};

use super::Stream;
use crate::host::Host;

/// An answer to a callout with so many bytes is a long one.
pub(super) const LONG: usize = 64 * 1024;

/// How many bytes of an answer are sent in one turn. What Envoy does with them costs more than this does, and happens
/// behind it.
const SLICE: usize = 512 * 1024;

/// How many of these are sent at a time, so that a client's backlog is seen soon.
const PART: usize = 64 * 1024;

/// What a stream does in turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Callouts whose long answers are there, and not read.
    unread: VecDeque<CallId>,
    sending: Option<Sending>,
    /// Whether its turn comes.
    is_due: bool,
}

/// An answer that is being sent.
#[derive(Debug)]
struct Sending {
    pieces: VecDeque<Arc<Vec<u8>>>,
    /// How many bytes of the first have gone.
    gone: usize,
    left: usize,
    /// Whether the client has more than it takes.
    is_full: bool,
}

impl Sending {
    /// The next bytes, at most so many: the piece that has them, and where.
    fn next(&mut self, most: usize) -> Option<(Arc<Vec<u8>>, usize, usize)> {
        loop {
            let first = self.pieces.front()?;
            let from = self.gone;
            let to = first.len().min(from.saturating_add(most));
            if from < to {
                self.gone = to;
                self.left = self.left.saturating_sub(to - from);
                return Some((Arc::clone(first), from, to));
            }
            self.pieces.pop_front();
            self.gone = 0;
        }
    }
}

impl Turns {
    /// How many bytes are still to be sent.
    pub(super) fn held(&self) -> usize {
        self.sending.as_ref().map_or(0, |sending| sending.left)
    }

    /// Whether there is something to do.
    fn is_open(&self) -> bool {
        self.may_send() || !self.unread.is_empty()
    }

    /// Whether the client takes more of an answer.
    fn may_send(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| !sending.is_full)
    }

    /// The next bytes of the answer; `None` if there are none, so that it ends.
    fn next_part(&mut self, most: usize) -> Option<(Arc<Vec<u8>>, usize, usize)> {
        let next = self.sending.as_mut().and_then(|sending| sending.next(most));
        if next.is_none() {
            self.sending = None;
        }
        next
    }

    /// Nothing comes of this callout any more.
    pub(super) fn forget(&mut self, call: CallId) {
        self.unread.retain(|unread| *unread != call);
    }

    /// Nothing comes of anything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Stream {
    /// The answer to a callout is complete, all of whose bytes came with [`call_body`](Self::call_body): so many. A
    /// long one is read when it is its turn.
    pub fn call_complete(&self, host: &mut impl Host, call: CallId, size: usize) {
        if size < LONG {
            return self.call_body(host, call, Cow::Borrowed(&[]), true);
        }
        if !self.may_read(host) && self.await_turn(host) {
            return self.turns.borrow_mut().unread.push_back(call);
        }
        self.read(host, call);
    }

    /// Reads more of a long answer when it is its turn again.
    pub(super) fn read_later(&self, host: &mut impl Host, call: CallId) {
        self.turns.borrow_mut().unread.push_front(call);
        self.go_on(host);
    }

    /// It is this stream's turn; see [`Host::take_turn`].
    pub fn turn(&self, host: &mut impl Host) {
        self.turns.borrow_mut().is_due = false;
        if self.worker.rest(host.clock()) {
            self.send_on(host);
            while let Some(call) = self.next_unread() {
                self.read(host, call);
            }
        }
        self.go_on(host);
    }

    /// Begins an answer that is sent in turns, if the host can do that.
    pub(super) fn reply_in_turns(&self, host: &mut impl Host, head: ReplyHead, body: Pieces) {
        let ReplyHead { status, mut headers } = head;
        if !host.abilities().streams {
            return host.reply(Reply { status, headers, body: body.into_bytes() });
        }
        let left = body.len();
        headers.push(("content-length", left.to_string().into_bytes()));
        let pieces = body.iter().cloned().collect();
        let sending = Sending { pieces, gone: 0, left, is_full: false };
        self.turns.borrow_mut().sending = Some(sending);
        host.begin_reply(ReplyHead { status, headers });
        self.send_on(host);
        self.go_on(host);
    }

    /// The client takes an answer that is sent in turns more slowly than it comes, or has taken most of it again;
    /// `false` if there is none.
    pub(super) fn paces(&self, host: &mut impl Host, is_full: bool) -> bool {
        let mut turns = self.turns.borrow_mut();
        let Some(sending) = &mut turns.sending else { return false };
        sending.is_full = is_full;
        drop(turns);
        self.go_on(host);
        true
    }

    /// Sends the next bytes.
    fn send_on(&self, host: &mut impl Host) {
        let began = host.clock();
        let mut sent = 0;
        while sent < SLICE && self.turns.borrow().may_send() {
            let next = self.turns.borrow_mut().next_part(PART.min(SLICE - sent));
            // What the host does with them may come back here.
            let Some((piece, from, to)) = next else {
                host.end_reply();
                break;
            };
            sent += to - from;
            host.send_reply(piece.get(from..to).unwrap_or_default());
        }
        self.weigh();
        self.worker.worked(began, host.clock());
    }

    /// Reads a long answer.
    fn read(&self, host: &mut impl Host, call: CallId) {
        let began = host.clock();
        self.call_body(host, call, Cow::Borrowed(&[]), true);
        self.worker.worked(began, host.clock());
    }

    /// Whether the thread has time left for a long answer.
    fn may_read(&self, host: &mut impl Host) -> bool {
        let is_next = self.turns.borrow().unread.is_empty();
        is_next && self.worker.has_time_at(host.clock())
    }

    /// The next callout whose answer is to be read, if there is time left for it.
    fn next_unread(&self) -> Option<CallId> {
        let next = self.worker.has_time().then(|| self.turns.borrow_mut().unread.pop_front());
        next.flatten()
    }

    /// Asks for another turn, if there is something to do in it. A host without any has it all done at once.
    fn go_on(&self, host: &mut impl Host) {
        while self.turns.borrow().is_open() && !self.await_turn(host) {
            self.send_on(host);
            let next = self.turns.borrow_mut().unread.pop_front();
            if let Some(call) = next {
                self.read(host, call);
            }
        }
    }

    /// Asks for a turn, if that was not done; whether one comes.
    fn await_turn(&self, host: &mut impl Host) -> bool {
        let is_due = self.turns.borrow().is_due;
        let comes = is_due || self.this.upgrade().is_some_and(|stream| host.take_turn(&stream));
        self.turns.borrow_mut().is_due = comes;
        comes
    }
}
