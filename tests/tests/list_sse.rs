//! Upstreams answer fan-outs in event streams as they like: every legal stream is read.

use mcp_mux_tests::mcp::unavailable;
use mcp_mux_tests::script::response;
use mcp_mux_tests::{Answer, Client, Gateway, Seen, Setup, Step, Upstream, sse};

const TOOLS: &str = r#"{"tools":[{"name":"caf\u00e9","inputSchema":{"type":"object"}},{"name":"zwölf","inputSchema":{"type":"object"}}]}"#;
const PROGRESS: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}"#;
const LOG: &str = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const DECOY: &str = r#"{"tools":[{"name":"decoy","inputSchema":{"type":"object"}}]}"#;

/// The names that the client gets when this is what the upstream sends.
async fn names(
    gateway: &Gateway,
    stream: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> Vec<String> {
    gateway.a.answer("tools/list", move |seen| Answer::sse_steps(stream(seen)));
    Client::open(&gateway.envoy).await.tool_names().await
}

/// Checks that the response is found in a stream that is made around it.
async fn reads(
    gateway: &Gateway,
    what: &str,
    stream: impl Fn(&Seen, &str) -> String + Send + Sync + 'static,
) {
    let whole = move |seen: &Seen| vec![Step::send(stream(seen, &response(seen, TOOLS)))];
    assert_eq!(names(gateway, whole).await, ["a__café", "a__zwölf"], "{what}");
}

#[tokio::test]
async fn notifications_and_requests_before_the_answer_are_skipped() {
    let gateway = Gateway::start().await;
    reads(&gateway, "notifications", |_, answer| {
        [PROGRESS, LOG, PING, answer].map(sse::message).concat()
    })
    .await;
    reads(&gateway, "what follows the answer", |_, answer| {
        [answer, LOG, r#"{"broken"#].map(sse::message).concat()
    })
    .await;
}

#[tokio::test]
async fn an_answer_to_another_request_is_skipped() {
    let gateway = Gateway::start().await;
    reads(&gateway, "ids", |seen, answer| {
        let other = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{DECOY}}}"#);
        let same_as_text = format!("\"{}\"", seen.id());
        [other("1"), other("null"), other(&same_as_text), answer.to_owned()]
            .map(|message| sse::message(&message))
            .concat()
    })
    .await;
}

#[tokio::test]
async fn priming_events_comments_and_retries_are_skipped() {
    let gateway = Gateway::start().await;
    reads(&gateway, "priming", |_, answer| {
        let head = ": hello\n\nid: 0\ndata:\n\nretry: 3000\n\nid: 1\nretry: 10\ndata: \n\n";
        format!("{head}: between\nid: 2\n{}: after\n\n", sse::message(answer))
    })
    .await;
}

#[tokio::test]
async fn events_of_another_name_are_ignored() {
    let gateway = Gateway::start().await;
    reads(&gateway, "names", |seen, answer| {
        let decoy = response(seen, DECOY);
        format!(
            "event: other\ndata: {decoy}\n\nevent: Message\ndata: {decoy}\n\ndata: {answer}\n\n"
        )
    })
    .await;
    reads(&gateway, "a name does not outlive its event", |_, answer| {
        format!("event: other\ndata: x\n\ndata: {answer}\n\n")
    })
    .await;
    reads(&gateway, "an empty name is message", |_, answer| format!("event:\ndata: {answer}\n\n"))
        .await;
}

#[tokio::test]
async fn all_line_ends_are_read() {
    let gateway = Gateway::start().await;
    for end in ["\n", "\r\n", "\r"] {
        reads(&gateway, &format!("{end:?}"), move |_, answer| {
            let stream = [PROGRESS, answer].map(sse::message).concat();
            format!(": x\n\n{stream}").replace('\n', end)
        })
        .await;
    }
    reads(&gateway, "a mixture", |_, answer| format!("event: message\r\ndata: {answer}\r\n\n"))
        .await;
}

#[tokio::test]
async fn fields_are_read_as_the_format_says() {
    let gateway = Gateway::start().await;
    reads(&gateway, "no space after the colon", |_, answer| format!("data:{answer}\n\n")).await;
    reads(&gateway, "several data lines", |_, answer| {
        let (head, tail) = answer.split_once(',').expect("members");
        format!("data: {head},\ndata: {tail}\n\n")
    })
    .await;
    reads(&gateway, "unknown fields", |_, answer| format!("x: y\nnothing\ndata: {answer}\n\n"))
        .await;
    reads(&gateway, "a byte order mark", |_, answer| format!("\u{feff}data: {answer}\n\n")).await;
}

#[tokio::test]
async fn any_chunking_is_read() {
    let gateway = Gateway::start().await;
    let names = names(&gateway, |seen| {
        let answer = sse::message(&response(seen, TOOLS)).replace('\n', "\r\n");
        Step::byte_by_byte(&format!(": hi\r\n\r\n{}{answer}", sse::message(PROGRESS)))
    });
    assert_eq!(names.await, ["a__café", "a__zwölf"]);
}

#[tokio::test]
async fn a_content_type_with_parameters_is_an_event_stream_too() {
    let stream = |seen: &Seen| {
        let stream = sse::message(&response(seen, TOOLS));
        Answer::whole(200, "Text/Event-Stream; charset=utf-8", stream)
    };
    let json =
        |seen: &Seen| Answer::whole(200, "application/json;charset=utf-8", response(seen, TOOLS));
    let a = Upstream::named("a").on("tools/list", stream).start().await;
    let b = Upstream::named("b").on("tools/list", json).start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let names = Client::open(&envoy).await.tool_names().await;
    assert_eq!(names, ["a__café", "a__zwölf", "b__café", "b__zwölf"]);
}

#[tokio::test]
async fn initialize_may_be_answered_by_a_stream_as_well() {
    let a = Upstream::named("a").sse_answers().start().await;
    let b = Upstream::named("b")
        .on("initialize", |seen| {
            let result = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},
                "serverInfo":{"name":"b","version":"1"}}"#
                .replace('\n', "");
            let answer = sse::message(&response(seen, &result));
            let stream = format!("id: 0\ndata:\n\n{}{answer}", sse::message(LOG));
            Answer::sse(stream).header("mcp-session-id", "b-session-x")
        })
        .start()
        .await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    assert_eq!(unavailable(&client.initialized), []);
    assert_eq!(client.tool_names().await, ["a__echo", "b__echo"]);
    assert_eq!(b.only("tools/list").header("mcp-session-id"), Some("b-session-x"));
}

#[tokio::test]
async fn a_stream_without_the_answer_is_reported() {
    let a = Upstream::named("a").start().await;
    let b = Upstream::named("b").start().await;
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    let client = Client::open(&envoy).await;
    for stream in [String::new(), sse::message(LOG), format!("data: {PROGRESS}")] {
        a.answer("tools/list", move |_| Answer::sse(stream.clone()));
        let result = client.list().await.result();
        assert_eq!(unavailable(&result)[0].0, "a", "{result}");
    }
}
