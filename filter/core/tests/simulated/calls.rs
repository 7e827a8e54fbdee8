//! Calls by name: who gets them, and what changes on the way.

use serde_json::{Value, json};

use crate::world::{
    Chance, Request, Server, Way, World, any_object, any_value, config, raw_member, space,
};

/// Prefixes that are easily taken for one another; the last upstream has none.
fn lookalikes() -> World {
    let mut world = World::new(&json!({"upstreams": [
        {"name": "a"}, {"name": "ab", "prefix": "a_b"}, {"name": "dots", "prefix": "a.b-c"},
        {"name": "bare", "prefix": "", "tools": {"deny": ["no*"]}},
        {"name": "some", "tools": {"allow": ["yes", "y__*"]}},
    ]}));
    for name in ["a", "ab", "dots", "bare", "some"] {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    world
}

/// The text as a JSON string, with some characters escaped that need not be.
fn escaped(chance: &mut Chance, text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        let units: Vec<String> =
            letter.encode_utf16(&mut [0; 2]).iter().map(|it| format!("\\u{it:04x}")).collect();
        let units = units.concat();
        let plain = match letter {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '/' if chance.one_in(2) => "\\/".to_owned(),
            control if control < ' ' => units,
            _ if chance.one_in(4) => units,
            other => other.to_string(),
        };
        out.push_str(&plain);
    }
    out + "\""
}

const CALLS: [(&str, Option<(&str, &str)>); 18] = [
    ("a__t", Some(("a", "t"))),
    ("a__", Some(("a", ""))),
    ("a__a__t", Some(("a", "a__t"))),
    ("a___t", Some(("a", "_t"))),
    ("a_b__t", Some(("ab", "t"))),
    ("a_b_", Some(("bare", "a_b_"))),
    ("a.b-c__x/é🦀\"\\\n", Some(("dots", "x/é🦀\"\\\n"))),
    ("aXb-c__t", Some(("bare", "aXb-c__t"))),
    ("A__t", Some(("bare", "A__t"))),
    (" a__t", Some(("bare", " a__t"))),
    ("a_", Some(("bare", "a_"))),
    ("t", Some(("bare", "t"))),
    ("", Some(("bare", ""))),
    ("no", None),
    ("nobody__t", None),
    ("some__yes", Some(("some", "yes"))),
    ("some__y__z", Some(("some", "y__z"))),
    ("some__t", None),
];

const IDS: [&str; 8] =
    ["0", "-7", "123456789012345678901234567890", "\"\"", "\"1\"", r#""\u0061\n""#, "\"é\"", "1"];

/// A call of `name` among whatever else a body may hold, the text of the name included: all up to
/// the name, the name, and all after it.
fn any_call(chance: &mut Chance, name: &str, id: &str) -> (String, String, String) {
    const MARK: &str = "\"\u{1}\"";
    let mut members: Vec<(String, String)> = vec![("\"name\"".to_owned(), MARK.to_owned())];
    for key in ["\"arguments\"", "\"_meta\"", "\"x\""] {
        let decoy = format!(r#"{{"name":{name},"params":{{"name":{name}}}}}"#);
        let value = if chance.one_in(2) { decoy } else { any_value(chance, 3) };
        members.insert(chance.below(members.len() + 1), (key.to_owned(), value));
    }
    let params = any_object(chance, &members);
    let mut envelope = vec![("\"params\"".to_owned(), params)];
    for (key, value) in
        [("\"jsonrpc\"", "\"2.0\""), ("\"id\"", id), ("\"method\"", "\"tools/call\"")]
    {
        envelope.insert(chance.below(envelope.len() + 1), (key.to_owned(), value.to_owned()));
    }
    envelope.insert(chance.below(5), ("\"name\"".to_owned(), name.to_owned()));
    let body = format!("{}{}{}", space(chance), any_object(chance, &envelope), space(chance));
    let (before, after) = body.split_once(MARK).expect("the name's place");
    (before.to_owned(), name.to_owned(), after.to_owned())
}

#[test]
fn calls_reach_the_owner_with_the_name_replaced_and_nothing_else() {
    for seed in 0..60 {
        let mut chance = Chance::new(seed);
        let mut world = lookalikes();
        let session = world.open();
        for (name, owner) in CALLS {
            let id = chance.pick(&IDS);
            let raw = escaped(&mut chance, name);
            let (before, raw, after) = any_call(&mut chance, &raw, id);
            let body = format!("{before}{raw}{after}");
            let asked = world.seen.len();
            let got = world.send(&Request::post(body.clone()).within(&session));
            let Some((cluster, own)) = owner else {
                assert_eq!(got.refusal().0, 200, "{name:?}");
                assert_eq!(got.refusal().1, -32602, "{name:?}");
                assert_eq!(raw_member(&got.body, "id").as_deref(), Some(id));
                assert_eq!(world.seen.len(), asked);
                continue;
            };
            assert_eq!((got.way, got.status), (Way::Routed, 200), "{name:?}: {}", got.text());
            let went = got.went.expect("a request");
            assert_eq!(went.cluster, cluster, "{name:?}");
            let sent = String::from_utf8(went.body).expect("UTF-8");
            let sent_name = sent.strip_prefix(&before).and_then(|it| it.strip_suffix(&after));
            let sent_name = sent_name.unwrap_or_else(|| panic!("{body}\nbecame\n{sent}"));
            assert_eq!(serde_json::from_str::<String>(sent_name).ok().as_deref(), Some(own));
            let answered =
                if got.body.starts_with(b"{") { raw_member(&got.body, "id") } else { None };
            assert!(answered.is_none_or(|it| it == id));
        }
    }
}

#[test]
fn the_owner_is_the_one_a_naive_split_finds() {
    let mut world = lookalikes();
    let session = world.open();
    let prefixes = [("a", "a"), ("a_b", "ab"), ("a.b-c", "dots"), ("some", "some")];
    let mut chance = Chance::new(5);
    for _ in 0..1_500 {
        let parts = ["a", "b", "_", "__", "a_b", "a.b-c", "some", "t", "no", "y", "é"];
        let name: String = (0..chance.below(5)).map(|_| chance.pick(&parts)).collect();
        let split = name.split_once("__").and_then(|(head, own)| {
            let known = prefixes.iter().find(|(prefix, _)| *prefix == head)?;
            Some((known.1, own))
        });
        let (cluster, own) = split.unwrap_or(("bare", name.as_str()));
        let hidden = match cluster {
            "bare" => own.starts_with("no"),
            "some" => own != "yes" && !own.starts_with("y__"),
            _ => false,
        };
        let raw = escaped(&mut chance, &name);
        let got = world.call(&session, &raw);
        if hidden {
            assert_eq!(got.refusal(), (200, -32602, json!(1)), "{name}");
        } else {
            let went = got.went.unwrap_or_else(|| panic!("{name} went nowhere"));
            assert_eq!((went.cluster.as_str(), &went.params()["name"]), (cluster, &json!(own)));
        }
    }
}

#[test]
fn what_is_listed_can_be_called_by_its_listed_name() {
    let mut world = lookalikes();
    let tools =
        ["t", "a__t", "nobody", "some__t", "yes", "y__1", "a_b", "é", "", r"\u0061__t", "__"];
    for name in ["a", "ab", "dots", "bare", "some"] {
        world.serve(name, Server::new(name).tools(&tools));
    }
    let session = world.open();
    let names = world.list(&session).names();
    assert!(names.len() > 30);
    for name in names {
        let got = world.call(&session, &json!(name).to_string());
        let went = got.went.unwrap_or_else(|| panic!("{name} went nowhere"));
        let own = went.params()["name"].as_str().expect("a name").to_owned();
        let known =
            |tool: &&str| serde_json::from_str::<String>(&format!("\"{tool}\"")).unwrap() == own;
        assert!(tools.iter().any(known), "{name} became {own}");
        assert!(name.ends_with(&own));
    }
}

#[test]
fn without_a_bare_upstream_a_name_without_a_known_prefix_is_an_unknown_tool() {
    let mut world = World::of(&["a", "b"]);
    let session = world.open();
    let asked = world.seen.len();
    for name in ["", "a", "a_", "a_t", "A__t", "c__t", "__t", "t", "aa__t", "\u{0}", "a\u{200b}__t"]
    {
        let got = world.call(&session, &json!(name).to_string());
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{name:?}");
        let message = got.json()["error"]["message"].as_str().expect("a message").to_owned();
        assert!(message.contains(&format!("Unknown tool: {name}")), "{message}");
    }
    assert_eq!(world.seen.len(), asked);
}

#[test]
fn params_that_name_no_tool_or_two_are_refused() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let asked = world.seen.len();
    for params in [
        "null",
        "[]",
        "[\"a__t\"]",
        "\"a__t\"",
        "{}",
        r#"{"arguments":{"name":"a__t"}}"#,
        r#"{"name":null}"#,
        r#"{"name":["a__t"]}"#,
        r#"{"name":1}"#,
        r#"{"name":"a__\ud800"}"#,
    ] {
        let got = world.send(&Request::rpc("tools/call", params).within(&session));
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{params}");
    }
    for params in [
        r#"{"name":"a__t","name":"a__t"}"#,
        r#"{"name":"a__t","Name":"a__u"}"#,
        r#"{"name":"a__t","NAME":"a__u"}"#,
        r#"{"arguments":{},"arguments":{},"name":"a__t"}"#,
        r#"{"name":"a__t","arguments":{},"n\u0061me":"a__u"}"#,
        r#"{"name":"a__t","arguments":{},"name":null}"#,
    ] {
        let got = world.send(&Request::rpc("tools/call", params).within(&session));
        assert_eq!(got.refusal(), (400, -32600, json!(1)), "{params}");
    }
    let bare = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call"}"#;
    let got = world.send(&Request::post(bare).within(&session));
    assert_eq!(got.refusal(), (200, -32602, json!("x")));
    assert_eq!(world.seen.len(), asked);
}

#[test]
fn a_separator_of_any_visible_characters_parts_prefix_and_name() {
    for separator in ["/", ".", "::", "&<>", "---", "_"] {
        let mut plan = config(&["a", "b"]);
        plan["naming"] = json!({ "separator": separator });
        let mut world = World::new(&plan);
        for name in ["a", "b"] {
            world.serve(name, Server::new(name).tools(&["t"]));
        }
        let session = world.open();
        let names = world.list(&session).names();
        assert_eq!(names, [format!("a{separator}t"), format!("b{separator}t")]);
        for (name, owner) in names.iter().zip(["a", "b"]) {
            let went = world.call(&session, &json!(name).to_string()).went.expect("a request");
            assert_eq!((went.cluster.as_str(), &went.params()["name"]), (owner, &Value::from("t")));
        }
    }
}
