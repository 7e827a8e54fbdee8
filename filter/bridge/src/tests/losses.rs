//! Sessions that end.

use super::*;

#[test]
fn a_lost_session_does_not_wait_for_a_server_that_never_ends_an_answer() {
    let mut world = World::new();
    let session = world.open();
    world.post(&session, r#"{"id":1,"method":"tools/call"}"#);
    let [.., Effect::Open { stream, .. }] = world.took()[..] else { panic!("a POST") };
    world.head(stream, 202);
    world.took();
    world.end(session.get, true);
    assert_eq!(text(&world.took()).last(), Some(&format!("close {}", stream.0)));
    assert_eq!(world.bridge.sessions(), 0);
}

#[test]
fn a_lost_get_is_a_lost_session() {
    for is_whole in [true, false] {
        let mut world = World::new();
        let session = world.open();
        let (begun, _) = world.call(&session, "1", "{}");
        let waits = world.post(&session, r#"{"id":2,"method":"tools/call"}"#);
        let [.., Effect::Open { stream: waiting, .. }] = world.took()[..] else { panic!("a POST") };
        let taken = world.post(&session, r#"{"id":2,"method":"tools/call"}"#);
        let [.., Effect::Open { stream: taking, .. }] = world.took()[..] else { panic!("a POST") };
        let listens = world.ask(request("GET", Some(&session.id), ""));
        world.took();
        world.end(session.get, is_whole);
        let error = r#""error":{"code":-32000,"message":"the server did not answer: its event stream has ended, or it took no messages"}"#;
        let [begun, waits, taken, listens] = [begun.0, waits.0, taken.0, listens.0];
        let expected = [
            format!(r#"{begun} {{"jsonrpc":"2.0","id":1,{error}}}"#),
            format!("{begun} end"),
            format!("{listens} end"),
        ];
        assert_eq!(text(&world.took()), expected);
        // The server has not looked at this one, so it can be sent again.
        world.head(waiting, 400);
        let lost = ["404 text/plain", "Session not found", "end"];
        let close = format!("close {}", waiting.0);
        let expected = lost.map(|it| format!("{waits} {it}"));
        assert_eq!(text(&world.took()), [&[close], &expected[..]].concat());
        world.head(taking, 202);
        assert_eq!(text(&world.took()), [format!("{taken} lost"), format!("close {}", taking.0)]);
        assert_eq!(world.bridge.sessions(), 0);
        let asker = world.post(&session, r#"{"id":3,"method":"ping"}"#).0;
        assert_eq!(text(&world.took()), lost.map(|it| format!("{asker} {it}")));
    }
}

#[test]
fn delete_ends_a_session() {
    let mut world = World::new();
    let session = world.open();
    let asker = world.ask(request("DELETE", Some(&session.id), "")).0;
    let close = format!("close {}", session.get.0);
    assert_eq!(text(&world.took()), [format!("{asker} 200"), format!("{asker} end"), close]);
    assert_eq!(world.bridge.sessions(), 0);
}

#[test]
fn a_session_of_one_server_is_none_of_another() {
    let mut world = World::new();
    let session = world.open();
    let elsewhere = Request { server: 1, ..request("DELETE", Some(&session.id), "") };
    world.ask(elsewhere);
    assert_eq!(text(&world.took())[0], "1 404 text/plain");
}

#[test]
fn a_server_that_does_not_know_its_session_has_lost_it() {
    let mut world = World::new();
    let session = world.open();
    let asker = world.post(&session, r#"{"id":1,"method":"tools/call"}"#).0;
    let Effect::Open { stream, .. } = world.took()[0] else { panic!("a POST") };
    world.head(stream, 404);
    world.data(stream, "who?");
    world.end(stream, true);
    let close = format!("close {}", session.get.0);
    let expected = ["404 text/plain", "who?", "end"].map(|it| format!("{asker} {it}"));
    assert_eq!(text(&world.took()), [&expected[..], &[close]].concat());
    assert_eq!(world.bridge.sessions(), 0);
}

#[test]
fn nobody_waits_for_a_session_that_does_not_open() {
    let mut world = World::new();
    let (asker, get) = world.connect();
    world.took();
    world.gone(asker);
    assert_eq!(text(&world.took()), [format!("close {}", get.0)]);
    // Nor for one that has got as far as its endpoint.
    let (asker, get) = world.connect();
    world.data(get, "event: endpoint\ndata: /m\n\n");
    world.took();
    world.gone(asker);
    let seen = text(&world.took());
    assert_eq!(seen[0], format!("close {}", get.0));
    assert_eq!(world.bridge.sessions(), 0);
}
