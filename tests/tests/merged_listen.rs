//! `subscriptions/listen` of several servers of both eras, and a GET of the same: only the module serves that.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::sse::Event;
use mcp_mux_tests::{Client, Envoy, Open, Setup, Talker, Upstream};
use serde_json::{Value, json};

use crate::merged::Speaker;
use crate::stateless::{request, stateless};

const TAG: &str = r#""_meta":{"io.modelcontextprotocol/subscriptionId":1}"#;

/// One server without sessions and one with them.
struct World {
    new: Upstream,
    talker: Talker,
    old: Speaker,
    envoy: Envoy,
}

impl World {
    async fn start() -> Self {
        let talker = Talker::default();
        let mouth = talker.clone();
        let able = json!({
            "tools": {"listChanged": true}, "resources": {"subscribe": true, "listChanged": true},
        });
        let new =
            stateless("new", &able).on("subscriptions/listen", move |seen| mouth.listen(seen));
        let (new, old) = tokio::join!(new.start(), Speaker::start("old"));
        let setup = Setup::new().upstream(&new).upstream(&old.upstream).concurrency(2);
        Self { envoy: setup.start().await, new, talker, old }
    }

    /// Waits until so many streams are open at both.
    async fn streams(&self, count: u64) {
        for name in ["new", "old"] {
            let gauge = format!("cluster.{name}.upstream_rq_active");
            self.envoy.gauge_falls_to(&gauge, count).await;
        }
    }

    async fn listen(&self) -> Open {
        let wanted = json!({"notifications": {
            "toolsListChanged": true, "resourceSubscriptions": ["new+x:/1", "old+x:/2"],
        }});
        let mut open = request(&self.envoy, "subscriptions/listen", wanted).open().await;
        assert_eq!(open.status, 200);
        let Event { id, data, .. } = open.take_events(1).await.remove(0);
        let first: Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(
            (id, &first["method"]),
            (None, &json!("notifications/subscriptions/acknowledged"))
        );
        let params = json!({
            "notifications": {
                "toolsListChanged": true, "resourceSubscriptions": ["new+x:/1", "old+x:/2"],
            },
            "_meta": {"io.modelcontextprotocol/subscriptionId": 1},
        });
        assert_eq!(first["params"], params);
        self.new.wait_for("subscriptions/listen").await;
        self.old.upstream.wait_for("resources/subscribe").await;
        self.streams(1).await;
        open
    }
}

fn updated(uri: &str, tag: &str) -> String {
    let method = "notifications/resources/updated";
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{tag}"uri":"{uri}"}}}}"#)
}

fn changed(tag: &str) -> String {
    let params = if tag.is_empty() { String::new() } else { format!(r#","params":{{{tag}}}"#) };
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/tools/list_changed"{params}}}"#)
}

async fn data(open: &mut Open, count: usize) -> Vec<String> {
    open.take_events(count).await.into_iter().map(|event| event.data).collect()
}

#[tokio::test]
async fn a_client_without_a_session_hears_both_eras_on_one_stream() {
    if !Host::tested().merges() {
        return;
    }
    let world = World::start().await;
    let World { new, talker, old, envoy } = &world;
    let discovered = request(envoy, "server/discover", json!({})).send().await.result();
    assert_eq!(discovered["capabilities"]["resources"]["subscribe"], true);
    let made = envoy.breakdowns().await;
    let mut open = world.listen().await;
    let asked = &new.only("subscriptions/listen").params()["notifications"];
    assert_eq!(*asked, json!({"toolsListChanged": true, "resourceSubscriptions": ["x:/1"]}));
    assert_eq!(old.upstream.only("resources/subscribe").params(), json!({"uri": "x:/2"}));
    let tag = format!("{TAG},");
    talker.say(updated("x:/1", &tag));
    assert_eq!(data(&mut open, 1).await, [updated("new+x:/1", &tag)]);
    // Nobody has asked for the first three.
    old.note();
    old.talker.say(updated("x:/1", ""));
    old.talker.say(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    old.talker.say(updated("x:/2", ""));
    assert_eq!(data(&mut open, 1).await, [updated("old+x:/2", &tag)]);
    for talker in [talker, &old.talker] {
        // What it says until it is back may be lost.
        talker.close(true);
        let got = data(&mut open, 2).await;
        assert_eq!(got[0], changed(TAG));
        world.streams(1).await;
        talker.say(if got[1].contains("new+") { changed(TAG) } else { changed("") });
        assert_eq!(data(&mut open, 1).await, [changed(TAG)]);
    }
    assert_eq!(old.upstream.seen_of("resources/subscribe").len(), 1);
    drop(open);
    world.streams(0).await;
    assert_eq!(envoy.breakdowns().await, made);
}

#[tokio::test]
async fn a_client_with_a_session_hears_both_eras_by_get() {
    if !Host::tested().merges() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let mut open = client.http("GET").open().await;
    world.new.wait_for("subscriptions/listen").await;
    world.old.upstream.wait_for("GET").await;
    world.streams(1).await;
    let asked = &world.new.only("subscriptions/listen").params()["notifications"];
    assert_eq!(*asked, json!({"toolsListChanged": true, "resourcesListChanged": true}));
    world.talker.say(changed(""));
    assert_eq!(data(&mut open, 1).await, [changed("")]);
    // The id of the gateway's own request is nobody else's matter.
    world.talker.say(changed(r#""_meta":{"io.modelcontextprotocol/subscriptionId":5,"x":1}"#));
    assert_eq!(data(&mut open, 1).await, [changed(r#""_meta":{"x":1}"#)]);
    world.old.talker.say(updated("x:/2", ""));
    assert_eq!(data(&mut open, 1).await, [updated("old+x:/2", "")]);
    drop(open);
    world.streams(0).await;
}

#[tokio::test]
async fn nothing_is_heard_that_was_not_asked_for_whatever_servers_say() {
    if !Host::tested().merges() {
        return;
    }
    let world = World::start().await;
    let mut open = world.listen().await;
    let tag = format!("{TAG},");
    for (talker, name, own) in [(&world.talker, "new", "x:/1"), (&world.old.talker, "old", "x:/2")]
    {
        for kind in ["prompts", "resources"] {
            talker.say(changed("").replace("tools", kind));
        }
        talker.say(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":1}}"#);
        talker
            .say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#);
        talker.say(r#"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"1"}}"#);
        talker.say(r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}"#);
        talker.say("no message");
        // Another resource, though its name begins in the same way; a part of the one that was asked for.
        talker.say(updated(&format!("{own}0"), ""));
        talker.say(updated(&format!("{own}/a"), ""));
        talker.say(changed(""));
        let part = updated(&format!("{name}+{own}/a"), &tag);
        assert_eq!(data(&mut open, 2).await, [part, changed(TAG)]);
    }
}
