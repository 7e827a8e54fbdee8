//! Who works on what, whoever comes and goes.

use super::*;

fn scope(byte: u8) -> ScopeTag {
    ScopeTag([byte; ScopeTag::LEN])
}

fn id(raw: &str) -> Id<'_> {
    Id::from_raw(raw).unwrap()
}

fn request(byte: u8, raw: &str) -> Request {
    Request::new(scope(byte), Some(&id(raw)))
}

fn work(upstream: usize, id: Option<u64>) -> Work {
    Work { upstream: UpstreamId::at(upstream), id }
}

fn find(all: &InProgress, byte: u8, raw: &str) -> Found {
    all.find(Name::new(scope(byte), &id(raw)))
}

#[test]
fn an_id_is_a_type_and_a_value_in_its_session() {
    let all = InProgress::default();
    let mut one = request(1, r#""a\/1""#);
    all.asks(&mut one, work(0, None));
    assert_eq!(find(&all, 1, r#""\u0061/1""#), Found::Working(vec![work(0, None)]));
    let mut number = request(1, "7");
    all.asks(&mut number, work(1, None));
    assert_eq!(find(&all, 1, "7"), Found::Working(vec![work(1, None)]));
    for (session, raw) in [(1, r#""7""#), (1, "70"), (65, "7"), (2, "7"), (1, "-7")] {
        assert_eq!(find(&all, session, raw), Found::Nobody, "{session} {raw}");
    }
}

#[test]
fn upstreams_come_and_go_while_a_request_is_under_way() {
    let all = InProgress::default();
    let mut list = request(1, "1");
    for upstream in 0..3 {
        all.asks(&mut list, work(upstream, Some(10)));
    }
    all.answers(&list, UpstreamId::at(0));
    all.asks(&mut list, work(2, Some(11)));
    let Found::Working(mut working) = find(&all, 1, "1") else { panic!("it is under way") };
    working.sort_by_key(|work| work.upstream);
    assert_eq!(working, [work(1, Some(10)), work(2, Some(11))]);
    all.answers(&list, UpstreamId::at(1));
    all.answers(&list, UpstreamId::at(2));
    assert_eq!(find(&all, 1, "1"), Found::Working(Vec::new()), "its exchange goes on");
    all.end(&list);
    assert_eq!(find(&all, 1, "1"), Found::Nobody);
}

#[test]
fn an_id_that_is_used_again_is_another_request() {
    let all = InProgress::default();
    let [mut first, mut second] = [request(1, "1"), request(1, "1")];
    all.asks(&mut first, work(0, None));
    all.asks(&mut second, work(1, None));
    assert_eq!(find(&all, 1, "1"), Found::Working(vec![work(0, None), work(1, None)]));
    first.is_answered = true;
    all.end(&first);
    assert_eq!(find(&all, 1, "1"), Found::Working(vec![work(1, None)]));
    second.is_answered = true;
    all.end(&second);
    assert_eq!(find(&all, 1, "1"), Found::Nobody);
}

#[test]
fn one_that_its_client_has_left_is_remembered_for_a_while() {
    let all = InProgress::default();
    let mut call = request(1, "1");
    all.asks(&mut call, work(0, None));
    all.end(&call);
    assert_eq!(find(&all, 1, "1"), Found::Left(vec![work(0, None)]));
    for number in 0..LEFT {
        let mut call = request(1, &(10 + number).to_string());
        all.asks(&mut call, work(0, None));
        all.end(&call);
    }
    assert_eq!(find(&all, 1, "1"), Found::Nobody);
    assert_eq!(find(&all, 1, "10"), Found::Left(vec![work(0, None)]));
}

#[test]
fn of_what_is_not_listed_nothing_is_said() {
    let all = InProgress::default();
    let mut unnamed = Request::new(scope(1), None);
    assert_eq!(find(&all, 1, "1"), Found::Nobody);
    all.asks(&mut unnamed, work(0, None));
    all.asks(&mut unnamed, work(0, None));
    assert_eq!(find(&all, 1, "1"), Found::Unknown);
    all.end(&unnamed);
    assert_eq!(find(&all, 1, "1"), Found::Nobody);
    let mut many: Vec<Request> = Vec::new();
    for number in 0..=REQUESTS {
        let mut call = request(1, &number.to_string());
        all.asks(&mut call, work(0, None));
        many.push(call);
    }
    assert_eq!(find(&all, 1, "0"), Found::Working(vec![work(0, None)]));
    assert_eq!(find(&all, 1, &REQUESTS.to_string()), Found::Unknown);
    assert_eq!(find(&all, 2, "0"), Found::Nobody, "another part");
    for mut call in many {
        call.is_answered = true;
        all.end(&call);
    }
    assert_eq!(find(&all, 1, "0"), Found::Nobody);
    all.with(scope(1), |shard| assert_eq!((shard.requests.len(), shard.counted), (0, 0)));
}
