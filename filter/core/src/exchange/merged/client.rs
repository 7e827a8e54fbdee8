//! The client's side of a merged stream: what it gets, and what all parts share.

use std::time::Duration;

use crate::caller::Caller;
use crate::effect::{CallId, Effect};
use crate::exchange::Context;
use crate::exchange::fan_out::list_subscription;
use crate::exchange::merged::subscription;
use crate::exchange::merged::wait::Wait;
use crate::exchange::merged::wanted::{CHANGES, Wanted};
use crate::gateway::{Gateway, UpstreamId};
use crate::json::encode;
use crate::mcp::positions::Positions;
use crate::mcp::uri;
use crate::peer::Peer;

/// After how many seconds of silence something is sent, so that nobody between takes the stream for dead.
const KEEP_ALIVE: u64 = 15;

/// The client of a merged stream.
#[derive(Debug)]
pub(super) struct ClientSide {
    /// Its request, in counters and in the log.
    pub(super) label: &'static str,
    pub(super) wanted: Wanted,
    pub(super) caller: Caller,
    pub(super) positions: Positions,
    /// Whether the positions are others than the client was told.
    has_moved: bool,
    /// Whether it takes what it gets more slowly than that comes: nobody is listened to then.
    pub(super) is_slow: bool,
    /// Whether its session has ended, or what it listens to is served in another way now.
    pub(super) is_over: bool,
    /// How many calls were made.
    calls: usize,
    /// What it gets now.
    out: Vec<u8>,
    /// What is to be done besides.
    pub(super) effects: Vec<Effect>,
    quiet: Wait,
    /// When the timer goes off, in seconds since the epoch.
    armed: Option<u64>,
}

impl ClientSide {
    pub(super) fn new(
        label: &'static str,
        (caller, wanted): (Caller, Wanted),
        positions: Positions,
        now: u64,
    ) -> Self {
        Self {
            label,
            wanted,
            caller,
            positions,
            has_moved: false,
            is_slow: false,
            is_over: false,
            calls: 0,
            out: Vec::new(),
            effects: Vec::new(),
            quiet: Wait::new(now, KEEP_ALIVE),
            armed: None,
        }
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        match &self.wanted {
            Wanted::Everything => 0,
            Wanted::Subscribed(wanted) => wanted.held(),
        }
    }

    /// Names the next call.
    pub(super) fn next_call(&mut self) -> CallId {
        self.calls += 1;
        CallId(self.calls - 1)
    }

    /// An upstream has given an event this id.
    pub(super) fn moves(&mut self, upstream: UpstreamId, id: &[u8]) {
        let session = self.caller.digest(upstream);
        self.has_moved |= self.positions.set(upstream, session, id);
    }

    /// An upstream cannot go on where it was.
    pub(super) fn forget(&mut self, upstream: UpstreamId) {
        self.has_moved |= self.positions.forget(upstream);
    }

    /// Goes on with what an upstream has agreed to now. Whether it has another session than before.
    pub(super) fn adopt(&mut self, upstream: UpstreamId, peer: &Peer) -> bool {
        let before = self.caller.peer(upstream);
        let is_other = before.is_none_or(|before| before.session != peer.session);
        self.caller.join(upstream, peer);
        if is_other {
            self.forget(upstream);
        }
        is_other
    }

    /// Sends an event, with where every upstream is if that has changed.
    pub(super) fn send(&mut self, gateway: &Gateway, name: &[u8], data: &[u8]) {
        let out = &mut self.out;
        if !name.is_empty() {
            line(out, b"event: ", name);
        }
        if std::mem::take(&mut self.has_moved) && self.wanted.has_ids() {
            line(out, b"id: ", &self.positions.text(gateway));
        }
        data.split(|byte| *byte == b'\n').for_each(|part| line(out, b"data: ", part));
        out.push(b'\n');
    }

    /// Whether a client has to be told where an upstream is, though there is nothing else to tell.
    pub(super) fn has_moved(&self) -> bool {
        self.has_moved && self.wanted.has_ids()
    }

    /// Says that all lists of an upstream have changed, and all resources that the client has asked for: nobody
    /// knows what it could not tell.
    pub(super) fn relist(&mut self, cx: &Context<'_>, upstream: UpstreamId) {
        let gateway = cx.gateway;
        let Some(peer) = self.caller.peer(upstream) else { return };
        let (can, era) = (peer.capabilities, peer.era());
        let changed = CHANGES.iter().filter(|(wanted, ..)| can.contains(*wanted));
        let kinds = changed.clone().map(|(_, kind, _)| *kind).collect();
        self.effects.extend(list_subscription::changed(gateway, era, kinds));
        let mut messages: Vec<Vec<u8>> =
            changed.filter_map(|(_, kind, name)| self.wanted.change(*kind, name)).collect();
        match &self.wanted {
            Wanted::Subscribed(wanted) => messages.extend(wanted.updates(upstream)),
            Wanted::Everything => {
                let all = self.caller.subscriptions(cx, upstream).into_iter();
                let shown = |own: String| encode(&uri::shown(gateway.upstream(upstream), &own));
                messages.extend(all.map(|own| subscription::updated(&shown(own))));
            }
        }
        for message in messages {
            self.send(gateway, b"", &message);
        }
    }

    /// Says the last word, if there is one to be said.
    pub(super) fn conclude(&mut self, gateway: &Gateway) {
        if let Some(result) = self.wanted.result() {
            self.send(gateway, b"", &result);
        }
    }

    /// The timer has gone off.
    pub(super) fn woken(&mut self, now: u64) {
        self.armed = None;
        if !self.is_slow && self.quiet.left(now) == 0 {
            self.out.extend_from_slice(b": keep-alive\n\n");
        }
    }

    /// What the host does now. The next part goes on after so many seconds, if one waits.
    pub(super) fn flush(&mut self, cx: &Context<'_>, next: Option<u64>) -> Vec<Effect> {
        let now = cx.host.now();
        if !self.out.is_empty() {
            self.quiet = Wait::new(now, KEEP_ALIVE);
            self.effects.push(Effect::ReplyData(std::mem::take(&mut self.out)));
        }
        let quiet = (!self.is_slow).then(|| self.quiet.left(now));
        if let Some(left) = quiet.into_iter().chain(next).min() {
            let left = left.max(1);
            let at = now.saturating_add(left);
            if self.armed.is_none_or(|armed| at < armed) {
                self.armed = Some(at);
                self.effects.push(Effect::WakeAfter(Duration::from_secs(left)));
            }
        }
        std::mem::take(&mut self.effects)
    }
}

fn line(out: &mut Vec<u8>, field: &[u8], value: &[u8]) {
    for part in [field, value, b"\n"] {
        out.extend_from_slice(part);
    }
}
