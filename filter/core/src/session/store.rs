//! What the workers of one Envoy remember of a session between its requests: that it was deleted,
//! which of its upstreams were initialized again or later than the others, and which names it was
//! told last.
//!
//! A session id cannot change once the client has it, so this is kept in the host's shared data. What
//! is there can be neither deleted nor made to expire, so it is bounded: [`SLOTS`] slots, each with at
//! most [`revoked::SLOT_ENTRIES`] deleted sessions and [`ENTRY_BYTES`] of members. A slot that is full
//! forgets its oldest. A lost member costs one more `initialize`, lost names one more list, nothing else.

use serde::{Deserialize, Serialize};

use crate::mcp::method::Kind;
use crate::session::revoked;
use crate::session::{ScopeTag, UpstreamSession};

/// How many slots there are.
pub const SLOTS: usize = 256;

/// How many bytes of entries a slot holds at most; the newest session's stay even if they have more.
pub const ENTRY_BYTES: usize = 32 * 1024;

/// Something to remember of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The client deleted it.
    Deleted,
    /// These upstreams take part in it as said here, whatever the session id says.
    Joined(Vec<UpstreamSession>),
    /// The client was told these names of a kind, by their fingerprint (see [`crate::worker_cache`]).
    AnnouncedNames(Kind, u64),
}

/// What is remembered of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// The client deleted it.
    pub deleted: bool,
    /// Members that replace or extend those of the session id.
    pub members: Vec<UpstreamSession>,
    told: AnnouncedNames,
}

/// Fingerprints of names, by kind.
type AnnouncedNames = [Option<u64>; 2];

impl Noted {
    /// The fingerprint of the names of a kind that the client was told last.
    #[must_use]
    pub fn told(&self, kind: Kind) -> Option<u64> {
        *self.told.get(index(kind))?
    }
}

/// Only tools and prompts have names that are told.
fn index(kind: Kind) -> usize {
    usize::from(kind != Kind::Tool)
}

/// What a slot holds of a session besides its deletion.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    session: [u8; ScopeTag::LEN],
    expires: u64,
    members: Vec<UpstreamSession>,
    told: AnnouncedNames,
}

/// The shared-data key of the slot of `session`: `mcp-mux/session/00` to `ff`.
#[must_use]
pub fn slot_key(session: ScopeTag) -> String {
    let [slot, ..] = session.0;
    format!("mcp-mux/session/{slot:02x}")
}

/// What its slot says of `session`; bytes that are no slot say nothing.
#[must_use]
pub fn read(slot: &[u8], session: ScopeTag) -> Noted {
    let (deleted, entries) = parts(slot);
    if revoked::contains(deleted, session) {
        return Noted { deleted: true, ..Noted::default() };
    }
    let entry = read_entries(entries).into_iter().find(|entry| entry.session == session.0);
    entry.map_or_else(Noted::default, |Entry { members, told, .. }| Noted {
        deleted: false,
        members,
        told,
    })
}

/// The slot with a note on `session`, which expires at the second `expires` since the epoch.
#[must_use]
pub fn add(slot: &[u8], session: ScopeTag, note: &Note, expires: u64, now: u64) -> Vec<u8> {
    let (deleted, entries) = parts(slot);
    let mut deleted = deleted.to_vec();
    let mut entries: Vec<Entry> =
        read_entries(entries).into_iter().filter(|entry| entry.expires >= now).collect();
    let at = entries.iter().position(|entry| entry.session == session.0);
    let known = at.map(|at| entries.remove(at));
    if *note == Note::Deleted {
        deleted = revoked::insert(&deleted, session, expires, now);
    } else {
        let (mut members, mut told) =
            known.map_or_else(Default::default, |it| (it.members, it.told));
        match note {
            Note::Joined(joined) => {
                members.retain(|old| joined.iter().all(|new| new.upstream != old.upstream));
                members.extend(joined.iter().cloned());
            }
            Note::AnnouncedNames(kind, names) => {
                if let Some(told) = told.get_mut(index(*kind)) {
                    *told = Some(*names);
                }
            }
            Note::Deleted => {}
        }
        entries.push(Entry { session: session.0, expires, members, told });
    }
    let length = u32::try_from(deleted.len()).unwrap_or(0);
    [&length.to_be_bytes(), deleted.as_slice(), &newest(&entries)].concat()
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
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::mcp::capability::Capabilities;
    use crate::mcp::revision::Revision;

    fn tag(byte: u8) -> ScopeTag {
        ScopeTag([byte; ScopeTag::LEN])
    }

    fn member(upstream: &str, id: &str) -> UpstreamSession {
        UpstreamSession {
            upstream: upstream.to_owned(),
            id: Some(id.to_owned()),
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
            init_fingerprint: None,
        }
    }

    fn joined(members: &[UpstreamSession]) -> Note {
        Note::Joined(members.to_vec())
    }

    #[test]
    fn a_slot_is_named_after_the_first_byte() {
        assert_eq!(slot_key(tag(0x7F)), "mcp-mux/session/7f");
        let keys: std::collections::BTreeSet<_> = (0..=u8::MAX).map(|b| slot_key(tag(b))).collect();
        assert_eq!(keys.len(), SLOTS);
    }

    #[test]
    fn members_replace_those_of_the_same_upstream_and_extend_the_others() {
        let slot = add(b"", tag(1), &joined(&[member("a", "1"), member("b", "1")]), 100, 0);
        let slot = add(&slot, tag(1), &joined(&[member("a", "2")]), 100, 0);
        assert_eq!(read(&slot, tag(1)).members, [member("b", "1"), member("a", "2")]);
        assert_eq!(read(&slot, tag(2)), Noted::default());
    }

    #[test]
    fn names_are_told_by_kind_and_keep_the_members() {
        let slot = add(b"", tag(1), &joined(&[member("a", "1")]), 100, 0);
        let slot = add(&slot, tag(1), &Note::AnnouncedNames(Kind::Tool, 7), 100, 0);
        let slot = add(&slot, tag(1), &Note::AnnouncedNames(Kind::Prompt, 8), 100, 0);
        let slot = add(&slot, tag(1), &Note::AnnouncedNames(Kind::Tool, 9), 100, 0);
        let slot = add(&slot, tag(1), &joined(&[member("b", "1")]), 100, 0);
        let noted = read(&slot, tag(1));
        assert_eq!((noted.told(Kind::Tool), noted.told(Kind::Prompt)), (Some(9), Some(8)));
        assert_eq!(noted.members.len(), 2);
    }

    #[test]
    fn a_deleted_session_stays_deleted_and_its_members_are_forgotten() {
        let slot = add(b"", tag(1), &joined(&[member("a", "1")]), 100, 0);
        let slot = add(&slot, tag(1), &Note::Deleted, 100, 0);
        assert!(read(&slot, tag(1)).deleted && read(&slot, tag(1)).members.is_empty());
        let slot = add(&slot, tag(1), &joined(&[member("a", "2")]), 100, 0);
        assert!(read(&slot, tag(1)).deleted && read(&slot, tag(1)).members.is_empty());
        let later = add(&slot, tag(2), &Note::Deleted, 300, 101);
        assert_eq!(read(&later, tag(1)), Noted::default(), "expired");
    }

    #[test]
    fn a_full_slot_forgets_the_oldest_and_stays_bounded() {
        let mut slot = Vec::new();
        for byte in 0..=u8::MAX {
            let long = "x".repeat(900);
            slot = add(&slot, tag(byte), &joined(&[member("a", &long)]), 100, 0);
            assert!(slot.len() <= 4 + ENTRY_BYTES, "{}", slot.len());
            assert_eq!(read(&slot, tag(byte)).members.len(), 1);
        }
        assert_eq!(read(&slot, tag(0)), Noted::default());
    }

    #[test]
    fn any_bytes_are_a_slot() {
        let mut chance = Chance::new(5);
        for _ in 0..20_000 {
            let bytes = chance.bytes(60);
            let _ = read(&bytes, tag(1));
            let slot = add(&bytes, tag(1), &joined(&[member("a", "1")]), 100, 0);
            assert_ne!(read(&slot, tag(1)), Noted::default());
        }
    }
}
