//! Large requests of the stateless era: their head says whose they are, so they go on from their first bytes,
//! and what the body says is checked as it streams through.

use serde_json::{Value, json};

use super::members;
use crate::world::{
    Chance, EVERYTHING, Got, Kind, PROMPTS, RESOURCES, Request, Server, TOOLS, Way, World, config,
};

const PREFIX: &str = "io.modelcontextprotocol";

/// Two upstreams without sessions, whose era is known; `request_buffer` is what the host takes back.
fn world(request_buffer: usize) -> World {
    let mut world = World::new(&config(&["a", "b"]));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING).stateless());
    }
    world.send(&Request::stateless("server/discover", "", None));
    world.abilities.request_buffer = request_buffer;
    world
}

fn pick(chance: &mut Chance, usual: &str, others: &[&str]) -> String {
    if chance.one_in(12) { chance.pick(others).to_owned() } else { usual.to_owned() }
}

/// The members of `_meta`, mostly as they have to be.
fn meta(chance: &mut Chance) -> String {
    let revision = pick(chance, r#""2026-07-28""#, &["1", r#""2026-07-29""#, "{}", "null"]);
    let capabilities = [
        r#"{"roots":{},"x":[1]}"#,
        r#"{"extensions":{"io.modelcontextprotocol/ui":{"a":1}}}"#,
        r#"{"extensions":{"x/y":{"a":"}"},"io.modelcontextprotocol/ui":{}},"sampling":{}}"#,
        r#"{"e\u0078tensions":{"x/y":{}}}"#,
    ];
    let usual = chance.pick(&capabilities);
    let capabilities = pick(chance, usual, &["1", "[]", "null", "\"{}\""]);
    let info = pick(chance, r#"{"name":"c","version":"1"}"#, &["1", "[]", "\"c\""]);
    let mut said = vec![
        format!(r#""{PREFIX}/protocolVersion":{revision}"#),
        format!(r#""{PREFIX}/clientCapabilities" : {capabilities}"#),
        format!(r#""{PREFIX}/clientInfo":{info}"#),
    ];
    if chance.one_in(4) {
        let level = pick(chance, r#""info""#, &["1", "{}"]);
        said.push(format!(r#""{PREFIX}/logLevel":{level}"#));
    }
    if chance.one_in(4) {
        said.push(r#""progressToken":7"#.to_owned());
    }
    if chance.one_in(20) {
        said.remove(chance.below(2));
    }
    if chance.one_in(20) {
        said.push(format!(r#""{PREFIX}/protocolVersion":"2026-07-28""#));
    }
    members(chance, said)
}

/// A large request, which most often is as it has to be.
fn request(chance: &mut Chance) -> Request {
    let kind: Kind = chance.pick(&[TOOLS, PROMPTS, RESOURCES]);
    let (raw, head) = if kind == RESOURCES {
        chance.pick(&[(r#""a+x:y""#, "a+x:y"), (r#""\u0061+x:\/""#, "=?base64?YSt4Oi8=?=")])
    } else {
        chance.pick(&[(r#""a__t""#, " a__t"), (r#""a\u005f_\"\\""#, r#"a__"\"#)])
    };
    let text = "y".repeat(1000);
    let large = vec![format!(r#"{{"name":"{text}"}}"#); 40].join(",");
    let key = kind.key;
    let named = format!(r#""{key}":{raw}"#);
    let others = [r#""uri":1"#, r#""name":{}"#, r#""x":1"#, r#""name":"b__t""#, r#""uri":"b+x:y""#];
    let mut params = vec![
        pick(chance, &named, &others),
        format!(r#""arguments":[{large}]"#),
        format!(r#""x":[{large}]"#),
    ];
    if !chance.one_in(20) {
        let meta = meta(chance);
        params.push(pick(chance, &format!(r#""_meta":{{{meta}}}"#), &[r#""_meta":1"#]));
    }
    if chance.one_in(12) {
        params.push(
            chance.pick(&[named.as_str(), r#""Name":1"#, r#""URI":1"#, r#""_meta":{}"#]).to_owned(),
        );
    }
    let params = members(chance, params);
    let method = pick(chance, kind.about, &["tools/call", "no/such", "ping", "tools/list"]);
    let mut envelope = vec![
        r#""jsonrpc":"2.0""#.to_owned(),
        pick(chance, r#""id":"i""#, &[r#""i":1"#, r#""id":1.5"#, r#""id":1"#]),
        pick(chance, &format!(r#""method":"{method}""#), &[r#""result":{}"#, r#""method":1"#]),
        pick(chance, &format!(r#""params":{{{params}}}"#), &[&format!(r#""params":[{large}]"#)]),
    ];
    if chance.one_in(20) {
        envelope
            .push(chance.pick(&[r#""id":2"#, r#""x":1"#, r#""ID":2"#, r#""error":1"#]).to_owned());
    }
    let mut body = format!("{{{}}}", members(chance, envelope)).into_bytes();
    if chance.one_in(12) {
        let at = chance.below(body.len());
        body[at] = chance.pick(b"{}[]\",: \\x1");
    }
    let announced = Request::post(body)
        .with("mcp-protocol-version", pick(chance, "2026-07-28", &["2026-07-29", "2025-11-25"]))
        .with("mcp-method", pick(chance, kind.about, &["tools/call", "x", "resources/subscribe"]))
        .with("mcp-name", pick(chance, head, &["b__t", "b+x:y", "=?base64?*?=", "c"]));
    let more = ["mcp-name", "mcp-method", "mcp-protocol-version"];
    match chance.below(40) {
        0 => announced.without(chance.pick(&more)),
        1 => announced.and(chance.pick(&more), "x"),
        _ => announced,
    }
}

/// A body without the spaces that keep a length.
fn compact(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).expect("JSON")
}

/// What came of a request, but for how its answer was written.
fn outcome(got: &Got) -> (Way, u16, serde_json::Value) {
    let code = if got.way == Way::Replied && !got.body.is_empty() {
        let json = got.json();
        json!([json["error"]["code"], json["error"]["message"]])
    } else {
        json!(null)
    };
    (got.way, got.status, code)
}

#[test]
fn a_large_request_fares_as_if_it_had_been_held() {
    let (mut held, mut world) = (world(usize::MAX), world(32 << 10));
    let (mut routed, mut refused, mut cut) = (0, 0, 0);
    for seed in 0..900 {
        let mut chance = Chance::new(seed);
        let request = request(&mut chance);
        let announced = chance.one_in(2);
        let shown = String::from_utf8_lossy(&request.body).replace(&"y".repeat(1000), "");
        let shown = format!("{seed}: {:?} {shown}", &request.head[5..]);
        let wanted = held.send(&request);
        world.chance = Chance::new(seed);
        let got = world.send(&if announced { request } else { request.without("content-length") });
        assert_eq!(outcome(&got), outcome(&wanted), "{shown}");
        assert!(got.counts.len() <= 1);
        match (got.way, &got.went, &wanted.went) {
            (Way::Routed, Some(went), Some(wanted)) => {
                routed += 1;
                let exact = went.body == wanted.body;
                assert!(
                    exact || announced && compact(&went.body) == compact(&wanted.body),
                    "{shown}"
                );
                for name in ["mcp-name", "mcp-method", "mcp-protocol-version", ":path"] {
                    assert_eq!(went.header(name), wanted.header(name), "{shown}");
                }
                if let Some(length) = went.header("content-length") {
                    assert_eq!(length, went.body.len().to_string(), "{shown}");
                }
            }
            (_, Some(went), None) => {
                cut += 1;
                // What had gone on is no request, by its length or by itself.
                let length = went.header("content-length").and_then(|it| it.parse().ok());
                assert!(length.is_none_or(|length: usize| went.body.len() < length), "{shown}");
                let whole = serde_json::from_slice::<serde::de::IgnoredAny>(&went.body);
                assert!(length.is_some() || whole.is_err(), "{shown}");
            }
            (Way::Replied, None, None) => refused += 1,
            other => panic!("{other:?} {shown}"),
        }
    }
    assert!(routed > 150 && cut > 200 && refused > 50, "{routed} {cut} {refused}");
    assert!(world.streamed > 1000 && held.streamed == 0, "{} {}", world.streamed, held.streamed);
}

#[test]
fn a_large_request_goes_on_before_its_body_says_whose_it_is() {
    let mut world = world(32 << 10);
    world.at_once = false;
    let large = "y".repeat(400_000);
    let meta = crate::world::stateless::ENVELOPE;
    let body = format!(
        r#"{{"jsonrpc":"2.0","params":{{"arguments":{{"x":"{large}"}},"name":"a__t","_meta":{{{meta}}}}},"id":1,"method":"tools/call"}}"#
    );
    let got = world.send(
        &Request::post(body.clone())
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", "tools/call")
            .with("mcp-name", "a__t"),
    );
    assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
    assert_eq!(got.went.expect("went").body, body.replace("a__t", "t").into_bytes());
    assert!(world.streamed > 0);
}

/// Its upstream is of the other era: what is translated is held.
#[test]
fn a_request_that_is_translated_is_held() {
    let mut world = World::of(&["a"]);
    world.send(&Request::stateless("server/discover", "", None));
    let params = format!(r#""name":"a__t","arguments":{{"x":"{}"}}"#, "y".repeat(200_000));
    let got = world.send(&Request::stateless("tools/call", &params, Some("a__t")));
    assert_eq!((got.way, got.status, world.streamed), (Way::Routed, 200, 0), "{}", got.text());
    assert!(!got.went.expect("went").text().contains("protocolVersion"));
}

/// Within a session it would go on, as long as nothing says that it is of the other era.
#[test]
fn a_large_request_that_says_its_era_in_its_body_alone_is_refused_as_a_short_one() {
    let mut world = World::of(&["a"]);
    let session = world.begin();
    world.abilities.request_buffer = 32 << 10;
    let envelope = format!(r#""_meta":{{{}}}"#, crate::world::stateless::ENVELOPE);
    let other = format!(r#""_meta":{{"{PREFIX}/protocolVersion":1}}"#);
    for (meta, code) in [(envelope, -32020), (other, -32602)] {
        let mut streamed = 0;
        for length in [10, 200_000] {
            let arguments = format!(r#""arguments":{{"x":"{}"}}"#, "y".repeat(length));
            let name = r#""name":"a__t""#.to_owned();
            for params in [[&meta, &name, &arguments], [&name, &arguments, &meta]] {
                let params = params.map(String::as_str).join(",");
                for session in [None, Some(session.as_str())] {
                    let request = Request::rpc("tools/call", &format!("{{{params}}}"));
                    let before = world.streamed;
                    let got = world.send(&session.into_iter().fold(request, Request::within));
                    assert_eq!(got.refusal(), (400, code, json!(1)), "{}", got.text());
                    // What went on is no request.
                    let went = got.went.map(|went| went.body);
                    let whole = |body: &Vec<u8>| serde_json::from_slice::<Value>(body).is_ok();
                    assert!(!went.is_some_and(|body| whole(&body)));
                    streamed += usize::from(world.streamed > before);
                }
            }
        }
        assert_eq!(streamed, 1, "the large one in a session that says it last");
    }
    assert_eq!(world.seen_by("a", "tools/call").len(), 0);
}
