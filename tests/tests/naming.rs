//! Names without prefixes, with prefixes where they conflict, and names that the configuration gives.

use mcp_mux_tests::mcp::{names, texts};
use mcp_mux_tests::server::{can, tool};
use mcp_mux_tests::{Answer, Client, Envoy, Gate, Seen, Setup, Step, Upstream, script, sse};
use serde_json::{Value, json};

/// A server of these tools and prompts, which says who was asked for which.
async fn upstream(name: &str, tools: &[&str], prompts: &[&str]) -> Upstream {
    let items: Vec<Value> = prompts.iter().map(|name| json!({"name": name})).collect();
    let prompts = json!({"prompts": items}).to_string();
    let server = name.to_owned();
    let described = move |seen: &Seen| {
        let text = format!("{server}:{}", seen.name());
        Answer::result(seen, &json!({"description": text, "messages": []}).to_string())
    };
    let capabilities = json!({"tools": {}, "prompts": {}, "completions": {}});
    Upstream::named(name)
        .with(can(capabilities))
        // Each on a page of its own: names are known when the last one is there.
        .with(|server| server.pages = tools.iter().map(|name| vec![tool(name)]).collect())
        .on("prompts/list", move |seen| Answer::sse_result(seen, &prompts))
        .on("prompts/get", described)
        .on("completion/complete", |seen| Answer::result(seen, r#"{"completion":{"values":[]}}"#))
        .start()
        .await
}

async fn start(mode: &str, a: &Upstream, b: &Upstream, workers: u32) -> Envoy {
    let tools = json!({"tools": {"rename": {"get_v2": "get"}, "describe": {"get_v2": "New."}}});
    let setup = Setup::new().upstream(a).upstream_with(b, &tools);
    setup.set("naming", json!({"prefix": mode})).concurrency(workers).start().await
}

async fn calls(client: &Client<'_>, tools: &[(&str, &str)], prompts: &[(&str, &str)]) {
    for (name, called) in tools {
        assert_eq!(&client.call_text(name).await, called, "{name}");
    }
    for (name, called) in prompts {
        let result = client.request("prompts/get", json!({"name": name})).await.result();
        assert_eq!(&result["description"], called, "{name}");
    }
}

/// Whatever worker takes a call, it finds the owner of the name, though none was told of a list.
async fn every_worker_finds(
    mode: &str,
    tools: &[(&str, &str)],
    prompts: &[(&str, &str)],
    unknown: &[&str],
) {
    let a = upstream("a", &["search", "alpha"], &["p", "q"]).await;
    let b = upstream("b", &["search", "beta", "get_v2"], &["p", "r"]).await;
    let envoy = start(mode, &a, &b, 4).await;
    let client = Client::open(&envoy).await;
    envoy.on_all_workers(async || calls(&client, tools, prompts).await).await;
    for upstream in [&a, &b] {
        for list in ["tools/list", "prompts/list"] {
            let first = |seen: &&Seen| seen.params()["cursor"].is_null();
            let asked = upstream.seen_of(list).iter().filter(first).count();
            assert!((1..=4).contains(&asked), "{list} was asked {asked} times by 4 workers");
        }
    }
    let reference = |name: &str| json!({"ref": {"type": "ref/prompt", "name": name}});
    client.request("completion/complete", reference("r")).await.result();
    assert_eq!(b.only("completion/complete").params()["ref"]["name"], "r");

    let reply = client.list().await;
    let shown: Vec<&str> = tools.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&reply.result()), shown);
    assert!(reply.result().get("nextCursor").is_none(), "{reply:?}");
    assert!(reply.text().contains(r#"{"name":"get","description":"New.","#), "{reply:?}");
    let shown: Vec<&str> = prompts.iter().map(|(name, _)| *name).collect();
    let listed = client.request("prompts/list", Value::Null).await.result();
    assert_eq!(texts(&listed, "prompts", "name"), shown);
    for name in unknown {
        let error = client.call(name).await.error(200, -32602);
        assert!(error["message"].as_str().is_some_and(|it| it.ends_with(name)), "{error}");
        client.request("prompts/get", json!({"name": name})).await.error(200, -32602);
    }
}

#[tokio::test]
async fn without_prefixes_the_first_upstream_has_the_name_on_every_worker() {
    let tools =
        [("search", "a:search"), ("alpha", "a:alpha"), ("beta", "b:beta"), ("get", "b:get_v2")];
    let prompts = [("p", "a:p"), ("q", "a:q"), ("r", "b:r")];
    every_worker_finds("never", &tools, &prompts, &["get_v2", "a__search", "b__p", "x"]).await;
}

#[tokio::test]
async fn only_names_in_conflict_have_a_prefix_on_every_worker() {
    let tools = [
        ("a__search", "a:search"),
        ("alpha", "a:alpha"),
        ("b__search", "b:search"),
        ("beta", "b:beta"),
        ("get", "b:get_v2"),
    ];
    let prompts = [("a__p", "a:p"), ("q", "a:q"), ("b__p", "b:p"), ("r", "b:r")];
    every_worker_finds("on_conflict", &tools, &prompts, &["search", "get_v2", "p", "x"]).await;
}

#[tokio::test]
async fn with_prefixes_a_new_name_is_the_renamed_tools_alone() {
    let b = Upstream::named("b").pages(&[&[
        r#"{"n":1.0,"description":"\u006fld","name":"get\u005fv2"}"#,
        r#"{"name":"get"}"#,
        r#"{"name":"other"}"#,
    ]]);
    let (a, b) = (Upstream::named("a").start().await, b.start().await);
    let envoy = start("always", &a, &b, 1).await;
    let client = Client::open(&envoy).await;
    let reply = client.list().await;
    let schema = r#""inputSchema":{"type":"object"}"#;
    let items =
        [r#"{"n":1.0,"description":"New.","name":"b__get","#, schema, r#"},{"name":"b__other","#]
            .concat();
    let items = format!("{items}{schema}}}]");
    assert!(reply.text().contains(&items), "{reply:?}");
    assert_eq!(client.call_text("b__get").await, "b:get_v2");
    client.call("b__get_v2").await.error(200, -32602);
    assert_eq!(b.seen_of("tools/call").len(), 1);
}

#[tokio::test]
async fn names_that_are_left_out_or_odd_are_counted_each_time_and_warned_of_once() {
    let long = "l".repeat(65);
    let a = upstream("a", &["same", "odd name", &long], &["same"]).await;
    let b = upstream("b", &["same", "fine"], &["same"]).await;
    let envoy = start("never", &a, &b, 1).await;
    for _ in 0..3 {
        let client = Client::open(&envoy).await;
        assert_eq!(client.tool_names().await, ["same", "odd name", &long, "fine"]);
        assert_eq!(client.call_text("odd name").await, "a:odd name");
    }
    let stat = async |name: &str| envoy.counter(name).await;
    assert_eq!(stat("names_in_conflict.b").await, 3);
    assert_eq!(stat("names_in_conflict.a").await, 0);
    assert_eq!(stat("odd_names.a").await, 6);
    let client = Client::open(&envoy).await;
    client.request("prompts/list", Value::Null).await.result();
    assert_eq!(stat("names_in_conflict.b").await, 4);
    for (what, upstream) in [(r#""same""#, "b"), (r#""odd name""#, "a"), (long.as_str(), "a")] {
        let about = |line: &str| line.contains("[warning]") && line.contains(what);
        let line = envoy.log_line(what, about).await;
        assert!(line.contains(&format!("of upstream {upstream}")), "{line}");
        assert_eq!(envoy.log().lines().filter(|line| about(line)).count(), 1, "{what}");
    }
}

#[tokio::test]
async fn names_that_clients_take_for_one_another_or_refuse_for_a_dot_are_reported() {
    let git = Upstream::named("git").tools(&["hub_search", "log"]).start().await;
    let hub = Upstream::named("git-hub").tools(&["search", "issue.list", "log"]).start().await;
    let envoy = Setup::new().upstream(&git).upstream(&hub).start().await;
    for _ in 0..2 {
        let client = Client::open(&envoy).await;
        assert_eq!(client.tool_names().await.len(), 5);
    }
    assert_eq!(envoy.counter("odd_names.git").await, 0);
    assert_eq!(envoy.counter("odd_names.git-hub").await, 4);
    for what in
        [r#""git-hub__search" of upstream git-hub looks like "git__hub_search""#, "issue.list"]
    {
        let about = |line: &str| line.contains("[warning]") && line.contains(what);
        envoy.log_line(what, about).await;
        assert_eq!(envoy.log().lines().filter(|line| about(line)).count(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_owner_to_be_found_is_the_same_call() {
    let gate = Gate::closed();
    let (held, a) = (gate.clone(), upstream("a", &["x"], &[]).await);
    let b = upstream("b", &["y"], &[]).await;
    b.answer("tools/call", move |seen| {
        let end = Step::send(sse::message(&script::response(seen, "{}")));
        Answer::sse_steps(vec![Step::send(": begun\n\n"), Step::Until(held.clone()), end])
    });
    let envoy = start("never", &a, &b, 1).await;
    for chunked in [false, true] {
        let client = Client::open(&envoy).await;
        b.forget();
        let long = "ü".repeat(1_500_000);
        let params = format!(r#"{{"arguments":{{"name":"{long}"}}, "x":1.0,"name":"y"}}"#);
        let body =
            format!(r#"{{"params":{params},"jsonrpc":"2.0","id":"\u0031","method":"tools/call"}}"#);
        let request = client.post(body.clone());
        let request = if chunked { request.chunked(100_000) } else { request };
        let mut open = request.open().await;
        open.until(": begun").await;
        assert!(b.only("tools/call").text() == body);
        gate.open();
        assert_eq!(open.rest().await.message()["id"], "1");
        assert_eq!(b.seen_of("tools/list").len(), 1, "its list was asked for");
    }
}

/// Makes an upstream list these tools, all on one page.
fn lists(upstream: &Upstream, names: &[&str]) {
    let items: Vec<String> = names.iter().map(|name| tool(name)).collect();
    let result = format!(r#"{{"tools":[{}]}}"#, items.join(","));
    upstream.answer("tools/list", move |seen| Answer::result(seen, &result));
}

fn is_down(upstream: &Upstream) {
    upstream.answer("tools/list", |_| Answer::whole(503, "text/plain", "later"));
}

#[tokio::test]
async fn what_the_client_was_told_goes_for_all_workers() {
    let (a, b) = (upstream("a", &[], &[]).await, upstream("b", &[], &[]).await);
    for (mode, ours, theirs) in [("never", "x", "x"), ("on_conflict", "a__x", "b__x")] {
        let envoy = start(mode, &a, &b, 4).await;
        let client = Client::open(&envoy).await;
        // With an upstream down when the client asked, the names are those of the other.
        lists(&a, &["x", "y"]);
        is_down(&b);
        assert_eq!(client.tool_names().await, ["x", "y"], "{mode}");
        let told = [("x", "a:x"), ("y", "a:y")];
        envoy
            .on_all_workers(async || {
                calls(&client, &told, &[]).await;
                // While one is down nobody knows that there is no such name.
                client.call("z").await.error(200, -32603);
            })
            .await;
        // The other way round: in front of what is known there may be one that has the name.
        let client = Client::open(&envoy).await;
        is_down(&a);
        lists(&b, &["x", "z"]);
        assert_eq!(client.tool_names().await, ["x", "z"], "{mode}");
        let told = [("x", "b:x"), ("z", "b:z")];
        envoy.on_all_workers(async || calls(&client, &told, &[]).await).await;
        // All know that, and none goes by it once the client was told of more.
        lists(&a, &["x", "y"]);
        let names = client.tool_names().await;
        let both = if mode == "never" { vec!["x", "y", "z"] } else { vec![ours, "y", theirs, "z"] };
        assert_eq!(names, both, "{mode}");
        envoy
            .on_all_workers(async || calls(&client, &[(ours, "a:x"), ("y", "a:y")], &[]).await)
            .await;
        // A name that has moved.
        lists(&a, &["y"]);
        assert_eq!(client.tool_names().await, ["y", "x", "z"], "{mode}");
        let told = [("y", "a:y"), ("x", "b:x"), ("z", "b:z")];
        envoy.on_all_workers(async || calls(&client, &told, &[]).await).await;
        // What another session was told is another matter.
        let other = Client::open(&envoy).await;
        lists(&a, &["x", "y"]);
        assert_eq!(other.tool_names().await, both, "{mode}");
        envoy
            .on_all_workers(async || {
                calls(&client, &told, &[]).await;
                calls(&other, &[(ours, "a:x"), ("y", "a:y"), ("z", "b:z")], &[]).await;
            })
            .await;
    }
}

#[tokio::test]
async fn a_name_is_not_guessed_while_an_upstream_that_may_have_it_is_down() {
    let (a, b) = (upstream("a", &["x", "y"], &[]).await, upstream("b", &["x", "z"], &[]).await);
    for (mode, x) in [("never", "x"), ("on_conflict", "b__x")] {
        let envoy = start(mode, &a, &b, 1).await;
        let client = Client::open(&envoy).await;
        is_down(&b);
        assert_eq!(client.call_text("y").await, "a:y", "{mode}");
        let error = client.call("z").await.error(200, -32603);
        assert_eq!(error["data"]["upstream"], "b", "{mode}");
        lists(&b, &["x", "z"]);
        is_down(&a);
        let client = Client::open(&envoy).await;
        let error = client.call("y").await.error(200, -32603);
        assert_eq!(error["data"]["upstream"], "a", "{mode}");
        if mode == "never" {
            // Which it may be, or not.
            let error = client.call("x").await.error(200, -32603);
            assert_eq!(error["data"]["upstream"], "a");
        }
        assert!(b.seen_of("tools/call").is_empty(), "{mode}");
        lists(&a, &["x", "y"]);
        calls(&client, &[("y", "a:y"), ("z", "b:z")], &[]).await;
        let owner = if mode == "never" { "a:x" } else { "b:x" };
        assert_eq!(client.call_text(x).await, owner);
        b.forget();
    }
}
