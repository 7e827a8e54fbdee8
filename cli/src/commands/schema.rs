//! `mcp-mux schema`: the JSON schema of the filter's configuration, made of what the filter's reader takes.

use mcp_mux_core::config::shape::{Content, Field, Shape, shape};
use mcp_mux_envoy_files::resources::set;
use serde_json::{Map, Value, json};

/// Prints it.
pub fn run() {
    anstream::print!("{}", text());
}

/// The whole text, as `docs/configuration.schema.json` has it.
#[must_use]
pub fn text() -> String {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of mcp-mux",
    });
    if let (Some(head), Value::Object(rest)) = (schema.as_object_mut(), of(&shape())) {
        head.extend(rest);
    }
    format!("{schema:#}\n")
}

fn of(shape: &Shape) -> Value {
    let mut schema = match &shape.content {
        Content::Object(fields) => object(fields),
        Content::Map(value) => json!({"type": "object", "additionalProperties": of(value)}),
        Content::List(item) => json!({"type": "array", "items": of(item)}),
        Content::Values(kinds) => match (kinds.as_slice(), words(&shape.expected)) {
            (_, Some(words)) => json!({"enum": words}),
            ([], None) => json!({}),
            ([kind], None) => json!({"type": kind}),
            (kinds, None) => json!({"type": kinds}),
        },
    };
    set(&mut schema, "description", shape.expected.as_str());
    schema
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), of(&field.shape))).collect();
    let required: Vec<&str> = fields.iter().filter(|it| it.required).map(|it| it.name).collect();
    let mut schema =
        json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        set(&mut schema, "required", required);
    }
    schema
}

/// The words of `"a", "b" or "c"`; `None` for any other text.
fn words(expected: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = expected.split('"').collect();
    let between = parts.iter().step_by(2);
    let only = between.clone().all(|part| matches!(*part, "" | ", " | " or "));
    (only && parts.len() > 3).then(|| parts.into_iter().skip(1).step_by(2).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "../docs/configuration.schema.json";

    #[test]
    fn the_schema_that_is_checked_in_is_current() {
        let file = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(
            file == text(),
            "write it anew: cargo run -p mcp-mux-cli -- schema > docs/configuration.schema.json"
        );
    }

    #[test]
    fn a_choice_of_words_is_an_enum() {
        assert_eq!(words(r#""a", "b" or "c""#), Some(vec!["a", "b", "c"]));
        for text in ["", r#""a""#, r#"a path such as "/mcp" or "/x""#] {
            assert_eq!(words(text), None, "{text}");
        }
        let era = "/properties/upstreams/items/properties/era/enum";
        let schema: Value = serde_json::from_str(&text()).expect("JSON");
        assert_eq!(schema.pointer(era), Some(&json!(["auto", "handshake", "stateless"])));
        assert_eq!(schema.pointer("/required"), Some(&json!(["upstreams"])));
    }
}
