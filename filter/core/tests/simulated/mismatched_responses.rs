//! JSON that does not answer the client's request becomes an error of the call.

use crate::json_responses::{ask, check_error, world};
use crate::world::{Chance, RESOURCES, Response};

#[test]
fn what_is_no_answer_becomes_an_error_of_the_call() {
    let (mut world, session) = world(1024, None);
    for body in [
        "x",
        "[]",
        "[{\"uri\":\"x:y\"}]",
        "1",
        "null",
        "\u{feff}{}",
        "{",
        "{\"contents\":[{\"uri\":\"x:y\"}",
        "{}",
        "{}x",
        "{}{}",
        "{} \n",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        r#"[{"jsonrpc":"2.0","id":2,"result":{}}]"#,
        r#"{"jsonrpc":"2.0","error":{"code":-1,"message":""}}"#,
        "  ",
        "\"{}\"",
        r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"x:y"}]},"id":1}"#,
        r#"{"jsonrpc":"1.0","id":1,"result":{"contents":[{"uri":"x:y"}]}}"#,
    ] {
        for seed in 0..6 {
            world.chance = Chance::new(seed);
            let response = Response::new(200, "application/json", body);
            let got = ask(&mut world, &session, RESOURCES, &response);
            check_error(&got, body);
        }
    }
    // Nothing is written behind trailers; an object that breaks off is no answer.
    let mut response = Response::new(200, "application/json", "{\"jsonrpc\":\"2.0\"");
    response.trailers = true;
    for seed in 0..6 {
        world.chance = Chance::new(seed);
        assert_eq!(ask(&mut world, &session, RESOURCES, &response).counts.len(), 1);
    }
}

#[test]
fn an_answer_to_another_request_is_none() {
    let (mut world, session) = world(1 << 20, None);
    for id in ["2", "\"1\"", "null"] {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"contents":[{{"uri":"x:y"}}]}}}}"#);
        let response = Response::new(200, "application/json", body.clone());
        check_error(&ask(&mut world, &session, RESOURCES, &response), &body);
    }
}
