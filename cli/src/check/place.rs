//! Where in a file a field of the configuration is that the filter names by its path, such as
//! `upstreams[1].timeout`.

use jsonc_parser::ast::Value as Json;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use saphyr_parser::ScalarStyle;

use super::yaml::{Content, Node};
use crate::servers::{Position, Text};

/// Where the field is in an object; of one that is not there, the object that it should be in. `unknown`: the
/// field itself is wrong, not its value.
pub(super) fn in_object(node: &Node, path: &str, unknown: bool) -> Position {
    let (mut node, mut rest, mut key) = (node, path, None);
    loop {
        if rest.is_empty() {
            return key.filter(|_| unknown).unwrap_or(node.position);
        }
        let next = match &node.content {
            Content::Map(fields) => {
                let known = fields.iter().filter_map(|field| {
                    let rest = behind(rest, &field.key)?;
                    Some((rest, Some(field.position), &field.value))
                });
                known.min_by_key(|(rest, ..)| rest.len())
            }
            Content::List(items) => {
                item(rest).and_then(|(number, rest)| Some((rest, None, items.get(number)?)))
            }
            Content::Scalar { .. } => None,
        };
        let Some((behind, position, value)) = next else { return node.position };
        (node, rest, key) = (value, behind, position);
    }
}

/// What follows a key in a path, if the path begins with it. Paths have keys escaped.
fn behind<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(key.escape_debug().to_string().as_str())?;
    match rest.strip_prefix('.') {
        Some(rest) => Some(rest),
        None => (rest.is_empty() || rest.starts_with('[')).then_some(rest),
    }
}

/// The number of an item, and what follows it in a path.
fn item(path: &str) -> Option<(usize, &str)> {
    let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// Where the field is in a JSON text that stands in the file; `None` where that is not known.
pub(super) fn in_text(file: &str, node: &Node, path: &str, unknown: bool) -> Option<Position> {
    let text = node.text()?;
    let options = ParseOptions {
        allow_comments: false,
        allow_trailing_commas: false,
        ..ParseOptions::default()
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).ok()?;
    let mut value = parsed.value.as_ref()?;
    let (mut rest, mut key) = (path, None);
    while !rest.is_empty() {
        let next = match value {
            Json::Object(object) => {
                let known = object.properties.iter().filter_map(|prop| {
                    Some((behind(rest, prop.name.as_str())?, Some(prop.range.start), &prop.value))
                });
                known.min_by_key(|(rest, ..)| rest.len())
            }
            Json::Array(list) => {
                item(rest).and_then(|(number, rest)| Some((rest, None, list.elements.get(number)?)))
            }
            _ => None,
        };
        let Some(next) = next else { break };
        (rest, key, value) = next;
    }
    let byte = key.filter(|_| unknown && rest.is_empty()).unwrap_or(value.range().start);
    of_text(file, node, Text(text).position(byte))
}

/// Where a place of a text is in the file that the text stands in as a block (`|`).
pub(super) fn of_text(file: &str, node: &Node, place: Position) -> Option<Position> {
    let Content::Scalar { text, style: ScalarStyle::Literal } = &node.content else { return None };
    let wanted = text.lines().nth(place.line.checked_sub(1)?)?;
    // The block begins in the line of its `|`, or in one after it.
    let first = text.lines().next()?;
    let mut lines = file.lines().enumerate().skip(node.position.line.checked_sub(1)?);
    let (start, _) = lines.find(|(_, line)| {
        line.strip_suffix(first).is_some_and(|indent| indent.trim().is_empty())
    })?;
    let line = file.lines().nth(start + place.line - 1)?;
    let indent = line.chars().count().checked_sub(wanted.chars().count())?;
    Some(Position { line: start + place.line, column: indent + place.column })
}
