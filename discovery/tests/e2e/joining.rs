//! Servers come and go while clients are there.

use mcp_mux_tests::mcp::initialize;
use mcp_mux_tests::script::response;
use mcp_mux_tests::{Answer, Client, Gate, Request, Seen, Step, Upstream, sse, within};

use crate::api::Api;
use crate::objects::{service, slice};
use crate::world::{World, lists};

/// A call of the only tool of `a`.
const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a__echo"}}"#;

/// Answers a call with a stream that has begun and goes on when the gate opens.
fn held_by(gate: &Gate) -> impl Fn(&Seen) -> Answer + Send + Sync + 'static {
    let gate = gate.clone();
    let log = r#"{"level":"info","data":"begun"}"#;
    let begun = format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{log}}}"#);
    move |seen| {
        Answer::sse_steps(vec![
            Step::send(sse::message(&begun)),
            Step::Until(gate.clone()),
            Step::send(sse::message(&response(seen, r#"{"content":[]}"#))),
        ])
    }
}

#[tokio::test]
async fn tools_come_and_go_with_labels_and_endpoints_and_a_call_goes_on() {
    let gate = Gate::closed();
    let a = Upstream::named("a").on("tools/call", held_by(&gate)).start().await;
    let b = Upstream::named("b").start().await;
    let mut api = Api::start().await;
    for (upstream, labelled) in [(&a, true), (&b, false)] {
        api.put(service(&upstream.name, labelled));
        api.put(slice(upstream, true));
    }
    // Lists are kept, but not beyond the configuration that they were made with.
    let mut world = World::new(&api, "{catalog: {ttl: 1h}}");
    let envoy = world.start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["a__echo"]);
    let mut call = client.post(CALL).open().await;
    call.until("begun").await;

    api.put(service("b", true));
    lists(&client, &["a__echo", "b__echo"]).await;
    assert_eq!(client.call_text("b__echo").await, "b:echo");
    assert_eq!((a.seen_of("initialize").len(), b.seen_of("initialize").len()), (1, 1));

    api.put(slice(&b, false));
    lists(&client, &["a__echo"]).await;

    // The cluster goes when the filter has had time to forget it.
    api.wait("one cluster", |_| world.clusters() == ["mcp-mux/tools/a"]).await;
    api.die();
    let before = world.written();
    let failed = |world: &World| world.log().matches("failed to start watching").count();
    api.wait("attempts to reach the API server", |_| failed(&world) > 2).await;
    assert_eq!(world.written(), before);
    assert_eq!(client.tool_names().await, ["a__echo"]);
    api.put(slice(&b, true));
    api.forget();
    api.come_back().await;
    lists(&client, &["a__echo", "b__echo"]).await;

    gate.open();
    let answer = call.rest().await;
    assert!(answer.complete && answer.text().contains(r#""id":7,"result""#), "{answer:?}");
    assert_eq!(a.seen_of("initialize").len(), 1);
}

#[tokio::test]
async fn a_call_outlives_the_cluster_that_it_goes_to() {
    let gate = Gate::closed();
    let a = Upstream::named("a").on("tools/call", held_by(&gate)).start().await;
    let other = Upstream::named("a").start().await;
    let api = Api::start().await;
    api.put(service("a", true));
    api.put(slice(&a, true));
    let mut world = World::new(&api, "{upstreams: []}");
    let envoy = world.start().await;
    let client = Client::open(&envoy).await;
    let mut call = client.post(CALL).open().await;
    call.until("begun").await;
    // Another pod takes its place: the cluster is made anew.
    api.put(slice(&other, true));
    within("a list of the other pod", async {
        while other.seen_of("tools/list").is_empty() {
            assert_eq!(client.tool_names().await, ["a__echo"]);
        }
    })
    .await;
    // And then the cluster goes.
    api.put(service("a", false));
    lists(&client, &[]).await;
    api.wait("no cluster", |_| world.clusters().is_empty()).await;
    envoy.gauge_falls_to("cluster_manager.active_clusters", 0).await;
    gate.open();
    let answer = call.rest().await;
    assert!(answer.complete && answer.text().contains(r#""id":7,"result""#), "{answer:?}");
}

#[tokio::test]
async fn a_list_that_is_under_way_survives_other_endpoints_and_other_upstreams() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |seen: &Seen| {
        let tools = format!(r#"{{"tools":[{}]}}"#, mcp_mux_tests::server::tool("slow"));
        let answer = Step::send(response(seen, &tools));
        Answer::steps(200, "application/json", vec![Step::Until(held.clone()), answer])
    };
    let a = Upstream::named("a").on("tools/list", script).start().await;
    let other = Upstream::named("a").start().await;
    let b = Upstream::named("b").start().await;
    let api = Api::start().await;
    api.put(service("a", true));
    api.put(slice(&a, true));
    let mut world = World::new(&api, "{}");
    let envoy = world.start().await;
    let client = Client::open(&envoy).await;
    let list = client.tool_names();
    let meanwhile = async {
        a.wait_for("tools/list").await;
        api.put(slice(&other, true));
        api.put(service("b", true));
        api.put(slice(&b, true));
        // What is asked before Envoy knows would wait at the gate too.
        envoy.log_line("both", |line| line.contains("for upstreams: a, b")).await;
        let client = Client::open(&envoy).await;
        lists(&client, &["a__echo", "b__echo"]).await;
        gate.open();
    };
    let (names, ()) = tokio::join!(list, meanwhile);
    assert_eq!(names, ["a__slow"]);
}

#[tokio::test]
async fn before_the_first_server_clients_are_asked_to_come_again() {
    let a = Upstream::named("a").start().await;
    let api = Api::start().await;
    let mut world = World::new(&api, "{}");
    let envoy = world.start().await;
    let refused = Request::post(&envoy, initialize("2025-11-25")).send().await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    let error = refused.error(503, -32603);
    assert!(error["message"].as_str().is_some_and(|it| it.contains("No MCP server")), "{error}");

    api.put(service("a", true));
    api.put(slice(&a, true));
    within("a session", async {
        while Request::post(&envoy, initialize("2025-11-25")).send().await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let client = Client::open(&envoy).await;
    let opened = a.seen_of("initialize").len();
    api.put(slice(&a, false));
    lists(&client, &[]).await;
    api.put(slice(&a, true));
    lists(&client, &["a__echo"]).await;
    assert_eq!(a.seen_of("initialize").len(), opened);
}

#[tokio::test]
async fn a_static_upstream_is_there_beside_those_that_are_discovered_and_before_the_first() {
    let fixed = Upstream::named("fixed").start().await;
    let a = Upstream::named("a").start().await;
    let api = Api::start().await;
    let mut world = World::new(&api, "{upstreams: [{name: fixed, cluster: by_hand}]}");
    world.add_cluster("by_hand", fixed.address);
    let envoy = world.start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(client.tool_names().await, ["fixed__echo"]);
    api.put(service("a", true));
    api.put(slice(&a, true));
    lists(&client, &["fixed__echo", "a__echo"]).await;
    assert_eq!(client.call_text("a__echo").await, "a:echo");
    assert_eq!(client.call_text("fixed__echo").await, "fixed:echo");
    // Envoy's own limit is 1024 connections, beyond which calls would wait for good.
    let admin = ([127, 0, 0, 1], envoy.admin_port()).into();
    let clusters = Request::at(admin, "GET", "/clusters").send().await;
    let most = "mcp-mux/tools/a::default_priority::max_connections::1000000";
    assert!(clusters.text().contains(most), "{}", clusters.text());
    api.put(slice(&a, false));
    lists(&client, &["fixed__echo"]).await;
}
