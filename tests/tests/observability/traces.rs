//! Traces go through the gateway: with Envoy's OpenTelemetry tracer and a scripted collector, and without a tracer.

use std::collections::BTreeSet;

use mcp_mux_tests::{Answer, Client, Setup, Upstream, within};
use serde_json::{Value, json};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn parent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// Sends a call and a list, with the trace in the head or in `_meta`.
async fn ask(client: &Client<'_>, in_head: bool) {
    for (method, name) in [("tools/call", Some("a__t")), ("tools/list", None)] {
        let mut params = json!({});
        if let Some(name) = name {
            params["name"] = name.into();
        }
        if !in_head {
            params["_meta"] = json!({"traceparent": parent()});
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = client.post(body.to_string());
        if in_head {
            request = request.header("traceparent", parent());
        }
        request.send().await.result();
    }
}

/// The trace and the span that upstreams got with each call and list.
fn got(upstreams: &[&Upstream]) -> Vec<(String, String)> {
    let methods = ["tools/call", "tools/list"];
    let seen = upstreams.iter().flat_map(|it| methods.iter().flat_map(|method| it.seen_of(method)));
    let contexts = seen.map(|seen| {
        let parent = seen.header("traceparent").unwrap_or_else(|| panic!("no trace: {seen:?}"));
        let parts: Vec<&str> = parent.split('-').collect();
        (parts[1].to_owned(), parts[2].to_owned())
    });
    contexts.collect()
}

#[tokio::test]
async fn without_a_tracer_the_clients_own_context_goes_on() {
    for in_head in [true, false] {
        let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
        let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
        let client = Client::open(&envoy).await;
        ask(&client, in_head).await;
        let expected = (TRACE.to_owned(), SPAN.to_owned());
        assert_eq!(got(&[&a, &b]), vec![expected; 3], "in the head: {in_head}");
    }
}

/// Envoy's own tracer, which sends spans to this cluster.
fn tracing() -> Value {
    json!({
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "http_service": {"http_uri": {
                    "uri": "http://collector/v1/traces", "cluster": "collector", "timeout": "1s",
                }},
                "service_name": "gateway",
            },
        },
        "spawn_upstream_span": true,
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).expect("hex"));
    digits.map(|it| u8::from_str_radix(it, 16).expect("hex")).collect()
}

#[tokio::test]
async fn with_envoys_tracer_all_is_one_trace_that_the_collector_gets() {
    let (a, b) = (Upstream::named("a").start().await, Upstream::named("b").start().await);
    let collector = Upstream::named("collector")
        .on("POST", |_| Answer::whole(200, "application/x-protobuf", ""));
    let collector = collector.start().await;
    let envoy = Setup::new()
        .upstream(&a)
        .upstream(&b)
        .cluster("collector", collector.address)
        .manager("tracing", tracing())
        .runtime("tracing.opentelemetry.min_flush_spans", json!(1))
        .start()
        .await;
    let client = Client::open(&envoy).await;
    ask(&client, true).await;
    let got = got(&[&a, &b]);
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got.iter().all(|(trace, _)| trace == TRACE), "{got:?}");
    let (call, lists) = got.split_first().expect("the call");
    assert_ne!(call.1, SPAN, "a span of Envoy's own is between");
    assert!(lists.iter().all(|(_, span)| span == SPAN), "beside Envoy's span: {got:?}");
    // The collector has the client's trace, the span that was begun for it, and that of the call.
    let wanted = BTreeSet::from([bytes(TRACE), bytes(SPAN), bytes(&call.1)]);
    within("all spans at the collector", async {
        loop {
            let sent: Vec<u8> =
                collector.seen().into_iter().flat_map(|it| it.body.to_vec()).collect();
            let has = |id: &Vec<u8>| sent.windows(id.len()).any(|it| it == id);
            if wanted.iter().all(has) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}
