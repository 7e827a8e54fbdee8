//! Whole exchanges of the gateway: what clients send, and what upstreams answer, is the input's.
//!
//! The host of the simulated world holds each to one way out. Beside it are two models: the same exchange whose
//! bytes come at once, and a naive reader of names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::naive::{UPS, owner};
use crate::world::{
    Chance, EVERYTHING, Got, INITIALIZE, Request, Response, Server, Way, World, raw_member,
};

/// Requests about everything that there is.
const ASKED: [(&str, &str); 16] = [
    ("tools/call", r#"{"name":"a__t","arguments":{"x":1}}"#),
    ("tools/call", r#"{"name":"t","task":{}}"#),
    ("tools/list", "{}"),
    ("prompts/list", "{}"),
    ("prompts/get", r#"{"name":"B_1__t"}"#),
    ("resources/list", "{}"),
    ("resources/templates/list", "{}"),
    ("resources/read", r#"{"uri":"a+x:y"}"#),
    ("resources/subscribe", r#"{"uri":"b-1+x:y"}"#),
    ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"a__t"},"argument":{}}"#),
    ("logging/setLevel", r#"{"level":"info"}"#),
    ("tasks/list", "{}"),
    ("tasks/result", r#"{"taskId":"b:1"}"#),
    ("ping", "{}"),
    ("initialize", INITIALIZE),
    ("server/discover", "{}"),
];

const STATUSES: [u16; 8] = [200, 202, 204, 400, 404, 405, 500, 503];
const KINDS: [&str; 4] =
    ["application/json", "text/event-stream", "text/html", "application/json; charset=utf-8"];

/// What an upstream says instead of what its server would.
type Said = Rc<RefCell<BTreeMap<String, Response>>>;

/// What came of a request.
#[derive(Debug, PartialEq)]
struct Outcome {
    way: Way,
    status: u16,
    kind: Option<String>,
    body: Vec<u8>,
    went: Option<(String, Vec<u8>)>,
}

/// The first byte is a seed, the second says what the world is like. Steps follow, parted by zero bytes: what
/// happens, and what is said.
pub fn exchange(input: &[u8]) {
    let [seed, kind, steps @ ..] = input else { return };
    let cut = run(Some(*seed), *kind, steps);
    assert_eq!(run(None, *kind, steps), cut, "at once");
}

/// Runs all steps; with a seed, bodies come in pieces and answers in any order.
fn run(seed: Option<u8>, kind: u8, steps: &[u8]) -> Vec<Outcome> {
    let ups: Vec<Value> =
        UPS.iter().map(|(name, prefix)| json!({"name": name, "prefix": prefix})).collect();
    let mut world = World::new(&json!({ "upstreams": ups, "listen": "b" }));
    let said = Said::default();
    for (at, (name, _)) in UPS.iter().enumerate() {
        let mut server = Server::new(name).tools(&["t"]);
        if kind & 1 == 1 {
            server = server.capabilities(EVERYTHING);
        }
        if kind & 2 << at != 0 {
            server = server.stateless();
        }
        let said = said.clone();
        world.script(name, move |seen| match said.borrow().get(*name) {
            Some(response) => response.clone().says(),
            None => server.answer(seen),
        });
    }
    world.chance = Chance::new(seed.map_or(0, u64::from));
    world.at_once = seed.is_none();
    let session = world.begin();
    let mut outcomes = Vec::new();
    for step in steps.split(|byte| *byte == 0).take(8) {
        let [what, text @ ..] = step else { continue };
        if what & 0x80 != 0 {
            say(&said, *what, text);
            continue;
        }
        let request = request(*what, text, &session);
        world.seen.clear();
        let got = world.send(&request);
        hold(&request, &got);
        let went = got.went.as_ref().map(|seen| (seen.cluster.clone(), seen.body.clone()));
        let kind = got.header("content-type").map(|kind| essence(&kind).to_owned());
        let body = said_of(got.body);
        outcomes.push(Outcome { way: got.way, status: got.status, kind, body, went });
        if what & 0x40 != 0 {
            world.change_worker();
        }
    }
    outcomes
}

fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

/// What a client is answered. Of an upstream's answer that is none, the reason depends on what came first: an answer
/// without a body may end with its head, or later.
fn said_of(mut body: Vec<u8>) -> Vec<u8> {
    const FAILED: &[u8] = br#""error":{"code":-32603,"#;
    if let Some(at) = body.windows(FAILED.len()).position(|text| text == FAILED) {
        body.truncate(at + FAILED.len());
    }
    body
}

/// Has an upstream say this from now on; with nothing to say, what its server says.
fn say(said: &Said, what: u8, text: &[u8]) {
    let (name, _) = UPS[usize::from(what & 3) % UPS.len()];
    let [status, body @ ..] = text else {
        said.borrow_mut().remove(name);
        return;
    };
    let kind = KINDS[usize::from(what >> 2 & 3)];
    let response = Response::new(STATUSES[usize::from(status & 7)], kind, body.to_vec());
    said.borrow_mut().insert(name.to_owned(), response);
}

/// A request: about something, with these params if there are any; or any body; or another method.
fn request(what: u8, text: &[u8], session: &str) -> Request {
    let request = match what & 0x30 {
        0 => {
            let (method, params) = ASKED[usize::from(what & 15)];
            let text = std::str::from_utf8(text).ok().filter(|it| !it.is_empty());
            Request::rpc(method, text.unwrap_or(params))
        }
        0x10 => return Request::post(text),
        0x20 if what & 1 == 0 => Request::get().with("last-event-id", text),
        0x20 => Request::delete(),
        _ => Request::post(text),
    };
    request.within(session)
}

/// What holds for every answer.
fn hold(request: &Request, got: &Got) {
    let sent = serde_json::from_slice::<Value>(&request.body).ok();
    if got.way == Way::Replied && !got.body.is_empty() {
        assert!(got.body.starts_with(br#"{"jsonrpc":"2.0","#), "{}", got.text());
        serde_json::from_slice::<&RawValue>(&got.body).expect("JSON");
        let id = raw_member(&got.body, "id").and_then(|id| serde_json::from_str::<Value>(&id).ok());
        let asked = sent.as_ref().and_then(|sent| sent.get("id"));
        assert!(id == Some(Value::Null) || id.as_ref() == asked, "another id: {}", got.text());
    }
    assert!((100..600).contains(&got.status), "{}", got.status);
    let (Some(went), Some(sent)) = (&got.went, sent) else { return };
    if !matches!(sent["method"].as_str(), Some("tools/call" | "prompts/get")) {
        return;
    }
    // It goes to whom it names, and says there what it said here, but for that name.
    let Some(name) = sent["params"]["name"].as_str() else {
        panic!("a call without a name went on")
    };
    let (cluster, own) = owner(name);
    assert_eq!(went.cluster, cluster, "{name}");
    let mut expected = sent.clone();
    expected["params"]["name"] = own.into();
    let mut found: Value = serde_json::from_slice(&went.body).expect("JSON");
    // What only one of the eras says.
    for message in [&mut found, &mut expected] {
        if let Some(params) = message["params"].as_object_mut() {
            params.remove("_meta");
        }
    }
    assert_eq!(found, expected, "what the owner gets");
}
