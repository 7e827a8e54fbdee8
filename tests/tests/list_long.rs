//! `tools/list` of documents that are long in one way or another: every byte of every item comes back
//! but its name's, from JSON and from event streams.

use std::ops::Range;

use mcp_mux_tests::{Client, Setup, Upstream};

/// An item with this name.
type Item<'i> = &'i dyn Fn(&str) -> String;

/// Lists them from an upstream between two others, in both forms.
async fn comes_back(numbers: Range<usize>, item: Item<'_>) {
    let name = |number: usize| format!("tool-{number}");
    let items: Vec<String> = numbers.clone().map(|number| item(&name(number))).collect();
    let texts: Vec<&str> = items.iter().map(String::as_str).collect();
    let long = numbers.clone().map(|number| item(&format!("long__{}", name(number))));
    let long = long.collect::<Vec<_>>().join(",");
    let around = |name: &str| mcp_mux_tests::server::tool(&format!("{name}__echo"));
    let expected = format!("[{},{long},{}]", around("a"), around("b"));
    for sse in [false, true] {
        let upstream = Upstream::named("long").pages(&[&texts]).with(|it| it.sse = sse);
        let upstream = upstream.start().await;
        let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
        let envoy = Setup::new().upstream(&a).upstream(&upstream).upstream(&b).start().await;
        let client = Client::open(&envoy).await;
        // Not read as JSON: Rust's readers know no such depth, and no surrogate without its pair.
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let reply = client.post(body).send().await;
        assert_eq!(reply.status, 200);
        let text = reply.text();
        let tools = text.find('[').map_or("", |at| &text[at..]);
        // Megabytes are no message: the first difference is.
        let differs = tools.bytes().zip(expected.bytes()).position(|(got, wanted)| got != wanted);
        let differs = differs.unwrap_or(tools.len().min(expected.len()));
        let near = |text: &str| {
            let bytes = &text.as_bytes()[differs.saturating_sub(20)..text.len().min(differs + 60)];
            String::from_utf8_lossy(bytes).into_owned()
        };
        let (got, wanted) = (near(tools), near(&expected));
        let there = differs == expected.len();
        assert!(there, "sse: {sse}; at byte {differs} {got:?} instead of {wanted:?}");
        let last = format!("tool-{}", numbers.end - 1);
        assert_eq!(client.call_text(&format!("long__{last}")).await, format!("long:{last}"));
    }
}

#[tokio::test]
async fn descriptions_of_a_megabyte() {
    let text = "All \\\"about\\\" it.\\n".repeat(1_000_000 / 18);
    let item = |name: &str| {
        format!(r#"{{"description":"{text}","name":"{name}","inputSchema":{{"type":"object"}}}}"#)
    };
    comes_back(0..5, &item).await;
}

#[tokio::test]
async fn ten_thousand_tools() {
    comes_back(0..10_000, &mcp_mux_tests::server::tool).await;
}

#[tokio::test]
async fn schemas_of_five_thousand_levels() {
    let (open, close) = (r#"{"items":["#.repeat(2_500), "]}".repeat(2_500));
    let item = |name: &str| {
        let schema = format!(r#"{{"type":"object","x":{open}{close}}}"#);
        format!(r#"{{"inputSchema":{schema},"name":"{name}","outputSchema":{schema}}}"#)
    };
    comes_back(0..3, &item).await;
}

#[tokio::test]
async fn texts_in_all_letters() {
    // Of one to four bytes, joined and joining, from right to left, noncharacters and the last of all;
    // escapes of the same, a surrogate without its pair among them, which no Rust text could hold.
    let letters =
        "é\u{65}\u{301}日本𝒳👩\u{200d}🚀\u{202e}שלום\u{2028}\u{feff}\u{fffe}\u{10ffff}\u{7f}";
    let escapes = r#"\u00e9\u0065\u0301\ud835\udcb3\uD83D\uDE00\udead\u2028\u0000\"\\\/\b\f\n\r\t"#;
    let text = format!("{letters}{escapes}").repeat(2_000);
    let key = text.replace(r"\udead", "");
    let item = |name: &str| {
        let rest =
            format!(r#""name":"{name}","description":"{text}","inputSchema":{{"type":"object"}}"#);
        format!(r#"{{"title":"{text}","{key}":["{text}"],{rest}}}"#)
    };
    comes_back(0..3, &item).await;
}
