//! The official conformance suite, run as its users run it: a program that is given a URL.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::process::{Service, free_port};
use crate::real::{newer_node, node};
use crate::repository;

/// How long one run may take: it needs 3 s, and version 0.1 waits a minute for an answer that never
/// comes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A version of the suite, at a revision of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// The version of the suite.
    pub version: &'static str,
    /// The revision that its scenarios are for.
    pub revision: &'static str,
    /// How many scenarios it has for that.
    pub scenarios: usize,
    package: &'static str,
    arguments: &'static [&'static str],
}

/// The eras of the protocol, each with a server of its own that the suite is run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// The revisions that begin with `initialize`.
    Handshake,
    /// The revisions since 2026-07-28.
    Stateless,
}

impl Era {
    /// Every run that there is for it.
    #[must_use]
    pub const fn suites(self) -> &'static [Suite] {
        match self {
            Self::Handshake => &HANDSHAKE,
            Self::Stateless => &STATELESS,
        }
    }

    /// Starts its server.
    pub async fn server(self) -> Service {
        let program = match self {
            Self::Handshake => "server",
            Self::Stateless => "stateless",
        };
        let port = free_port().await;
        let mut command = Command::new(newer_node());
        command.arg(repository(&format!("tests/conformance/{program}.mjs")));
        command.arg(node()).arg(port.to_string());
        Service::start(&mut command, port).await
    }
}

/// Version 0.1 has no scenario for one of them that is not for the newest too, and always negotiates
/// that; version 0.2 holds each message against the schema of the revision it is told.
const HANDSHAKE: [Suite; 4] = [
    Suite {
        version: "0.1.16",
        revision: "2025-11-25",
        scenarios: 32,
        package: "conformance-0.1",
        arguments: &[],
    },
    alpha("2025-11-25", 33, &["--timeout", "15000", "--spec-version", "2025-11-25"]),
    alpha("2025-06-18", 27, &["--timeout", "15000", "--spec-version", "2025-06-18"]),
    alpha("2025-03-26", 1, &["--timeout", "15000", "--spec-version", "2025-03-26"]),
];

/// All that is not about tasks, which are an extension.
const STATELESS: [Suite; 1] =
    [alpha("2026-07-28", 40, &["--timeout", "15000", "--spec-version", "2026-07-28"])];

const fn alpha(
    revision: &'static str,
    scenarios: usize,
    arguments: &'static [&'static str],
) -> Suite {
    let (version, package) = ("0.2.0-alpha.12", "conformance-0.2");
    Suite { version, revision, scenarios, package, arguments }
}

/// What one scenario found; a scenario is a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    id: String,
    status: String,
    error_message: Option<String>,
    details: Option<Value>,
}

impl Check {
    /// Whether it found something to be right.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == "SUCCESS"
    }

    /// Neither a failure nor a warning, nor left out.
    #[must_use]
    pub fn fine(&self) -> bool {
        self.succeeded() || self.status == "INFO"
    }

    /// The status; for a stream also how many events it had, since the suite looks past an error
    /// that stands there in place of a result.
    fn outcome(&self) -> String {
        let details = self.details.as_ref().filter(|_| self.id == "stream-closed");
        match details.and_then(|details| details["eventCount"].as_u64()) {
            Some(events) => format!("{} after {events} event(s)", self.status),
            None => self.status.clone(),
        }
    }

    fn of_ours(id: &str, message: String) -> Self {
        let (id, status) = (id.to_owned(), "FAILURE".to_owned());
        Self { id, status, error_message: Some(message), details: None }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.id, self.outcome())?;
        if let Some(message) = &self.error_message {
            write!(f, ": {message:.800}")?;
        }
        if let Some(details) = &self.details {
            write!(f, " {:.400}", details.to_string())?;
        }
        Ok(())
    }
}

/// The checks of every scenario of a run, by the name of the scenario.
pub type Report = BTreeMap<String, Vec<Check>>;

impl Suite {
    /// Runs all scenarios against an endpoint.
    pub async fn run(&self, endpoint: &str) -> Report {
        let what = format!("the suite {} for {} at {endpoint}", self.version, self.revision);
        let files = tempfile::tempdir().expect("a temporary directory");
        let (results, log) = (files.path().join("results"), files.path().join("log"));
        let output = File::create(&log).expect("the log");
        let program = node().join("node_modules").join(self.package).join("dist/index.js");
        let mut command = Command::new(newer_node());
        command.arg(program).args(["server", "--suite", "all", "--url", endpoint]);
        command.args(self.arguments).arg("--output-dir").arg(&results);
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("the log")).stderr(output);
        let child = command.env("NO_COLOR", "1").kill_on_drop(true).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{what}: {error}"));
        let ended = tokio::time::timeout(DEADLINE, child.wait()).await;
        if ended.is_err() {
            child.kill().await.expect("the suite ends");
        }
        let log = std::fs::read(log).expect("the log");
        let log = String::from_utf8_lossy(&log);
        let begun: Vec<&str> = log.lines().filter_map(scenario).collect();
        assert!(!begun.is_empty(), "{what}: no scenario was run ({ended:?})\n{log}");
        let checks = |name: &&str| {
            let cut_off = || {
                let reason = if ended.is_ok() { "an error" } else { "the deadline" };
                vec![Check::of_ours("no-result", format!("the scenario was ended by {reason}"))]
            };
            ((*name).to_owned(), read(&results, name).unwrap_or_else(cut_off))
        };
        begun.iter().map(checks).collect()
    }
}

/// The name in the line that announces a scenario.
fn scenario(line: &str) -> Option<&str> {
    line.strip_prefix("=== Running scenario: ")?.strip_suffix(" ===")
}

/// The result of a scenario: `<results>/server-<name>-<time>/checks.json`.
fn read(results: &Path, name: &str) -> Option<Vec<Check>> {
    let start = format!("server-{name}-");
    let folder = std::fs::read_dir(results).ok()?.flatten().find(|folder| {
        let folder = folder.file_name().into_string().unwrap_or_default();
        // Names of scenarios begin with other names of scenarios; no name goes on with a year.
        folder.strip_prefix(&start).is_some_and(|time| time.starts_with("20") && time.contains('T'))
    })?;
    // Half a file is what a run leaves that is ended while it writes.
    serde_json::from_slice(&std::fs::read(folder.path().join("checks.json")).ok()?).ok()
}

/// What is different from the direct run: by scenario and check, what came of it.
#[must_use]
pub fn differences(direct: &Report, report: &Report) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, expected) in direct {
        let not_run = vec![Check::of_ours("not-run", "the run ended before".into())];
        let checks = report.get(name).unwrap_or(&not_run);
        let (expected, outcomes) = (outcomes(expected), outcomes(checks));
        let missing = expected.keys().filter(|found| !outcomes.contains_key(found));
        let added = outcomes.iter().filter(|(found, _)| !expected.contains_key(found));
        let mut different = BTreeMap::new();
        different.extend(missing.map(|(id, outcome)| {
            ((*id).to_owned(), format!("{id}: no {outcome}, which it is directly"))
        }));
        different.extend(added.map(|((id, _), check)| ((*id).to_owned(), check.to_string())));
        if !different.is_empty() {
            found.insert(name.clone(), different);
        }
    }
    found
}

/// Which checks there are and what came of them. How often is left out: some report each event.
fn outcomes(checks: &[Check]) -> BTreeMap<(&str, String), &Check> {
    checks.iter().map(|check| ((check.id.as_str(), check.outcome()), check)).collect()
}
