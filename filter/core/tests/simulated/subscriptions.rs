//! `subscriptions/listen` (2026-07-28): what the one upstream that is listened to sends on its own.

use mcp_mux_core::Kind;
use serde_json::{Value, json};

use crate::list_cache::plan;
use crate::world::{Request, Response, Server, Way, World, config, events, gateway};

/// The capabilities of an upstream that says what changes.
const ABLE: &str =
    r#"{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true}}"#;

/// What an upstream calls an event.
const EVENT_ID: &str = "7:x";

const TAG: &str = r#""_meta":{"io.modelcontextprotocol/subscriptionId":1}"#;

fn listen(uris: &str) -> Request {
    let wanted = format!(
        r#""notifications":{{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":false,"resourceSubscriptions":{uris},"x":[1]}}"#
    );
    Request::stateless("subscriptions/listen", &wanted, None)
}

/// Puts an upstream of the stateless era behind this name, which acknowledges one resource, and says that it and
/// the list of tools have changed.
fn serve(world: &mut World, name: &str) {
    world.serve(name, Server::new(name).capabilities(ABLE).stateless());
    world.script_method(name, "subscriptions/listen", |seen| {
        let said = [
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{{"toolsListChanged":true,"resourceSubscriptions":["x:y"]}},{TAG}}}}}"#
            ),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"x:y",{TAG}}}}}"#
            ),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{{{TAG}}}}}"#
            ),
            format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete",{TAG}}}}}"#,
                seen.id()
            ),
        ];
        let stream = format!("id: {EVENT_ID}\n{}", events(&said));
        Response::new(200, "text/event-stream", stream).says()
    });
}

/// The capabilities of the gateway.
fn capabilities(world: &mut World) -> Value {
    let got = world.send(&Request::stateless("server/discover", "", None));
    got.json()["result"]["capabilities"].clone()
}

#[test]
fn the_upstream_that_is_listened_to_sends_what_changes() {
    for names in [["a"].as_slice(), &["a", "b"]] {
        let mut settings = plan(names, "session");
        settings["listen"] = json!("a");
        let mut world = World::new(&config(names));
        world.configure(gateway(&settings));
        for name in names {
            serve(&mut world, name);
        }
        let able = capabilities(&mut world);
        assert_eq!(able["tools"], json!({"listChanged": true}));
        assert_eq!(able["resources"], json!({"subscribe": true, "listChanged": true}));
        let got = world.send(&listen(r#"["a+x:y" , "\u0061+x:z","b+x:y",7]"#));
        assert_eq!((got.way, got.status), (Way::Routed, 200), "{}", got.text());
        let went = got.went.as_ref().expect("went");
        assert_eq!(went.cluster, "a");
        assert_eq!(went.header("mcp-name"), None);
        let wanted = json!({
            "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": false,
            "resourceSubscriptions": ["x:y", "x:z", 7], "x": [1],
        });
        assert_eq!(went.params()["notifications"], wanted);
        let text = got.text();
        assert!(text.contains(r#""resourceSubscriptions":["a+x:y"]"#), "{text}");
        assert!(text.contains(r#""uri":"a+x:y""#) && text.contains("tools/list_changed"), "{text}");
        assert_eq!(text.matches(TAG).count(), 4, "{text}");
        assert!(text.starts_with(&format!("id: {EVENT_ID}\n")), "{text}");
        // Lists that are kept are no longer true.
        let changes = [Kind::Tool, Kind::Prompt].map(|kind| world.changes(kind));
        assert_eq!(changes, [1, 0]);
    }
}

#[test]
fn what_could_not_be_delivered_is_not_served() {
    let both = ["a", "b"].as_slice();
    for (names, listened, stateless) in
        [(both, None, true), (both, Some("a"), false), (&["a"], None, false)]
    {
        let mut settings = config(names);
        if let Some(name) = listened {
            settings["listen"] = json!(name);
        }
        let mut world = World::new(&settings);
        for name in names {
            serve(&mut world, name);
        }
        if !stateless {
            world.serve("a", Server::new("a").capabilities(ABLE));
        }
        // Known to be of the handshake era or not.
        let refused = world.send(&listen("[]"));
        assert_eq!(refused.refusal(), (404, -32601, json!(1)), "{}", refused.text());
        let able = capabilities(&mut world);
        assert_eq!((&able["tools"], &able["resources"]), (&json!({}), &json!({})));
        let got = world.send(&listen("[]"));
        assert_eq!(got.refusal(), (404, -32601, json!(1)), "{}", got.text());
        assert!(got.went.is_none());
    }
}

/// Whoever of this era is told an event's id could not ask for the rest of the stream by it.
#[test]
fn a_stream_that_ends_early_says_so_though_its_events_have_ids() {
    let mut world = World::new(&config(&["a"]));
    serve(&mut world, "a");
    world.script_method("a", "subscriptions/listen", |_| {
        let said = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#.to_owned();
        let stream = format!("id: {EVENT_ID}\n{}", events(&[said]));
        Response::new(200, "text/event-stream", stream).says()
    });
    let text = world.send(&listen("[]")).text();
    assert!(text.starts_with(&format!("id: {EVENT_ID}\n")), "{text}");
    assert!(text.contains("list_changed") && text.contains("-32603"), "{text}");
}
