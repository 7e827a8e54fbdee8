//! Answers in event streams: each byte reaches the client when its upstream sends it, and a stream
//! that is cut ends at once.

use mcp_mux_tests::script::response;
use mcp_mux_tests::{
    Answer, Client, Gate, Gateway, Reply, Seen, Setup, Step, Upstream, marks, sse,
};
use serde_json::Value;

const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}"#;
const RESULT: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

fn call(id: &str) -> String {
    let params = r#"{"name":"a__slow","_meta":{"progressToken":"t"}}"#;
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#)
}

/// The answer to a call with this id, when the upstream sends this stream and ends it.
async fn streamed(
    gateway: &Gateway,
    id: &str,
    steps: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> Reply {
    gateway.a.forget();
    gateway.a.answer("tools/call", move |seen| Answer::sse_steps(steps(seen)));
    let reply = Client::open(&gateway.envoy).await.post(call(id)).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply
}

/// The mark of the events of an answer to this request, in the session with this number.
fn mark(session: usize, request: &str) -> String {
    marks::event("a", 't', &format!("a-session-{session}"), request)
}

/// The messages of an event stream.
fn messages(reply: &Reply) -> Vec<Value> {
    let events = reply.events();
    let parsed = events.iter().filter(|event| !event.data.is_empty());
    let parsed = parsed.map(|event| {
        serde_json::from_str(&event.data).unwrap_or_else(|error| panic!("{error}: {event:?}"))
    });
    parsed.collect()
}

#[tokio::test]
async fn progress_arrives_when_it_is_sent_and_not_at_the_end() {
    let (first, second) = (Gate::closed(), Gate::closed());
    let gates = (first.clone(), second.clone());
    let script = move |seen: &Seen| {
        let (first, second) = gates.clone();
        Answer::sse_steps(vec![
            Step::send(": opened\n\n"),
            Step::Until(first),
            Step::send(sse::message(PROGRESS)),
            Step::Until(second),
            Step::send(sse::message(&response(seen, RESULT))),
        ])
    };
    let a = Upstream::named("a").on("tools/call", script).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let mut answer = client.post(call("1")).open().await;
    assert_eq!(answer.status, 200);
    answer.until(": opened\n\n").await;
    assert!(!answer.has("progress"));
    first.open();
    answer.until(PROGRESS).await;
    assert!(!answer.has("done"));
    second.open();
    let reply = answer.rest().await;
    assert!(reply.complete);
    assert_eq!(reply.result()["content"][0]["text"], "done");
}

#[tokio::test]
async fn an_event_is_held_until_it_is_whole_and_those_before_it_are_not() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |seen: &Seen| {
        let event = sse::message(&response(seen, RESULT));
        let (start, end) = event.split_at(event.len() / 2);
        let start = format!("{}{start}", sse::message(PROGRESS));
        Answer::sse_steps(vec![Step::send(start), Step::Until(held.clone()), Step::send(end)])
    };
    let a = Upstream::named("a").on("tools/call", script).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let mut answer = client.post(call("1")).open().await;
    answer.until(&sse::message(PROGRESS)).await;
    // The half came in the same chunk as what is there.
    assert!(!answer.has(r#""id":1"#));
    gate.open();
    let reply = answer.rest().await;
    let whole = sse::message(&response(&a.only("tools/call"), RESULT));
    assert_eq!(reply.text(), sse::message(PROGRESS) + &whole);
}

#[tokio::test]
async fn of_the_bytes_of_a_stream_only_the_ids_of_events_change() {
    let stream = |seen: &Seen, mark: &str| {
        let answer = response(seen, RESULT);
        format!(
            ": hi\r\n\r\nid: {mark}1\r\ndata:\r\n\r\nretry: 5\nid: {mark}é\nevent: message\n\
             data:{PROGRESS}\n\nevent: other\ndata: x\n\nid: {mark}2\ndata: {answer}\n\n: bye\n\n"
        )
    };
    let gateway = Gateway::start().await;
    for (session, whole) in [(1, true), (2, false)] {
        let steps = move |seen: &Seen| {
            let text = stream(seen, "");
            if whole { vec![Step::send(text)] } else { Step::byte_by_byte(&text) }
        };
        let reply = streamed(&gateway, "1", steps).await;
        assert!(reply.complete);
        assert_eq!(reply.text(), stream(&gateway.a.only("tools/call"), &mark(session, "1")));
    }
}

#[tokio::test]
async fn a_stream_that_ends_before_the_answer_ends_with_an_error_for_the_request() {
    let gateway = Gateway::start().await;
    for id in ["7", r#""7""#] {
        let reply = streamed(&gateway, id, |_| vec![Step::send(sse::message(PROGRESS))]).await;
        assert!(reply.complete);
        let messages = messages(&reply);
        assert_eq!(messages.len(), 2, "{messages:?}");
        let last = &messages[1];
        assert_eq!(last["id"].to_string(), id);
        assert_eq!(last["error"]["code"], -32603);
        assert_eq!(last["error"]["data"]["upstream"], "a");
        assert!(last["error"]["data"]["reason"].is_string(), "{last}");
    }
}

#[tokio::test]
async fn wherever_a_stream_is_cut_its_last_event_is_that_error() {
    let gateway = Gateway::start().await;
    // What is whole goes out; what is not would be completed by the event that follows.
    for (whole, broken) in [
        (String::new(), String::new()),
        (": only a comment\n\n".into(), String::new()),
        (String::new(), "data: {\"jsonrpc\":\"2.0\",".into()),
        (String::new(), "event: other\nda".into()),
        (String::new(), "id: 1\ndata:\n".into()),
        (String::new(), format!("event: other\ndata: {PROGRESS}\n")),
        (format!("data: {PROGRESS}\r\n\r\n"), "event: other".into()),
        (format!("data: {PROGRESS}\n\n"), "data: {\"id\":7,\"result\":".into()),
        (String::new(), "data: \u{e9}".into()),
    ] {
        let cut = format!("{whole}{broken}");
        let steps = vec![Step::send(cut.as_str()), Step::send("")];
        let reply = streamed(&gateway, "7", move |_| steps.clone()).await;
        assert!(reply.complete, "{cut:?}");
        let error = reply.text().strip_prefix(whole.as_str());
        let error = error.unwrap_or_else(|| panic!("{reply:?} after {cut:?}"));
        let events = sse::events(error.as_bytes());
        let [last] = events.as_slice() else { panic!("{events:?} after {cut:?}") };
        assert_eq!(error, sse::message(&last.data), "{cut:?}: {reply:?}");
        let last: Value = serde_json::from_str(&last.data)
            .unwrap_or_else(|error| panic!("{error} after {cut:?}: {reply:?}"));
        assert_eq!((last["id"].as_u64(), last["error"]["code"].as_i64()), (Some(7), Some(-32603)));
    }
}

#[tokio::test]
async fn a_stream_that_can_be_resumed_ends_as_its_upstream_ends_it() {
    let gateway = Gateway::start().await;
    let progress = sse::message(PROGRESS);
    for (session, (sent, passed)) in (1..).zip([
        ("id: 1\ndata:\n\n".to_owned(), "id: MARK1\ndata:\n\n".to_owned()),
        (format!("id: 1\n{progress}{progress}"), format!("id: MARK1\n{progress}{progress}")),
        (format!("{progress}id: 1\n\n"), format!("{progress}id: MARK1\n\n")),
        ("id: 1\ndata:\n\ndata: x".into(), "id: MARK1\ndata:\n\ndata: x".into()),
    ]) {
        let steps = vec![Step::send(sent), Step::send("")];
        let reply = streamed(&gateway, "7", move |_| steps.clone()).await;
        assert!(reply.complete);
        assert_eq!(reply.text(), passed.replace("MARK", &mark(session, "7")));
    }
}

#[tokio::test]
async fn an_answer_in_any_of_its_forms_is_no_cut() {
    let forms: [fn(&str) -> String; 5] = [
        |answer| format!("data: {answer}\n\n"),
        |answer| format!("data: {answer}\r\n\r\n: bye\r\n"),
        |answer| format!("data: {answer}\n\ndata: {PROGRESS}\n\n"),
        |answer| {
            let (head, tail) = answer.split_once(',').expect("members");
            format!("data: {head},\ndata: {tail}\n\n")
        },
        |answer| format!("data: {}\n\n", answer.replace(r#""id":"#, r#""\u0069d" : "#)),
    ];
    let gateway = Gateway::start().await;
    for form in forms {
        let steps = move |seen: &Seen| {
            let text = form(&response(seen, RESULT));
            text.into_bytes().chunks(7).map(|bytes| Step::Send(bytes.to_vec())).collect()
        };
        let reply = streamed(&gateway, r#""x\/y""#, steps).await;
        assert!(reply.complete);
        let messages = messages(&reply);
        assert!(messages.iter().any(|message| message["id"] == "x/y"), "{messages:?}");
        assert!(messages.iter().all(|message| message.get("error").is_none()), "{messages:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_upstream_is_an_answer() {
    let steps = |seen: &Seen| {
        let id = seen.id();
        let error = r#"{"code":-32000,"message":"no luck"}"#;
        let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
        vec![Step::send(sse::message(&message))]
    };
    let messages = messages(&streamed(&Gateway::start().await, "1", steps).await);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["error"]["message"], "no luck");
}

#[tokio::test]
async fn a_stream_that_is_reset_ends_the_clients_stream_at_once() {
    let gateway = Gateway::start().await;
    // Whether the last words get through is up to the host; that it ends is not.
    let steps = |_: &Seen| vec![Step::send(sse::message(PROGRESS)), Step::Reset];
    let reply = streamed(&gateway, "7", steps).await;
    if reply.complete {
        assert_eq!(reply.message()["error"]["code"], -32603, "{reply:?}");
    }
    assert_eq!(Client::open(&gateway.envoy).await.tool_names().await, ["a__echo"]);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call_at_the_upstream_and_nothing_else() {
    let gate = Gate::closed();
    let script = move |_: &Seen| {
        Answer::sse_steps(vec![Step::send(sse::message(PROGRESS)), Step::Until(gate.clone())])
    };
    let a = Upstream::named("a").on("tools/call", script).start().await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    let made = envoy.breakdowns().await;
    let mut answer = client.post(call("1")).open().await;
    answer.until(PROGRESS).await;
    drop(answer);
    envoy.gauge_falls_to("cluster.a.upstream_rq_active", 0).await;
    assert_eq!(client.list().await.status, 200);
    assert_eq!(envoy.breakdowns().await, made);
}
