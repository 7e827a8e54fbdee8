//! `session.open: lazy`: who opens a server, how often, and who does not.

use serde_json::json;

use crate::get_streams::get;
use crate::lazy_sessions::lazy;
use crate::merged_streams::{data, note};
use crate::world::{
    Chance, EVERYTHING, PROMPTS, Request, Restarting, Seen, Server, Talker, World, config,
    gateway_in,
};

#[test]
fn requests_that_open_a_server_at_the_same_time_go_on_in_one_session_and_leave_no_other() {
    let mut met = 0;
    for seed in 0..40 {
        let mut world = World::new(&lazy(&["a", "b"]));
        let a = Restarting::put(&mut world, "a");
        Restarting::put(&mut world, "b");
        world.begin();
        let session = world.begin();
        world.chance = Chance::new(seed);
        let call = Request::rpc("tools/call", r#"{"name":"a__t"}"#).within(&session);
        world.meanwhile = vec![call.clone(), Request::rpc("tools/list", "{}").within(&session)];
        let mut all = vec![world.send(&call)];
        all.append(&mut world.concurrent);
        met += all.len() - 1;
        for got in &all {
            assert!(got.status == 200 && !got.text().contains("\"error\""), "{}", got.text());
        }
        world.meanwhile.clear();
        world.end_unused_sessions();
        // That of the first session, and this one's.
        assert_eq!(a.alive().len(), 2, "seed {seed}");
        assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
        assert_eq!((a.alive().len(), a.ended().len()), (1, a.opened() - 1));
    }
    assert!(met > 30, "{met}");
}

#[test]
fn a_session_that_ends_while_a_server_is_opened_for_it_leaves_none_there() {
    let mut met = 0;
    for seed in 0..40 {
        let mut world = World::new(&lazy(&["a"]));
        let a = Restarting::put(&mut world, "a");
        let first = world.begin();
        world.send(&Request::delete().within(&first));
        let session = world.begin();
        world.chance = Chance::new(seed);
        world.meanwhile = vec![Request::delete().within(&session)];
        let call = Request::rpc("tools/call", r#"{"name":"a__t"}"#).within(&session);
        world.send(&call);
        met += world.concurrent.drain(..).filter(|got| got.status == 204).count();
        world.meanwhile.clear();
        world.end_unused_sessions();
        let ended_late = world.send(&Request::delete().within(&session)).status == 204;
        assert!(a.alive().is_empty(), "seed {seed} ({ended_late}): {:?}", a.alive());
    }
    assert!(met > 10, "{met}");
}

#[test]
fn a_list_asks_those_that_have_said_that_they_have_one() {
    let mut world = World::new(&lazy(&["a", "b"]));
    world.serve("a", Server::new("a").tools(&["t"]));
    let prompts = vec![vec![r#"{"name":"p"}"#.to_owned()]];
    let server = Server::new("b").capabilities(r#"{"prompts":{}}"#);
    world.serve("b", server.list("prompts/list", prompts, Vec::new()));
    world.open();
    let session = world.begin();
    world.seen.clear();
    assert_eq!(world.list_of(&session, PROMPTS).status, 200);
    assert!(world.seen.iter().all(|seen| seen.cluster == "b"));
    assert_eq!(world.list(&session).names(), ["a__t"]);
    assert_eq!(world.seen_by("b", "initialize").len(), 1);
    assert_eq!(world.seen_by("a", "initialize").len(), 1);
}

#[test]
fn a_list_that_is_kept_for_all_opens_nothing() {
    for naming in ["always", "never"] {
        let mut plan = lazy(&["a", "b", "c"]);
        plan["catalog"] = json!({"ttl": "1h", "scope": "public"});
        plan["naming"] = json!({"prefix": naming});
        let mut world = World::new(&plan);
        for name in ["a", "b", "c"] {
            world.serve(name, Server::new(name).tools(&[name]));
        }
        let session = world.begin();
        let listed = world.list(&session).text();
        world.seen.clear();
        for number in 1..=3 {
            let session = world.begin();
            assert_eq!(world.list(&session).text(), listed);
            let name = if naming == "always" { "\"b__b\"" } else { "\"b\"" };
            assert!(world.call(&session, name).text().contains("\"result\""));
            // What is opened is what it was expected to be.
            assert_eq!(world.list(&session).text(), listed);
            assert_eq!(world.seen_by("b", "initialize").len(), number);
        }
        let others = world.seen.iter().filter(|seen| seen.cluster != "b").count();
        let lists = world.seen_by("b", "tools/list").len();
        assert_eq!((others, lists), (0, 0), "{naming}");
    }
}

#[test]
fn a_level_is_told_to_a_server_that_is_opened_later() {
    let mut world = World::new(&lazy(&["a", "b"]));
    world.serve("a", Server::new("a").capabilities(EVERYTHING));
    world.serve("b", Server::new("b").tools(&["t"]));
    world.open();
    let session = world.begin();
    world.seen.clear();
    let set = |level: &str| {
        Request::rpc("logging/setLevel", &format!(r#"{{"level":"{level}"}}"#)).within(&session)
    };
    let got = world.send(&set("error"));
    assert_eq!(got.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert!(world.seen.is_empty());
    world.change_worker();
    for name in ["\"a__t\"", "\"b__t\""] {
        world.call(&session, name);
    }
    let methods = |world: &World, name: &str| {
        let seen = world.seen.iter().filter(|seen| seen.cluster == name);
        seen.map(Seen::method).collect::<Vec<_>>()
    };
    let opening = ["initialize", "notifications/initialized"];
    assert_eq!(methods(&world, "a")[..2], opening);
    assert_eq!(methods(&world, "a")[2..], ["logging/setLevel", "tools/call"]);
    assert_eq!(world.seen_by("a", "logging/setLevel")[0].params(), json!({"level": "error"}));
    assert_eq!(methods(&world, "b"), ["initialize", "notifications/initialized", "tools/call"]);
    world.seen.clear();
    world.send(&set("debug"));
    assert_eq!(methods(&world, "a"), ["logging/setLevel"]);
    assert_eq!(methods(&world, "b"), Vec::<String>::new());
}

#[test]
fn a_stream_opens_nothing_and_listens_to_what_others_open() {
    for seed in 0..20 {
        let mut world = World::streaming(&config(&["a", "b"]));
        world.configure(gateway_in(&lazy(&["a", "b"]), true));
        let mut put = |name: &'static str| {
            let changes = r#"{"tools":{"listChanged":true}}"#;
            Talker::put(&mut world, name, Server::new(name).tools(&["t"]).capabilities(changes))
        };
        let (a, b) = (put("a"), put("b"));
        world.open();
        let session = world.begin();
        world.chance = Chance::new(seed);
        world.seen.clear();
        let mut live = world.listen(&get(&session));
        assert_eq!((live.heard(), world.seen.len()), (Vec::new(), 0));
        live.pass(&mut world, 100);
        assert_eq!((live.take(), world.seen.len()), (String::new(), 0));
        assert!(world.call(&session, "\"a__t\"").text().contains("\"result\""));
        live.settle(&mut world);
        assert_eq!(live.heard(), ["a"]);
        a.say(&mut live, &mut world, &note(1));
        // Its lists are none that have changed.
        assert_eq!(data(&live.take()), [note(1)]);
        // On a worker with another memory it is heard with the next keep-alive.
        let other = world.change_worker();
        assert!(world.call(&session, "\"b__t\"").text().contains("\"result\""));
        world.worker = other;
        live.settle(&mut world);
        assert_eq!(live.heard(), ["a"]);
        live.pass(&mut world, 15);
        assert_eq!(live.heard(), ["a", "b"]);
        b.say(&mut live, &mut world, &note(2));
        assert_eq!(data(&live.take()), [note(2)]);
        live.leave(&mut world);
    }
}

#[test]
fn a_client_that_leaves_while_a_server_is_opened_for_it_leaves_no_session_there() {
    let mut left = 0;
    for seed in 0..1000 {
        let mut world = World::new(&lazy(&["a"]));
        let a = Restarting::put(&mut world, "a");
        let first = world.begin();
        world.send(&Request::delete().within(&first));
        let session = world.begin();
        world.seen.clear();
        world.chance = Chance::new(seed);
        world.overdue = true;
        let got = world.call(&session, "\"a__t\"");
        world.overdue = false;
        // Whether the gateway has heard of the session that it has opened.
        let has_opened = !world.seen_by("a", "notifications/initialized").is_empty();
        if got.status != 504 || !has_opened {
            continue;
        }
        left += 1;
        assert_eq!(world.send(&Request::delete().within(&session)).status, 204);
        assert!(a.alive().is_empty(), "seed {seed}");
    }
    assert!(left > 3, "{left}");
}
