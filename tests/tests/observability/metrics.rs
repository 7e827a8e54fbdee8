//! Metrics as Prometheus scrapes them, and the dashboard that is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcp_mux_tests::{Answer, Client, Envoy, Request, Upstream, repository, within};
use serde_json::{Value, json};

use super::world::Shipped;

/// Metrics of one scrape: each with its labels and its value.
struct Scrape(Vec<(String, BTreeMap<String, String>, f64)>);

impl Scrape {
    async fn of(envoy: &Envoy) -> Self {
        let text = envoy.admin_page("/stats/prometheus").await;
        let lines = text.lines().filter(|line| line.starts_with("mcp_mux_"));
        Self(lines.map(read).collect())
    }

    /// Once so many requests of clients are in its histograms, which Envoy adds up every few seconds.
    async fn with_operations(envoy: &Envoy, count: u32) -> Self {
        within("the histograms", async {
            loop {
                let scrape = Self::of(envoy).await;
                let counts = scrape.0.iter().filter(|it| it.0 == "mcp_mux_operation_ms_count");
                if counts.map(|(_, _, value)| *value).sum::<f64>() >= f64::from(count) {
                    return scrape;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await
    }

    /// The value of the only metric of this name that has these labels.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |all: &BTreeMap<String, String>| {
            labels.iter().all(|(key, value)| all.get(*key).is_some_and(|it| it == value))
        };
        let found = self.0.iter().filter(|(it, all, _)| it == name && has(all));
        let found: Vec<f64> = found.map(|(_, _, value)| *value).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {:?}", self.names());
        found[0]
    }

    fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(name, _, _)| name.as_str()).collect()
    }

    /// The labels that metrics of this name have.
    fn labels(&self, name: &str) -> BTreeSet<&str> {
        let labels = self.0.iter().filter(|(it, _, _)| it == name);
        labels.flat_map(|(_, labels, _)| labels.keys().map(String::as_str)).collect()
    }
}

fn read(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (metric, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = metric.split_once('{').unwrap_or((metric, "}"));
    let labels = labels.trim_end_matches('}').split("\",").filter_map(|it| {
        let (key, value) = it.split_once("=\"")?;
        Some((key.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    (name.to_owned(), labels.collect(), value.parse().expect("a number"))
}

/// How many requests that is.
const OPERATIONS: u32 = 12;

/// A little of everything that is counted.
async fn traffic() -> Shipped {
    let everything = Upstream::named("everything")
        .tools(&["echo", "v1.break"])
        .on("tools/call", |seen| match seen.name().as_str() {
            "v1.break" => Answer::result(seen, r#"{"content":[],"isError":true}"#),
            _ => Answer::result(seen, r#"{"content":[]}"#),
        })
        .start();
    let refused = |_: &_| Answer::whole(500, "text/plain", "no");
    let fetch = Upstream::named("fetch").on("tools/call", refused).start();
    let shipped = Shipped::start(everything.await, fetch.await).await;
    let client = Client::open(&shipped.envoy).await;
    client.list().await.result();
    for _ in 0..3 {
        client.call("everything__echo").await.result();
    }
    client.call("everything__v1.break").await.result();
    client.call("everything__unlisted").await.result();
    client.call("fetch__x").await.error(200, -32603);
    client.call("nobody__x").await.error(200, -32602);
    client.http("POST").header("mcp-session-id", "none").body("{").send().await;
    Request::post(&shipped.envoy, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).send().await;
    shipped
}

#[tokio::test]
async fn prometheus_gets_durations_by_method_upstream_outcome_and_tool() {
    let shipped = traffic().await;
    let scrape = Scrape::with_operations(&shipped.envoy, OPERATIONS).await;
    let count = |name: &str, labels: &[(&str, &str)]| scrape.value(name, labels);
    let call = |upstream, outcome| {
        [("mcp_method", "tools_call"), ("mcp_upstream", upstream), ("mcp_outcome", outcome)]
    };
    for name in ["mcp_mux_operation_ms_count", "mcp_mux_upstream_ms_count"] {
        assert_eq!(count(name, &call("everything", "ok")).to_string(), "4", "{name}");
        assert_eq!(count(name, &call("everything", "tool_error")).to_string(), "1", "{name}");
        assert_eq!(count(name, &call("fetch", "transport")).to_string(), "1", "{name}");
    }
    let none = call("-", "-32602");
    assert_eq!(count("mcp_mux_operation_ms_count", &none).to_string(), "1");
    let list = [("mcp_method", "tools_list"), ("mcp_upstream", "fetch"), ("mcp_outcome", "ok")];
    assert_eq!(count("mcp_mux_upstream_ms_count", &list).to_string(), "1");
    let tool = |tool, outcome| {
        [("mcp_tool", tool), ("mcp_upstream", "everything"), ("mcp_outcome", outcome)]
    };
    assert_eq!(count("mcp_mux_tool_ms_count", &tool("echo", "ok")).to_string(), "3");
    assert_eq!(count("mcp_mux_tool_ms_count", &tool("v1.break", "tool_error")).to_string(), "1");
    let tools: BTreeSet<_> =
        scrape.0.iter().filter_map(|(_, labels, _)| labels.get("mcp_tool")).collect();
    assert_eq!(tools.len(), 2, "what was not listed has no metric: {tools:?}");
    for (name, labels, value) in [
        ("mcp_mux_requests", [("mcp_method", "tools_call"), ("mcp_outcome", "ok")], "5"),
        ("mcp_mux_side_calls", [("mcp_upstream", "everything"), ("mcp_outcome", "ok")], "3"),
        ("mcp_mux_faults", [("mcp_upstream", "fetch"), ("mcp_fault", "refused")], "1"),
        ("mcp_mux_upstream_era", [("mcp_upstream", "everything"), ("mcp_era", "handshake")], "1"),
    ] {
        assert_eq!(count(name, &labels).to_string(), value, "{name}: {labels:?}");
    }
    assert_eq!(count("mcp_mux_sessions", &[("mcp_kind", "opened")]).to_string(), "1");
    let bytes = count("mcp_mux_request_bytes_sum", &[("mcp_method", "tools_call")]);
    assert!(bytes > 7.0 * 60.0, "{bytes}");
    let unlabelled = scrape.names().into_iter().filter(|name| name.contains("everything"));
    assert_eq!(unlabelled.collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_and_labels_that_exist() {
    let shipped = traffic().await;
    let scrape = Scrape::of(&shipped.envoy).await;
    let dashboard =
        std::fs::read_to_string(repository("docs/grafana.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut asked = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap_or_else(|| panic!("targets: {panel}"));
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().expect("an expression");
            let part = |it: char| it.is_ascii_alphanumeric() || it == '_';
            let words: Vec<&str> = expression.split(|it| !part(it)).collect();
            let names: Vec<&str> =
                words.iter().copied().filter(|it| it.starts_with("mcp_mux_")).collect();
            assert!(!names.is_empty(), "{expression}");
            for name in &names {
                // What has not happened is not there yet.
                let is_rare = [
                    "mcp_mux_catalog",
                    "mcp_mux_items_dropped",
                    "mcp_mux_names_in_conflict",
                    "mcp_mux_open_streams",
                    "mcp_mux_sessions_recovered",
                ];
                let exists = scrape.names().contains(name) || is_rare.contains(name);
                assert!(exists, "{name} of {expression}: {:?}", scrape.names());
                asked.insert((*name).to_owned());
            }
            let labels =
                words.iter().filter(|it| it.starts_with("mcp_") && !it.starts_with("mcp_mux"));
            for label in labels {
                let known = names.iter().any(|name| {
                    scrape.labels(name).contains(label) || !scrape.names().contains(name)
                });
                assert!(known, "{label} of {expression}");
            }
        }
    }
    assert!(asked.len() >= 10, "{asked:?}");
}

#[tokio::test]
async fn open_streams_are_counted_while_they_are_open() {
    let shipped = traffic().await;
    let client = Client::open(&shipped.envoy).await;
    let (gate, until) = (mcp_mux_tests::Gate::closed(), mcp_mux_tests::Gate::clone);
    let held = until(&gate);
    shipped.everything.answer("tools/call", move |seen| {
        let event =
            format!("data: {}\n\n", mcp_mux_tests::script::response(seen, r#"{"content":[]}"#));
        let steps = vec![
            mcp_mux_tests::Step::send(": begins\n\n"),
            mcp_mux_tests::Step::Until(held.clone()),
            mcp_mux_tests::Step::send(event),
        ];
        Answer::sse_steps(steps)
    });
    let params = json!({"name": "everything__echo"});
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
    let mut call = client.post(body.to_string()).open().await;
    call.until("begins").await;
    let open = async || {
        let scrape = Scrape::of(&shipped.envoy).await;
        scrape.value("mcp_mux_open_streams", &[("mcp_kind", "answer")]).to_string()
    };
    assert_eq!(open().await, "1");
    gate.open();
    call.rest().await;
    assert_eq!(open().await, "0");
}
