//! What workers share as bytes under keys, for hosts whose workers have nothing else in common, as those of
//! Envoy's WebAssembly runtime: a key-value store without deletion or expiry.
//!
//! So it is bounded: [`SLOTS`] slots for sessions, each with at most 64 deleted ones and
//! [`ENTRY_BYTES`] of other notes. A slot that is full forgets its oldest; what that costs is said in
//! [`Notes`]. A value that was not written here reads as an empty one.

use mcp_mux_core::{ListChanged, LogLevel, Note, Notes, ScopeTag, Subscription, UpstreamSession};
use serde::{Deserialize, Serialize};

mod revoked;

/// How many slots there are.
pub const SLOTS: usize = 256;

/// How many bytes of entries a slot holds at most; the newest session's stay even if they have more.
pub const ENTRY_BYTES: usize = 32 * 1024;

/// What a slot holds of a session besides its deletion.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    session: [u8; ScopeTag::LEN],
    expires: u64,
    members: Vec<UpstreamSession>,
    announced: [Option<u64>; 2],
    log_level: Option<LogLevel>,
    subscriptions: Vec<Subscription>,
}

impl Entry {
    fn new(session: ScopeTag, expires: u64, notes: Notes) -> Self {
        let Notes { members, announced, log_level, subscriptions, deleted: _ } = notes;
        Self { session: session.0, expires, members, announced, log_level, subscriptions }
    }

    fn notes(self) -> Notes {
        let Self { members, announced, log_level, subscriptions, .. } = self;
        Notes { deleted: false, members, announced, log_level, subscriptions }
    }
}

/// The key of the slot of `session`: `mcp-mux/session/00` to `ff`.
#[must_use]
pub fn session_key(session: ScopeTag) -> String {
    let [slot, ..] = session.0;
    format!("mcp-mux/session/{slot:02x}")
}

/// What its slot says of `session`.
#[must_use]
pub fn session_notes(slot: &[u8], session: ScopeTag) -> Notes {
    let (deleted, entries) = parts(slot);
    if revoked::contains(deleted, session) {
        return Notes { deleted: true, ..Notes::default() };
    }
    let entry = read_entries(entries).into_iter().find(|entry| entry.session == session.0);
    entry.map(Entry::notes).unwrap_or_default()
}

/// The slot with a note on `session`, which expires at the second `expires` since the epoch.
#[must_use]
pub fn with_note(slot: &[u8], session: ScopeTag, note: Note, expires: u64, now: u64) -> Vec<u8> {
    let (deleted, entries) = parts(slot);
    let mut deleted = deleted.to_vec();
    let mut entries: Vec<Entry> =
        read_entries(entries).into_iter().filter(|entry| entry.expires >= now).collect();
    let at = entries.iter().position(|entry| entry.session == session.0);
    let known = at.map(|at| entries.remove(at));
    if note == Note::Deleted {
        deleted = revoked::insert(&deleted, session, expires, now);
    } else {
        let mut notes = known.map(Entry::notes).unwrap_or_default();
        notes.add(note);
        entries.push(Entry::new(session, expires, notes));
    }
    let length = u32::try_from(deleted.len()).unwrap_or(0);
    [&length.to_be_bytes(), deleted.as_slice(), &newest(&entries)].concat()
}

/// The key under which the changes of lists are counted.
#[must_use]
pub const fn changes_key(lists: ListChanged) -> &'static str {
    match lists {
        ListChanged::Tools => "mcp-mux/changes/tools",
        ListChanged::Prompts => "mcp-mux/changes/prompts",
        ListChanged::Resources => "mcp-mux/changes/resources",
    }
}

/// How many changes a value counts.
#[must_use]
pub fn changes(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_le_bytes)
}

/// The value that counts one change more.
#[must_use]
pub fn one_more(value: &[u8]) -> Vec<u8> {
    changes(value).wrapping_add(1).to_le_bytes().to_vec()
}

/// The newest entries that fit.
fn newest(mut entries: &[Entry]) -> Vec<u8> {
    loop {
        // Strings and lists of them have no way to fail.
        let bytes = postcard::to_allocvec(entries).unwrap_or_default();
        match entries {
            [_, younger @ ..] if bytes.len() > ENTRY_BYTES && !younger.is_empty() => {
                entries = younger;
            }
            _ => return bytes,
        }
    }
}

/// The deleted sessions and the entries of a slot.
fn parts(slot: &[u8]) -> (&[u8], &[u8]) {
    let split = || {
        let (length, rest) = slot.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
    };
    split().unwrap_or_default()
}

fn read_entries(bytes: &[u8]) -> Vec<Entry> {
    postcard::from_bytes(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
