use super::*;
use crate::fixture;

const SESSION: ScopeTag = ScopeTag::NONE;

fn gateway() -> Gateway {
    fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b"}]}"#)
}

fn marked(gateway: &Gateway, owner: &str, raw: &str) -> String {
    OwnerTags { keys: &gateway.keys, scope: SESSION }.scalar(owner, raw)
}

#[test]
fn a_response_reaches_its_owner_with_the_id_it_gave() {
    let gateway = gateway();
    for original in ["1", r#""1""#, "-3"] {
        let escaped = marked(&gateway, "b", original).replacen('b', r"\u0062", 1);
        for outcome in [r#""result":{"x":[1e2]}"#, r#""error":{"code":-1,"message":"no"}"#] {
            let message = |id: &str| format!(r#"{{ "id":{id},"jsonrpc":"2.0", {outcome}}}"#);
            let (owner, body) = response(&gateway, SESSION, message(&escaped).as_bytes()).unwrap();
            assert_eq!(
                (owner, String::from_utf8(body).unwrap()),
                (UpstreamId::at(1), message(original))
            );
        }
    }
}

#[test]
fn what_no_upstream_asked_goes_nowhere() {
    let gateway = gateway();
    for id in ["1", "null", r#""1""#, r#""a:1""#, r#""a:AAAAAAAA:1""#, r#""c:1""#, r#""a:""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        assert_eq!(response(&gateway, SESSION, body.as_bytes()), None, "{id}");
    }
    let id = marked(&gateway, "a", "1");
    let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    assert_eq!(response(&gateway, SESSION, request.as_bytes()), None);
    for params in ["{}", "[]", r#"{"progressToken":1}"#, r#"{"progressToken":"a:1"}"#] {
        let params = Raw::read(params).unwrap();
        assert_eq!(progress(&gateway, SESSION, b"{}", Some(params)), None);
    }
    assert_eq!(progress(&gateway, SESSION, b"{}", None), None);
}

#[test]
fn tasks_lose_their_mark_with_their_owner_alone() {
    let gateway = gateway();
    let id = marked(&gateway, "a", "1");
    let body = |task: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":"{task}"}}}}}}}}"#
        )
    };
    for (task, expected) in [("a:t:1", "t:1"), ("b:t", "b:t"), ("t", "t")] {
        let (_, rewritten) = response(&gateway, SESSION, body(task).as_bytes()).unwrap();
        let expected = body(expected).replace(&id, "1");
        assert_eq!(String::from_utf8(rewritten).unwrap(), expected);
    }
}

#[test]
fn progress_reaches_the_owner_of_the_token() {
    let gateway = gateway();
    let body = |token: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.0,"progressToken":{token}}}}}"#
        )
    };
    let told = body(&marked(&gateway, "b", r#""x""#));
    let Ok(Message::Notification { params, .. }) = Message::read(told.as_bytes()) else { panic!() };
    let (owner, rewritten) = progress(&gateway, SESSION, told.as_bytes(), params).unwrap();
    assert_eq!((owner, String::from_utf8(rewritten).unwrap()), (UpstreamId::at(1), body(r#""x""#)));
}
