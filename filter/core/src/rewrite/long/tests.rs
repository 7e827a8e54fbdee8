use super::*;
use crate::chance::Chance;
use crate::era::Era;
use crate::fixture::origin;
use crate::mcp::incomplete;
use crate::rewrite::dialect::Dialect;
use crate::rewrite::tests::{gateway, streamed, whole};

/// Responses of all shapes; each URI and task is named in all the places that count, and in others.
const RESULTS: [(Shape, &str); 6] = [
    (
        Shape::Tool,
        r#"{"content":[{"type":"text","text":"{\"uri\":\"x\"}","uri":"no:1"},
        {"type":"resource_link","uri":"demo:\/\/1","name":"x"},{"uri":"demo://2","type":"resource_link"},
        {"resource":{"blob":"eA==","uri":"demo://3"},"type":"resource"},{"uri":"no:2"},
        {"type":"resource","uri":"no:3","resource":{"uri":"ui:\/\/x"}},{"\u0075ri":"demo://4",
        "\u0074ype":"resource\u005flink"}],"structuredContent":{"uri":"no:4","content":[{"type":
        "resource_link","uri":"no:5"}]},"_meta":{"ui":{"resourceUri":"ui://y"},"ui/resourceUri":"z:",
        "io.modelcontextprotocol/related-task":{"taskId":"t"}},"task":{"taskId":"t1","uri":"no:6"}}"#,
    ),
    (Shape::Tool, r#"{"content":{"type":"resource_link","uri":"demo://1"},"isError":true}"#),
    (
        Shape::Prompt,
        r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"d:1"}}},
        {"content":[{"type":"resource_link","uri":"d:2"}]}],"description":"d"}"#,
    ),
    (Shape::Contents, r#"{"contents":[{"uri":"d:1","text":"x"},{"text":"y","uri":"d:2"}]}"#),
    (Shape::Task, r#"{"taskId":"t","status":"working","_meta":{"taskId":"no"}}"#),
    (Shape::Opaque, r#"{"contents":[{"uri":"no:1"}],"taskId":"no","content":[]}"#),
];

#[test]
fn it_changes_what_is_changed_in_a_response_that_is_held() {
    let (gateway, request) = (gateway(), Id::from_raw("7").unwrap());
    let mut chance = Chance::new(21);
    for (shape, result) in RESULTS {
        for envelope in [
            format!(r#"{{"jsonrpc":"2.0","id":7,"result":{result}}}"#),
            format!(r#"{{"result":{result},"jsonrpc":"2.0","id":7}}"#),
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"data":{"uri":"d:1"}}}"#.to_owned(),
        ] {
            let origin = origin(&gateway, Some(&request), shape);
            let held = (whole(origin, &envelope), Standing::Answers);
            for piece in [1, 2, 7, 100, 10_000] {
                assert_eq!(streamed(origin, &envelope, piece, &mut chance), held, "{envelope}");
            }
        }
    }
}

#[test]
fn what_is_no_answer_to_the_request_is_told() {
    let (gateway, request) = (gateway(), Id::from_raw(r#""a""#).unwrap());
    let origin = origin(&gateway, Some(&request), Shape::Tool);
    let mut chance = Chance::new(22);
    for (document, expected) in [
        (r#"{"jsonrpc":"2.0","id":"\u0061","result":{}}"#, Standing::Answers),
        (r#"{"jsonrpc":"2.0","id":"b","result":{}}"#, Standing::Mismatched),
        (r#"{"result":{},"jsonrpc":"2.0","id":null}"#, Standing::Mismatched),
        (r#"{"jsonrpc":"2.0","result":{}}"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a"}"#, Standing::Broken),
        ("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}\r\n \t", Standing::Answers),
        (r#"{"jsonrpc":"2.0","id":"a","result":{}} x"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{}}{}"#, Standing::Broken),
        (r#"{"jsonrpc":"1.0","id":"a","result":{}}"#, Standing::Broken),
        (r#"{"id":"a","result":{}}"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{},"error":{}}"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{},"result":{}}"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{},"ID":"b"}"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{},"method":"x"}"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{}]"#, Standing::Broken),
        (r#"{"jsonrpc":"2.0","id":"a","result":{}"#, Standing::Open),
        (r#"[{"jsonrpc":"2.0","id":"a","result":{}}]"#, Standing::Broken),
    ] {
        for piece in [1, 5, 1000] {
            let (out, standing) = streamed(origin, document, piece, &mut chance);
            assert_eq!(standing, expected, "{document}");
            assert!(document.len() >= out.len());
        }
    }
}

/// Keys that count somewhere; each stands in an object once.
const KEYS: [&str; 12] = [
    r#""content""#,
    r#""type""#,
    r#""uri""#,
    r#""\u0075ri_""#,
    r#""resource""#,
    r#""_meta""#,
    r#""taskId""#,
    r#""task""#,
    r#""ui""#,
    r#""ui\/resourceUri""#,
    r#""resourceUri""#,
    r#""io.modelcontextprotocol/related-task""#,
];
const VALUES: [&str; 9] = [
    r#""resource_link""#,
    r#""resource""#,
    r#""\u0072esource""#,
    r#""a:\/\/b""#,
    r#""ui://\u00e9""#,
    r#""\ud83e\udd80\ud800""#,
    "\"\u{1F980}:x\"",
    "-1.5e+7",
    "null",
];

fn any_value(chance: &mut Chance, depth: usize, out: &mut String) {
    let space = chance.pick(&["", "", " ", "\r\n\t"]);
    out.push_str(space);
    match chance.below(if depth == 0 { 1 } else { 10 }) {
        0 => out.push_str(chance.pick(&VALUES)),
        1..7 => {
            out.push('{');
            let from = chance.below(KEYS.len());
            // Up or down.
            let step = chance.pick(&[1, KEYS.len() - 1]);
            for nth in 0..chance.below(6) {
                let key = KEYS[(from + nth * step) % KEYS.len()];
                out.push_str(if nth == 0 { "" } else { "," });
                out.push_str(key);
                out.push(':');
                match key {
                    r#""type""# => out.push_str(chance.pick(&VALUES[..4])),
                    r#""uri""# => out.push_str(chance.pick(&VALUES[3..])),
                    _ => any_value(chance, depth - 1, out),
                }
            }
            out.push_str(space);
            out.push('}');
        }
        _ => {
            out.push('[');
            for nth in 0..chance.below(4) {
                out.push_str(if nth == 0 { "" } else { "," });
                any_value(chance, depth - 1, out);
            }
            out.push_str(space);
            out.push(']');
        }
    }
    out.push_str(space);
}

#[test]
fn any_response_becomes_what_it_does_if_it_is_held_however_it_is_cut() {
    let (gateway, request) = (gateway(), Id::from_raw("7").unwrap());
    let mut changed = 0;
    for seed in 0..4000 {
        let mut chance = Chance::new(seed);
        let (mut result, mut extra) = (String::new(), String::new());
        let shape = chance.pick(&Shape::ALL);
        let key = match shape {
            Shape::Prompt => "messages",
            Shape::Contents => "contents",
            _ => "content",
        };
        any_value(&mut chance, 4, &mut result);
        any_value(&mut chance, 5, &mut extra);
        let within = chance.pick(&["_meta", "task", "x"]);
        let member = if chance.below(4) == 0 { "error" } else { "result" };
        let more = chance.pick(&[
            r#""code":-32602"#,
            r#""code":-32002"#,
            r#""code":-32021"#,
            r#""resultType":"complete""#,
            r#""ttlMs":1"#,
        ]);
        let eras = [Era::Handshake, Era::Stateless];
        let (from, to) = (chance.pick(&eras), chance.pick(&eras));
        let text = format!(
            r#"{{"jsonrpc":"2.0","{member}":{{"{key}":{result},"{within}":{extra},{more},"data":{{"uri":"a:b"}}}},"id":7}}"#
        );
        let dialect = Dialect { from, to, log_level: None };
        if dialect.is_to_session() && incomplete::wanted(text.as_bytes()).is_some() {
            // What is held becomes an error that says what is missing.
            continue;
        }
        let origin = Origin { dialect, ..origin(&gateway, Some(&request), shape) };
        let held = (whole(origin, &text), Standing::Answers);
        changed += usize::from(held.0 != text);
        for piece in [1, 9, 200] {
            let out = streamed(origin, &text, piece, &mut chance);
            assert_eq!(out, held, "{seed} {shape:?} {text}");
        }
    }
    assert!(changed > 250, "{changed}");
}
