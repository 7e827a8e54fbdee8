//! No id of one user works for another, who may do the same otherwise.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::mcp::texts;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Step, Upstream};
use serde_json::{Value, json};

use super::{Era, User, able, serving, setup};
use crate::parked_calls;
use crate::stateless::stateless;

const ERAS: [Era; 2] = [Era::Handshake, Era::Stateless];

#[tokio::test]
async fn a_session_is_its_users_alone() {
    let old = Upstream::named("old").start().await;
    let envoy = setup().upstream(&old).start().await;
    let (ann, bob) = (User::open(&envoy, "ann").await, User::open(&envoy, "bob").await);
    let thief = User { session: ann.session.clone(), ..User::open(&envoy, "bob").await };
    old.forget();
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    for _ in 0..4 {
        // On either worker.
        for request in [
            thief.request(Era::Handshake, "tools/list", &json!({})),
            thief.request(Era::Handshake, "tools/call", &json!({"name": "old__echo"})),
            thief.post(notification).header("mcp-session-id", &ann.session),
            thief.http("DELETE").header("mcp-session-id", &ann.session),
        ] {
            let reply = request.send().await;
            assert_eq!(reply.status, 404, "{reply:?}");
        }
    }
    assert_eq!(old.seen().len(), 0);
    for user in [&ann, &bob] {
        user.ask(Era::Handshake, "tools/call", &json!({"name": "old__echo"})).await.result();
    }
}

#[tokio::test]
async fn a_cursor_is_its_users_alone() {
    let page = |name: &str| vec![mcp_mux_tests::server::tool(name)];
    let pages = vec![page("public-1"), page("public-2")];
    let old = Upstream::named("old").with(|server| server.pages = pages.clone()).start().await;
    let new = stateless("new", &able()).with(|server| server.pages = pages).start().await;
    let catalog = json!({"ttl": "1h", "scope": "public", "page": {"items": 1}});
    let envoy = setup().upstream(&old).upstream(&new).set("catalog", catalog).start().await;
    let (ann, bob) = (User::open(&envoy, "ann").await, User::open(&envoy, "bob").await);
    for era in ERAS {
        let first = ann.ask(era, "tools/list", &json!({})).await.result();
        let cursor = json!({"cursor": first["nextCursor"].as_str().expect("a cursor")});
        let reply = bob.ask(era, "tools/list", &cursor).await;
        reply.error(200, -32602);
        let rest = ann.ask(era, "tools/list", &cursor).await.result();
        assert_eq!(texts(&rest, "tools", "name"), ["old__public-2", "new__public-2"], "{era:?}");
    }
}

#[tokio::test]
async fn a_link_to_a_resource_leads_only_who_may_read_it() {
    let link = r#"{"content":[{"type":"resource_link","uri":"file:///secret/a","name":"a"}]}"#;
    let links = move |seen: &mcp_mux_tests::Seen| Answer::result(seen, link);
    let old = serving(Upstream::named("old").with(can(able()))).on("tools/call", links);
    let new = serving(stateless("new", &able())).on("tools/call", links);
    let (old, new) = (old.start().await, new.start().await);
    let envoy = setup().upstream(&old).upstream(&new).start().await;
    let (ann, bob) = (User::open(&envoy, "ann").await, User::open(&envoy, "bob").await);
    for (era, upstream) in ERAS.into_iter().flat_map(|era| [(era, &old), (era, &new)]) {
        let name = json!({"name": format!("{}__public-a", upstream.name)});
        let told = bob.ask(era, "tools/call", &name).await.result();
        let uri = json!({"uri": told["content"][0]["uri"]});
        assert_eq!(uri["uri"], format!("{}+file:///secret/a", upstream.name));
        let before = upstream.seen_of("resources/read").len();
        let refused = bob.ask(era, "resources/read", &uri).await.message();
        assert!(refused.get("error").is_some(), "{refused}");
        assert_eq!(upstream.seen_of("resources/read").len(), before);
        ann.ask(era, "resources/read", &uri).await.result();
    }
}

#[tokio::test]
async fn a_question_that_waits_is_its_users_alone() {
    if Host::tested() == Host::Wasm {
        // No call waits there.
        return;
    }
    let a = parked_calls::asking().await;
    let envoy = setup().upstream(&a).start().await;
    let (ann, bob) = (User::open(&envoy, "ann").await, User::open(&envoy, "bob").await);
    let call = json!({"name": "a__echo", "arguments": {}});
    let asked = ann.ask(Era::Stateless, "tools/call", &call).await.result();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let mut answer = call;
    answer["requestState"] = asked["requestState"].clone();
    answer["inputResponses"] = json!({"7": {"action": "accept", "content": {}}});
    bob.ask(Era::Stateless, "tools/call", &answer).await.error(200, -32602);
    assert_eq!((a.seen_of("tools/call").len(), parked_calls::answers(&a).len()), (1, 0));
    let done = ann.ask(Era::Stateless, "tools/call", &answer).await.result();
    assert_eq!(done["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_task_is_its_users_alone() {
    let created = r#"{"resultType":"task","taskId":"1","status":"working"}"#;
    let told = r#"{"resultType":"complete","taskId":"1","status":"working"}"#;
    let new = stateless("new", &able())
        .on("tools/call", move |seen| Answer::result(seen, created))
        .on("tasks/get", move |seen| Answer::result(seen, told))
        .start()
        .await;
    let tasks = json!({"tools": {}, "tasks": {"requests": {"tools": {"call": {}}}}});
    let old = Upstream::named("old")
        .with(can(tasks))
        .on("tools/call", |seen| {
            Answer::result(seen, r#"{"task":{"taskId":"1","status":"working"}}"#)
        })
        .on("tasks/get", move |seen| Answer::result(seen, r#"{"taskId":"1","status":"working"}"#))
        .start()
        .await;
    let envoy = setup().upstream(&new).upstream(&old).start().await;
    let (ann, bob) = (User::open(&envoy, "ann").await, User::open(&envoy, "bob").await);
    let task = ann.ask(Era::Stateless, "tools/call", &json!({"name": "new__echo"})).await.result();
    let id = json!({"taskId": task["taskId"].as_str().expect("a task")});
    bob.ask(Era::Stateless, "tasks/get", &id).await.error(200, -32602);
    assert_eq!(new.seen_of("tasks/get").len(), 0);
    ann.ask(Era::Stateless, "tasks/get", &id).await.result();

    // In a session a task is the session's: its server is asked in that of whoever asks.
    let call = json!({"name": "old__echo", "task": {}});
    let task = ann.ask(Era::Handshake, "tools/call", &call).await.result();
    let id = json!({"taskId": task["task"]["taskId"].as_str().expect("a task")});
    let session = |method: &str| {
        let seen = old.seen_of(method).pop().expect("a request");
        seen.header("mcp-session-id").expect("a session").to_owned()
    };
    let anns = session("tools/call");
    bob.ask(Era::Handshake, "tasks/get", &id).await;
    assert_ne!(session("tasks/get"), anns);
    ann.ask(Era::Handshake, "tasks/get", &id).await.result();
    assert_eq!(session("tasks/get"), anns);
}

#[tokio::test]
async fn an_event_is_its_users_alone() {
    let begin = "id: 1\nretry: 0\ndata:\n\n";
    let old = Upstream::named("old")
        .on("tools/call", move |_| Answer::sse_steps(vec![Step::send(begin), Step::send("")]))
        .on("GET", |_| {
            Answer::sse(
                "id: 2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}\n\n",
            )
        })
        .start()
        .await;
    let envoy = setup().upstream(&old).start().await;
    let (ann, bob) = (User::open(&envoy, "ann").await, User::open(&envoy, "bob").await);
    let reply = ann.ask(Era::Handshake, "tools/call", &json!({"name": "old__echo"})).await;
    let last = reply.events()[0].id.clone().expect("an id");
    for session in [&bob.session, &ann.session] {
        let request = bob.http("GET").header("accept", "text/event-stream");
        let request = request.header("mcp-session-id", session).header("last-event-id", &last);
        // In a session of his own, it is an event of a session that its server has no more.
        let reply = request.send().await;
        assert!(!reply.text().contains("result"), "{reply:?}");
    }
    assert_eq!(old.seen_of("GET").len(), 0);
    let request = ann.http("GET").header("accept", "text/event-stream");
    let request = request.header("mcp-session-id", &ann.session).header("last-event-id", &last);
    let resumed: Value =
        serde_json::from_str(&request.send().await.events()[0].data).expect("JSON");
    assert!(resumed["result"].is_object(), "{resumed}");
}
