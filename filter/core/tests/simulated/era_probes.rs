//! What an answer to `server/discover` shows of its upstream.

use serde_json::{Value, json};

use crate::stateless::names;
use crate::world::{Request, Response, Server, Shape, World, config};

/// An upstream with sessions that answers `server/discover` so; `$ID` stands for the request's id.
fn world(status: u16, media_type: &'static str, body: &'static str) -> World {
    let mut world = World::new(&config(&["a"]));
    world.serve("a", Server::new("a").tools(&["t"]).shape(Shape::Json));
    world.script_method("a", "server/discover", move |seen| {
        let answer = Response::new(status, media_type, body.replace("$ID", &seen.id()));
        answer.with("www-authenticate", "Bearer").says()
    });
    world
}

#[test]
fn whoever_does_not_know_the_question_wants_a_handshake() {
    const JSON: &str = "application/json";
    for (status, media_type, body) in [
        (404, "text/html", "<p>"),
        (400, "", ""),
        (405, "", ""),
        (422, JSON, "{}"),
        (202, "", ""),
        (200, "text/html", "<p>"),
        (200, JSON, r#"{"jsonrpc":"2.0","id":$ID,"error":{"code":-32601,"message":"m"}}"#),
        (400, JSON, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"m"}}"#),
        (
            400,
            JSON,
            r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32000,"message":"m"}}"#,
        ),
        (400, JSON, r#"{"jsonrpc":"2.0","id":$ID,"error":{"code":-32602,"message":"m"}}"#),
        (200, JSON, r#"{"jsonrpc":"2.0","id":$ID,"result":{"supportedVersions":["2025-11-25"]}}"#),
        (200, JSON, r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#),
        (
            400,
            JSON,
            r#"{"jsonrpc":"2.0","id":$ID,"error":{"code":-32022,"message":"m","data":{"supported":["2025-11-25"]}}}"#,
        ),
    ] {
        let mut world = world(status, media_type, body);
        for _ in 0..2 {
            for _ in 0..2 {
                let got = world.call_stateless("a__t");
                assert_eq!((got.status, &got.json()["error"]), (200, &Value::Null), "{body}");
            }
            world.change_worker();
        }
        assert_eq!(world.seen_by("a", "server/discover").len(), 1, "{status} {body}");
    }
}

#[test]
fn whoever_could_not_look_at_the_question_is_asked_again() {
    for status in [401, 403, 407, 408, 429, 500, 502, 503, 504] {
        let mut world = world(status, "text/plain", "no");
        for asked in 1..3 {
            let got = world.call_stateless("a__t");
            assert_eq!(got.refusal(), (200, -32603, json!(1)), "{status}");
            let data = &got.json()["error"]["data"];
            assert_eq!((&data["upstream"], &data["status"]), (&json!("a"), &json!(status)));
            assert_eq!(got.header("www-authenticate"), None);
            assert_eq!(world.seen.len(), asked, "nothing but the question");
        }
        world.serve("a", Server::new("a").tools(&["t"]).stateless());
        assert_eq!(world.call_stateless("a__t").status, 200);
    }
}

#[test]
fn whoever_speaks_no_revision_of_the_gateways_is_away_for_clients_of_both_eras() {
    let mut world = World::new(&config(&["a", "b"]));
    world.serve("b", Server::new("b").tools(&["t"]).stateless());
    world.script("a", |seen| {
        let error = r#"{"code":-32022,"message":"m","data":{"supported":["2031-01-01"]}}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
        Response::new(400, "application/json", body).says()
    });
    let session = world.begin();
    for got in [world.send(&Request::stateless("tools/list", "", None)), world.list(&session)] {
        assert_eq!((names(&got), got.unavailable()), (vec!["b__t".into()], vec!["a".to_owned()]));
        assert!(got.text().contains("no revision"), "{}", got.text());
    }
    assert_eq!(world.seen_by("a", "tools/list").len(), 0);
}
