use std::path::Path;

use super::variables::{Missing, Variables};
use super::*;

fn with(text: &str, missing: Missing) -> Result<Servers, Fault> {
    let environment = |name: &str| (name == "TOKEN").then(|| "t0k3n".to_owned());
    let input = |id: &str| {
        if id == "asked" { Ok("given".to_owned()) } else { Err("nobody to ask".to_owned()) }
    };
    let variables = Variables {
        environment: &environment,
        input: &input,
        folder: Path::new("/project"),
        missing,
    };
    read(text, &variables)
}

fn reads(text: &str) -> Servers {
    with(text, Missing::Refused).unwrap_or_else(|fault| panic!("{fault}"))
}

fn command(server: &Server) -> &Command {
    let Reached::Command(command) = &server.reached else { panic!("{server:?}") };
    command
}

fn remote(server: &Server) -> &Remote {
    let Reached::Url(remote) = &server.reached else { panic!("{server:?}") };
    remote
}

#[test]
fn a_file_of_claude_desktop_is_read() {
    let read = reads(
        r#"{"mcpServers": {
            "Brave Search": {"command": "npx", "args": ["-y", "server", 3], "env": {"KEY": "${TOKEN}", "N": 1}},
            "fetch": {"command": "uvx", "args": ["mcp-server-fetch"], "cwd": "${workspaceFolder}/x"},
            "off": {"command": "x", "disabled": true}
        }, "globalShortcut": ""}"#,
    );
    let [brave, fetch] = read.servers.as_slice() else { panic!("{read:?}") };
    assert_eq!((brave.name.as_str(), brave.written.as_str()), ("brave-search", "Brave Search"));
    assert_eq!(brave.place, "mcpServers.Brave Search");
    assert_eq!(command(brave).arguments, ["-y", "server", "3"]);
    assert_eq!(command(brave).environment["KEY"], "t0k3n");
    assert_eq!(command(brave).environment["N"], "1");
    assert_eq!(command(fetch).folder.as_deref(), Some(Path::new("/project/x")));
    assert_eq!(read.notes, ["mcpServers.off is left out: it is disabled"]);
}

#[test]
fn a_file_of_claude_code_or_cursor_is_read() {
    let read = reads(
        r#"{"mcpServers": {
            "a": {"type": "http", "url": "https://${HOST:-mcp.example}/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}},
            "b": {"type": "sse", "url": "https://b.example/events"},
            "c": {"url": "http://localhost:1/sse"}
        }}"#,
    );
    let [a, b, c] = read.servers.as_slice() else { panic!("{read:?}") };
    assert_eq!(remote(a).url(), "https://mcp.example/mcp");
    let header = &remote(a).headers[0];
    assert_eq!(
        (header.name.as_str(), header.value.as_deref()),
        ("authorization", Some("Bearer t0k3n"))
    );
    assert_eq!(header.variable, Some(("Bearer ".to_owned(), "TOKEN".to_owned())));
    assert!(remote(b).sse && remote(c).sse && !remote(a).sse);
}

#[test]
fn a_file_of_vs_code_is_read_with_its_comments() {
    let text = r#"{
        // VS Code's own
        "inputs": [
            {"type": "promptString", "id": "asked", "password": true},
            {"type": "promptString", "id": "usual", "default": "d"},
        ],
        "servers": {
            /* one */ "a": {"type": "stdio", "command": "x", "args": ["${input:asked}", "${input:usual}", "${env:TOKEN}"],},
        },
    }"#;
    let read = reads(text);
    assert_eq!(command(&read.servers[0]).arguments, ["given", "d", "t0k3n"]);
    let inside = format!("{{\"mcp\": {text}}}");
    assert_eq!(reads(&inside).servers, read.servers);
}

#[test]
fn a_slip_gets_one_line_that_says_where() {
    for (text, line) in [
        (
            "{\n  \"mcpServers\": {\n    \"a\": {\"comand\": \"x\"}}}",
            "3:11: mcpServers.a: the unknown field \"comand\": write \"command\"",
        ),
        ("{\"mcpServer\": {}}", "1:2: the unknown field \"mcpServer\": write \"mcpServers\""),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\" \"args\": []}}}",
            "1:37: not JSON: Expected comma; mend it there or just before",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"url\": \"y\"}}}",
            "1:39: mcpServers.a: both \"command\" and \"url\": remove one of the two",
        ),
        (
            "{\"mcpServers\": {\"a\": {}}}",
            "1:17: mcpServers.a: neither \"command\" nor \"url\": add one of the two",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"type\": \"ftp\", \"url\": \"y\"}}}",
            "1:31: mcpServers.a: the type \"ftp\" is not supported: write \"stdio\", \"http\" or \"sse\"",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\"}, \"a\": {\"command\": \"x\"}}}",
            "1:40: mcpServers.a: it is there twice: remove one of the two",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"url\": \"https://x\", \"headers\": {\"x\": \"${NONE}\"}}}}",
            "1:60: mcpServers.a: headers.x: the environment variable NONE is not set: set it (export NONE=...), or write ${NONE:-default}",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"${input:x}\"}}}",
            "1:34: mcpServers.a: command: the input \"x\" is not among \"inputs\": add it there, or mend its name",
        ),
    ] {
        assert_eq!(with(text, Missing::Refused).expect_err(text).to_string(), line);
    }
}

#[test]
fn what_is_wrong_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        "{\"mcpServers\": []}",
        "{\"mcpServers\": {}}",
        "{\"mcpServers\": {\"a\": 1}}",
        "{\"mcpServers\": {\"a\": {\"command\": 1.5e}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \" \"}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"args\": \"y\"}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"args\": [{}]}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": []}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": {\"A=B\": \"\"}}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"type\": \"http\"}}}",
        "{\"mcpServers\": {\"a\": {\"url\": \"https://x\", \"type\": \"stdio\"}}}",
        "{\"mcpServers\": {\"a\": {\"url\": \"https://x\", \"headers\": {\"a b\": \"x\"}}}}",
        "{\"mcpServers\": {\"a\": {\"url\": \"https://x\", \"headers\": {\"a\": \"x\", \"A\": \"y\"}}}}",
        "{\"mcpServers\": {\"a\": {\"url\": \"https://x\", \"headers\": {\"a\": \"\\n\"}}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"envFile\": \".env\"}}}",
        "{'mcpServers': {}}",
    ] {
        let fault = with(text, Missing::Refused).expect_err(text);
        assert!(!fault.to_string().contains('\n'), "{fault}");
    }
    let deep = "[".repeat(100_000);
    assert!(with(&deep, Missing::Refused).expect_err("too deep").message.contains("depth"));
}

#[test]
fn a_header_without_a_value_is_left_where_that_is_allowed() {
    let text = r#"{"mcpServers": {"a": {"url": "https://x", "headers": {"x": "Bearer ${NONE}"}}}}"#;
    let read = with(text, Missing::Left).expect("servers");
    let header = &remote(&read.servers[0]).headers[0];
    assert_eq!((header.value.as_deref(), header.variable.is_some()), (None, true));
}

#[test]
fn secrets_are_not_shown() {
    let read = reads(
        r#"{"mcpServers": {"a": {"url": "https://x", "headers": {"x": "s3cret"}}, "b": {"command": "x", "env": {"A": "s3cret"}}}}"#,
    );
    assert!(!format!("{read:?}").contains("s3cret"));
}
