//! Pages of lists, read, joined and cut.

use super::*;
use crate::catalog::result::CURSOR_LIMIT;
use crate::error::list_data;
use crate::fixture;
use crate::mcp::capability::Capabilities;
use crate::mcp::method::{Target, row_of};

mod shapes;

fn listing(method: &str) -> Listing {
    match row_of(method).map(|row| row.target) {
        Some(Target::List(listing)) => listing,
        other => panic!("{method}: {other:?}"),
    }
}

/// `a` with its prefix, `b` without one, `c` with a few tools only.
fn gateway() -> Gateway {
    let document = r#"{"upstreams": [{"name": "a"}, {"name": "b", "prefix": ""},
        {"name": "c", "tools": {"allow": ["get_*"], "deny": ["*_all"]}}]}"#;
    fixture::gateway(document)
}

fn read(upstream: usize, result: &str) -> Result<Page, Fault> {
    read_of("tools/list", upstream, result)
}

fn read_of(method: &str, upstream: usize, result: &str) -> Result<Page, Fault> {
    let (listing, capabilities) = (listing(method), Capabilities::TOOLS);
    let (upstream, era) = (UpstreamId::at(upstream), Era::Handshake);
    let reading = Reading {
        gateway: &gateway(),
        upstream,
        listing,
        rights: Rights::default(),
        capabilities,
        era,
    };
    Scan::whole(result, |scan| Page::read(reading, scan)).unwrap()
}

/// Of prompts, which need nothing but a name.
fn items(upstream: usize, items: &str) -> (String, u64) {
    let result = format!(r#"{{"prompts":[{items}]}}"#);
    let page = read_of("prompts/list", upstream, &result).unwrap();
    (String::from_utf8(page.items.bytes().to_vec()).unwrap(), page.dropped)
}

fn joined(results: &[(usize, &str)], next: Option<&str>, failed: &[UpstreamError]) -> String {
    let pages = results.iter().map(|(upstream, result)| read(*upstream, result).unwrap());
    let unavailable = ("\"mcp-mux/unavailable\"".to_owned(), list_data(failed));
    let own_meta = if failed.is_empty() { Vec::new() } else { vec![unavailable] };
    let joined = join(listing("tools/list"), pages.collect(), next, own_meta);
    String::from_utf8(joined.into_bytes()).unwrap()
}

#[test]
fn only_the_bytes_of_the_name_change() {
    for (item, expected) in [
        (r#"{"name":"t"}"#, r#"{"name":"a__t"}"#),
        (
            "{ \"x\" : [ 1e2,1.0 ,\n{}],\t\"name\" : \"t\" }",
            "{ \"x\" : [ 1e2,1.0 ,\n{}],\t\"name\" : \"a__t\" }",
        ),
        (
            r#"{"n\u0061me":"\u0074","y":12345678901234567890123}"#,
            r#"{"n\u0061me":"a__\u0074","y":12345678901234567890123}"#,
        ),
        (
            r#"{"x":{"name":"t"},"name":"t","z":"\"name\":\"t\""}"#,
            r#"{"x":{"name":"t"},"name":"a__t","z":"\"name\":\"t\""}"#,
        ),
        (r#"{"x":1,"x":2,"name":""}"#, r#"{"x":1,"x":2,"name":"a__"}"#),
    ] {
        assert_eq!(items(0, item), (expected.to_owned(), 0));
        assert_eq!(items(1, item), (item.to_owned(), 0));
    }
}

#[test]
fn items_without_a_usable_name_are_dropped_and_counted() {
    for item in [
        "null",
        "[]",
        "[\"t\"]",
        "\"name\"",
        "{}",
        r#"{"name":null}"#,
        r#"{"name":["t"]}"#,
        r#"{"name":"\udc00"}"#,
        r#"{"name":"t","name":"t"}"#,
    ] {
        let around = format!(r#"{{"name":"t"}},{item} , {{"name":"u"}}"#);
        let expected = r#"{"name":"a__t"},{"name":"a__u"}"#.to_owned();
        assert_eq!(items(0, &around), (expected, 1), "{item}");
        assert_eq!(items(0, item), (String::new(), 1), "{item}");
    }
    // A call by this name would reach `a`.
    assert_eq!(items(1, r#"{"name":"a__t"},{"name":"a_t"}"#), (r#"{"name":"a_t"}"#.into(), 1));
}

#[test]
fn hidden_items_are_left_out_and_not_counted() {
    let tools = |names: &[&str]| {
        let tool =
            |name: &&str| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#);
        names.iter().map(tool).collect::<Vec<_>>().join(",")
    };
    let all = tools(&["get_x", "set_x", "get_all", r"g\u0065t_y"]);
    let page = read(2, &format!(r#"{{"tools":[{all},{{"name":"set_y"}}]}}"#)).unwrap();
    let expected = tools(&["c__get_x", r"c__g\u0065t_y"]);
    assert_eq!(String::from_utf8_lossy(page.items.bytes()), expected);
    assert_eq!(page.dropped, 0);
}

#[test]
fn a_result_that_is_no_list_is_refused_with_its_reason() {
    for (result, reason) in [
        ("null", "no object"),
        ("[]", "no object"),
        (r#"{"tools":[],"tools":[]}"#, "repeated"),
        ("{}", "no array `tools`"),
        (r#"{"tools":{}}"#, "no array `tools`"),
        (r#"{"tools":null}"#, "no array `tools`"),
        (r#"{"Tools":[]}"#, "no array `tools`"),
        (r#"{"tools":[],"nextCursor":1}"#, "nextCursor is no string"),
        (r#"{"tools":[],"nextCursor":{}}"#, "nextCursor is no string"),
    ] {
        let refused = read(0, result).unwrap_err();
        assert!(refused.to_string().contains(reason), "{result}: {refused}");
    }
    let cursor = |length: usize| {
        read(0, &format!(r#"{{"tools":[],"nextCursor":"{}"}}"#, "x".repeat(length - 2)))
    };
    assert!(cursor(CURSOR_LIMIT).is_ok());
    assert!(cursor(CURSOR_LIMIT + 1).is_err_and(|it| it == Fault::CursorTooLong { limit: 16_384 }));
}

#[test]
fn an_empty_string_is_a_cursor_and_null_is_none() {
    let next =
        |cursor: &str| read(0, &format!(r#"{{"nextCursor":{cursor},"tools":[]}}"#)).unwrap().next;
    assert_eq!(next(r#""""#).as_deref(), Some(r#""""#));
    assert_eq!(next(r#""\u0041 b""#).as_deref(), Some(r#""\u0041 b""#));
    assert_eq!(next("null"), None);
    assert_eq!(read(0, r#"{"tools":[]}"#).unwrap().next, None);
}

#[test]
fn pages_are_joined_in_the_order_given() {
    let tool = |name: &str| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#);
    let one = format!(r#"{{"tools":[{}]}}"#, tool("t"));
    let (one, none) = (one.as_str(), r#"{"tools":[]}"#);
    assert_eq!(joined(&[], None, &[]), r#"{"tools":[]}"#);
    assert_eq!(joined(&[(0, none), (1, none)], None, &[]), r#"{"tools":[]}"#);
    assert_eq!(
        joined(&[(1, none), (0, one), (1, none), (1, one)], Some("n\"x"), &[]),
        format!(r#"{{"tools":[{},{}],"nextCursor":"n\"x"}}"#, tool("a__t"), tool("t"))
    );
}

#[test]
fn of_members_that_several_pages_have_the_first_one_stays() {
    let one = r#"{"tools":[],"x":1.0,"_meta":{"m":1e2,"\u006e":0},"nextCursor":"own"}"#;
    let two = r#"{"x":2,"\u0079":"\u0079","_meta":{"n":2,"o":{}},"tools":[]}"#;
    assert_eq!(
        joined(&[(0, one), (1, two)], None, &[]),
        r#"{"tools":[],"x":1.0,"y":"\u0079","_meta":{"m":1e2,"n":0,"o":{}}}"#
    );
    let odd = r#"{"tools":[],"_meta":[1]}"#;
    assert_eq!(joined(&[(0, odd)], None, &[]), r#"{"tools":[]}"#);
}

#[test]
fn what_is_missing_is_said_in_place_of_what_an_upstream_says_of_it() {
    let refused = Fault::Refused { status: 500, said: "no \"answer\"".to_owned() };
    let failed = [UpstreamError::new("c", refused)];
    let page = r#"{"tools":[],"_meta":{"mcp-mux/unavailable":[],"m":1}}"#;
    assert_eq!(
        joined(&[(0, page)], None, &failed),
        r#"{"tools":[],"_meta":{"mcp-mux/unavailable":[{"upstream":"c","reason":"answered HTTP 500: no \"answer\""}],"m":1}}"#
    );
}
