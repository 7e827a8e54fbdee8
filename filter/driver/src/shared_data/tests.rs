use mcp_mux_core::{Capabilities, Kind, LogLevel, Revision};

use super::session_notes as read;
use super::*;
use crate::chance::Chance;

fn add(slot: &[u8], session: ScopeTag, note: &Note, expires: u64, now: u64) -> Vec<u8> {
    with_note(slot, session, note.clone(), expires, now)
}

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
    assert_eq!(session_key(tag(0x7F)), "mcp-mux/session/7f");
    let keys: std::collections::BTreeSet<_> = (0..=u8::MAX).map(|b| session_key(tag(b))).collect();
    assert_eq!(keys.len(), SLOTS);
}

#[test]
fn a_slot_keeps_what_is_noted_of_each_session() {
    let slot = add(b"", tag(1), &joined(&[member("a", "1")]), 100, 0);
    let slot = add(&slot, tag(2), &Note::AnnouncedNames(Kind::Tool, 7), 100, 0);
    let slot = add(&slot, tag(1), &Note::AnnouncedNames(Kind::Prompt, 8), 100, 0);
    let log_level = LogLevel::of("error");
    let slot = add(&slot, tag(1), &Note::LogLevel(log_level.unwrap()), 100, 0);
    let subscription = Subscription { upstream: "a".to_owned(), uri: "x:1".to_owned() };
    let slot = add(&slot, tag(1), &Note::Subscribed(subscription.clone()), 100, 0);
    let (members, subscriptions) = (vec![member("a", "1")], vec![subscription]);
    let announced = [None, Some(8)];
    let notes = Notes { deleted: false, members, announced, log_level, subscriptions };
    assert_eq!(read(&slot, tag(1)), notes);
    assert_eq!(read(&slot, tag(2)).announced, [Some(7), None]);
    assert_eq!(read(&slot, tag(3)), Notes::default());
}

#[test]
fn a_deleted_session_stays_deleted_and_its_members_are_forgotten() {
    let slot = add(b"", tag(1), &joined(&[member("a", "1")]), 100, 0);
    let slot = add(&slot, tag(1), &Note::Deleted, 100, 0);
    assert!(read(&slot, tag(1)).deleted && read(&slot, tag(1)).members.is_empty());
    let slot = add(&slot, tag(1), &joined(&[member("a", "2")]), 100, 0);
    assert!(read(&slot, tag(1)).deleted && read(&slot, tag(1)).members.is_empty());
    let later = add(&slot, tag(2), &Note::Deleted, 300, 101);
    assert_eq!(read(&later, tag(1)), Notes::default(), "expired");
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
    assert_eq!(read(&slot, tag(0)), Notes::default());
}

#[test]
fn any_bytes_are_a_slot() {
    let mut chance = Chance::new(5);
    for _ in 0..20_000 {
        let mut bytes = chance.bytes(60);
        if chance.below(2) == 0 {
            // An entry of such a length.
            let length = u8::try_from(bytes.len().saturating_sub(8)).unwrap_or(0);
            bytes.splice(..bytes.len().min(8), [0, 0, 0, 0, 0, 0, 0, length]);
        }
        let _ = read(&bytes, tag(1));
        let slot = add(&bytes, tag(1), &joined(&[member("a", "1")]), 100, 0);
        assert_ne!(read(&slot, tag(1)), Notes::default());
    }
}

#[test]
fn changes_are_counted_and_nonsense_is_none() {
    let once = one_more(b"");
    assert_eq!((changes(b""), changes(&once), changes(&one_more(&once))), (0, 1, 2));
    assert_eq!(changes(b"nonsense!"), 0);
    assert_ne!(one_more(&u64::MAX.to_le_bytes()), u64::MAX.to_le_bytes());
}
