//! Any bytes at all, from the client and from upstreams: never a panic, always one way out.
//!
//! That there is exactly one, the host of the simulated world checks: a reply, a routed request or
//! one that passes, and an end of the answer.

mod phrases;

use phrases::{ASKED, OWN, TOLD, WORDS};
use serde_json::json;
use serde_json::value::RawValue;

use crate::world::{
    Answer, Chance, EVERYTHING, KINDS, Pieces, Request, Response, Seen, Server, Way, World,
    event_stream, gateway, paged, raw_member,
};

/// What leads to the second page of each list.
const CURSOR: &str = r#""c""#;

/// Changes a few places: bytes, cuts, words of the trade, repetitions.
fn mutate(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.splice(at..at, chance.pick(&WORDS).bytes()).for_each(drop),
            2 => bytes.insert(at, chance.byte()),
            3 => {
                let end = bytes.len().min(at + chance.below(20));
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece).for_each(drop);
            }
            4 => {
                let end = bytes.len().min(at + chance.below(8));
                bytes.drain(at..end);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = chance.byte();
                }
            }
        }
    }
}

fn any_request(chance: &mut Chance, session: &str, cursor: &str) -> Request {
    let list = format!(r#"{{"cursor":"{cursor}","_meta":{{"progressToken":1,"a":2}}}}"#);
    let mut request = match chance.below(12) {
        0 => Request::rpc("tools/list", &list),
        1 => Request::rpc("tools/list", r#"{"_meta":{"progressToken":1}}"#),
        2 | 3 => Request::post(chance.pick(&TOLD)),
        4 => {
            let event = chance.pick(&["a:t:1", "b:c:7", "late:o:", "c:t:1", "a:?:", "7", ""]);
            if chance.one_in(2) {
                Request::get()
            } else {
                Request::get().with("last-event-id", event)
            }
        }
        5 => Request::delete(),
        _ => {
            let (method, params) = chance.pick(&ASKED);
            Request::rpc(method, params)
        }
    };
    if !chance.one_in(10) {
        request = request.within(session);
    }
    if !request.body.is_empty() {
        mutate(chance, &mut request.body);
    }
    request = request.without("content-length");
    if chance.one_in(4) {
        let at = chance.below(request.head.len());
        mutate(chance, &mut request.head[at].1);
    }
    let names = [
        "origin",
        "accept",
        "mcp-protocol-version",
        "mcp-session-id",
        "x-mcp-cluster",
        "content-encoding",
        "authorization",
    ];
    if chance.one_in(6) {
        let name = chance.pick(&names);
        let mut value = chance.pick(&["http://localhost", "2025-06-18", "*/*", ""]).into();
        mutate(chance, &mut value);
        request = request.with(name, value);
    }
    request.trailers = chance.one_in(30);
    request
}

/// What the server says, or something like it.
fn any_answer(chance: &mut Chance, server: &mut Server, seen: &Seen) -> Answer {
    if chance.one_in(20) {
        return if chance.one_in(2) { Answer::NotSent } else { Answer::Silent };
    }
    let params = raw_member(&seen.body, "params");
    let cursor = params.and_then(|params| raw_member(params.as_bytes(), "cursor"));
    // One that was changed on its way to the gateway leads nowhere.
    if cursor.is_some_and(|it| it != CURSOR) {
        return Response::new(400, "text/plain", "no such page").says();
    }
    let Answer::Says(mut response) = server.answer(seen) else { unreachable!("a server answers") };
    if chance.one_in(8) {
        response.body = event_stream(chance, &String::from_utf8_lossy(&response.body));
    }
    if chance.one_in(2) {
        mutate(chance, &mut response.body);
    }
    if chance.one_in(6) {
        response.status =
            chance.pick(&[0, 100, 202, 204, 302, 400, 401, 404, 404, 405, 500, 503, 999]);
    }
    if chance.one_in(8) && !response.head.is_empty() {
        let at = chance.below(response.head.len());
        let (name, value) = &mut response.head[at];
        // The server would not know its own session by another id.
        if name != "mcp-session-id" {
            mutate(chance, value);
        }
    }
    if chance.one_in(20) {
        let kind = chance.pick(&["text/html", "application/json", "text/event-stream", ""]);
        response = response.with("content-type", kind).with("retry-after", b"\xff");
    }
    response.trailers = seen.routed && chance.one_in(20);
    Answer::Says(response)
}

fn server(name: &str) -> Server {
    let pages = vec![vec![r#"{"name":"t","x":[1.0,{"name":"y"}]}"#.to_owned()], Vec::new()];
    let cursors = || vec![CURSOR.to_owned()];
    let mut server = Server::new(name).capabilities(EVERYTHING).sends(&OWN);
    server = server.links(&[r#""x:y""#.to_owned(), r#""ui:\/\/y""#.to_owned()]);
    for kind in KINDS {
        let item = |key: &str| {
            let view = r#""_meta":{"ui":{"resourceUri":"ui://v"}}"#;
            format!(r#"{{"{}":"{key}",{view},"x":1e2}}"#, kind.key)
        };
        let pages = vec![vec![item("t"), item(&format!("of-{name}"))], vec![item("x:y")]];
        server = server.list(kind.method, pages, cursors());
    }
    server.pages(pages, cursors())
}

/// Runs `rounds` requests; returns how many went each way.
fn run(seed: u64, rounds: usize) -> [usize; 3] {
    let mut plan = paged(&["a", "b"]);
    plan["listen"] = json!("b");
    plan["limits"] = json!({ "upstream_body": 4096, "request_body": 2048 });
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        world.serve(name, server(name));
    }
    let session = world.open();
    let cursor = world.list(&session).json()["result"]["nextCursor"].clone();
    let cursor = cursor.as_str().expect("a cursor").to_owned();
    // One that has no part in the session yet.
    let modes = ["always", "on_conflict", "never"];
    plan["naming"] = json!({ "prefix": modes[usize::try_from(seed % 3).expect("a mode")] });
    plan["upstreams"] = paged(&["a", "b", "late"])["upstreams"].take();
    world.configure(gateway(&plan));
    for name in ["a", "b", "late"] {
        let mut chance = Chance::new(seed ^ 0x55);
        let mut server = server(name);
        world.script(name, move |seen| any_answer(&mut chance, &mut server, seen));
    }
    let mut chance = Chance::new(seed);
    let mut ways = [0; 3];
    for round in 0..rounds {
        world.chance = Chance::new(seed + round as u64);
        world.scarcity = chance.one_in(10).then_some(5);
        world.overflows = chance.one_in(50);
        let got = world.send(&any_request(&mut chance, &session, &cursor));
        let way = match got.way {
            Way::Replied => 0,
            Way::Routed => 1,
            Way::Passed => 2,
        };
        ways[way] += 1;
        if way != 2 && !got.body.is_empty() {
            check_body(&got);
        }
        world.seen.clear();
        world.ambient.shared.clear();
        if chance.one_in(3) {
            world.change_worker();
        }
    }
    ways
}

/// Whatever the gateway itself says is JSON.
fn check_body(got: &crate::world::Got) {
    if got.way == Way::Replied {
        // Not parsed: a key may have half of a surrogate pair, which no Rust text can hold.
        let read = serde_json::from_slice::<&RawValue>(&got.body);
        let begins = got.body.starts_with(br#"{"jsonrpc":"2.0","#);
        assert!(read.is_ok() && begins, "{}", got.text());
    }
}

#[test]
fn any_bytes_find_exactly_one_way_out() {
    let mut ways = [0; 3];
    for seed in 0..6 {
        for (sum, more) in ways.iter_mut().zip(run(seed * 1_000_003, 3_000)) {
            *sum += more;
        }
    }
    let [replied, routed, passed] = ways;
    assert!(replied > 4_000 && routed > 1_000 && passed > 50, "{ways:?}");
}

#[test]
fn any_bytes_alone_are_refused_or_pass() {
    let mut world = World::of(&["a"]);
    let session = world.open();
    let mut chance = Chance::new(11);
    for _ in 0..5_000 {
        let body: Vec<u8> = (0..chance.below(60)).map(|_| chance.byte()).collect();
        let words: String = (0..chance.below(12)).map(|_| chance.pick(&WORDS)).collect();
        for body in [body, words.into_bytes()] {
            let got = world.send(&Request::post(body).within(&session));
            assert_eq!(got.status, 400, "{}", got.text());
        }
    }
}

#[test]
fn any_bytes_of_an_upstream_become_an_error_of_the_call() {
    let mut chance = Chance::new(12);
    let mut world = World::of(&["a"]);
    let session = world.open();
    for round in 0..3_000 {
        world.chance = Chance::new(round);
        let body: Vec<u8> = (0..=chance.below(300)).map(|_| chance.byte()).collect();
        let kind = chance.pick(&["text/html", "text/plain", "", "text/event-stream"]);
        let status = chance.pick(&[200, 500]);
        let response = Response::new(status, kind, body.clone());
        world.script("a", move |_| Answer::Says(response.clone()));
        let got = world.call(&session, "\"a__t\"");
        assert_eq!(got.status, 200);
        if status == 200 && kind == "text/event-stream" {
            let pieces = Pieces::of(&body);
            let added = got.body.strip_prefix(&pieces.untouched()[..]).expect("what is whole");
            let added = added.strip_prefix(b"event: message\ndata: ").expect("an error");
            assert!(added.starts_with(br#"{"jsonrpc":"2.0","id":1,"error""#), "{}", got.text());
            assert!(!pieces.resumable());
        } else {
            assert_eq!(got.refusal(), (200, -32603, json!(1)));
        }
    }
}
