//! `caller` and `rules`.

use serde_json::{Value, json};

use super::*;
use crate::gateway::{CallerSource, Claims, When};

fn caller(fields: &Value) -> Option<CallerSource> {
    taken(&json!({"upstreams": [{"name": "a"}], "caller": fields})).caller
}

#[test]
fn a_caller_is_in_a_header_or_a_claim() {
    let header = CallerSource::Header("x-user".to_owned());
    assert_eq!(caller(&json!({"header": "X-User"})), Some(header));
    let claim = |path: &[&str], claims| {
        let path = path.iter().map(|it| (*it).to_owned()).collect();
        Some(CallerSource::Claim { path, claims })
    };
    let metadata = |name: &str| Claims::Metadata(name.to_owned());
    assert_eq!(caller(&json!({"claim": "sub"})), claim(&["sub"], metadata("jwt_payload")));
    assert_eq!(
        caller(&json!({"claim": ["a.b", "c"], "metadata": "m"})),
        claim(&["a.b", "c"], metadata("m"))
    );
    assert_eq!(
        caller(&json!({"claim": "sub", "payload_header": "X-P"})),
        claim(&["sub"], Claims::Header("x-p".to_owned()))
    );
}

#[test]
fn a_host_that_cannot_read_metadata_says_what_to_do() {
    let process_key = || Ok(Key::new([1; 32]));
    let compiled = |caller: Value| {
        let surroundings = Environment {
            variable: &variable,
            process_key: &process_key,
            streams: true,
            claims: false,
            bridges: true,
        };
        let document = json!({"upstreams": [{"name": "a"}], "caller": caller}).to_string();
        compile(document.as_bytes(), surroundings)
    };
    for caller in [json!({"claim": "sub"}), json!({"claim": "sub", "metadata": "m"})] {
        assert_eq!(
            compiled(caller).expect_err("refused").to_string(),
            "caller.payload_header: found nothing, while Envoy does not let the native host read claims in \
             metadata, expected a header: payload_header: x-jwt-payload here, and \
             forward_payload_header: x-jwt-payload in the provider of jwt_authn"
        );
    }
    assert!(compiled(json!({"claim": "sub", "payload_header": "x-p"})).is_ok());
}

#[test]
fn rules_arrive_in_their_order() {
    let gateway = taken(&json!({
        "upstreams": [{"name": "a"}],
        "caller": {"claim": "sub"},
        "rules": [
            {"when": {"claim": "groups", "has": "admins"}, "tools": {}},
            {"when": {"header": "X-Team", "has": "b"}, "prompts": {"allow": ["p*"]}},
            {"when": {"caller": ["a*"]}, "resources": {"deny": ["x:*"]}},
            {},
        ],
    }));
    let rules = gateway.rules.expect("rules");
    let [claim, header, caller, always] = rules.as_slice() else { panic!("{rules:?}") };
    assert!(
        matches!(&claim.when, When::Claim { path, has } if path == &["groups"] && has == "admins")
    );
    assert!(claim.tools.as_ref().is_some_and(|globs| globs.admits("x")) && claim.prompts.is_none());
    assert!(matches!(&header.when, When::Header { name, has } if name == "x-team" && has == "b"));
    assert!(header.prompts.as_ref().is_some_and(|globs| globs.admits("p") && !globs.admits("x")));
    assert!(matches!(&caller.when, When::Caller(globs) if globs.admits("ann")));
    assert!(caller.resources.as_ref().is_some_and(|globs| !globs.admits_uri("x:1")));
    assert!(matches!(always.when, When::Always) && always.tools.is_none());
}
