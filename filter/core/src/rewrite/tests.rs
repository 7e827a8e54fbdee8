//! A message that is there as a whole and one that streams are changed alike.

use super::long::{Long, Standing};
use super::to_client::{self, Origin};
use crate::bytes::Passed;
use crate::chance::Chance;
use crate::fixture;
use crate::gateway::Gateway;
use crate::mcp::jsonrpc::Id;
use crate::mcp::method::Shape;

pub(super) fn gateway() -> Gateway {
    fixture::gateway(r#"{"upstreams":[{"name":"a"}]}"#)
}

/// What becomes of an answer that is there as a whole.
pub(super) fn whole(origin: Origin<'_>, text: &str) -> String {
    let read = to_client::message(origin, text.as_bytes());
    assert!(read.answers && !read.mismatched, "{text}");
    read.changed.map_or(text.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

/// What becomes of one that streams, in pieces of at most so many bytes, and what is known at its end.
pub(super) fn streamed(
    origin: Origin<'_>,
    text: &str,
    piece: usize,
    chance: &mut Chance,
) -> (String, Standing) {
    let mut long = Long::new(origin.shape, origin.dialect, 1 << 20);
    let (mut all, mut rest) = (Vec::new(), text.as_bytes());
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(1 + chance.below(piece)));
        let mut out = Vec::new();
        match long.feed(origin, part, &mut out) {
            Passed::AsIs => all.extend_from_slice(part),
            Passed::Changed => all.extend(out),
        }
        rest = after;
    }
    let standing = long.standing();
    all.extend(long.finish());
    (String::from_utf8(all).unwrap(), standing)
}

const TYPES: [&str; 9] = [
    "text",
    "image",
    "audio",
    "resource_link",
    r"resource\u005flink",
    "resource",
    "tool_use",
    "tool_result",
    "of_tomorrow",
];

/// A content block with members in any order, some of them repeated.
fn block(chance: &mut Chance, depth: usize) -> String {
    let members: Vec<String> = (0..chance.below(6))
        .map(|_| match chance.below(if depth == 0 { 6 } else { 8 }) {
            0 | 1 => format!(r#""type":"{}""#, chance.pick(&TYPES)),
            2 => r#""uri":"demo://1""#.to_owned(),
            3 => r#""\u0075ri" : "ui:\/\/2""#.to_owned(),
            4 => r#""resource":{"uri":"demo://3","text":"x","uri":"demo://4"}"#.to_owned(),
            5 => {
                let members = [
                    r#""text":"{\"uri\":\"x\"}""#,
                    r#""data":"eA==""#,
                    r#""uri":null"#,
                    r#""type":{"uri":"no:1"}"#,
                    r#""resource":["uri"]"#,
                    r#""input":{"content":[{"type":"resource_link","uri":"no:2"}]}"#,
                ];
                chance.pick(&members).to_owned()
            }
            6 => format!(r#""content":{}"#, block(chance, depth - 1)),
            _ => format!(r#""content":{}"#, blocks(chance, depth - 1)),
        })
        .collect();
    format!("{{{}}}", members.join(chance.pick(&[",", " ,\n"])))
}

fn blocks(chance: &mut Chance, depth: usize) -> String {
    let blocks: Vec<String> = (0..chance.below(4)).map(|_| block(chance, depth)).collect();
    format!("[{}]", blocks.join(","))
}

#[test]
fn blocks_of_every_type_with_repeated_members_change_alike() {
    let (gateway, request) = (gateway(), Id::from_raw("7").unwrap());
    let mut changed = 0;
    for seed in 0..3000 {
        let mut chance = Chance::new(seed);
        let content = blocks(&mut chance, 3);
        let again = block(&mut chance, 2);
        let (shape, result) = if chance.below(2) == 0 {
            (Shape::Tool, format!(r#""content":{content},"content":{again}"#))
        } else {
            let messages = format!(r#"[{{"role":"user","content":{content},"content":{again}}}]"#);
            (Shape::Prompt, format!(r#""messages":{messages}"#))
        };
        let text = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{{result}}}}}"#);
        let origin = fixture::origin(&gateway, Some(&request), shape);
        let held = (whole(origin, &text), Standing::Answers);
        changed += usize::from(held.0 != text);
        for piece in [1, 9, 200, 10_000] {
            assert_eq!(streamed(origin, &text, piece, &mut chance), held, "{seed} {text}");
        }
    }
    assert!(changed > 700, "{changed}");
}

/// Whichever of repeated members a client takes, it must not take it for a name of another upstream.
#[test]
fn whatever_may_name_a_resource_gets_its_prefix() {
    let (gateway, request) = (gateway(), Id::from_raw("7").unwrap());
    let mut chance = Chance::new(1);
    for (block, expected) in [
        (
            r#"{"type":"resource_link","uri":"b:1","uri":"b:2"}"#,
            r#"{"type":"resource_link","uri":"a+b:1","uri":"a+b:2"}"#,
        ),
        (
            r#"{"uri":"b:1","type":"text","type":"resource_link","uri":"b:2"}"#,
            r#"{"uri":"a+b:1","type":"text","type":"resource_link","uri":"a+b:2"}"#,
        ),
        (
            r#"{"uri":"b:1","resource":{"uri":"b:2"},"type":"resource_link","type":"resource"}"#,
            r#"{"uri":"a+b:1","resource":{"uri":"a+b:2"},"type":"resource_link","type":"resource"}"#,
        ),
        (
            r#"{"type":"resource","uri":"b:1","resource":{"uri":"b:2","uri":"b:3"}}"#,
            r#"{"type":"resource","uri":"b:1","resource":{"uri":"a+b:2","uri":"a+b:3"}}"#,
        ),
        (
            r#"{"uri":"b:1","content":[{"uri":"b:2","type":"text"},{"uri":"b:3","type":"resource_link"}],"type":"tool_result"}"#,
            r#"{"uri":"b:1","content":[{"uri":"b:2","type":"text"},{"uri":"a+b:3","type":"resource_link"}],"type":"tool_result"}"#,
        ),
    ] {
        let text =
            |block: &str| format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{block}]}}}}"#);
        let origin = fixture::origin(&gateway, Some(&request), Shape::Tool);
        let expected = (text(expected), Standing::Answers);
        assert_eq!(whole(origin, &text(block)), expected.0);
        for piece in [1, 1000] {
            assert_eq!(streamed(origin, &text(block), piece, &mut chance), expected);
        }
    }
}
