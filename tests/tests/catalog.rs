//! Lists that are served again (`catalog`): to whom, for how long, and what it saves.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::{initialize, names};
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Envoy, Request, Seen, Setup, Upstream};
use mcp_mux_tests::{script, sse, within};
use serde_json::{Value, json};

const ONE: &str = r#"{"name":"one"}"#;
const TWO: &str = r#"{"name":"two"}"#;

pub(crate) fn kept(setup: Setup, scope: &str) -> Setup {
    setup.set("catalog", json!({"ttl": "1h", "scope": scope}))
}

/// The same, and pages hold no more than one page of each upstream.
pub(crate) fn kept_in_pages(setup: Setup, scope: &str) -> Setup {
    setup.set("catalog", json!({"ttl": "1h", "scope": scope, "page": {"items": 1}}))
}

/// A request for a list with this raw id.
pub(crate) fn listing(client: &Client<'_>, id: &str) -> Request {
    client.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#))
}

/// What the filter counted of lists: hits, misses, and those that were shared.
pub(crate) async fn counted(envoy: &Envoy) -> [u64; 3] {
    let mut counts = [0; 3];
    for (count, name) in counts.iter_mut().zip(["hit", "miss", "shared"]) {
        *count = envoy.counter(&format!("catalog.{name}")).await;
    }
    counts
}

#[tokio::test]
async fn a_list_is_made_once_and_served_again_byte_for_byte() {
    let a = Upstream::named("a").pages(&[&[ONE, r#"{"name":"\u0074","x":1e2}"#]]).start().await;
    let b = Upstream::named("b").sse_answers().start().await;
    let envoy = kept(Setup::new().upstream(&a).upstream(&b), "session").start().await;
    let client = Client::open(&envoy).await;
    let first = listing(&client, "1").send().await;
    a.forget();
    b.forget();
    for id in ["7", r#""seven""#, "-1"] {
        let again = listing(&client, id).send().await;
        assert_eq!(again.text(), first.text().replacen(r#""id":1"#, &format!(r#""id":{id}"#), 1));
        assert_eq!(again.header("content-type"), Some("application/json"));
    }
    assert!(a.seen().is_empty() && b.seen().is_empty());
    assert_eq!(counted(&envoy).await, [3, 1, 0]);
    assert_eq!(envoy.counter("requests.tools_list.ok").await, 4);
    // What is asked besides makes it another list.
    client.request("tools/list", json!({"x": 1})).await.result();
    assert_eq!((a.seen().len(), b.seen().len()), (1, 1));
}

#[tokio::test]
async fn without_a_ttl_nothing_is_kept_and_nothing_counted() {
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    client.list().await.result();
    client.list().await.result();
    assert_eq!(a.seen_of("tools/list").len(), 2);
    let stats = envoy.stats().await;
    assert!(!stats.iter().any(|(name, value)| name.contains("mcp_mux.catalog") && *value > 0));
}

#[tokio::test]
async fn a_list_lives_no_longer_than_its_ttl() {
    let a = Upstream::named("a").start().await;
    let setup = Setup::new().upstream(&a).set("catalog", json!({"ttl": "1s"}));
    let envoy = setup.start().await;
    let client = Client::open(&envoy).await;
    client.list().await.result();
    within("the list to be made anew", async {
        while a.seen_of("tools/list").len() < 2 {
            client.list().await.result();
        }
    })
    .await;
    assert!(counted(&envoy).await[0] > 0);
}

#[tokio::test]
async fn a_list_is_another_sessions_only_where_lists_are_public_and_the_request_looks_the_same() {
    let mine = |seen: &Seen| {
        let who = seen.header("authorization").unwrap_or("nobody").replace(' ', "-");
        Answer::result(
            seen,
            &format!(r#"{{"tools":[{{"name":"of-{who}","inputSchema":{{"type":"object"}}}}]}}"#),
        )
    };
    let forward = json!({"headers": {"forward": ["authorization"]}});
    for (scope, made) in [("session", 3), ("public", 2)] {
        let a = Upstream::named("a").on("tools/list", mine).start().await;
        let envoy = kept(Setup::new().upstream_with(&a, &forward), scope).start().await;
        for (who, expected) in [("A", "a__of-A"), ("B", "a__of-B"), ("A", "a__of-A")] {
            let opening = Request::post(&envoy, initialize("2025-11-25"));
            let reply = opening.header("authorization", who).send().await;
            let client = Client::of(&envoy, &reply);
            for _ in 0..2 {
                let list = listing(&client, "1").header("authorization", who).send().await;
                assert_eq!(names(&list.result()), [expected], "{scope}");
            }
        }
        assert_eq!(a.seen_of("tools/list").len(), made, "{scope}");
    }
}

const LISTS: [&str; 4] =
    ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

/// Asks every worker for every list, several times.
async fn ask_everywhere(envoy: &Envoy, client: &Client<'_>) {
    for method in LISTS {
        let list = async || drop(client.request(method, Value::Null).await.result());
        envoy.on_all_workers(list).await;
    }
}

#[tokio::test]
async fn a_change_on_a_stream_that_goes_by_drops_the_lists_of_its_kind_on_every_worker() {
    let all = can(json!({"tools": {"listChanged": true}, "prompts": {}, "resources": {}}));
    let a = Upstream::named("a").with(all).start().await;
    for (method, result) in [
        ("prompts/list", r#"{"prompts":[{"name":"p"}]}"#),
        ("resources/list", r#"{"resources":[{"name":"r","uri":"x:/1"}]}"#),
        (
            "resources/templates/list",
            r#"{"resourceTemplates":[{"name":"t","uriTemplate":"x:/{a}"}]}"#,
        ),
    ] {
        a.answer(method, move |seen| Answer::result(seen, result));
    }
    let setup = Setup::new().upstream(&a).concurrency(2);
    let envoy = kept(setup, "session").start().await;
    let client = Client::open(&envoy).await;
    ask_everywhere(&envoy, &client).await;
    for (kind, dropped) in
        [("tools", &LISTS[..1]), ("prompts", &LISTS[1..2]), ("resources", &LISTS[2..])]
    {
        for way in ["call", "GET"] {
            let method = format!("notifications/{kind}/list_changed");
            let event = sse::message(&json!({"jsonrpc": "2.0", "method": method}).to_string());
            if way == "GET" {
                let stream = event.clone();
                a.answer("GET", move |_| Answer::sse(stream.clone()));
                assert_eq!(client.http("GET").send().await.text(), event);
            } else {
                a.answer("tools/call", move |seen| {
                    let answer = sse::message(&script::response(seen, r#"{"content":[]}"#));
                    Answer::sse(format!("{event}{answer}"))
                });
                client.call("a__echo").await.result();
            }
            a.forget();
            ask_everywhere(&envoy, &client).await;
            for method in LISTS {
                // Each of the two workers made it once, unless they have one memory.
                let made = Host::tested().memories(2);
                let expected = if dropped.contains(&method) { made } else { 0 };
                assert_eq!(a.seen_of(method).len(), expected, "{kind} by {way}: {method}");
            }
        }
    }
}

#[tokio::test]
async fn names_without_prefixes_are_known_to_whom_a_list_was_served_again() {
    for mode in ["on_conflict", "never"] {
        let a = Upstream::named("a").tools(&["one"]).start().await;
        let b = Upstream::named("b").tools(&["one", "two"]).start().await;
        let setup = Setup::new().upstream(&a).upstream(&b).set("naming", json!({"prefix": mode}));
        let envoy = kept(setup, "public").start().await;
        let (first, second) = (Client::open(&envoy).await, Client::open(&envoy).await);
        let told = first.tool_names().await;
        a.forget();
        b.forget();
        assert_eq!(second.tool_names().await, told, "{mode}");
        for client in [&second, &first] {
            assert_eq!(client.call_text("two").await, "b:two", "{mode}");
        }
        let lists = [&a, &b].map(|upstream| upstream.seen_of("tools/list").len());
        assert_eq!(lists, [0, 0], "{mode}");
    }
}

#[tokio::test]
async fn pages_are_kept_for_their_session_and_an_ended_session_gets_nothing() {
    let a = Upstream::named("a").pages(&[&[ONE], &[TWO]]).start().await;
    let envoy = kept_in_pages(Setup::new().upstream(&a), "public").start().await;
    let (one, two) = (Client::open(&envoy).await, Client::open(&envoy).await);
    for (client, made) in [(&one, 2), (&one, 2), (&two, 4), (&two, 4)] {
        let first = client.list().await.result();
        let cursor = first["nextCursor"].as_str().expect("a cursor");
        assert_eq!(names(&first), ["a__one"]);
        assert_eq!(names(&client.list_from(cursor).await.result()), ["a__two"]);
        assert_eq!(a.seen_of("tools/list").len(), made);
    }
    assert_eq!(one.http("DELETE").send().await.status, 204);
    one.list().await.gone();
    two.list().await.result();
    assert_eq!(a.seen_of("tools/list").len(), 4);
}

#[tokio::test]
async fn what_is_incomplete_is_made_anew() {
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").on("tools/list", |_| Answer::whole(500, "x/y", "")).start().await;
    let envoy = kept(Setup::new().upstream(&a).upstream(&b), "session").start().await;
    let client = Client::open(&envoy).await;
    client.list().await.result();
    assert_eq!(client.tool_names().await, ["a__echo"]);
    assert_eq!(b.seen_of("tools/list").len(), 2);
    a.answer("tools/list", |_| Answer::whole(500, "x/y", ""));
    client.list().await.error(200, -32603);
    client.list().await.error(200, -32603);
    assert_eq!(b.seen_of("tools/list").len(), 4);
}

#[tokio::test]
async fn an_upstream_that_was_opened_again_is_asked_again() {
    let a = Upstream::named("a").start().await;
    let envoy = kept(Setup::new().upstream(&a).concurrency(2), "session").start().await;
    let client = Client::open(&envoy).await;
    envoy.on_all_workers(async || drop(client.list().await.result())).await;
    a.restart(Answer::whole(404, "text/plain", "gone"));
    client.call("a__echo").await.result();
    a.forget();
    envoy.on_all_workers(async || drop(client.list().await.result())).await;
    assert_eq!(a.seen_of("tools/list").len(), Host::tested().memories(2));
}
