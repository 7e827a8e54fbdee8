//! Random documents, full of what the table looks for and of what looks like it.

use std::fmt::Write as _;

use crate::chance::Chance;

const KEYS: [&str; 14] = [
    "id",
    "params",
    "name",
    "_meta",
    "io.modelcontextprotocol/related-task",
    "taskId",
    "content",
    "type",
    "uri",
    "resource",
    "Uri",
    "",
    "é€𝄞",
    "{\\\"[",
];

const TEXTS: [&str; 10] =
    ["", "a", "}", "\\\"", "\\\\", "{\\\"id\\\":1}", "\\u0065", "resource_link", "é€𝄞", "\\n]\\/["];

const SCALARS: [&str; 8] =
    ["0", "-1", "1.5e+3", "true", "false", "null", "123456789012345678", "-0.0E-7"];

/// A valid document whose top is an object.
pub(super) fn document(chance: &mut Chance) -> String {
    let mut out = String::new();
    space(chance, &mut out);
    object(chance, &mut out, 0);
    space(chance, &mut out);
    out
}

fn space(chance: &mut Chance, out: &mut String) {
    if chance.below(5) == 0 {
        out.push_str(chance.pick(&[" ", "\n", "\t\r", "    "]));
    }
}

fn object(chance: &mut Chance, out: &mut String, depth: usize) {
    // Those that lead further down come first.
    let first = [1, 2, 3, 5][depth.min(3)];
    out.push('{');
    for at in 0..chance.below(7) {
        if at > 0 {
            out.push(',');
        }
        space(chance, out);
        let key = if chance.below(2) == 0 { KEYS[first] } else { chance.pick(&KEYS) };
        string(chance, out, key);
        space(chance, out);
        out.push(':');
        value(chance, out, depth + 1);
    }
    space(chance, out);
    out.push('}');
}

fn value(chance: &mut Chance, out: &mut String, depth: usize) {
    space(chance, out);
    match chance.below(if depth > 6 { 6 } else { 12 }) {
        0..3 => out.push_str(chance.pick(&SCALARS)),
        3..6 => {
            let length = chance.pick(&[0, 1, 1, 2, 9]);
            let text: String = (0..length).map(|_| chance.pick(&TEXTS)).collect();
            string(chance, out, &text);
        }
        6..10 => object(chance, out, depth),
        _ => {
            out.push('[');
            for at in 0..chance.below(4) {
                if at > 0 {
                    out.push(',');
                }
                value(chance, out, depth + 1);
            }
            space(chance, out);
            out.push(']');
        }
    }
    space(chance, out);
}

/// A string whose first letter may be written as an escape.
fn string(chance: &mut Chance, out: &mut String, text: &str) {
    out.push('"');
    match text.chars().next() {
        Some(first) if first.is_ascii_alphanumeric() && chance.below(4) == 0 => {
            let _ = write!(out, "\\u{:04x}", u32::from(first));
            out.push_str(&text[1..]);
        }
        _ => out.push_str(text),
    }
    out.push('"');
}
