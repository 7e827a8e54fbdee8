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

/// What a slot holds of a session besides its deletion. It is behind the session's tag and the second since the epoch
/// at which it expires, so that those of other sessions need not be read.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Entry {
    members: Vec<UpstreamSession>,
    announced: [Option<u64>; 2],
    log_level: Option<LogLevel>,
    subscriptions: Vec<Subscription>,
}

/// The length of what is before an entry.
const HEAD: usize = ScopeTag::LEN + size_of::<u64>();

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
    let entry = framed(entries).into_iter().find(|framed| framed.starts_with(&session.0));
    entry.map_or_else(Notes::default, read)
}

/// The slot with a note on `session`, which expires at the second `expires` since the epoch.
#[must_use]
pub fn with_note(slot: &[u8], session: ScopeTag, note: Note, expires: u64, now: u64) -> Vec<u8> {
    let (deleted, entries) = parts(slot);
    let mut deleted = deleted.to_vec();
    let mut entries: Vec<&[u8]> =
        framed(entries).into_iter().filter(|framed| expiry(framed) >= now).collect();
    let at = entries.iter().position(|framed| framed.starts_with(&session.0));
    let known = at.map(|at| entries.remove(at));
    let own;
    if note == Note::Deleted {
        deleted = revoked::insert(&deleted, session, expires, now);
    } else {
        let mut notes = known.map_or_else(Notes::default, read);
        notes.add(note);
        own = frame(session, expires, notes);
        entries.push(&own);
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

/// The newest entries that fit, each with its length before it.
fn newest(mut entries: &[&[u8]]) -> Vec<u8> {
    let mut size: usize = entries.iter().map(|framed| size_of::<u32>() + framed.len()).sum();
    while let [oldest, younger @ ..] = entries {
        if size <= ENTRY_BYTES || younger.is_empty() {
            break;
        }
        size -= size_of::<u32>() + oldest.len();
        entries = younger;
    }
    let mut bytes = Vec::with_capacity(size);
    for framed in entries {
        bytes.extend_from_slice(&u32::try_from(framed.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(framed);
    }
    bytes
}

/// The deleted sessions and the entries of a slot.
fn parts(slot: &[u8]) -> (&[u8], &[u8]) {
    let split = || {
        let (length, rest) = slot.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
    };
    split().unwrap_or_default()
}

/// The entries, each with what is before it; none if these bytes are no list of such.
fn framed(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((framed, rest)) = rest.split_at_checked(length).filter(|_| length >= HEAD) else {
            return Vec::new();
        };
        all.push(framed);
        bytes = rest;
    }
    if bytes.is_empty() { all } else { Vec::new() }
}

fn frame(session: ScopeTag, expires: u64, notes: Notes) -> Vec<u8> {
    let Notes { members, announced, log_level, subscriptions, deleted: _ } = notes;
    let entry = Entry { members, announced, log_level, subscriptions };
    // Strings and lists of them have no way to fail.
    let entry = postcard::to_allocvec(&entry).unwrap_or_default();
    [&session.0[..], &expires.to_be_bytes(), &entry].concat()
}

/// The second since the epoch at which an entry expires.
fn expiry(framed: &[u8]) -> u64 {
    let bytes = framed.get(ScopeTag::LEN..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn read(framed: &[u8]) -> Notes {
    let entry = framed.get(HEAD..).and_then(|entry| postcard::from_bytes(entry).ok());
    let Entry { members, announced, log_level, subscriptions } = entry.unwrap_or_default();
    Notes { deleted: false, members, announced, log_level, subscriptions }
}

#[cfg(test)]
mod tests;
