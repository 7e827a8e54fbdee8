//! What becomes of a fault of the native host: its hook panics, and nothing but its request ends.
//!
//! The module is built once more for this, with the feature `panics`, which has a hook panic where its request
//! asks for it. In WebAssembly a fault ends the virtual machine, which Envoy makes anew.

use std::process::Command;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::{Client, Setup, Upstream, repository};
use serde_json::Value;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a__echo"}}"#;

/// Builds that module, among the rest of the workspace's, so that only what the feature changes is compiled
/// again; the folder that it is in.
fn module() -> String {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--workspace", "--lib"])
        .args(["--features", "mcp-mux-module/panics", "--message-format", "json"])
        .current_dir(repository("."))
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let folder = repository("target/panics");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(library(&built.stdout), folder.join("libmcp_mux.so")).expect("the module");
    folder.to_str().expect("a path in UTF-8").to_owned()
}

/// Where the library is, of which Cargo tells in lines of JSON.
fn library(messages: &[u8]) -> String {
    let lines = messages.split(|&byte| byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut files = messages.flat_map(|it| it["filenames"].as_array().cloned().unwrap_or_default());
    let is_module =
        |file: &Value| file.as_str().is_some_and(|it| it.ends_with("libmcp_mux_module.so"));
    let file = files.find(is_module).expect("a library among what was built");
    file.as_str().expect("a path").to_owned()
}

#[tokio::test]
async fn a_panic_ends_its_request_and_nothing_else() {
    if Host::tested() == Host::Wasm {
        return;
    }
    let a = Upstream::named("a").start().await;
    let sse = Upstream::named("sse").sse_answers().start().await;
    let setup = Setup::new().upstream(&a).upstream(&sse);
    let envoy = setup.module_in(&module()).start().await;
    let client = Client::open(&envoy).await;
    for part in ["RequestHead", "RequestBody", "ResponseHead", "ResponseBody"] {
        for _ in 0..2 {
            let reply = client.post(CALL).header("x-panic", part).send().await;
            assert_eq!(reply.status, 500, "{part}: {reply:?}");
            assert!(reply.text().contains("a fault of the gateway"), "{part}: {reply:?}");
        }
        assert_eq!(client.call_text("a__echo").await, "a:echo", "after {part}");
    }
    assert_eq!(envoy.breakdowns().await, 8);

    // What has begun is cut off.
    let call = CALL.replace("a__", "sse__");
    let reply = client.post(call).header("x-panic", "ResponseBody").send().await;
    assert!(!reply.complete || reply.status == 500, "{reply:?}");
    assert_eq!(client.call_text("sse__echo").await, "sse:echo");
    assert_eq!(envoy.breakdowns().await, 9);

    // Each place has a line of the log, once.
    let log = envoy.log();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("a fault of the filter")).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("panics.rs")), "{lines:?}");
}
