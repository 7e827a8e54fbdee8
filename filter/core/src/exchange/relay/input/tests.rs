//! What may be asked for, and what goes back.

use super::*;
use std::borrow::Cow;

#[test]
fn only_what_is_declared_is_asked_for() {
    let may = |capabilities: &str, method: &'static str, params: &str| {
        let (key, words) = (String::new(), String::new());
        let (method, params) = (Cow::Borrowed(method), Raw::read(params));
        may_ask(capabilities, &Input { key, method, params, words })
    };
    let url = r#"{"mode":"url"}"#;
    assert!(may(r#"{"elicitation":{}}"#, ELICITATION, "{}"));
    assert!(may(r#"{"elicitation":{"form":{}}}"#, ELICITATION, r#"{"mode":"form"}"#));
    assert!(may(r#"{"elicitation":{"form":{},"url":{}}}"#, ELICITATION, url));
    assert!(!may(r#"{"elicitation":{}}"#, ELICITATION, url));
    assert!(!may(r#"{"elicitation":{"url":{}}}"#, ELICITATION, "{}"));
    assert!(may(r#"{"roots":{}}"#, "roots/list", ""));
    assert!(may(r#"{"sampling":{}}"#, "sampling/createMessage", "{}"));
    for method in [ELICITATION, "roots/list", "sampling/createMessage", "ping", ""] {
        assert!(!may("{}", method, "{}"), "{method}");
    }
}

#[test]
fn what_goes_back_stands_in_the_request_as_it_was() {
    let members = |responses, state| [("inputResponses", responses), ("requestState", state)];
    let body = br#"{"params":{ "name":"t","n":1.0},"id":"x"}"#;
    for (responses, state, expected) in [
        (
            Some("{}"),
            Some("\"s\""),
            r#"{"inputResponses":{},"requestState":"s", "name":"t","n":1.0}"#,
        ),
        (None, Some("\"s\""), r#"{"requestState":"s", "name":"t","n":1.0}"#),
        (Some("{}"), None, r#"{"inputResponses":{}, "name":"t","n":1.0}"#),
    ] {
        let found = with_members(body, 7, members(responses, state)).unwrap();
        let expected = format!(r#"{{"params":{expected},"id":7}}"#);
        assert_eq!(String::from_utf8(found).unwrap(), expected);
    }
    let other = br#"{"id":1,"params":{"requestState":"r","name":"t"}}"#;
    let found = with_members(other, 7, members(None, Some("\"s\""))).unwrap();
    assert_eq!(found, br#"{"id":7,"params":{"requestState":"s","name":"t"}}"#);
    assert_eq!(with_members(br#"{"id":1}"#, 7, members(None, None)), None);
}
