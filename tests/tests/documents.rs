//! The documents tell the truth where a program can tell: paths exist, examples run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::kubernetes::documents;
use mcp_mux_tests::{Envoy, repository, setup};

const DOCUMENTS: [&str; 19] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "bench/PROFILE.md",
    "bench/report.md",
    "docs/cli.md",
    "docs/configuration.md",
    "docs/deploy.md",
    "docs/eras.md",
    "docs/hosts.md",
    "docs/mcp-support.md",
    "docs/metrics.md",
    "docs/observability.md",
    "docs/scale.md",
    "docs/security.md",
    "docs/toughness.md",
    "discovery/README.md",
    "kind-cluster/README.md",
];

/// The table of files in ARCHITECTURE.md names them from here.
const CORE: &str = "filter/core/src";

/// What is made by `make` and is not in a fresh clone.
const MADE: [&str; 3] = ["dist/", ".tools/", "target/"];

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The targets of links to files, and what stands in backticks and looks like a path with a folder
/// of this repository.
fn paths(text: &str) -> BTreeSet<String> {
    let roots = [repository("."), repository(CORE)];
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    let ticks = text.split('`').skip(1).step_by(2).filter(|tick| {
        let folder = tick.split_once('/').map(|(folder, _)| folder);
        let known = |folder: &str| roots.iter().any(|root| root.join(folder).is_dir());
        folder.is_some_and(|folder| !folder.is_empty() && known(folder))
            && !tick.contains([' ', '*', '<'])
    });
    links.chain(ticks).map(str::to_owned).collect()
}

/// What a heading is linked to by.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut named = 0;
    for document in DOCUMENTS {
        let file = repository(document);
        let folder = file.parent().expect("a folder");
        for path in paths(&read(&file)) {
            let (path, heading) = path.split_once('#').unwrap_or((&path, ""));
            let made = MADE.iter().any(|made| path.starts_with(made));
            let roots = [folder.to_owned(), repository("."), repository(CORE)];
            let there = roots.iter().map(|root| root.join(path)).find(|path| path.exists());
            assert!(made || there.is_some(), "{document} names {path}");
            if let Some(there) = there.filter(|_| !heading.is_empty()) {
                let text = read(&there);
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(anchor);
                assert!(anchors.any(|it| it == heading), "{document} names {path}#{heading}");
            }
            named += 1;
        }
    }
    assert!(named > 10, "{named} paths found");
}

#[test]
fn what_a_document_of_a_release_leads_to_is_in_the_release() {
    let list = Command::new(repository("scripts/release")).arg("--list").output().expect("bash");
    let list = String::from_utf8(list.stdout).expect("UTF-8");
    let packed: BTreeSet<&str> = list.lines().collect();
    assert!(packed.contains("envoy/minimal.yaml"), "{list}");
    let root = repository(".").canonicalize().expect("the repository");
    for document in
        packed.iter().filter(|file| Path::new(file).extension().is_some_and(|it| it == "md"))
    {
        let text = read(repository(document));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            let file = repository(document).with_file_name(link);
            let file =
                file.canonicalize().unwrap_or_else(|error| panic!("{document}: {link}: {error}"));
            let file = file.strip_prefix(&root).expect("in the repository");
            let file = file.to_str().expect("UTF-8");
            let is_there = packed.iter().any(|it| {
                it.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            assert!(is_there, "{document} leads to {file}, which scripts/release leaves out");
        }
    }
}

#[test]
fn the_readme_shows_the_minimal_configuration_in_less_than_90_lines() {
    let minimal = read(repository("envoy/minimal.yaml"));
    assert!(minimal.lines().count() < 90);
    assert!(read(repository("README.md")).contains(&format!("```yaml\n{minimal}```")));
}

#[tokio::test]
async fn the_configuration_of_the_native_host_differs_in_the_filter_and_a_flag_alone() {
    let parsed =
        async |file: &str| documents(&read(repository(file)), &[]).await.expect("YAML").remove(0);
    let (mut wasm, mut module) =
        (parsed("envoy/minimal.yaml").await, parsed("envoy/module.yaml").await);
    let filters =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0";
    let [one, other] = [&mut wasm, &mut module].map(|it| {
        let filter = it.pointer_mut(filters).expect("the filter");
        assert_eq!(filter["name"], "mcp_mux");
        filter["typed_config"].take()
    });
    assert_eq!(one["config"]["configuration"], other["filter_config"]);
    // By which metrics have the same names.
    let flag = module.as_object_mut().expect("an object").remove("layered_runtime");
    assert!(flag.expect("a flag").to_string().contains("strip_custom_stat_prefix"));
    assert_eq!(wasm, module);
}

#[tokio::test]
async fn every_configuration_that_is_shipped_boots_and_serves_the_endpoint() {
    let mut booted = 0;
    for entry in std::fs::read_dir(repository("envoy")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let (text, key) = (read(&path), setup::key(1));
        // The configuration, and the line that makes a key.
        assert!(text.contains("session: {keys_env: MCP_MUX_SESSION_KEYS}"), "{}", path.display());
        assert!(text.contains("export MCP_MUX_SESSION_KEYS=$("), "{}", path.display());
        let (variable, folder) = Host::Module.environment().expect("where the module is");
        let folder = folder.to_str().expect("UTF-8");
        let environment = [("MCP_MUX_SESSION_KEYS", key.as_str()), (variable, folder)];
        let envoy = Envoy::start_file_with(&text, &environment).await;
        let answer = mcp_mux_tests::Request::new(&envoy, "GET", "/mcp").send().await;
        // Where people have to log in, that comes first.
        let status = if path.ends_with("oauth.yaml") { 401 } else { 405 };
        assert_eq!(answer.status, status, "{}: {answer:?}", path.display());
        booted += 1;
    }
    assert!(booted >= 4);
}
