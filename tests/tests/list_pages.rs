//! Pagination of merged lists: one page as long as it is no longer than it may be, complete in any case,
//! each upstream asked for what it still has, and a cursor that nobody else can make.

use mcp_mux_tests::mcp::{names, unavailable};
use mcp_mux_tests::server::usable;
use mcp_mux_tests::{Answer, Client, Setup, Upstream};
use serde_json::json;

const ONE: &str = r#"{"name":"one"}"#;
const TWO: &str = r#"{"name":"two"}"#;
const THREE: &str = r#"{"name":"three"}"#;

/// A gateway whose pages hold no more than one page of each upstream.
fn paged() -> Setup {
    Setup::new().set("catalog", json!({"page": {"items": 1}}))
}

/// All pages of a list: the names, page by page.
async fn pages(client: &Client<'_>) -> Vec<Vec<String>> {
    let mut result = client.list().await.result();
    let mut pages = vec![names(&result)];
    while let Some(cursor) = result["nextCursor"].as_str() {
        assert!(pages.len() < 20, "it does not end: {pages:?}");
        result = client.list_from(cursor).await.result();
        pages.push(names(&result));
    }
    pages
}

#[tokio::test]
async fn every_page_of_every_upstream_arrives_once() {
    let a = Upstream::named("a").pages(&[&[ONE], &[TWO], &[THREE]]).start().await;
    let b = Upstream::named("b").pages(&[&[ONE, TWO]]).start().await;
    let c = Upstream::named("c").pages(&[&[ONE], &[TWO]]).sse_answers().start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).upstream(&c).start().await;
    let client = Client::open(&envoy).await;
    let mut all = pages(&client).await.concat();
    all.sort();
    let expected =
        ["a__one", "a__three", "a__two", "b__one", "b__two", "c__one", "c__two"].map(str::to_owned);
    assert_eq!(all, expected);
}

#[tokio::test]
async fn beyond_the_bound_there_are_pages_and_what_is_done_is_not_asked_again() {
    let a = Upstream::named("a").pages(&[&[ONE], &[TWO], &[THREE]]).start().await;
    let b = Upstream::named("b").pages(&[&[ONE]]).start().await;
    for (items, asked) in [(1, 1), (2, 1), (3, 1)] {
        let page = json!({"page": {"items": items}});
        let envoy = Setup::new().upstream(&a).upstream(&b).set("catalog", page).start().await;
        let client = Client::open(&envoy).await;
        b.forget();
        let mut expected = vec![vec!["a__one", "b__one"], vec!["a__two"], vec!["a__three"]];
        match items {
            2 => expected = vec![expected[0].clone(), vec!["a__two", "a__three"]],
            3 => expected = vec![vec!["a__one", "a__two", "b__one"], expected[2].clone()],
            _ => {}
        }
        assert_eq!(pages(&client).await, expected, "{items}");
        assert_eq!(b.seen_of("tools/list").len(), asked);
    }
}

#[tokio::test]
async fn a_list_of_several_pages_is_one_page_and_each_is_asked_for_once() {
    let a = Upstream::named("a").pages(&[&[ONE], &[TWO], &[THREE]]).start().await;
    let b = Upstream::named("b").pages(&[&[ONE]]).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(pages(&client).await, [["a__one", "a__two", "a__three", "b__one"]]);
    assert_eq!(b.seen_of("tools/list").len(), 1);
    let cursors: Vec<_> = a
        .seen_of("tools/list")
        .iter()
        .map(|seen| seen.params()["cursor"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(cursors, [None, Some("a/1".to_owned()), Some("a/2".to_owned())]);
}

#[tokio::test]
async fn an_empty_cursor_and_one_with_odd_characters_are_cursors() {
    let cursors = ["", "\"\\/\u{e9}\u{1f600}\u{1}"].map(str::to_owned);
    let odd = cursors.clone();
    let a = Upstream::named("a")
        .pages(&[&[ONE], &[TWO], &[THREE]])
        .with(|server| server.cursors = odd.to_vec())
        .start()
        .await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(pages(&client).await.concat(), ["a__one", "a__two", "a__three"]);
    let seen = a.seen_of("tools/list");
    assert_eq!(seen[1].params()["cursor"], cursors[0]);
    assert_eq!(seen[2].params()["cursor"], cursors[1]);
}

#[tokio::test]
async fn a_null_cursor_of_an_upstream_ends_its_list() {
    let list = |seen: &_| {
        Answer::result(
            seen,
            r#"{"tools":[{"name":"x","inputSchema":{"type":"object"}}],"nextCursor":null}"#,
        )
    };
    let a = Upstream::named("a").on("tools/list", list).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let result = Client::open(&envoy).await.list().await.result();
    assert_eq!(names(&result), ["a__x"]);
    assert!(result.get("nextCursor").is_none(), "{result}");
}

#[tokio::test]
async fn a_cursor_that_was_not_made_here_for_this_session_is_refused() {
    let a = Upstream::named("a").pages(&[&[ONE], &[TWO]]).start().await;
    let envoy = paged().upstream(&a).start().await;
    let foreign = paged().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let next = async |client: &Client<'_>| {
        let result = client.list().await.result();
        result["nextCursor"].as_str().expect("a cursor").to_owned()
    };
    let cursor = next(&client).await;
    let of_another_session = next(&Client::open(&envoy).await).await;
    let of_another_gateway = next(&Client::open(&foreign).await).await;
    assert!(!cursor.contains("a/1"), "an upstream's cursor is nobody's business: {cursor}");
    let mut tampered = cursor.clone().into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    a.forget();
    for bad in [
        "",
        "a/1",
        "AAAA",
        tampered.as_str(),
        &cursor[1..],
        client.session.as_str(),
        of_another_session.as_str(),
        of_another_gateway.as_str(),
    ] {
        client.list_from(bad).await.error(200, -32602);
    }
    for bad in [json!(7), json!({}), json!(["a"])] {
        client.request("tools/list", json!({"cursor": bad})).await.error(200, -32602);
    }
    assert!(a.seen().is_empty(), "a bad cursor goes nowhere: {:?}", a.seen());
    assert_eq!(names(&client.list_from(&cursor).await.result()), ["a__two"]);
}

#[tokio::test]
async fn a_cursor_works_at_every_replica_with_the_same_keys() {
    let a = Upstream::named("a").pages(&[&[ONE], &[TWO]]).start().await;
    let first = paged().upstream(&a).keys(b"A").start().await;
    let second = paged().upstream(&a).keys(b"A").start().await;
    let client = Client::open(&first).await;
    let result = client.list().await.result();
    let cursor = result["nextCursor"].as_str().expect("a cursor");
    assert_eq!(names(&client.at(&second).list_from(cursor).await.result()), ["a__two"]);
}

#[tokio::test]
async fn an_upstream_that_refuses_its_own_cursor_is_reported_and_the_rest_goes_on() {
    let refusing = |seen: &mcp_mux_tests::Seen| {
        if seen.params()["cursor"].is_string() {
            let id = seen.id();
            let error = r#"{"code":-32602,"message":"forgot it"}"#;
            return Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
        }
        Answer::result(
            seen,
            r#"{"tools":[{"name":"one","inputSchema":{"type":"object"}}],"nextCursor":"next"}"#,
        )
    };
    let a = Upstream::named("a").on("tools/list", refusing).start().await;
    let b = Upstream::named("b").pages(&[&[ONE], &[TWO]]).start().await;
    let envoy = paged().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    let result = client.list().await.result();
    let cursor = result["nextCursor"].as_str().expect("a cursor");
    let result = client.list_from(cursor).await.result();
    assert_eq!(names(&result), ["b__two"]);
    let missing = unavailable(&result);
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].0, "a");
    assert!(missing[0].1.contains("forgot it"), "{missing:?}");
}

#[tokio::test]
async fn a_list_that_does_not_advance_ends_in_every_mode_and_the_rest_is_there() {
    for mode in ["always", "on_conflict", "never"] {
        for same in [r#""""#, r#""same""#] {
            let list = format!(r#"{{"tools":[{}],"nextCursor":{same}}}"#, usable(ONE));
            let a = Upstream::named("a").on("tools/list", move |seen| Answer::result(seen, &list));
            let (a, b) = (a.start().await, Upstream::named("b").pages(&[&[TWO]]).start().await);
            let setup = Setup::new().upstream(&a).upstream(&b);
            let envoy = setup.set("naming", json!({"prefix": mode})).start().await;
            let client = Client::open(&envoy).await;
            let prefix =
                |name: &str| if mode == "always" { format!("{name}__") } else { String::new() };
            let expected = [format!("{}one", prefix("a")), format!("{}two", prefix("b"))];
            assert_eq!(pages(&client).await, [expected], "{mode} {same}");
            assert_eq!(a.seen_of("tools/list").len(), 2, "{mode} {same}");
        }
    }
}
