use std::sync::atomic::AtomicBool;

use mcp_mux_core::{Capabilities, Kind, LogLevel, Revision};

use super::*;
use crate::chance::Chance;

fn tag(number: usize) -> ScopeTag {
    let mut tag = [0; ScopeTag::LEN];
    tag[..8].copy_from_slice(&(number as u64).to_le_bytes());
    ScopeTag(tag)
}

fn joined(upstream: &str, id: &str) -> Note {
    Note::Joined(vec![UpstreamSession {
        upstream: upstream.to_owned(),
        id: Some(id.to_owned()),
        revision: Revision::NEWEST,
        capabilities: Capabilities::TOOLS,
        init_fingerprint: None,
    }])
}

/// What the fields that follow from others say agrees with those.
fn check(notes: &SharedNotes) {
    for shard in &notes.shards {
        shard.with(|shard| {
            assert_eq!(shard.bytes, shard.sessions.values().map(|it| it.bytes).sum::<usize>());
            assert!(shard.bytes <= BYTES / SHARDS && shard.sessions.len() <= SESSIONS / SHARDS);
            assert_eq!(shard.order.len(), shard.sessions.len());
            let at = |(session, it): (&ScopeTag, &Noted)| shard.order.get(&it.at) == Some(session);
            assert!(shard.sessions.iter().all(at));
        });
    }
}

#[test]
fn what_is_noted_of_each_session_adds_up() {
    let notes = SharedNotes::default();
    notes.note(tag(1), joined("a", "1"), 100, 0);
    notes.note(tag(17), Note::AnnouncedNames(Kind::Tool, 7), 100, 0);
    notes.note(tag(1), Note::LogLevel(LogLevel::of("error").unwrap()), 100, 0);
    let one = notes.session_notes(tag(1));
    assert_eq!((one.members.len(), one.log_level), (1, LogLevel::of("error")));
    assert_eq!(notes.session_notes(tag(17)).announced, [Some(7), None]);
    assert_eq!(notes.session_notes(tag(33)), Notes::default());
    notes.note(tag(1), Note::Deleted, 100, 0);
    notes.note(tag(1), joined("a", "2"), 100, 0);
    assert_eq!(notes.session_notes(tag(1)), Notes { deleted: true, ..Notes::default() });
    check(&notes);
}

#[test]
fn what_has_expired_goes() {
    let notes = SharedNotes::default();
    for number in 0..100 {
        notes.note(tag(16 * number), Note::Deleted, 100, 0);
    }
    for number in 100..200 {
        notes.note(tag(16 * number), Note::Deleted, 300, 200);
    }
    assert_eq!(notes.count(), 100);
    notes.note(tag(16 * 199), joined("a", "1"), 500, 301);
    assert!(!notes.session_notes(tag(16 * 199)).deleted, "of another time");
    check(&notes);
}

#[test]
fn it_stays_within_its_bounds_and_forgets_the_oldest() {
    let notes = SharedNotes::default();
    for number in 0..SESSIONS + 500 {
        notes.note(tag(number), Note::Deleted, 100, 0);
        // The first is noted again and again.
        notes.note(tag(0), Note::Deleted, 100, 0);
    }
    assert_eq!(notes.count(), SESSIONS);
    let is_there =
        [0, 1, 16, 499, 600, SESSIONS + 499].map(|it| notes.session_notes(tag(it)).deleted);
    assert_eq!(is_there, [true, false, false, false, true, true]);
    check(&notes);
    for number in 0..200 {
        notes.note(tag(16 * number), joined("a", &"x".repeat(BYTES / SHARDS / 50)), 100, 0);
    }
    check(&notes);
    notes.note(tag(0), joined("a", &"x".repeat(BYTES)), 100, 0);
    assert_eq!(notes.session_notes(tag(0)), Notes::default());
    check(&notes);
}

#[test]
fn changes_are_counted_by_kind() {
    let notes = SharedNotes::default();
    notes.list_changed(ListChanged::Tools);
    notes.list_changed(ListChanged::Tools);
    notes.list_changed(ListChanged::Resources);
    let all = [ListChanged::Tools, ListChanged::Prompts, ListChanged::Resources];
    assert_eq!(all.map(|it| notes.list_changes(it)), [2, 0, 1]);
}

#[test]
fn configurations_are_counted_while_they_are_in_use() {
    let notes = Arc::<SharedNotes>::default();
    let old = notes.begin();
    assert_eq!(notes.configurations(), 1);
    let new = notes.begin();
    assert_eq!(notes.configurations(), 2);
    std::thread::spawn(move || drop(old)).join().unwrap();
    assert_eq!(notes.configurations(), 1);
    drop(new);
    assert_eq!(notes.configurations(), 0);
}

#[test]
fn threads_lose_nothing() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 5_000;
    let notes = SharedNotes::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let write = |thread: usize| {
            let notes = &notes;
            move || {
                let mut chance = Chance::new(thread as u64);
                for round in 0..ROUNDS {
                    // All threads note parts of the same sessions.
                    let session = tag(round % 1000);
                    notes.note(session, joined(&format!("u{thread}"), "1"), 100, 0);
                    notes.list_changed(ListChanged::Tools);
                    if chance.below(10) == 0 {
                        std::thread::yield_now();
                    }
                }
            }
        };
        let writers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(write(thread))).collect();
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let changes = notes.list_changes(ListChanged::Tools);
                assert!(changes >= last);
                last = changes;
                assert!(notes.session_notes(tag(7)).members.len() <= THREADS);
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap();
    });
    assert_eq!(notes.list_changes(ListChanged::Tools), (THREADS * ROUNDS) as u64);
    assert!((0..1000).all(|it| notes.session_notes(tag(it)).members.len() == THREADS));
    check(&notes);
}
