//! The tasks extension of the stateless era (SEP-2663) between stateless parties: each task is its owner's and
//! its caller's, and nobody else is told of any.

mod hidden;
mod life;
mod listen;

use serde_json::{Value, json};

use crate::world::stateless::ENVELOPE;
use crate::world::{
    Answer, Got, RELATED_TASK, Request, Response, Seen, Server, World, config, raw_member,
};

/// The key of the extension.
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// What an upstream that has the extension says that it can do.
const ABLE: &str = r#"{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

/// The methods of the extension.
const METHODS: [&str; 3] = ["tasks/get", "tasks/update", "tasks/cancel"];

const NOTHING: &str = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
const DECLARED: &str = r#""io.modelcontextprotocol/clientCapabilities":{"extensions":{"x/y":{},"io.modelcontextprotocol/tasks":{"z":1.0}}}"#;

/// A request of a client that declares the extension.
fn declaring(method: &str, params: &str, name: Option<&str>) -> Request {
    let request = Request::stateless(method, params, name);
    let body = String::from_utf8(request.body.clone()).expect("text");
    assert!(ENVELOPE.contains(NOTHING));
    let body = body.replace(NOTHING, DECLARED).into_bytes();
    let length = body.len().to_string();
    Request { body, ..request }.with("content-length", length)
}

/// The same about a task with this raw id.
fn about(method: &str, task: &str) -> Request {
    let text: String = serde_json::from_str(task).expect("a text");
    let params = format!(r#""taskId":{task},"inputResponses":{{"q":{{"x":1.0}}}}"#);
    declaring(method, &params, Some(&in_head(&text)))
}

/// A text as it stands in `Mcp-Name`.
fn in_head(text: &str) -> String {
    use base64::Engine as _;
    let plain = !text.is_empty()
        && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && text.trim() == text;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if plain { text.to_owned() } else { format!("=?base64?{encoded}?=") }
}

fn call(world: &mut World, name: &str) -> Got {
    world.send(&declaring("tools/call", &format!(r#""name":"{name}""#), Some(name)))
}

/// Upstreams of the stateless era that have the extension, of which callers are told by `x-user`.
fn world(names: &[&str]) -> World {
    let mut plan = config(names);
    for upstream in 0..names.len() {
        plan["upstreams"][upstream]["headers"] = json!({"forward": ["x-user"]});
    }
    let mut world = World::new(&plan);
    for name in names {
        world.serve(name, Server::new(name).capabilities(ABLE).stateless());
        serve(&mut world, name, r#""1""#);
    }
    world
}

/// Every call at this upstream becomes a task of this raw id.
fn serve(world: &mut World, name: &str, task: &str) {
    let task = task.to_owned();
    world.script_method(name, "tools/call", move |seen| {
        answer(seen, &format!(r#""resultType":"task","taskId":{task},"status":"working""#))
    });
    for method in METHODS {
        world.script_method(name, method, |seen| {
            let task = raw_member(&params(seen), "taskId").expect("a task");
            answer(seen, &format!(r#""resultType":"complete","taskId":{task}"#))
        });
    }
}

fn params(seen: &Seen) -> Vec<u8> {
    raw_member(&seen.body, "params").expect("params").into_bytes()
}

/// A result with these members.
fn answer(seen: &Seen, members: &str) -> Answer {
    let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{{members}}}}}"#, seen.id());
    Response::new(200, "application/json", body).says()
}

/// The raw id of the task that a result is.
fn task_of(got: &Got) -> String {
    let result = raw_member(&got.body, "result").unwrap_or_else(|| panic!("{}", got.text()));
    raw_member(result.as_bytes(), "taskId").unwrap_or_else(|| panic!("{}", got.text()))
}

/// What the gateway has in the eyes of this client.
fn capabilities(world: &mut World, declares: bool) -> Value {
    let asks = if declares { declaring } else { Request::stateless };
    let got = world.send(&asks("server/discover", "", None));
    got.json()["result"]["capabilities"].clone()
}
