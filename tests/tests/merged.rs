//! The stream of a GET, made of those of several upstreams: only the module makes it.

use std::time::Duration;

use tokio::time::Instant;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::server::can;
use mcp_mux_tests::sse::Event;
use mcp_mux_tests::{Answer, Client, Envoy, Open, Setup, Talker, Upstream, marks, within};
use serde_json::{Value, json};

mod recovery;
mod slow;
mod soak;

/// Whether the host that is tested makes one stream of several.
pub(crate) fn is_merging() -> bool {
    Host::tested().merges()
}

/// An upstream that says on its own what the test wants it to, and can change all its lists.
pub(crate) struct Speaker {
    pub(crate) upstream: Upstream,
    pub(crate) talker: Talker,
}

impl Speaker {
    pub(crate) async fn start(name: &str) -> Self {
        let talker = Talker::default();
        let (mouth, ear) = (talker.clone(), talker.clone());
        let capabilities = json!({
            "tools": {"listChanged": true}, "resources": {"subscribe": true, "listChanged": true},
        });
        let upstream = Upstream::named(name)
            .with(can(capabilities))
            .on("GET", move |seen| mouth.stream(seen))
            .on("resources/subscribe", |seen| Answer::result(seen, "{}"))
            .on("DELETE", move |_| {
                ear.close(false);
                Answer::whole(200, "text/plain", "")
            });
        Self { upstream: upstream.start().await, talker }
    }

    /// Says something like no other.
    pub(crate) fn note(&self) {
        let (name, number) = (&self.upstream.name, self.talker.count());
        self.talker.say(note(name, number));
    }
}

pub(crate) fn note(name: &str, number: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{name} {number}"}}}}"#
    )
}

/// Three of them behind an Envoy of two workers.
pub(crate) struct World {
    pub(crate) speakers: [Speaker; 3],
    pub(crate) envoy: Envoy,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (a, b, c) = tokio::join!(Speaker::start("a"), Speaker::start("b"), Speaker::start("c"));
        let speakers = [a, b, c];
        let setup = Setup::new().concurrency(2);
        let setup = speakers.iter().fold(setup, |setup, it| setup.upstream(&it.upstream));
        Self { envoy: setup.start().await, speakers }
    }

    /// Waits until so many streams are open at each upstream.
    pub(crate) async fn streams(&self, count: u64) {
        for Speaker { upstream, .. } in &self.speakers {
            let gauge = format!("cluster.{}.upstream_rq_active", upstream.name);
            self.envoy.gauge_falls_to(&gauge, count).await;
        }
    }

    /// Opens the stream of a client and waits until all are listened to.
    pub(crate) async fn listen(&self, client: &Client<'_>, last: Option<&str>) -> Open {
        let get = client.http("GET");
        let get = last.into_iter().fold(get, |get, last| get.header("last-event-id", last));
        let open = get.open().await;
        assert_eq!(open.status, 200);
        assert_eq!(open.headers["content-type"], "text/event-stream");
        for Speaker { upstream, .. } in &self.speakers {
            upstream.wait_for("GET").await;
        }
        self.streams(1).await;
        open
    }
}

/// The data of the events, which say by whom they were sent.
fn of<'e>(events: &'e [Event], name: &str) -> Vec<&'e str> {
    let of = |event: &&Event| event.data.contains(&format!(r#""data":"{name} "#));
    events.iter().filter(of).map(|event| event.data.as_str()).collect()
}

fn notes(name: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| note(name, number)).collect()
}

#[tokio::test]
async fn events_of_all_come_in_order_and_once_whenever_the_client_comes_back() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let capabilities = &client.initialized["capabilities"];
    assert_eq!(capabilities["tools"], json!({"listChanged": true}));
    assert_eq!(capabilities["resources"], json!({"subscribe": true, "listChanged": true}));
    let (mut last, mut heard): (Option<String>, usize) = (None, 0);
    for round in 1..=4 {
        let mut open = world.listen(&client, last.as_deref()).await;
        for (speaker, at) in world.speakers.iter().zip(0..) {
            let asked = speaker.upstream.only("GET");
            let before = (round > 1).then(|| (heard / 3).to_string());
            assert_eq!(asked.header("last-event-id"), before.as_deref());
            let session = format!("{}-session-1", speaker.upstream.name);
            assert_eq!(asked.header("mcp-session-id"), Some(session.as_str()));
            assert_eq!(asked.header("accept"), Some("text/event-stream"));
            speaker.upstream.forget();
            (at..40).for_each(|_| speaker.note());
            (0..at).for_each(|_| speaker.note());
        }
        // What was said while nobody listened comes first.
        let said = world.speakers[0].talker.count();
        let events = open.take_events(3 * said - heard).await;
        for speaker in &world.speakers {
            let name = &speaker.upstream.name;
            assert_eq!(of(&events, name), notes(name, heard / 3..said), "round {round}");
        }
        heard = 3 * said;
        last = events.last().and_then(|event| event.id.clone());
        let id = last.as_ref().expect("an id");
        let digest = marks::event("a", 'o', "a-session-1", "");
        let digest =
            digest.trim_start_matches("a:o").split(':').next().expect("a digest").to_owned();
        let said = said.to_string();
        assert!(id.starts_with(&format!("*a:{digest}:{}:{said}b:", said.len())), "{id}");
        drop(open);
        world.streams(0).await;
        for speaker in &world.speakers {
            (0..5).for_each(|_| speaker.note());
        }
    }
}

#[tokio::test]
async fn what_servers_ask_is_answered_to_them_from_any_worker() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    for Speaker { upstream, .. } in &world.speakers {
        let offered = &upstream.only("initialize").params()["capabilities"];
        let all = json!({"roots": {"listChanged": true}, "sampling": {}, "elicitation": {}});
        assert_eq!(*offered, all);
        let uri = format!("{}+x:/1", upstream.name);
        client.request("resources/subscribe", json!({"uri": uri})).await.result();
        assert_eq!(upstream.only("resources/subscribe").params(), json!({"uri": "x:/1"}));
    }
    let mut open = world.listen(&client, None).await;
    for Speaker { upstream, talker } in &world.speakers {
        let updated = |uri: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}"}}}}"#
            )
        };
        talker.say(updated("x:/1"));
        let shown = updated(&format!("{}+x:/1", upstream.name));
        assert_eq!(open.take_events(1).await[0].data, shown);
    }
    let asked = ["ping", "roots/list", "sampling/createMessage", "elicitation/create"];
    let mut ids = Vec::new();
    for method in asked {
        // All with the same id.
        for Speaker { talker, .. } in &world.speakers {
            talker.say(format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{}}}}"#));
        }
        for Event { data, .. } in open.take_events(3).await {
            let shown: Value = serde_json::from_str(&data).expect("JSON");
            assert_eq!(shown["method"], method);
            ids.push(shown["id"].as_str().expect("a marked id").to_owned());
        }
    }
    world
        .envoy
        .on_all_workers(async || {
            world.speakers.iter().for_each(|it| it.upstream.forget());
            for id in &ids {
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": {}});
                let reply = client.post(answer.to_string()).send().await;
                assert_eq!((reply.status, reply.text()), (202, ""));
            }
            for Speaker { upstream, .. } in &world.speakers {
                let own = |id: &&String| id.starts_with(&format!("{}:", upstream.name));
                let got = upstream.seen_of("POST");
                assert_eq!((ids.iter().filter(own).count(), got.len()), (4, 4));
                let got = got.iter().map(mcp_mux_tests::Seen::text);
                got.for_each(|text| assert!(text.contains(r#""id":7"#), "{text}"));
            }
        })
        .await;
}

#[tokio::test]
async fn a_session_may_have_several_streams_and_they_end_with_it() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    let made = world.envoy.breakdowns().await;
    let mut first = world.listen(&client, None).await;
    let mut second = client.http("GET").open().await;
    world.streams(2).await;
    // As servers do that send each message on every stream of a session.
    world.speakers[0].note();
    for open in [&mut first, &mut second] {
        assert_eq!(open.take_events(1).await[0].data, note("a", 0));
    }
    drop(second);
    world.streams(1).await;
    // A stranger's session is another.
    let stranger = Client::open(&world.envoy).await;
    let third = stranger.http("GET").open().await;
    world.streams(2).await;
    assert_eq!(client.http("DELETE").send().await.status, 204);
    assert!(within("the end", first.rest()).await.complete);
    client.http("GET").send().await.gone();
    drop(third);
    world.streams(0).await;
    assert_eq!(world.envoy.breakdowns().await, made);
}

#[tokio::test]
async fn silence_is_broken_after_fifteen_seconds_and_an_end_is_noticed_then() {
    if !is_merging() {
        return;
    }
    let world = World::start().await;
    let client = Client::open(&world.envoy).await;
    for Speaker { upstream, .. } in &world.speakers {
        upstream.answer("DELETE", |_| Answer::whole(200, "text/plain", ""));
    }
    let began = Instant::now();
    let mut open = world.listen(&client, None).await;
    open.until(": keep-alive\n\n").await;
    let passed = began.elapsed();
    assert!((14..25).contains(&passed.as_secs()), "{passed:?}");
    assert_eq!(client.http("DELETE").send().await.status, 204);
    // Its servers have not ended their streams.
    let reply = within("the end", open.rest()).await;
    assert!(reply.complete && began.elapsed() < Duration::from_secs(45), "{reply:?}");
    world.streams(0).await;
}
