//! To whom each message goes.

use super::*;

#[test]
fn a_call_gets_its_progress_and_its_response() {
    let mut world = World::new();
    let session = world.open();
    // Two clients that share a session use the same ids.
    let params = r#"{"_meta":{"progressToken":1}}"#;
    let (one, first) = world.call(&session, "1", params);
    let (two, second) = world.call(&session, "1", params);
    assert!(one != two && first != second);
    let progress = |token: u64| {
        format!(r#"{{"method":"notifications/progress","params":{{"progressToken":{token}}}}}"#)
    };
    for call in [second, first, 12] {
        world.say(&session, &progress(call));
    }
    world.say(&session, &format!(r#"{{"id":{first},"error":{{}}}}"#));
    world.say(&session, &format!(r#"{{"id":"{second}","result":{{}}}}"#));
    world.say(&session, &format!(r#"{{"id":{first},"result":{{}}}}"#));
    world.say(&session, r#"{"id":null,"error":{}}"#);
    let (told, error, result) = (progress(1), r#"{"id":1,"error":{}}"#, r#"{"id":1,"result":{}}"#);
    assert_eq!(
        text(&world.took()),
        [
            format!("2 {told}"),
            format!("1 {told}"),
            format!("1 {error}"),
            "1 end".to_owned(),
            format!("2 {result}"),
            "2 end".to_owned(),
            "warn events without a JSON-RPC message are dropped".to_owned(),
        ]
    );
}

#[test]
fn what_belongs_to_no_call_goes_to_a_get() {
    let mut world = World::new();
    let session = world.open();
    let changed = r#"{"method":"notifications/tools/list_changed"}"#;
    let updated = r#"{"method":"notifications/resources/updated","params":{}}"#;
    let log = r#"{"method":"notifications/message"}"#;
    let ask = r#"{"id":"s","method":"roots/list"}"#;
    let ping = r#"{"id":"p","method":"ping"}"#;
    for message in [changed, ask, log] {
        world.say(&session, message);
    }
    assert!(world.took().is_empty());
    // Somebody is there, even if nobody listens.
    world.say(&session, ping);
    assert_eq!(text(&world.took()), [r#"POST /m?s=1 {"jsonrpc":"2.0","id":"p","result":{}}"#]);
    let get = world.ask(request("GET", Some(&session.id), ""));
    let kept = [changed, ask, log].map(|message| format!("1 {message}"));
    assert_eq!(text(&world.took()), [&["1 200 text/event-stream".to_owned()][..], &kept].concat());
    world.say(&session, ping);
    assert_eq!(text(&world.took()), [format!("1 {ping}")]);

    // A call in progress is what the server speaks of, as far as one can know.
    let (_, one) = world.call(&session, "1", "{}");
    for message in [changed, updated, log, ask, ping] {
        world.say(&session, message);
    }
    let to = [(1, changed), (1, updated), (2, log), (2, ask), (2, ping)];
    assert_eq!(text(&world.took()), to.map(|(to, message)| format!("{to} {message}")));
    world.call(&session, "2", "{}");
    for message in [log, ask] {
        world.say(&session, message);
    }
    assert_eq!(text(&world.took()), [format!("1 {log}"), format!("3 {ask}")]);

    world.gone(get);
    world.say(&session, log);
    world.say(&session, changed);
    assert_eq!(text(&world.took()), [format!("3 {log}")]);
    world.say(&session, &format!(r#"{{"id":{one},"result":{{}}}}"#));
    assert_eq!(text(&world.took()), [r#"2 {"id":1,"result":{}}"#, "2 end"]);
    let get = world.ask(request("GET", Some(&session.id), ""));
    assert_eq!(text(&world.took())[1..], [format!("{} {changed}", get.0)]);
}

#[test]
fn what_has_no_answer_is_taken_or_not() {
    let mut world = World::new();
    let session = world.open();
    let response = r#"{"id":"s","result":{}}"#;
    let ready = r#"{"method":"notifications/initialized"}"#;
    for (message, status, taken) in
        [(ready, 202, "202"), (response, 200, "202"), (ready, 400, "400 text/plain")]
    {
        let asker = world.post(&session, message).0;
        let effects = world.took();
        assert_eq!(text(&effects), [format!("POST /m?s=1 {message}")]);
        let Effect::Open { stream, .. } = effects[0] else { panic!("a POST") };
        world.head(stream, status);
        world.end(stream, true);
        assert_eq!(text(&world.took()), [format!("{asker} {taken}"), format!("{asker} end")]);
    }
}

#[test]
fn a_call_that_is_cancelled_ends() {
    let mut world = World::new();
    let session = world.open();
    let (one, first) = world.call(&session, r#""a\/b""#, "{}");
    let (two, second) = world.call(&session, "1", "{}");
    let cancel = |id: &str| {
        format!(r#"{{"method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#)
    };
    let asker = world.post(&session, &cancel(r#""a/b""#));
    let sent = cancel(&first.to_string());
    assert_eq!(text(&world.took()), [format!("POST /m?s=1 {sent}"), format!("{} end", one.0)]);
    world.gone(asker);
    assert_eq!(world.took().len(), 1);
    world.say(&session, &format!(r#"{{"id":{first},"result":{{}}}}"#));
    // What nobody has asked for is not the server's.
    let asker = world.post(&session, &cancel("5")).0;
    assert_eq!(text(&world.took()), [format!("{asker} 202"), format!("{asker} end")]);

    // A client that is gone wants nothing either.
    world.gone(two);
    let params = format!(r#"{{"requestId":{second},"reason":"the client is gone"}}"#);
    let sent =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#);
    assert_eq!(text(&world.took()), [format!("POST /m?s=1 {sent}")]);
    assert_eq!(world.bridge.sessions(), 1);
}
