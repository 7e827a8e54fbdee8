//! What Envoy needs so that operators see what the filter tells: the fields of the access log, and the labels of metrics.

use serde_json::{Map, Value, json};

/// What the filter leaves of a request, below `wasm.mcp_mux.` in Envoy's filter state.
const FIELDS: [&str; 8] =
    ["method", "outcome", "code", "upstream", "name", "caller", "era", "session"];

/// The labels, and which part of a metric's name is the value: the first group is cut out of the name, the second is the
/// value.
const LABELS: [(&str, &str); 7] = [
    ("mcp_era", r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:(?:upstream_era)\.[^.]+)(\.([^.]+))"),
    ("mcp_fault", r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:(?:faults)\.[^.]+)(\.([^.]+))"),
    (
        "mcp_kind",
        r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:open_streams|sessions|catalog)(\.([^.]+))",
    ),
    (
        "mcp_method",
        r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:operation_ms|upstream_ms|request_bytes|response_bytes|requests)(\.([^.]+))",
    ),
    (
        "mcp_outcome",
        r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:(?:tool_ms|requests|side_calls)\.[^.]+|(?:operation_ms|upstream_ms)\.[^.]+\.[^.]+)(\.([^.]+))",
    ),
    (
        "mcp_tool",
        r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:(?:tool_ms)\.[^.]+\.[^.]+)(\.(.+))$",
    ),
    (
        "mcp_upstream",
        r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:tool_ms|upstream_era|side_calls|faults|sessions_recovered|items_dropped|names_in_conflict|odd_names|tools_changed|(?:operation_ms|upstream_ms)\.[^.]+)(\.([^.]+))",
    ),
];

/// The access log on Envoy's output, as JSON, a request a line.
#[must_use]
pub fn access_log() -> Value {
    let field = |field| {
        (format!("mcp_{field}"), json!(format!("%FILTER_STATE(wasm.mcp_mux.{field}:PLAIN)%")))
    };
    let mut format: Map<String, Value> = FIELDS.map(field).into_iter().collect();
    for (field, value) in
        [("time", "%START_TIME%"), ("status", "%RESPONSE_CODE%"), ("duration_ms", "%DURATION%")]
    {
        format.insert(field.to_owned(), json!(value));
    }
    json!([{
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"omit_empty_values": true, "json_format": format},
        },
    }])
}

/// Envoy's `stats_config`, with the labels.
#[must_use]
pub fn stats_config() -> Value {
    let rule = |(label, regex)| json!({"tag_name": label, "regex": regex});
    json!({"stats_tags": LABELS.map(rule)})
}

/// Envoy's `layered_runtime`, by which metrics have the same names in both hosts.
#[must_use]
pub fn layered_runtime() -> Value {
    let flag = json!({"envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix": true});
    json!({"layers": [{"name": "mcp_mux", "static_layer": flag}]})
}
