//! Cost: time linear in the bytes, whatever they are, and depth without harm.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{
    Answer, Chance, LOSSES, Request, Response, Restarting, Server, Shape, World, config,
};

/// How long a run takes.
fn time(run: impl FnOnce()) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the test's own clock, not the core's")]
    let start = Instant::now();
    run();
    start.elapsed()
}

/// Eight runs take as long as one of eight times the size; were time quadratic, that one would take
/// eight times as long. A busy machine is given half a minute to show its shortest times.
fn check_linear(what: &str, size: usize, mut run: impl FnMut(usize)) {
    let (mut eight, mut one) = (Duration::MAX, Duration::MAX);
    let (mut rounds, mut taken) = (0, Duration::ZERO);
    while taken < Duration::from_secs(30) {
        taken += time(|| {
            eight = eight.min(time(|| (0..8).for_each(|_| run(size))));
            one = one.min(time(|| run(size * 8)));
        });
        rounds += 1;
        if rounds >= 3 && one < eight * 3 {
            return;
        }
    }
    panic!("{what}: eight runs take {eight:?}, one of eight times the size {one:?}");
}

/// A list answered with this result.
fn list(result: String, shape: Shape) {
    let mut world = World::of(&["a"]);
    let session = world.open();
    world.chance = Chance::new(8);
    let mut result = Some(result);
    world.script("a", move |seen| {
        let result = result.take().unwrap_or_default();
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id());
        match shape {
            Shape::Json => Response::new(200, "application/json", body),
            _ => Response::new(200, "text/event-stream", format!("data: {body}\n\n")),
        }
        .says()
    });
    let got = world.list(&session);
    assert!(got.text().contains("\"result\""), "{}", &got.text()[..200]);
}

#[test]
fn a_list_takes_time_linear_in_its_bytes() {
    for shape in [Shape::Json, Shape::Sse] {
        check_linear("many items", 200, |count| {
            let item = r#"{"name":"t","inputSchema":{"type":"object","properties":{}}}"#;
            list(format!(r#"{{"tools":[{}]}}"#, vec![item; count].join(",")), shape);
        });
        check_linear("one long item", 20_000, |length| {
            let text = "x\\n".repeat(length / 3);
            list(
                format!(
                    r#"{{"tools":[{{"a":"{text}","name":"t","inputSchema":{{"type":"object"}}}}]}}"#
                ),
                shape,
            );
        });
    }
    check_linear("many members", 1_500, |count| {
        let members: Vec<String> = (0..count).map(|it| format!(r#""k{it}":{it}"#)).collect();
        let members = members.join(",");
        list(format!(r#"{{"tools":[],{members},"_meta":{{{members}}}}}"#), Shape::Json);
    });
    check_linear("one long name", 20_000, |length| {
        let name = "\\u00e9".repeat(length / 6);
        list(
            format!(r#"{{"tools":[{{"name":"{name}","inputSchema":{{"type":"object"}}}}]}}"#),
            Shape::Json,
        );
    });
}

/// A list in which names do not tell whose they are.
fn whole_list(mode: &str, pages: usize, items: &dyn Fn(&str, usize) -> String) {
    let mut plan = config(&["a", "b"]);
    plan["naming"] = json!({ "prefix": mode });
    let mut world = World::new(&plan);
    for name in ["a", "b"] {
        let pages = (0..pages).map(|page| vec![items(name, page)]).collect::<Vec<_>>();
        let cursors = (1..pages.len()).map(|at| format!("\"{at}\"")).collect();
        world.serve(name, Server::new(name).shape(Shape::Json).pages(pages, cursors));
    }
    let session = world.open();
    // Whole answers, so that the world's own work stays small.
    world.chance = Chance::new(8);
    let got = world.list(&session);
    assert!(got.text().contains("\"result\"") && got.unavailable().is_empty());
}

#[test]
fn a_list_that_is_read_whole_takes_time_linear_in_its_bytes_and_pages() {
    for mode in ["on_conflict", "never"] {
        check_linear("many names", 100, |count| {
            let item = |name: &str, at: usize| {
                format!(r#"{{"name":"{name}-{at} ","inputSchema":{{"type":"object"}}}}"#)
            };
            whole_list(mode, 1, &|name, _| {
                (0..count).map(|at| item(name, at)).collect::<Vec<_>>().join(",")
            });
        });
        check_linear("many conflicts", 100, |count| {
            let item =
                |at: usize| format!(r#"{{"name":"x{at}","inputSchema":{{"type":"object"}}}}"#);
            whole_list(mode, 1, &|_, _| (0..count).map(item).collect::<Vec<_>>().join(","));
        });
    }
    check_linear("many pages", 60, |count| {
        whole_list("never", count, &|name, page| format!(r#"{{"name":"{name}{page}"}}"#));
    });
}

#[test]
fn an_answer_full_of_uris_takes_time_linear_in_its_bytes() {
    let link = r#"{"type":"resource_link","uri":"x:y"}"#;
    let many = |count: usize, item: &str| vec![item; count].join(",");
    let (mut world, session) = called();
    check_linear("many links", 200, |count| {
        let result = format!(r#"{{"content":[{}]}}"#, many(count, link));
        answer(&mut world, &session, &result, "a+x:y");
    });
    check_linear("many results of tools", 100, |count| {
        // As a server's request that stands where an answer may.
        let block = format!(r#"{{"type":"tool_result","content":[{link},{link}]}}"#);
        let messages = many(count, &format!(r#"{{"content":[{block}]}}"#));
        let params = format!(r#"{{"messages":[{messages}]}}"#);
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{params}}}"#
        );
        let stream =
            format!("data: {body}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}}\n\n");
        world.script("a", move |_| Response::new(200, "text/event-stream", stream.clone()).says());
        assert!(world.call(&session, "\"a__t\"").text().contains("a+x:y"));
        world.seen.clear();
    });
    check_linear("one long uri", 20_000, |length| {
        let link = link.replace("x:y", &format!("x:{}", "\\u00e9".repeat(length / 6)));
        answer(&mut world, &session, &format!(r#"{{"content":[{link}]}}"#), "a+x:");
    });
    check_linear("many members", 500, |count| {
        let members: Vec<String> = (0..count).map(|it| format!(r#""k{it}":{it}"#)).collect();
        let members = members.join(",");
        let result = format!(r#"{{{members},"_meta":{{{members}}},"content":[{link}]}}"#);
        answer(&mut world, &session, &result, "a+x:y");
    });
}

/// Envoy hands on what it has read, which is often all of an answer.
#[test]
fn an_answer_that_came_at_once_and_does_not_change_is_not_put_back() {
    let (mut world, session) = called();
    world.at_once = true;
    for length in [200, 50_000, 1_000_000] {
        let text = "x".repeat(length);
        let result = format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        for (kind, body) in
            [("application/json", body.clone()), ("text/event-stream", format!("data: {body}\n\n"))]
        {
            let response = Response::new(200, kind, body.clone());
            world.script("a", move |_| response.clone().says());
            assert_eq!(world.call(&session, "\"a__t\"").text(), body);
            assert_eq!(world.put_back, 0, "{kind}, {length}");
            world.seen.clear();
        }
    }
}

fn called() -> (World, String) {
    let mut world = World::new(&config(&["a"]));
    world.serve("a", Server::new("a").tools(&["t"]));
    let session = world.open();
    world.chance = Chance::new(8);
    (world, session)
}

/// A call that is answered with this result, of which the client gets `part`.
fn answer(world: &mut World, session: &str, result: &str, part: &str) {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    world.script("a", move |_| Response::new(200, "application/json", body.clone()).says());
    assert!(world.call(session, "\"a__t\"").text().contains(part));
    world.seen.clear();
}

#[test]
fn a_call_takes_time_linear_in_its_bytes() {
    let mut world = World::new(&config(&["a"]));
    world.serve("a", Server::new("a").tools(&["t"]).shape(Shape::Json));
    let session = world.open();
    world.script("a", |_| Response::new(200, "application/json", "{}").says());
    check_linear("a request", 20_000, |length| {
        let text = "[1,{\"name\":\"a__t\"}],".repeat(length / 20);
        let params = format!(r#"{{"arguments":[{text}0],"name":"a__t"}}"#);
        let got = world.send(&Request::rpc("tools/call", &params).within(&session));
        assert_eq!(got.status, 200);
        world.seen.clear();
    });
}

#[test]
fn a_call_that_is_made_again_takes_time_linear_in_its_bytes() {
    let mut world = World::new(&config(&["a"]));
    let server = Restarting::put(&mut world, "a");
    let session = world.begin();
    check_linear("a second try", 20_000, |length| {
        server.restart(LOSSES[0]);
        let params = format!(r#"{{"name":"a__t","x":"{}"}}"#, "y".repeat(length));
        let got = world.send(&Request::rpc("tools/call", &params).within(&session));
        assert!(got.text().contains("\"by\""), "{}", &got.text()[..200]);
        world.seen.clear();
    });
}

#[test]
fn a_stream_takes_time_linear_in_its_bytes() {
    /// A stream of about this length.
    type Stream = fn(usize) -> String;
    let streams: [(&str, Stream); 3] = [
        ("many events", |length| {
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n\n".repeat(length / 40)
        }),
        ("one long event", |length| format!("data: {{\"x\":\"{}", "y".repeat(length))),
        ("many lines", |length| "data:\n".repeat(length / 6)),
    ];
    for (what, body) in streams {
        let mut world = World::of(&["a"]);
        let session = world.open();
        check_linear(what, 20_000, |length| {
            let response = Response::new(200, "text/event-stream", body(length));
            world.script("a", move |_| Answer::Says(response.clone()));
            assert!(world.call(&session, "\"a__t\"").text().contains("-32603"));
            world.seen.clear();
        });
    }
}

#[test]
fn depth_does_no_harm() {
    const DEPTH: usize = 100_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}0{}", open.repeat(DEPTH), close.repeat(DEPTH));
        list(
            format!(
                r#"{{"tools":[{{"name":"t","a":{deep},"inputSchema":{{"type":"object"}}}}],"b":{deep}}}"#
            ),
            Shape::Json,
        );
        list(
            format!(
                r#"{{"tools":[{{"name":"t","a":{deep},"inputSchema":{{"type":"object"}}}}],"_meta":{{"b":{deep}}}}}"#
            ),
            Shape::Sse,
        );
        let mut world = World::of(&["a"]);
        let session = world.open();
        for params in [
            format!(r#"{{"arguments":{deep},"name":"a__t"}}"#),
            format!(r#"{{"name":{deep}}}"#),
            deep.clone(),
        ] {
            for method in ["tools/call", "tools/list", "initialize"] {
                world.script("a", |_| Response::new(200, "application/json", "{}").says());
                assert_eq!(world.send(&Request::rpc(method, &params).within(&session)).status, 200);
            }
        }
        // Without an end it is no JSON; as a whole message it is no JSON-RPC.
        let cut = Request::post(open.repeat(DEPTH)).within(&session);
        assert_eq!(world.send(&cut).refusal().1, -32700);
        assert_eq!(world.send(&Request::post(deep).within(&session)).refusal().1, -32600);
    }
}
