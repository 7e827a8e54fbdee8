use super::*;

#[test]
fn bodies_echo_the_id_and_say_who_failed() {
    let id = Id::from_raw(r#""a-1""#).unwrap();
    let mut error =
        UpstreamError::new("fetch", Fault::Refused { status: 401, said: String::new() });
    error.status = Some(401);
    error.challenge = Some("Bearer realm=\"x\"".into());
    let body = String::from_utf8(Error::Upstream(error.clone()).body(Some(&id))).unwrap();
    assert_eq!(
        body,
        r#"{"jsonrpc":"2.0","id":"a-1","error":{"code":-32603,"message":"Upstream fetch failed: answered HTTP 401","data":{"upstream":"fetch","reason":"answered HTTP 401","status":401,"challenge":"Bearer realm=\"x\""}}}"#
    );
    let both = Error::AllUpstreams(vec![error, UpstreamError::new("b", Fault::StreamEnded)]);
    let body = String::from_utf8(both.body(None)).unwrap();
    assert!(body.starts_with(r#"{"jsonrpc":"2.0","id":null,"#), "{body}");
    assert!(
        body.contains("No upstream answered: fetch: answered HTTP 401; b: its event"),
        "{body}"
    );
    assert!(body.contains(r#""data":{"upstreams":[{"upstream":"fetch""#), "{body}");
}

#[test]
fn a_session_that_is_gone_is_reported_in_the_words_that_agents_wait_for() {
    let id = Id::from_raw("7").unwrap();
    let body = Error::from(ClientError::SessionGone("it is old")).body(Some(&id));
    assert_eq!(
        String::from_utf8(body).unwrap(),
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Session terminated","data":{"reason":"HTTP 404: it is old; send `initialize` without a session id"}}}"#
    );
}

#[test]
fn only_a_session_that_is_gone_is_a_404() {
    assert_eq!(Error::from(ClientError::SessionGone("it is old")).wire(), (404, -32600));
    let unknown = Error::from(ClientError::UnknownMethod("x".into()));
    assert_eq!(unknown.wire(), (200, -32601));
    let modern = Error::from(ClientError::Revision("2026-07-28".into()));
    assert_eq!(modern.wire(), (400, -32000));
    assert!(modern.to_string().ends_with("2025-03-26, 2025-06-18, 2025-11-25)"));
}
