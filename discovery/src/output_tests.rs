use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use mcp_mux_envoy_files::resources::read_clusters;
use serde_json::json;

use super::*;

/// Less than what Envoy is given to take a file.
const STEP: Duration = Duration::from_millis(250);

fn upstream(name: &str, port: u16) -> Upstream {
    Upstream {
        name: name.to_owned(),
        entry: json!({ "name": name }),
        cluster: format!("mcp-mux/n/{name}"),
        endpoints: [([127, 0, 0, 1], port).into()].into(),
    }
}

fn inode(path: &Path) -> u64 {
    path.metadata().expect("a file").ino()
}

#[tokio::test(start_paused = true)]
async fn files_are_replaced_when_they_change_and_only_then() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display();
    let settings =
        Settings::parse(&format!("output: {path}\nwasm: {{file: f}}"), None).expect("settings");
    let output = Output::new(&settings);
    let plugin = json!({"upstreams": []});
    let mut upstreams = vec![upstream("a", 1)];
    assert!(output.put(&settings, &upstreams, &plugin).await.expect("written"));
    let before = (inode(&output.files.clusters), inode(&output.files.filter));
    assert!(!output.put(&settings, &upstreams, &plugin).await.expect("looked at"));
    assert_eq!((inode(&output.files.clusters), inode(&output.files.filter)), before);
    assert_eq!(output.files.filter.metadata().expect("a file").mode() & 0o777, 0o644);

    upstreams.push(upstream("b", 1));
    assert!(output.put(&settings, &upstreams, &plugin).await.expect("written"));
    assert_ne!(inode(&output.files.clusters), before.0);
    assert_eq!(inode(&output.files.filter), before.1);
    let count = || std::fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(count(), 4);

    // Other endpoints leave the cluster as it is.
    let clusters = inode(&output.files.clusters);
    upstreams[1] = upstream("b", 2);
    assert!(output.put(&settings, &upstreams, &plugin).await.expect("written"));
    assert_eq!(inode(&output.files.clusters), clusters);
    upstreams.pop();
    assert!(output.put(&settings, &upstreams, &plugin).await.expect("written"));
    assert_eq!(count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_comes_before_the_filter_that_names_it_and_goes_after() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display();
    let settings =
        Settings::parse(&format!("output: {path}\nwasm: {{file: f}}"), None).expect("settings");
    let output = Output::new(&settings);
    let one = ([upstream("a", 1)], json!({"upstreams": [{"name": "a"}]}));
    let other = ([upstream("b", 1)], json!({"upstreams": [{"name": "b"}]}));
    output.put(&settings, &one.0, &one.1).await.expect("written");
    let names = || -> Vec<String> {
        let file = std::fs::read(&output.files.clusters).expect("clusters");
        read_clusters(&file).into_keys().collect()
    };
    let filter = || std::fs::read(&output.files.filter).expect("a filter");
    let first = filter();
    let mut put = std::pin::pin!(output.put(&settings, &other.0, &other.1));
    let mut steps = Vec::new();
    for _ in 0..4 {
        let done = tokio::time::timeout(STEP, &mut put).await.is_ok();
        steps.push((names().join(" "), filter() == first, done));
        if done {
            break;
        }
        tokio::time::advance(STEP).await;
    }
    let step = |names: &str, old, done| (names.to_owned(), old, done);
    let both = "mcp-mux/n/a mcp-mux/n/b";
    let (swapped, last) = (step("mcp-mux/n/b", false, false), step("mcp-mux/n/b", false, true));
    assert_eq!(steps, [step(both, true, false), step(both, false, false), swapped, last]);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_has_left_is_removed_and_what_is_not_ours_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display();
    let settings =
        Settings::parse(&format!("output: {path}\nwasm: {{file: f}}"), None).expect("settings");
    let left =
        ["clusters.json", "filter.json", "mcp-mux.n.gone.json", ".new-x", "mcp-mux.mine.json"];
    for name in left {
        let foreign = r#"{"resources": [{"name": "x"}]}"#;
        std::fs::write(directory.path().join(name), foreign).expect("a file");
    }
    Output::new(&settings).put(&settings, &[], &json!({})).await.expect("written");
    let there = |name: &&str| directory.path().join(name).exists();
    let kept: Vec<&str> = left.into_iter().filter(there).collect();
    assert_eq!(kept, ["clusters.json", "filter.json", "mcp-mux.mine.json"]);
    let clusters = std::fs::read_to_string(directory.path().join("clusters.json"));
    assert!(!clusters.expect("a file").contains("\"x\""));
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_not_there_is_an_error_and_no_panic() {
    let settings =
        Settings::parse("output: /nowhere/at/all\nwasm: {file: f}", None).expect("settings");
    let error = Output::new(&settings).put(&settings, &[], &json!({})).await;
    assert!(error.expect_err("no directory").to_string().contains("writable directory"));
}
