//! The bytes of a plugin configuration as one JSON document.
//!
//! Envoy hands over a `google.protobuf.StringValue` as its text and a `google.protobuf.Struct` as
//! its protobuf serialization; both become the same [`Value`]. Promise: a key that stands twice in
//! an object is refused, since readers differ in which of the two they believe.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::ConfigError;
use super::{LONGEST, protobuf_struct};

const MINIMAL: &str = r#"a JSON object such as {"upstreams": [{"name": "everything"}]}"#;

/// Reads JSON text, or else a serialized `Struct`.
pub(super) fn read(bytes: &[u8]) -> Result<Value, ConfigError> {
    if bytes.trim_ascii().is_empty() {
        return Err(ConfigError::new("", "nothing", MINIMAL));
    }
    if bytes.len() > LONGEST {
        let found = format!("{} bytes", bytes.len());
        return Err(ConfigError::new("", found, format!("at most {LONGEST} bytes")));
    }
    read_json(bytes).or_else(|error| match error {
        NotRead::NotJson(error) => protobuf_struct::read(bytes).ok_or_else(|| {
            ConfigError::new("", format!("text that is not JSON ({error})"), MINIMAL)
        }),
        NotRead::Twice(path) => Err(ConfigError::new(path, "the field twice", "it once")),
    })
}

enum NotRead {
    NotJson(serde_json::Error),
    /// The path of a key that stands twice in its object.
    Twice(String),
}

fn read_json(bytes: &[u8]) -> Result<Value, NotRead> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    match UniqueKeys.deserialize(tracked) {
        // The visitor takes every kind of value, so the only data it refuses is a repeated key.
        Err(error) if error.is_data() => Err(NotRead::Twice(track.path().to_string())),
        Err(error) => Err(NotRead::NotJson(error)),
        Ok(value) => json.end().map(|()| value).map_err(NotRead::NotJson),
    }
}

/// A number as the configuration reads it: `4096.0` is the integer 4096, because a `Struct` knows
/// no other way to say it.
pub(super) fn number(number: f64) -> Value {
    /// Up to here every integer has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "an integer of at most 2^53")]
        return Value::from(number as i64);
    }
    // Not-a-number and the infinities have no JSON number; as text they are refused by name.
    serde_json::Number::from_f64(number)
        .map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// Builds a [`Value`], refusing repeated keys.
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(UniqueKeys)? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if fields.contains_key(&name) {
                return object.next_value_seed(Repeated);
            }
            let value = object.next_value_seed(UniqueKeys)?;
            fields.insert(name, value);
        }
        Ok(fields.into())
    }
}

/// The value of a repeated key: always an error, raised here so that the path names the key.
struct Repeated;

impl<'de> DeserializeSeed<'de> for Repeated {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<Value, D::Error> {
        Err(D::Error::custom("repeated key"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        read(bytes).expect_err("refused").to_string()
    }

    #[test]
    fn json_of_every_kind_is_read() {
        let text = br#" {"a": [null, true, -1, 1.5, 4096.0, 1e3, "\u0065"], "b": {}} "#;
        let value = json!({"a": [null, true, -1, 1.5, 4096, 1000, "e"], "b": {}});
        assert_eq!(read(text), Ok(value));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_position() {
        assert_eq!(
            refusal(b"{\n \"a\": 1,\n}"),
            "the configuration: found text that is not JSON (trailing comma at line 3 column 1), \
             expected a JSON object such as {\"upstreams\": [{\"name\": \"everything\"}]}"
        );
        for (text, position) in [
            (&b"path: /mcp"[..], "(expected value at line 1 column 1)"),
            (b"{} {}", "(trailing characters at line 1 column 4)"),
            (b"{\"a\": 1", "(EOF while parsing an object at line 1 column 7)"),
            (b"{\"a\": \"\xff\"}", "(invalid unicode code point at line 1 column 8)"),
            (&b"[".repeat(200), "(recursion limit exceeded at line 1 column 128)"),
        ] {
            assert!(refusal(text).contains(position), "{}", refusal(text));
        }
    }

    #[test]
    fn a_repeated_key_is_refused_by_its_path() {
        let text = br#"{"a": [0, {"b": 1, "\u0062": 2}]}"#;
        assert_eq!(refusal(text), "a[1].b: found the field twice, expected it once");
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for nothing in [&b""[..], b" \n"] {
            assert!(refusal(nothing).starts_with("the configuration: found nothing, expected a"));
        }
        assert_eq!(
            refusal(&vec![b' '; LONGEST + 1].iter().chain(b"{}").copied().collect::<Vec<_>>()),
            "the configuration: found 1048579 bytes, expected at most 1048576 bytes"
        );
    }
}
