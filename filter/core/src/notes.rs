//! What the workers of one Envoy remember of a session between its requests: that it was deleted, and
//! which of its upstreams were initialized again or later than the others.
//!
//! A session id cannot change once the client has it, so this is kept in the host's shared data. What
//! is there can be neither deleted nor made to expire, so it is bounded: [`SLOTS`] slots, each with at
//! most [`revoked::SLOT_ENTRIES`] deleted sessions and [`JOINED_BYTES`] of members. A slot that is full
//! forgets its oldest. A lost member costs one more `initialize`, nothing else.

use serde::{Deserialize, Serialize};

use crate::revoked;
use crate::session::{Member, Tag};

/// How many slots there are.
pub const SLOTS: usize = 256;

/// How many bytes of members a slot holds at most; the newest session's stay even if they have more.
pub const JOINED_BYTES: usize = 32 * 1024;

/// Something to remember of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The client deleted it.
    Deleted,
    /// These upstreams take part in it as said here, whatever the session id says.
    Joined(Vec<Member>),
}

/// Members that replace or extend those of a session id.
#[derive(Debug, Serialize, Deserialize)]
struct Joined {
    session: [u8; Tag::LEN],
    expires: u64,
    members: Vec<Member>,
}

/// The shared-data key of the slot of `session`: `mcp-mux/session/00` to `ff`.
#[must_use]
pub fn slot_key(session: Tag) -> String {
    let [slot, ..] = session.0;
    format!("mcp-mux/session/{slot:02x}")
}

/// What its slot says of `session`; bytes that are no slot say nothing.
#[must_use]
pub fn read(slot: &[u8], session: Tag) -> Option<Note> {
    let (deleted, joined) = parts(slot);
    if revoked::contains(deleted, session) {
        return Some(Note::Deleted);
    }
    let entry = entries(joined).into_iter().find(|entry| entry.session == session.0)?;
    Some(Note::Joined(entry.members))
}

/// The slot with a note on `session`, which expires at the second `expires` since the epoch.
#[must_use]
pub fn add(slot: &[u8], session: Tag, note: &Note, expires: u64, now: u64) -> Vec<u8> {
    let (deleted, joined) = parts(slot);
    let mut deleted = deleted.to_vec();
    let mut entries: Vec<Joined> =
        entries(joined).into_iter().filter(|entry| entry.expires >= now).collect();
    let at = entries.iter().position(|entry| entry.session == session.0);
    let known = at.map_or(Vec::new(), |at| entries.remove(at).members);
    match note {
        Note::Deleted => deleted = revoked::insert(&deleted, session, expires, now),
        Note::Joined(members) => {
            let stays = |old: &Member| members.iter().all(|new| new.upstream != old.upstream);
            let kept = known.into_iter().filter(stays);
            let members = kept.chain(members.iter().cloned()).collect();
            entries.push(Joined { session: session.0, expires, members });
        }
    }
    let length = u32::try_from(deleted.len()).unwrap_or(0);
    [&length.to_be_bytes(), deleted.as_slice(), &newest(&entries)].concat()
}

/// The newest entries that fit.
fn newest(mut entries: &[Joined]) -> Vec<u8> {
    loop {
        // Strings and lists of them have no way to fail.
        let bytes = postcard::to_allocvec(entries).unwrap_or_default();
        match entries {
            [_, younger @ ..] if bytes.len() > JOINED_BYTES && !younger.is_empty() => {
                entries = younger;
            }
            _ => return bytes,
        }
    }
}

/// The deleted sessions and the members of a slot.
fn parts(slot: &[u8]) -> (&[u8], &[u8]) {
    let split = || {
        let (length, rest) = slot.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
    };
    split().unwrap_or_default()
}

fn entries(joined: &[u8]) -> Vec<Joined> {
    postcard::from_bytes(joined).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Capabilities;
    use crate::chance::Chance;
    use crate::revision::Revision;

    fn tag(byte: u8) -> Tag {
        Tag([byte; Tag::LEN])
    }

    fn member(upstream: &str, id: &str) -> Member {
        Member {
            upstream: upstream.to_owned(),
            id: Some(id.to_owned()),
            revision: Revision::NEWEST,
            capabilities: Capabilities::TOOLS,
        }
    }

    fn joined(members: &[Member]) -> Note {
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
        assert_eq!(read(&slot, tag(1)), Some(joined(&[member("b", "1"), member("a", "2")])));
        assert_eq!(read(&slot, tag(2)), None);
    }

    #[test]
    fn a_deleted_session_stays_deleted_and_its_members_are_forgotten() {
        let slot = add(b"", tag(1), &joined(&[member("a", "1")]), 100, 0);
        let slot = add(&slot, tag(1), &Note::Deleted, 100, 0);
        assert_eq!(read(&slot, tag(1)), Some(Note::Deleted));
        let slot = add(&slot, tag(1), &joined(&[member("a", "2")]), 100, 0);
        assert_eq!(read(&slot, tag(1)), Some(Note::Deleted));
        assert_eq!(read(&add(&slot, tag(2), &Note::Deleted, 300, 101), tag(1)), None, "expired");
    }

    #[test]
    fn a_full_slot_forgets_the_oldest_and_stays_bounded() {
        let mut slot = Vec::new();
        for byte in 0..=u8::MAX {
            let long = "x".repeat(900);
            slot = add(&slot, tag(byte), &joined(&[member("a", &long)]), 100, 0);
            assert!(slot.len() <= 4 + JOINED_BYTES, "{}", slot.len());
            assert!(read(&slot, tag(byte)).is_some());
        }
        assert_eq!(read(&slot, tag(0)), None);
    }

    #[test]
    fn any_bytes_are_a_slot() {
        let mut chance = Chance::new(5);
        for _ in 0..20_000 {
            let bytes = chance.bytes(60);
            let _ = read(&bytes, tag(1));
            let slot = add(&bytes, tag(1), &joined(&[member("a", "1")]), 100, 0);
            assert!(read(&slot, tag(1)).is_some());
        }
    }
}
