//! `catalog`: off unless it has a `ttl`, and then for each session alone unless it says otherwise.

use serde_json::json;

use super::*;

#[test]
fn lists_are_served_again_only_where_the_configuration_says_for_how_long() {
    let catalog =
        |catalog: Value| taken(&json!({"upstreams": [{"name": "a"}], "catalog": catalog})).catalog;
    for off in [json!({}), json!({"ttl": "0s"}), json!({"ttl": "0s", "scope": "public"})] {
        assert_eq!(catalog(off), None);
    }
    assert_eq!(catalog(json!({"scope": "public"})), None);
    for (ttl, seconds) in [("1s", 1), ("24h", 86_400), ("1.5m", 90)] {
        let ttl = json!({ "ttl": ttl });
        let expected = Catalog { ttl: Duration::from_secs(seconds), scope: CacheScope::Session };
        assert_eq!(catalog(ttl), Some(expected));
    }
    assert_eq!(taken(&json!({"upstreams": [{"name": "a"}]})).catalog, None);
}

#[test]
fn a_page_has_a_thousand_items_of_four_mebibytes_unless_it_says_otherwise() {
    let page =
        |page: Value| taken(&json!({"upstreams": [{"name": "a"}], "catalog": {"page": page}})).page;
    let usual = PageBound { items: 1000, bytes: 4 << 20 };
    assert_eq!(taken(&json!({"upstreams": [{"name": "a"}]})).page, usual);
    assert_eq!(page(json!({})), usual);
    assert_eq!(page(json!({"items": 1})), PageBound { items: 1, ..usual });
    assert_eq!(page(json!({"bytes": "64KiB"})), PageBound { bytes: 65_536, ..usual });
    let both = json!({"items": 100_000, "bytes": 1024});
    assert_eq!(page(both), PageBound { items: 100_000, bytes: 1024 });
}

#[test]
fn a_page_without_items_and_other_nonsense_is_refused() {
    for (page, path, words) in [
        (json!({"items": 0}), "catalog.page.items", "at least 1 and at most 100000"),
        (json!({"items": 100_001}), "catalog.page.items", "at most 100000"),
        (json!({"items": 1.5}), "catalog.page.items", "a whole number"),
        (json!({"items": "10"}), "catalog.page.items", "a whole number"),
        (json!({"bytes": 10}), "catalog.page.bytes", "at least 1KiB"),
        (json!({"pages": 1}), "catalog.page", "items"),
        (json!(1000), "catalog.page", "an object with items, bytes or both"),
    ] {
        let document = json!({"upstreams": [{"name": "a"}], "catalog": {"page": page}});
        let error = refusal(&document.to_string());
        assert!(error.contains(path) && error.contains(words), "{page}: {error}");
    }
}
