//! A client that listens to several upstreams, which send anything and come and go, in a host that streams.

use serde_json::json;

use crate::world::{Answer, Chance, Live, Request, Response, Server, World};

const UPS: [&str; 2] = ["a", "b"];

/// How many bytes may be held for a client, beside what an upstream's event and its question take.
const HELD: usize = 1 << 20;

/// A seed, what kind of client it is, and steps, parted by zero bytes: what happens, to whom, what is said.
pub fn live(input: &[u8]) {
    let [seed, kind, steps @ ..] = input else { return };
    // All are listened to, as is the default in such a host.
    let plan = json!({"upstreams": [{"name": "a"}, {"name": "b"}]});
    let mut world = World::streaming(&plan);
    for name in UPS {
        world.serve(name, Server::new(name).tools(&["t"]));
    }
    world.chance = Chance::new(u64::from(*seed));
    let session = world.begin();
    let call = r#"{"name":"a__t","arguments":{},"_meta":{"progressToken":1}}"#;
    let request = match kind % 3 {
        0 | 1 => Request::get().within(&session),
        _ => Request::rpc("tools/call", call).within(&session),
    };
    let request =
        if kind % 3 == 1 { request.with("last-event-id", b"*a:12345678:1:x") } else { request };
    let mut live = world.listen(&request);
    for step in steps.split(|byte| *byte == 0).take(64) {
        let [what, whose, said @ ..] = step else { continue };
        let cluster = UPS[usize::from(whose % 2)];
        take(&mut world, &mut live, (*what, *whose), cluster, said);
        assert!(live.held() <= HELD, "{} bytes are held", live.held());
        assert!(live.head.is_none() || live.reply.is_none(), "one answer");
        let out = live.take_all();
        if live.head.is_some() && kind % 3 != 2 {
            assert!(out.is_empty() || out.ends_with("\n\n"), "whole events: {out:?}");
        }
    }
    live.leave(&mut world);
}

fn take(world: &mut World, live: &mut Live, step: (u8, u8), cluster: &str, said: &[u8]) {
    let is_open = live.heard().contains(&cluster);
    match step.0 {
        b'p' => drop(live.push(world, cluster, said)),
        b'e' if is_open => live.end(world, cluster),
        b'r' if is_open => live.reset(world, cluster),
        b't' => live.pass(world, u64::from(step.1)),
        b's' => live.backlog(world, step.1 & 2 == 0),
        b'd' => live.drain(world),
        // What it answers from now on.
        b'a' => {
            let [status, body @ ..] = said else { return };
            let status = [200, 202, 404, 500][usize::from(status % 4)];
            let kind = if step.1 & 2 == 0 { "text/event-stream" } else { "application/json" };
            let response = Response::new(status, kind, body.to_vec());
            world.script(cluster, move |_| Answer::Says(response.clone()));
        }
        b'n' => world.script(cluster, |_| Answer::NotSent),
        b'o' => world.serve(cluster, Server::new(cluster).tools(&["t"])),
        _ => {}
    }
}
