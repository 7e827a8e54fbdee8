//! What a server without sessions asks of a client with one: requests on the stream of the client's call, whose answers
//! become the call once more.

use serde_json::{Value, json};

use crate::merged_streams::data;
use crate::world::{
    Answer, Chance, INITIALIZE, Live, Request, Response, Seen, Server, Shape, World, config, events,
};

const EVERYTHING: &str = r#"{"tools":{},"prompts":{},"resources":{}}"#;

/// All that a client can be asked for.
pub(crate) const ABLE: &str = r#"{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}}}"#;

/// Requests that may be asked for more, and their methods.
const REQUESTS: [(&str, &str); 3] = [
    ("tools/call", r#"{"name":"new__t","arguments":{ "x":1.0 }}"#),
    ("prompts/get", r#"{"name":"new__t","arguments":{ "x":1.0 }}"#),
    ("resources/read", r#"{"uri":"new+x:y","z":{ "x":1.0 }}"#),
];

/// A host that streams, an upstream without sessions, and the session of a client that can do this.
pub(crate) fn world(seed: u64, able: &str) -> (World, String) {
    let mut world = World::streaming(&config(&["new", "old"]));
    let server = |name| Server::new(name).tools(&["t"]).capabilities(EVERYTHING);
    world.serve("new", server("new").shape(Shape::Json).stateless());
    world.serve("old", server("old").shape(Shape::Json));
    let params = INITIALIZE.replace(r#""capabilities":{}"#, &format!(r#""capabilities":{able}"#));
    let got = world.send(&Request::rpc("initialize", &params));
    let session = got.header("mcp-session-id").expect("a session");
    world.chance = Chance::new(seed);
    world.seen.clear();
    (world, session)
}

/// How a server writes its answers.
pub(crate) type Write = fn(&Seen, &str) -> Answer;

pub(crate) fn said(seen: &Seen, says: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, seen.id())
}

pub(crate) fn json_of(seen: &Seen, says: &str) -> Answer {
    Response::new(200, "application/json", said(seen, says)).says()
}

pub(crate) fn sse_of(seen: &Seen, says: &str) -> Answer {
    Response::new(200, "text/event-stream", events(&[said(seen, says)])).says()
}

pub(crate) const WAYS: [Write; 2] = [json_of, sse_of];

/// A result that asks for these inputs.
pub(crate) fn wanting(inputs: &str, state: &str) -> String {
    let state =
        if state.is_empty() { String::new() } else { format!(r#","requestState":{state}"#) };
    format!(r#""result":{{"resultType":"input_required","inputRequests":{{{inputs}}}{state}}}"#)
}

pub(crate) const DONE: &str = r#""result":{"resultType":"complete","content":[],"x":1.0}"#;

pub(crate) const NAME: &str =
    r#""q":{"method":"elicitation/create","params":{"mode":"form","message":"Name?","x":1.0}}"#;

/// Asks for these inputs until they are there.
pub(crate) fn asks(world: &mut World, method: &'static str, inputs: &'static str, write: Write) {
    world.script_method("new", method, move |seen| {
        let has = seen.params().get("inputResponses").is_some();
        if has { write(seen, DONE) } else { write(seen, &wanting(inputs, "\"s 1\"")) }
    });
}

pub(crate) fn ask(world: &mut World, session: &str, (method, params): (&str, &str)) -> Live {
    world.listen(&Request::rpc(method, params).within(session))
}

pub(crate) fn call(world: &mut World, session: &str) -> Live {
    ask(world, session, REQUESTS[0])
}

/// The messages that have come since this was asked last.
pub(crate) fn messages(live: &mut Live) -> Vec<Value> {
    let text = live.take();
    data(&text).iter().map(|it| serde_json::from_str(it).expect("JSON")).collect()
}

/// A client answers a question, on another worker of the same memory.
pub(crate) fn answer(world: &mut World, session: &str, question: &Value, says: &str) {
    let before = world.next_worker();
    let body = format!(r#"{{"jsonrpc":"2.0","id":{},{says}}}"#, question["id"]);
    let got = world.send(&Request::post(body).within(session));
    assert_eq!((got.status, got.text()), (202, String::new()));
    world.worker = before;
}

pub(crate) const ANN: &str = r#""result":{"action":"accept","content":{"name":"Ann","n":1.0}}"#;

/// The whole reply of a call.
pub(crate) fn reply(live: &Live) -> Value {
    let reply = live.reply.as_ref().expect("a whole reply");
    assert_eq!(reply.status, 200);
    serde_json::from_slice(&reply.body).expect("JSON")
}

#[test]
fn a_question_goes_to_the_client_and_its_answer_to_the_server() {
    for (seed, write) in (0..20).flat_map(|seed| WAYS.map(|write| (seed, write))) {
        for request in REQUESTS {
            let (mut world, session) = world(seed, ABLE);
            asks(&mut world, request.0, NAME, write);
            let mut live = ask(&mut world, &session, request);
            assert_eq!(live.head.as_ref().expect("a head").status, 200);
            let [question] = &messages(&mut live)[..] else { panic!("one question") };
            assert_eq!(question["method"], "elicitation/create");
            assert_eq!(question["params"], json!({"mode": "form", "message": "Name?", "x": 1.0}));
            let id = question["id"].as_str().expect("a text");
            assert!(id.len() >= 32 && !live.is_ended, "{id}");
            answer(&mut world, &session, question, ANN);
            assert_eq!(messages(&mut live), [] as [Value; 0]);
            live.settle(&mut world);
            let [result] = &messages(&mut live)[..] else { panic!("the result") };
            assert_eq!((&result["id"], &result["result"]["x"]), (&json!(1), &json!(1.0)));
            assert!(live.is_ended && live.warnings.is_empty(), "{:?}", live.warnings);
            let seen = world.seen_by("new", request.0);
            let [first, second] = &seen[..] else { panic!("two requests") };
            assert_ne!(first.id(), second.id());
            assert_eq!(second.params()["requestState"], "s 1");
            let responses =
                json!({"q": {"action": "accept", "content": {"name": "Ann", "n": 1.0}}});
            assert_eq!(second.params()["inputResponses"], responses);
            for seen in seen {
                assert!(!seen.routed && seen.text().contains(r#"{ "x":1.0 }"#), "{}", seen.text());
                let can = &seen.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"];
                assert_eq!(can, &serde_json::from_str::<Value>(ABLE).unwrap());
            }
            assert_eq!(world.worker.shared().questions_open(), 0);
            live.leave(&mut world);
        }
    }
}

#[test]
fn a_server_sees_the_extensions_of_a_client_with_a_session() {
    let ui = json!({"io.modelcontextprotocol/ui": {"mimeTypes": ["a"]}});
    let able = json!({"extensions": ui, "sampling": {}}).to_string();
    let able = able.replace(r#""extensions":{"#, r#""extensions":{"x/y":{},"#);
    let (mut world, session) = self::world(8, &able);
    assert!(world.list(&session).text().contains("new__t"));
    call(&mut world, &session).settle(&mut world);
    for (method, sees) in [
        ("tools/list", json!({"extensions": ui})),
        ("tools/call", json!({"extensions": ui, "sampling": {}})),
    ] {
        let [seen] = &world.seen_by("new", method)[..] else { panic!("one {method}") };
        let can = &seen.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(*can, sees, "{method}");
    }
}

#[test]
fn an_answer_that_asks_for_nothing_goes_out_as_it_comes() {
    for (write, is_stream) in [(json_of as Write, false), (sse_of, true)] {
        let (mut world, session) = world(3, ABLE);
        world.script_method("new", "tools/call", move |seen| write(seen, DONE));
        let mut live = call(&mut world, &session);
        let message = if is_stream {
            let [message] = &messages(&mut live)[..] else { panic!("one") };
            assert!(live.is_ended);
            message.clone()
        } else {
            reply(&live)
        };
        assert_eq!((&message["id"], &message["result"]["x"]), (&json!(1), &json!(1.0)));
        live.leave(&mut world);
    }
    // Progress comes before the answer is there.
    let (mut world, session) = world(4, ABLE);
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
    world.script_method("new", "tools/call", move |_| {
        let stream = events(&[progress.to_owned()]);
        Response::new(200, "text/event-stream", stream).says()
    });
    let mut live = call(&mut world, &session);
    assert_eq!(data(&live.take()), [progress]);
    let done = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":1,{DONE}}}\n\n");
    live.push(&mut world, "new", done.as_bytes());
    assert_eq!(messages(&mut live)[0]["result"]["x"], 1.0);
    assert!(live.is_ended);
}

#[test]
fn several_inputs_are_asked_for_together_and_in_any_order() {
    let inputs = concat!(
        r#""a \" key":{"method":"elicitation/create","params":{"mode":"url","message":"Visit","url":"https://x"}},"#,
        r#""b":{"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"resource_link","uri":"x:y","name":"n"}}],"maxTokens":9}},"#,
        r#""c":{"method":"roots/list"}"#
    );
    for seed in 0..10 {
        let (mut world, session) = world(seed, ABLE);
        asks(&mut world, "tools/call", inputs, json_of);
        let mut live = call(&mut world, &session);
        let questions = messages(&mut live);
        let methods: Vec<&Value> = questions.iter().map(|it| &it["method"]).collect();
        assert_eq!(methods, ["elicitation/create", "sampling/createMessage", "roots/list"]);
        assert_eq!(questions[0]["params"]["url"], "https://x");
        assert!(questions[0]["params"]["elicitationId"].is_string());
        assert_eq!(questions[1]["params"]["messages"][0]["content"]["uri"], "new+x:y");
        assert!(questions[2].get("params").is_none());
        let says = [ANN, r#""result":{"role":"assistant"}"#, r#""result":{"roots":[]}"#];
        let mut order = vec![0, 1, 2];
        order.rotate_left(usize::try_from(seed).unwrap() % 3);
        for at in order {
            assert_eq!(world.seen_by("new", "tools/call").len(), 1);
            answer(&mut world, &session, &questions[at], says[at]);
            live.settle(&mut world);
        }
        let second = world.seen_by("new", "tools/call")[1].params()["inputResponses"].clone();
        assert_eq!(second["a \" key"]["content"]["name"], "Ann");
        assert_eq!(second["b"], json!({"role": "assistant"}));
        assert_eq!(second["c"], json!({"roots": []}));
        assert_eq!(messages(&mut live)[0]["result"]["x"], 1.0);
    }
}

#[test]
fn a_server_may_ask_in_eight_rounds() {
    for (rounds, is_done) in [(8, true), (9, false)] {
        let (mut world, session) = world(rounds, ABLE);
        let mut asked = 0;
        world.script_method("new", "tools/call", move |seen| {
            let params = seen.params();
            let expected = (asked > 0).then(|| json!(format!("s{asked}")));
            assert_eq!(params.get("requestState").cloned(), expected);
            assert_eq!(params.get("inputResponses").is_some(), asked > 0 && asked % 2 == 1);
            asked += 1;
            if asked > rounds {
                return sse_of(seen, DONE);
            }
            let inputs = if asked % 2 == 1 { NAME } else { "" };
            sse_of(seen, &wanting(inputs, &format!("\"s{asked}\"")))
        });
        let mut live = call(&mut world, &session);
        for _ in 0..4 {
            let [question] = &messages(&mut live)[..] else { panic!("one question") };
            answer(&mut world, &session, question, ANN);
            live.settle(&mut world);
        }
        let [last] = &messages(&mut live)[..] else { panic!("the last") };
        assert_eq!(last["result"]["x"] == json!(1.0), is_done, "{last}");
        assert_eq!(last["error"]["code"] == json!(-32603), !is_done, "{last}");
        assert!(live.is_ended);
    }
}

#[test]
fn a_server_with_sessions_goes_through_the_router_and_one_without_can_be_left() {
    let (mut world, session) = self::world(1, ABLE);
    assert!(world.call(&session, r#""old__t""#).went.is_some());
    // A client that can be asked nothing may cancel its call all the same.
    let (mut world, session) = self::world(1, "{}");
    world.script_method("new", "tools/call", |seen| json_of(seen, DONE));
    assert!(world.call(&session, r#""new__t""#).went.is_none());
}
