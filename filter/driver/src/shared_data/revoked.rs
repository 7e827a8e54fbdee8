//! Deleted sessions, until they would have expired.
//!
//! The list is part of a slot and bounded to [`SLOT_ENTRIES`] entries. A full list
//! forgets the session that expires first; from then on only its upstreams know that it was deleted.
//!
//! It is a format byte, then entries of 24 bytes: the session's tag and the second since the
//! epoch up to which it is listed, big-endian. Anything else reads as an empty slot.

use mcp_mux_core::ScopeTag;

/// How many sessions a slot holds at most.
pub(super) const SLOT_ENTRIES: usize = 64;

const FORMAT: u8 = 1;
const ENTRY_LEN: usize = ScopeTag::LEN + size_of::<u64>();

/// Whether `session` is listed in its slot.
pub(super) fn contains(slot: &[u8], session: ScopeTag) -> bool {
    entries(slot).iter().any(|entry| entry.starts_with(&session.0))
}

/// The slot with `session` added, listed up to and including the second `expires`, and without the
/// sessions that were listed up to a second before `now`; both in seconds since the epoch. Adding a
/// session again changes nothing, or lists it for longer.
pub(super) fn insert(slot: &[u8], session: ScopeTag, expires: u64, now: u64) -> Vec<u8> {
    let mut listed: Vec<(ScopeTag, u64)> =
        entries(slot).iter().filter_map(read).filter(|(_, expires)| *expires >= now).collect();
    if let Some((_, known)) = listed.iter_mut().find(|(tag, _)| *tag == session) {
        *known = expires.max(*known);
    } else {
        if listed.len() >= SLOT_ENTRIES
            && let Some((first, _)) = listed.iter().enumerate().min_by_key(|(_, entry)| entry.1)
        {
            listed.remove(first);
        }
        listed.push((session, expires));
    }
    let mut slot = Vec::with_capacity(1 + listed.len() * ENTRY_LEN);
    slot.push(FORMAT);
    for (tag, expires) in listed {
        slot.extend_from_slice(&tag.0);
        slot.extend_from_slice(&expires.to_be_bytes());
    }
    slot
}

fn entries(slot: &[u8]) -> &[[u8; ENTRY_LEN]] {
    match slot {
        [FORMAT, entries @ ..] if entries.len() <= SLOT_ENTRIES * ENTRY_LEN => {
            match entries.as_chunks() {
                (entries, []) => entries,
                _ => &[],
            }
        }
        _ => &[],
    }
}

fn read(entry: &[u8; ENTRY_LEN]) -> Option<(ScopeTag, u64)> {
    Some((ScopeTag(*entry.first_chunk()?), u64::from_be_bytes(*entry.last_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    fn tag(byte: u8) -> ScopeTag {
        ScopeTag([byte; ScopeTag::LEN])
    }

    #[test]
    fn what_was_inserted_is_contained_until_it_expires() {
        let slot = insert(b"", tag(1), 100, 10);
        assert!(contains(&slot, tag(1)) && !contains(&slot, tag(2)));
        let slot = insert(&slot, tag(2), 200, 100);
        assert!(contains(&slot, tag(1)) && contains(&slot, tag(2)));
        let slot = insert(&slot, tag(3), 200, 101);
        assert!(!contains(&slot, tag(1)) && contains(&slot, tag(2)) && contains(&slot, tag(3)));
    }

    #[test]
    fn inserting_again_changes_nothing_or_lists_for_longer() {
        let slot = insert(&insert(b"", tag(1), 100, 10), tag(2), 100, 10);
        assert_eq!(insert(&slot, tag(1), 100, 11), slot);
        assert_eq!(insert(&slot, tag(1), 50, 11), slot);
        let longer = insert(&slot, tag(1), 150, 11);
        assert_eq!(longer.len(), slot.len());
        let later = insert(&longer, tag(3), 300, 149);
        assert!(contains(&later, tag(1)) && !contains(&later, tag(2)));
    }

    #[test]
    fn a_full_slot_forgets_the_one_that_expires_first() {
        let mut slot = Vec::new();
        for byte in 0..64 {
            // 31 expires first, whatever its place.
            slot = insert(&slot, tag(byte), if byte == 31 { 500 } else { 1000 }, 10);
        }
        let full = slot.len();
        assert!((0..64).all(|byte| contains(&slot, tag(byte))));
        slot = insert(&slot, tag(64), 20, 10);
        assert_eq!(slot.len(), full);
        assert!((0..65).all(|byte| contains(&slot, tag(byte)) == (byte != 31)));
        slot = insert(&slot, tag(65), 1000, 11);
        assert!(!contains(&slot, tag(64)) && contains(&slot, tag(65)));
    }

    #[test]
    fn garbage_reads_as_an_empty_slot() {
        let fresh = insert(b"", tag(1), 100, 10);
        let mut longer = fresh.clone();
        longer.push(0);
        let overfull = [&[FORMAT][..], &[1; ENTRY_LEN * (SLOT_ENTRIES + 1)]].concat();
        let mut format = insert(b"", tag(2), 100, 10);
        format[0] = 2;
        for garbage in [&b"x"[..], b"\x01x", &longer, &overfull, &format] {
            assert!(!contains(garbage, tag(1)) && !contains(garbage, tag(2)), "{garbage:?}");
            assert_eq!(insert(garbage, tag(1), 100, 10), fresh);
        }
    }

    #[test]
    fn any_bytes_give_a_bounded_slot() {
        let mut chance = Chance::new(2);
        for _ in 0..5_000 {
            let mut slot = chance.bytes(2 * ENTRY_LEN * SLOT_ENTRIES);
            if let Some(first) = slot.first_mut() {
                *first = FORMAT;
            }
            if chance.below(2) == 0 {
                slot.truncate(1 + slot.len() / ENTRY_LEN * ENTRY_LEN);
            }
            let session = tag(chance.byte());
            let slot = insert(&slot, session, 100, 10);
            assert!(contains(&slot, session));
            assert!(slot.len() <= 1 + SLOT_ENTRIES * ENTRY_LEN);
            assert_eq!(insert(&slot, session, 100, 10), slot);
        }
    }
}
