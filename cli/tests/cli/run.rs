//! `mcp-mux run`: real servers over stdio and a scripted one over TLS, with one command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::process::free_port;
use mcp_mux_tests::{Request, Upstream, repository, tls, within};
use serde_json::{Value, json};

use crate::program::{Running, ended};

fn everything() -> Value {
    let server = ".tools/node/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    json!({"command": "node", "args": [repository(server), "stdio"]})
}

fn write(file: &Path, servers: &Value) {
    let new = file.with_extension("new");
    std::fs::write(&new, json!({"mcpServers": servers}).to_string()).expect("written");
    std::fs::rename(new, file).expect("renamed");
}

/// The names of the tools that an endpoint lists.
async fn tools(url: &str) -> Vec<String> {
    let listed = ended(&["tools", url, "--json"]).await;
    let listed: Value =
        serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{}", listed.stderr));
    let names = listed["tools"].as_array().expect("tools").iter();
    names.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

/// Calls a tool of the newer era, which needs no session.
async fn call(port: u16, name: &str, arguments: &Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": name, "arguments": arguments, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let address = ([127, 0, 0, 1], port).into();
    let reply = Request::at(address, "POST", "/mcp")
        .header("host", format!("127.0.0.1:{port}"))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", name)
        .body(body.to_string())
        .send()
        .await;
    reply.message()
}

fn of<'v>(event: &'v Value, name: &str) -> &'v Value {
    let servers = event["servers"].as_array().expect("servers");
    servers
        .iter()
        .find(|server| server["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {event}"))
}

/// Kills what speaks over stdio, and then the bridge before it.
async fn come_back(running: &mut Running, port: u16) {
    // A program that is killed is told, and is there for the next request.
    let is_program = |command: &str| command.starts_with("node /") && command.ends_with("stdio ");
    for (pid, command) in running.others() {
        if is_program(&command) && !command.contains("supergateway") {
            let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
    let warned = running.until("warning").await;
    let text = warned["text"].as_str().expect("a text");
    assert!(text.starts_with("everything: its program has ended (killed"), "{text}");
    let called = call(port, "everything__echo", &json!({"message": "again"})).await;
    assert_eq!(called["result"]["content"][0]["text"], "Echo: again", "{called}");

    // A bridge that is killed is started again.
    let bridges =
        running.others().into_iter().filter(|(_, command)| command.contains("--outputTransport"));
    for (pid, _) in bridges {
        let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
    // Each session has a program of its own, and each of those was told of.
    let of_bridge = |said: &Value| {
        let text = said["text"].as_str().unwrap_or_default();
        text.starts_with("everything: its bridge has ended")
    };
    while !of_bridge(&running.until("warning").await) {}
    within("the bridge to be there again", async {
        loop {
            let called = call(port, "everything__echo", &json!({"message": "once more"})).await;
            if called["result"]["content"][0]["text"] == "Echo: once more" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_servers_of_a_file_run_with_one_command_and_follow_it() {
    let secure = Upstream::named("secure").tools(&["lock"]).start().await;
    let (tls, certificate) = tls::before(secure.address).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("claude_desktop_config.json");
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, certificate).expect("written");
    let fetch = json!({"command": repository(".tools/py/bin/mcp-server-fetch")});
    let remote = |key: &str| {
        let url = format!("https://localhost:{tls}/mcp");
        json!({"type": "http", "url": url, "headers": {"Authorization": format!("Bearer {key}"), "X-Key": "${KEY}"}})
    };
    let mut servers =
        json!({"everything": everything(), "fetch": fetch, "Secure One": remote("first")});
    write(&file, &servers);

    let port = free_port().await;
    let environment = [("SSL_CERT_FILE", roots.to_str().expect("UTF-8")), ("KEY", "k3y")];
    let mut running = Running::start(&file, port, &environment);
    let ready = running.until("ready").await;
    let url = format!("http://127.0.0.1:{port}/mcp");
    assert_eq!(ready["endpoint"], url);
    assert_eq!(ready["status"], format!("{url}/status"));
    for (name, tools) in [("everything", 5), ("fetch", 1), ("secure-one", 1)] {
        let server = of(&ready, name);
        assert_eq!(server["fault"], Value::Null, "{ready}");
        assert!(server["tools"].as_u64() >= Some(tools), "{ready}");
        assert_eq!(server["era"], "sessions (2025-11-25)", "{ready}");
    }
    let names = tools(&url).await;
    for name in ["everything__echo", "fetch__fetch", "secure-one__lock"] {
        assert!(names.iter().any(|it| it == name), "{name}: {names:?}");
    }

    // The header comes with what the gateway asks and with what clients call, and is in no configuration.
    let called = call(port, "secure-one__lock", &json!({})).await;
    assert!(called["result"].is_object(), "{called}");
    for method in ["tools/list", "tools/call"] {
        let seen = secure.seen_of(method).pop().expect("a request");
        assert_eq!(seen.header("authorization"), Some("Bearer first"), "{method}");
        assert_eq!(seen.header("x-key"), Some("k3y"), "{method}");
        assert_eq!(seen.header("host"), Some(format!("localhost:{tls}").as_str()), "{method}");
    }

    // What an operator looks at has it.
    let page = Request::at(([127, 0, 0, 1], port).into(), "GET", "/mcp/status")
        .header("accept", "application/json")
        .send()
        .await;
    let page: Value = serde_json::from_slice(&page.body).expect("JSON");
    let names = page["servers"].as_array().expect("servers").iter();
    let names: BTreeSet<_> = names.map(|it| it["name"].as_str().expect("a name")).collect();
    assert_eq!(names, BTreeSet::from(["everything", "fetch", "secure-one"]), "{page}");
    let requests = Path::new(ready["logs"].as_str().expect("a folder")).join("access.log");
    within("the call in the access log", async {
        let is_it = |line: &Value| line["mcp_name"] == "lock" && line["mcp_outcome"] == "ok";
        let lines = || std::fs::read_to_string(&requests).expect("the log");
        while !lines().lines().filter_map(|it| serde_json::from_str(it).ok()).any(|it| is_it(&it)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;

    // Arguments that a bridge alone would not take.
    let long = "x".repeat(300_000);
    let called = call(port, "everything__echo", &json!({"message": long})).await;
    let text = called["result"]["content"][0]["text"].as_str().map(str::len);
    assert!(text > Some(300_000), "{text:?}");

    // A fault changes nothing.
    std::fs::write(&file, "{\n  \"mcpServers\": {\"everything\": {\"comand\": \"x\"}}\n}")
        .expect("written");
    let refused = running.until("refused").await;
    let line = refused["line"].as_str().expect("a line");
    assert!(
        line.contains("claude_desktop_config.json:2:33: mcpServers.everything: the unknown field"),
        "{line}"
    );
    assert!(tools(&url).await.contains(&"fetch__fetch".to_owned()));

    // One server less, one more, one with another secret.
    let more = Upstream::named("more").tools(&["one"]).start().await;
    servers = json!({
        "everything": everything(), "Secure One": remote("second"),
        "more": {"url": format!("http://{}/mcp", more.address)},
    });
    // The older transport needs the native host.
    let old = SseServer::named("old").await;
    if Host::tested() == Host::Module {
        servers["old"] = json!({"type": "sse", "url": format!("http://{}/sse", old.address)});
    }
    write(&file, &servers);
    let changed = running.until("changed").await;
    assert_eq!(of(&changed, "more")["tools"], 1, "{changed}");
    if Host::tested() == Host::Module {
        let old = of(&changed, "old");
        assert_eq!((&old["tools"], &old["era"]), (&json!(1), &json!("sessions (2024-11-05)")));
    }
    let names = tools(&url).await;
    assert!(
        names.contains(&"more__one".to_owned()) && !names.contains(&"fetch__fetch".to_owned()),
        "{names:?}"
    );
    let seen = secure.seen_of("tools/list").pop().expect("a request");
    assert_eq!(seen.header("authorization"), Some("Bearer second"));

    come_back(&mut running, port).await;
    assert_eq!(running.signal("-INT").await, 0);
    assert_eq!(running.others(), [], "something is left");
}

#[tokio::test]
async fn a_server_that_is_not_there_says_why_and_none_is_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("servers.json");
    let closed = mcp_mux_tests::process::ClosedPort::reserve();
    let denied = Upstream::named("denied").start().await;
    for method in ["server/discover", "initialize"] {
        denied.answer(method, |_| mcp_mux_tests::Answer::whole(401, "text/plain", "no"));
    }
    write(
        &file,
        &json!({
            "denied": {"url": format!("http://{}/mcp", denied.address)},
            "missing": {"command": "no-such-program"},
            "closed": {"url": format!("http://{}/mcp", closed.address)},
        }),
    );
    let mut running = Running::start(&file, free_port().await, &[]);
    let mut faults = Vec::new();
    for _ in 0..3 {
        let server = running.until("server").await["server"].clone();
        faults.push(format!("{} {}", server["name"], server["fault"]));
    }
    let all = faults.join("\n");
    for words in ["401 Unauthorized", "no-such-program: not found", "Connection refused"] {
        assert!(all.contains(words), "{all}");
    }
    let (code, stderr) = running.end().await;
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("no server answers"), "{stderr}");
    assert_eq!(running.others(), [], "something is left");
}

#[tokio::test]
async fn one_that_is_killed_leaves_neither_processes_nor_secrets() {
    let remote = Upstream::named("remote").tools(&["one"]).start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (file, temporary) = (folder.path().join("servers.json"), folder.path().join("tmp"));
    std::fs::create_dir(&temporary).expect("a folder");
    let headers = json!({"Authorization": "Bearer s3cret"});
    write(
        &file,
        &json!({
            "everything": everything(),
            "remote": {"url": format!("http://{}/mcp", remote.address), "headers": headers},
        }),
    );
    let environment = [("TMPDIR", temporary.to_str().expect("UTF-8"))];
    let mut running = Running::start(&file, free_port().await, &environment);
    running.until("ready").await;
    let others = running.others();
    for program in ["envoy", "supergateway"] {
        assert!(others.iter().any(|(_, command)| command.contains(program)), "{others:?}");
    }
    let secrets = || {
        let entries = std::fs::read_dir(&temporary).expect("the folder").flatten();
        let ours = entries.filter(|it| it.file_name().to_string_lossy().starts_with("mcp-mux-"));
        ours.map(|it| it.path()).collect::<Vec<_>>()
    };
    assert_eq!(secrets().len(), 1);
    running.kill().await;
    assert_eq!(secrets(), Vec::<PathBuf>::new());
}
