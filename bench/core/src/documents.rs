//! Results of upstreams: such as are usual, and such as are long in one way or another.

use serde_json::{Value, json};

/// A text of so many bytes, with a quote and an end of line here and there.
pub(crate) fn text(bytes: usize) -> String {
    "Reads the page at the URL and returns \"what\" it says.\n"
        .chars()
        .cycle()
        .take(bytes)
        .collect()
}

/// The result of a call: a text of so many bytes.
pub(crate) fn content(bytes: usize) -> String {
    content_of(&text(bytes))
}

fn content_of(text: &str) -> String {
    json!({"content": [{"type": "text", "text": text}]}).to_string()
}

/// A page of tools of 1 KB.
pub(crate) fn tools(count: usize) -> String {
    let property = json!({"type": "string", "description": "The URL of the page to read"});
    let properties = json!({"a": property, "b": property, "c": property, "d": property});
    let schema = json!({"type": "object", "properties": properties, "required": ["a"]});
    page((0..count).map(|n| tool(n, &text(600), &schema)))
}

/// A page of tools with hardly more than a name.
pub(crate) fn many(count: usize) -> String {
    page((0..count).map(|n| tool(n, "", &json!({"type": "object"}))))
}

/// Two tools with a long description.
pub(crate) fn long(bytes: usize) -> String {
    page((0..2).map(|n| tool(n, &text(bytes / 2), &json!({"type": "object"}))))
}

/// Two tools whose schema is so many levels deep.
pub(crate) fn deep(levels: usize) -> String {
    let (open, close) = (r#"{"properties":{"a":"#.repeat(levels), "}}".repeat(levels));
    let tool = |n| {
        let schema = format!(r#"{{"type":"object","x":{open}{{}}{close}}}"#);
        format!(r#"{{"name":"tool_{n}","inputSchema":{schema}}}"#)
    };
    format!(r#"{{"tools":[{},{}]}}"#, tool(0), tool(1))
}

/// Two tools described in all kinds of letters.
pub(crate) fn unicode(bytes: usize) -> String {
    let text = letters(bytes / 2);
    let tool = |n| {
        format!(r#"{{"name":"tool_{n}","description":"{text}","inputSchema":{{"type":"object"}}}}"#)
    };
    format!(r#"{{"tools":[{},{}]}}"#, tool(0), tool(1))
}

/// The result of a call: a text in all kinds of letters.
pub(crate) fn unicode_content(bytes: usize) -> String {
    format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, letters(bytes))
}

/// The text of a resource.
pub(crate) fn resource(uri: &str, bytes: usize) -> String {
    json!({"contents": [{"uri": uri, "mimeType": "text/plain", "text": text(bytes)}]}).to_string()
}

/// The inside of a JSON string of about so many bytes: letters of one to four bytes, marks that join
/// the letter before, and escapes of all kinds, pairs of surrogates among them.
fn letters(bytes: usize) -> String {
    let part = r#"Ünï日本𝒳🧑‍🚀e\u0301é\ud83d\ude00\n\"\/\\\u0000ß"#;
    part.repeat(bytes / part.len())
}

fn tool(number: usize, description: &str, schema: &Value) -> Value {
    let name = format!("tool_{number:04}");
    json!({"name": name, "description": description, "inputSchema": schema})
}

fn page(tools: impl Iterator<Item = Value>) -> String {
    json!({"tools": tools.collect::<Vec<_>>()}).to_string()
}
