//! GET streams of several upstreams, made one by a host that streams: what goes to the client, and its answers.

use std::collections::BTreeMap;

use mcp_mux_core::effect::{Counter, Outcome};
use serde_json::json;

use crate::get_streams::{get, resume};
use crate::server_requests::{result_of, tell};
use crate::world::{
    Chance, EVERYTHING, INITIALIZE, Live, Request, Response, Server, Talker, Way, World, config,
    event, gateway_in, raw_member,
};

/// The ids and data of the events that a client gets.
pub(crate) fn told(text: &str) -> Vec<(Option<String>, String)> {
    let field = |event: &str, name: &str| {
        let lines = event.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let lines: Vec<&str> = lines.collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    events.map(|event| (field(event, "id"), field(event, "data").unwrap_or_default())).collect()
}

/// The data alone.
pub(crate) fn data(text: &str) -> Vec<String> {
    told(text).into_iter().map(|(_, data)| data).collect()
}

/// A message that is like no other.
pub(crate) fn note(number: usize) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":{number}}}}}"#)
}

pub(crate) const ALL: [&str; 3] = ["a", "b", "c"];

/// A world of servers that talk, its session, and a client that listens to all.
pub(crate) fn talking(seed: u64) -> (World, String, Vec<Talker>, Live) {
    let mut world = World::streaming(&config(&ALL));
    let put = |name: &'static str| {
        let server = Server::new(name).capabilities(EVERYTHING);
        Talker::put(&mut world, name, server)
    };
    let talkers = ALL.into_iter().map(put).collect();
    let session = world.begin();
    world.chance = Chance::new(seed);
    let live = world.listen(&get(&session));
    (world, session, talkers, live)
}

#[test]
fn a_client_is_answered_at_once_and_listens_to_all() {
    let (mut world, session, _, mut live) = talking(1);
    let head = live.head.as_ref().expect("a head");
    assert_eq!((head.status, head.headers[0].0), (200, "content-type"));
    assert_eq!(head.headers[0].1, b"text/event-stream");
    assert_eq!(live.take(), "");
    assert_eq!(live.heard(), ALL);
    let request = Counter::Request { method: "get", outcome: Outcome::Ok };
    assert_eq!(live.counts.iter().filter(|it| **it == request).count(), 1);
    let gets = world.seen.iter().filter(|seen| seen.header(":method").as_deref() == Some("GET"));
    assert_eq!(gets.clone().count(), 3);
    for seen in gets {
        assert_eq!((seen.routed, seen.header("last-event-id")), (false, None));
        assert!(seen.body.is_empty() && seen.header("content-type").is_none());
    }
    // A second one has streams of its own.
    let mut second = world.listen(&get(&session));
    assert_eq!(second.heard(), ALL);
    second.leave(&mut world);
    assert_eq!((second.cancelled, live.heard()), (3, ALL.to_vec()));
    live.leave(&mut world);
    assert_eq!(live.cancelled, 3);
}

#[test]
fn the_events_of_each_upstream_come_in_order_and_once() {
    for seed in 0..100 {
        let (mut world, _, talkers, mut live) = talking(seed);
        let mut chance = Chance::new(seed);
        let mut expected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut text = String::new();
        for number in 0..40 {
            let at = chance.below(ALL.len());
            let message = note(number * 10 + at);
            talkers[at].begin_to_say(&mut live, &mut world, &message);
            expected.entry(at).or_default().push(message);
            if chance.one_in(5) {
                live.settle(&mut world);
                text += &live.take();
            }
        }
        live.settle(&mut world);
        text += &live.take();
        let got = data(&text);
        for (at, expected) in expected {
            let of = |message: &&String| message.ends_with(&format!("{at}}}}}"));
            let got: Vec<&String> = got.iter().filter(of).collect();
            assert_eq!(got, expected.iter().collect::<Vec<_>>(), "seed {seed}");
        }
        assert_eq!((got.len(), live.held()), (40, 0));
    }
}

#[test]
fn events_are_whole_and_comments_and_retry_stay_behind() {
    for seed in 0..50 {
        let (mut world, _, _, mut live) = talking(seed);
        let stream = "\u{feff}: x\n\nretry: 5\n\nevent: other\ndata: not JSON\ndata: 2\n\n\
            id: 7\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"x\"}\nfoo: bar\n\ndata: half";
        live.send(&mut world, "a", stream.replace('\n', "\r\n").as_bytes());
        live.send(&mut world, "b", b"data: {}\n\n");
        live.settle(&mut world);
        let text = live.take();
        let rest = text.replace("data: {}\n\n", "");
        let (other, rest) = rest.split_once("\n\n").expect("an event");
        assert_eq!(other, "event: other\ndata: not JSON\ndata: 2");
        let (primed, rest) = rest.split_once("\n\n").expect("an event");
        assert!(primed.starts_with("id: *a:") && primed.ends_with(":1:7\ndata: "), "{primed}");
        assert_eq!(rest, "data: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"x\"}\n\n");
        assert!(text.contains("data: {}\n\n") && live.held() > 0);
    }
}

#[test]
fn what_servers_ask_is_answered_to_them_and_names_are_as_clients_know_them() {
    let (mut world, session, talkers, mut live) = talking(1);
    for (talker, name) in talkers.iter().zip(ALL) {
        let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y"}}"#;
        talker.say(&mut live, &mut world, updated);
        assert_eq!(data(&live.take()), [updated.replace("x:y", &format!("{name}+x:y"))]);
        for method in ["ping", "roots/list", "sampling/createMessage", "elicitation/create"] {
            let asked = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
            talker.say(&mut live, &mut world, &asked);
            let [shown] = &data(&live.take())[..] else { panic!("one message") };
            let id = raw_member(shown.as_bytes(), "id").expect("an id");
            assert_eq!(id, world.mark(&session, name, "1"));
            let [seen] = &tell(&mut world, &session, &result_of(&id))[..] else { panic!("once") };
            assert_eq!((seen.cluster.as_str(), seen.id().as_str()), (name, "1"));
        }
        // An answer is none of what comes on this stream.
        talker.say(&mut live, &mut world, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        assert_eq!(live.take(), "");
    }
    assert_eq!(live.warnings.len(), 3);
}

#[test]
fn what_all_can_say_and_ask_is_offered() {
    let able = r#"{"tools":{"listChanged":true},"resources":{"subscribe":true}}"#;
    let other =
        r#"{"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true}}"#;
    let mut world = World::streaming(&config(&["a", "b"]));
    world.serve("a", Server::new("a").capabilities(able));
    world.serve("b", Server::new("b").capabilities(other));
    let initialize =
        INITIALIZE.replace("\"capabilities\":{}", r#""capabilities":{"roots":{},"sampling":{}}"#);
    let got = world.send(&Request::rpc("initialize", &initialize));
    let capabilities = json!({
        "tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
    });
    assert_eq!(got.json()["result"]["capabilities"], capabilities);
    for seen in &world.seen {
        assert_eq!(seen.params()["capabilities"], json!({"roots": {}, "sampling": {}}));
    }
    let session = got.header("mcp-session-id").expect("a session");
    for name in ["a", "b"] {
        let params = format!(r#"{{"uri":"{name}+x:y"}}"#);
        let got = world.send(&Request::rpc("resources/subscribe", &params).within(&session));
        let went = got.went.expect("a request");
        assert_eq!((went.cluster.as_str(), &went.params()), (name, &json!({"uri": "x:y"})));
    }
}

#[test]
fn silence_is_broken_every_fifteen_seconds() {
    let (mut world, _, talkers, mut live) = talking(1);
    live.pass(&mut world, 14);
    assert_eq!(live.take_all(), "");
    live.pass(&mut world, 1);
    assert_eq!(live.take_all(), ": keep-alive\n\n");
    live.pass(&mut world, 10);
    talkers[0].say(&mut live, &mut world, &note(1));
    live.take();
    live.pass(&mut world, 14);
    assert_eq!(live.take_all(), "");
    live.pass(&mut world, 1 + 15 * 3);
    assert_eq!(live.take_all(), ": keep-alive\n\n".repeat(4));
}

#[test]
fn one_upstream_is_listened_to_through_the_router() {
    let mut named = config(&["a", "b"]);
    named["listen"] = json!("b");
    for (plan, cluster) in [(config(&["a"]), "a"), (named, "b")] {
        let mut world = World::streaming(&plan);
        for name in ["a", "b"] {
            world.serve(name, Server::new(name));
        }
        let session = world.open();
        let got = world.send(&get(&session));
        assert_eq!(
            (got.way, got.went.expect("a request").cluster.as_str()),
            (Way::Routed, cluster)
        );
    }
}

#[test]
fn the_rest_of_a_calls_stream_comes_from_its_upstream_through_the_router() {
    let (mut world, session, ..) = talking(1);
    world.script("b", |_| Response::new(200, "text/event-stream", "id: 8\ndata:\n\n").says());
    let id = event("b", 't', "session-of-b", "1", "7");
    let got = world.send(&resume(&session, &id));
    assert_eq!(got.way, Way::Routed);
    let went = got.went.expect("a request");
    assert_eq!((went.cluster.as_str(), went.header("last-event-id").as_deref()), ("b", Some("7")));
    // Of another session: nobody has the answer.
    let got = world.send(&resume(&session, event("b", 't', "session-of-a", "1", "7")));
    assert!(got.text().contains("-32603"), "{}", got.text());
}

#[test]
fn a_client_that_may_not_listen_is_refused() {
    let (mut world, session, ..) = talking(1);
    let refused = |world: &mut World, request: &Request| {
        let live = world.listen(request);
        assert!(live.head.is_none() && live.heard().is_empty());
        live.reply.map(|reply| reply.status)
    };
    assert_eq!(refused(&mut world, &get("x")), Some(404));
    assert_eq!(refused(&mut world, &Request::get()), Some(405));
    let json = get(&session).with("accept", "application/json");
    assert_eq!(refused(&mut world, &json), Some(406));
    assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
    assert_eq!(refused(&mut world, &get(&session)), Some(404));
}

#[test]
fn without_upstreams_a_client_waits() {
    let (mut world, session, ..) = talking(1);
    world.configure(gateway_in(&json!({"upstreams": []}), true));
    let mut live = world.listen(&get(&session));
    live.pass(&mut world, 15);
    assert_eq!(live.take_all(), ": keep-alive\n\n");
}
