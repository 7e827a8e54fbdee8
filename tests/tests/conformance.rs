//! The official conformance suite: directly, where every scenario must pass, and through the
//! gateway, where each must come to the same but for what `tests/conformance/baseline.toml` lists.

use std::collections::{BTreeMap, BTreeSet};

use mcp_mux_tests::conformance::{Check, Era, Report, Suite, differences};
use mcp_mux_tests::envoy_config::typed;
use mcp_mux_tests::host::Host;
use mcp_mux_tests::process::Service;
use mcp_mux_tests::setup::key;
use mcp_mux_tests::{Envoy, Setup, Shipped, repository, token};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

const ERAS: [Era; 2] = [Era::Handshake, Era::Stateless];

/// What is known to be different through the gateway.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    #[serde(default)]
    differs: Vec<Known>,
}

/// A scenario that is known to be different.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// The version of the suite.
    suite: String,
    /// The revision that it was run for.
    revision: String,
    /// How many upstreams the gateway had.
    upstreams: usize,
    /// The era of the upstreams, if it is not that of the revision.
    server: Option<ServerEra>,
    /// The host that it is so in, if not in both: `wasm` or `module`.
    host: Option<String>,
    scenario: String,
    /// The checks that are different; empty for whichever they are.
    #[serde(default)]
    checks: BTreeSet<String>,
    reason: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ServerEra {
    Handshake,
    Stateless,
}

/// What stands behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Upstreams {
    era: Era,
    count: usize,
}

impl Known {
    fn is_for(&self, suite: &Suite) -> bool {
        self.suite == suite.version && self.revision == suite.revision
    }

    fn upstreams(&self, of_suite: Era) -> Upstreams {
        let era = match self.server {
            None => of_suite,
            Some(ServerEra::Handshake) => Era::Handshake,
            Some(ServerEra::Stateless) => Era::Stateless,
        };
        Upstreams { era, count: self.upstreams }
    }

    fn is_of(&self, different: &BTreeMap<String, String>) -> bool {
        self.checks.is_empty() || self.checks.iter().eq(different.keys())
    }
}

fn baseline() -> Vec<Known> {
    let text = std::fs::read_to_string(repository("tests/conformance/baseline.toml"));
    let read: Result<Baseline, _> = toml::from_str(&text.expect("the baseline"));
    let mut known = read.unwrap_or_else(|error| panic!("baseline.toml: {error}")).differs;
    known.retain(|it| it.host.as_deref().is_none_or(|host| host == Host::tested().name()));
    for known in &known {
        let is_run = ERAS.into_iter().any(|era| {
            let upstreams = known.upstreams(era);
            let suites = if upstreams.era == era { era.suites() } else { across(era) };
            let counts = if upstreams.era == era { 1..=2 } else { 1..=1 };
            suites.iter().any(|suite| known.is_for(suite)) && counts.contains(&upstreams.count)
        });
        assert!(is_run, "there is no such run: {known:?}");
        assert!(!known.reason.trim().is_empty(), "a reason is missing: {known:?}");
    }
    known
}

/// The suites that are run before servers of the other era: the newest for the newest revision.
fn across(era: Era) -> &'static [Suite] {
    let newest = match era {
        Era::Handshake => 1,
        Era::Stateless => 0,
    };
    &era.suites()[newest..=newest]
}

/// The reports of these suites in order, one after the other: side by side they would only be slower.
async fn reports(suites: &[Suite], endpoint: &str) -> Vec<Report> {
    let mut reports = Vec::new();
    for suite in suites {
        reports.push(suite.run(endpoint).await);
    }
    reports
}

/// What the server is found to be without the gateway; found once.
async fn direct(era: Era) -> &'static [Report] {
    static DIRECT: [OnceCell<Vec<Report>>; 2] = [const { OnceCell::const_new() }; 2];
    let find = || async {
        let server = era.server().await;
        reports(era.suites(), &format!("http://{}/mcp", server.address)).await
    };
    DIRECT[usize::from(era == Era::Stateless)].get_or_init(find).await
}

/// Adds a server as a client would be configured: by the host that it lets pass.
fn with(setup: Setup, name: &str, server: &Service, prefix: Option<&str>) -> Setup {
    // What it may ask of whom is asked: roots have to be named for clients without sessions.
    let offer = ["elicitation", "roots", "sampling"];
    let mut fields = json!({"authority": server.address.to_string(), "offer": offer});
    if let Some(prefix) = prefix {
        fields["prefix"] = prefix.into();
    }
    setup.upstream_at(name, server.address, &fields)
}

/// Two workers: an answer to a question of a server comes to either of them.
fn setup(first: &Service) -> Setup {
    let setup = Setup::new().concurrency(2).set("listen", json!("first"));
    with(setup, "first", first, Some(""))
}

/// Runs these suites of an era through the gateway and holds the reports against the direct ones.
async fn compare(era: Era, suites: &[Suite], envoy: &Envoy, upstreams: Upstreams) {
    let (direct, known) = (direct(era).await, baseline());
    let mut wrong = Vec::new();
    let through = reports(suites, &format!("http://{}/mcp", envoy.address)).await;
    for (suite, through) in suites.iter().zip(&through) {
        let direct = era.suites().iter().position(|known| known == suite).map(|at| &direct[at]);
        let direct = direct.expect("a suite of this era");
        let mut known: BTreeMap<&str, &Known> = known
            .iter()
            .filter(|known| known.is_for(suite) && known.upstreams(era) == upstreams)
            .map(|known| (known.scenario.as_str(), known))
            .collect();
        let run = format!("{} for {}, {upstreams:?}", suite.version, suite.revision);
        for (name, different) in differences(direct, through) {
            let known = known.remove(name.as_str());
            if !known.is_some_and(|known| known.is_of(&different)) {
                let what: Vec<_> = different.into_values().collect();
                wrong.push(format!("{run}: {name} is different:\n    {}", what.join("\n    ")));
            }
        }
        let stale = known.into_keys();
        wrong.extend(stale.map(|name| format!("{run}: {name} is in baseline.toml, but the same")));
    }
    assert!(wrong.is_empty(), "{} scenario(s)\n{}", wrong.len(), wrong.join("\n"));
}

async fn passes_directly(era: Era) {
    let mut wrong = Vec::new();
    for (suite, report) in era.suites().iter().zip(direct(era).await) {
        if report.len() != suite.scenarios {
            wrong.push(format!("{suite:?} has {} scenarios: {:?}", report.len(), report.keys()));
        }
        for (name, checks) in report {
            let run = format!("{} for {}: {name}", suite.version, suite.revision);
            let bad = checks.iter().filter(|check| !check.fine());
            wrong.extend(bad.map(|check| format!("{run}: {check}")));
            if !checks.iter().any(Check::succeeded) {
                wrong.push(format!("{run}: nothing was found to be right"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} check(s)\n{}", wrong.len(), wrong.join("\n"));
}

async fn is_the_same_through_the_gateway(era: Era) {
    let first = era.server().await;
    let envoy = setup(&first).start().await;
    compare(era, era.suites(), &envoy, Upstreams { era, count: 1 }).await;
}

async fn is_the_same_beside_a_second_server(era: Era) {
    let (first, second) = tokio::join!(era.server(), era.server());
    let envoy = with(setup(&first), "second", &second, None).start().await;
    compare(era, era.suites(), &envoy, Upstreams { era, count: 2 }).await;
    // It prints each request that has one addressee.
    let asked: Vec<String> = second.log().lines().map(str::to_owned).collect();
    assert!(asked.is_empty(), "the second server was asked: {asked:#?}");
}

/// The configuration that is shipped for people who log in, with a token in each request: the suite itself sends none.
async fn is_the_same_for_a_user_with_a_token(era: Era) {
    const RESOURCE: &str = "http://localhost:8080/mcp";
    let server = era.server().await;
    let port = |port: u16| format!("port_value: {port}");
    let replaced =
        [("port_value: 8080", port(0)), ("port_value: 3001", port(server.address.port()))];
    let mut shipped = Shipped::read("envoy/oauth.yaml", &replaced).await;
    let fields = json!({"audiences": [RESOURCE], "forward_payload_header": "x-jwt-payload"});
    let check = shipped.filter_named("envoy.filters.http.jwt_authn");
    check["typed_config"]["providers"]["login"] = token::provider(&fields);
    let plugin = shipped.plugin();
    plugin["listen"] = json!("everything");
    let upstream = &mut plugin["upstreams"][0];
    upstream["authority"] = json!(server.address.to_string());
    upstream["prefix"] = json!("");
    upstream["offer"] = json!(["elicitation", "roots", "sampling"]);
    let user = token::token(&json!({"sub": "ann", "aud": RESOURCE, "groups": ["admins"]}));
    let header = json!({"key": "authorization", "value": format!("Bearer {user}")});
    let mutation = typed(
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        json!({"mutations": [{"append": {"header": header}}]}),
    );
    shipped.manager()["early_header_mutation_extensions"] =
        json!([{"name": "token", "typed_config": mutation}]);
    let key = key(1);
    let envoy = Envoy::start_file_with(&shipped.text(), &[("MCP_MUX_SESSION_KEYS", &key)]).await;
    compare(era, across(era), &envoy, Upstreams { era, count: 1 }).await;
    let is_of_user = |line: &serde_json::Value| line["mcp_caller"] == "ann";
    envoy.access("the user", is_of_user).await;
}

async fn is_as_listed_before_a_server_of_the_other_era(era: Era, other: Era) {
    let server = other.server().await;
    let envoy = setup(&server).start().await;
    compare(era, across(era), &envoy, Upstreams { era: other, count: 1 }).await;
}

#[tokio::test]
async fn the_server_passes_every_scenario_directly() {
    passes_directly(Era::Handshake).await;
}

#[tokio::test]
async fn every_scenario_is_the_same_through_the_gateway() {
    is_the_same_through_the_gateway(Era::Handshake).await;
}

#[tokio::test]
async fn every_scenario_is_the_same_beside_a_second_server_that_answers_everything_too() {
    is_the_same_beside_a_second_server(Era::Handshake).await;
}

#[tokio::test]
async fn the_stateless_server_passes_every_scenario_directly() {
    passes_directly(Era::Stateless).await;
}

#[tokio::test]
async fn every_stateless_scenario_is_the_same_through_the_gateway() {
    is_the_same_through_the_gateway(Era::Stateless).await;
}

#[tokio::test]
async fn every_stateless_scenario_is_the_same_beside_a_second_server() {
    is_the_same_beside_a_second_server(Era::Stateless).await;
}

#[tokio::test]
async fn every_scenario_is_the_same_for_a_user_with_a_token() {
    is_the_same_for_a_user_with_a_token(Era::Handshake).await;
}

#[tokio::test]
async fn every_stateless_scenario_is_the_same_for_a_user_with_a_token() {
    is_the_same_for_a_user_with_a_token(Era::Stateless).await;
}

#[tokio::test]
async fn every_scenario_is_as_listed_before_a_stateless_server() {
    is_as_listed_before_a_server_of_the_other_era(Era::Handshake, Era::Stateless).await;
}

#[tokio::test]
async fn every_stateless_scenario_is_as_listed_before_a_server_of_sessions() {
    is_as_listed_before_a_server_of_the_other_era(Era::Stateless, Era::Handshake).await;
}
