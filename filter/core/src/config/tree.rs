//! From a JSON document to serde shapes, with errors that keep their parts apart.
//!
//! `serde_json`'s own errors are one text, which repeats whatever stood in the document. Here an
//! error says separately what was found and what was expected, so that a secret can be left out
//! once the path is known.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde_json::Value;

use super::error::{ConfigError, holds_secret, kind_of_secret, quoted};

/// Reads `document` as a `T`.
pub(super) fn read<'de, T: Deserialize<'de>>(document: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(Node(document)).map_err(|error| {
        let at = error.path().iter().next().map_or_else(String::new, |_| error.path().to_string());
        let Fault { missing, found, kind, expected } = error.into_inner();
        let path = match missing {
            Some(field) if at.is_empty() => field.to_owned(),
            Some(field) => format!("{at}.{field}"),
            None => at,
        };
        ConfigError::new(&path, if holds_secret(&path) { kind } else { found }, expected)
    })
}

/// A mismatch between the document and a shape.
#[derive(Debug)]
struct Fault {
    /// The field that is not there, if that is the fault.
    missing: Option<&'static str>,
    found: String,
    /// What may be said instead of `found` where a secret stands.
    kind: String,
    expected: String,
}

impl Fault {
    fn new(found: impl Into<String>, expected: impl Into<String>) -> Self {
        let found = found.into();
        Self { missing: None, kind: found.clone(), found, expected: expected.into() }
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string(), "something else")
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, kind) = match unexpected {
            Unexpected::Str(text) => (quoted(text), kind_of_secret(text)),
            Unexpected::Bool(truth) => (truth.to_string(), "a boolean".to_owned()),
            Unexpected::Unsigned(number) => (number.to_string(), "a number".to_owned()),
            Unexpected::Signed(number) => (number.to_string(), "a number".to_owned()),
            Unexpected::Float(number) => (number.to_string(), "a number".to_owned()),
            Unexpected::Unit => ("null".to_owned(), "null".to_owned()),
            Unexpected::Seq => ("a list".to_owned(), "a list".to_owned()),
            Unexpected::Map => ("an object".to_owned(), "an object".to_owned()),
            other => (other.to_string(), other.to_string()),
        };
        Self { missing: None, found, kind, expected: expected.to_string() }
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let found = format!("the unknown field {}", quoted(field));
        Self::new(found, format!("one of {}", known.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        let fault = Self::new("nothing", "a value, because this field has no default");
        Self { missing: Some(field), ..fault }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {}, expected {}", self.kind, self.expected)
    }
}

impl std::error::Error for Fault {}

/// A value of the document. Unlike `serde_json`'s, it takes no list for a struct (whose fields
/// would then be known by their positions), and no null for an absent field.
struct Node(Value);

impl<'de> Deserializer<'de> for Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Node)))
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Node(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Array(_) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Fault> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object with a list")]
    struct Shape {
        #[serde(rename = "list")]
        _list: Vec<u8>,
    }

    fn refusal(document: Value) -> String {
        read::<Shape>(document).expect_err("refused").to_string()
    }

    #[test]
    fn each_kind_of_mismatch_has_a_path_what_was_found_and_what_was_expected() {
        for (document, message) in [
            (json!(1), "the configuration: found 1, expected an object with a list"),
            (json!([[]]), "the configuration: found a list, expected an object with a list"),
            (json!({}), "list: found nothing, expected a value, because this field has no default"),
            (json!({"x": 1}), "x: found the unknown field \"x\", expected one of list"),
            (json!({"list": null}), "list: found null, expected a sequence"),
            (json!({"list": {}}), "list: found an object, expected a sequence"),
            (json!({"list": [1, "a"]}), "list[1]: found \"a\", expected u8"),
            (json!({"list": [true]}), "list[0]: found true, expected u8"),
            (json!({"list": [[]]}), "list[0]: found a list, expected u8"),
            (json!({"list": [-1]}), "list[0]: found -1, expected u8"),
            (json!({"list": [1.5]}), "list[0]: found 1.5, expected u8"),
        ] {
            assert_eq!(refusal(document.clone()), message, "{document}");
        }
    }
}
