//! What an upstream names things by (ids and progress tokens of its own requests, tasks, events of
//! its streams), marked with its owner towards clients.
//!
//! Several upstreams use the same ids, and nothing is stored that could tell them apart: so the owner
//! travels with the value, and comes back with it. The mark is the upstream's configured name and a
//! colon, which no name contains; what follows is the original, so that it is restored exactly.

use crate::gateway::Gateway;
use crate::jsonrpc::{decode, encode};
use crate::route::Shape;

/// Marks the JSON text of an id or a progress token: a string that holds that text, so that `1` and
/// `"1"` come back as what they were.
#[must_use]
pub fn scalar(owner: &str, raw: &str) -> String {
    encode(&format!("{owner}:{raw}"))
}

/// The owner's index and the JSON text that [`scalar`] marked; `None` for any other value.
#[must_use]
pub fn scalar_owner(gateway: &Gateway, raw: &str) -> Option<(usize, String)> {
    let text = decode(raw)?;
    let (owner, original) = text_owner(gateway, &text)?;
    let number = |text: &str| text.starts_with(|it: char| it == '-' || it.is_ascii_digit());
    let scalar = original.starts_with('"') || number(original);
    let whole = serde_json::from_str::<serde::de::IgnoredAny>(original).is_ok();
    // Nothing but the value itself: no space around it could have been marked.
    let bare = original.trim_ascii() == original;
    (scalar && whole && bare).then(|| (owner, original.to_owned()))
}

/// Marks a raw JSON string, whose text keeps its bytes: the id of a task.
#[must_use]
pub fn text(owner: &str, raw: &str) -> String {
    format!("\"{owner}:{}", raw.strip_prefix('"').unwrap_or(raw))
}

/// The owner's index and the text that [`text`] marked.
#[must_use]
pub fn text_owner<'t>(gateway: &Gateway, text: &'t str) -> Option<(usize, &'t str)> {
    let (owner, original) = text.split_once(':')?;
    Some((index(gateway, owner.as_bytes())?, original))
}

/// Marks the id of an event with its owner and with what the stream answers, which nobody else knows
/// when the stream is resumed.
#[must_use]
pub fn event(owner: &str, shape: Shape, id: &[u8]) -> Vec<u8> {
    [owner.as_bytes(), b":", &[shape.letter()], b":", id].concat()
}

/// What [`event`] marked: the owner's index, what the stream answers, and the original id.
#[must_use]
pub fn event_owner<'i>(gateway: &Gateway, id: &'i [u8]) -> Option<(usize, Shape, &'i [u8])> {
    let colon = id.iter().position(|byte| *byte == b':')?;
    let (owner, rest) = id.split_at_checked(colon)?;
    let [b':', letter, b':', original @ ..] = rest else { return None };
    let owner = index(gateway, owner)?;
    Some((owner, Shape::of_letter(*letter)?, original))
}

fn index(gateway: &Gateway, name: &[u8]) -> Option<usize> {
    gateway.upstreams.iter().position(|upstream| upstream.name.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn gateway() -> Gateway {
        fixture::gateway(r#"{"upstreams":[{"name":"a"},{"name":"b-1"}]}"#)
    }

    #[test]
    fn ids_and_tokens_come_back_with_their_type_and_every_byte() {
        let gateway = gateway();
        for raw in [
            "1",
            "0",
            "-7",
            "9007199254740993",
            "1.50",
            "1e2",
            r#""1""#,
            r#""""#,
            r#""a:b""#,
            r#""\u0041\n\"""#,
            r#""\ud83e\udd80""#,
            "\"\u{1F980}\"",
        ] {
            for (index, owner) in ["a", "b-1"].into_iter().enumerate() {
                let marked = scalar(owner, raw);
                assert!(serde_json::from_str::<String>(&marked).is_ok(), "{marked}");
                assert_eq!(scalar_owner(&gateway, &marked), Some((index, raw.to_owned())));
            }
        }
        assert_eq!(scalar_owner(&gateway, r#""\u0061:1""#), Some((0, "1".to_owned())));
    }

    #[test]
    fn what_was_never_marked_has_no_owner() {
        let gateway = gateway();
        for raw in [
            "1",
            "null",
            r#""""#,
            r#""a""#,
            r#""c:1""#,
            r#""a:""#,
            r#""a:x""#,
            r#""a: 1""#,
            r#""a:1 ""#,
            r#""a:[1]""#,
            r#""a:{}""#,
            r#""a:null""#,
            r#""a:1 2""#,
            r#""a:\"x""#,
            r#""A:1""#,
            r#""a:01""#,
        ] {
            assert_eq!(scalar_owner(&gateway, raw), None, "{raw}");
        }
        assert_eq!(text_owner(&gateway, "x:1"), None);
        for id in ["", "a", "a:", "a:t", "a:?:1", "c:t:1", ":t:1"] {
            assert_eq!(event_owner(&gateway, id.as_bytes()), None, "{id}");
        }
    }

    #[test]
    fn tasks_and_events_keep_their_text() {
        let gateway = gateway();
        assert_eq!(text("a", r#""x\u0041:y""#), r#""a:x\u0041:y""#);
        assert_eq!(text_owner(&gateway, "b-1:xA:y"), Some((1, "xA:y")));
        assert_eq!(text_owner(&gateway, "a:"), Some((0, "")));
        for shape in Shape::ALL {
            for original in [&b""[..], b"1", b"a:b", b"\xff:"] {
                let marked = event("b-1", shape, original);
                assert_eq!(event_owner(&gateway, &marked), Some((1, shape, original)));
            }
        }
    }
}
