//! How many calls wait, for whom, and for how long.

use super::*;
use crate::effect::{CallId, HeaderList};
use crate::mcp::capability::Capabilities;
use crate::mcp::revision::Revision;

const ANN: ScopeTag = ScopeTag([1; 16]);

fn key(at: usize) -> CallKey {
    CallKey((at as u128).to_be_bytes())
}

fn farewell(at: usize) -> Callout {
    let (cluster, headers, body) = (at.to_string(), HeaderList::default(), Vec::new());
    Callout { id: CallId::UNAWAITED, cluster, headers, body, timeout: None, key: None }
}

/// A call until this second, with so many bytes that were not looked at.
fn parked(at: usize, until: u64, size: usize) -> Parked {
    let peer = Peer {
        revision: Revision::NEWEST,
        capabilities: Capabilities::TOOLS,
        session: None,
        init_fingerprint: None,
    };
    let event = WholeEvent { data: Some(vec![b'x'; size]), ..WholeEvent::default() };
    Parked {
        scope: ANN,
        upstream: UpstreamId::at(0),
        name: None,
        peer,
        lease: None,
        capabilities: String::new(),
        request: Id::from_number(at as u64),
        question: Id::from_number(0),
        key: String::new(),
        reader: EventReader::new(ONE),
        pending: VecDeque::from([event]),
        until,
        farewell: farewell(at),
    }
}

fn clusters(messages: Vec<Callout>) -> Vec<String> {
    messages.into_iter().map(|it| it.cluster).collect()
}

#[test]
fn one_caller_takes_a_call_once() {
    let calls = ParkedCalls::default();
    assert!(calls.is_empty() && calls.keep(key(1), parked(1, 9, 0)) && !calls.is_empty());
    let take = |at, scope, is_it| calls.take(key(at), scope, |_| is_it).map(|it| it.request);
    assert_eq!(take(2, ANN, true).err(), Some(Absent::Gone));
    assert_eq!(take(1, ScopeTag([2; 16]), true).err(), Some(Absent::Gone));
    assert_eq!(take(1, ANN, false).err(), Some(Absent::Other));
    assert_eq!(take(1, ANN, true).map(|id| id.as_raw().to_owned()).ok(), Some("1".to_owned()));
    assert_eq!(take(1, ANN, true).err(), Some(Absent::Gone));
    assert!(calls.is_empty());
}

#[test]
fn those_whose_time_is_over_are_given_up_and_their_upstreams_told() {
    let calls = ParkedCalls::default();
    for (at, until) in [(1, 10), (2, 12), (3, 10)] {
        assert!(calls.keep(key(at), parked(at, until, 0)));
    }
    assert_eq!(calls.give_up(9), []);
    assert_eq!(calls.give_up(10), [key(1), key(3)]);
    assert_eq!((clusters(calls.messages()), calls.count()), (vec!["1".into(), "3".into()], 1));
    assert_eq!(clusters(calls.messages()), [""; 0]);
    for at in 0..MESSAGES + 5 {
        calls.send(farewell(at));
    }
    assert_eq!(calls.messages().len(), MESSAGES);
}

#[test]
fn there_are_never_too_many_nor_too_large_ones() {
    let calls = ParkedCalls::default();
    assert!(!calls.keep(key(0), parked(0, 9, ONE)));
    let large = ONE - 1000;
    let kept = (0..CALLS).take_while(|at| calls.keep(key(*at), parked(*at, 9, large))).count();
    assert_eq!(kept, ALL / (large + size_of::<WholeEvent>()));
    assert!(calls.take(key(0), ANN, |_| true).is_ok());
    assert!(calls.keep(key(0), parked(0, 9, large)));
    let calls = ParkedCalls::default();
    let kept = (0..CALLS + 5).take_while(|at| calls.keep(key(*at), parked(*at, 9, 0))).count();
    assert_eq!((kept, calls.count()), (CALLS, CALLS));
}

#[test]
fn when_all_end_each_upstream_is_told_once() {
    let all = ParkedCalls::default();
    all.send(farewell(9));
    for at in 0..3 {
        assert!(all.keep(key(at), parked(at, 10, 100)));
    }
    assert_eq!(clusters(all.end()), ["9", "0", "1", "2"]);
    assert!(all.is_empty() && all.end().is_empty());
    assert_eq!(all.take(key(1), ANN, |_| true).err(), Some(Absent::Gone));
    assert!(all.keep(key(4), parked(4, 10, ONE / 2)), "there is room again");
}
