//! Upstreams that say that their lists have changed (`catalog`): noted for all workers, whichever way it goes
//! by to the client.

use mcp_mux_core::Kind;
use mcp_mux_core::effect::Served::{Hit, Miss};
use serde_json::json;

use crate::list_cache::plan;
use crate::world::{Chance, Request, Response, Server, World, events, gateway};

const CHANGE: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

/// How it goes by.
const WAYS: [&str; 5] = ["call", "second try", "GET", "batch", "second try of a batch"];

fn goes_by(seed: u64, way: &str, kept: bool) {
    let mut world = World::new(&plan(&["a", "b"], "session"));
    for name in ["a", "b"] {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    world.chance = Chance::new(seed);
    let mut plan = plan(&["a", "b"], "session");
    plan["listen"] = json!("a");
    if !kept {
        plan["catalog"] = json!({});
    }
    world.configure(gateway(&plan));
    let session = world.open();
    world.serve("a", Server::new("a").sends(&[CHANGE]));
    let (kind, body) = if way.ends_with("batch") {
        ("application/json", format!("[{CHANGE},{ANSWER}]"))
    } else {
        ("text/event-stream", events(&[CHANGE.to_owned(), ANSWER.to_owned()]))
    };
    let mut lost = way.starts_with("second try");
    world.script_method("a", "tools/call", move |_| {
        if std::mem::take(&mut lost) {
            return Response::new(404, "", "").says();
        }
        Response::new(200, kind, body.clone()).says()
    });
    let got = match way {
        "GET" => world.send(&Request::get().within(&session)),
        _ => world.call(&session, "\"a__t\""),
    };
    assert!(got.text().contains("list_changed"), "{way}: {}", got.text());
    let changes = [Kind::Tool, Kind::Prompt].map(|kind| world.changes(kind));
    assert_eq!(changes, [u64::from(kept), 0], "{way}");
}

#[test]
fn a_change_is_noted_wherever_it_goes_by() {
    for seed in 0..50 {
        for way in WAYS {
            for kept in [true, false] {
                goes_by(seed, way, kept);
            }
        }
    }
}

/// Some servers send what they have to say on whatever stream is open, that of a list too, which no client
/// sees.
#[test]
fn a_change_is_noted_that_goes_by_on_a_stream_of_the_gateways_own() {
    for (asks, expected) in [("list", [Miss, Miss, Hit]), ("call", [Miss, Hit, Hit])] {
        let mut plan = plan(&["a", "b"], "session");
        plan["naming"] = json!({"prefix": "on_conflict"});
        let mut world = World::new(&plan);
        for name in ["a", "b"] {
            world.serve(name, Server::new(name).tools(&[name]));
        }
        let session = world.open();
        let mut news = vec![CHANGE.to_owned()];
        world.script_method("a", "tools/list", move |seen| {
            let result = r#"{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}"#;
            news.push(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id()));
            let body = events(&std::mem::take(&mut news));
            Response::new(200, "text/event-stream", body).says()
        });
        if asks == "call" {
            // Whose it is has to be asked for.
            world.call(&session, "\"b\"");
        }
        let served = [(); 3].map(|()| world.list(&session).served());
        assert_eq!((world.changes(Kind::Tool), served), (1, expected.map(Some)), "{asks}");
    }
}
