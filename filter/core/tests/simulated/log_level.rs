//! The log level of a session: told to every upstream that logs, and to no other.

use serde_json::json;

use crate::world::{
    Answer, Chance, EVERYTHING, LOSSES, Request, Response, Seen, Server, World, config,
};

const LOGGING: &str = r#"{"tools":{},"logging":{}}"#;

const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

fn world() -> World {
    let mut world = World::new(&config(&["a", "b", "c"]));
    world.serve("a", Server::new("a").capabilities(LOGGING));
    world.serve("b", Server::new("b").tools(&["t"]));
    world.serve("c", Server::new("c").capabilities(EVERYTHING));
    world
}

fn set(session: &str, params: &str) -> Request {
    Request::rpc("logging/setLevel", params).within(session)
}

#[test]
fn every_level_reaches_whoever_logs_with_all_that_the_client_said() {
    let mut world = world();
    let session = world.open();
    for (seed, level) in LEVELS.into_iter().enumerate() {
        world.chance = Chance::new(seed as u64);
        world.seen.clear();
        let params = format!(r#"{{ "x":1e2,"level":"{level}","_meta":{{"y":1.0}}}}"#);
        let got = world.send(&set(&session, &params));
        assert_eq!(got.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        let told: Vec<&str> = world.seen.iter().map(|seen| seen.cluster.as_str()).collect();
        assert_eq!(told, ["a", "c"]);
        for seen in &world.seen {
            let sent = String::from_utf8_lossy(&seen.body);
            assert!(sent.contains(&params), "{sent}");
        }
    }
}

#[test]
fn what_is_no_level_is_bad_params_and_told_to_nobody() {
    let mut world = world();
    let session = world.open();
    world.seen.clear();
    for params in [
        "{}",
        "[]",
        "null",
        "1",
        r#"{"level":1}"#,
        r#"{"level":null}"#,
        r#"{"level":"INFO"}"#,
        r#"{"level":""}"#,
        r#"{"level":"info "}"#,
        r#"{"level":"trace"}"#,
        r#"{"level":["info"]}"#,
        r#"{"Level":"info"}"#,
    ] {
        assert_eq!(
            world.send(&set(&session, params)).refusal(),
            (200, -32602, json!(1)),
            "{params}"
        );
    }
    let got = world.send(&set(&session, r#"{"level":"info","level":"debug"}"#));
    assert_eq!(got.refusal(), (400, -32600, json!(1)));
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel"}"#;
    assert_eq!(world.send(&Request::post(bare).within(&session)).refusal().1, -32602);
    assert!(world.seen.is_empty());
    let escaped = world.send(&set(&session, r#"{"level":"inf\u006f"}"#));
    assert_eq!(escaped.json()["result"], json!({}));
}

#[test]
fn it_is_set_where_one_upstream_takes_it_and_an_error_where_none_does() {
    let failures: [fn(&Seen) -> Answer; 5] = [
        |_| Answer::NotSent,
        |_| Answer::Silent,
        |_| Response::new(500, "text/html", "<p>").says(),
        |_| Response::new(404, "", "").says(),
        |seen| {
            let error = r#"{"code":-32602,"message":"no"}"#;
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
            Response::new(200, "application/json", body).says()
        },
    ];
    for (seed, failure) in failures.into_iter().enumerate() {
        let mut world = world();
        let session = world.open();
        world.chance = Chance::new(seed as u64);
        world.script_method("a", "logging/setLevel", failure);
        let got = world.send(&set(&session, r#"{"level":"info"}"#));
        assert_eq!((got.json()["result"].clone(), got.warnings.len()), (json!({}), 1));
        world.script_method("c", "logging/setLevel", failure);
        let got = world.send(&set(&session, r#"{"level":"info"}"#));
        assert_eq!(got.refusal(), (200, -32603, json!(1)));
        let failed = got.json()["error"]["data"]["upstreams"].clone();
        assert_eq!((&failed[0]["upstream"], &failed[1]["upstream"]), (&json!("a"), &json!("c")));
        assert_eq!(got.warnings.len(), 2);
    }
}

#[test]
fn an_upstream_that_has_lost_the_session_is_told_in_its_next() {
    for loss in LOSSES {
        let mut world = World::new(&config(&["a"]));
        world.serve("a", Server::new("a").capabilities(LOGGING));
        let session = world.open();
        let mut lost = false;
        world.script_method("a", "logging/setLevel", move |seen| {
            if !std::mem::replace(&mut lost, true) {
                return Response::new(loss.0, loss.1, loss.2).says();
            }
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, seen.id());
            Response::new(200, "application/json", body).says()
        });
        let got = world.send(&set(&session, r#"{"level":"info"}"#));
        assert_eq!(got.json()["result"], json!({}), "{loss:?}");
        let methods: Vec<String> = world.seen.iter().map(Seen::method).collect();
        assert_eq!(methods[1..], {
            ["logging/setLevel", "initialize", "notifications/initialized", "logging/setLevel"]
        });
    }
}

/// An upstream with sessions and one without, which both log.
fn of_both_eras() -> World {
    let mut world = World::new(&config(&["old", "new"]));
    let server = |name: &str| Server::new(name).capabilities(LOGGING).tools(&["t"]);
    world.serve("old", server("old"));
    world.serve("new", server("new").stateless());
    world
}

/// The level that the last request to an upstream has said.
fn said(world: &World, upstream: &str) -> Option<String> {
    let seen = world.seen.iter().rfind(|seen| seen.cluster == upstream).expect("a request");
    let level = &seen.params()["_meta"]["io.modelcontextprotocol/logLevel"];
    level.as_str().map(str::to_owned)
}

#[test]
fn an_upstream_without_sessions_is_told_with_every_later_request() {
    let mut world = of_both_eras();
    let [session, other] = [world.begin(), world.begin()];
    world.call(&session, r#""new__t""#);
    assert_eq!(said(&world, "new"), None);
    for level in ["info", "error"] {
        world.seen.clear();
        let got = world.send(&set(&session, &format!(r#"{{"level":"{level}"}}"#)));
        assert_eq!(got.json()["result"], json!({}));
        let told: Vec<&str> = world.seen.iter().map(|seen| seen.cluster.as_str()).collect();
        assert_eq!(told, ["old"]);
        world.change_worker();
        world.call(&session, r#""new__t""#);
        assert_eq!(said(&world, "new").as_deref(), Some(level));
        world.list(&session);
        assert_eq!(said(&world, "new").as_deref(), Some(level));
        world.call(&session, r#""old__t""#);
        assert_eq!(said(&world, "old"), None);
        world.call(&other, r#""new__t""#);
        assert_eq!(said(&world, "new"), None, "another session");
    }
}

#[test]
fn upstreams_without_sessions_suffice() {
    let mut world = World::new(&config(&["new"]));
    world.serve("new", Server::new("new").capabilities(LOGGING).tools(&["t"]).stateless());
    let session = world.begin();
    world.seen.clear();
    let refused = world.send(&set(&session, r#"{"level":"loud"}"#));
    assert_eq!(refused.refusal(), (200, -32602, json!(1)));
    let got = world.send(&set(&session, r#"{"level":"debug"}"#));
    assert_eq!(got.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert!(world.seen.is_empty());
    world.call(&session, r#""new__t""#);
    assert_eq!(said(&world, "new").as_deref(), Some("debug"));
    let mut world = of_both_eras();
    world.script_method("old", "logging/setLevel", |_| Response::new(500, "", "").says());
    let session = world.begin();
    let got = world.send(&set(&session, r#"{"level":"debug"}"#));
    assert_eq!((got.json()["result"].clone(), got.warnings.len()), (json!({}), 1));
}
