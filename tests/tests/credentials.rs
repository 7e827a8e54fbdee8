//! Credentials of servers that change while everything runs: Envoy has them from a file, and adds them at the cluster.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mcp_mux_tests::host::Host;
use mcp_mux_tests::http_sse::SseServer;
use mcp_mux_tests::{Client, Envoy, Request, Seen, Setup, Upstream, within};
use serde_json::json;

/// How often the secret changes.
const CHANGES: usize = 5;

/// The file that says in which other one the secret is, renamed into place as Envoy expects it. At level `debug` Envoy
/// logs what stands in the first.
fn write(file: &Path, secret: &str) {
    let token = file.with_file_name(&secret[..secret.len() - "-of-the-server".len()]);
    std::fs::write(&token, format!("Bearer {secret}")).expect("written");
    let secret = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": "a-token",
        "generic_secret": {"secret": {"filename": token}},
    });
    let new = file.with_extension("new");
    std::fs::write(&new, json!({"resources": [secret]}).to_string()).expect("written");
    std::fs::rename(new, file).expect("renamed");
}

fn secret(number: usize) -> String {
    format!("s3cret-{number}-of-the-server")
}

/// Calls until it has been sent with this secret, and so has a list that is asked for then.
async fn until_sent(envoy: &Envoy, name: &str, number: usize, seen: impl Fn(&str) -> Vec<Seen>) {
    let wanted = format!("Bearer {}", secret(number));
    let has = |method: &str| {
        let last = seen(method).pop().expect("a request");
        last.header("authorization") == Some(wanted.as_str())
    };
    let client = Client::open(envoy).await;
    within("a call with the new secret", async {
        loop {
            client.call(name).await.result();
            if has("tools/call") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(client.tool_names().await.iter().any(|it| it == name));
    assert!(has("tools/list"), "the gateway's own requests have it, too");
}

async fn at_debug_level(envoy: &Envoy) {
    let admin = SocketAddr::from(([127, 0, 0, 1], envoy.admin_port()));
    let reply = Request::at(admin, "POST", "/logging?level=debug").send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// What Envoy writes at its most talkative that is still for operators has the requests, and not the secret.
fn is_not_in_the_log(envoy: &Envoy) {
    let log = envoy.log();
    assert!(log.contains("router decoding headers"), "the level is debug");
    let told = log.lines().find(|line| line.contains("of-the-server"));
    assert_eq!(told, None);
}

#[tokio::test]
async fn a_secret_that_changes_is_sent_at_once_no_call_is_lost_and_no_log_has_it() {
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("token.json");
    write(&file, &secret(0));
    let a = Upstream::named("a").start().await;
    let envoy = Setup::new()
        .upstream(&a)
        .credential("authorization", "a-token", &file)
        .alone()
        .concurrency(2)
        .start()
        .await;
    at_debug_level(&envoy).await;
    let changes = async {
        for number in 0..=CHANGES {
            write(&file, &secret(number));
            until_sent(&envoy, "a__echo", number, |method| a.seen_of(method)).await;
        }
    };
    // Each answer is looked at: none may be an error.
    let calls = async {
        let client = Client::open(&envoy).await;
        loop {
            client.call("a__echo").await.result();
        }
    };
    tokio::select! {
        () = changes => {}
        () = calls => {}
    }
    let known: Vec<String> = (0..=CHANGES).map(|it| format!("Bearer {}", secret(it))).collect();
    for seen in a.seen() {
        let sent = seen.header("authorization").expect("a credential").to_owned();
        assert!(known.contains(&sent), "{seen:?}");
    }
    is_not_in_the_log(&envoy);
}

/// What the native host asks on Envoy's main thread passes the same way.
#[tokio::test]
async fn a_server_of_the_older_transport_gets_it_too() {
    if Host::tested() == Host::Wasm {
        return;
    }
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("token.json");
    write(&file, &secret(0));
    let old = SseServer::named("old").await;
    let fields = json!({"transport": "sse"});
    let envoy = Setup::new()
        .upstream_at("old", old.address, &fields)
        .credential("authorization", "a-token", &file)
        .alone()
        .start()
        .await;
    at_debug_level(&envoy).await;
    for number in 0..2 {
        write(&file, &secret(number));
        until_sent(&envoy, "old__echo", number, |method| old.seen_of(method)).await;
    }
    let opened = old.seen_of("GET");
    assert!(opened.iter().all(|seen| seen.header("authorization").is_some()), "{opened:?}");
    is_not_in_the_log(&envoy);
}
