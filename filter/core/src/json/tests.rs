use serde_json::value::RawValue;

use super::*;
use crate::chance::Chance;

fn taken(text: &str) -> Option<&str> {
    Raw::read(text).map(Raw::get)
}

/// What a parser takes that was written by others.
fn taken_elsewhere(text: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
}

#[test]
fn what_rfc_8259_allows_is_read_and_nothing_else() {
    for text in [
        "0",
        "-0",
        "10",
        "1.5",
        "-1.25e+10",
        "1E2",
        "123456789012345678901234567890",
        "true",
        "null",
        "false",
        r#""""#,
        r#"" a\"\\\/\b\f\n\r\t\u00e9\ud800""#,
        "[]",
        "{}",
        " [ 1 , [ ] , { } ]\n",
        r#" {"a" : {"b":[null,{"c":""}]} , "" : "é" } "#,
        "\"\u{7f}\u{80}\u{1F980}\"",
    ] {
        assert_eq!(taken(text), Some(text.trim()), "{text}");
        assert_eq!(taken_elsewhere(text), Some(text.trim()), "{text}");
    }
    for text in [
        "",
        " ",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "tru",
        "truex",
        "nul",
        "'a'",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{a:1}",
        r#"{"a":1 "b":2}"#,
        "[}",
        "{]",
        "[1}",
        r#"{"a":1]"#,
        "[",
        "{",
        r#"{"a":[1}"#,
        "1 1",
        "[]]",
        "\"",
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u12""#,
        "\"\n\"",
        "\"\u{1f}\"",
        "\u{feff}1",
        "\u{a0}1",
        "NaN",
        "1\u{0}",
    ] {
        assert_eq!(taken(text), None, "{text}");
        assert_eq!(taken_elsewhere(text), None, "{text}");
    }
}

#[test]
fn it_takes_what_another_parser_takes() {
    let document = concat!(
        r#"{"jsonrpc":"2.0","id":-12.5e3,"result":{"tools":[{"name":"a\u0041","description":"#,
        r#""a long text with an é and a \"quote\", longer than a block of sixty-four bytes is","#,
        r#""inputSchema":{"type":"object","a":[true,false,null,[[]],{}]}},{}]}}"#
    );
    let alphabet = br#"{}[]",:\ue0123456789.-+tfnl abE"#;
    let mut chance = Chance::new(11);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..40_000 {
        let mut bytes = document.as_bytes().to_vec();
        for _ in 0..=chance.below(3) {
            let at = chance.below(bytes.len());
            match chance.below(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, alphabet[chance.below(alphabet.len())]),
                _ => bytes[at] = alphabet[chance.below(alphabet.len())],
            }
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        assert_eq!(taken(text), taken_elsewhere(text), "{text}");
        *if taken(text).is_some() { &mut good } else { &mut bad } += 1;
    }
    assert!(good > 500 && bad > 1_000, "{good} {bad}");
}

#[test]
fn strings_end_where_they_end_however_long_they_are() {
    for length in 0..300 {
        for special in ["", "\\\"", "\\\\", "\\u0022", "\n"] {
            for at in [0, length / 2, length] {
                let mut inner = "é".repeat(length / 2) + &"x".repeat(length % 2);
                let at = (0..=at).rev().find(|at| inner.is_char_boundary(*at)).unwrap();
                inner.insert_str(at, special);
                let text = format!("[\"{inner}\",1]");
                let whole = (special != "\n").then_some(text.as_str());
                assert_eq!(taken(&text), whole, "{text}");
            }
        }
    }
}

#[test]
fn depth_does_not_matter() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"":"#, "}]")] {
        for depth in [1, 63, 64, 65, 128, 129, 100_000] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(taken(&text), Some(text.as_str()));
            assert_eq!(taken(&text[1..]), None);
            assert_eq!(taken(&text[..text.len() - 1]), None);
        }
    }
}

#[test]
fn members_and_elements_are_looked_into_or_passed_over() {
    let text = r#" {"a":[1,{"b":2},"c"],"\u0062":{"x":null,"uri":"u","type":"t"}} "#;
    let (mut keys, mut elements, mut picked) = (Vec::new(), Vec::new(), None);
    let read = Scan::whole(text, |scan| {
        scan.members(|scan, key| {
            keys.push(key.clone().into_owned());
            if key == "a" {
                return scan
                    .elements(|scan| scan.value().map(|raw| elements.push(raw.get())))
                    .map(drop);
            }
            picked = scan.pick(["type", "uri", "none"])?;
            Ok(())
        })
    });
    assert_eq!(read, Ok(true));
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(elements, ["1", r#"{"b":2}"#, r#""c""#]);
    let picked = picked.unwrap().map(|raw| raw.map(Raw::get));
    assert_eq!(picked, [Some(r#""t""#), Some(r#""u""#), None]);
}

#[test]
fn what_is_no_object_or_says_a_thing_twice_gives_nothing_to_pick() {
    for text in ["1", "[]", r#""a""#, r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#] {
        assert_eq!(Scan::whole(text, |scan| scan.pick(["a"])), Ok(None), "{text}");
    }
    for text in ["", "{", r#"{"a":1"#, r#"{"a":1}}"#, r#"{"a":tru}"#] {
        assert_eq!(Scan::whole(text, |scan| scan.pick(["a"])), Err(Malformed), "{text}");
    }
    assert_eq!(Scan::whole("[1]", |scan| scan.members(|_, _| Err(Malformed))), Ok(false));
    assert_eq!(Scan::whole("{\"a\":1}", |scan| scan.elements(|_| Err(Malformed))), Ok(false));
}
