//! What there may be of everything.

use super::*;

#[test]
fn the_session_that_is_unused_for_longest_makes_room() {
    let mut world = World::with(Bounds { sessions: 2, unused: 100, event: 2000 });
    let [first, second] = [0, 0].map(|_| {
        world.now += 1;
        world.open()
    });
    world.now += 1;
    let (used, _) = world.call(&first, "1", "{}");
    world.gone(used);
    world.took();
    world.open();
    let mut status = |session: &Session| {
        world.post(session, r#"{"method":"x"}"#);
        text(&world.took())[0].clone()
    };
    assert!(status(&first).starts_with("POST") && status(&second).contains("404"));
}

#[test]
fn sessions_in_use_are_not_ended() {
    let mut world = World::with(Bounds { sessions: 1, unused: 100, event: 2000 });
    let session = world.open();
    let get = world.ask(request("GET", Some(&session.id), ""));
    world.took();
    let asker = world.ask(request("POST", None, INITIALIZE)).0;
    assert_eq!(text(&world.took())[0], format!("{asker} 503 text/plain"));
    let tidy = |world: &mut World, now| text(&world.bridge.tidy(now));
    assert!(tidy(&mut world, 1000).is_empty());
    world.gone(get);
    assert!(tidy(&mut world, 100).is_empty());
    assert_eq!(tidy(&mut world, 101), [format!("close {}", session.get.0)]);
}

#[test]
fn an_event_that_is_too_long_ends_its_session() {
    let mut world = World::new();
    let session = world.open();
    world.call(&session, "1", "{}");
    world.say(&session, &"x".repeat(2001));
    let seen = text(&world.took());
    assert!(seen[0].starts_with("warn an event is longer"), "{seen:?}");
    assert_eq!(seen[1], format!("close {}", session.get.0));
    assert_eq!(world.bridge.sessions(), 0);
}

#[test]
fn a_refusal_is_passed_on_up_to_a_bound() {
    let mut world = World::new();
    let session = world.open();
    world.post(&session, r#"{"id":1,"method":"tools/call"}"#);
    let Effect::Open { stream, .. } = world.took()[0] else { panic!("a POST") };
    world.head(stream, 400);
    for _ in 0..100 {
        world.data(stream, &"x".repeat(1000));
    }
    world.end(stream, true);
    let seen = world.took();
    let [_, Effect::Answer(_, Part::Body(body)), _] = &seen[..] else { panic!("an answer") };
    assert_eq!(body.len(), 64 * 1024);
}
