//! `session.open`: each session opens all upstreams, unless the configuration says otherwise.

use serde_json::json;

use super::*;
use crate::gateway::Opening;

#[test]
fn upstreams_are_opened_in_initialize_unless_it_says_otherwise() {
    let opening =
        |session: Value| taken(&json!({"upstreams": [{"name": "a"}], "session": session})).opening;
    for eager in [json!({}), json!({"open": "eager"}), json!({"ttl": "1h"})] {
        assert_eq!(opening(eager), Opening::Eager);
    }
    assert_eq!(opening(json!({"open": "lazy"})), Opening::Lazy);
    assert_eq!(taken(&json!({"upstreams": [{"name": "a"}]})).opening, Opening::Eager);
    for wrong in [json!("Lazy"), json!(""), json!(true), json!(null), json!(["lazy"])] {
        let document = json!({"upstreams": [{"name": "a"}], "session": {"open": wrong}});
        let error = refusal(&document.to_string());
        let says = r#"expected "eager" or "lazy""#;
        assert!(error.starts_with("session.open: ") && error.contains(says), "{error}");
    }
}
