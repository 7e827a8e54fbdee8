use super::*;
use crate::fixture;

fn gateway() -> Gateway {
    fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b"}]}"#)
}

#[test]
fn a_response_reaches_its_owner_with_the_id_it_gave() {
    for (marked, original) in
        [(r#""b:1""#, "1"), (r#""b:\"1\"""#, r#""1""#), (r#""\u0062:-3""#, "-3")]
    {
        for outcome in [r#""result":{"x":[1e2]}"#, r#""error":{"code":-1,"message":"no"}"#] {
            let message = |id: &str| format!(r#"{{ "id":{id},"jsonrpc":"2.0", {outcome}}}"#);
            let (owner, body) = response(&gateway(), message(marked).as_bytes()).unwrap();
            assert_eq!((owner, String::from_utf8(body).unwrap()), (1, message(original)));
        }
    }
}

#[test]
fn what_no_upstream_asked_goes_nowhere() {
    for id in ["1", "null", r#""1""#, r#""c:1""#, r#""a:1.5""#, r#""a:""#, r#""a:null""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        assert_eq!(response(&gateway(), body.as_bytes()), None, "{id}");
    }
    assert_eq!(response(&gateway(), br#"{"jsonrpc":"2.0","id":"a:1","method":"ping"}"#), None);
    for params in ["{}", "[]", r#"{"progressToken":1}"#, r#"{"progressToken":"x"}"#] {
        let params: &RawValue = serde_json::from_str(params).unwrap();
        assert_eq!(progress(&gateway(), b"{}", Some(params)), None);
    }
    assert_eq!(progress(&gateway(), b"{}", None), None);
}

#[test]
fn tasks_lose_their_mark_with_their_owner_alone() {
    let body = |task: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":"a:1","result":{{"_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":"{task}"}}}}}}}}"#
        )
    };
    for (task, expected) in [("a:t:1", "t:1"), ("b:t", "b:t"), ("t", "t")] {
        let (_, rewritten) = response(&gateway(), body(task).as_bytes()).unwrap();
        let expected = body(expected).replace(r#""a:1""#, "1");
        assert_eq!(String::from_utf8(rewritten).unwrap(), expected);
    }
}

#[test]
fn progress_reaches_the_owner_of_the_token() {
    let body = br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":"b:\"x\""}}"#;
    let Ok(Message::Notification { params, .. }) = Message::read(body) else { panic!() };
    let (owner, rewritten) = progress(&gateway(), body, params).unwrap();
    assert_eq!(owner, 1);
    let expected = br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":"x"}}"#;
    assert_eq!(rewritten, expected);
}
