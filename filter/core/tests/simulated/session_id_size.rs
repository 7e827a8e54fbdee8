//! How long a session id gets, and what is left out of it for that.

use crate::world::{INITIALIZE, Request, Server, World, config};

#[test]
fn a_session_id_fits_into_a_header_and_upstreams_over_that_join_when_first_needed() {
    for (count, room) in [(2, 2), (3, 2), (48, 2)] {
        let names: Vec<String> = (0..count).map(|it| format!("up{it}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut world = World::new(&config(&names));
        for name in &names {
            let long = "s".repeat(2500);
            world.serve(name, Server::new(name).tools(&["t"]).session(Some(&long)));
        }
        let got = world.send(&Request::rpc("initialize", INITIALIZE));
        assert!(got.unavailable().is_empty());
        let session = got.header("mcp-session-id").expect("a session");
        assert!(session.len() <= 8192, "{}", session.len());
        let opened =
            |world: &World| world.seen.iter().filter(|seen| seen.method() == "initialize").count();
        // This Envoy knows them all the same.
        let got = world.list(&session);
        assert_eq!((got.names().len(), got.unavailable().len()), (count, 0), "{}", got.text());
        assert_eq!(opened(&world), count);
        // Another one opens them, once.
        world.ambient.shared.clear();
        assert_eq!(world.list(&session).names().len(), count);
        assert_eq!(opened(&world), count + count - room);
        assert_eq!(world.call(&session, &format!("\"{}__t\"", names[count - 1])).status, 200);
    }
}

#[test]
fn decoration_of_a_long_client_info_is_not_kept() {
    let mut world = World::of(&["a"]);
    let icon = format!(r#"[{{"src":"data:image/png;base64,{}"}}]"#, "A".repeat(9000));
    let info = format!(
        r#"{{"name":"client","icons":{icon},"description":"d","websiteUrl":"https://w","version":"1"}}"#
    );
    let initialize = INITIALIZE.replace(r#"{"name":"client","version":"1"}"#, &info);
    let got = world.send(&Request::rpc("initialize", &initialize));
    let session = got.header("mcp-session-id").expect("a session");
    assert!(session.len() < 1024, "{}", session.len());
    assert!(String::from_utf8_lossy(&world.seen[0].body).contains(&info), "told in full");
    // One that comes later is told what was kept.
    world.configure(crate::world::gateway(&config(&["a", "late"])));
    world.serve("late", Server::new("late").tools(&["t"]));
    world.list(&session);
    let late = String::from_utf8_lossy(&world.seen_by("late", "initialize")[0].body).into_owned();
    assert!(late.contains(r#""clientInfo":{"name":"client","version":"1"}"#), "{late}");
}
