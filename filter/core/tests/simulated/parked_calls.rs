//! What a server with sessions asks of a client without one: results that ask for input, and calls that wait for it.

use serde_json::{Value, json};

use crate::questions::{ABLE, json_of, messages, reply};
use crate::world::{
    Answer, Chance, Live, Request, Response, Seen, Server, Shape, World, config, events,
};

const CAPABILITIES: &str = r#"{"tools":{},"prompts":{},"resources":{}}"#;

/// A host that streams, and two upstreams with sessions that may ask for everything.
pub(crate) fn world(seed: u64) -> World {
    let upstream = |name| json!({"name": name, "offer": ["roots", "sampling", "elicitation"]});
    let upstreams = ["old", "other"].map(upstream);
    world_of(seed, &json!({ "upstreams": upstreams }))
}

pub(crate) fn world_of(seed: u64, plan: &Value) -> World {
    let mut world = World::streaming(plan);
    for name in ["old", "other"] {
        let server = Server::new(name).tools(&["t"]).capabilities(CAPABILITIES);
        world.serve(name, server.shape(Shape::Json));
    }
    world.chance = Chance::new(seed);
    world
}

/// Requests that an upstream may ask something for, and how the head names what they are about.
pub(crate) const REQUESTS: [(&str, &str, &str); 3] = [
    ("tools/call", r#""name":"old__t","arguments":{ "x":1.0 }"#, "old__t"),
    ("prompts/get", r#""name":"old__t","arguments":{ "x":"1" }"#, "old__t"),
    ("resources/read", r#""uri":"old+x:y""#, "old+x:y"),
];

/// A request of a client that can do this, with more members of its params.
pub(crate) fn request_of(
    able: &str,
    id: usize,
    (method, params, name): (&str, &str, &str),
    more: &str,
) -> Request {
    let meta = format!(
        r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{able},"progressToken":"token {id}""#
    );
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{more},"_meta":{{{meta}}}}}}}"#
    );
    let request = Request::post(body).with("mcp-protocol-version", "2026-07-28");
    request.with("mcp-method", method).with("mcp-name", name)
}

pub(crate) fn call(world: &mut World) -> Live {
    world.listen(&request_of(ABLE, 1, REQUESTS[0], ""))
}

/// An event stream that stays open.
pub(crate) fn stream(messages: &[&str]) -> Answer {
    let messages: Vec<String> = messages.iter().map(|it| (*it).to_owned()).collect();
    Response::new(200, "text/event-stream", events(&messages)).says()
}

pub(crate) const NAME: &str = r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Name?","x":1.0}}"#;
pub(crate) const ROOTS: &str = r#"{"jsonrpc":"2.0","id":"r \"8","method":"roots/list"}"#;

/// Asks this when it is asked for anything.
pub(crate) fn asks(world: &mut World, method: &'static str, question: &'static str) {
    world.script_method("old", method, move |_| stream(&[question]));
}

/// What has come of a request, of which its answer is the last: in an event stream, or as a whole.
pub(crate) fn all(live: &mut Live) -> Vec<Value> {
    if live.reply.is_some() {
        return vec![reply(live)];
    }
    assert!(live.is_ended);
    messages(live)
}

/// The only message that has come, with a question.
pub(crate) fn question(live: &mut Live) -> Value {
    let [message] = &all(live)[..] else { panic!("one message") };
    assert_eq!(message["result"]["resultType"], "input_required", "{message}");
    message.clone()
}

/// What the client sends back: each question answered so, and the state.
pub(crate) fn answered(question: &Value, with: &str) -> String {
    let asked = question["result"]["inputRequests"].as_object().expect("questions");
    let answers: Vec<String> = asked.keys().map(|key| format!("{}:{with}", json!(key))).collect();
    let state = &question["result"]["requestState"];
    format!(r#","inputResponses":{{{}}},"requestState":{state}"#, answers.join(","))
}

pub(crate) const ANN: &str = r#"{"action":"accept","content":{"name":"Ann","n":1.0}}"#;

/// Comes back with an answer, on another worker of the same memory.
pub(crate) fn come_back(world: &mut World, id: usize, question: &Value, with: &str) -> Live {
    world.next_worker();
    world.listen(&request_of(ABLE, id, REQUESTS[0], &answered(question, with)))
}

/// The responses that the server has got.
pub(crate) fn responses(world: &World) -> Vec<Value> {
    let got = world.seen_by("old", "");
    let got = got.iter().filter(|it| !it.body.is_empty());
    got.map(|it| serde_json::from_slice(&it.body).expect("JSON")).collect()
}

/// The cancellations that it has got.
pub(crate) fn cancelled(world: &mut World) -> Vec<Value> {
    world.end_unused_sessions();
    let got = world.seen_by("old", "notifications/cancelled");
    got.iter().map(|it| it.params()["requestId"].clone()).collect()
}

pub(crate) fn done(id: usize) -> String {
    let result = r#"{"content":[],"contents":[],"messages":[],"x":1.0}"#;
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

pub(crate) fn event(message: &str) -> Vec<u8> {
    events(&[message.to_owned()]).into_bytes()
}

#[test]
fn a_question_is_a_result_and_the_answer_goes_on_with_the_call() {
    for seed in 0..10 {
        for request in REQUESTS {
            let mut world = world(seed);
            asks(&mut world, request.0, NAME);
            let mut live = world.listen(&request_of(ABLE, 1, request, ""));
            let asked = question(&mut live);
            assert_eq!(asked["id"], 1);
            let [(key, input)] = &asked["result"]["inputRequests"]
                .as_object()
                .unwrap()
                .iter()
                .collect::<Vec<_>>()[..]
            else {
                panic!("one question: {asked}")
            };
            assert_eq!(*key, "7");
            let params = json!({"message": "Name?", "x": 1.0});
            assert_eq!(**input, json!({"method": "elicitation/create", "params": params}));
            live.leave(&mut world);
            assert_eq!((world.parked(), world.worker.shared().calls_parked()), (vec!["old"], 1));
            // On another worker, and under another id.
            world.next_worker();
            let more = answered(&asked, ANN);
            let mut live = world.listen(&request_of(ABLE, 2, request, &more));
            assert!(live.reply.is_none() && live.head.is_none(), "nothing has come yet");
            assert_eq!(world.parked(), [""; 0]);
            live.push(&mut world, "old", &event(&done(1)));
            let result = reply(&live);
            assert_eq!((&result["id"], &result["result"]["x"]), (&json!(2), &json!(1.0)));
            assert_eq!(result["result"]["resultType"], "complete");
            assert!(live.warnings.is_empty(), "{:?}", live.warnings);
            live.leave(&mut world);
            let given = json!({"action": "accept", "content": {"name": "Ann", "n": 1.0}});
            assert_eq!(responses(&world), [json!({"jsonrpc": "2.0", "id": 7, "result": given})]);
            assert!(String::from_utf8_lossy(&world.seen_by("old", "")[0].body).contains("1.0"));
            assert_eq!(world.seen_by("old", request.0).len(), 1, "it is called once");
            assert_eq!(world.seen_by("old", "initialize").len(), 1, "in one session");
            assert_eq!(cancelled(&mut world), [] as [Value; 0]);
            assert_eq!(world.worker.shared().calls_parked(), 0);
        }
    }
}

#[test]
fn what_the_client_has_declared_is_offered_and_the_call_has_nothing_of_it() {
    let mut world = world(1);
    asks(&mut world, "tools/call", NAME);
    drop(call(&mut world));
    let offered: Value = serde_json::from_str(ABLE).unwrap();
    assert_eq!(world.seen_by("old", "initialize")[0].params()["capabilities"], offered);
    let seen = world.seen_by("old", "tools/call")[0];
    assert_eq!((seen.id(), seen.routed), ("1".to_owned(), false));
    let params =
        json!({"name": "t", "arguments": {"x": 1.0}, "_meta": {"progressToken": "token 1"}});
    assert_eq!(seen.params(), params);
    // Nobody else is asked in that session.
    world.script_method("old", "tools/call", |seen| json_of(seen, r#""result":{}"#));
    let mut other = world.listen(&request_of("{}", 1, REQUESTS[0], ""));
    other.leave(&mut world);
    let offers: Vec<Value> = world
        .seen_by("old", "initialize")
        .iter()
        .map(|it| it.params()["capabilities"].clone())
        .collect();
    assert_eq!(offers, [offered, json!({})]);
}

/// Most servers ask for them on the stream of the session, which nobody hears.
#[test]
fn roots_are_offered_if_the_configuration_names_them() {
    for (offer, expected) in [
        (Value::Null, json!({"sampling": {}, "elicitation": {"form": {}, "url": {}}})),
        (json!(["roots"]), json!({"roots": {}})),
        (json!(["sampling"]), json!({"sampling": {}})),
    ] {
        let mut plan = config(&["old", "other"]);
        if !offer.is_null() {
            plan["upstreams"][0]["offer"] = offer;
        }
        let mut world = world_of(1, &plan);
        world.script_method("old", "tools/call", |_| stream(&[ROOTS]));
        drop(call(&mut world));
        assert_eq!(world.seen_by("old", "initialize")[0].params()["capabilities"], expected);
        let is_refused = expected.get("roots").is_none();
        assert_eq!(responses(&world).iter().any(|it| it["error"]["code"] == -32601), is_refused);
    }
}

#[test]
fn a_host_that_does_not_stream_offers_nothing() {
    let mut world = World::of(&["old"]);
    world.send(&request_of(ABLE, 1, REQUESTS[0], ""));
    assert_eq!(world.seen_by("old", "initialize")[0].params()["capabilities"], json!({}));
}

#[test]
fn a_call_may_ask_again_and_again() {
    for seed in 0..20 {
        let mut world = world(seed);
        asks(&mut world, "tools/call", NAME);
        let mut live = call(&mut world);
        for round in 2..20 {
            let asked = question(&mut live);
            live.leave(&mut world);
            // The next one may come while nobody is there.
            let next = event(if round % 2 == 0 { ROOTS } else { NAME });
            let is_early = round % 3 == 0;
            if is_early {
                world.push_parked(&next);
            }
            live = come_back(&mut world, round, &asked, r#"{"roots":[]}"#);
            if !is_early {
                live.push(&mut world, "old", &next);
            }
        }
        let asked = question(&mut live);
        let mut last = come_back(&mut world, 20, &asked, ANN);
        last.push(&mut world, "old", &event(&done(1)));
        assert_eq!(all(&mut last)[0]["id"], 20);
        let ids: Vec<Value> = responses(&world).iter().map(|it| it["id"].clone()).collect();
        assert_eq!(ids[..2], [json!(7), json!("r \"8")]);
        assert_eq!((ids.len(), world.seen_by("old", "tools/call").len()), (19, 1));
    }
}

#[test]
fn what_comes_before_and_after_a_question_reaches_the_request_of_its_time() {
    let progress = |token: &str, at: usize| {
        let params = format!(r#"{{"progressToken":"{token}","progress":{at}}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#)
    };
    for seed in 0..20 {
        let mut world = world(seed);
        let first = progress("token 1", 1);
        world.script_method("old", "tools/call", move |_| stream(&[&first, NAME]));
        let mut live = call(&mut world);
        let [before, asked] = &all(&mut live)[..] else { panic!("two messages") };
        assert_eq!(before["params"], json!({"progressToken": "token 1", "progress": 1}));
        // Some while nobody is there, and some later.
        world.push_parked(&event(&progress("token 1", 2)));
        let mut live = come_back(&mut world, 2, asked, ANN);
        live.push(&mut world, "old", &event(&progress("token 1", 3)));
        live.push(&mut world, "old", &event(&done(1)));
        let came = all(&mut live);
        for (message, at) in came.iter().zip([2, 3]) {
            assert_eq!(message["params"], json!({"progressToken": "token 2", "progress": at}));
        }
        assert_eq!((came.len(), &came[2]["id"]), (3, &json!(2)));
    }
}

#[test]
fn several_questions_at_once_are_asked_one_by_one() {
    for seed in 0..20 {
        let mut world = world(seed);
        world.script_method("old", "tools/call", |_| stream(&[NAME, ROOTS, &done(1)]));
        let mut live = call(&mut world);
        let first = question(&mut live);
        let mut live = come_back(&mut world, 2, &first, ANN);
        let second = question(&mut live);
        let inputs = &second["result"]["inputRequests"];
        assert_eq!(inputs, &json!({"r \"8": {"method": "roots/list"}}));
        assert_eq!(responses(&world).len(), 1, "it has its answer before the next is asked");
        let mut live = come_back(&mut world, 3, &second, r#"{"roots":[]}"#);
        assert_eq!(all(&mut live)[0]["result"]["x"], 1.0);
    }
}

#[test]
fn what_the_client_cannot_be_asked_is_answered_here() {
    let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
    let sampling = r#"{"jsonrpc":"2.0","id":3,"method":"sampling/createMessage","params":{}}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":4,"method":"tasks/get","params":{}}"#;
    for seed in 0..20 {
        let mut world = world(seed);
        world.script_method("old", "tools/call", move |_| stream(&[ping, sampling, unknown, NAME]));
        let able = r#"{"elicitation":{}}"#;
        let mut live = world.listen(&request_of(able, 1, REQUESTS[0], ""));
        question(&mut live);
        let [first, sampling, unknown] = &responses(&world)[..] else { panic!("three responses") };
        assert_eq!(*first, json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
        for (response, id) in [(sampling, 3), (unknown, 4)] {
            assert_eq!((&response["id"], &response["error"]["code"]), (&json!(id), &json!(-32601)));
        }
    }
}

/// Its names are its own, and the client knows them by others.
#[test]
fn what_a_question_names_is_renamed() {
    let link = r#"{"type":"resource_link","uri":"x:y","name":"n"}"#;
    let asked = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{{"messages":[{{"role":"user","content":{link}}}]}}}}"#
    );
    let mut world = world(1);
    world.script_method("old", "tools/call", move |_| stream(&[&asked]));
    let mut live = call(&mut world);
    let input = &question(&mut live)["result"]["inputRequests"]["1"];
    assert_eq!(input["params"]["messages"][0]["content"]["uri"], "old+x:y");
}

#[test]
fn a_call_that_asks_for_nothing_goes_by() {
    let mut world = world(1);
    world.script_method("old", "tools/call", |seen: &Seen| json_of(seen, r#""result":{"x":1.0}"#));
    let live = call(&mut world);
    assert_eq!(reply(&live)["result"], json!({"x": 1.0, "resultType": "complete"}));
    world.script_method("old", "tools/call", |seen: &Seen| {
        json_of(seen, r#""error":{"code":-32602,"message":"m"}"#)
    });
    let live = call(&mut world);
    assert_eq!(reply(&live)["error"]["code"], -32602);
    // A client that declares nothing is not waited for.
    let request = request_of("{}", 1, REQUESTS[0], "");
    assert!(world.send(&request).went.is_some());
}
