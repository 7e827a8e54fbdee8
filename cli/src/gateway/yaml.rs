//! Prints a document as YAML that people read: fields in an order that tells, small objects on one line,
//! comments where they are asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Comments by the JSON pointer of what they stand before; a line break makes a line more.
pub type Comments = BTreeMap<String, String>;

/// Fields that come first, in this order; the others follow by name.
const FIRST: [&str; 18] = [
    "@type",
    "name",
    "node",
    "admin",
    "type",
    "address",
    "port_value",
    "path",
    "cluster",
    "match",
    "route",
    "runtime",
    "code",
    "allow_on_headers_stop_iteration",
    "listeners",
    "clusters",
    "stat_prefix",
    "http_filters",
];

/// An object of scalars on one line has at most so many characters.
const SHORT: usize = 76;

/// Prints a document.
#[must_use]
pub fn print(document: &Value, comments: &Comments) -> String {
    let mut printer = Printer { out: String::new(), comments };
    match document {
        Value::Object(object) => printer.object(object, "", 0, false),
        other => printer.out += &flow(other),
    }
    printer.out
}

struct Printer<'c> {
    out: String,
    comments: &'c Comments,
}

impl Printer<'_> {
    /// `in_item`: the first field stands behind the `- ` of a list.
    fn object(&mut self, object: &Map<String, Value>, path: &str, indent: usize, in_item: bool) {
        let mut fields: Vec<_> = object.iter().collect();
        let rank = |name: &str| FIRST.iter().position(|it| *it == name).unwrap_or(FIRST.len());
        fields.sort_by_key(|(name, _)| (rank(name), (*name).clone()));
        for (number, (name, value)) in fields.into_iter().enumerate() {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            if number > 0 || !in_item {
                self.comment(&path, indent);
                self.indent(indent);
            }
            let _ = write!(self.out, "{}:", text(name));
            self.value(value, &path, indent);
        }
    }

    fn value(&mut self, value: &Value, path: &str, indent: usize) {
        let commented = self.comments.keys().any(|it| it.starts_with(&format!("{path}/")));
        match value {
            Value::Object(object) if !object.is_empty() && (commented || !fits(value)) => {
                self.out.push('\n');
                self.object(object, path, indent + 2, false);
            }
            Value::Array(list) if !list.is_empty() && (commented || !fits(value)) => {
                self.out.push('\n');
                for (number, item) in list.iter().enumerate() {
                    let path = format!("{path}/{number}");
                    self.comment(&path, indent);
                    self.indent(indent);
                    self.out += "- ";
                    match item {
                        Value::Object(object) if !fits(item) => {
                            self.object(object, &path, indent + 2, true);
                        }
                        item => {
                            let _ = writeln!(self.out, "{}", flow(item));
                        }
                    }
                }
            }
            value => {
                let _ = writeln!(self.out, " {}", flow(value));
            }
        }
    }

    fn comment(&mut self, path: &str, indent: usize) {
        for line in self.comments.get(path).into_iter().flat_map(|it| it.lines()) {
            self.indent(indent);
            let _ = writeln!(self.out, "# {line}");
        }
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// Whether a value is well read on one line.
fn fits(value: &Value) -> bool {
    let typed = |object: &Map<String, Value>| {
        object.contains_key("@type") || object.values().any(|it| depth(it) > 1)
    };
    !value.as_object().is_some_and(typed) && depth(value) <= 2 && flow(value).len() <= SHORT
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let field =
                |(name, value): (&String, &Value)| format!("{}: {}", text(name), flow(value));
            format!("{{{}}}", object.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

/// A text: without quotes where no reader of YAML can take it for anything else.
fn text(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    let unquoted = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(plain)
        && !word;
    // A duration.
    let seconds = text
        .strip_suffix('s')
        .is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()));
    let type_url = text.starts_with("type.googleapis.com/");
    if unquoted || seconds || type_url { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_printed_for_people_and_read_as_it_was() {
        let document = json!({
            "z": {"b": [1, 2], "a": {"deep": {"deeper": ["y", "1", "5s", "", "a: b", "é\n"]}}},
            "name": "x",
            "list": [{"name": "one", "long": {"@type": "type.googleapis.com/x"}}, "two", {}, []],
            "null": null, "@type": "t", "on": true, "a/b": {"c": {"d": {"e": 1.5}}},
        });
        let comments = Comments::from([
            ("/list".to_owned(), "before\nthe list".to_owned()),
            ("/list/1".to_owned(), "an item".to_owned()),
            ("/a~1b/c/d/e".to_owned(), "deep".to_owned()),
        ]);
        let printed = print(&document, &comments);
        let read: Value = serde_saphyr::from_str(&printed).expect("YAML");
        assert_eq!(read, document, "{printed}");
        assert!(printed.starts_with("\"@type\": t\nname: x\n"), "{printed}");
        assert!(printed.contains("# before\n# the list\nlist:\n"), "{printed}");
        assert!(printed.contains("\n# an item\n- two\n"), "{printed}");
        assert!(printed.contains("      # deep\n      e: 1.5\n"), "{printed}");
    }
}
