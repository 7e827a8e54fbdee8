//! What metrics there are is the same in the code, in docs/metrics.md, and in the tag rules of every configuration that
//! is shipped.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mcp_mux_driver::{FAMILIES, field};

/// The configurations that are shipped.
const CONFIGURATIONS: [&str; 5] = [
    "envoy/demo.yaml",
    "envoy/minimal.yaml",
    "envoy/module.yaml",
    "envoy/oauth.yaml",
    "kind-cluster/gateway/envoy.yaml",
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).expect(path)
}

/// The rules by which Envoy makes labels of parts of the names, as lines of YAML. The first group of each is cut out of
/// the name.
fn tag_rules() -> Vec<String> {
    let mut labels: Vec<&str> = FAMILIES.iter().flat_map(|it| it.labels).copied().collect();
    labels.sort_unstable();
    labels.dedup();
    let rule = |label: &&str| {
        let mut before: Vec<Vec<&str>> = vec![Vec::new(); 4];
        for family in FAMILIES {
            if let Some(at) = family.labels.iter().position(|it| it == label) {
                before[at].push(family.name);
            }
        }
        let groups = before.iter().enumerate().filter(|(_, names)| !names.is_empty());
        let groups = groups.map(|(at, names)| {
            let names = names.join("|");
            let names = if at == 0 { names } else { format!("(?:{names})") };
            format!("{names}{}", r"\.[^.]+".repeat(at))
        });
        let families = groups.collect::<Vec<_>>().join("|");
        // The name of a tool may have dots, and stands last.
        let value = if *label == "mcp_tool" { ".+" } else { "[^.]+" };
        let names =
            format!(r"^(?:wasm|dynamicmodules)custom\.mcp_mux\.(?:{families})(\.({value}))");
        let end = if *label == "mcp_tool" { "$" } else { "" };
        format!("- {{tag_name: {label}, regex: '{names}{end}'}}")
    };
    labels.iter().map(rule).collect()
}

#[test]
fn every_configuration_that_is_shipped_has_the_tag_rules() {
    let rules = tag_rules();
    for file in CONFIGURATIONS {
        let text = read(file);
        let found: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("- {tag_name: mcp_"))
            .collect();
        assert_eq!(found, rules, "{file} should have:\n{}", rules.join("\n"));
    }
}

#[test]
fn every_configuration_that_is_shipped_logs_every_field() {
    for file in CONFIGURATIONS {
        let text = read(file);
        for field in field::ALL {
            let wanted = format!("\"%FILTER_STATE({field}:PLAIN)%\"");
            assert!(text.contains(&wanted), "{file} lacks {wanted}");
        }
    }
}

/// The program's configurations are made of these.
#[test]
fn the_configurations_that_the_program_makes_have_them_too() {
    let text = read("envoy-files/src/observability.rs");
    for rule in tag_rules() {
        let (label, regex) = rule.split_once(", regex: ").expect("a rule");
        let label = label.trim_start_matches("- {tag_name: ");
        let regex = regex.trim_matches(['\'', '}']);
        for wanted in [format!("\"{label}\","), format!("r\"{regex}\"")] {
            assert!(text.contains(&wanted), "it lacks\n{wanted}");
        }
    }
    let fields: Vec<String> = field::ALL
        .iter()
        .map(|it| format!("\"{}\"", it.trim_start_matches("wasm.mcp_mux.")))
        .collect();
    assert!(text.contains(&format!("[{}]", fields.join(", "))), "{fields:?}");
}

#[test]
fn the_page_lists_every_metric() {
    let mut table = "| metric | type | labels | tells |\n|---|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|it| format!("`{it}`")).collect();
        let (name, kind, help) = (family.name, family.kind.as_str(), family.help);
        let _ = writeln!(table, "| `mcp_mux_{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    assert!(read("docs/metrics.md").contains(&table), "docs/metrics.md should have:\n{table}");
    let rules: Vec<String> = tag_rules().iter().map(|rule| format!("  {rule}\n")).collect();
    let rules = format!("stats_config:\n  stats_tags:\n{}", rules.concat());
    assert!(read("docs/metrics.md").contains(&rules), "docs/metrics.md should have:\n{rules}");
}
