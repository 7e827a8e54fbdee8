//! Shapes of items: which clients take, as the SDKs for TypeScript (1.x, 2.x) and Python say, which are
//! mended, and which are left out.

use super::*;

/// The item of this kind with one member put in place of its own, or behind the others.
fn with(method: &str, key: &str, value: &str) -> String {
    let base: &[(&str, &str)] = match method {
        "tools/list" => &[("name", r#""t""#), ("inputSchema", r#"{"type":"object"}"#)],
        "prompts/list" => &[("name", r#""t""#)],
        "resources/list" => &[("name", r#""t""#), ("uri", r#""x:t""#)],
        "resources/templates/list" => &[("name", r#""t""#), ("uriTemplate", r#""x:t""#)],
        _ => &[("taskId", r#""t""#)],
    };
    let others = base.iter().filter(|(known, _)| *known != key);
    let member = (!value.is_empty()).then_some((key, value));
    let members: Vec<_> = others.map(|(key, value)| (*key, *value)).chain(member).collect();
    let members: Vec<String> =
        members.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}

/// What becomes of an item of an upstream without a prefix: it as clients see it, or why it is left out.
fn shown(method: &str, item: &str) -> Result<String, String> {
    let member = listing(method).member;
    let page = read_of(method, 1, &format!(r#"{{"{member}":[{item}]}}"#)).unwrap();
    assert_eq!(page.left_out.len() as u64, page.dropped);
    match page.left_out.as_slice() {
        [] => Ok(String::from_utf8(page.items.bytes().to_vec()).unwrap()),
        [one] => Err(one.reason.clone()),
        more => panic!("{more:?}"),
    }
}

const SCHEMAS: [&str; 2] = ["inputSchema", "outputSchema"];
const ALL: [&str; 4] = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

#[test]
fn items_that_are_merely_unusual_stay_as_they_are() {
    let schemas = [
        r#"{"type":"object"}"#,
        r##"{"type":"object","$ref":"#/x"}"##,
        r#"{"$schema":"x:/","type":"object","properties":{},"required":[],"x":null}"#,
        r#"{"type":"object","properties":{"a":{"type":"nonsense","properties":[],"x":null,"required":1}}}"#,
        r#"{"type":"object","additionalProperties":7,"anyOf":3,"description":4,"title":null}"#,
        r#"{"type":"\u006fbject","properties":{"a":{"properties":{"b":true}}}}"#,
    ];
    for key in SCHEMAS {
        for schema in schemas {
            let item = with("tools/list", key, schema);
            assert_eq!(shown("tools/list", &item).as_ref(), Ok(&item));
        }
    }
    for (key, value) in [
        ("icons", "[]"),
        ("icons", r#"[{"src":"x","sizes":["48x48"],"theme":"dark","mimeType":"","x":null}]"#),
        ("title", r#""""#),
        ("_meta", r#"{"a":null,"progressToken":{}}"#),
        ("x", "null"),
        ("type", "3"),
    ] {
        for method in ALL {
            let item = with(method, key, value);
            assert_eq!(shown(method, &item).as_ref(), Ok(&item));
        }
    }
    for (method, key, value) in [
        ("tools/list", "annotations", r#"{"readOnlyHint":true,"x":null,"audience":1}"#),
        ("tools/list", "size", r#""x""#),
        ("tools/list", "execution", r#"{"x":1}"#),
        ("prompts/list", "arguments", r#"[{"name":"a","required":false,"x":null}]"#),
        ("prompts/list", "annotations", "1"),
        ("resources/list", "size", "1e3"),
        ("resources/list", "size", "-1"),
        ("resources/list", "size", "12345678901234567890123"),
        ("resources/list", "mimeType", r#""""#),
        ("resources/list", "annotations", r#"{"audience":["user","assistant"],"priority":1}"#),
        (
            "resources/list",
            "annotations",
            r#"{"lastModified":"2024-02-29T15:00:58.1234567+02:00"}"#,
        ),
        ("resources/templates/list", "size", r#""x""#),
        ("tasks/list", "ttl", "null"),
        ("tasks/list", "status", r#""working""#),
    ] {
        let item = with(method, key, value);
        let expected = item.replace(r#""taskId":""#, r#""taskId":"b:"#);
        assert_eq!(shown(method, &item), Ok(expected));
    }
}

#[test]
fn items_that_clients_reject_are_left_out_with_a_reason() {
    for (key, value, reason) in [
        ("inputSchema", "", "inputSchema is missing"),
        ("inputSchema", "null", "inputSchema is null"),
        ("inputSchema", "[]", "inputSchema is no object"),
        ("inputSchema", "true", "inputSchema is no object"),
        ("inputSchema", "{}", "inputSchema.type is missing"),
        ("outputSchema", "{}", "outputSchema.type is missing"),
        ("outputSchema", r#"{"type":"array"}"#, "outputSchema.type is none of its values"),
        ("outputSchema", r#""x""#, "outputSchema is no object"),
        ("description", "1", "description is no text"),
        ("annotations", "[]", "annotations is no object"),
        ("annotations", r#"{"title":1}"#, "annotations.title is no text"),
        ("annotations", r#"{"readOnlyHint":"true"}"#, "readOnlyHint is neither true nor false"),
        ("annotations", r#"{"openWorldHint":0}"#, "openWorldHint is neither true nor false"),
        ("execution", "[]", "execution is no object"),
        ("name", r#""t","name":"t""#, "name is there twice"),
        ("title", r#""a","title":"b""#, "title is there twice"),
    ] {
        let refused = shown("tools/list", &with("tools/list", key, value)).unwrap_err();
        assert!(refused.ends_with(reason), "{key} {value}: {refused}");
    }
    for value in [
        r#"{"type":"string"}"#,
        r#"{"type":["object"]}"#,
        r##"{"$ref":"#/x"}"##,
        r#"{"type":"object","properties":[]}"#,
        r#"{"type":"object","properties":{"a":null}}"#,
        r#"{"type":"object","properties":{"a":"string"}}"#,
        r#"{"type":"object","properties":{"a":[]}}"#,
        r#"{"type":"object","properties":{"a":1}}"#,
        r#"{"type":"object","required":"a"}"#,
        r#"{"type":"object","required":[1]}"#,
        r#"{"type":"object","required":true}"#,
        r#"{"type":"object","$schema":5}"#,
    ] {
        for key in SCHEMAS {
            assert!(shown("tools/list", &with("tools/list", key, value)).is_err(), "{value}");
        }
    }
    for (key, value) in [
        ("name", ""),
        ("name", "null"),
        ("name", "1"),
        ("title", "1"),
        ("icons", "{}"),
        ("icons", r#"["x"]"#),
        ("icons", "[null]"),
        ("icons", "[{}]"),
        ("icons", r#"[{"src":null}]"#),
        ("icons", r#"[{"src":"x","sizes":"48x48"}]"#),
        ("icons", r#"[{"src":"x","sizes":[1]}]"#),
        ("icons", r#"[{"src":"x","theme":"blue"}]"#),
        ("icons", r#"[{"src":"x","mimeType":1}]"#),
        ("description", "[]"),
        ("_meta", "[]"),
        ("_meta", "1"),
    ] {
        for method in ALL {
            assert!(shown(method, &with(method, key, value)).is_err(), "{method} {key} {value}");
        }
    }
}

#[test]
fn resources_prompts_and_tasks_that_clients_reject_are_left_out() {
    for (key, value) in [
        ("mimeType", "1"),
        ("annotations", "[]"),
        ("annotations", r#"{"audience":"user"}"#),
        ("annotations", r#"{"audience":["nobody"]}"#),
        ("annotations", r#"{"priority":2}"#),
        ("annotations", r#"{"priority":"0.5"}"#),
        ("annotations", r#"{"lastModified":"yesterday"}"#),
        ("annotations", r#"{"lastModified":"2025-01-12"}"#),
        ("annotations", r#"{"lastModified":"2025-01-12T15:00:58"}"#),
        ("annotations", r#"{"lastModified":"2025-02-29T15:00:58Z"}"#),
        ("annotations", r#"{"lastModified":"2025-01-12t15:00:58z"}"#),
        ("annotations", r#"{"lastModified":"2025-01-12T15:00:58+0200"}"#),
        ("annotations", r#"{"lastModified":"2025-01-12T15:00:58.Z"}"#),
        ("annotations", r#"{"lastModified":1}"#),
    ] {
        for method in ["resources/list", "resources/templates/list"] {
            assert!(shown(method, &with(method, key, value)).is_err(), "{method} {key} {value}");
        }
    }
    for (method, key, value) in [
        ("resources/list", "uri", ""),
        ("resources/list", "uri", "1"),
        ("resources/list", "size", r#""12""#),
        ("resources/list", "size", "1.5"),
        ("resources/list", "size", "1e300"),
        ("resources/list", "size", "true"),
        ("resources/templates/list", "uriTemplate", ""),
        ("prompts/list", "arguments", "{}"),
        ("prompts/list", "arguments", "[null]"),
        ("prompts/list", "arguments", "[{}]"),
        ("prompts/list", "arguments", r#"[{"name":1}]"#),
        ("prompts/list", "arguments", r#"[{"name":"a","required":"yes"}]"#),
        ("prompts/list", "arguments", r#"[{"name":"a","title":1}]"#),
        ("tasks/list", "taskId", "1"),
        ("tasks/list", "status", "null"),
        ("tasks/list", "ttl", r#""1""#),
        ("tasks/list", "pollInterval", r#""1""#),
    ] {
        assert!(shown(method, &with(method, key, value)).is_err(), "{method} {key} {value}");
    }
}

#[test]
fn a_null_that_may_be_missing_is_cut_out_and_every_other_byte_stays() {
    for (item, expected) in [
        (r#"{"description":null,"name":"t"}"#, r#"{"name":"t"}"#),
        (r#"{"name":"t","description":null}"#, r#"{"name":"t"}"#),
        (r#"{ "name" : "t" , "title" : null , "x" : null }"#, r#"{ "name" : "t" , "x" : null }"#),
        (r#"{"title":null,"description":null,"name":"t"}"#, r#"{"name":"t"}"#),
        (
            "{\"title\":null, \"name\":\"t\" ,\n\"description\" : null, \"_meta\":null\t}",
            "{\"name\":\"t\"\t}",
        ),
        (
            r#"{"name":"t","arguments":[{"description":null,"name":"a"},{"name":"b","required":null,"title":null}]}"#,
            r#"{"name":"t","arguments":[{"name":"a"},{"name":"b"}]}"#,
        ),
        (
            r#"{"name":"t","icons":[{"src":"x","theme":null,"x":"\",null"}],"arguments":null}"#,
            r#"{"name":"t","icons":[{"src":"x","x":"\",null"}]}"#,
        ),
    ] {
        assert_eq!(shown("prompts/list", item).as_deref(), Ok(expected));
    }
    let tool = r#"{"name":"t","inputSchema":{"properties":null,"type":"object","required":null},"outputSchema":null,"annotations":{"title":null},"execution":{"taskSupport":null}}"#;
    let mended = r#"{"name":"t","inputSchema":{"type":"object"},"annotations":{},"execution":{}}"#;
    assert_eq!(shown("tools/list", tool).as_deref(), Ok(mended));
    for method in ALL {
        for key in ["title", "description", "icons", "_meta"] {
            assert_eq!(shown(method, &with(method, key, "null")), Ok(with(method, "", "")));
        }
    }
    for key in ["mimeType", "annotations", "size"] {
        let method = "resources/list";
        assert_eq!(shown(method, &with(method, key, "null")), Ok(with(method, "", "")));
    }
}

#[test]
fn a_property_that_is_true_or_false_becomes_the_schema_that_means_it() {
    let item = |yes: &str, no: &str| {
        let schema = r#""type":"object","properties":{"a":YES, "b":NO,"c":{"x":true}}"#;
        let schema = schema.replace("YES", yes).replace("NO", no);
        with("tools/list", "inputSchema", &format!("{{{schema}}}"))
    };
    assert_eq!(shown("tools/list", &item("true", "false")), Ok(item("{}", r#"{"not":{}}"#)));
}

#[test]
fn members_of_the_result_that_clients_reject_are_left_out() {
    let result = |members: &str| {
        let page = read(1, &format!(r#"{{"tools":[]{members}}}"#)).unwrap();
        let joined = join(listing("tools/list"), vec![page], None, Vec::new());
        String::from_utf8(joined.into_bytes()).unwrap()
    };
    for fine in [
        r#","x":null"#,
        r#","_meta":{"progressToken":"x"}"#,
        r#","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}"#,
    ] {
        assert_eq!(result(fine), format!(r#"{{"tools":[]{fine}}}"#));
    }
    for bad in [
        // Said of the joined list, to those of the stateless era.
        r#","ttlMs":1e3"#,
        r#","ttlMs":"1""#,
        r#","cacheScope":"private""#,
        r#","resultType":null"#,
        r#","_meta":{"progressToken":1.5}"#,
        r#","_meta":{"progressToken":null}"#,
        r#","_meta":{"io.modelcontextprotocol/related-task":{}}"#,
        r#","_meta":[]"#,
        r#","_meta":null"#,
    ] {
        assert_eq!(result(bad), r#"{"tools":[]}"#, "{bad}");
    }
}
