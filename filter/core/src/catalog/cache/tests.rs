use super::*;
use crate::chance::Chance;
use crate::gateway::UpstreamId;
use crate::pieces::Joiner;

const TTL: u64 = 10;

fn key(name: &str) -> ListKey {
    KeyOf::default().and(name).key()
}

fn at(changes: u64, second: u64) -> Moment {
    Moment { changes, second }
}

fn list(length: usize) -> Arc<Merged> {
    let mut result = Joiner::default();
    result.add(vec![b'x'; length]);
    let result = result.finish();
    Arc::new(Merged { result, hints: CacheHints::NONE, told: None, only: None })
}

fn length(found: &Found) -> Option<usize> {
    match found {
        Found::List(list, _) => Some(list.result.len()),
        _ => None,
    }
}

#[test]
fn parts_are_told_apart_wherever_they_are_cut() {
    let all: [&[&str]; 9] = [
        &[],
        &[""],
        &["", ""],
        &["ab"],
        &["a", "b"],
        &["b", "a"],
        &["", "ab"],
        &["ab", ""],
        &["a", "", "b"],
    ];
    let keys = all.map(|parts| parts.iter().fold(KeyOf::default(), KeyOf::and).key());
    assert_eq!(BTreeSet::from(keys).len(), all.len());
    // Parts that hold what stands between others are no other parts.
    let inside = KeyOf::default().and([&b"a"[..], &1u64.to_le_bytes(), b"b"].concat()).key();
    assert_ne!(inside, KeyOf::default().and("a").and("b").key());
    assert_ne!(keys[3].half(), keys[4].half());
}

#[test]
fn a_list_is_there_until_it_is_too_old() {
    let mut kept = ListCache::default();
    kept.keep(key("a"), None, at(0, 100), list(3));
    for (second, there) in [(100, true), (109, true), (99, false)] {
        let found = kept.find(key("a"), at(0, second), Some(TTL));
        assert_eq!(length(&found).is_some(), there, "{second}");
    }
    assert_eq!(length(&kept.find(key("a"), at(0, 100), Some(TTL))), None, "dropped");
    kept.keep(key("a"), None, at(0, 100), list(3));
    assert_eq!(length(&kept.find(key("a"), at(0, 110), Some(TTL))), None);
    assert_eq!((kept.bytes, kept.lists.len(), kept.order.len()), (0, 0, 0));
    assert_eq!(length(&kept.find(key("b"), at(0, 100), Some(TTL))), None);
    kept.keep(key("a"), None, at(0, u64::MAX), list(3));
    assert_eq!(length(&kept.find(key("a"), at(0, u64::MAX), Some(TTL))), None, "no overflow");
}

#[test]
fn a_change_drops_what_was_asked_for_before_it() {
    let mut kept = ListCache::default();
    kept.keep(key("a"), None, at(1, 100), list(3));
    assert_eq!(length(&kept.find(key("a"), at(1, 100), Some(TTL))), Some(3));
    assert_eq!(length(&kept.find(key("a"), at(2, 100), Some(TTL))), None);
    assert_eq!(length(&kept.find(key("a"), at(1, 100), Some(TTL))), None);
}

#[test]
fn who_asks_after_a_change_does_not_wait_for_one_who_asked_before() {
    let mut kept = ListCache::default();
    let first = kept.begin(key("a"), at(0, 100));
    assert!(
        matches!(kept.find(key("a"), at(0, 105), Some(TTL)), Found::UnderWay(it) if it == first)
    );
    assert!(matches!(kept.find(key("b"), at(0, 105), Some(TTL)), Found::Nothing));
    assert!(matches!(kept.find(key("a"), at(1, 105), Some(TTL)), Found::Nothing));
    let second = kept.begin(key("a"), at(1, 105));
    assert_ne!(first, second);
    kept.end(key("a"), at(0, 100));
    assert!(
        matches!(kept.find(key("a"), at(1, 105), Some(TTL)), Found::UnderWay(it) if it == second)
    );
    kept.end(key("a"), at(1, 105));
    assert_eq!(kept.under_way(), 0);
}

#[test]
fn a_session_that_is_over_takes_its_own_lists_with_it() {
    let mut kept = ListCache::default();
    let [one, other] = [ScopeTag([1; ScopeTag::LEN]), ScopeTag([2; ScopeTag::LEN])];
    for (name, owner) in [("a", Some(one)), ("b", Some(one)), ("c", Some(other)), ("d", None)] {
        kept.keep(key(name), owner, at(0, 100), list(3));
    }
    kept.forget(one);
    let there = ["a", "b", "c", "d"]
        .map(|name| length(&kept.find(key(name), at(0, 100), Some(TTL))).is_some());
    assert_eq!(there, [false, false, true, true]);
    let sizes = 2 * list(3).size();
    assert_eq!((kept.bytes, kept.order.len()), (sizes, 2));
}

#[test]
fn a_list_with_a_cursor_is_for_its_session_alone() {
    let tag = ScopeTag([1; ScopeTag::LEN]);
    let only =
        Merged { result: Pieces::default(), hints: CacheHints::NONE, told: None, only: Some(tag) };
    assert!(only.is_for(tag) && !only.is_for(ScopeTag([2; ScopeTag::LEN])));
    assert!(list(0).is_for(tag) && list(0).is_for(ScopeTag::NONE));
}

#[test]
fn it_stays_within_its_bounds_and_drops_what_was_served_longest_ago() {
    let mut kept = ListCache::default();
    let part = BYTES / 4 - PLACE;
    for name in ["a", "b", "c", "d"] {
        kept.keep(key(name), None, at(0, 100), list(part));
    }
    assert_eq!(kept.bytes, BYTES);
    assert!(length(&kept.find(key("a"), at(0, 100), Some(TTL))).is_some());
    kept.keep(key("e"), None, at(0, 100), list(part));
    assert!(length(&kept.find(key("b"), at(0, 100), Some(TTL))).is_none());
    assert!(length(&kept.find(key("a"), at(0, 100), Some(TTL))).is_some());
    // In place of itself.
    kept.keep(key("a"), None, at(0, 100), list(1));
    assert_eq!(length(&kept.find(key("a"), at(0, 100), Some(TTL))), Some(1));
    // One that is too long by itself leaves the others.
    kept.keep(key("f"), None, at(0, 100), list(BYTES));
    assert!(length(&kept.find(key("f"), at(0, 100), Some(TTL))).is_none());
    assert!(length(&kept.find(key("e"), at(0, 100), Some(TTL))).is_some());
}

#[test]
fn names_count_as_well() {
    let told = AnnouncedNames::from(crate::memory::names::Names::from([(
        "x".repeat(1000),
        (UpstreamId::at(0), String::new()),
    )]));
    let size = told.size();
    assert!(size > 1000);
    let merged =
        Merged { result: Pieces::default(), hints: CacheHints::NONE, told: Some(told), only: None };
    let mut kept = ListCache::default();
    kept.keep(key("a"), None, at(0, 100), Arc::new(merged));
    assert_eq!(kept.bytes, PLACE + size);
}

#[test]
fn its_books_agree_whatever_happens() {
    let mut chance = Chance::new(3);
    let mut kept = ListCache::default();
    for _ in 0..3000 {
        let (which, second) = (key(&chance.below(40).to_string()), chance.below(30) as u64);
        let tag = ScopeTag([chance.byte() % 4; ScopeTag::LEN]);
        match chance.below(4) {
            0 => kept.forget(tag),
            1 => drop(kept.find(which, at(0, second), Some(TTL))),
            _ => kept.keep(which, Some(tag), at(0, second), list(chance.below(4) << 20)),
        }
        let sizes: usize = kept.lists.values().map(|entry| entry.list.size()).sum();
        assert!(kept.bytes == sizes && sizes <= BYTES);
        assert_eq!(kept.order.len(), kept.lists.len());
        assert!(kept.lists.iter().all(|(key, entry)| kept.order.get(&entry.served) == Some(key)));
    }
}

#[test]
fn templates_change_with_resources_and_tasks_untold() {
    let kinds = [Kind::Tool, Kind::Prompt, Kind::Resource, Kind::Template, Kind::Task];
    let [tools, prompts, resources, templates, tasks] = kinds.map(ListChanged::of);
    assert_eq!((resources, tasks), (templates, None));
    assert_eq!(BTreeSet::from([tools, prompts, resources, tasks]).len(), 4);
}
