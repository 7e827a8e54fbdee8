use super::*;
use crate::chance::Chance;
use crate::fixture;
use crate::json::{decode, encode};

/// Upstreams with these prefixes, named 0, 1, 2.
fn gateway(separator: &str, prefixes: &[&str]) -> Gateway {
    let upstreams: Vec<_> = prefixes
        .iter()
        .enumerate()
        .map(|(index, prefix)| serde_json::json!({"name": index.to_string(), "prefix": prefix}))
        .collect();
    let document = serde_json::json!({
        "upstreams": upstreams, "naming": {"separator": separator},
    });
    fixture::gateway(&document.to_string())
}

#[test]
fn a_name_belongs_to_the_prefix_before_its_first_separator() {
    let gateway = gateway("__", &["a", "a_b", "b.c"]);
    for (name, owned) in [
        ("a__t", Some((0, "t"))),
        ("a__", Some((0, ""))),
        ("a__a_b__t", Some((0, "a_b__t"))),
        ("a____t", Some((0, "__t"))),
        ("a_b__t", Some((1, "t"))),
        ("b.c__é", Some((2, "é"))),
        ("bxc__t", None),
        ("a_t", None),
        ("a", None),
        ("A__t", None),
        ("__t", None),
        ("", None),
    ] {
        let owned = owned.map(|(index, own)| (UpstreamId::at(index), own));
        assert_eq!(owner(&gateway, name), owned, "{name}");
    }
}

#[test]
fn a_known_prefix_wins_over_an_upstream_without_one_wherever_it_stands() {
    for (bare, prefixes) in [(0, ["", "a"]), (1, ["a", ""])] {
        let gateway = gateway(".", &prefixes);
        let [bare, prefixed] = [bare, 1 - bare].map(UpstreamId::at);
        assert_eq!(owner(&gateway, "a.t"), Some((prefixed, "t")));
        assert_eq!(owner(&gateway, "b.t"), Some((bare, "b.t")));
        assert_eq!(owner(&gateway, ""), Some((bare, "")));
        assert!(reaches(&gateway, bare, "t") && reaches(&gateway, bare, "a"));
        assert!(!reaches(&gateway, bare, "a.") && !reaches(&gateway, bare, "a.t"));
        assert!(reaches(&gateway, prefixed, "a.t"), "its prefix comes before it");
        assert!(!reaches(&gateway, UpstreamId::at(2), "t"), "no such upstream");
    }
}

#[test]
fn joining_changes_no_byte_of_the_name() {
    for (raw, expected) in [
        (r#""t""#, r#""a__t""#),
        (r#""""#, r#""a__""#),
        (r#""\u0074\/\ud83e\udd80""#, r#""a__\u0074\/\ud83e\udd80""#),
        (r#""é\"\\""#, r#""a__é\"\\""#),
    ] {
        assert_eq!(join("a__", raw), expected);
        assert_eq!(join("", raw), raw);
    }
}

#[test]
fn what_is_joined_is_owned_by_whom_it_was_joined_for() {
    let mut chance = Chance::new(7);
    let parts = ["a", "b", ".", "_", "__", "a__", "t", "é", "\"", "\\", "\n", "🦀"];
    for prefixes in [&["a", "a_b", ""][..], &["", "b"], &["a.", "a-", "b"]] {
        let gateway = gateway("__", prefixes);
        for _ in 0..2_000 {
            let own: String = (0..chance.below(6)).map(|_| chance.pick(&parts)).collect();
            let index = UpstreamId::at(chance.below(prefixes.len()));
            let prefix = &gateway.upstream(index).joined_prefix;
            let name = join(prefix, &encode(&own));
            let name = decode(&name).unwrap();
            let owned = owner(&gateway, &name);
            assert_eq!(owned == Some((index, own.as_str())), reaches(&gateway, index, &own));
            assert!(prefix.is_empty() || owned == Some((index, own.as_str())), "{name}");
        }
    }
}

#[test]
fn names_that_some_clients_refuse_are_odd() {
    for name in ["", "a b", "é", "a/b", "a.b", &"x".repeat(65)] {
        assert!(look("", name).is_odd, "{name}");
    }
    for name in ["a", "A-b-c_9", &"x".repeat(64)] {
        assert!(!look("", name).is_odd, "{name}");
    }
    let is_odd = |prefix: &str| look(prefix, "x").is_odd;
    assert!(is_odd(&"p".repeat(64)) && is_odd("p.") && !is_odd("p__"));
}

#[test]
fn names_that_clients_fold_to_the_same_look_alike() {
    for (prefix, name, rest) in [
        ("git__", "hub_search", "git_hub_search"),
        ("git-hub__", "search", "git_hub_search"),
        ("", "Git.Hub - SEARCH", "git_hub_search"),
        ("a__", "_x_", "a_x_"),
        ("", "--x", "_x"),
        ("", "é1", "_1"),
        ("", "", ""),
    ] {
        assert_eq!(folded(prefix, name), rest);
        assert_eq!(look(prefix, name).hash, look("", rest).hash);
    }
    assert_ne!(look("", "ab").hash, look("", "a_b").hash);
}
