//! Servers that are none of this transport, and requests that are none of the other.

use super::*;

fn refused(status: u16, kind: &str, then: impl FnOnce(&mut World, StreamId)) -> Vec<String> {
    let mut world = World::new();
    let (_, get) = world.connect();
    world.took();
    world.effects.extend(world.bridge.head(get, status, Some(kind.as_bytes()), &[]));
    then(&mut world, get);
    assert_eq!(world.bridge.sessions(), 0);
    text(&world.effects)
}

#[test]
fn a_get_that_is_refused_is_the_answer() {
    let seen = refused(401, "application/json", |world, get| {
        world.data(get, "{}");
        world.end(get, true);
    });
    assert_eq!(seen, ["0 401 application/json", "0 {}", "0 end"]);
    let seen = refused(200, "text/event-stream", |world, get| world.end(get, false));
    assert_eq!(seen, ["0 lost"]);
}

#[test]
fn a_refusal_says_when_to_come_again_and_with_which_credentials() {
    let mut world = World::new();
    let (_, get) = world.connect();
    world.took();
    let passed: [(&str, &[u8]); 2] = [("retry-after", b"3"), ("www-authenticate", b"Bearer")];
    world.effects.extend(world.bridge.head(get, 429, Some(b"text/plain"), &passed));
    world.end(get, true);
    let Some(Effect::Answer(_, Part::Head { status: 429, headers })) = world.effects.first() else {
        panic!("a head: {:?}", world.effects)
    };
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["content-type", "retry-after", "www-authenticate"]);
    assert_eq!(headers[1].1, b"3");
}

#[test]
fn another_origin_is_refused() {
    let endpoint = "event: endpoint\ndata: http://other.test/m\n\n";
    let seen = refused(200, "text/event-stream", |world, get| world.data(get, endpoint));
    let why = "has its endpoint at another origin, other.test, and is at server.test itself";
    let expected = [
        format!("warn {why}"),
        "0 502 text/plain".to_owned(),
        format!("0 the server {why}"),
        "0 end".to_owned(),
        "close 0".to_owned(),
    ];
    assert_eq!(seen, expected);
    let seen = refused(200, "text/html", |_, _| {});
    assert!(seen[0].contains("answers GET with something else than an event stream"), "{seen:?}");
}

#[test]
fn an_initialize_that_is_refused_opens_nothing() {
    let after = |then: fn(&mut World, StreamId, StreamId)| {
        let mut world = World::new();
        let (_, get) = world.connect();
        world.data(get, "event: endpoint\ndata: /m\n\n");
        let [.., Effect::Open { stream, .. }] = world.took()[..] else { panic!("a POST") };
        then(&mut world, get, stream);
        assert_eq!(world.bridge.sessions(), 0);
        text(&world.effects)
    };
    let seen = after(|world, _, post| {
        world.head(post, 500);
        world.end(post, true);
    });
    assert_eq!(seen, ["0 500 text/plain", "0 end", "close 0"]);
    let seen = after(|world, _, post| world.end(post, false));
    assert_eq!(seen, ["0 lost", "close 0"]);
    let seen = after(|world, get, _| {
        world.data(get, &format!("data: {{\"id\":{},\"error\":{{}}}}\n\n", FIRST + 1));
    });
    assert_eq!(seen[..2], ["0 200 application/json", r#"0 {"id":"i","error":{}}"#]);
}

#[test]
fn what_is_no_request_of_the_transport_is_refused() {
    let mut world = World::new();
    let session = world.open();
    let mut refuse = |request: Request| {
        world.ask(request);
        text(&world.took())[0].split_once(' ').expect("a status").1.to_owned()
    };
    let list = r#"{"id":1,"method":"tools/list"}"#;
    let in_session = |method, body| request(method, Some(&session.id), body);
    assert_eq!(refuse(request("POST", None, list)), "400 text/plain");
    assert_eq!(refuse(request("GET", None, "")), "400 text/plain");
    assert_eq!(refuse(in_session("POST", "{")), "400 text/plain");
    assert_eq!(refuse(in_session("PUT", list)), "405 text/plain");
    assert_eq!(refuse(request("POST", Some(""), list)), "404 text/plain");
    assert_eq!(refuse(request("POST", Some("ü"), list)), "404 text/plain");
}
