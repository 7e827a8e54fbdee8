//! YAML with the place of everything in it, and what Envoy takes its scalars for.
//!
//! Promises: at most [`LONGEST`] bytes, [`DEEPEST`] levels and, with what aliases repeat, [`MOST`] values are read.

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::servers::{Fault, Position};

/// The most bytes of a file.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// The most levels of lists and maps.
const DEEPEST: usize = 200;

/// The most values of one configuration, which aliases can repeat.
const MOST: usize = 1_000_000;

/// A value, and where it is.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar { text: String, style: ScalarStyle },
    List(Vec<Rc<Node>>),
    Map(Vec<Field>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) position: Position,
    pub(super) value: Rc<Node>,
}

impl Node {
    pub(super) fn fields(&self) -> &[Field] {
        match &self.content {
            Content::Map(fields) => fields,
            _ => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.fields().iter().find(|field| field.key == key).map(|field| &field.value)
    }

    /// What is below these keys, one in the other.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key).map(Rc::as_ref))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> &[Rc<Node>] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }
}

/// Reads all documents of a text.
pub(super) fn read(text: &str) -> Result<Vec<Rc<Node>>, Fault> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: BTreeMap<usize, Rc<Node>> = BTreeMap::new();
    let mut documents = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let message = format!("not YAML: {}", error.info());
            Fault { position: position(*error.marker()), message }
        })?;
        let position = position(span.start);
        let fault = |message: &str| Fault { position, message: message.to_owned() };
        let (node, anchor) = match event {
            Event::Alias(id) => {
                let node = anchors.get(&id).ok_or_else(|| fault("the alias names itself"))?;
                (node.clone(), 0)
            }
            Event::Scalar(text, style, anchor, _) => {
                let content = Content::Scalar { text: text.into_owned(), style };
                (Rc::new(Node { position, content }), anchor)
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() == DEEPEST {
                    return Err(fault("more than 200 levels"));
                }
                let content = match event {
                    Event::SequenceStart(..) => Content::List(Vec::new()),
                    _ => Content::Map(Vec::new()),
                };
                open.push(Open { position, content, anchor, key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = open.pop() else { continue };
                let node = Node { position: closed.position, content: closed.content };
                (Rc::new(node), closed.anchor)
            }
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None => documents.push(node),
            Some(parent) => parent.take(node)?,
        }
    }
    Ok(documents)
}

/// A list or a map that has not ended.
struct Open {
    position: Position,
    content: Content,
    anchor: usize,
    key: Option<(String, Position)>,
}

impl Open {
    fn take(&mut self, node: Rc<Node>) -> Result<(), Fault> {
        match &mut self.content {
            Content::List(items) => items.push(node),
            Content::Map(fields) => {
                if let Some((key, position)) = self.key.take() {
                    fields.push(Field { key, position, value: node });
                    return Ok(());
                }
                let position = node.position;
                let message = "a key that is no text: write a text".to_owned();
                let key = node.text().ok_or(Fault { position, message })?;
                if fields.iter().any(|field| field.key == key) {
                    let message = format!("{key}: found the field twice, expected it once");
                    return Err(Fault { position, message });
                }
                self.key = Some((key.to_owned(), position));
            }
            Content::Scalar { .. } => {}
        }
        Ok(())
    }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// The value as Envoy reads it: its YAML has the booleans of YAML 1.1, and numbers are whole.
///
/// # Errors
///
/// Aliases repeat too much.
pub(super) fn value(node: &Node) -> Result<Value, Fault> {
    let mut left = MOST;
    counted(node, &mut left)
}

fn counted(node: &Node, left: &mut usize) -> Result<Value, Fault> {
    *left = left.checked_sub(1).ok_or_else(|| {
        let message = format!("more than {MOST} values, with what aliases repeat");
        Fault { position: node.position, message }
    })?;
    Ok(match &node.content {
        Content::Scalar { text, style: ScalarStyle::Plain } => plain(text),
        Content::Scalar { text, .. } => Value::String(text.clone()),
        Content::List(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|it| counted(it, left)).collect();
            Value::Array(items?)
        }
        Content::Map(fields) => {
            let mut object = Map::new();
            for field in fields {
                object.insert(field.key.clone(), counted(&field.value, left)?);
            }
            Value::Object(object)
        }
    })
}

fn plain(text: &str) -> Value {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    let lower = text.to_ascii_lowercase();
    let mut rest = text.chars();
    rest.next();
    // `yes`, `YES` and `Yes`, but not `yEs`.
    let even =
        text == lower || text == text.to_ascii_uppercase() || !rest.any(|c| c.is_ascii_uppercase());
    match lower.as_str() {
        "y" | "yes" | "true" | "on" if even => Value::Bool(true),
        "n" | "no" | "false" | "off" if even => Value::Bool(false),
        _ => match text.parse::<i64>() {
            // Envoy hands on longer ones as texts.
            Ok(number) if i32::try_from(number).is_ok() => Value::from(number),
            _ => Value::String(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Value {
        let documents = read(text).expect("YAML");
        value(documents.first().expect("a document")).expect("a value")
    }

    #[test]
    fn scalars_are_what_envoy_takes_them_for() {
        let text = "[on, Off, yEs, 'on', 1, -2, 1.5, 5s, 4294967296, ~, null, '', \"1\"]";
        let expected = json!([
            true,
            false,
            "yEs",
            "on",
            1,
            -2,
            "1.5",
            "5s",
            "4294967296",
            null,
            null,
            "",
            "1"
        ]);
        assert_eq!(one(text), expected);
        assert_eq!(
            one("a: &x {b: 1}\nc: *x\nd:\n"),
            json!({"a": {"b": 1}, "c": {"b": 1}, "d": null})
        );
    }

    #[test]
    fn everything_has_its_place() {
        let documents = read("a:\n  - b: 1\n    c: x\n---\nd: é\n").expect("YAML");
        let [first, second] = documents.as_slice() else { panic!("{documents:?}") };
        let item = &first.get("a").expect("a").items()[0];
        let place = |position: Position| (position.line, position.column);
        assert_eq!(
            item.fields().iter().map(|it| place(it.position)).collect::<Vec<_>>(),
            [(2, 5), (3, 5)]
        );
        assert_eq!(place(item.get("c").expect("c").position), (3, 8));
        assert_eq!(place(second.get("d").expect("d").position), (5, 4));
    }

    #[test]
    fn what_is_wrong_or_too_much_is_refused() {
        let laughs = (1..30).fold("a0: &a0 [1, 1]\n".to_owned(), |text, number| {
            let before = number - 1;
            text + &format!("a{number}: &a{number} [*a{before}, *a{before}]\n")
        });
        let documents = read(&laughs).expect("YAML");
        assert!(value(&documents[0]).expect_err("refused").message.contains("aliases"));
        for (text, words) in [
            ("a: [1", "not YAML"),
            ("a: 1\na: 2", "2:1: a: found the field twice"),
            ("? [1]\n: 2", "a key that is no text"),
            (&"- ".repeat(250), "more than 200 levels"),
            (&"[".repeat(100_000), "recursion limit"),
        ] {
            let refused = read(text).expect_err("refused").to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
