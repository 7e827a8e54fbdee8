//! What the API server does to those who watch it, and what they tell it.

use mcp_mux_tests::Upstream;
use serde_json::{Value, json};

use crate::api::Api;
use crate::objects::{placed, service, slice_at};
use crate::world::World;

fn put(api: &Api, name: &str) {
    api.put(service(name, true));
    api.put(slice_at(name, ([127, 0, 0, 1], 9).into(), true));
}

#[tokio::test]
async fn a_watch_goes_on_from_a_bookmark_and_lists_again_when_that_is_gone() {
    let api = Api::start().await;
    put(&api, "a");
    let mut world = World::new(&api, "{}");
    world.run();
    api.wait("the first files", |_| world.clusters() == ["mcp-mux/tools/a"]).await;
    let lists = |api: &Api| api.requests().iter().filter(|it| !it.contains("watch=true")).count();
    let watches = |api: &Api, version: u64| {
        let version = format!("resourceVersion={version}");
        let of = |it: &&String| it.contains("watch=true") && it.contains(&version);
        api.requests().iter().filter(of).count()
    };
    assert_eq!(lists(&api), 2);
    // Both watches are open before the bookmark is sent on them.
    api.wait("two watches", |api| api.requests().len() == 4).await;
    let version = api.bookmark();
    api.cut();
    api.wait("two watches from the bookmark", |api| watches(api, version) == 2).await;
    assert_eq!(lists(&api), 2);
    put(&api, "b");
    api.wait("b", |_| world.clusters() == ["mcp-mux/tools/a", "mcp-mux/tools/b"]).await;

    let before = world.written();
    api.forget();
    api.wait("two lists more", |api| lists(api) == 4).await;
    put(&api, "c");
    api.wait("c", |_| world.clusters().len() == 3).await;
    assert_ne!(world.written(), before);
}

#[tokio::test]
async fn the_namespaces_of_the_settings_are_watched_and_no_others() {
    for (namespaces, expected) in [
        ("[tools, more]", vec!["mcp-mux/more/b", "mcp-mux/tools/a"]),
        ("['*']", vec!["mcp-mux/more/b", "mcp-mux/other/c", "mcp-mux/tools/a"]),
    ] {
        let api = Api::start().await;
        for (namespace, name) in [("other", "c"), ("tools", "a"), ("more", "b")] {
            for object in [service(name, true), slice_at(name, ([127, 0, 0, 1], 9).into(), true)] {
                api.put(placed(object, namespace));
            }
        }
        let mut world = World::new(&api, &format!("{{}}\nnamespaces: {namespaces}"));
        world.run();
        api.wait("all clusters", |_| world.clusters() == expected).await;
        api.delete(service("a", true));
        api.wait("one less", |_| world.clusters() == expected[..expected.len() - 1]).await;
    }
}

#[tokio::test]
async fn who_conflicts_with_another_is_told_once_whoever_runs_and_however_often() {
    let api = Api::start().await;
    put(&api, "old");
    let mut world = World::new(&api, "{upstreams: [{name: fixed}]}");
    world.run();
    api.wait("the first files", |_| world.clusters() == ["mcp-mux/tools/old"]).await;
    let mut young = service("young", true);
    young["metadata"]["creationTimestamp"] = json!("2026-02-02T00:00:00Z");
    young["metadata"]["annotations"] = json!({"mcp-mux/name": "old"});
    api.put(young.clone());
    api.wait("an Event", |api| api.events().len() == 1).await;
    let event = api.events().remove(0);
    assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("Conflict")));
    assert_eq!(event["regarding"]["name"], "young");
    assert_eq!(event["regarding"]["uid"], "uid-young");
    let note = event["note"].as_str().unwrap_or_default();
    assert!(note.contains("the Service tools/old"), "{note}");

    // Another reason is told, the same one is not.
    put(&api, "c");
    api.wait("c", |_| world.clusters().len() == 2).await;
    young["metadata"]["annotations"] = json!({"mcp-mux/name": "fixed"});
    api.put(young);
    api.wait("another Event", |api| api.events().len() == 2).await;
    let note = |event: &Value| event["note"].as_str().unwrap_or_default().to_owned();
    assert!(note(&api.events()[1]).contains("a static upstream"), "{:?}", api.events());
    assert_eq!(world.clusters(), ["mcp-mux/tools/c", "mcp-mux/tools/old"]);
    assert!(world.log().contains("left out"), "{}", world.log());

    // Another replica, or this program once more, says the same with the same Event.
    let posts = |api: &Api| api.requests().iter().filter(|it| it.starts_with("POST")).count();
    let before = posts(&api);
    world.run();
    api.wait("it is told again", |api| posts(api) > before).await;
    assert_eq!(api.events().len(), 2);
}

#[tokio::test]
async fn once_waits_for_the_api_server_and_leaves_nothing_half_done() {
    let mut api = Api::start().await;
    let a = Upstream::named("a").start().await;
    api.put(service("a", true));
    api.put(slice_at("a", a.address, true));
    let world = World::new(&api, "{}");
    api.die();
    tokio::join!(world.once(), async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert!(!world.path("run/clusters.json").exists());
        api.come_back().await;
    });
    assert_eq!(world.clusters(), ["mcp-mux/tools/a"]);
    assert_eq!(std::fs::read_dir(world.path("run")).expect("the directory").count(), 3);
}

#[tokio::test]
async fn the_api_server_is_known_by_its_certificate_and_knows_the_token() {
    let (api, other) = tokio::join!(Api::start_with_tls(), Api::start_with_tls());
    put(&api, "a");
    let world = World::new(&api, "{}");
    world.once().await;
    assert_eq!(world.clusters(), ["mcp-mux/tools/a"]);

    let mut world = World::new(&api, "{}");
    let stranger = other.certificate.as_ref().expect("a certificate");
    std::fs::write(world.path("ca.crt"), stranger).expect("the certificate");
    let seen = api.requests().len();
    world.run();
    api.wait("a refusal", |_| world.log().contains("invalid peer certificate")).await;
    assert_eq!((api.requests().len(), world.path("run/clusters.json").exists()), (seen, false));
}

#[tokio::test]
async fn an_api_server_that_takes_requests_and_says_nothing_is_asked_again() {
    let api = Api::start().await;
    put(&api, "a");
    api.silence("services");
    let mut world = World::new(&api, "{}");
    world.run();
    api.wait("a warning", |_| world.log().contains("no complete lists")).await;
    api.silence("");
    api.wait("the first files", |_| world.clusters() == ["mcp-mux/tools/a"]).await;
    // A watch that says nothing is no better.
    api.silence("services");
    api.cut();
    api.wait("a watch without an answer", |api| {
        api.requests().iter().filter(|it| it.contains("/services?&watch")).count() == 2
    })
    .await;
    api.silence("");
    put(&api, "b");
    api.wait("b", |_| world.clusters().len() == 2).await;
}

#[tokio::test]
async fn events_that_nobody_takes_hold_up_no_server() {
    let api = Api::start().await;
    for name in ["x", "y", "z"] {
        let mut wrong = service(name, true);
        wrong["metadata"]["annotations"] = json!({"mcp-mux/timeout": "soon"});
        api.put(wrong);
    }
    api.silence("events");
    let mut world = World::new(&api, "{}");
    world.run();
    let posts = |api: &Api| api.requests().iter().filter(|it| it.starts_with("POST")).count();
    api.wait("an Event that is not answered", |api| posts(api) == 1).await;
    put(&api, "a");
    api.wait("a", |_| world.clusters() == ["mcp-mux/tools/a"]).await;
    assert_eq!(posts(&api), 1);
}

#[tokio::test]
async fn an_event_that_could_not_be_published_is_tried_again_and_logged_once() {
    let api = Api::start().await;
    let mut wrong = service("wrong", true);
    wrong["metadata"]["annotations"] = json!({"mcp-mux/timeout": "soon"});
    api.put(wrong);
    api.refuse_events(true);
    let mut world = World::new(&api, "{}");
    world.run();
    let failures = |world: &World| world.log().matches("could not be published").count();
    api.wait("a failure", |_| failures(&world) == 1).await;
    api.refuse_events(false);
    api.wait("the Event", |api| api.events().len() == 1).await;
    assert_eq!(api.events()[0]["reason"], "BadAnnotation");
    assert_eq!(world.log().matches("left out").count(), 1, "{}", world.log());
}
