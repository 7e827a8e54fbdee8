use super::*;

fn properties(properties: &str) -> String {
    format!(r#"{{"type":"object","properties":{{{properties}}}}}"#)
}

fn found(schema: &str) -> Result<Vec<String>, String> {
    let shown = |it: &ParamHeader| format!("{}={}", it.name, it.path.join("/"));
    read(Raw::read(schema).unwrap()).map(|it| it.iter().map(shown).collect())
}

#[test]
fn arguments_are_found_along_properties() {
    let schema = properties(
        r#""a":{"x-mcp-header":"Region","type":"string"},"b":{"type":"object","properties":{
        "c":{"type":["integer","null"],"x-mcp-header":"N-1"},"d":{"type":"string"}}},
        "x-mcp-header":{"type":"boolean","x-mcp-header":"f"},
        "e":{"type":"string","default":{"x-mcp-header":1},"enum":[{"x-mcp-header":"a b"}]}"#,
    );
    let expected = ["mcp-param-region=a", "mcp-param-n-1=b/c", "mcp-param-f=x-mcp-header"];
    assert_eq!(found(&schema).unwrap(), expected);
    let escaped = properties(r#""a":{"type":"string","x-mcp-h\u0065ader":"X"}"#);
    assert_eq!(found(&escaped).unwrap(), ["mcp-param-x=a"]);
    assert_eq!(found(&properties(r#""a":{"type":"string"}"#)), Ok(Vec::new()));
    assert_eq!(found(&properties(r#""a":{"title":"\u00e9"}"#)), Ok(Vec::new()));
    assert_eq!(found("true"), Ok(Vec::new()));
}

#[test]
fn what_nobody_can_follow_is_refused() {
    let property = |of: &str, header: &str| {
        properties(&format!(r#""a":{{"type":{of},"x-mcp-header":{header}}}"#))
    };
    let string = r#"{"type":"string","x-mcp-header":"X"}"#;
    let two = |one: &str, two: &str| {
        let each = |name: &str, header: &str| {
            format!(r#""{name}":{{"type":"string","x-mcp-header":"{header}"}}"#)
        };
        properties(&format!("{},{}", each("a", one), each("b", two)))
    };
    let within = |keyword: &str| format!(r#"{{"type":"object","{keyword}":{string}}}"#);
    let mut rows = vec![
        (property(r#""string""#, r#""""#), "is empty"),
        (property(r#""string""#, "1"), "is no text"),
        (property(r#""string""#, r#""a b""#), "is no token"),
        (property(r#""string""#, r#""a\r\nb""#), "is no token"),
        (property(r#""string""#, r#""é""#), "is no token"),
        (two("X", "x"), "is there twice"),
        (properties(r#""a":{"type":"string","x-mcp-header":"X","x-mcp-header":"Y"}"#), "twice"),
        (properties(&format!(r#""a":{{"type":"array","items":{string}}}"#)), "is not reached"),
        (
            format!(r#"{{"type":"object","anyOf":[{{"properties":{{"a":{string}}}}}]}}"#),
            "not reached",
        ),
        (format!(r#"{{"type":"object","$defs":{{"a":{string}}}}}"#), "is not reached"),
        (r#"{"type":"object","x-mcp-header":"X"}"#.to_owned(), "is neither"),
        (properties(r#""a":{"x-mcp-header":"X"}"#), "is neither"),
    ];
    for of in [r#""number""#, r#""object""#, r#""array""#, r#""null""#, r#"["null"]"#] {
        rows.push((property(of, r#""X""#), "is neither of a string"));
    }
    rows.push((property(r#"["string","number"]"#, r#""X""#), "is neither of a string"));
    rows.extend(SCHEMAS.map(|keyword| (within(keyword), "is not reached")));
    let deep = (0..40).fold(string.to_owned(), |it, _| properties(&format!(r#""a":{it}"#)));
    rows.push((deep, "is too deep"));
    let many: Vec<String> = (0..=MOST)
        .map(|at| format!(r#""{at}":{{"type":"string","x-mcp-header":"h{at}"}}"#))
        .collect();
    rows.push((properties(&many.join(",")), "is one too many"));
    let long = "x".repeat(LONGEST + 1);
    rows.push((property(r#""string""#, &format!(r#""{long}""#)), "is too long"));
    rows.push((properties(&format!(r#""{long}":{string}"#)), "is at keys that are too long"));
    for (schema, flaw) in rows {
        let found = found(&schema).unwrap_err();
        assert!(found.starts_with(ANNOTATION) && found.contains(flaw), "{schema}: {found}");
    }
}

#[test]
fn a_header_holds_its_argument() {
    let schema = properties(
        r#""a":{"type":"string","x-mcp-header":"A"},"b":{"type":"object","properties":{
        "c":{"type":"integer","x-mcp-header":"C"}}},"d":{"type":"boolean","x-mcp-header":"D"}"#,
    );
    let headers = read(Raw::read(&schema).unwrap()).unwrap();
    for (arguments, expected) in [
        (r#"{"a":"x","b":{"c":5},"d":true}"#, "a=x c=5 d=true"),
        (r#"{"d":false,"a":"eu \u00e9"}"#, "a==?base64?ZXUgw6k=?= d=false"),
        (r#"{"a":null,"b":{"c":null},"d":null}"#, ""),
        (r#"{"b":{"c":5.0}}"#, "c=5"),
        (r#"{"b":{"c":-1.2e1}}"#, "c=-12"),
        (r#"{"b":{"c":1.5}}"#, "c=1.5"),
        (r#"{"b":{"c":123456789012345678901}}"#, "c=123456789012345678901"),
        (r#"{"a":{},"b":[],"d":[true]}"#, ""),
        (r#"{"a":"x","a":"y"}"#, ""),
        ("[]", ""),
    ] {
        let found = values(&headers, Raw::read(arguments));
        let found: Vec<String> = found
            .iter()
            .map(|(name, value)| format!("{}={value}", name.strip_prefix(PREFIX).unwrap()))
            .collect();
        assert_eq!(found.join(" "), expected, "{arguments}");
    }
    assert!(values(&headers, None).is_empty());
}

#[test]
fn heads_do_not_grow_without_bound() {
    let each = |name: &str| format!(r#""{name}":{{"type":"string","x-mcp-header":"{name}"}}"#);
    let schema = properties(&["a", "b", "c"].map(each).join(","));
    let headers = read(Raw::read(&schema).unwrap()).unwrap();
    let long = "x".repeat(VALUES - 1);
    for (a, expected) in [(long.clone(), vec!["a", "c"]), (format!("{long}xx"), vec!["b", "c"])] {
        let arguments = format!(r#"{{"a":"{a}","b":"yy","c":"z"}}"#);
        let found = values(&headers, Raw::read(&arguments));
        let names: Vec<_> =
            found.iter().filter_map(|(name, _)| name.strip_prefix(PREFIX)).collect();
        assert_eq!(names, expected);
        assert!(found.iter().map(|(_, value)| value.len()).sum::<usize>() <= VALUES);
    }
}
