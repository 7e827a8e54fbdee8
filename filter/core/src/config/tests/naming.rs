//! What clients see in place of the upstreams' own names: prefixes, new names, descriptions.

use serde_json::{Value, json};

use super::{compiled, refusal, taken};
use crate::fixture;
use crate::gateway::{Naming, Tools};

#[test]
fn names_carry_prefixes_as_configured() {
    for (written, naming) in
        [("always", Naming::Always), ("on_conflict", Naming::OnConflict), ("never", Naming::Never)]
    {
        let document = json!({"upstreams": [{"name": "a"}], "naming": {"prefix": written}});
        let gateway = taken(&document);
        assert_eq!(gateway.naming, naming);
        assert_eq!(fixture::first(&gateway).joined_prefix, "a__", "URIs need it all the same");
    }
}

#[test]
fn what_stands_before_uris_begins_as_a_scheme_does() {
    let longest = "_".repeat(64);
    for (prefix, scheme) in [
        ("", ""),
        ("everything", "everything+"),
        ("Every_Thing.2", "every-thing.2+"),
        ("a-_-b", "a---b+"),
        ("1", "x-1+"),
        ("_a", "x--a+"),
        (".", "x-.+"),
        (&longest, &format!("x-{}+", "-".repeat(64))),
    ] {
        let upstreams = json!([{"name": "a", "prefix": prefix}]);
        let gateway = taken(&json!({"upstreams": upstreams, "naming": {"separator": ":"}}));
        assert_eq!(fixture::first(&gateway).uri_scheme, scheme, "{prefix}");
    }
}

#[test]
fn prefixes_that_can_be_told_apart_are_taken() {
    for prefix in ["", "xy", "x_x"] {
        let upstreams = json!([{"name": "a", "prefix": "x"}, {"name": "b", "prefix": prefix}]);
        taken(&json!({"upstreams": upstreams}));
    }
}

#[test]
fn tools_are_renamed_and_described_within_bounds() {
    let tools = |field: &str, entries: Vec<(String, String)>| {
        let entries: Value = entries.into_iter().map(|(key, text)| (key, json!(text))).collect();
        let tools = json!({"tools": {field: entries}, "name": "a"});
        json!({"upstreams": [tools]}).to_string()
    };
    let read = |document: &str| -> Tools {
        let gateway = compiled(document.as_bytes()).expect(document);
        Vec::from(gateway.upstreams).remove(0).tools
    };
    let many = |count: usize, text: &str| -> Vec<_> {
        (0..count).map(|n| (format!("t{n}"), format!("{text}{n}"))).collect()
    };
    for field in ["rename", "describe"] {
        let taken = read(&tools(field, many(256, "u")));
        let (shown, told) = (taken.rename.shown("t255"), taken.describes("t255"));
        assert_eq!(if field == "rename" { Some(shown) } else { told }, Some("u255"));
        let message = format!(
            "upstreams[0].tools.{field}: found a larger object, expected an object of at most 256 \
             tools, by the server's names"
        );
        assert_eq!(refusal(&tools(field, many(257, "u"))), message);
        let key = |length: usize| vec![("é".repeat(length / 2), "u".to_owned())];
        read(&tools(field, key(256)));
        let refused = refusal(&tools(field, key(258)));
        assert!(refused.ends_with("...\", expected names of 1 to 256 bytes"), "{refused}");
        assert!(read(&tools(field, Vec::new())).rename.own("t0").is_some());
    }
    let one =
        |field: &str, length: usize| tools(field, vec![("get_x".to_owned(), "a".repeat(length))]);
    assert_eq!(read(&one("rename", 128)).rename.shown("get_x").len(), 128);
    assert_eq!(read(&one("describe", 16384)).describes("get_x").map(str::len), Some(16384));
    for (field, length) in [("rename", 129), ("describe", 16385)] {
        let refused = refusal(&one(field, length));
        let start = format!("upstreams[0].tools.{field}.get_x: found \"aaa");
        assert!(refused.starts_with(&start) && refused.len() < 256, "{refused}");
    }
}

#[test]
fn a_swap_of_names_and_a_tool_that_is_hidden_are_taken() {
    let tools = json!({"rename": {"a": "b", "b": "a", "c": "d"}, "deny": ["c"]});
    let gateway = taken(&json!({"upstreams": [{"name": "a", "tools": tools}]}));
    let tools = &fixture::first(&gateway).tools;
    assert_eq!([tools.rename.shown("a"), tools.rename.shown("b")], ["b", "a"]);
    assert!(!tools.admits("c") && tools.admits("d"), "globs are on the server's own names");
    assert_eq!(tools.rename.own("d"), Some("c"), "hidden or not");
}
