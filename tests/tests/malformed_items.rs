//! Items that clients reject, and with them the whole list, in the list of one server: what the clients
//! of the SDKs see of it directly, and through the gateway.

use mcp_mux_tests::real::Sdk;
use mcp_mux_tests::server::can;
use mcp_mux_tests::{Answer, Client, Setup, Upstream};
use serde_json::{Value, json};

/// A list: its method and member, what the SDKs' scripts call it, a good item, items that can be mended,
/// and items that cannot.
struct List {
    method: &'static str,
    member: &'static str,
    kind: &'static str,
    good: &'static str,
    mended: &'static [&'static str],
    bad: &'static [&'static str],
}

const LISTS: [List; 4] = [
    List {
        method: "tools/list",
        member: "tools",
        kind: "tools",
        good: r#"{"name":"good","inputSchema":{"type":"object"}}"#,
        mended: &[
            r#"{"name":"null-description","description":null,"inputSchema":{"type":"object"}}"#,
            r#"{"name":"null-output","inputSchema":{"type":"object"},"outputSchema":null}"#,
            r#"{"name":"null-annotations","annotations":null,"inputSchema":{"type":"object"}}"#,
        ],
        bad: &[
            r#"{"name":"no-schema"}"#,
            r#"{"name":"empty-schema","inputSchema":{}}"#,
            r#"{"name":"null-schema","inputSchema":null}"#,
            r#"{"name":"text-schema","inputSchema":{"type":"string"}}"#,
            r#"{"name":"odd-properties","inputSchema":{"type":"object","properties":[]}}"#,
            r#"{"name":"odd-output","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}"#,
            r#"{"name":"odd-title","title":1,"inputSchema":{"type":"object"}}"#,
            r#"{"name":"odd-icons","icons":{},"inputSchema":{"type":"object"}}"#,
            r#"{"inputSchema":{"type":"object"}}"#,
        ],
    },
    List {
        method: "prompts/list",
        member: "prompts",
        kind: "prompts",
        good: r#"{"name":"good"}"#,
        mended: &[r#"{"name":"null-title","title":null}"#],
        bad: &[r#"{"name":"odd-argument","arguments":[{"description":"x"}]}"#, r#"{"title":"x"}"#],
    },
    List {
        method: "resources/list",
        member: "resources",
        kind: "resources",
        good: r#"{"name":"x","uri":"test://good"}"#,
        mended: &[r#"{"name":"x","uri":"test://null-type","mimeType":null}"#],
        bad: &[
            r#"{"uri":"test://no-name"}"#,
            r#"{"name":"x","uri":"test://odd-size","size":"12"}"#,
        ],
    },
    List {
        method: "resources/templates/list",
        member: "resourceTemplates",
        kind: "templates",
        good: r#"{"name":"x","uriTemplate":"test://good/{x}"}"#,
        mended: &[r#"{"name":"x","uriTemplate":"test://null/{x}","description":null}"#],
        bad: &[r#"{"uriTemplate":"test://no-name/{x}"}"#],
    },
];

impl List {
    /// What the items of these texts are known by, towards a client of the gateway.
    fn shown(&self, prefix: &str, items: &[&str]) -> Vec<String> {
        let joint = if self.kind == "tools" || self.kind == "prompts" { "__" } else { "+" };
        let key = ["uriTemplate", "uri", "name"];
        let shown = |item: &&str| {
            let item: Value = serde_json::from_str(item).expect("JSON");
            let own = key.iter().find_map(|key| item[key].as_str()).expect("a name");
            format!("{prefix}{joint}{own}")
        };
        items.iter().map(shown).collect()
    }
}

/// A server of all kinds that lists these.
async fn serving(name: &str, items: impl Fn(&List) -> Vec<&'static str>) -> Upstream {
    let capabilities = json!({"tools": {}, "prompts": {}, "resources": {}});
    LISTS
        .iter()
        .fold(Upstream::named(name).with(can(capabilities)), |upstream, list| {
            let result = format!(r#"{{"{}":[{}]}}"#, list.member, items(list).join(","));
            upstream.on(list.method, move |seen| Answer::result(seen, &result))
        })
        .start()
        .await
}

#[tokio::test]
async fn clients_of_the_sdks_see_every_good_item_of_all_servers() {
    let a = serving("a", |list| {
        // The bad ones stand between good ones.
        [list.bad, &[list.good], list.bad, list.mended, list.bad].concat()
    });
    let (a, b) = (a.await, serving("b", |list| vec![list.good]).await);
    let envoy = Setup::new().upstream(&a).upstream(&b).start().await;
    for sdk in Sdk::ALL {
        let (directly, through) = (sdk.lists(a.address).await, sdk.lists(envoy.address).await);
        for list in &LISTS {
            assert!(directly[list.kind]["failed"].is_string(), "{sdk:?}: {directly}");
            let mut expected = list.shown("a", &[&[list.good], list.mended].concat());
            expected.extend(list.shown("b", &[list.good]));
            assert_eq!(through[list.kind], json!(expected), "{sdk:?}: {through}");
        }
    }
}

#[tokio::test]
async fn each_kind_of_malformed_item_is_named_with_its_upstream() {
    let a = serving("a", |list| list.bad.to_vec()).await;
    let envoy = Setup::new().upstream(&a).start().await;
    let client = Client::open(&envoy).await;
    for list in &LISTS {
        let result = client.request(list.method, Value::Null).await.result();
        assert_eq!(result[list.member], json!([]));
        let dropped = result["_meta"]["mcp-mux/dropped"].as_array().expect("dropped items");
        assert_eq!(dropped.len(), list.bad.len(), "{result}");
        for item in dropped {
            assert_eq!(item["upstream"], "a");
            assert!(item["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{item}");
        }
    }
}
