use super::*;
use crate::fixture;
use crate::gateway::Gateway;

fn gateway() -> Gateway {
    fixture::gateway(r#"{"upstreams":[{"name":"up"},{"name":"other"}]}"#)
}

/// The same with the tags of ids: what stands for one is `<raw>`.
fn marked(text: &str) -> String {
    let gateway = gateway();
    let tags = fixture::origin(&gateway, None, Shape::Opaque).tags;
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (raw, after) = after.split_once('>').unwrap();
        out += before;
        out += &tags.scalar("up", raw);
        rest = after;
    }
    out + rest
}

fn rewrite(shape: Shape, data: &str) -> (bool, String) {
    let gateway = gateway();
    let request = Id::from_raw("7").unwrap();
    let origin = fixture::origin(&gateway, Some(&request), shape);
    let Rewritten { answers, changed, .. } = message(origin, data.as_bytes());
    (answers, changed.map_or(data.to_owned(), |bytes| String::from_utf8(bytes).unwrap()))
}

fn result(shape: Shape, result: &str) -> String {
    let text = |result: &str| format!(r#"{{ "jsonrpc":"2.0","id":7, "result" :{result}}}"#);
    let (answers, out) = rewrite(shape, &text(result));
    assert!(answers);
    let head = text("");
    let inner = out.strip_prefix(head.strip_suffix('}').unwrap()).unwrap();
    inner.strip_suffix('}').unwrap().to_owned()
}

#[test]
fn uris_of_results_get_their_prefix_and_nothing_else_moves() {
    for (shape, before, after) in [
        (
            Shape::Tool,
            r#"{"content":[{"uri":"a:\/1","type":"resource_link","n":1e2},{"type":"resource","resource":{"text":"a:1","uri":"ui://x"}},{"type":"text","uri":"a:2","text":"a:1"}],"structuredContent":{"content":[{"type":"resource_link","uri":"a:1"}]}}"#,
            r#"{"content":[{"uri":"up+a:\/1","type":"resource_link","n":1e2},{"type":"resource","resource":{"text":"a:1","uri":"ui://up/x"}},{"type":"text","uri":"a:2","text":"a:1"}],"structuredContent":{"content":[{"type":"resource_link","uri":"a:1"}]}}"#,
        ),
        (
            Shape::Prompt,
            r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a:1"}}},{"content":[{"type":"resource_link","uri":"a:2"}]}],"contents":[{"uri":"a:3"}]}"#,
            r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"up+a:1"}}},{"content":[{"type":"resource_link","uri":"up+a:2"}]}],"contents":[{"uri":"a:3"}]}"#,
        ),
        (
            Shape::Contents,
            r#"{"contents":[{"uri":"a:1","blob":"AA"},{"uri":"b:{x}","text":"a:1"}],"content":[{"type":"resource_link","uri":"a:1"}]}"#,
            r#"{"contents":[{"uri":"up+a:1","blob":"AA"},{"uri":"up+b:{x}","text":"a:1"}],"content":[{"type":"resource_link","uri":"a:1"}]}"#,
        ),
        (
            Shape::Tool,
            r#"{"task":{"taskId":"t\u0031","status":"working"},"taskId":"x","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"},"ui":{"resourceUri":"ui://v"},"ui/resourceUri":"ui://v","openai/outputTemplate":"ui://w"}}"#,
            r#"{"task":{"taskId":"up:t\u0031","status":"working"},"taskId":"x","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"up:t"},"ui":{"resourceUri":"ui://up/v"},"ui/resourceUri":"ui://up/v","openai/outputTemplate":"ui://up/w"}}"#,
        ),
        (Shape::Task, r#"{"taskId":"t","content":[]}"#, r#"{"taskId":"up:t","content":[]}"#),
        (
            Shape::Opaque,
            r#"{"content":[{"type":"resource_link","uri":"a:1"}],"completion":{"values":["a:1"]}}"#,
            r#"{"content":[{"type":"resource_link","uri":"a:1"}],"completion":{"values":["a:1"]}}"#,
        ),
    ] {
        assert_eq!(result(shape, before), after);
    }
}

#[test]
fn what_is_not_what_it_should_be_passes_as_it_is() {
    for before in [
        "[]",
        "1",
        "null",
        r#"{"content":1}"#,
        r#"{"content":[[],1,null,"x",{}]}"#,
        r#"{"content":[{"type":"resource_link","uri":1}]}"#,
        r#"{"content":[{"type":"resource_link","uri":"\ud800"}]}"#,
        r#"{"content":[{"type":"resource","resource":"a:1"}]}"#,
        r#"{"_meta":[],"task":[],"content":{}}"#,
    ] {
        assert_eq!(result(Shape::Tool, before), before);
    }
    for data in ["", "{", "[]", "[1]", "not JSON", r#"{"jsonrpc":"1.0","id":7,"result":{}}"#] {
        assert_eq!(rewrite(Shape::Tool, data), (false, data.to_owned()));
    }
}

#[test]
fn errors_name_their_uri_where_the_request_was_about_one() {
    let error = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32002,"message":"no a:1","data":{"uri":"a:1"}}}"#;
    let named = error.replace(r#""uri":"a:1""#, r#""uri":"up+a:1""#);
    assert_eq!(rewrite(Shape::Contents, error), (true, named));
    assert_eq!(rewrite(Shape::Tool, error), (true, error.to_owned()));
    let other = error.replace(":7,", r#":"7","#);
    assert!(!rewrite(Shape::Contents, &other).0);
}

#[test]
fn requests_of_the_upstream_are_marked() {
    for (before, after) in [
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":<7>,"method":"ping"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"roots/list","id":"x\"y","params":{"_meta":{"progressToken":7}}}"#,
            r#"{"jsonrpc":"2.0","method":"roots/list","id":<"x\"y">,"params":{"_meta":{"progressToken":<7>}}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":0,"method":"sampling/createMessage","params":{"includeContext":"allServers","tools":[{"name":"t","uri":"a:1"}],"messages":[{"role":"user","content":{"type":"text","text":"a:1"}},{"content":[{"type":"tool_result","toolUseId":"1","content":[{"type":"resource_link","uri":"a:1"}]}]}]}}"#,
            r#"{"jsonrpc":"2.0","id":<0>,"method":"sampling/createMessage","params":{"includeContext":"none","tools":[{"name":"t","uri":"a:1"}],"messages":[{"role":"user","content":{"type":"text","text":"a:1"}},{"content":[{"type":"tool_result","toolUseId":"1","content":[{"type":"resource_link","uri":"up+a:1"}]}]}]}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"elicitationId":"e","message":"m","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}}"#,
            r#"{"jsonrpc":"2.0","id":<1>,"method":"elicitation/create","params":{"elicitationId":"e","message":"m","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"up:t"}}}}"#,
        ),
    ] {
        assert_eq!(rewrite(Shape::Tool, before), (false, marked(after)));
    }
}

#[test]
fn notifications_name_what_is_the_upstreams() {
    for (before, after) in [
        (r#"/cancelled","params":{"requestId":1}}"#, r#"/cancelled","params":{"requestId":<1>}}"#),
        (
            r#"/resources/updated","params":{"uri":"a:1"}}"#,
            r#"/resources/updated","params":{"uri":"up+a:1"}}"#,
        ),
        (
            r#"/tasks/status","params":{"taskId":"t"}}"#,
            r#"/tasks/status","params":{"taskId":"up:t"}}"#,
        ),
        // The client's own token, and words.
        (
            r#"/progress","params":{"progressToken":1,"progress":1,"message":"a:1"}}"#,
            r#"/progress","params":{"progressToken":1,"progress":1,"message":"a:1"}}"#,
        ),
        (
            r#"/message","params":{"data":{"uri":"a:1"}}}"#,
            r#"/message","params":{"data":{"uri":"a:1"}}}"#,
        ),
    ] {
        let head = r#"{"jsonrpc":"2.0","method":"notifications"#;
        let out = rewrite(Shape::Tool, &format!("{head}{before}"));
        assert_eq!(out, (false, marked(&format!("{head}{after}"))));
    }
}

#[test]
fn without_a_prefix_only_marks_are_added() {
    let gateway = fixture::gateway(r#"{"upstreams":[{"name":"up","prefix":""}]}"#);
    let origin = fixture::origin(&gateway, None, Shape::Contents);
    let data = br#"{"jsonrpc":"2.0","id":7,"result":{"contents":[{"uri":"a:1"}]}}"#;
    assert_eq!(message(origin, data), Rewritten { mismatched: true, ..Rewritten::default() });
    let data = br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    assert!(message(origin, data).changed.is_some());
}

#[test]
fn each_message_of_a_batch_is_rewritten() {
    let batch = r#" [{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","id":7,"result":{"taskId":"t"}}]"#;
    let expected = r#" [{"jsonrpc":"2.0","id":<1>,"method":"ping"}, {"jsonrpc":"2.0","id":7,"result":{"taskId":"up:t"}}]"#;
    assert_eq!(rewrite(Shape::Task, batch), (true, marked(expected)));
}

#[test]
fn what_some_readers_take_for_an_answer_to_another_request_strays() {
    let gateway = fixture::gateway(r#"{"upstreams":[{"name":"up"}]}"#);
    let request = Id::from_raw("7").unwrap();
    let origin = fixture::origin(&gateway, Some(&request), Shape::Tool);
    let good = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
    for (text, answers, mismatched) in [
        (good.to_owned(), true, false),
        (r#"{"jsonrpc":"2.0","id":7,"id":8,"result":{}}"#.into(), false, true),
        (r#"{"jsonrpc":"2.0","id":7,"\u0069d":8,"error":{}}"#.into(), false, true),
        (r#"{"jsonrpc":"2.0","id":7,"ID":8,"result":{}}"#.into(), false, true),
        (r#"{"jsonrpc":"2.0","id":8,"Result":{},"Jsonrpc":"2.0"}"#.into(), false, true),
        (r#"{"jsonrpc":"2.0","id":8,"method":"x","result":{}}"#.into(), false, true),
        (r#"{"jsonrpc":"2.0","id":8,"id":8,"method":"x"}"#.into(), false, false),
        (r#"{"id":8}"#.into(), false, false),
        ("x".into(), false, false),
        (format!("[{good}]"), true, false),
        (format!("[{good},{}]", good.replace('7', "8")), true, true),
    ] {
        let out = message(origin, text.as_bytes());
        assert_eq!(
            (out.answers, out.mismatched, out.changed),
            (answers, mismatched, None),
            "{text}"
        );
    }
}
