//! The official conformance suite: directly, where every scenario must pass, and through the
//! gateway, where each must come to the same but for what `tests/conformance/baseline.toml` lists.

use std::collections::{BTreeMap, BTreeSet};

use mcp_mux_tests::conformance::{Check, Report, SUITES, Suite, differences, server};
use mcp_mux_tests::process::Service;
use mcp_mux_tests::{Envoy, Setup, repository};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

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
    scenario: String,
    /// The checks that are different; empty for whichever they are.
    #[serde(default)]
    checks: BTreeSet<String>,
    reason: String,
}

impl Known {
    fn is_for(&self, suite: &Suite) -> bool {
        self.suite == suite.version && self.revision == suite.revision
    }

    fn is_of(&self, different: &BTreeMap<String, String>) -> bool {
        self.checks.is_empty() || self.checks.iter().eq(different.keys())
    }
}

fn baseline() -> Vec<Known> {
    let text = std::fs::read_to_string(repository("tests/conformance/baseline.toml"));
    let read: Result<Baseline, _> = toml::from_str(&text.expect("the baseline"));
    let known = read.unwrap_or_else(|error| panic!("baseline.toml: {error}")).differs;
    for known in &known {
        let suite = SUITES.iter().any(|suite| known.is_for(suite));
        assert!(suite && matches!(known.upstreams, 1 | 2), "there is no such run: {known:?}");
        assert!(!known.reason.trim().is_empty(), "a reason is missing: {known:?}");
    }
    known
}

/// The reports of all suites in order, one after the other: side by side they would only be slower.
async fn reports(endpoint: &str) -> Vec<Report> {
    let mut reports = Vec::new();
    for suite in &SUITES {
        reports.push(suite.run(endpoint).await);
    }
    reports
}

/// What the server is found to be without the gateway; found once.
async fn direct() -> &'static [Report] {
    static DIRECT: OnceCell<Vec<Report>> = OnceCell::const_new();
    let find = || async {
        let server = server().await;
        reports(&format!("http://{}/mcp", server.address)).await
    };
    DIRECT.get_or_init(find).await
}

/// Adds a server as a client would be configured: by the host that it lets pass.
fn with(setup: Setup, name: &str, server: &Service, prefix: Option<&str>) -> Setup {
    let mut fields = json!({"authority": server.address.to_string()});
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

/// Runs all suites through the gateway and holds the reports against the direct ones.
async fn compare(envoy: &Envoy, upstreams: usize) {
    let (direct, known) = (direct().await, baseline());
    let mut wrong = Vec::new();
    let through = reports(&format!("http://{}/mcp", envoy.address)).await;
    for ((suite, direct), through) in SUITES.iter().zip(direct).zip(&through) {
        let mut known: BTreeMap<&str, &Known> = known
            .iter()
            .filter(|known| known.is_for(suite) && known.upstreams == upstreams)
            .map(|known| (known.scenario.as_str(), known))
            .collect();
        let run = format!("{} for {}, {upstreams} upstream(s)", suite.version, suite.revision);
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

#[tokio::test]
async fn the_server_passes_every_scenario_directly() {
    let mut wrong = Vec::new();
    for (suite, report) in SUITES.iter().zip(direct().await) {
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

#[tokio::test]
async fn every_scenario_is_the_same_through_the_gateway() {
    let first = server().await;
    let envoy = setup(&first).start().await;
    compare(&envoy, 1).await;
}

#[tokio::test]
async fn every_scenario_is_the_same_beside_a_second_server_that_answers_everything_too() {
    let (first, second) = tokio::join!(server(), server());
    let envoy = with(setup(&first), "second", &second, None).start().await;
    compare(&envoy, 2).await;
    // It prints each request that has one addressee.
    let asked: Vec<String> = second.log().lines().map(str::to_owned).collect();
    assert!(asked.is_empty(), "the second server was asked: {asked:#?}");
}
