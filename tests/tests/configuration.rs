//! A wrong configuration is refused, with the path of the field, what was found and what
//! was expected. The filter's own tests know every field; here the words must reach the operator.

use mcp_mux_tests::setup::{Form, key};
use mcp_mux_tests::{Client, Setup, Upstream};
use serde_json::json;

/// Starts Envoy with each configuration, which it must refuse with all of these words.
async fn refuses(cases: &[(&str, &[&str])]) {
    for (text, words) in cases {
        let log = Setup::new().text(text).refused().await;
        for word in *words {
            assert!(log.contains(word), "{word:?} is not in the log for {text}:\n{log}");
        }
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let texts: &[(&str, &[&str])] =
        &[("", &["expected"]), ("{", &["expected"]), (r#"["a"]"#, &["a list", "an object"])];
    for (text, _) in texts {
        let log = Setup::new().text(text).refused().await;
        assert!(log.contains("expected"), "{text:?}:\n{log}");
    }
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_its_path() {
    refuses(&[
        (r#"{"upstreams":[{"name":"a"}],"pathh":"/x"}"#, &["pathh", "expected"]),
        (r#"{"upstreams":[{"name":"a","clusterr":"x"}]}"#, &["upstreams[0].clusterr", "expected"]),
    ])
    .await;
}

#[tokio::test]
async fn upstreams_are_checked_one_by_one_and_against_each_other() {
    refuses(&[
        (r#"{"upstreams":{}}"#, &["upstreams", "an object", "expected"]),
        (r#"{"upstreams":[{"name":"a"},{"name":"A b"}]}"#, &["upstreams[1].name", "A b"]),
        (r#"{"upstreams":[{"name":"a"},{"name":"a"}]}"#, &["upstreams[1].name", "\"a\""]),
        (r#"{"upstreams":[{"name":"a@b"}]}"#, &["upstreams[0].name", "a@b"]),
        (
            r#"{"upstreams":[{"name":"a"},{"name":"b","prefix":"x__y"}]}"#,
            &["upstreams[1].prefix", "x__y"],
        ),
        (
            r#"{"upstreams":[{"name":"a-b"}],"naming":{"separator":"-"}}"#,
            &["upstreams[0].prefix", "a-b"],
        ),
        (
            r#"{"upstreams":[{"name":"a"},{"name":"b","timeout":"5 parsecs"}]}"#,
            &["upstreams[1].timeout", "5 parsecs", "expected"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_bad_key_and_a_missing_variable_are_refused() {
    refuses(&[
        (
            r#"{"upstreams":[{"name":"a"}],"session":{"keys":["c2hvcnQ="]}}"#,
            &["session.keys[0]", "expected"],
        ),
        (
            r#"{"upstreams":[{"name":"a"}],"session":{"keys_env":"NO_SUCH_VARIABLE"}}"#,
            &["session.keys_env", "NO_SUCH_VARIABLE"],
        ),
    ])
    .await;
    let secret = key(b'S');
    let text = format!(
        r#"{{"upstreams":[{{"name":"a"}}],"session":{{"keys":["{secret}","x{secret}"]}}}}"#
    );
    let log = Setup::new().text(&text).refused().await;
    assert!(log.contains("session.keys[1]"), "{log}");
    let told = log.lines().filter(|line| {
        line.contains(&secret[..40]) && (line.contains("wasm") || line.contains("mcp-mux"))
    });
    assert_eq!(told.count(), 0, "a key must not be in the log:\n{log}");
}

#[tokio::test]
async fn how_long_and_to_whom_lists_are_served_again_is_checked() {
    refuses(&[
        (
            r#"{"upstreams":[{"name":"a"}],"catalog":{"ttl":"500ms"}}"#,
            &["catalog.ttl", "500ms", "at least 1s"],
        ),
        (
            r#"{"upstreams":[{"name":"a"}],"catalog":{"scope":"all"}}"#,
            &["catalog.scope", "all", "public"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn modes_of_prefixes_and_new_names_are_checked() {
    refuses(&[
        (
            r#"{"upstreams":[{"name":"a"}],"naming":{"prefix":"sometimes"}}"#,
            &["naming.prefix", "sometimes", "on_conflict"],
        ),
        (
            r#"{"upstreams":[{"name":"a","tools":{"rename":{"x":"z","y":"z"}}}]}"#,
            &["upstreams[0].tools.rename.y", "expected"],
        ),
        (
            r#"{"upstreams":[{"name":"a-b"},{"name":"b","prefix":"a_b"}]}"#,
            &["upstreams[1].prefix", "a-b+", "expected"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_struct_is_checked_like_text() {
    let wrong = Setup::new().form(Form::Struct).entry("a", &json!({"timeout": true}));
    // An Envoy that runs stays as it is; one that starts ends.
    for log in [wrong.clone().refused().await, wrong.alone().refused().await] {
        for word in ["upstreams[0].timeout", "true", "expected"] {
            assert!(log.contains(word), "{word}:\n{log}");
        }
    }
}

#[tokio::test]
async fn every_field_works_as_text_and_as_a_struct() {
    let a = Upstream::named("a").tools(&["get_x", "get_admin"]).start().await;
    let fields = json!({
        "path": "/tools",
        "authority": "a.example:80",
        "timeout": "5s",
        "call_timeout": "1m",
        "prefix": "first",
        "headers": {"set": {"x-set": "1"}, "forward": ["x-forward"]},
        "tools": {"allow": ["get_*"], "deny": ["*_admin"]},
    });
    for form in [Form::Text, Form::Struct] {
        a.forget();
        let envoy = Setup::new()
            .upstream_with(&a, &fields)
            .set("server", json!({"name": "n", "title": "t", "instructions": "i"}))
            .set("listen", json!("a"))
            .set("naming", json!({"separator": ".", "prefix": "always"}))
            .set("session", json!({"keys": [key(b'A')], "ttl": "1h"}))
            .set("origins", json!({"allow": ["https://app.example"]}))
            .set("limits", json!({"request_body": "1MiB", "upstream_body": 100_000}))
            .set("catalog", json!({"ttl": "1m", "scope": "public"}))
            .form(form)
            .start()
            .await;
        let client = Client::open(&envoy).await;
        assert_eq!(client.initialized["serverInfo"]["name"], "n", "{form:?}");
        assert_eq!(client.tool_names().await, ["first.get_x"], "{form:?}");
        assert_eq!(client.call_text("first.get_x").await, "a:get_x", "{form:?}");
        let seen = a.only("tools/call");
        assert_eq!((seen.target.as_str(), seen.header("x-set")), ("/tools", Some("1")));
    }
}
