//! `mcp-mux config` and `run --dry-run`: what is printed is a configuration of Envoy, without secrets.

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{setup, tool};
use tokio::process::Command;

use crate::program::ended;

const SERVERS: &str = r#"{
  // as people write them
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "server", "--key", "s3cret"], "env": {"KEY": "s3cret"}},
    "Git Hub": {
      "type": "http",
      "url": "https://api.example:8443/mcp/",
      "headers": {"Authorization": "Bearer ${GITHUB_TOKEN}", "X-Key": "s3cret", "Accept": "text/html"},
    },
    "plain": {"url": "http://127.0.0.1:1/mcp"},
  },
}"#;

fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("servers.json");
    std::fs::write(&path, text).expect("written");
    (folder, path.to_str().expect("UTF-8").to_owned())
}

#[tokio::test]
async fn the_configuration_is_valid_and_has_no_secrets() {
    let (folder, servers) = file(SERVERS);
    let printed = ended(&["config", &servers]).await;
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let yaml = &printed.stdout;
    assert!(!yaml.contains("s3cret") && !printed.stderr.contains("s3cret"), "{yaml}");
    for words in [
        "sni: api.example",
        "authority: \"api.example:8443\"",
        "path: /mcp/",
        "idle_timeout: 4s",
        "trusted_ca: ",
        "header_value_prefix: \"Bearer \"",
        "environment_variable: GITHUB_TOKEN",
        "environment_variable: MCP_MUX_GIT_HUB_X_KEY",
        "the gateway writes them itself: accept",
    ] {
        assert!(yaml.contains(words), "{words} is not in\n{yaml}");
    }
    let path = folder.path().join("envoy.yaml");
    std::fs::write(&path, yaml).expect("written");
    let mut envoy = Command::new(tool("MCP_MUX_ENVOY", ".tools/bin/envoy"));
    envoy.args(["--mode", "validate", "-c"]).arg(&path);
    let key = setup::key(1);
    envoy.envs([
        ("MCP_MUX_SESSION_KEYS", key.as_str()),
        ("GITHUB_TOKEN", "x"),
        ("MCP_MUX_GIT_HUB_X_KEY", "y"),
    ]);
    envoy.envs(Host::tested().environment());
    let output = envoy.output().await.expect("Envoy");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn what_config_prints_is_right_to_check_and_a_fault_in_it_is_told() {
    let (folder, servers) = file(SERVERS);
    let yaml = ended(&["config", &servers]).await.stdout;
    let path = folder.path().join("envoy.yaml");
    let path_text = path.to_str().expect("UTF-8");
    std::fs::write(&path, &yaml).expect("written");
    let right = ended(&["check", path_text]).await;
    assert_eq!(right.code, 0, "{}", right.stderr);
    assert!(right.stdout.contains("3 upstreams: files, git-hub, plain"), "{}", right.stdout);

    std::fs::write(&path, yaml.replace("era: handshake", "era: bronze")).expect("written");
    let line = 1 + yaml.lines().position(|line| line.contains("era: handshake")).expect("a line");
    let column =
        1 + yaml.lines().nth(line - 1).and_then(|it| it.find("handshake")).expect("a column");
    let wrong = ended(&["check", path_text]).await;
    let fault =
        "upstreams[0].era: found \"bronze\", expected \"auto\", \"handshake\" or \"stateless\"";
    assert_eq!((wrong.code, wrong.stderr), (3, format!("{path_text}:{line}:{column}: {fault}\n")));
    let json = ended(&["check", path_text, "--json"]).await;
    let read: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((read["faults"][0]["line"].as_u64(), json.code), (Some(line as u64), 3));
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let (_folder, servers) = file(&SERVERS.replace("${GITHUB_TOKEN}", "s3cret"));
    let dry = ended(&["run", &servers, "--dry-run", "--port", "1"]).await;
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    for words in [
        "would start files: npx behind a bridge",
        "would reach git-hub: https://api.example:8443/mcp/",
        "would start Envoy at http://127.0.0.1:1/mcp",
    ] {
        assert!(dry.stderr.contains(words), "{words} is not in\n{}", dry.stderr);
    }
    assert!(dry.stdout.contains("port_value: 1}"));
    assert!(!dry.stdout.contains("s3cret") && !dry.stderr.contains("s3cret"));
}

#[tokio::test]
async fn a_slip_gets_one_line_that_says_where_and_an_exit_code_of_its_own() {
    let (_folder, servers) =
        file("{\n  \"mcpServers\": {\n    \"a\": {\n      \"comand\": \"x\"\n    }\n  }\n}");
    let line =
        format!("{servers}:4:7: mcpServers.a: the unknown field \"comand\": write \"command\"\n");
    for arguments in [["run", &servers], ["config", &servers]] {
        let refused = ended(&arguments).await;
        assert_eq!((refused.code, refused.stderr.as_str()), (3, line.as_str()));
        assert!(refused.stdout.is_empty());
    }
    for (entry, place, words) in [
        (r#"{"command": "x" "args": []}"#, "2:36", "not JSON: Expected comma"),
        (r#"{"comand": "x"}"#, "2:22", "the unknown field \"comand\": write \"command\""),
        (r#"{"args": ["x"]}"#, "2:16", "neither \"command\" nor \"url\""),
        (r#"{"url": "mcp.example/mcp"}"#, "2:29", "is no URL"),
        (r#"{"url": "htp://mcp.example/mcp"}"#, "2:29", "the scheme \"htp\" is not supported"),
        (r#"{"command": "${MCP_MUX_TEST_NONE}"}"#, "2:33", "MCP_MUX_TEST_NONE is not set"),
    ] {
        let (_folder, servers) = file(&format!("{{\n\"mcpServers\": {{\"a\": {entry}}}\n}}"));
        let refused = ended(&["run", &servers]).await;
        let line = refused.stderr.strip_prefix(&format!("{servers}:{place}: "));
        assert!(line.is_some_and(|it| it.contains(words)), "{entry}: {}", refused.stderr);
        assert_eq!((refused.code, refused.stderr.lines().count()), (3, 1), "{}", refused.stderr);
    }
    let (_folder, servers) =
        file(r#"{"mcpServers": {"a": {"type": "sse", "url": "http://127.0.0.1:1/sse"}}}"#);
    let refused = ended(&["config", &servers, "--host", "wasm"]).await;
    let line = format!(
        "{servers}: mcpServers.a: a server of the HTTP+SSE transport needs --host module\n"
    );
    assert_eq!((refused.code, refused.stderr), (3, line));
}

#[tokio::test]
async fn a_wrong_command_line_has_another() {
    for arguments in [&["run", "--port", "0"][..], &["nothing"], &["config"]] {
        assert_eq!(ended(arguments).await.code, 2, "{arguments:?}");
    }
    let help = ended(&["--help"]).await;
    assert_eq!(help.code, 0);
    for words in ["mcp-mux run", "Exit codes", "FILE:LINE:COLUMN"] {
        assert!(help.stdout.contains(words), "{words}");
    }
    assert!(!help.stdout.contains('\x1b'), "colours, and no terminal");
}
