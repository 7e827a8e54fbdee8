//! `google.protobuf.Struct`, the form in which Envoy hands over a configuration written as YAML.

use prost::Message as _;
use prost_types::value::Kind;
use serde_json::Value;

use super::document;

/// Decodes a `Struct`; `None` if the bytes are not one, or hold no field that a `Struct` has (most
/// short texts are protobuf of some kind, with unknown fields only).
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let decoded = prost_types::Struct::decode(bytes).ok()?;
    (!decoded.fields.is_empty()).then(|| object(decoded))
}

fn object(object: prost_types::Struct) -> Value {
    object.fields.into_iter().map(|(name, field)| (name, value(field))).collect()
}

/// The depth of this recursion is bounded by the decoder's own limit, 100.
fn value(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(truth)) => truth.into(),
        Some(Kind::NumberValue(number)) => document::number(number),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(self::value).collect(),
        Some(Kind::StructValue(fields)) => object(fields),
    }
}

/// The bytes that Envoy hands over for `json` written as a `Struct`.
#[cfg(test)]
pub(super) fn bytes_of(json: &Value) -> Vec<u8> {
    fn encoded(json: &Value) -> prost_types::Value {
        let kind = match json {
            Value::Null => Kind::NullValue(0),
            Value::Bool(truth) => Kind::BoolValue(*truth),
            Value::Number(number) => Kind::NumberValue(number.as_f64().expect("a double")),
            Value::String(text) => Kind::StringValue(text.clone()),
            Value::Array(items) => Kind::ListValue(prost_types::ListValue {
                values: items.iter().map(encoded).collect(),
            }),
            Value::Object(fields) => Kind::StructValue(prost_types::Struct {
                fields: fields.iter().map(|(name, value)| (name.clone(), encoded(value))).collect(),
            }),
        };
        prost_types::Value { kind: Some(kind) }
    }
    match encoded(json).kind {
        Some(Kind::StructValue(object)) => object.encode_to_vec(),
        _ => panic!("a Struct is an object"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_struct_reads_as_the_json_it_was_written_as() {
        let json = json!({"a": [null, true, -1, 1.5, 4096, "e"], "b": {"c": {}}, "": []});
        assert_eq!(read(&bytes_of(&json)), Some(json));
    }

    #[test]
    fn integers_beyond_the_exact_ones_stay_doubles() {
        assert_eq!(document::number(9_007_199_254_740_992.0), json!(9_007_199_254_740_992_i64));
        assert_eq!(document::number(1e23), json!(1e23));
        assert_eq!(document::number(f64::INFINITY), json!("inf"));
    }

    #[test]
    fn other_bytes_are_no_struct() {
        let bytes = bytes_of(&json!({"upstreams": [{"name": "a"}]}));
        for bytes in [&b""[..], b"p ", b"hello", &bytes[..bytes.len() - 1]] {
            assert_eq!(read(bytes), None);
        }
    }
}
