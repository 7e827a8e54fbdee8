//! What workers note of sessions and of lists, for hosts whose workers share memory.
//!
//! Nothing is lost as long as it is within the bounds: 100,000 sessions, and 64 MiB of what is noted of them. Beyond, the session is forgotten that was noted something of longest ago; what that costs is said in
//! [`Notes`]. Sessions are spread over 16 parts, each with a lock and its share of the bounds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use mcp_mux_core::{Guarded, ListChanged, Note, Notes, ScopeTag, Subscription, UpstreamSession};

/// How many sessions are remembered.
pub(crate) const SESSIONS: usize = 100_000;

/// How many bytes of notes, roughly.
pub(crate) const BYTES: usize = 64 << 20;

/// How many parts there are.
pub(crate) const SHARDS: usize = 16;

/// How many of the oldest are looked at for one that has expired, with each note.
const SWEPT: usize = 2;

/// What a session takes up besides texts, and what a part of it does.
const PLACE: usize = 256;

/// Everything that is noted. One for all configurations of a process: sessions may outlive one.
#[derive(Debug, Default)]
pub struct SharedNotes {
    shards: [Guarded<Shard>; SHARDS],
    changes: [AtomicU64; 3],
    configurations: AtomicUsize,
}

/// A configuration that is in use; see [`SharedNotes::begin`].
#[derive(Debug)]
pub struct InUse(Arc<SharedNotes>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.configurations.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Debug, Default)]
struct Shard {
    sessions: HashMap<ScopeTag, Noted>,
    /// By when something was noted last.
    order: BTreeMap<u64, ScopeTag>,
    counter: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Noted {
    notes: Notes,
    /// In seconds since the epoch.
    expires: u64,
    at: u64,
    bytes: usize,
}

impl SharedNotes {
    /// Counts a configuration whose streams use these notes, until what this returns is dropped: when the last stream
    /// is over, and no other will begin.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> InUse {
        self.configurations.fetch_add(1, Ordering::AcqRel);
        InUse(self.clone())
    }

    /// How many configurations are in use. While it is one, its memory is all that there is
    /// ([`one_memory`](mcp_mux_core::host::Abilities::one_memory)).
    #[must_use]
    pub fn configurations(&self) -> usize {
        self.configurations.load(Ordering::Acquire)
    }

    /// What is noted of a session.
    #[must_use]
    pub fn session_notes(&self, session: ScopeTag) -> Notes {
        let noted = |shard: &mut Shard| shard.sessions.get(&session).map(|it| it.notes.clone());
        self.shard(session).and_then(|shard| shard.with(noted)).unwrap_or_default()
    }

    /// Notes something of a session, until the second `expires` since the epoch; it is `now`.
    pub fn note(&self, session: ScopeTag, note: Note, expires: u64, now: u64) {
        if let Some(shard) = self.shard(session) {
            shard.with(|shard| shard.note(session, note, expires, now));
        }
    }

    /// How often these lists have changed.
    #[must_use]
    pub fn list_changes(&self, lists: ListChanged) -> u64 {
        self.counter(lists).load(Ordering::Acquire)
    }

    /// Counts that these lists have changed.
    pub fn list_changed(&self, lists: ListChanged) {
        self.counter(lists).fetch_add(1, Ordering::AcqRel);
    }

    /// How many sessions there are notes of.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.with(|shard| shard.sessions.len())).sum()
    }

    fn shard(&self, session: ScopeTag) -> Option<&Guarded<Shard>> {
        let [first, ..] = session.0;
        self.shards.get(usize::from(first) % SHARDS)
    }

    const fn counter(&self, lists: ListChanged) -> &AtomicU64 {
        let [tools, prompts, resources] = &self.changes;
        match lists {
            ListChanged::Tools => tools,
            ListChanged::Prompts => prompts,
            ListChanged::Resources => resources,
        }
    }
}

impl Shard {
    fn note(&mut self, session: ScopeTag, note: Note, expires: u64, now: u64) {
        let mut noted = self.forget(session).filter(|it| it.expires >= now).unwrap_or_default();
        noted.notes.add(note);
        noted.bytes = PLACE + held(&noted.notes);
        noted.expires = expires;
        self.counter += 1;
        noted.at = self.counter;
        self.bytes += noted.bytes;
        self.order.insert(noted.at, session);
        self.sessions.insert(session, noted);
        let oldest: Vec<ScopeTag> = self.order.values().copied().take(SWEPT).collect();
        for session in oldest {
            if self.sessions.get(&session).is_some_and(|it| it.expires < now) {
                self.forget(session);
            }
        }
        while self.sessions.len() > SESSIONS / SHARDS || self.bytes > BYTES / SHARDS {
            let Some((_, oldest)) = self.order.first_key_value() else { return };
            let oldest = *oldest;
            self.forget(oldest);
        }
    }

    fn forget(&mut self, session: ScopeTag) -> Option<Noted> {
        let noted = self.sessions.remove(&session)?;
        self.order.remove(&noted.at);
        self.bytes -= noted.bytes;
        Some(noted)
    }
}

/// How many bytes the parts of a session and its subscriptions take up, roughly.
fn held(notes: &Notes) -> usize {
    let part =
        |it: &UpstreamSession| PLACE + it.upstream.len() + it.id.as_ref().map_or(0, String::len);
    let subscription = |it: &Subscription| size_of::<Subscription>() + it.bytes();
    let members = notes.members.iter().map(part).sum::<usize>();
    members + notes.subscriptions.iter().map(subscription).sum::<usize>()
}

#[cfg(test)]
mod tests;
