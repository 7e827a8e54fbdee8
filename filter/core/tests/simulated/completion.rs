//! `completion/complete`: whose a prompt or a template is.

use serde_json::json;

use crate::ownership::message;
use crate::world::{EVERYTHING, Request, Server, World, config, raw_member};

#[test]
fn completion_finds_prompts_and_templates_and_refuses_anything_else() {
    let mut world = World::new(&config(&["a", "b"]));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING));
    }
    let session = world.open();
    let complete = |reference: &str| {
        let params = format!(r#"{{"argument":{{"name":"n","value":"ref"}},"ref":{reference}}}"#);
        Request::rpc("completion/complete", &params).within(&session)
    };
    let got = world.send(&complete(r#"{"x":1.0,"name":"b__p","type":"ref/prompt"}"#));
    let went = got.went.as_ref().expect("a request");
    let reference = raw_member(went.body.as_slice(), "params").expect("params");
    assert!(reference.ends_with(r#""ref":{"x":1.0,"name":"p","type":"ref/prompt"}}"#));
    assert_eq!(message(&got)["result"]["completion"]["values"], json!(["b"]));
    let got = world.send(&complete(r#"{"uri":"a+x:{y}","type":"ref/r\u0065source"}"#));
    assert_eq!(got.went.as_ref().expect("a request").params()["ref"]["uri"], "x:{y}");
    assert_eq!(message(&got)["result"]["completion"]["values"], json!(["a"]));
    world.seen.clear();
    for reference in [
        "null",
        "1",
        "[]",
        "{}",
        r#"{"type":"ref/prompt"}"#,
        r#"{"type":"ref/prompt","name":1}"#,
        r#"{"type":"ref/prompt","name":"p"}"#,
        r#"{"type":"ref/prompt","name":"c__p"}"#,
        r#"{"type":"ref/prompt","uri":"a+x:"}"#,
        r#"{"type":"ref/resource","name":"a__p"}"#,
        r#"{"type":"ref/resource","uri":"x:"}"#,
        r#"{"type":"ref/tool","name":"a__p"}"#,
        r#"{"name":"a__p"}"#,
        r#"{"type":"ref/prompt","name":"a__p","name":"b__p"}"#,
    ] {
        let got = world.send(&complete(reference));
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{reference}");
    }
    for reference in [
        r#"{"type":"ref/prompt","name":"a__p","Name":"b__p"}"#,
        r#"{"type":"ref/prompt","TYPE":"x"}"#,
    ] {
        assert_eq!(world.send(&complete(reference)).refusal(), (400, -32600, json!(1)));
    }
    let got =
        world.send(&Request::rpc("completion/complete", r#"{"argument":{}}"#).within(&session));
    assert_eq!(got.refusal(), (200, -32602, json!(1)));
    let twice = r#"{"ref":{"type":"ref/prompt","name":"a__p"},"REF":{}}"#;
    let got = world.send(&Request::rpc("completion/complete", twice).within(&session));
    assert!(got.json().get("error").is_some());
    assert!(world.seen.is_empty());
}
