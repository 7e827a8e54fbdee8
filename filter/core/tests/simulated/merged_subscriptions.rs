//! `subscriptions/listen` of several upstreams, made one by a host that streams, and what crosses the eras.

use serde_json::{Value, json};

use crate::get_streams::get;
use crate::merged_streams::{data, told};
use crate::world::{Chance, INITIALIZE, Live, Request, Response, Seen, Server, World, config};

const ABLE: &str =
    r#"{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true}}"#;

const TAG: &str = r#""_meta":{"io.modelcontextprotocol/subscriptionId":1}"#;

fn listen(kinds: &str, uris: &str) -> Request {
    let wanted = format!(r#""notifications":{{{kinds}"resourceSubscriptions":{uris}}}"#);
    Request::stateless("subscriptions/listen", &wanted, None)
}

/// Puts an upstream without sessions behind this name, which acknowledges what it is asked for.
fn serve_modern(world: &mut World, name: &str) {
    world.serve(name, Server::new(name).capabilities(ABLE).stateless());
    world.script_method(name, "subscriptions/listen", |seen| {
        let params = seen.params();
        let (asked, id) = (&params["notifications"], seen.id());
        let tag = format!(r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}"#);
        let said = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{asked},{tag}}}}}"#
        );
        Response::new(200, "text/event-stream", format!("id: 1\ndata: {said}\n\n")).says()
    });
}

/// `new` has no sessions, `old` has.
fn world(seed: u64) -> World {
    let mut world = World::streaming(&config(&["new", "old"]));
    serve_modern(&mut world, "new");
    world.serve("old", Server::new("old").capabilities(ABLE));
    world.chance = Chance::new(seed);
    world
}

fn changed(kind: &str) -> String {
    let method = format!("notifications/{kind}/list_changed");
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{TAG}}}}}"#)
}

fn push(live: &mut Live, world: &mut World, name: &str, message: &str) {
    assert!(live.push(world, name, format!("id: 7\ndata: {message}\n\n").as_bytes()));
}

fn asked(world: &World, method: &str) -> Vec<Value> {
    let of_method = world.seen.iter().filter(|seen| seen.method() == method);
    of_method.map(Seen::params).collect()
}

#[test]
fn it_is_acknowledged_once_and_at_first_and_all_are_heard() {
    for seed in 0..40 {
        let mut world = world(seed);
        let uris = r#"["new+x:1","old+x:2","old+x:3","none+x:4",7]"#;
        let mut live =
            world.listen(&listen(r#""toolsListChanged":true,"promptsListChanged":true,"#, uris));
        assert_eq!(live.head.as_ref().expect("a head").status, 200);
        let text = live.take();
        let [(None, first)] = &told(&text)[..] else { panic!("{text}") };
        let first: Value = serde_json::from_str(first).expect("JSON");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
        let served = &first["params"]["notifications"];
        assert_eq!(served["toolsListChanged"], true);
        assert_eq!(served["resourceSubscriptions"], json!(["new+x:1", "old+x:2", "old+x:3"]));
        assert_eq!(live.heard(), ["new", "old"]);
        // Each is asked for its own.
        let [modern] = &asked(&world, "subscriptions/listen")[..] else { panic!("once") };
        assert_eq!(modern["notifications"]["resourceSubscriptions"], json!(["x:1", 7]));
        let subscribed = asked(&world, "resources/subscribe");
        assert_eq!(subscribed, [json!({"uri": "x:2"}), json!({"uri": "x:3"})]);

        push(&mut live, &mut world, "new", &changed("tools"));
        assert_eq!(live.take(), format!("data: {}\n\n", changed("tools")));
        let updated = |uri: &str, rest: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{{rest}"uri":"{uri}"}}}}"#
            )
        };
        let tag = format!("{TAG},");
        push(&mut live, &mut world, "new", &updated("x:1", &tag));
        push(&mut live, &mut world, "old", &updated("x:2/part", ""));
        let expected = [updated("new+x:1", &tag), updated("old+x:2/part", &tag)];
        assert_eq!(data(&live.take()), expected);
        let bare = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
        let meta = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"x":1}}}"#;
        push(&mut live, &mut world, "old", &format!("[{bare},{meta}]"));
        let expected =
            meta.replace(r#""x":1"#, r#""io.modelcontextprotocol/subscriptionId":1,"x":1"#);
        assert_eq!(data(&live.take()), [changed("tools"), expected]);
        // What nobody has asked for, and what has no place on this stream.
        for message in [
            bare.replace("tools", "resources"),
            updated("x:9", ""),
            updated("x:1", ""),
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error"}}"#
                .to_owned(),
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned(),
        ] {
            push(&mut live, &mut world, "old", &message);
        }
        push(&mut live, &mut world, "new", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        assert_eq!(live.take(), "");
        live.leave(&mut world);
        assert_eq!(live.cancelled, 2);
    }
}

#[test]
fn what_all_can_say_is_offered() {
    let mut world = world(1);
    let got = world.send(&Request::stateless("server/discover", "", None));
    let able = got.json()["result"]["capabilities"].clone();
    assert_eq!(able, serde_json::from_str::<Value>(ABLE).expect("JSON"));
    // A client with a session cannot ask one without for a resource.
    let mut world = World::streaming(&config(&["new", "newer"]));
    for name in ["new", "newer"] {
        serve_modern(&mut world, name);
    }
    let got = world.send(&Request::rpc("initialize", INITIALIZE));
    let able = got.json()["result"]["capabilities"].clone();
    assert_eq!(able, json!({"tools": {"listChanged": true}, "resources": {"listChanged": true}}));
}

#[test]
fn a_client_with_a_session_hears_of_changes_at_upstreams_without() {
    for seed in 0..20 {
        let mut world = world(seed);
        let session = world.begin();
        world.seen.clear();
        let mut live = world.listen(&get(&session));
        assert_eq!(live.take(), "");
        assert_eq!(live.heard(), ["new", "old"]);
        let [modern] = &asked(&world, "subscriptions/listen")[..] else { panic!("once") };
        let wanted = json!({"toolsListChanged": true, "resourcesListChanged": true});
        assert_eq!(modern["notifications"], wanted);
        let bare = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
        push(&mut live, &mut world, "new", bare);
        assert_eq!(live.take(), format!("data: {bare}\n\n"));
        // What it says while nobody listens is lost.
        live.end(&mut world, "new");
        live.pass(&mut world, 1);
        assert_eq!(data(&live.take()), [bare.to_owned(), bare.replace("tools", "resources")]);
    }
}

#[test]
fn what_may_have_been_missed_is_said() {
    let mut world = world(1);
    let mut live = world.listen(&listen(r#""toolsListChanged":true,"#, r#"["old+x:2","new+x:1"]"#));
    live.take();
    let updated = |uri: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{{TAG},"uri":"{uri}"}}}}"#
        )
    };
    for (name, uri) in [("old", "old+x:2"), ("new", "new+x:1")] {
        live.reset(&mut world, name);
        live.pass(&mut world, 1);
        assert_eq!(data(&live.take()), [changed("tools"), updated(uri)]);
        assert_eq!(live.heard(), ["new", "old"]);
    }
    // In the same session, that need not be asked for again.
    assert_eq!(asked(&world, "resources/subscribe").len(), 1);
    push(&mut live, &mut world, "old", &changed("tools"));
    live.take();
    live.backlog(&mut world, true);
    assert_eq!(live.heard().len(), 0);
    live.backlog(&mut world, false);
    assert_eq!(data(&live.take()), [changed("tools"), updated("new+x:1")], "old goes on");
}

#[test]
fn after_a_restart_everything_is_asked_for_again() {
    let mut world = world(1);
    let mut live = world.listen(&listen(r#""toolsListChanged":true,"#, r#"["old+x:2"]"#));
    live.take();
    let mut server = Server::new("old").capabilities(ABLE).session(Some("another"));
    world.script("old", move |seen| {
        if seen.header("mcp-session-id").as_deref() == Some("session-of-old") {
            return Response::new(404, "", "").says();
        }
        server.answer(seen)
    });
    world.seen.clear();
    live.reset(&mut world, "old");
    live.pass(&mut world, 1);
    assert_eq!((live.heard(), asked(&world, "resources/subscribe")), {
        (vec!["new", "old"], vec![json!({"uri": "x:2"})])
    });
    assert_eq!(data(&live.take()).len(), 2);
    live.leave(&mut world);
}

#[test]
fn it_ends_with_a_result_when_another_configuration_serves() {
    let mut world = world(1);
    let mut live = world.listen(&listen(r#""toolsListChanged":true,"#, "[]"));
    live.take();
    live.drain(&mut world);
    let result =
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"resultType":"complete",{TAG}}}}}"#);
    assert_eq!(live.take(), format!("data: {result}\n\n"));
    assert!(live.is_ended && live.cancelled == 2);
}

#[test]
fn an_upstream_that_says_nothing_of_changes_is_not_listened_to() {
    let mut world = World::streaming(&config(&["a", "b"]));
    world.serve("a", Server::new("a"));
    serve_modern(&mut world, "b");
    let live = world.listen(&listen(r#""toolsListChanged":true,"#, "[]"));
    assert_eq!(live.heard(), ["b"]);
}

#[test]
fn a_client_that_does_not_say_what_it_wants_is_refused() {
    for params in ["", r#""notifications":1"#, r#""notifications":["x"]"#] {
        let mut world = world(1);
        let live = world.listen(&Request::stateless("subscriptions/listen", params, None));
        let reply = live.reply.expect("a reply");
        assert_eq!(reply.status, 200);
        assert!(String::from_utf8_lossy(&reply.body).contains("-32602"));
    }
}

#[test]
fn an_upstream_that_changes_its_era_goes_on_in_the_other() {
    let mut world = world(1);
    let request = listen(r#""toolsListChanged":true,"#, "[]");
    let mut live = world.listen(&request);
    live.take();
    world.serve("new", Server::new("new").capabilities(ABLE));
    live.reset(&mut world, "new");
    live.pass(&mut world, 1);
    assert_eq!(live.heard(), ["new", "old"]);
    assert_eq!(data(&live.take()), [changed("tools")]);
    serve_modern(&mut world, "old");
    world.script_method("old", "", |_| Response::new(405, "", "").says());
    live.reset(&mut world, "old");
    live.pass(&mut world, 1);
    assert_eq!(live.heard(), ["new", "old"]);
    assert_eq!(data(&live.take()), [changed("tools")]);
}

#[test]
fn a_server_that_asks_a_client_that_only_listens_gets_an_answer() {
    for seed in 0..20 {
        let mut world = world(seed);
        let mut live = world.listen(&listen(r#""toolsListChanged":true,"#, "[]"));
        live.take();
        world.seen.clear();
        let message = |id: &str, method: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{}}}}"#)
        };
        push(&mut live, &mut world, "old", &message("7", "roots/list"));
        push(&mut live, &mut world, "old", &message(r#""p""#, "ping"));
        assert_eq!(live.take(), "");
        world.end_unused_sessions();
        let answers: Vec<Value> =
            world.seen.iter().map(|it| serde_json::from_slice(&it.body).expect("JSON")).collect();
        assert_eq!(world.seen[0].header("mcp-session-id").as_deref(), Some("session-of-old"));
        assert_eq!(answers[0]["id"], 7);
        assert_eq!(answers[0]["error"]["code"], -32601);
        assert!(answers[0]["error"]["message"].as_str().unwrap().contains("roots/list"));
        assert_eq!(answers[1], json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
        assert_eq!(answers.len(), 2);
        live.leave(&mut world);
    }
}
