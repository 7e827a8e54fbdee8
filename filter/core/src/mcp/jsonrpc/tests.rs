use super::*;
use crate::json::{Members, encode};

fn why(text: &str) -> (Option<String>, &'static str) {
    match Message::read(text.as_bytes()) {
        Err(Unreadable::NotJsonRpc { id, why }) => (id.map(|id| id.as_raw().to_owned()), why),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn ids_keep_their_text_and_type() {
    for raw in
        ["1", "0", "-7", "9007199254740993", "123456789012345678901234", r#""1""#, r#""é\n""#]
    {
        let body = format!(r#"{{"id": {raw} ,"jsonrpc":"2.0","method":"ping"}}"#);
        match Message::read(body.as_bytes()) {
            Ok(Message::Request { id, .. }) => assert_eq!(id.as_raw(), raw),
            other => panic!("{raw}: {other:?}"),
        }
    }
}

#[test]
fn null_fractions_and_other_types_are_no_ids() {
    for raw in ["null", "1.0", "1e2", "-", "true", "{}", "[1]"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{raw},"method":"ping"}}"#);
        assert!(Message::read(body.as_bytes()).is_err(), "{raw}");
    }
}

#[test]
fn an_id_is_the_same_however_it_is_escaped_but_not_across_types() {
    let id = |raw| Id::from_raw(raw).expect(raw);
    assert!(id(r#""a/b""#).matches(&id(r#""\u0061\/b""#)));
    assert!(id("1").matches(&id("1")));
    assert!(!id("1").matches(&id(r#""1""#)));
    assert!(!id("1").matches(&id("2")));
}

#[test]
fn repeated_members_are_refused_with_the_readable_id() {
    for repeated in [
        r#"{"jsonrpc":"2.0","id":5,"method":"ping","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":5,"method":"ping","params":{},"params":{}}"#,
        r#"{"jsonrpc":"2.0","id":5,"meth\u006fd":"ping","method":"ping"}"#,
    ] {
        assert_eq!(why(repeated), (Some("5".into()), "a member of the envelope is repeated"));
    }
    let (id, _) = why(r#"{"jsonrpc":"2.0","id":5,"id":6,"method":"ping"}"#);
    assert_eq!(id, None, "an ambiguous id is not echoed");
}

#[test]
fn what_is_json_but_no_message_says_what_is_wrong() {
    assert!(why("[]").1.contains("batches"));
    assert!(why(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#).1.contains("batches"));
    assert!(why(r#"["2.0",1,"ping"]"#).1.contains("batches"));
    assert!(why("3").1.contains("JSON object"));
    assert!(why(r#"{"id":"x","method":"ping"}"#).1.contains("jsonrpc"));
    assert!(why(r#"{"jsonrpc":"1.0","id":"x","method":"ping"}"#).1.contains("jsonrpc"));
    assert!(why(r#"{"jsonrpc":"2.0","id":"x"}"#).1.contains("method"));
    assert!(why(r#"{"jsonrpc":"2.0","id":"x","method":7}"#).1.contains("string"));
    assert!(why(r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#).1.contains("either"));
}

#[test]
fn what_is_not_json_is_told_apart() {
    for text in ["", " ", "{", "{}x", "nul", r#"{"a":}"#, "\u{feff}{}", r#"{"jsonrpc":"2.0""#] {
        let read = Message::read(text.as_bytes());
        assert!(matches!(read, Err(Unreadable::NotJson)), "{text:?}: {read:?}");
    }
    assert!(matches!(Message::read(b"{\"a\":\"\xff\"}"), Err(Unreadable::NotJson)));
}

#[test]
fn depth_does_not_matter() {
    let deep = 200_000;
    let params = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
    match Message::read(body.as_bytes()) {
        Ok(Message::Request { params: Some(raw), .. }) => assert_eq!(raw.get(), params),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reading_never_panics_and_a_cut_message_is_never_a_message() {
    let body = r#"{"jsonrpc":"2.0","id":"é","method":"tools/call","params":{"name":"a\"b"}}"#;
    for end in 0..body.len() {
        assert!(Message::read(body.as_bytes().get(..end).unwrap()).is_err(), "{end}");
    }
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut bytes = body.as_bytes().to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(seed >> 33).unwrap() % bytes.len();
            bytes[at] = seed.to_le_bytes()[6];
        }
        let _ = Message::read(&bytes);
        let _ = id_of(&bytes);
    }
}

#[test]
fn members_keep_order_and_bytes_and_refuse_repeated_keys() {
    let raw = Raw::read(r#"{"b":1e2,"a":{ "x" :[]},"\u0063":"é"}"#).unwrap();
    let members = Members::read(raw).unwrap();
    let seen: Vec<_> = members.iter().map(|(key, value)| (key, value.get())).collect();
    assert_eq!(seen, [("b", "1e2"), ("a", r#"{ "x" :[]}"#), ("c", r#""é""#)]);
    let twice = Raw::read(r#"{"a":1,"\u0061":2}"#).unwrap();
    assert!(Members::read(twice).is_none());
}

#[test]
fn strings_decode_and_encode() {
    assert_eq!(decode(r#""\u0065cho""#).as_deref(), Some("echo"));
    assert_eq!(decode(r#""\ud800""#), None, "a lone surrogate is no text");
    assert_eq!(decode("12"), None);
    assert_eq!(decode("\""), None);
    assert_eq!(encode("a\"\n"), r#""a\"\n""#);
}

#[test]
fn members_that_imitate_those_of_the_envelope_are_refused() {
    for imitation in ["PARAMS", "Method", "iD", "paramſ", "par\\u0041ms"] {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{}},"{imitation}":1}}"#);
        assert_eq!(why(&body).1, "a member of the envelope is repeated in other letters");
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"x","param":{},"ids":1,"_meta":2}"#;
    assert!(Message::read(body.as_bytes()).is_ok());
}

#[test]
fn many_members_are_read_in_linear_time_and_still_not_twice() {
    let many: Vec<String> = (0..200_000).map(|it| format!(r#""k{it}":1"#)).collect();
    let read = |text: &str| {
        let raw = Raw::read(text).unwrap();
        Members::read(raw).is_some()
    };
    assert!(read(&format!("{{{}}}", many.join(","))));
    for repeated in ["k0", "k15", "k16", "k17", "k199999"] {
        assert!(!read(&format!(r#"{{{},"{repeated}":2}}"#, many.join(","))), "{repeated}");
    }
}
