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
