//! The client's side of a relayed call: its answer, whole or in parts, and the time that passes meanwhile.

use std::time::Duration;

use crate::effect::{Effect, Outcome, Reply, ReplyHead};
use crate::error::Error;
use crate::exchange::merged::wait::Wait;
use crate::exchange::reply;
use crate::mcp::jsonrpc::Id;

/// After how many seconds of silence something is sent, so that nobody between takes the stream for dead.
const KEEP_ALIVE: u64 = 15;

/// How many bytes may wait for a client that is slow.
pub(super) const WAITING: usize = 1024 * 1024;

/// The client of a relayed call.
#[derive(Debug)]
pub(super) struct ClientSide {
    label: &'static str,
    /// The client's id of its request.
    id: Id<'static>,
    /// Whether its answer has begun, in parts.
    pub(super) has_begun: bool,
    /// Whether that is to end with what is to be sent.
    ends: bool,
    /// Whether it takes what it gets more slowly than that comes.
    pub(super) is_slow: bool,
    /// What it gets next.
    out: Vec<u8>,
    /// What is to be done besides.
    pub(super) effects: Vec<Effect>,
    /// Since when it has got nothing.
    quiet: Wait,
    /// How long whoever has to say something next is waited for.
    patience: Wait,
    /// When the timer goes off, in seconds since the epoch.
    armed: Option<u64>,
}

impl ClientSide {
    pub(super) fn new(label: &'static str, id: Id<'static>, now: u64) -> Self {
        Self {
            label,
            id,
            has_begun: false,
            ends: false,
            is_slow: false,
            out: Vec::new(),
            effects: Vec::new(),
            quiet: Wait::new(now, KEEP_ALIVE),
            patience: Wait::new(now, 0),
            armed: None,
        }
    }

    /// Someone has to say something within this time from now on.
    pub(super) fn waits(&mut self, now: u64, time: Duration) {
        self.patience = Wait::new(now, time.as_secs().max(1));
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.out.capacity()
    }

    /// Whether more waits for a client that is slow than may wait.
    pub(super) fn is_full(&self) -> bool {
        self.is_slow && self.out.len() > WAITING
    }

    /// Whether its answer is not all there yet.
    pub(super) fn is_open(&self) -> bool {
        self.ends
    }

    /// Begins its answer in parts.
    pub(super) fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let headers = vec![
            ("content-type", b"text/event-stream".to_vec()),
            ("cache-control", b"no-cache".to_vec()),
        ];
        self.effects.push(Effect::ReplyHead(ReplyHead { status: 200, headers }));
    }

    /// Sends an event on.
    pub(super) fn send(&mut self, name: &[u8], data: &[u8]) {
        let out = &mut self.out;
        let mut line = |field: &[u8], value: &[u8]| {
            for part in [field, value, b"\n"] {
                out.extend_from_slice(part);
            }
        };
        if !name.is_empty() {
            line(b"event: ", name);
        }
        data.split(|byte| *byte == b'\n').for_each(|part| line(b"data: ", part));
        self.out.push(b'\n');
    }

    /// Sends the answer, and nothing after it.
    pub(super) fn finish(&mut self, body: Vec<u8>, outcome: Outcome) {
        self.effects.push(reply::count(self.label, outcome));
        self.last(body);
    }

    /// Ends an answer that has begun, with what was sent.
    pub(super) fn end(&mut self) {
        self.ends = true;
    }

    fn last(&mut self, body: Vec<u8>) {
        if self.has_begun {
            self.send(b"", &body);
            self.end();
        } else {
            let headers = vec![("content-type", b"application/json".to_vec())];
            self.effects.push(Effect::Reply(Reply { status: 200, headers, body }));
        }
    }

    /// The same with an error.
    pub(super) fn refuse(&mut self, error: &Error) {
        if self.has_begun {
            self.effects.push(reply::failed(self.label, error));
            self.last(error.body(Some(&self.id)));
        } else {
            self.effects.extend(reply::error(self.label, Some(&self.id), error));
        }
    }

    /// The timer has gone off. Whether whoever has to say something has had its time.
    pub(super) fn woken(&mut self, now: u64) -> bool {
        self.armed = None;
        if self.has_begun && !self.is_slow && self.quiet.left(now) == 0 {
            self.out.extend_from_slice(b": keep-alive\n\n");
        }
        !self.ends && self.patience.left(now) == 0
    }

    /// What the host does now; `is_last` if nothing follows but the end of what is to be sent.
    pub(super) fn flush(&mut self, now: u64, is_last: bool) -> Vec<Effect> {
        if !self.out.is_empty() && !self.is_slow {
            self.quiet = Wait::new(now, KEEP_ALIVE);
            self.effects.push(Effect::ReplyData(std::mem::take(&mut self.out)));
        }
        if is_last {
            if self.ends && self.out.is_empty() {
                self.ends = false;
                self.effects.push(Effect::ReplyEnd);
            }
            return std::mem::take(&mut self.effects);
        }
        let speaks = self.has_begun && !self.is_slow;
        let quiet = speaks.then(|| self.quiet.left(now));
        let left = quiet.into_iter().chain([self.patience.left(now)]).min().unwrap_or_default();
        let left = left.max(1);
        let at = now.saturating_add(left);
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            self.effects.push(Effect::WakeAfter(Duration::from_secs(left)));
        }
        std::mem::take(&mut self.effects)
    }
}
