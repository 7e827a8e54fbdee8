//! Who asks (`caller`): a request that does not say it is refused, and what belongs to one caller is no other's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::rules::by;
use crate::world::{INITIALIZE, Request, Server, Shape, World, config};

const ANN: (&str, &[&str]) = ("ann", &[]);
const BOB: (&str, &[&str]) = ("bob", &[]);

fn world(caller: &Value) -> World {
    let mut plan = config(&["old", "new"]);
    plan["caller"] = caller.clone();
    plan["catalog"] = json!({"page": {"items": 1}});
    let mut world = World::new(&plan);
    let tools = || vec![vec![r#"{"name":"t"}"#.to_owned()], vec![r#"{"name":"u"}"#.to_owned()]];
    let server =
        |name| Server::new(name).pages(tools(), vec![r#""next""#.to_owned()]).shape(Shape::Json);
    world.serve("old", server("old"));
    world.serve("new", server("new").stateless());
    world
}

fn claims() -> World {
    world(&json!({"claim": "sub", "payload_header": "x-jwt-payload"}))
}

#[test]
fn a_request_that_does_not_say_who_sends_it_is_refused() {
    let payload = |json: &str| BASE64URL.encode(json);
    let long = payload(&format!(r#"{{"sub":"ann","x":"{}"}}"#, "x".repeat(64 * 1024)));
    let name = payload(&format!(r#"{{"sub":"{}"}}"#, "x".repeat(5000)));
    for (caller, header, values) in [
        (json!({"header": "x-user"}), "x-user", vec![String::new(), " ".into(), "x".repeat(5000)]),
        (
            json!({"claim": "sub", "payload_header": "x-jwt-payload"}),
            "x-jwt-payload",
            vec![
                String::new(),
                "ann".into(),
                r#"{"sub":"ann"}"#.into(),
                payload("{}"),
                payload(r#"{"sub":""}"#),
                payload(r#"{"sub":5}"#),
                payload(r#"{"sub":["ann","bob"]}"#),
                payload(r#"{"sub":"ann","sub":"bob"}"#),
                payload(r#"{"sub":"ann""#),
                payload(r#""ann""#),
                long,
                name,
            ],
        ),
    ] {
        let mut world = world(&caller);
        let mut requests =
            vec![Request::rpc("initialize", INITIALIZE), Request::get(), Request::delete()];
        let stateless = Request::stateless("tools/list", "", None);
        requests.extend(values.into_iter().map(|value| stateless.clone().with(header, value)));
        let twice = by(stateless, ANN).with("x-user", "ann");
        let again = if header == "x-user" { "bob".to_owned() } else { payload(r#"{"sub":"bob"}"#) };
        requests.push(twice.and(header, &again));
        for request in requests {
            let got = world.send(&request);
            assert_eq!(got.refusal(), (401, -32600, Value::Null), "{}", got.text());
        }
        assert!(world.seen.is_empty());
    }
}

#[test]
fn a_session_is_its_callers_alone_on_every_worker() {
    let mut world = claims();
    let got = world.send(&by(Request::rpc("initialize", INITIALIZE), ANN));
    let session = got.header("mcp-session-id").expect("a session");
    let list = |who| by(Request::rpc("tools/list", "{}").within(&session), who);
    let asked = world.seen.len();
    let message = |body: &str| Request::post(body).within(&session);
    for (request, status) in [
        (list(BOB), 404),
        // Without `listen` there is no stream, for whomever.
        (by(Request::get().within(&session), BOB), 405),
        (by(Request::delete().within(&session), BOB), 404),
        (by(message(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), BOB), 404),
        (by(message(r#"{"jsonrpc":"2.0","id":5,"result":{}}"#), BOB), 404),
    ] {
        for _ in 0..2 {
            // This worker has opened the session before, and the next one has not.
            assert_eq!(world.send(&request).status, status);
            world.change_worker();
        }
    }
    assert_eq!(world.seen.len(), asked);
    assert_eq!(world.send(&list(ANN)).status, 200);
    // The same caller with another token.
    assert_eq!(world.send(&list(("ann", &["users"]))).status, 200);
}

#[test]
fn a_session_of_before_callers_were_asked_for_is_gone() {
    let mut world = claims();
    let mut before = World::new(&config(&["old", "new"]));
    before.serve("old", Server::new("old").tools(&["t"]));
    let session = before.open();
    let got = world.send(&by(Request::rpc("tools/list", "{}").within(&session), ANN));
    assert_eq!(got.status, 404);
}

#[test]
fn cursors_and_sessions_that_are_kept_are_their_callers() {
    let mut world = claims();
    let page = |world: &mut World, cursor: &str, who| {
        world.send(&by(Request::stateless("tools/list", cursor, None), who))
    };
    let first = page(&mut world, "", ANN).json();
    let cursor = format!(r#""cursor":{}"#, first["result"]["nextCursor"]);
    let got = page(&mut world, &cursor, BOB);
    assert_eq!(got.refusal(), (200, -32602, json!(1)), "{}", got.text());
    assert_eq!(page(&mut world, &cursor, ANN).status, 200);
    // The upstream with sessions has one for each caller, though it is shown nothing of them.
    assert_eq!(world.seen_by("old", "initialize").len(), 1);
    page(&mut world, "", BOB);
    assert_eq!(world.seen_by("old", "initialize").len(), 2);
    page(&mut world, "", ANN);
    page(&mut world, "", BOB);
    assert_eq!(world.seen_by("old", "initialize").len(), 2);
}

#[test]
fn what_a_token_says_reaches_no_server() {
    let mut world = claims();
    world.send(&by(Request::stateless("tools/list", "", None), ANN));
    for name in ["old__t", "new__t"] {
        let params = format!(r#""name":"{name}","arguments":{{}}"#);
        let request = Request::stateless("tools/call", &params, Some(name));
        let got = world.send(&by(request, ANN).with("authorization", "Bearer token"));
        assert!(got.json().get("result").is_some(), "{}", got.text());
    }
    assert!(!world.seen.is_empty());
    for seen in &world.seen {
        assert_eq!((seen.header("x-jwt-payload"), seen.header("authorization")), (None, None));
    }
}

#[test]
fn the_access_log_has_who_sent_a_request_whatever_became_of_it() {
    let mut world = claims();
    let session = world.send(&by(Request::rpc("initialize", INITIALIZE), ANN));
    let session = session.header("mcp-session-id").expect("a session");
    let list = Request::rpc("tools/list", "{}").within(&session);
    let long = "x".repeat(1000);
    for (request, who, shown) in [
        (Request::rpc("initialize", INITIALIZE), "ann", "ann"),
        (list.clone(), "ann", "ann"),
        // From what is remembered of the token, and with a session of somebody else.
        (list.clone(), "bob", "bob"),
        (list, "bob", "bob"),
        (Request::stateless("tools/list", "", None), "a\nb\"c", "a?b\"c"),
        (Request::stateless("tools/list", "", None), long.as_str(), &long[..200]),
        (Request::post("x"), "ann", "ann"),
    ] {
        let got = world.send(&by(request, (who, &[])));
        let told = got.told.iter().filter_map(|it| it.strip_prefix("mcp_mux.caller "));
        assert_eq!(told.collect::<Vec<_>>(), [shown], "{:?}", got.told);
    }
    let got = world.send(&Request::rpc("ping", "{}"));
    assert!(!got.told.iter().any(|it| it.starts_with("mcp_mux.caller")), "{:?}", got.told);
}
