//! Large requests that say something twice, or wrong.

use serde::de::IgnoredAny;

use super::{members, send, world};
use crate::world::{Chance, Way, World, raw_member};

/// Whether a request goes on that is held until it is complete, which then says everything once; and
/// the status that its client gets.
fn goes_on(held: &mut World, session: &str, body: &[u8]) -> (bool, u16) {
    let got = send(held, session, body, true);
    let goes_on = got.way == Way::Routed;
    if goes_on {
        let params = raw_member(body, "params").expect("params");
        let Keys(mut keys) = serde_json::from_str(&params).expect("an object");
        assert!(keys.iter().all(|key| key == "name" || !key.eq_ignore_ascii_case("name")));
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "{params}");
    }
    (goes_on, got.status)
}

/// The keys of an object, repeated ones included.
struct Keys(Vec<String>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> serde::de::Visitor<'de> for Read {
            type Value = Keys;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        input.deserialize_map(Read)
    }
}

#[test]
fn what_would_be_refused_whole_never_arrives_whole() {
    let (mut world, session) = world();
    let (mut held, session_held) = super::world();
    held.abilities.request_buffer = usize::MAX;
    let (mut refused, mut cut) = (0, 0);
    for seed in 0..250 {
        let mut chance = Chance::new(seed);
        let text = "y".repeat(1000);
        let arguments = vec![format!(r#"{{"t":"{text}"}}"#); 40].join(",");
        let mut params = vec![
            r#""name":"a__t""#.to_owned(),
            format!(r#""arguments":[{arguments}]"#),
            format!(r#""x":[{arguments}]"#),
        ];
        let mut envelope = vec![
            r#""jsonrpc":"2.0""#.to_owned(),
            r#""id":1"#.into(),
            r#""method":"tools/call""#.into(),
        ];
        let more = [
            r#""name":"b__t""#,
            r#""n\u0061me":1"#,
            r#""Name":{}"#,
            r#""x":1"#,
            r#""uri":"x""#,
            r#""y":[]"#,
            r#""result":1"#,
            r#""ID":2"#,
            r#""id":2"#,
            r#""jsonrpc":"1.0""#,
            r#""params":{}"#,
            r#""_meta":1"#,
        ];
        for _ in 0..chance.below(3) {
            let more = chance.pick(&more).to_owned();
            if chance.one_in(2) { params.push(more) } else { envelope.push(more) }
        }
        let params = members(&mut chance, params);
        envelope.push(format!(r#""params":{{{params}}}"#));
        let mut body = format!("{{{}}}", members(&mut chance, envelope)).into_bytes();
        if chance.one_in(4) {
            // At either end, where the gateway looks, or within arguments, where it does not.
            let reach = chance.pick(&[120, 40_000]);
            let at = chance.below(reach);
            let at = if chance.one_in(2) { at } else { body.len() - 1 - at };
            body[at] = chance.pick(b"{}[]\",: \\x1");
        }
        let (wanted, status) = goes_on(&mut held, &session_held, &body);
        world.chance = Chance::new(seed);
        let got = send(&mut world, &session, body.clone(), chance.one_in(2));
        let shown = String::from_utf8_lossy(&body).replace(&text, "");
        assert_eq!(got.way == Way::Routed, wanted, "{seed}: {} {shown}", got.text());
        if got.way == Way::Replied {
            refused += 1;
            assert!([400, 200, 202].contains(&got.status), "{seed}: {} {shown}", got.text());
            // What had gone on is no request.
            if let Some(went) = &got.went {
                cut += 1;
                assert_eq!(got.status, status, "{seed}: {} {shown}", got.text());
                assert!([400, 202].contains(&status), "{seed}: {shown}");
                assert!(!goes_on(&mut held, &session_held, &went.body).0, "{seed}: {shown}");
            }
        }
        assert!(got.counts.len() <= 1);
    }
    assert!(refused > 90 && cut > 10, "{refused} {cut}");
}

/// Without an id it is a notification, which nobody has to get.
#[test]
fn a_call_without_an_id_is_accepted_and_dropped_whether_it_is_held_or_streams() {
    let long = "y".repeat(100_000);
    for params in [
        format!(r#"{{"name":"a__t","x":"{long}"}}"#),
        format!(r#"{{"name":"a__t","name":"b__t","x":"{long}"}}"#),
        format!(r#"{{"x":"{long}","name":"a__t"}}"#),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"tools/call","params":{params}}}"#);
        for (request_buffer, announced) in
            [(usize::MAX, true), (usize::MAX, false), (32 << 10, true), (32 << 10, false)]
        {
            let (mut world, session) = world();
            world.abilities.request_buffer = request_buffer;
            let got = send(&mut world, &session, body.as_str(), announced);
            assert_eq!((got.way, got.status, got.text()), (Way::Replied, 202, String::new()));
            let complete = |went: &[u8]| serde_json::from_slice::<IgnoredAny>(went).is_ok();
            assert!(!got.went.is_some_and(|went| complete(&went.body)), "{params:.60}");
            assert_eq!(got.counts.len(), 1);
        }
    }
}

/// There are readers that take comments, or strings in other quotes. In what is no JSON they may see
/// another name than the gateway did.
#[test]
fn no_name_hides_in_what_is_no_json() {
    let (mut world, session) = world();
    let long = "y".repeat(100_000);
    let mut cut = 0;
    for (seed, hidden) in (0..).zip([
        r#"{/*"*/},"name":"b__t","z":{/*"*/}"#,
        "{//\"\n},\"name\":\"b__t\",\"z\":{//\"\n}",
        "{#\"\n},\"name\":\"b__t\",\"z\":{#\"\n}",
        r#"['"'],"name":"b__t","z":['"']"#,
        r#"[`"`],"name":"b__t","z":[`"`]"#,
        r#"{"a":nul}"#,
        r#"{"a":01}"#,
        r#"{"a":"\x"}"#,
        "[1,]",
        "\"\u{1}\"",
    ]) {
        for text in [format!(r#""{long}""#), format!(r#""{long}{long}""#), "1".to_owned()] {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a__t","x":{text},"y":{hidden},"x2":"{long}"}}}}"#
            );
            assert!(serde_json::from_str::<IgnoredAny>(&body).is_err(), "{hidden}");
            world.chance = Chance::new(seed);
            let got = send(&mut world, &session, body.as_str(), seed % 2 == 0);
            assert_eq!((got.way, got.refusal().1), (Way::Replied, -32700), "{hidden}");
            cut += usize::from(got.went.is_some());
        }
    }
    let mut body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a__t","x":"{long}{long}"}}}}"#
    )
    .into_bytes();
    for broken in [b"\xff".as_slice(), b"\xc0\xa2", b"\xed\xa0\x80", b"\xf0\x9f\x98x"] {
        body.splice(150_000..150_000 + broken.len(), broken.iter().copied());
        let got = send(&mut world, &session, body.clone(), false);
        assert_eq!((got.way, got.refusal().1), (Way::Replied, -32700), "{broken:?}");
    }
    assert!(cut > 10, "{cut}");
}
