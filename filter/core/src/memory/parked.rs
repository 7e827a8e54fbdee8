//! Calls at upstreams with sessions that wait for an answer of a client without one. The client gets what the upstream
//! asks as the result of its request, and comes back with the answer, on whichever worker. The host keeps the call
//! itself ([`Effect::Park`](crate::effect::Effect::Park)); here is what has to be known to go on with it.
//!
//! Bounded in number ([`CALLS`]), in bytes ([`ONE`], [`ALL`]) and in time: each call has a second in which it is given
//! up. What has to be told upstreams then, when no request is there to do it with, waits here, too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::effect::{CallKey, Callout};
use crate::gateway::UpstreamId;
use crate::guarded::Guarded;
use crate::mcp::jsonrpc::Id;
use crate::peer::Peer;
use crate::seal::ScopeTag;
use crate::session::pool::Lease;
use crate::sse::{EventReader, WholeEvent};

/// How many calls may wait.
pub(crate) const CALLS: usize = 1000;

/// How many bytes of what one upstream has sent may wait with its call, and with all of them.
pub(crate) const ONE: usize = 1024 * 1024;
const ALL: usize = 64 * ONE;

/// How many messages wait to be sent. Of a call beyond that its upstream is not told that it was given up.
const MESSAGES: usize = 1024;

/// A call that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    /// Who may answer.
    pub(crate) scope: ScopeTag,
    pub(crate) upstream: UpstreamId,
    /// What the upstream calls the thing that it is about.
    pub(crate) name: Option<Arc<str>>,
    /// The session that it is made in.
    pub(crate) peer: Peer,
    /// Keeps that session for it.
    pub(crate) lease: Option<Lease>,
    /// What the upstream may ask for, as `capabilities`.
    pub(crate) capabilities: String,
    /// The id that the upstream knows the call by.
    pub(crate) request: Id<'static>,
    /// The id of what the upstream asks.
    pub(crate) question: Id<'static>,
    /// The key of the answer.
    pub(crate) key: String,
    /// The upstream's stream, and what has come of it that was not looked at.
    pub(crate) reader: EventReader,
    pub(crate) pending: VecDeque<WholeEvent>,
    /// When it is given up, in seconds since the epoch.
    pub(crate) until: u64,
    /// What tells its upstream that.
    pub(crate) farewell: Callout,
}

impl Parked {
    /// About how many bytes it holds of what its upstream has sent.
    pub(crate) fn held(&self) -> usize {
        self.reader.held() + held(&self.pending)
    }
}

/// About how many bytes events take.
pub(crate) fn held(events: &VecDeque<WholeEvent>) -> usize {
    let size = |event: &WholeEvent| {
        size_of::<WholeEvent>() + event.name.len() + event.data.as_ref().map_or(0, Vec::len)
    };
    events.iter().map(size).sum()
}

/// Why there is nothing to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// No such call waits.
    Gone,
    /// It waits for the answer to another question, or is about something else.
    Other,
}

/// All calls that wait.
#[derive(Debug, Default)]
pub(crate) struct ParkedCalls(Guarded<All>);

#[derive(Debug, Default)]
struct All {
    calls: BTreeMap<CallKey, Parked>,
    /// How many bytes they hold.
    held: usize,
    messages: Vec<Callout>,
}

impl All {
    fn remove(&mut self, key: CallKey) -> Option<Parked> {
        let parked = self.calls.remove(&key)?;
        self.held = self.held.saturating_sub(parked.held());
        Some(parked)
    }

    fn send(&mut self, message: Callout) {
        if self.messages.len() < MESSAGES {
            self.messages.push(message);
        }
    }
}

impl ParkedCalls {
    /// Has a call wait; `false` if it is too large, or there are too many.
    pub(crate) fn keep(&self, key: CallKey, parked: Parked) -> bool {
        let size = parked.held();
        self.0.with(|all| {
            let has_room = size <= ONE && all.held + size <= ALL && all.calls.len() < CALLS;
            if has_room {
                all.held += size;
                all.calls.insert(key, parked);
            }
            has_room
        })
    }

    /// The call that waits for this caller's answer to a question about this thing.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) fn take(
        &self,
        key: CallKey,
        scope: ScopeTag,
        is_it: impl FnOnce(&Parked) -> bool,
    ) -> Result<Parked, Absent> {
        self.0.with(|all| {
            let parked = all.calls.get(&key).filter(|it| it.scope == scope);
            match parked.map(is_it) {
                None => Err(Absent::Gone),
                Some(false) => Err(Absent::Other),
                Some(true) => all.remove(key).ok_or(Absent::Gone),
            }
        })
    }

    /// The calls that are not waited with any longer; what tells their upstreams waits to be sent.
    pub(crate) fn give_up(&self, now: u64) -> Vec<CallKey> {
        self.0.with(|all| {
            let late = all.calls.iter().filter(|(_, it)| it.until <= now).map(|(key, _)| *key);
            let late: Vec<CallKey> = late.collect();
            for parked in late.iter().filter_map(|key| all.remove(*key)).collect::<Vec<_>>() {
                if let Some(lease) = &parked.lease {
                    lease.retire();
                }
                all.send(parked.farewell);
            }
            late
        })
    }

    /// All of them end: the messages that have to be sent.
    pub(crate) fn end(&self) -> Vec<Callout> {
        self.0.with(|all| {
            let messages = std::mem::take(&mut all.messages);
            let calls = std::mem::take(&mut all.calls).into_values();
            all.held = 0;
            messages.into_iter().chain(calls.map(|it| it.farewell)).collect()
        })
    }

    /// Has a message sent soon that no request is there for, and whose answer nobody waits for.
    pub(crate) fn send(&self, message: Callout) {
        self.0.with(|all| all.send(message));
    }

    /// The messages that have to be sent.
    pub(crate) fn messages(&self) -> Vec<Callout> {
        self.0.with(|all| std::mem::take(&mut all.messages))
    }

    /// How many calls wait.
    pub(crate) fn count(&self) -> usize {
        self.0.with(|all| all.calls.len())
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.with(|all| all.calls.is_empty() && all.messages.is_empty())
    }
}

#[cfg(test)]
mod tests;
