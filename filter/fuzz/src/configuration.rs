//! Configurations, as text and as what Envoy makes of YAML.

use mcp_mux_core::Key;
use mcp_mux_core::config::{ConfigError, Environment, compile};
use mcp_mux_core::gateway::Gateway;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as Protobuf};
use serde_json::Value;

/// The first byte says what the host can do, the rest is a configuration. It is taken or refused, with words, and
/// alike in both forms in which Envoy hands it over.
pub fn configuration(input: &[u8]) {
    let Some((host, bytes)) = input.split_first() else { return };
    let taken = read(*host, bytes);
    if let Err(error) = &taken {
        let text = error.to_string();
        assert!(text.contains("expected"), "says what to do: {text}");
        assert!(text.len() <= 4096 && !text.contains('\n'), "a line: {text}");
    }
    // A double is all that a `Struct` has for a number, and it has each key once.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let Some(Kind::StructValue(object)) = protobuf(&value) else { return };
    if object.fields.is_empty() || value.to_string().len() > 10_000 || !is_exact(&value) {
        return;
    }
    let again = read(*host, &object.encode_to_vec());
    if taken.is_ok() {
        assert!(again.is_ok(), "as a Struct: {:?}", again.err().map(|it| it.to_string()));
    }
}

fn read(host: u8, bytes: &[u8]) -> Result<Gateway, ConfigError> {
    let surroundings = Environment {
        variable: &|name| (name.len() % 2 == 0).then(|| "A".repeat(44)),
        process_key: &|| Ok(Key::new([1; 32])),
        streams: host & 1 == 1,
        bridges: host & 2 == 2,
        claims: host & 4 == 4,
    };
    compile(bytes, surroundings)
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|it| it.abs() < 9e15),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(fields) => fields.values().all(is_exact),
        _ => true,
    }
}

fn protobuf(value: &Value) -> Option<Kind> {
    let of = |value: &Value| Some(Protobuf { kind: Some(protobuf(value)?) });
    Some(match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(*truth),
        Value::Number(number) => Kind::NumberValue(number.as_f64()?),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(of).collect::<Option<_>>()? })
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Some((name.clone(), of(value)?)));
            Kind::StructValue(Struct { fields: fields.collect::<Option<_>>()? })
        }
    })
}
