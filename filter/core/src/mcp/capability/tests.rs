use super::*;
use crate::chance::Chance;
use crate::gateway::ClientFeatures;

const ALL: &str = r#"{
    "tools": {"listChanged": true}, "prompts": {"listChanged": true},
    "resources": {"subscribe": true, "listChanged": true},
    "completions": {}, "logging": {},
    "tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}},
    "experimental": {"x": [1]}
}"#;

fn read(json: &str) -> Capabilities {
    Capabilities::read(json.as_bytes())
}

#[test]
fn everything_is_read() {
    assert_eq!(read(ALL), Capabilities(0b1_1111_1111_1111));
    assert_eq!(read("{}"), Capabilities::NONE);
    assert_eq!(read(r#" {"logging":{}}	"#.replace("\\t", "\t").as_str()), Capabilities::LOGGING);
    assert_eq!(
        read(r#"{"tasks":{"list":1,"cancel":null,"requests":{"tools":{"call":[true]}}}}"#),
        Capabilities::TASKS
    );
    assert_eq!(
        read(r#"{"tools":{},"resources":{"subscribe":true,"listChanged":false}}"#),
        Capabilities::TOOLS | Capabilities::RESOURCES | Capabilities::RESOURCES_SUBSCRIBE,
    );
    assert_eq!(read(r#"{"\u0074ools":{"list\u0043hanged":true}}"#), {
        Capabilities::TOOLS | Capabilities::TOOLS_LIST_CHANGED
    });
}

#[test]
fn wrong_types_are_ignored() {
    for wrong in ["null", "false", "1", "\"x\"", "[true,true]"] {
        let json = format!(r#"{{"tools":{wrong},"prompts":{{"listChanged":{wrong}}}}}"#);
        assert_eq!(read(&json), Capabilities::PROMPTS, "{json}");
        assert_eq!(read(wrong), Capabilities::NONE, "{wrong}");
    }
    assert_eq!(read("[{},{},{},{},{},{}]"), Capabilities::NONE);
    for broken in ["", "{", r#"{"tools":{}"#, r#"{"tools":{}} x"#, r#"{"tools":{},"tools":{}}"#] {
        assert_eq!(read(broken), Capabilities::NONE, "{broken}");
    }
    assert_eq!(
        read(r#"{"tools":{"listChanged":false,"listChanged":true},"logging":{}}"#),
        Capabilities::LOGGING,
    );
}

#[test]
fn what_is_meant_to_be_an_empty_object_declares_a_capability() {
    for empty in ["[]", "[ ]", "true", "{}"] {
        let json = format!(r#"{{"tools":{empty},"logging":{empty}}}"#);
        assert_eq!(read(&json), Capabilities::TOOLS | Capabilities::LOGGING, "{json}");
        assert_eq!(read(empty), Capabilities::NONE);
    }
}

#[test]
fn clients_see_what_can_be_delivered() {
    let all = read(ALL);
    let some = Capabilities::TOOLS | Capabilities::RESOURCES | Capabilities::TASKS;
    for (each, heard, expected) in [
        (vec![], Capabilities::NONE, "{}"),
        (vec![some], Capabilities::NONE, r#"{"tools":{},"resources":{},"tasks":{}}"#),
        (
            vec![read(r#"{"extensions":{"x":{},"io.modelcontextprotocol/ui":{"y":1}}}"#)],
            Capabilities::NONE,
            r#"{"extensions":{"io.modelcontextprotocol/ui":{}}}"#,
        ),
        (
            vec![Capabilities::TASKS_EXTENSION, Capabilities::APPS],
            Capabilities::NONE,
            r#"{"extensions":{"io.modelcontextprotocol/ui":{},"io.modelcontextprotocol/tasks":{}}}"#,
        ),
        (
            vec![all],
            Capabilities::NONE,
            r#"{"tools":{},"prompts":{},"resources":{},"completions":{},"logging":{},"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}"#,
        ),
        (
            vec![some, all],
            all,
            r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"completions":{},"logging":{},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}}"#,
        ),
    ] {
        assert_eq!(joined(&each, heard), expected);
    }
}

#[test]
fn upstreams_see_what_is_relayed() {
    for (client, seen) in [
        ("{}", "{}"),
        ("[]", "{}"),
        (r#"{"roots":{},"roots":{}}"#, "{}"),
        (
            r#"{"tasks":{},"sampling":{"tools":{}, "x":1e2},"experimental":{"y":{}},"roots":{"listChanged":true},"elicitation":{"form":{}}}"#,
            r#"{"sampling":{"tools":{}, "x":1e2},"roots":{"listChanged":true},"elicitation":{"form":{}}}"#,
        ),
        (
            r#"{"extensions":{"z":{},"io.modelcontextprotocol/ui":{"mimeTypes":["a"]}}}"#,
            r#"{"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["a"]}}}"#,
        ),
        (r#"{"extensions":{"z":{}}}"#, "{}"),
    ] {
        assert_eq!(relayed(client), seen);
    }
}

#[test]
fn upstreams_without_sessions_see_extensions_and_what_they_can_ask_for() {
    let offer = ClientFeatures { sampling: false, ..ClientFeatures::ALL };
    for (client, seen, asked) in [
        ("{}", "{}", "{}"),
        (r#"{"roots":{},"sampling":{},"elicitation":null,"tasks":{}}"#, "{}", r#"{"roots":{}}"#),
        (
            r#"{"roots":{},"extensions":{"z":{},"io.modelcontextprotocol/ui":{"a":[1.0]}}}"#,
            r#"{"extensions":{"io.modelcontextprotocol/ui":{"a":[1.0]}}}"#,
            r#"{"roots":{},"extensions":{"io.modelcontextprotocol/ui":{"a":[1.0]}}}"#,
        ),
        (r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#, "{}", "{}"),
    ] {
        assert_eq!(of_session(client), seen);
        assert_eq!(of_session_asked(client, offer), asked);
    }
}

#[test]
fn tasks_are_of_the_stateless_era() {
    const UI: &str = r#""io.modelcontextprotocol/ui":{"a":[1.0]}"#;
    const EXTENDED: &str = r#""io.modelcontextprotocol/tasks":{ "b":1e2}"#;
    assert_eq!(read(&format!(r#"{{"extensions":{{{EXTENDED}}}}}"#)), Capabilities::TASKS_EXTENSION);
    for (extensions, handshake, stateless) in [
        (UI.to_owned(), UI, UI.to_owned()),
        (EXTENDED.to_owned(), "", EXTENDED.to_owned()),
        (format!(r#""x":{{}},{EXTENDED},{UI}"#), UI, format!("{EXTENDED},{UI}")),
        (format!(r#"{EXTENDED},"x":{{}}"#), "", EXTENDED.to_owned()),
        (r#""x":{}"#.to_owned(), "", String::new()),
    ] {
        let client = format!(r#"{{"extensions":{{{extensions}}}}}"#);
        let of = |left: &str| match left {
            "" => "{}".to_owned(),
            left => format!(r#"{{"extensions":{{{left}}}}}"#),
        };
        assert_eq!((relayed(&client), relayed_stateless(&client)), (of(handshake), of(&stateless)));
        let changed =
            (extensions != stateless).then(|| format!(r#"{{"extensions":{{{stateless}}}}}"#));
        assert_eq!(without_unknown_extensions(&client), changed);
        assert_eq!(declares_tasks(&client), extensions.contains(EXTENDED), "{client}");
    }
    for client in [
        "{}",
        r#"{"io.modelcontextprotocol/tasks":{}}"#,
        r#"{"extensions":{"io.modelcontextprotocol/tasks":null}}"#,
        r#"{"extensions":{"io.modelcontextprotocol/tasks":{},"io.modelcontextprotocol/tasks":{}}}"#,
        r#"{"extensions":["io.modelcontextprotocol/tasks"]}"#,
    ] {
        assert!(!declares_tasks(client), "{client}");
    }
    assert!(declares_tasks(r#"{"\u0065xtensions":{"io.modelcontextprotocol\/tasks":{}}}"#));
}

#[test]
fn sets_contain_their_parts() {
    let all = read(ALL);
    let some = Capabilities::TOOLS | Capabilities::TASKS;
    assert!(all.contains(some) && some.contains(some) && !some.contains(all));
    assert!(some.contains(Capabilities::NONE) && !Capabilities::NONE.contains(some));
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut chance = Chance::new(3);
    for _ in 0..20_000 {
        let mut json = ALL.as_bytes().to_vec();
        for _ in 0..chance.below(4) {
            let at = chance.below(json.len());
            json[at] = chance.pick(b"{}[]\",:\\ tx0\xff");
        }
        json.truncate(chance.below(2 * json.len()));
        assert!(read(ALL).contains(Capabilities::read(&json)));
        let _ = Capabilities::read(&chance.bytes(60));
    }
}
