//! Tasks of several upstreams with equal ids: each is its owner's, wherever it is named.

use serde_json::json;

use crate::sse_responses::messages;
use crate::world::{
    Chance, EVERYTHING, Got, RELATED_TASK, Request, Response, Server, Shape, TASKS, World, config,
    events, gateway, raw_member,
};

const IDS: [&str; 8] =
    [r#""1""#, r#""""#, r#""a:1""#, r#""b:""#, r#"":""#, r#""\u0061\/\"""#, r#""é🦀""#, r#""x y""#];

/// A world in which every tool call becomes a task of this raw id, which is told of in every way.
fn world(raw: &str, shape: Shape) -> World {
    let mut plan = config(&["a", "b"]);
    plan["listen"] = json!("a");
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).capabilities(EVERYTHING).shape(shape));
        let task = format!(r#"{{"taskId":{raw},"status":"working","ttl":1e2}}"#);
        world.script_method(name, "tools/call", move |seen| {
            let id = seen.id();
            let related = format!(r#""_meta":{{"{RELATED_TASK}":{{"taskId":{}}}}}"#, task_id(&task));
            let answer = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"task":{task},{related},"taskId":"not one"}}}}"#
            );
            if shape == Shape::Json {
                return Response::new(200, "application/json", answer).says();
            }
            let status = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{task}}}"#
            );
            let asks = format!(
                r#"{{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{{"message":"m",{related}}}}}"#
            );
            Response::new(200, "text/event-stream", events(&[status, asks, answer])).says()
        });
    }
    world
}

fn task_id(task: &str) -> String {
    raw_member(task.as_bytes(), "taskId").expect("a task")
}

/// What the client got, message by message.
fn told(got: &Got) -> Vec<String> {
    let json = got.header("content-type").as_deref() == Some("application/json");
    if json { vec![got.text()] } else { messages(&got.body) }
}

#[test]
fn a_task_is_known_by_one_name_everywhere_and_asked_of_its_owner() {
    for (seed, raw) in IDS.into_iter().enumerate() {
        for shape in [Shape::Json, Shape::Sse] {
            let mut world = world(raw, shape);
            world.chance = Chance::new(seed as u64);
            let session = world.open();
            for name in ["a", "b"] {
                let params = format!(r#"{{"name":"{name}__t","task":{{"ttl":1.0}}}}"#);
                let got = world.send(&Request::rpc("tools/call", &params).within(&session));
                let marked = format!("\"{name}:{}", &raw[1..]);
                let all = told(&got);
                for message in &all {
                    assert_eq!(
                        message.matches(&format!(r#""taskId":{marked}"#)).count(),
                        { if message.contains("result") { 2 } else { 1 } },
                        "{message}"
                    );
                    assert!(
                        !message.contains("result") || message.contains(r#""taskId":"not one""#)
                    );
                }
                assert_eq!(all.len(), if shape == Shape::Json { 1 } else { 3 });
                for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
                    world.seen.clear();
                    let params = format!(r#"{{ "x":{raw},"taskId":{marked}}}"#);
                    let got = world.send(&Request::rpc(method, &params).within(&session));
                    let went = got.went.as_ref().expect("a request");
                    assert_eq!((went.cluster.as_str(), world.seen.len()), (name, 1));
                    let own: String = serde_json::from_str(raw).expect("a text");
                    assert_eq!(went.params(), json!({"x": own, "taskId": own}), "{method}");
                    let answer = told(&got)
                        .into_iter()
                        .find(|it| it.contains("\"result\""))
                        .expect("an answer");
                    assert!(answer.contains(&format!(r#""taskId":"{name}:"#)), "{answer}");
                }
            }
        }
    }
}

#[test]
fn tasks_of_nobody_are_unknown_and_asked_of_nobody() {
    let mut world = world(r#""1""#, Shape::Any);
    let session = world.open();
    world.seen.clear();
    for raw in [
        r#""1""#,
        r#""""#,
        r#""a""#,
        r#""c:1""#,
        r#""A:1""#,
        r#"" a:1""#,
        r#"":1""#,
        "1",
        "null",
        "{}",
    ] {
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            let params = format!(r#"{{"taskId":{raw}}}"#);
            let got = world.send(&Request::rpc(method, &params).within(&session));
            assert_eq!(got.refusal(), (200, -32602, json!(1)), "{method} {raw}");
        }
    }
    assert!(world.seen.is_empty());
    // Of an upstream that left.
    world.configure(gateway(&config(&["a"])));
    assert_eq!(world.ask_for(&session, TASKS, r#""b:1""#).refusal(), (200, -32602, json!(1)));
}

#[test]
fn the_task_of_a_clients_message_is_its_owners_by_the_name_that_the_owner_gave() {
    let mut world = world(r#""1""#, Shape::Any);
    let session = world.open();
    let meta = |id: &str| format!(r#""_meta":{{"x":1.0,"{RELATED_TASK}":{{"taskId":{id}}}}}"#);
    for (client, owner) in [
        (r#""a:1""#, r#""1""#),
        (r#""a:a:1""#, r#""a:1""#),
        (r#""a:""#, r#""""#),
        // Another's, which no mark of this one can be.
        (r#""b:1""#, r#""b:1""#),
        (r#""1""#, r#""1""#),
        ("1", "1"),
        ("null", "null"),
    ] {
        for body in [
            format!(
                r#"{{"jsonrpc":"2.0","id":ID,"result":{{"action":"accept",{}}}}}"#,
                meta("TASK")
            ),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":ID,{}}}}}"#,
                meta("TASK")
            ),
        ] {
            world.seen.clear();
            let sent = body.replace("TASK", client).replace("ID", &world.mark(&session, "a", "5"));
            assert_eq!(world.send(&Request::post(sent).within(&session)).status, 202);
            let [seen] = &world.seen[..] else { panic!("once") };
            let expected = body.replace("TASK", owner).replace("ID", "5");
            assert_eq!((seen.cluster.as_str(), String::from_utf8_lossy(&seen.body)), {
                ("a", expected.into())
            });
        }
        let params = format!(r#"{{"name":"a__t",{}}}"#, meta(client));
        let got = world.send(&Request::rpc("tools/call", &params).within(&session));
        let went = String::from_utf8(got.went.expect("a request").body).expect("text");
        assert!(went.contains(&format!(r#""params":{{"name":"t",{}}}"#, meta(owner))), "{went}");
    }
}
