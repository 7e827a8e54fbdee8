//! A request that is held and one that streams are refused for the same, in the same words.

use super::*;
use crate::chance::Chance;
use crate::exchange::request::message::Incoming;
use crate::json::Stream;
use crate::json::stream::{Skipping, Status};
use crate::mcp::fields::CLIENT_REQUEST;
use crate::mcp::jsonrpc::Unreadable;
use crate::mcp::method::Target;

/// The id that is echoed, and why the request is none.
type Outcome = (Option<String>, Option<String>);

fn owned_id(id: Option<&Id<'static>>) -> Option<String> {
    id.map(|id| id.as_raw().to_owned())
}

fn why(checked: Result<(), ClientError>) -> Option<String> {
    checked.err().map(|error| format!("{error:?}"))
}

fn not_json() -> Outcome {
    (None, why(Err(ClientError::NotJson)))
}

/// `None` for one that never streams.
fn held(body: &[u8]) -> Option<Outcome> {
    match Incoming::read(body) {
        Ok(Incoming::Request(request, Ok(row))) => {
            let Target::Owned(owned) = row.target else { return None };
            let checked = request.params.check(owned.key);
            let is_object = !matches!(request.params.of_request(true), Err(ClientError::Params(_)));
            is_object.then(|| (owned_id(Some(&request.id)), why(checked)))
        }
        Ok(_) => None,
        Err(Unreadable::NotJson) => Some(not_json()),
        Err(Unreadable::NotJsonRpc { id, why: text }) => {
            Some((owned_id(id.as_ref()), why(Err(ClientError::NotJsonRpc(text)))))
        }
    }
}

fn streamed(body: &[u8], piece: usize, chance: &mut Chance) -> Outcome {
    let mut seen = RequestValidator::default();
    let (mut stream, mut rest) = (Stream::new(&CLIENT_REQUEST, 1 << 16, Skipping::Strict), body);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(1 + chance.below(piece)));
        let _ = stream.feed(part, &mut seen);
        rest = after;
    }
    match stream.status() {
        Status::Ended(_) => (owned_id(seen.id()), why(seen.finish().map(drop))),
        Status::Open | Status::Malformed => not_json(),
    }
}

const ENVELOPE: [&str; 16] = [
    r#""jsonrpc":"2.0""#,
    r#""jsonrpc":"2.0""#,
    r#""jsonrpc":"1.0""#,
    r#""id":1"#,
    r#""id":"a""#,
    r#""id":1.5"#,
    r#""id":{}"#,
    r#""\u0069d":2"#,
    r#""ID":2"#,
    r#""method":7"#,
    r#""Method":"x""#,
    r#""result":{}"#,
    r#""error":{}"#,
    r#""x":1"#,
    r#""x":[2]"#,
    r#""params":1"#,
];
const PARAMS: [&str; 18] = [
    r#""name":"n""#,
    r#""name":1"#,
    r#""n\u0061me":{}"#,
    r#""NAME":"n""#,
    r#""uri":"a:b""#,
    r#""uri":["a:b"]"#,
    r#""Uri":"a:c""#,
    r#""taskId":"t""#,
    r#""ta\u017fkId":"t""#,
    r#""ref":{"type":"ref/prompt","name":"n"}"#,
    r#""ref":{"type":"ref/prompt","name":"n","name":"m"}"#,
    r#""ref":{"type":"ref/resource","uri":"a:b","URI":"a:c"}"#,
    r#""Ref":{}"#,
    r#""arguments":{"name":"m","name":"n"}"#,
    r#""_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a:1"}}"#,
    r#""_meta":{"x":1,"x":2}"#,
    r#""y":1"#,
    r#""y":2"#,
];
const METHODS: [&str; 5] =
    ["tools/call", "resources/read", "tasks/get", "completion/complete", "prompts/get"];

fn members(chance: &mut Chance, mut members: Vec<String>) -> String {
    for last in (1..members.len()).rev() {
        members.swap(last, chance.below(last + 1));
    }
    format!("{{{}}}", members.join(chance.pick(&[",", " , "])))
}

/// A request with up to a few faults.
fn request(chance: &mut Chance) -> String {
    let some = |chance: &mut Chance, of: &[&str], most: usize| -> Vec<String> {
        (0..chance.below(most)).map(|_| chance.pick(of).to_owned()).collect()
    };
    let params = some(chance, &PARAMS, 5);
    let mut envelope = some(chance, &ENVELOPE, 3);
    envelope.push(format!(r#""params":{}"#, members(chance, params)));
    let method = format!(r#""method":"{}""#, chance.pick(&METHODS));
    for member in [method.as_str(), r#""jsonrpc":"2.0""#, r#""id":7"#] {
        if chance.below(8) != 0 {
            envelope.push(member.to_owned());
        }
    }
    members(chance, envelope)
}

#[test]
fn what_is_held_and_what_streams_is_refused_for_the_same() {
    let mut refused = std::collections::BTreeMap::new();
    let mut valid = 0;
    for seed in 0..20_000 {
        let mut chance = Chance::new(seed);
        let mut body = request(&mut chance).into_bytes();
        if chance.below(10) == 0 {
            let at = chance.below(body.len());
            body[at] = chance.pick(b"{}[]\",: \\x1\xff");
        }
        let Some(outcome) = held(&body) else { continue };
        match &outcome.1 {
            Some(why) => *refused.entry(why.clone()).or_insert(0) += 1,
            None => valid += 1,
        }
        for piece in [1, 7, 10_000] {
            let shown = String::from_utf8_lossy(&body);
            assert_eq!(streamed(&body, piece, &mut chance), outcome, "{shown}");
        }
    }
    assert!(valid > 2000, "{valid}");
    // Each of the envelope's six, each of the params' three, and what is no JSON.
    assert!(refused.len() == 10 && refused.values().all(|count| *count > 20), "{refused:?}");
}
