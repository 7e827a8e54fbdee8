//! Lists of clients of the stateless era: cursors, and how long a list holds that is served again.

use serde_json::{Value, json};

use crate::stateless::names;
use crate::world::{Got, Request, Server, Shape, World, config};

fn page(world: &mut World, method: &str, cursor: &Value, user: &str) -> Got {
    let cursor = if cursor.is_null() { String::new() } else { format!(r#""cursor":{cursor}"#) };
    world.send(&Request::stateless(method, &cursor, None).with("authorization", user))
}

/// An upstream of each era whose lists have three pages, and the gateway joins two at a time.
fn paged() -> World {
    let forward = json!({"forward": ["authorization"]});
    let mut world = World::new(&json!({
        "upstreams": [{"name": "old", "headers": forward}, {"name": "new", "headers": forward}],
        "catalog": {"page": {"items": 1}},
    }));
    for name in ["old", "new"] {
        let tool = |at: usize| vec![format!(r#"{{"name":"t{at}"}}"#)];
        let cursors = vec![r#""""#.to_owned(), r#""\u00e9""#.to_owned()];
        let server = Server::new(name).pages((0..3).map(tool).collect(), cursors);
        let server = server.shape(Shape::Json);
        let mut server =
            if name == "new" { server.stateless().hints("60000", "public") } else { server };
        world.script(name, move |seen| {
            let mut seen = seen.clone();
            assert_eq!(seen.header("authorization").as_deref(), Some("ann"));
            seen.head.retain(|(name, _)| name != "authorization");
            server.answer(&seen)
        });
    }
    world
}

#[test]
fn a_list_is_walked_on_any_worker_and_every_page_says_the_same() {
    let mut world = paged();
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let got = page(&mut world, "tools/list", &cursor, "ann");
        all.extend(names(&got));
        let result = &got.json()["result"];
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
        assert_eq!(result["resultType"], "complete");
        cursor = result["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
        world.change_worker();
    }
    all.sort();
    assert_eq!(all, ["new__t0", "new__t1", "new__t2", "old__t0", "old__t1", "old__t2"]);
}

#[test]
fn a_cursor_is_good_for_its_list_and_caller_alone() {
    let mut world = paged();
    let cursor = page(&mut world, "tools/list", &Value::Null, "ann").json();
    let cursor = &cursor["result"]["nextCursor"];
    let mut forged = cursor.as_str().expect("a cursor").to_owned();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    let asked = world.seen.len();
    let forged = [json!(forged), json!("x"), json!(""), json!(5), json!({})];
    let foreign = forged.iter().map(|cursor| (cursor, "ann")).chain([(cursor, "bob")]);
    for (cursor, user) in foreign {
        let got = page(&mut world, "tools/list", cursor, user);
        assert_eq!(got.refusal(), (200, -32602, json!(1)), "{cursor}: {}", got.text());
    }
    assert_eq!(world.seen.len(), asked);
    assert_eq!(page(&mut world, "tools/list", cursor, "ann").status, 200);
}

#[test]
fn a_list_that_is_served_again_says_for_how_long_it_still_holds() {
    let mut plan = config(&["old", "new"]);
    plan["catalog"] = json!({"ttl": "60s"});
    let mut world = World::new(&plan);
    for name in ["old", "new"] {
        let server = Server::new(name).tools(&["t"]).shape(Shape::Json);
        let server = if name == "new" { server.stateless().hints("5", "public") } else { server };
        world.serve(name, server);
    }
    let session = world.begin();
    for (passed, ttl_ms) in [(0, 60_000), (10, 50_000), (49, 1000), (1, 60_000)] {
        world.ambient.now += passed;
        let got = world.send(&Request::stateless("tools/list", "", None));
        assert_eq!(names(&got), ["old__t", "new__t"]);
        let result = &got.json()["result"];
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(ttl_ms), &json!("private")));
        // A client of the other era is told of none of this.
        let got = world.list(&session);
        assert_eq!(names(&got), ["old__t", "new__t"]);
        assert!(!got.text().contains("io.modelcontextprotocol/"), "{}", got.text());
    }
}

#[test]
fn a_list_that_lacks_an_upstream_is_not_to_be_kept() {
    let mut plan = config(&["a", "b"]);
    plan["catalog"] = json!({"ttl": "60s"});
    let mut world = World::new(&plan);
    let server = |name: &str| Server::new(name).tools(&["t"]).stateless().hints("5000", "public");
    world.serve("a", server("a"));
    let got = world.send(&Request::stateless("tools/list", "", None));
    assert_eq!((names(&got), got.unavailable()), (vec!["a__t".to_owned()], vec!["b".to_owned()]));
    let result = &got.json()["result"];
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
    world.serve("b", server("b"));
    let got = world.send(&Request::stateless("tools/list", "", None));
    assert_eq!(names(&got), ["a__t", "b__t"]);
    let result = &got.json()["result"];
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(60_000), &json!("public")));
}
