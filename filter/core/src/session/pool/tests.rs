//! Whose a kept session is, and when one goes.

use super::*;
use crate::mcp::revision::Revision;

const A: CallerKey = CallerKey([1; 16]);
const B: CallerKey = CallerKey([2; 16]);
const IDLE: u64 = 5;

fn opened(upstream: usize, session: &str) -> Opened {
    let peer = Peer {
        revision: Revision::NEWEST,
        capabilities: Capabilities::TOOLS,
        session: Some(session.to_owned()),
        init_fingerprint: None,
    };
    let (upstream, headers) = (UpstreamId::at(upstream), ClientHeaders::default());
    Opened { upstream, peer, level: None, instructions: None, headers }
}

fn taken(pool: &mut SessionPool, caller: CallerKey, now: u64) -> (Vec<String>, Vec<Lease>) {
    let taken = pool.take((caller, None), now, IDLE);
    taken.into_iter().filter_map(|it| Some((it.peer.session?, it.lease))).unzip()
}

fn names(dropped: impl IntoIterator<Item = Dropped>) -> Vec<String> {
    dropped.into_iter().filter_map(|it| it.peer.session).collect()
}

/// With these sessions, none of which is in use.
fn pool(sessions: &[(CallerKey, usize, &str, u64)]) -> SessionPool {
    let mut pool = SessionPool::default();
    for (caller, upstream, id, now) in sessions {
        drop(pool.keep(*caller, opened(*upstream, id), *now, 9));
    }
    pool
}

#[test]
fn each_caller_has_its_own_and_each_request_has_one_alone() {
    let mut pool = pool(&[(A, 1, "a1", 0), (B, 0, "b0", 0), (A, 0, "a0", 0), (A, 0, "a0b", 0)]);
    let (first, lease) = taken(&mut pool, A, 1);
    assert_eq!(first, ["a0", "a1"]);
    let (second, _) = taken(&mut pool, A, 1);
    assert_eq!(second, ["a0b"], "the others are in use");
    assert_eq!(taken(&mut pool, B, 1).0, ["b0"]);
    drop(lease);
    assert_eq!(taken(&mut pool, A, 1).0, ["a0", "a1"]);
    pool.forget(A, UpstreamId::at(0), Some("a0"));
    assert_eq!(taken(&mut pool, A, 1).0, ["a0b", "a1"]);
}

#[test]
fn the_one_that_was_idle_for_longest_goes_first_and_none_that_is_in_use() {
    let mut pool = pool(&[(A, 0, "a0", 1), (B, 0, "b0", 2)]);
    let (_, lease) = taken(&mut pool, A, 1);
    let (_first, _) = pool.keep(B, opened(1, "b1"), 4, 2);
    assert_eq!(names(pool.take_unused(4, 99)), ["b0"]);
    let (_second, _) = pool.keep(B, opened(2, "b2"), 4, 2);
    assert_eq!(names(pool.take_unused(4, 99)), [""; 0], "all are in use");
    drop(lease);
    let (_third, is_news) = pool.keep(B, opened(3, "b3"), 4, 2);
    assert!(is_news, "there is one to end");
    assert_eq!(names(pool.take_unused(4, 99)), ["a0"]);
}

#[test]
fn idle_ones_are_dropped_once() {
    let mut pool = pool(&[(A, 0, "a0", 10), (B, 0, "b0", 12), (A, 1, "a1", 10)]);
    assert_eq!(names(pool.take_unused(14, 5)), [""; 0]);
    let (_, lease) = taken(&mut pool, B, 12);
    assert_eq!(taken(&mut pool, A, 15).0, [""; 0], "they are about to go");
    assert_eq!(names(pool.take_unused(15, 5)), ["a0", "a1"]);
    assert_eq!(names(pool.take_unused(99, 5)), [""; 0], "it is in use");
    drop(lease);
    assert!(!pool.is_empty());
    assert_eq!(names(pool.take_unused(100, 5)), ["b0"]);
    assert!(pool.is_empty());
}

#[test]
fn those_that_are_not_used_are_ended_a_few_at_a_time_and_bounded() {
    let mut pool = SessionPool::default();
    for number in 0..UNUSED + 5 {
        assert_eq!(pool.discard(opened(0, &number.to_string())), number < UNUSED);
    }
    let mut ended = 0;
    while !pool.is_empty() {
        let some = pool.take_unused(0, 5).len();
        assert!((1..=AT_ONCE).contains(&some));
        ended += some;
    }
    assert_eq!(ended, UNUSED);
}

#[test]
fn one_that_is_in_use_may_be_held_beyond_that() {
    let mut pool = pool(&[(A, 0, "a0", 0)]);
    let hold = |pool: &SessionPool| pool.hold(A, UpstreamId::at(0), Some("a0"));
    assert!(hold(&pool).is_none(), "nobody uses it");
    let (_, lease) = taken(&mut pool, A, 1);
    let other = hold(&pool);
    drop(lease);
    assert_eq!(taken(&mut pool, A, 1).0, [""; 0]);
    assert_eq!(names(pool.take_unused(99, IDLE)), [""; 0]);
    drop(other);
    assert_eq!(names(pool.take_unused(99, IDLE)), ["a0"]);
}

#[test]
fn a_lease_may_end_on_another_thread() {
    let mut pool = pool(&[(A, 0, "a0", 0)]);
    let (first, lease) = taken(&mut pool, A, 1);
    assert_eq!((first, taken(&mut pool, A, 1).0), (vec!["a0".to_owned()], Vec::new()));
    std::thread::spawn(move || drop(lease)).join().unwrap();
    assert_eq!(taken(&mut pool, A, 1).0, ["a0"]);
}

#[test]
fn the_first_that_is_kept_is_news() {
    let mut pool = SessionPool::default();
    let kept = [0, 1].map(|number| pool.keep(A, opened(number, "a"), 0, 9));
    assert_eq!(kept.map(|(_, is_news)| is_news), [true, false]);
}

#[test]
fn when_all_end_those_that_serve_a_request_do_so_too() {
    let mut pool = pool(&[(A, 0, "a0", 0), (B, 0, "b0", 0)]);
    let (_, _lease) = taken(&mut pool, A, 1);
    pool.discard(opened(1, "unused"));
    assert_eq!(names(pool.take_all()), ["unused", "a0", "b0"]);
    assert!(pool.is_empty() && pool.take_all().is_empty());
}

#[test]
fn one_that_is_retired_ends_as_soon_as_nothing_holds_it() {
    let mut pool = pool(&[(A, 0, "a0", 0), (A, 0, "a0b", 0)]);
    let (first, leases) = taken(&mut pool, A, 1);
    leases.iter().for_each(Lease::retire);
    assert!(pool.take_unused(1, IDLE).is_empty(), "it is held");
    drop(leases);
    assert_eq!(first, ["a0"]);
    assert_eq!(taken(&mut pool, A, 1).0, ["a0b"]);
    assert_eq!(names(pool.take_unused(1, IDLE)), ["a0"]);
}
